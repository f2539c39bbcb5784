/* test_scim_schema.c - the table of attributes: complete, sound, found whatever the case; errors. */
#include "vectors.h"

#include "document/scim_error.h"
#include "document/scim_schema.h"

static const struct scim_schema_attribute *find(enum scim_schema_resource resource, const char *urn,
                                                const char *name)
{
    const struct scim_schema *schema = scim_schema_by_urn(resource, span_of(urn));
    assert_non_null(schema);
    return scim_schema_find(schema->attributes, span_of(name));
}

/* name, type, then "m" multiple, "r" required, "x" case exact; mutability, returned, uniqueness. */
struct expected {
    const char *name;
    int type;
    const char *flags;
    int mutability, returned, uniqueness;
};

static void check_attributes(const struct scim_schema_attribute *attributes,
                             const struct expected *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct scim_schema_attribute *found =
            scim_schema_find(attributes, span_of(expected[i].name));
        if (found == NULL) {
            fail_msg("%s is missing", expected[i].name);
            return;
        }
        bool same = (int)found->type == expected[i].type &&
                    found->multiple == (strchr(expected[i].flags, 'm') != NULL) &&
                    found->required == (strchr(expected[i].flags, 'r') != NULL) &&
                    found->exact == (strchr(expected[i].flags, 'x') != NULL) &&
                    (int)found->mutability == expected[i].mutability &&
                    (int)found->returned == expected[i].returned &&
                    (int)found->uniqueness == expected[i].uniqueness;
        if (!same) {
            fail_msg("%s is another", expected[i].name);
        }
    }
    size_t there = 0;
    while (attributes[there].name != NULL) {
        there++;
    }
    assert_int_equal(there, count);
}

#define CHECK(attributes, expected) \
    check_attributes(attributes, expected, sizeof(expected) / sizeof *(expected))

enum {
    TEXT = SCIM_SCHEMA_STRING,
    FLAG = SCIM_SCHEMA_BOOLEAN,
    INTEGER = SCIM_SCHEMA_INTEGER,
    DATE = SCIM_SCHEMA_DATETIME,
    LINK = SCIM_SCHEMA_REFERENCE,
    COMPLEX = SCIM_SCHEMA_COMPLEX,
    RO = SCIM_SCHEMA_READ_ONLY,
    IMMUTABLE = SCIM_SCHEMA_IMMUTABLE,
    WO = SCIM_SCHEMA_WRITE_ONLY,
    ALWAYS = SCIM_SCHEMA_ALWAYS,
    NEVER = SCIM_SCHEMA_NEVER,
    REQUEST = SCIM_SCHEMA_REQUEST,
    SERVER = SCIM_SCHEMA_UNIQUE_SERVER,
};

/* RFC 7643, 3.1. */
static void test_common(void **state)
{
    (void)state;
    static const struct expected expected[] = {
        {"schemas", LINK, "mrx", RO, ALWAYS, 0},
        {"id", TEXT, "x", RO, ALWAYS, SERVER},
        {"externalId", TEXT, "x", 0, 0, 0},
        {"meta", COMPLEX, "", RO, 0, 0},
    };
    CHECK(scim_schema_common(), expected);
}

/* RFC 7643, 4.1 and 8.7.1. */
static void test_user(void **state)
{
    (void)state;
    static const struct expected expected[] = {
        {"userName", TEXT, "r", 0, 0, SERVER},
        {"name", COMPLEX, "", 0, 0, 0},
        {"displayName", TEXT, "", 0, 0, 0},
        {"nickName", TEXT, "", 0, 0, 0},
        {"profileUrl", LINK, "x", 0, 0, 0},
        {"title", TEXT, "", 0, 0, 0},
        {"userType", TEXT, "", 0, 0, 0},
        {"preferredLanguage", TEXT, "", 0, 0, 0},
        {"locale", TEXT, "", 0, 0, 0},
        {"timezone", TEXT, "", 0, 0, 0},
        {"active", FLAG, "", 0, 0, 0},
        {"password", TEXT, "x", WO, NEVER, 0},
        {"emails", COMPLEX, "m", 0, 0, 0},
        {"phoneNumbers", COMPLEX, "m", 0, 0, 0},
        {"ims", COMPLEX, "m", 0, 0, 0},
        {"photos", COMPLEX, "m", 0, 0, 0},
        {"addresses", COMPLEX, "m", 0, 0, 0},
        {"groups", COMPLEX, "m", RO, 0, 0},
        {"entitlements", COMPLEX, "m", 0, 0, 0},
        {"roles", COMPLEX, "m", 0, 0, 0},
        {"x509Certificates", COMPLEX, "m", 0, 0, 0},
    };
    CHECK(scim_schema_resource_type(SCIM_SCHEMA_USERS)->core->attributes, expected);
}

static void test_group(void **state)
{
    (void)state;
    static const struct expected expected[] = {
        {"displayName", TEXT, "r", 0, 0, 0},
        {"members", COMPLEX, "m", 0, 0, 0},
    };
    static const struct expected members[] = {
        {"value", TEXT, "rx", IMMUTABLE, 0, 0},
        {"$ref", LINK, "x", IMMUTABLE, 0, 0},
        {"type", TEXT, "", IMMUTABLE, 0, 0},
        {"display", TEXT, "", IMMUTABLE, 0, 0},
    };
    CHECK(scim_schema_resource_type(SCIM_SCHEMA_GROUPS)->core->attributes, expected);
    CHECK(scim_schema_attribute(SCIM_SCHEMA_GROUPS, SPAN_LITERAL("members"))->parts, members);
}

static void test_enterprise(void **state)
{
    (void)state;
    static const struct expected manager[] = {
        {"value", TEXT, "x", 0, 0, 0},
        {"$ref", LINK, "x", 0, 0, 0},
        {"displayName", TEXT, "", RO, 0, 0},
    };
    static const char *const names[] = {"employeeNumber", "costCenter", "organization", "division",
                                        "department"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(find(SCIM_SCHEMA_USERS, SCIM_SCHEMA_ENTERPRISE, names[i])->type, TEXT);
    }
    CHECK(find(SCIM_SCHEMA_USERS, SCIM_SCHEMA_ENTERPRISE, "manager")->parts, manager);
}

static void test_mail_user(void **state)
{
    (void)state;
    static const struct expected expected[] = {
        {"primaryAddress", TEXT, "", 0, 0, SERVER},
        {"aliases", TEXT, "m", 0, 0, 0},
        {"quotaBytes", INTEGER, "", 0, 0, 0},
        {"quotaMessages", INTEGER, "", 0, 0, 0},
        {"mailHost", TEXT, "", IMMUTABLE, 0, 0},
        {"mailboxEnabled", FLAG, "", 0, 0, 0},
        {"forwardTo", TEXT, "m", 0, 0, 0},
        {"keepCopy", FLAG, "", 0, 0, 0},
        {"onDisable", TEXT, "", 0, 0, 0},
        {"retentionDays", INTEGER, "", 0, 0, 0},
        {"sendAs", TEXT, "m", 0, 0, 0},
        {"services", TEXT, "m", 0, 0, 0},
        {"usedBytes", INTEGER, "", RO, REQUEST, 0},
        {"lastLogin", DATE, "", RO, REQUEST, 0},
        {"effectiveAddresses", TEXT, "m", RO, REQUEST, 0},
    };
    CHECK(scim_schema_by_urn(SCIM_SCHEMA_USERS, SPAN_LITERAL(SCIM_SCHEMA_MAIL_USER))->attributes,
          expected);
}

static void test_mail_group(void **state)
{
    (void)state;
    static const struct expected expected[] = {
        {"kind", TEXT, "", 0, 0, 0},
        {"address", TEXT, "", 0, 0, SERVER},
        {"aliases", TEXT, "m", 0, 0, 0},
        {"whoCanSend", TEXT, "", 0, 0, 0},
        {"owners", TEXT, "mx", 0, 0, 0},
        {"externalMembers", TEXT, "m", 0, 0, 0},
        {"quotaBytes", INTEGER, "", 0, 0, 0},
        {"memberRights", TEXT, "", 0, 0, 0},
        {"hideFromDirectory", FLAG, "", 0, 0, 0},
    };
    CHECK(scim_schema_by_urn(SCIM_SCHEMA_GROUPS, SPAN_LITERAL(SCIM_SCHEMA_MAIL_GROUP))->attributes,
          expected);
}

/* Names each once, complex ones with parts and nobody else, at most 31 of them (a mask of the projection). */
static void check_sound(const struct scim_schema_attribute *attributes)
{
    for (size_t i = 0; attributes[i].name != NULL; i++) {
        const struct scim_schema_attribute *one = &attributes[i];
        assert_true(i < 31);
        assert_ptr_equal(scim_schema_find(attributes, span_of(one->name)), one);
        assert_true(one->description != NULL && one->description[0] != '\0');
        assert_int_equal(one->type == SCIM_SCHEMA_COMPLEX, one->parts != NULL);
        assert_int_equal(one->type == SCIM_SCHEMA_REFERENCE, one->references != NULL);
        assert_true(!one->words || (one->multiple && one->type == SCIM_SCHEMA_STRING));
        if (one->parts != NULL) {
            check_sound(one->parts);
        }
    }
}

static void test_sound(void **state)
{
    (void)state;
    size_t count = 0;
    for (const struct scim_schema *const *schema = scim_schema_all(); *schema != NULL; schema++) {
        check_sound((*schema)->attributes);
        assert_ptr_equal(scim_schema_by_urn(SCIM_SCHEMA_NO_RESOURCE, span_of((*schema)->urn)),
                         *schema);
        count++;
    }
    check_sound(scim_schema_common());
    assert_int_equal(count, 5);
}

static void test_find(void **state)
{
    (void)state;
    const struct scim_schema_resource_type *users = scim_schema_resource_type(SCIM_SCHEMA_USERS);
    assert_ptr_equal(scim_schema_resource_named(SPAN_LITERAL("user")), users);
    assert_null(scim_schema_resource_named(SPAN_LITERAL("Users")));
    assert_null(scim_schema_resource_type(SCIM_SCHEMA_NO_RESOURCE));
    assert_string_equal(scim_schema_attribute(SCIM_SCHEMA_USERS, SPAN_LITERAL("USERNAME"))->name,
                        "userName");
    assert_string_equal(scim_schema_attribute(SCIM_SCHEMA_GROUPS, SPAN_LITERAL("externalID"))->name,
                        "externalId");
    assert_null(scim_schema_attribute(SCIM_SCHEMA_GROUPS, SPAN_LITERAL("userName")));
    assert_string_equal(
        scim_schema_attribute(SCIM_SCHEMA_NO_RESOURCE, SPAN_LITERAL("members"))->name, "members");
    assert_null(scim_schema_attribute(SCIM_SCHEMA_USERS, SPAN_LITERAL("")));
}

static void test_urns(void **state)
{
    (void)state;
    static const struct {
        enum scim_schema_resource resource;
        const char *urn, *found;
    } cases[] = {
        {SCIM_SCHEMA_USERS, "URN:ietf:PARAMS:scim:schemas:core:2.0:user", SCIM_SCHEMA_USER},
        {SCIM_SCHEMA_USERS, SCIM_SCHEMA_GROUP, NULL},
        {SCIM_SCHEMA_GROUPS, SCIM_SCHEMA_ENTERPRISE, NULL},
        {SCIM_SCHEMA_GROUPS, SCIM_SCHEMA_MAIL_USER, NULL},
        {SCIM_SCHEMA_USERS, "urn:postern:scim:schemas:extension:mail:2.0:User",
         SCIM_SCHEMA_MAIL_USER},
        {SCIM_SCHEMA_USERS, "urn:ietf:params:scim:schemas:extension:Postern:2.0:User",
         SCIM_SCHEMA_MAIL_USER},
        {SCIM_SCHEMA_GROUPS, "urn:ietf:params:scim:schemas:extension:postern:2.0:Group",
         SCIM_SCHEMA_MAIL_GROUP},
        {SCIM_SCHEMA_USERS, "urn:ietf:params:scim:schemas:extension:postern:2.0:Group", NULL},
        {SCIM_SCHEMA_NO_RESOURCE, "urn:scim:schemas:core:1.0", NULL},
        {SCIM_SCHEMA_USERS, "", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct scim_schema *found =
            scim_schema_by_urn(cases[i].resource, span_of(cases[i].urn));
        assert_int_equal(found == NULL, cases[i].found == NULL);
        assert_true(found == NULL || strcmp(found->urn, cases[i].found) == 0);
        assert_true(found == NULL ||
                    scim_schema_is_extension(found) == (strstr(found->urn, ":core:") == NULL));
    }
}

static void test_error(void **state)
{
    (void)state;
    static const char *const names[] = {NULL,          "invalidFilter", "tooMany",
                                        "uniqueness",  "mutability",    "invalidSyntax",
                                        "invalidPath", "noTarget",      "invalidValue",
                                        "invalidVers", "sensitive"};
    struct scim_error error = {0};
    CLEANUP(buffer_done) struct buffer out = buffer_limited(1000);
    for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
        assert_string_equal(scim_error_type_name((enum scim_error_type)i), names[i]);
    }
    assert_null(scim_error_type_name(SCIM_ERROR_NO_TYPE));
    assert_false(scim_error_set(&error, 409, SCIM_ERROR_UNIQUENESS, "userName: \"%s\"", "a"));
    CLEANUP(json_cleanup) struct json *document = scim_error_json(&error);
    json_write(document, &out);
    assert_true(span_is(buffer_span(&out),
                        "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:Error\"],\"status\":"
                        "\"409\",\"scimType\":\"uniqueness\",\"detail\":\"userName: \\\"a\\\"\"}"));
    buffer_clear(&out);
    scim_error_write(404, SCIM_ERROR_NO_TYPE, NULL, &out);
    assert_true(span_is(buffer_span(&out),
                        "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:Error\"],\"status\":"
                        "\"404\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_common),    cmocka_unit_test(test_user),
        cmocka_unit_test(test_group),     cmocka_unit_test(test_enterprise),
        cmocka_unit_test(test_mail_user), cmocka_unit_test(test_mail_group),
        cmocka_unit_test(test_sound),     cmocka_unit_test(test_find),
        cmocka_unit_test(test_urns),      cmocka_unit_test(test_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
