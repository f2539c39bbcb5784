/* test_scim_mail.c - what documents mean for mail: vectors/scim_mail.txt. */
#include "vectors.h"

#include "scim/scim_mail.h"

#define MAIL_USER  "urn:ietf:params:scim:schemas:extension:mail:2.0:User"
#define MAIL_GROUP "urn:ietf:params:scim:schemas:extension:mail:2.0:Group"

static struct client client_of(struct span how)
{
    struct client client = {.domains = SPAN_LITERAL("example.com example.org"),
                            .default_domain = SPAN_LITERAL("example.com"),
                            .rights = CLIENT_USERS | CLIENT_GROUPS};
    if (span_ends(how, "no-default")) {
        client.default_domain = (struct span){0};
    }
    if (span_ends(how, "template")) {
        client.group_template = SPAN_LITERAL("%s@example.org");
    }
    client.rights |= span_ends(how, "forward") ? CLIENT_FORWARD : 0;
    return client;
}

static void put(struct buffer *out, const char *name, struct span text)
{
    buffer_format(out, "%s%s=", out->length > 0 ? " " : "", name);
    buffer_add(out, text);
}

static void put_list(struct buffer *out, const char *name, const struct provision_list *list)
{
    put(out, name, (struct span){0});
    for (size_t i = 0; i < list->count; i++) {
        buffer_add_text(out, i == 0 ? "" : ",");
        buffer_add(out, list->items[i]);
    }
}

static void put_number(struct buffer *out, const char *name, int64_t number)
{
    put(out, name, (struct span){0});
    buffer_add_number(out, number);
}

static void put_services(struct buffer *out, unsigned services)
{
    put(out, "services", (struct span){0});
    account_services_write(services, out);
}

/* What is not the default, in a fixed order but for those that are always there. */
static void summarize_user(const struct provision_user *user, struct buffer *out)
{
    assert_true(span_is(user->login_attribute, "userName"));
    assert_true(user->set_addresses);
    put_list(out, "addresses", &user->addresses.list);
    if (!span_empty(user->login_name)) {
        put(out, "login", user->login_name);
    }
    if (user->resource.email_keys.count > 0) {
        put_list(out, "keys", &user->resource.email_keys);
    }
    if (!span_empty(user->full_name)) {
        put(out, "name", user->full_name);
    }
    if (!user->mailbox) {
        buffer_add_text(out, " no-mailbox");
    }
    if (user->quota_bytes != -1) {
        put_number(out, "quota", user->quota_bytes);
    }
    if (user->retention_days != -1) {
        put_number(out, "retention", user->retention_days);
    }
    if (user->services != 0) {
        put_services(out, user->services);
    }
    if (user->on_disable != ACCOUNT_DELIVER) {
        put(out, "disable", span_of(account_on_disable_name(user->on_disable)));
    }
    if (user->forward_to.count > 0) {
        put_list(out, "forward", &user->forward_to);
    }
    buffer_add_text(out, user->keep_copy ? " copy" : "");
    if (user->send_as.count > 0) {
        put_list(out, "send", &user->send_as);
    }
}

static void summarize_group(const struct provision_group *group, struct buffer *out)
{
    assert_true(group->set_owners && group->set_external);
    put(out, "kind", span_of(group_rows_kind_name(group->kind)));
    if (group->addresses.list.count > 0) {
        put_list(out, "addresses", &group->addresses.list);
    }
    if (group->senders != GROUP_ROWS_ANYONE) {
        put(out, "senders", span_of(group_rows_senders_name(group->senders)));
    }
    if (group->rights != GROUP_ROWS_LOOK) {
        put(out, "rights", span_of(group_rows_rights_name(group->rights)));
    }
    if (group->owners.count > 0) {
        put_list(out, "owners", &group->owners);
    }
    if (group->external.count > 0) {
        put_list(out, "external", &group->external);
    }
    if (group->quota_bytes != -1) {
        put_number(out, "quota", group->quota_bytes);
    }
    put(out, "name", group->resource.name);
    put(out, "key", group->resource.name_key);
}

static void run_mail(const struct vector *vector)
{
    struct span how = vector->column[1];
    struct client client = client_of(how);
    struct arena arena = {0};
    struct error wrong = {"no error"};
    struct scim_error error = {0};
    struct provision_user user;
    struct provision_group group;
    bool mapped;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(100000);
    {
        /* What was made of the document does not need it any more. */
        CLEANUP(json_cleanup)
        struct json *document = json_parse(vector->column[2], JSON_SIZE_MAX, &wrong);
        vector_must(vector, document != NULL, wrong.text);
        mapped = span_starts(how, "group")
                     ? scim_mail_group(&client, document, &arena, &group, &error)
                     : scim_mail_user(&client, document, &arena, &user, &error);
    }
    if (!mapped) {
        buffer_format(&out, "%d %s %s", error.status, scim_error_type_name(error.type),
                      error.detail.text);
        vector_same(vector, span_first(buffer_span(&out), vector->column[3].length),
                    vector->column[3]);
    } else {
        if (span_starts(how, "group")) {
            summarize_group(&group, &out);
        } else {
            summarize_user(&user, &out);
        }
        vector_same(vector, buffer_span(&out), vector->column[3]);
    }
    arena_done(&arena);
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("scim_mail.txt", 50, run_mail);
}

static void test_keys(void **state)
{
    (void)state;
    struct error wrong;
    struct scim_error error;
    struct provision_user user;
    struct arena arena = {0};
    struct client client = client_of((struct span){0});
    CLEANUP(json_cleanup)
    struct json *document = json_parse(
        SPAN_LITERAL("{\"userName\":\"Mira\",\"externalId\":\"X\",\"displayName\":\"M V\"}"),
        JSON_SIZE_MAX, &wrong);
    assert_true(scim_mail_user(&client, document, &arena, &user, &error));
    assert_true(span_is(user.resource.name, "Mira") && span_is(user.resource.name_key, "mira"));
    assert_true(span_is(user.resource.external_id, "X"));
    assert_true(span_is(user.resource.display_key, "m v"));
    assert_int_equal(user.state, PROVISION_KEEP);
    assert_true(span_empty(user.resource.id) && user.before == NULL && !user.set_password);
    arena_done(&arena);
}

static struct json *with_aliases(size_t count)
{
    struct json *document = json_new_object(), *list = json_new_array(), *mail = json_new_object();
    for (size_t i = 0; i < count; i++) {
        char text[40];
        snprintf(text, sizeof text, "a%zu@example.com", i);
        json_append_text(list, span_of(text));
    }
    json_put_text(document, "userName", SPAN_LITERAL("u"));
    json_put(mail, "aliases", list);
    json_put(document, "urn:ietf:params:scim:schemas:extension:mail:2.0:User", mail);
    return document;
}

static void test_too_many(void **state)
{
    (void)state;
    struct scim_error error;
    struct provision_user user;
    struct arena arena = {0};
    struct client client = client_of((struct span){0});
    CLEANUP(json_cleanup) struct json *most = with_aliases(PROVISION_LIST_MAX - 1);
    CLEANUP(json_cleanup) struct json *more = with_aliases(PROVISION_LIST_MAX);
    assert_true(scim_mail_user(&client, most, &arena, &user, &error));
    assert_int_equal(user.addresses.list.count, PROVISION_LIST_MAX);
    assert_false(scim_mail_user(&client, more, &arena, &user, &error));
    assert_int_equal(error.status, 400);
    assert_string_equal(error.detail.text, "aliases: too many addresses");
    arena_done(&arena);
}

/* Problems name what told the address. */
static void test_attributes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"userName\":\"u\",\"emails\":[{\"value\":\"a@example.com\"},{\"value\":\"b@example."
         "com\"}],"
         "\"" MAIL_USER "\":{\"aliases\":[\"c@example.com\",\"a@example.com\",\"d@example.com\"]}}",
         "emails emails aliases aliases"},
        {"{\"userName\":\"u\",\"" MAIL_USER "\":{\"aliases\":[\"c@example.com\"]}}",
         "userName aliases"},
        {"{\"userName\":\"u\",\"emails\":[{\"value\":\"a@example.com\"}],"
         "\"" MAIL_USER "\":{\"primaryAddress\":\"p@example.com\"}}",
         "primaryAddress emails"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error wrong;
        struct scim_error error;
        struct provision_user user;
        struct arena arena = {0};
        struct client client = client_of((struct span){0});
        CLEANUP(buffer_done) struct buffer out = buffer_limited(1000);
        CLEANUP(json_cleanup)
        struct json *document = json_parse(span_of(cases[i][0]), JSON_SIZE_MAX, &wrong);
        assert_true(scim_mail_user(&client, document, &arena, &user, &error));
        for (size_t j = 0; j < user.addresses.list.count; j++) {
            buffer_add_text(&out, j == 0 ? "" : " ");
            buffer_add_text(&out, provision_addresses_attribute(&user.addresses, j));
        }
        assert_true(span_is(buffer_span(&out), cases[i][1]));
        arena_done(&arena);
    }
}

/* A new displayName does not move the address that came from the template (5.5). */
static void test_keep_address(void **state)
{
    (void)state;
    static const struct {
        const char *how, *document, *given, *expected;
    } cases[] = {
        {"group-template", "{\"displayName\":\"New\"}", "old@example.org x@example.com",
         "old@example.org"},
        {"group-template", "{\"displayName\":\"New\"}", "", "new@example.org"},
        {"group-template",
         "{\"displayName\":\"New\",\"" MAIL_GROUP "\":{\"address\":\"a@example.com\"}}",
         "old@example.org", "a@example.com"},
        {"group", "{\"displayName\":\"New\",\"" MAIL_GROUP "\":{\"address\":\"a@example.com\"}}",
         "old@example.org", "a@example.com"},
        {"group-template",
         "{\"displayName\":\"New\",\"" MAIL_GROUP
         "\":{\"kind\":\"list\",\"aliases\":[\"old@example.org\",\"b@example.com\"]}}",
         "old@example.org", "old@example.org,b@example.com"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error wrong;
        struct scim_error error;
        struct provision_group group;
        struct arena arena = {0};
        struct client client = client_of(span_of(cases[i].how));
        CLEANUP(buffer_done) struct buffer out = buffer_limited(1000);
        CLEANUP(json_cleanup)
        struct json *document = json_parse(span_of(cases[i].document), JSON_SIZE_MAX, &wrong);
        assert_true(scim_mail_group(&client, document, &arena, &group, &error));
        scim_mail_group_keep_address(&client, document, span_of(cases[i].given), &arena, &group);
        put_list(&out, "", &group.addresses.list);
        assert_true(span_is(span_from(buffer_span(&out), 1), cases[i].expected));
        arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),      cmocka_unit_test(test_keys),
        cmocka_unit_test(test_too_many),     cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_keep_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
