/* test_scim_discovery.c - the documents that describe the service, as clients check them. */
#include "vectors.h"

#include "document/scim_discovery.h"

#define BASE SPAN_LITERAL("https://mail.example.com/scim/v2")

static void same(const struct json *document, const char *expected)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(JSON_SIZE_MAX);
    assert_non_null(document);
    json_write(document, &out);
    if (!span_is(buffer_span(&out), expected)) {
        fail_msg("\n  got      %.*s\n  expected %s", (int)out.length, out.at, expected);
    }
}

static const struct scim_discovery_limits limits = {
    .list_max = 200, .bulk_max = 1000, .body_max = 1048576, .set_password = false};

/* authentik refuses one without patch, bulk, filter, changePassword, sort, authenticationSchemes, bulk.maxOperations, with an empty URL,
 * or with a scheme without description. No `pagination`: strict readers know none (N31). */
static void test_config(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *config = scim_discovery_config(BASE, &limits);
    same(config,
         "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig\"],"
         "\"patch\":{\"supported\":true},\"bulk\":{\"supported\":true,\"maxOperations\":1000,"
         "\"maxPayloadSize\":1048576},\"filter\":{\"supported\":true,\"maxResults\":200},"
         "\"changePassword\":{\"supported\":false},\"sort\":{\"supported\":true},"
         "\"etag\":{\"supported\":true},\"authenticationSchemes\":[{\"type\":\"oauthbearertoken\","
         "\"name\":\"Bearer token\",\"description\":\"A token that `postern scim-token create` "
         "made, sent as `Authorization: Bearer`\",\"specUri\":\"https://www.rfc-editor.org/info/"
         "rfc6750\",\"primary\":true}],\"meta\":{\"resourceType\":\"ServiceProviderConfig\","
         "\"location\":\"https://mail.example.com/scim/v2/ServiceProviderConfig\"}}");
    struct scim_discovery_limits other = limits;
    other.set_password = true;
    CLEANUP(json_cleanup) struct json *with = scim_discovery_config(BASE, &other);
    bool supported = false;
    assert_true(json_boolean(json_member(with, "changePassword"), "supported", &supported));
    assert_true(supported);
}

#define USER_TYPE                                                                                  \
    "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:ResourceType\"],\"id\":\"User\","       \
    "\"name\":\"User\",\"endpoint\":\"/Users\",\"description\":\"A person, and what it needs for " \
    "mail\",\"schema\":\"" SCIM_SCHEMA_USER                                                        \
    "\",\"schemaExtensions\":[{\"schema\":\"" SCIM_SCHEMA_ENTERPRISE                               \
    "\",\"required\":false},{\"schema\":\"" SCIM_SCHEMA_MAIL_USER                                  \
    "\",\"required\":false}],\"meta\":{\"resourceType\":\"ResourceType\",\"location\":"            \
    "\"https://mail.example.com/scim/v2/ResourceTypes/User\"}}"

static void check_list(const struct json *list, int64_t expected)
{
    int64_t total = 0, page = 0, start = 0;
    assert_true(json_number(list, "totalResults", &total) && total == expected);
    assert_true(json_number(list, "itemsPerPage", &page) && page == expected);
    assert_true(json_number(list, "startIndex", &start) && start == 1);
    assert_int_equal(json_size(json_member(list, "Resources")), expected);
    assert_true(
        span_is(json_value_text(json_item(json_member(list, "schemas"), 0)), SCIM_SCHEMA_LIST));
}

static void test_resource_types(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *list = scim_discovery_resource_types(BASE);
    CLEANUP(json_cleanup)
    struct json *user = scim_discovery_resource_type(BASE, SPAN_LITERAL("User"));
    CLEANUP(json_cleanup)
    struct json *group = scim_discovery_resource_type(BASE, SPAN_LITERAL("group"));
    check_list(list, 2);
    same(user, USER_TYPE);
    assert_true(json_same(json_item(json_member(list, "Resources"), 0), user));
    assert_true(json_same(json_item(json_member(list, "Resources"), 1), group));
    assert_int_equal(json_size(json_member(group, "schemaExtensions")), 1);
    assert_null(scim_discovery_resource_type(BASE, SPAN_LITERAL("Device")));
}

static const struct json *attribute_of(const struct json *list, const char *name)
{
    for (size_t i = 0; i < json_size(list); i++) {
        if (span_is(json_value_text(json_member(json_item(list, i), "name")), name)) {
            return json_item(list, i);
        }
    }
    fail_msg("%s is missing", name);
    return NULL;
}

static void test_schema(void **state)
{
    (void)state;
    CLEANUP(json_cleanup)
    struct json *user = scim_discovery_schema(BASE, SPAN_LITERAL(SCIM_SCHEMA_USER));
    const struct json *attributes = json_member(user, "attributes");
    assert_true(span_is(json_value_text(json_member(user, "id")), SCIM_SCHEMA_USER));
    assert_true(span_is(json_value_text(json_member(user, "name")), "User"));
    assert_true(span_is(json_value_text(json_member(json_member(user, "meta"), "location")),
                        "https://mail.example.com/scim/v2/Schemas/" SCIM_SCHEMA_USER));
    same(attribute_of(attributes, "userName"),
         "{\"name\":\"userName\",\"type\":\"string\",\"multiValued\":false,\"description\":\"The "
         "name to sign in with, unique without regard to case\",\"required\":true,\"caseExact\":"
         "false,\"mutability\":\"readWrite\",\"returned\":\"default\",\"uniqueness\":\"server\"}");
    same(
        attribute_of(attributes, "active"),
        "{\"name\":\"active\",\"type\":\"boolean\",\"multiValued\":false,\"description\":\"Whether "
        "the person may sign in and send\",\"required\":false,\"mutability\":\"readWrite\","
        "\"returned\":\"default\",\"uniqueness\":\"none\"}");
    const struct json *password = attribute_of(attributes, "password");
    assert_true(span_is(json_value_text(json_member(password, "mutability")), "writeOnly"));
    assert_true(span_is(json_value_text(json_member(password, "returned")), "never"));
    const struct json *emails = attribute_of(attributes, "emails");
    same(json_member(attribute_of(json_member(emails, "subAttributes"), "type"), "canonicalValues"),
         "[\"work\",\"home\",\"other\"]");
    const struct json *groups = attribute_of(attributes, "groups");
    same(json_member(attribute_of(json_member(groups, "subAttributes"), "$ref"), "referenceTypes"),
         "[\"Group\"]");
}

/* All of them, each as it is alone; the common attributes and the messages are in none (N8). */
static void test_schemas(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *list = scim_discovery_schemas(BASE);
    const struct json *all = json_member(list, "Resources");
    check_list(list, 5);
    for (size_t i = 0; i < json_size(all); i++) {
        struct span urn = json_value_text(json_member(json_item(all, i), "id"));
        CLEANUP(json_cleanup) struct json *alone = scim_discovery_schema(BASE, urn);
        assert_true(json_same(alone, json_item(all, i)));
        const struct json *attributes = json_member(alone, "attributes");
        for (size_t k = 0; k < json_size(attributes); k++) {
            struct span name = json_value_text(json_member(json_item(attributes, k), "name"));
            assert_false(span_is(name, "id") || span_is(name, "meta") || span_is(name, "schemas"));
        }
    }
    assert_null(scim_discovery_schema(BASE, SPAN_LITERAL(SCIM_SCHEMA_PATCH)));
    assert_null(scim_discovery_schema(BASE, SPAN_LITERAL("urn:x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_resource_types),
        cmocka_unit_test(test_schema),
        cmocka_unit_test(test_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
