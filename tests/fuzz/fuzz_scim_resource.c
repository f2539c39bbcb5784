/* fuzz_scim_resource.c - any body as a user or group: read, shown, projected, mapped to mail.
 *
 * The first byte chooses the type and the parameter, then comes the parameter up to a line feed, then the body. What
 * was read is read again as the same, also from what is shown; nothing secret or foreign gets through. */
#include "fuzz.h"

#include "base/text.h"
#include "document/scim_resource.h"
#include "scim/scim_mail.h"

#define BASE SPAN_LITERAL("https://mail.example.com/scim/v2")

static const struct client client = {
    .domains = {"example.com example.org", 23},
    .default_domain = {"example.com", 11},
    .group_template = {"%s@example.org", 14},
    .rights = CLIENT_USERS | CLIENT_GROUPS | CLIENT_FORWARD,
};

static void check_refused(const struct scim_error *error)
{
    assert(error->status == 400 || error->status == 413);
    assert(error->detail.text[0] != '\0' && text_utf8(span_of(error->detail.text)));
}

static void check_own(const struct provision_list *list)
{
    assert(list->count <= PROVISION_LIST_MAX);
    for (size_t i = 0; i < list->count; i++) {
        struct address address;
        struct error error;
        assert(address_parse(list->items[i], &address, &error));
        assert(client_may_write(&client, address_domain(&address)));
    }
}

static void check_mail(enum scim_schema_resource resource, const struct json *document)
{
    struct arena arena = {0};
    struct scim_error error = {0};
    struct provision_user user;
    struct provision_group group;
    if (resource == SCIM_SCHEMA_GROUPS) {
        if (scim_mail_group(&client, document, &arena, &group, &error)) {
            check_own(&group.addresses.list);
            assert(group.kind == GROUP_ROWS_ACCESS || group.addresses.list.count > 0);
            scim_mail_group_keep_address(&client, document, SPAN_LITERAL("old@example.org"), &arena,
                                         &group);
            check_own(&group.addresses.list);
        } else {
            check_refused(&error);
        }
    } else if (scim_mail_user(&client, document, &arena, &user, &error)) {
        check_own(&user.addresses.list);
        check_own(&user.send_as);
        assert(user.set_addresses && account_name_valid(user.full_name));
        assert(!user.mailbox || user.addresses.list.count > 0);
    } else {
        check_refused(&error);
    }
    arena_done(&arena);
}

/* What was kept is what would be kept of what is shown. */
static void check_again(enum scim_schema_resource resource, const struct json *document,
                        const struct json *whole)
{
    struct scim_error error = {0};
    CLEANUP(json_cleanup) struct json *again = scim_resource_read(resource, whole, &error);
    if (again == NULL) {
        assert(error.status == 413); /* by what is added to it */
        return;
    }
    CLEANUP(json_cleanup) struct json *expected = json_clone(document);
    json_remove(expected, "password");
    if (resource == SCIM_SCHEMA_GROUPS) {
        json_remove(expected, "members");
        json_remove(again, "members");
    } else {
        json_remove(expected, "active");
        json_remove(again, "active");
    }
    assert(json_same(again, expected));
}

/* With everything beside the document, or nothing of it. What is taken is made anew for each. */
static struct json *show(enum scim_schema_resource resource, const struct json *document,
                         const struct scim_projection *projection, bool more)
{
    const struct json *members = json_member(document, "members");
    const struct json *emails = json_member(document, "emails");
    bool listed = more && resource == SCIM_SCHEMA_GROUPS && json_kind(members) == JSON_KIND_ARRAY;
    struct scim_resource_shown shown = {.resource = resource,
                                        .id = SPAN_LITERAL("5f1c"),
                                        .version = 5,
                                        .created = more ? -1 : INT64_MAX,
                                        .changed = 2,
                                        .document = document,
                                        .members = listed ? json_clone(members) : NULL};
    if (more && resource == SCIM_SCHEMA_USERS) {
        shown.last_login = 951782400;
        shown.effective_addresses = json_new_array();
        shown.groups = json_kind(emails) == JSON_KIND_ARRAY ? json_clone(emails) : NULL;
        if (shown.groups != NULL) {
            json_append_text(shown.effective_addresses, SPAN_LITERAL("a@example.com"));
        }
    }
    return scim_resource_show(&shown, BASE, projection);
}

static void check_shown(enum scim_schema_resource resource, const struct json *document,
                        struct span parameter, unsigned choice)
{
    struct arena arena = {0};
    struct scim_error error = {0};
    struct scim_projection projection;
    bool exclude = (choice & 2) != 0, more = (choice & 8) == 0;
    CLEANUP(json_cleanup) struct json *whole = show(resource, document, NULL, more);
    assert(json_size(json_member(whole, "schemas")) >= 1);
    assert(resource != SCIM_SCHEMA_USERS || json_member(whole, "password") == NULL);
    check_again(resource, document, whole);
    struct span none = {0};
    if (scim_projection_read(resource, exclude ? none : parameter, exclude ? parameter : none,
                             &arena, &projection, &error)) {
        CLEANUP(json_cleanup) struct json *part = show(resource, document, &projection, more);
        struct json_cursor cursor = {0};
        assert(json_member(part, "id") != NULL && json_member(part, "schemas") != NULL);
        while (json_next(part, &cursor)) {
            assert(json_member(whole, cursor.name) != NULL);
        }
    } else {
        check_refused(&error);
    }
    arena_done(&arena);
}

/* What is immutable stays when it is left out, and nothing else can be put in its place. */
static void check_immutable(const struct json *document)
{
    struct scim_error error = {0};
    struct span host;
    CLEANUP(json_cleanup) struct json *after = json_new_object();
    CLEANUP(json_cleanup) struct json *other = json_new_object();
    struct json *mail = json_new_object();
    json_put_text(mail, "mailHost", SPAN_LITERAL("another one"));
    json_put(other, SCIM_SCHEMA_MAIL_USER, mail);
    bool set = json_text(json_member(document, SCIM_SCHEMA_MAIL_USER), "mailHost", &host);
    assert(scim_resource_check_immutable(SCIM_SCHEMA_USERS, document, after, &error));
    assert(json_size(after) == (set ? 1 : 0));
    assert(scim_resource_check_immutable(SCIM_SCHEMA_USERS, document, other, &error) ==
           (!set || span_is(host, "another one")));
}

/* What is in the document was in the body. */
static void check_asserted(const struct json *body, const struct json *document)
{
    struct span name;
    const struct json *mail = json_member(document, SCIM_SCHEMA_MAIL_USER);
    assert(json_member(document, "emails") == NULL || scim_resource_asserts(body, "emails"));
    assert(!json_text(mail, "primaryAddress", &name) ||
           scim_resource_asserts_in(body, SCIM_SCHEMA_MAIL_USER, "primaryAddress"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest;
    unsigned choice = fuzz_choice(data, size, &rest);
    struct error wrong;
    struct scim_error error = {0};
    size_t line = span_find(rest, '\n');
    enum scim_schema_resource resource = (choice & 1) != 0 ? SCIM_SCHEMA_GROUPS : SCIM_SCHEMA_USERS;
    CLEANUP(json_cleanup)
    struct json *body = json_parse(span_from(rest, line + 1), JSON_SIZE_MAX, &wrong);
    if (body == NULL) {
        return 0;
    }
    CLEANUP(json_cleanup) struct json *document = scim_resource_read(resource, body, &error);
    if (document == NULL) {
        check_refused(&error);
        return 0;
    }
    CLEANUP(json_cleanup) struct json *again = scim_resource_read(resource, document, &error);
    assert(again != NULL && json_same(again, document));
    check_asserted(body, document);
    if (resource == SCIM_SCHEMA_USERS) {
        check_immutable(document);
    }
    check_mail(resource, document);
    check_shown(resource, document, span_first(rest, line), choice);
    return 0;
}
