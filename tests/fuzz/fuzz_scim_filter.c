/* fuzz_scim_filter.c - any bytes as a filter, or as a path: matched, printed and read again, and held against its index. */
#include "fuzz.h"

#include "base/text.h"
#include "document/scim_filter.h"
#include "document/scim_resource.h"

enum { RESOURCES = 6 };

static const char *const TEXTS[RESOURCES] = {
    "{\"id\":\"a\",\"userName\":\"mira\",\"externalId\":\"x\",\"active\":true,\"displayName\":"
    "\"M\","
    "\"emails\":[{\"value\":\"a\",\"type\":\"work\",\"primary\":true},{\"value\":\"b\"}],"
    "\"meta\":{\"created\":\"2026-11-24T03:05:57Z\"}}",
    "{\"id\":\"b\",\"userName\":\"\303\205SA\",\"active\":false,\"name\":{\"givenName\":\"a\"},"
    "\"urn:ietf:params:scim:schemas:extension:mail:2.0:User\":{\"quotaBytes\":5,"
    "\"aliases\":[\"a\",\"b\"]}}",
    "{\"id\":\"c\",\"emails\":[],\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":"
    "{\"manager\":{\"value\":\"a\"}}}",
    "{\"id\":\"a\",\"displayName\":\"M\",\"members\":[{\"value\":\"a\"},{\"value\":\"b\",\"type\":"
    "\"User\"}]}",
    "{\"id\":\"g\",\"displayName\":\"a\"}",
    "{}",
};

static struct json *resources[RESOURCES];

static void read_resources(void)
{
    struct error error;
    for (size_t i = 0; i < RESOURCES && resources[i] == NULL; i++) {
        resources[i] = json_parse(span_of(TEXTS[i]), JSON_SIZE_MAX, &error);
        assert(resources[i] != NULL);
    }
}

/* -- printing -- */

static void print_path(const struct scim_path *path, bool inner, struct buffer *out)
{
    if (!inner && path->extension != NULL) {
        buffer_add_text(out, path->extension->urn);
        buffer_add_text(out, span_empty(path->name) ? "" : ":");
    }
    if (!inner) {
        buffer_add(out, path->name);
    }
    if (!span_empty(path->part_name)) {
        buffer_add_text(out, inner ? "" : ".");
        buffer_add(out, path->part_name);
    } else if (inner) {
        buffer_add_text(out, "value");
    }
}

static void print_value(const struct scim_filter_value *value, struct buffer *out)
{
    switch (value->kind) {
    case JSON_KIND_TEXT:
        json_write_text(value->text, out);
        return;
    case JSON_KIND_NUMBER:
        buffer_add(out, value->text);
        return;
    case JSON_KIND_TRUE:
    case JSON_KIND_FALSE:
        buffer_add_text(out, value->kind == JSON_KIND_TRUE ? "true" : "false");
        return;
    case JSON_KIND_NULL:
        buffer_add_text(out, "null");
        return;
    case JSON_KIND_ABSENT:
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT:
        break;
    }
    assert(false);
}

/* What stands behind an attribute. */
static void print_condition(const struct scim_filter *filter, struct buffer *out)
{
    static const char *const NAMES[] = {"eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le"};
    if (filter->kind == SCIM_FILTER_PRESENT) {
        buffer_add_text(out, " pr");
        return;
    }
    assert(filter->kind == SCIM_FILTER_COMPARE);
    buffer_format(out, " %s ", NAMES[filter->compare]);
    print_value(&filter->value, out);
}

static void print(const struct scim_filter *filter, bool inner, struct buffer *out)
{
    switch (filter->kind) {
    case SCIM_FILTER_AND:
    case SCIM_FILTER_OR:
        buffer_add_byte(out, '(');
        print(filter->left, inner, out);
        buffer_add_text(out, filter->kind == SCIM_FILTER_AND ? ") and (" : ") or (");
        print(filter->right, inner, out);
        buffer_add_byte(out, ')');
        return;
    case SCIM_FILTER_NOT:
        buffer_add_text(out, "not (");
        print(filter->left, inner, out);
        buffer_add_byte(out, ')');
        return;
    case SCIM_FILTER_COMPARE:
    case SCIM_FILTER_PRESENT:
        print_path(&filter->path, inner, out);
        print_condition(filter, out);
        return;
    case SCIM_FILTER_ELEMENT:
        assert(!inner);
        print_path(&filter->path, false, out);
        buffer_add_byte(out, '[');
        print(filter->left, true, out);
        buffer_add_byte(out, ']');
        if (filter->right != NULL) {
            buffer_add_byte(out, '.');
            print_path(&filter->right->path, true, out);
            print_condition(filter->right, out);
        }
        return;
    }
    assert(false);
}

/* -- what must hold -- */

static void check_refusal(const struct scim_error *error, enum scim_error_type type)
{
    struct span detail = span_of(error->detail.text);
    assert(error->status == 400 && error->type == type);
    assert(!span_empty(detail) && text_utf8(detail));
    json_free(scim_error_json(error));
}

/* The parentheses of the print may be more than what is allowed. */
static void check_print(enum scim_schema_resource resource, const struct scim_filter *filter,
                        struct arena *arena)
{
    struct scim_error error;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(1024 * 1024);
    print(filter, false, &out);
    const struct scim_filter *again = scim_filter_parse(resource, buffer_span(&out), arena, &error);
    if (again == NULL) {
        assert(out.length > SCIM_FILTER_MAX || strstr(error.detail.text, "too deep") != NULL);
        return;
    }
    for (size_t i = 0; i < RESOURCES; i++) {
        assert(scim_filter_match(filter, resources[i]) == scim_filter_match(again, resources[i]));
    }
}

/* Whatever matches is found by the index that is to be read instead of all rows. */
static void check_key(enum scim_schema_resource resource, const struct scim_filter *filter,
                      struct arena *arena)
{
    static const char *const NAMES[] = {
        "", "id", "externalId", "userName", "displayName", "emails.value", "members.value"};
    struct scim_error error;
    struct scim_filter_key key = scim_filter_key(filter);
    CLEANUP(buffer_done) struct buffer out = buffer_limited(1024 * 1024);
    if (key.index == SCIM_FILTER_NO_INDEX) {
        return;
    }
    bool group_name = key.index == SCIM_FILTER_BY_NAME && resource == SCIM_SCHEMA_GROUPS;
    buffer_format(&out, "%s eq ", group_name ? "displayName" : NAMES[key.index]);
    json_write_text(key.value, &out);
    const struct scim_filter *one = scim_filter_parse(resource, buffer_span(&out), arena, &error);
    assert(one != NULL || out.length > SCIM_FILTER_MAX);
    for (size_t i = 0; one != NULL && i < RESOURCES; i++) {
        assert(!scim_filter_match(filter, resources[i]) || scim_filter_match(one, resources[i]));
    }
}

static void run_filter(enum scim_schema_resource resource, struct span text)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct scim_error error;
    const struct scim_filter *filter = scim_filter_parse(resource, text, &arena, &error);
    if (filter == NULL) {
        check_refusal(&error, SCIM_ERROR_INVALID_FILTER);
        return;
    }
    assert(text.length <= SCIM_FILTER_MAX && text_utf8(text));
    struct scim_filter not_filter = {.kind = SCIM_FILTER_NOT, .left = filter};
    for (size_t i = 0; i < RESOURCES; i++) {
        assert(scim_filter_match(filter, resources[i]) !=
               scim_filter_match(&not_filter, resources[i]));
    }
    (void)scim_filter_needs_members(filter);
    check_print(resource, filter, &arena);
    check_key(resource, filter, &arena);
}

static void run_path(enum scim_schema_resource resource, struct span text)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct scim_error error;
    struct scim_path path;
    struct span values[4];
    size_t count;
    if (!scim_path_parse(resource, text, true, &arena, &path, &error)) {
        check_refusal(&error, error.type == SCIM_ERROR_INVALID_FILTER ? SCIM_ERROR_INVALID_FILTER
                                                                      : SCIM_ERROR_INVALID_PATH);
        return;
    }
    assert(text.length <= SCIM_PATH_MAX);
    assert(path.part == NULL || path.attribute != NULL);
    for (size_t i = 0; i < RESOURCES; i++) {
        const struct json *value = scim_path_value(&path, resources[i]);
        for (size_t j = 0; path.filter != NULL && j < json_size(value); j++) {
            (void)scim_filter_match_element(path.filter, json_item(value, j));
        }
    }
    if (path.filter != NULL && scim_filter_member_values(path.filter, values, 4, &count)) {
        assert(count >= 1 && count <= 4);
    }
}

/* The first byte: users or groups, filter or path. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text;
    unsigned choice = fuzz_choice(data, size, &text);
    enum scim_schema_resource resource = choice & 1 ? SCIM_SCHEMA_GROUPS : SCIM_SCHEMA_USERS;
    read_resources();
    if (choice & 2) {
        run_path(resource, text);
    } else {
        run_filter(resource, text);
    }
    return 0;
}
