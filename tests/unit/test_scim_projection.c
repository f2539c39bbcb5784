/* test_scim_projection.c - attributes and excludedAttributes (N25): vectors/scim_projection.txt. */
#include "vectors.h"

#include "document/scim_projection.h"

static enum scim_schema_resource resource_of(struct span name)
{
    return span_is(name, "group") ? SCIM_SCHEMA_GROUPS : SCIM_SCHEMA_USERS;
}

/* id, type, attributes, excludedAttributes, the resource, what is left of it. */
static void run_projection(const struct vector *vector)
{
    struct arena arena = {0};
    struct error wrong = {"no error"};
    struct scim_error error = {0};
    struct scim_projection projection;
    enum scim_schema_resource resource = resource_of(vector->column[1]);
    CLEANUP(buffer_done) struct buffer out = buffer_limited(JSON_SIZE_MAX);
    CLEANUP(json_cleanup)
    struct json *shown = json_parse(vector->column[4], JSON_SIZE_MAX, &wrong);
    vector_must(vector, shown != NULL, wrong.text);
    if (!scim_projection_read(resource, vector->column[2], vector->column[3], &arena, &projection,
                              &error)) {
        vector_same(vector, span_of(scim_error_type_name(error.type)), vector->column[5]);
    } else {
        scim_projection_apply(&projection, resource, shown);
        json_write(shown, &out);
        vector_same(vector, buffer_span(&out), vector->column[5]);
    }
    arena_done(&arena);
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("scim_projection.txt", 25, run_projection);
}

static bool wants(const char *attributes, const char *excluded, const char *urn, const char *name)
{
    struct arena arena = {0};
    struct scim_error error;
    struct scim_projection projection;
    enum scim_schema_resource resource =
        strcmp(name, "members") == 0 ? SCIM_SCHEMA_GROUPS : SCIM_SCHEMA_USERS;
    assert_true(scim_projection_read(resource, span_of(attributes), span_of(excluded), &arena,
                                     &projection, &error));
    const struct scim_schema *extension =
        urn == NULL ? NULL : scim_schema_by_urn(resource, span_of(urn));
    const struct scim_schema_attribute *attribute =
        extension == NULL ? scim_schema_attribute(resource, span_of(name))
                          : scim_schema_find(extension->attributes, span_of(name));
    bool wanted = scim_projection_wants(&projection, extension, attribute);
    arena_done(&arena);
    return wanted;
}

/* Asked before members are loaded: of 10,000 of them. */
static void test_wants(void **state)
{
    (void)state;
    assert_true(wants("", "", NULL, "members"));
    assert_false(wants("", "members", NULL, "members"));
    assert_true(wants("", "members.display", NULL, "members"));
    assert_false(wants("displayName", "", NULL, "members"));
    assert_true(wants("displayName,members.value", "", NULL, "members"));
    assert_true(wants("id", "", NULL, "id"));
    assert_true(wants("", "id", NULL, "id"));
    assert_false(wants("password", "", NULL, "password"));
    assert_false(wants("", "", SCIM_SCHEMA_MAIL_USER, "effectiveAddresses"));
    assert_false(wants("", "userName", SCIM_SCHEMA_MAIL_USER, "effectiveAddresses"));
    assert_false(wants(SCIM_SCHEMA_MAIL_USER, "", SCIM_SCHEMA_MAIL_USER, "effectiveAddresses"));
    assert_true(wants(SCIM_SCHEMA_MAIL_USER ":effectiveAddresses", "", SCIM_SCHEMA_MAIL_USER,
                      "effectiveAddresses"));
    assert_true(wants(SCIM_SCHEMA_MAIL_USER, "", SCIM_SCHEMA_MAIL_USER, "aliases"));
}

static void test_too_many(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct scim_error error;
    struct scim_projection projection;
    CLEANUP(buffer_done) struct buffer text = buffer_limited(10000);
    for (int i = 0; i < SCIM_PROJECTION_PATHS_MAX; i++) {
        buffer_add_text(&text, "userName, ,");
    }
    assert_true(scim_projection_read(SCIM_SCHEMA_USERS, buffer_span(&text), (struct span){0},
                                     &arena, &projection, &error));
    assert_int_equal(projection.count, SCIM_PROJECTION_PATHS_MAX);
    buffer_add_text(&text, "id");
    assert_false(scim_projection_read(SCIM_SCHEMA_USERS, (struct span){0}, buffer_span(&text),
                                      &arena, &projection, &error));
    assert_string_equal(error.detail.text, "excludedAttributes: more than 100");
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_wants),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
