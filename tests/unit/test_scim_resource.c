/* test_scim_resource.c - bodies to documents (vectors/scim_resource.txt), documents to what clients get. */
#include "vectors.h"

#include "document/scim_resource.h"

#define BASE SPAN_LITERAL("https://mail.example.com/scim/v2")

static struct json *parse(struct span text)
{
    struct error error = {"no error"};
    struct json *document = json_parse(text, JSON_SIZE_MAX, &error);
    if (document == NULL) {
        fail_msg("%s: %.*s", error.text, (int)text.length, text.at);
    }
    return document;
}

static struct json *must(const char *text)
{
    return parse(span_of(text));
}

/* Written into `out`, which lives until the next call. */
static struct span written(const struct json *document)
{
    static struct buffer out;
    buffer_done(&out);
    out = buffer_limited(JSON_SIZE_MAX);
    json_write(document, &out);
    return buffer_span(&out);
}

static void same(const struct json *document, const char *expected)
{
    struct span got = written(document);
    if (!span_is(got, expected)) {
        fail_msg("\n  got      %.*s\n  expected %s", (int)got.length, got.at, expected);
    }
}

static struct span told(const struct scim_error *error, char text[700])
{
    const char *type = scim_error_type_name(error->type);
    snprintf(text, 700, "%d %s %s", error->status, type == NULL ? "-" : type, error->detail.text);
    return span_of(text);
}

static enum scim_schema_resource resource_of(struct span name)
{
    return span_is(name, "group") ? SCIM_SCHEMA_GROUPS : SCIM_SCHEMA_USERS;
}

static void run_body(const struct vector *vector)
{
    char text[700];
    struct scim_error error = {0};
    enum scim_schema_resource resource = resource_of(vector->column[1]);
    CLEANUP(json_cleanup) struct json *body = parse(vector->column[2]);
    CLEANUP(json_cleanup) struct json *document = scim_resource_read(resource, body, &error);
    if (document == NULL) {
        vector_same(vector, span_first(told(&error, text), vector->column[3].length),
                    vector->column[3]);
        return;
    }
    vector_same(vector, written(document), vector->column[3]);
    /* What was made is what it would be made of: a second sync changes nothing. */
    CLEANUP(json_cleanup) struct json *again = scim_resource_read(resource, document, &error);
    vector_must(vector, again != NULL && json_same(document, again), "differs when read again");
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("scim_resource.txt", 80, run_body);
}

static void test_asserts(void **state)
{
    (void)state;
    CLEANUP(json_cleanup)
    struct json *body = must("{\"EMAILS\":[],\"active\":null,\"urn:postern:scim:schemas:extension:"
                             "mail:2.0:User\":{\"Aliases\":null},\"primaryAddress\":1}");
    assert_true(scim_resource_asserts(body, "emails"));
    assert_true(scim_resource_asserts(body, "active"));
    assert_false(scim_resource_asserts(body, "displayName"));
    assert_true(scim_resource_asserts_in(body, SCIM_SCHEMA_MAIL_USER, "aliases"));
    assert_false(scim_resource_asserts_in(body, SCIM_SCHEMA_MAIL_USER, "primaryAddress"));
    assert_false(scim_resource_asserts_in(body, SCIM_SCHEMA_ENTERPRISE, "aliases"));
}

/* {"userName"|"displayName":"x","<name>":[…]} with `count` values, each another one. */
static struct json *many(const char *required, const char *name, size_t count)
{
    struct json *body = json_new_object();
    struct json *list = json_new_array();
    for (size_t i = 0; i < count; i++) {
        char text[32];
        snprintf(text, sizeof text, "v%zu", i);
        json_append_text(list, span_of(text));
    }
    json_put_text(body, required, SPAN_LITERAL("x"));
    json_put(body, name, list);
    return body;
}

static void test_many(void **state)
{
    (void)state;
    char text[700];
    struct scim_error error = {0};
    CLEANUP(json_cleanup) struct json *most = many("userName", "roles", SCIM_RESOURCE_VALUES_MAX);
    CLEANUP(json_cleanup)
    struct json *document = scim_resource_read(SCIM_SCHEMA_USERS, most, &error);
    assert_non_null(document);
    CLEANUP(json_cleanup)
    struct json *more = many("userName", "roles", SCIM_RESOURCE_VALUES_MAX + 1);
    assert_null(scim_resource_read(SCIM_SCHEMA_USERS, more, &error));
    assert_true(span_is(told(&error, text), "400 invalidValue roles: more than 500 values"));
    /* Members do not count for the size of the document. */
    CLEANUP(json_cleanup)
    struct json *members = many("displayName", "members", SCIM_RESOURCE_MEMBERS_MAX);
    CLEANUP(json_cleanup)
    struct json *group = scim_resource_read(SCIM_SCHEMA_GROUPS, members, &error);
    assert_int_equal(json_size(json_member(group, "members")), SCIM_RESOURCE_MEMBERS_MAX);
    CLEANUP(json_cleanup)
    struct json *crowd = many("displayName", "members", SCIM_RESOURCE_MEMBERS_MAX + 1);
    assert_null(scim_resource_read(SCIM_SCHEMA_GROUPS, crowd, &error));
    assert_true(span_is(told(&error, text), "400 invalidValue members: more than 20000 values"));
}

static void test_many_names(void **state)
{
    (void)state;
    char text[700];
    struct scim_error error = {0};
    CLEANUP(json_cleanup) struct json *body = must("{\"userName\":\"x\"}");
    for (int i = 0; i < 8191; i++) {
        snprintf(text, sizeof text, "%d", i);
        json_put_null(body, text);
    }
    CLEANUP(json_cleanup)
    struct json *document = scim_resource_read(SCIM_SCHEMA_USERS, body, &error);
    same(document, "{\"userName\":\"x\"}");
    json_put_null(body, "more");
    assert_null(scim_resource_read(SCIM_SCHEMA_USERS, body, &error));
    assert_true(span_is(told(&error, text), "400 invalidSyntax body: has too many attributes"));
}

static void test_values(void **state)
{
    (void)state;
    struct scim_error error = {0};
    CLEANUP(json_cleanup)
    struct json *values = must("{\"one\":{\"value\":\"a\"},\"null\":null,\"none\":[],\"wrong\":5,"
                               "\"no\":\"False\",\"words\":\"a, b\"}");
    const struct scim_schema_attribute *emails =
        scim_schema_attribute(SCIM_SCHEMA_USERS, SPAN_LITERAL("emails"));
    const struct scim_schema_attribute *active =
        scim_schema_attribute(SCIM_SCHEMA_USERS, SPAN_LITERAL("active"));
    CLEANUP(json_cleanup)
    struct json *list = scim_resource_value(emails, json_member(values, "one"), &error);
    same(list, "[{\"value\":\"a\"}]");
    CLEANUP(json_cleanup)
    struct json *element = scim_resource_element(emails, json_member(values, "one"), &error);
    same(element, "{\"value\":\"a\"}");
    CLEANUP(json_cleanup)
    struct json *nothing = scim_resource_value(emails, json_member(values, "none"), &error);
    same(nothing, "null");
    CLEANUP(json_cleanup)
    struct json *null = scim_resource_value(active, json_member(values, "null"), &error);
    same(null, "null");
    CLEANUP(json_cleanup)
    struct json *no = scim_resource_value(active, json_member(values, "no"), &error);
    same(no, "false");
    assert_null(scim_resource_value(active, json_member(values, "wrong"), &error));
    assert_string_equal(error.detail.text, "active: must be true or false");
    const struct scim_schema *mail =
        scim_schema_by_urn(SCIM_SCHEMA_USERS, SPAN_LITERAL(SCIM_SCHEMA_MAIL_USER));
    CLEANUP(json_cleanup)
    struct json *words =
        scim_resource_value(scim_schema_find(mail->attributes, SPAN_LITERAL("aliases")),
                            json_member(values, "words"), &error);
    same(words, "[\"a\",\"b\"]");
}

static void test_immutable(void **state)
{
    (void)state;
    struct scim_error error = {0};
    CLEANUP(json_cleanup)
    struct json *none = must("{\"userName\":\"a\"}");
    CLEANUP(json_cleanup)
    struct json *first = must("{\"" SCIM_SCHEMA_MAIL_USER "\":{\"mailHost\":\"a\"}}");
    CLEANUP(json_cleanup)
    struct json *second = must("{\"" SCIM_SCHEMA_MAIL_USER "\":{\"mailHost\":\"b\"}}");
    assert_true(scim_resource_check_immutable(SCIM_SCHEMA_USERS, none, first, &error));
    assert_true(scim_resource_check_immutable(SCIM_SCHEMA_USERS, first, first, &error));
    assert_false(scim_resource_check_immutable(SCIM_SCHEMA_USERS, first, second, &error));
    assert_int_equal(error.type, SCIM_ERROR_MUTABILITY);
    assert_int_equal(error.status, 400);
    assert_string_equal(error.detail.text, "mailHost: is set already and cannot change");
    /* What PUT leaves out stays. */
    CLEANUP(json_cleanup) struct json *bare = must("{\"userName\":\"a\"}");
    assert_true(scim_resource_check_immutable(SCIM_SCHEMA_USERS, first, bare, &error));
    same(bare, "{\"userName\":\"a\",\"" SCIM_SCHEMA_MAIL_USER "\":{\"mailHost\":\"a\"}}");
    CLEANUP(json_cleanup)
    struct json *other = must("{\"" SCIM_SCHEMA_ENTERPRISE "\":{\"division\":\"x\"}}");
    assert_true(scim_resource_check_immutable(SCIM_SCHEMA_USERS, other, none, &error));
    same(none, "{\"userName\":\"a\"}");
}

#define META(type, path)                                                                      \
    "\"meta\":{\"resourceType\":\"" type "\",\"created\":\"2026-11-24T03:05:57Z\","           \
    "\"lastModified\":\"2026-11-24T03:06:00Z\",\"location\":\"https://mail.example.com/scim/" \
    "v2/" path "\",\"version\":\"W/\\\"5\\\"\"}"

static const struct scim_resource_shown plain = {
    .resource = SCIM_SCHEMA_USERS,
    .id = {"u-1", 3},
    .version = 5,
    .created = 1795489557,
    .changed = 1795489560,
    .active = true,
};

static void show(const struct scim_resource_shown *shown, const struct scim_projection *projection,
                 const char *expected)
{
    CLEANUP(json_cleanup) struct json *whole = scim_resource_show(shown, BASE, projection);
    same(whole, expected);
}

static void test_show_user(void **state)
{
    (void)state;
    CLEANUP(json_cleanup)
    struct json *document = must("{\"userName\":\"mira\",\"active\":true,\"password\":\"x\","
                                 "\"emails\":[{\"value\":\"a\"}]}");
    struct scim_resource_shown shown = plain;
    struct scim_projection usual = {0};
    shown.document = document;
    show(&shown, &usual,
         "{\"schemas\":[\"" SCIM_SCHEMA_USER "\"],\"id\":\"u-1\",\"userName\":\"mira\","
         "\"active\":true,\"emails\":[{\"value\":\"a\"}]," META("User", "Users/u-1") "}");
    /* The account's state, whatever the document says; groups with their URLs. */
    shown.active = false;
    CLEANUP(json_cleanup)
    struct json *of = must("{\"g\":[{\"value\":\"g-1\",\"type\":\"direct\"}]}");
    shown.groups = json_clone(json_member(of, "g"));
    show(&shown, NULL,
         "{\"schemas\":[\"" SCIM_SCHEMA_USER "\"],\"id\":\"u-1\",\"userName\":\"mira\","
         "\"active\":false,\"emails\":[{\"value\":\"a\"}],\"groups\":[{\"value\":\"g-1\",\"type\":"
         "\"direct\",\"$ref\":\"https://mail.example.com/scim/v2/Groups/g-1\"}]," META(
             "User", "Users/u-1") "}");
}

static void test_show_request(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *document = must("{\"userName\":\"mira\"}");
    CLEANUP(json_cleanup) struct json *of = must("{\"a\":[\"a@example.com\"]}");
    struct scim_resource_shown shown = plain;
    struct scim_projection usual = {0};
    shown.document = document;
    shown.last_login = 1795489557;
    shown.effective_addresses = json_clone(json_member(of, "a"));
    show(&shown, &usual,
         "{\"schemas\":[\"" SCIM_SCHEMA_USER "\"],\"id\":\"u-1\",\"userName\":\"mira\","
         "\"active\":true," META("User", "Users/u-1") "}");
    shown.effective_addresses = json_clone(json_member(of, "a"));
    show(&shown, NULL,
         "{\"schemas\":[\"" SCIM_SCHEMA_USER "\",\"" SCIM_SCHEMA_MAIL_USER "\"],\"id\":\"u-1\","
         "\"userName\":\"mira\",\"active\":true,\"" SCIM_SCHEMA_MAIL_USER
         "\":{\"lastLogin\":\"2026-11-24T03:05:57Z\",\"effectiveAddresses\":[\"a@example.com\"]}"
         "," META("User", "Users/u-1") "}");
}

/* N13: the core and those extensions that hold something; of what we do not know, no URN. */
static void test_show_schemas(void **state)
{
    (void)state;
    CLEANUP(json_cleanup)
    struct json *document =
        must("{\"userName\":\"mira\",\"urn:acme\":{\"a\":1},\"" SCIM_SCHEMA_ENTERPRISE
             "\":{\"division\":\"x\"}}");
    struct scim_resource_shown shown = plain;
    shown.document = document;
    show(&shown, NULL,
         "{\"schemas\":[\"" SCIM_SCHEMA_USER "\",\"" SCIM_SCHEMA_ENTERPRISE "\"],\"id\":\"u-1\","
         "\"userName\":\"mira\",\"urn:acme\":{\"a\":1},\"" SCIM_SCHEMA_ENTERPRISE
         "\":{\"division\":\"x\"},\"active\":true," META("User", "Users/u-1") "}");
}

static void test_show_group(void **state)
{
    (void)state;
    CLEANUP(json_cleanup)
    struct json *document = must("{\"displayName\":\"sales\",\"members\":[{\"value\":\"old\"}]}");
    CLEANUP(json_cleanup)
    struct json *of = must("{\"m\":[{\"value\":\"u-1\",\"type\":\"User\",\"display\":\"mira\"},"
                           "{\"value\":\"g-2\",\"type\":\"Group\"}]}");
    struct scim_resource_shown shown = plain;
    shown.resource = SCIM_SCHEMA_GROUPS;
    shown.id = SPAN_LITERAL("g-1");
    shown.document = document;
    show(&shown, NULL,
         "{\"schemas\":[\"" SCIM_SCHEMA_GROUP
         "\"],\"id\":\"g-1\",\"displayName\":\"sales\"," META("Group", "Groups/g-1") "}");
    /* Loaded and empty is shown as such: authentik before July 2026 adds nobody to a group that shows no list. */
    struct scim_projection usual = {0};
    shown.members = json_new_array();
    show(&shown, &usual,
         "{\"schemas\":[\"" SCIM_SCHEMA_GROUP
         "\"],\"id\":\"g-1\",\"displayName\":\"sales\",\"members\":[]," META("Group",
                                                                             "Groups/g-1") "}");
    shown.members = json_clone(json_member(of, "m"));
    show(
        &shown, NULL,
        "{\"schemas\":[\"" SCIM_SCHEMA_GROUP "\"],\"id\":\"g-1\",\"displayName\":\"sales\","
        "\"members\":[{\"value\":\"u-1\",\"type\":\"User\",\"display\":\"mira\",\"$ref\":\"https://"
        "mail.example.com/scim/v2/Users/u-1\"},{\"value\":\"g-2\",\"type\":\"Group\",\"$ref\":"
        "\"https://mail.example.com/scim/v2/Groups/g-2\"}]," META("Group", "Groups/g-1") "}");
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},          {-5, "1970-01-01T00:00:00Z"},
        {951782399, "2000-02-28T23:59:59Z"},  {951782400, "2000-02-29T00:00:00Z"},
        {951868800, "2000-03-01T00:00:00Z"},  {4107542399, "2100-02-28T23:59:59Z"},
        {4107542400, "2100-03-01T00:00:00Z"}, {INT64_MAX, "9999-12-31T23:59:59Z"},
    };
    char text[32];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scim_resource_time(cases[i].seconds, text);
        assert_string_equal(text, cases[i].text);
    }
    scim_resource_tag(INT64_MAX, text);
    assert_string_equal(text, "W/\"9223372036854775807\"");
}

static void test_fold(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Mira.Voss@Example.COM", "mira.voss@example.com"},
        {"\xc3\x84PFEL", "\xc3\xa4pfel"},                         /* upper case of a-umlaut */
        {"A\xcc\x88pfel", "\xc3\xa4pfel"},                        /* the same in two characters */
        {"\xe2\x84\xaa", "k"},                                    /* KELVIN SIGN */
        {"\xce\xa3\xce\x91\xce\xa3", "\xcf\x83\xce\xb1\xcf\x83"}, /* no final sigma: one form */
        {"", ""},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(span_is(scim_resource_fold(span_of(cases[i][0]), &arena), cases[i][1]));
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),      cmocka_unit_test(test_asserts),
        cmocka_unit_test(test_many),         cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_values),       cmocka_unit_test(test_immutable),
        cmocka_unit_test(test_show_user),    cmocka_unit_test(test_show_request),
        cmocka_unit_test(test_show_schemas), cmocka_unit_test(test_show_group),
        cmocka_unit_test(test_times),        cmocka_unit_test(test_fold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
