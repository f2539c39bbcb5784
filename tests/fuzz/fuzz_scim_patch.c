/* fuzz_scim_patch.c - any JSON as a PATCH of any document: all or nothing, what comes out is a document, twice is once. */
#include "fuzz.h"

#include "base/text.h"
#include "document/scim_patch.h"
#include "document/scim_resource.h"

struct given {
    enum scim_schema_resource resource;
    bool immutable_allowed;
    const struct json *body, *present;
};

static void check_members(const struct scim_patch_members *members)
{
    CLEANUP(json_cleanup) struct json *seen = json_new_object();
    CLEANUP(arena_done) struct arena arena = {0};
    struct span id;
    assert(members->touched || (members->add == NULL && members->remove == NULL));
    assert(!members->clears || members->remove == NULL);
    for (size_t i = 0; i < json_size(members->add); i++) {
        assert(json_text(json_item(members->add, i), "value", &id) && !span_empty(id));
        assert(json_member(seen, span_text(&arena, id)) == NULL);
        json_put_boolean(seen, span_text(&arena, id), true);
    }
    for (size_t i = 0; i < json_size(members->remove); i++) {
        const char *name = span_text(&arena, json_value_text(json_item(members->remove, i)));
        assert(*name != '\0' && json_member(seen, name) == NULL);
        json_put_boolean(seen, name, true);
    }
}

static void check_refusal(const struct scim_error *error, const struct scim_patch_result *result)
{
    assert(error->status == 400 || error->status == 413);
    assert(error->detail.text[0] != '\0' && text_utf8(span_of(error->detail.text)));
    assert(!result->changed && !result->members.touched && result->members.add == NULL &&
           result->members.remove == NULL);
    json_free(scim_error_json(error));
}

/* The patched copy, or NULL. */
static struct json *apply(const struct given *given, const struct json *document,
                          struct scim_patch_result *result)
{
    struct scim_error error = {0};
    struct scim_patch_target target = {.resource = given->resource,
                                       .id = SPAN_LITERAL("a"),
                                       .document = json_clone(document),
                                       .present = given->present,
                                       .immutable_allowed = given->immutable_allowed};
    if (!scim_patch_apply(given->body, &target, result, &error)) {
        check_refusal(&error, result);
        json_free(target.document);
        return NULL;
    }
    check_members(&result->members);
    return target.document;
}

/* What is stored could have been sent as it is. */
static void check_document(const struct given *given, const struct json *after)
{
    struct scim_error error;
    CLEANUP(json_cleanup) struct json *copy = json_clone(after);
    assert(scim_resource_check(given->resource, copy, &error));
    assert(json_same(copy, after));
}

static bool has_bracket(const struct json *object)
{
    struct json_cursor cursor = {0};
    while (json_kind(object) == JSON_KIND_OBJECT && json_next(object, &cursor)) {
        if (span_has(span_of(cursor.name), '[') || has_bracket(cursor.value)) {
            return true;
        }
    }
    return false;
}

/* One operation without a filter says how it is to be, whatever was before. */
static bool is_idempotent(const struct given *given)
{
    const struct json *operations = json_member(given->body, "Operations");
    const struct json *operation = json_item(operations, 0);
    struct json_cursor cursor = {0};
    while (json_size(operations) == 1 && json_next(operation, &cursor)) {
        if (has_bracket(cursor.value) || span_has(json_value_text(cursor.value), '[')) {
            return false;
        }
    }
    return json_size(operations) == 1;
}

static bool same_but_password(const struct json *a, const struct json *b)
{
    CLEANUP(json_cleanup) struct json *left = json_clone(a);
    CLEANUP(json_cleanup) struct json *right = json_clone(b);
    json_remove(left, "password");
    json_remove(right, "password");
    return json_same(left, right);
}

static void run(const struct given *given, const struct json *document)
{
    struct scim_patch_result result, again;
    CLEANUP(json_cleanup) struct json *before = json_clone(document);
    CLEANUP(json_cleanup) struct json *body = json_clone(given->body);
    CLEANUP(json_cleanup) struct json *after = apply(given, document, &result);
    assert(json_same(before, document) && json_same(body, given->body));
    if (after != NULL) {
        assert(result.changed || same_but_password(after, before));
        check_document(given, after);
        CLEANUP(json_cleanup) struct json *twice = apply(given, after, &again);
        if (is_idempotent(given)) {
            assert(twice != NULL && json_same(twice, after) && !again.changed);
        }
        scim_patch_result_done(&again);
    }
    scim_patch_result_done(&result);
}

/* The first byte: users or groups, members given or not. The rest: {"d": the resource, "p": the PATCH, "m": its members}. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error unread;
    struct scim_error error;
    struct span text;
    unsigned choice = fuzz_choice(data, size, &text);
    CLEANUP(json_cleanup) struct json *input = json_parse(text, 65536, &unread);
    const struct json *members = json_member(input, "m");
    struct given given = {.resource = choice & 1 ? SCIM_SCHEMA_GROUPS : SCIM_SCHEMA_USERS,
                          .immutable_allowed = (choice & 4) != 0,
                          .body = json_member(input, "p"),
                          .present = choice & 2 ? members : NULL};
    if (json_kind(json_member(input, "d")) != JSON_KIND_OBJECT ||
        json_kind(given.body) != JSON_KIND_OBJECT) {
        return 0;
    }
    CLEANUP(json_cleanup)
    struct json *document = scim_resource_read(given.resource, json_member(input, "d"), &error);
    if (document != NULL) {
        json_remove(document, "members");
        json_remove(document, "password");
        run(&given, document);
    }
    return 0;
}
