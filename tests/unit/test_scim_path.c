/* test_scim_path.c - paths: vectors/scim_path.txt, their bounds, and the value that they lead to. */
#include "vectors.h"

#include "base/arena.h"
#include "document/scim_filter.h"
#include "document/scim_path.h"

static enum scim_schema_resource resource_of(struct span column)
{
    return span_is(column, "Group") ? SCIM_SCHEMA_GROUPS : SCIM_SCHEMA_USERS;
}

static void show_path(const struct scim_path *path, struct buffer *out)
{
    const struct scim_schema *extension = path->extension;
    buffer_format(out, "%s|", extension == NULL ? "" : extension->name);
    buffer_add_text(out, path->attribute == NULL ? "" : path->attribute->name);
    buffer_add_text(out, path->part == NULL ? "|" : "|.");
    buffer_add_text(out, path->part == NULL ? "" : path->part->name);
    buffer_add_text(out, path->filter == NULL ? "" : "|filter");
    if (path->attribute == NULL && !span_empty(path->name)) {
        buffer_add_text(out, " unknown ");
        buffer_add(out, path->name);
    }
    if (path->part == NULL && !span_empty(path->part_name)) {
        buffer_add_text(out, " unknown part ");
        buffer_add(out, path->part_name);
    }
}

static void run_path(const struct vector *vector)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(SIZE_MAX / 2);
    CLEANUP(arena_done) struct arena arena = {0};
    struct scim_error error = {0};
    struct scim_path path;
    bool brackets = !span_is(vector->column[1], "Plain");
    if (scim_path_parse(resource_of(vector->column[1]), vector->column[2], brackets, &arena, &path,
                        &error)) {
        show_path(&path, &out);
    } else {
        const char *type = scim_error_type_name(error.type);
        buffer_format(&out, "%d %s %s", error.status, type == NULL ? "" : type, error.detail.text);
    }
    vector_same(vector, buffer_span(&out), vector->column[3]);
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("scim_path.txt", 40, run_path);
}

static void check_value(const char *text, const char *expected)
{
    static const char RESOURCE[] =
        "{\"userName\":\"mira\",\"emails\":[{\"value\":\"a\"}],"
        "\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":{\"division\":\"east\"}}";
    CLEANUP(buffer_done) struct buffer out = buffer_limited(SIZE_MAX / 2);
    CLEANUP(arena_done) struct arena arena = {0};
    struct error unread;
    struct scim_error error;
    struct scim_path path;
    CLEANUP(json_cleanup)
    struct json *resource = json_parse(span_of(RESOURCE), sizeof RESOURCE, &unread);
    assert_true(scim_path_parse(SCIM_SCHEMA_USERS, span_of(text), true, &arena, &path, &error));
    const struct json *value = scim_path_value(&path, resource);
    if (expected == NULL) {
        assert_null(value);
        return;
    }
    assert_non_null(value);
    json_write(value == resource ? json_member(resource, "emails") : value, &out);
    buffer_add_byte(&out, '\0');
    if (json_kind(value) == JSON_KIND_TEXT) {
        assert_true(span_is(json_value_text(value), expected));
    } else {
        assert_string_equal(out.at, expected);
    }
}

/* Whatever the filter and the part: the value is the whole attribute's. */
static void test_value(void **state)
{
    (void)state;
    check_value("emails", "[{\"value\":\"a\"}]");
    check_value("EMAILS.value", "[{\"value\":\"a\"}]");
    check_value("emails[value eq \"b\"].type", "[{\"value\":\"a\"}]");
    check_value("urn:ietf:params:scim:schemas:extension:enterprise:2.0:user",
                "{\"division\":\"east\"}");
    check_value("urn:ietf:params:scim:schemas:core:2.0:User", "[{\"value\":\"a\"}]");
    check_value("nickName", NULL);
    check_value("colour", NULL);
    check_value("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter", NULL);
    check_value("urn:ietf:params:scim:schemas:extension:mail:2.0:User", NULL);
    check_value("urn:acme:2.0:User:colour", NULL);
}

static void check_length(size_t length, bool taken)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct scim_error error;
    struct scim_path path;
    char *text = memory_new(length, 1);
    memset(text, 'a', length);
    assert_int_equal(
        scim_path_parse(SCIM_SCHEMA_USERS, span_bytes(text, length), true, &arena, &path, &error),
        taken);
    memory_free(text);
}

static void test_bounds(void **state)
{
    (void)state;
    check_length(SCIM_PATH_MAX, true);
    check_length(SCIM_PATH_MAX + 1, false);
    check_length(0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_value),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
