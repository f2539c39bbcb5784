/* test_scim_patch.c - PATCH: vectors/scim_patch.txt, each also twice (idempotence) and behind its refusal (atomicity); members in
 * large numbers. */
#include "vectors.h"

#include "base/arena.h"
#include "document/scim_patch.h"
#include "document/scim_resource.h"

#include <time.h>

static struct json *parse(struct span text)
{
    struct error error = {.text = "empty"};
    struct json *document = json_parse(text, JSON_SIZE_MAX, &error);
    if (document == NULL) {
        fail_msg("%s: %.*s", error.text, (int)text.length, text.at);
    }
    return document;
}

static void show_json(const char *before, const struct json *value, struct buffer *out)
{
    if (value != NULL) {
        buffer_add_text(out, before);
        json_write(value, out);
    }
}

static void show_result(const struct json *document, const struct scim_patch_result *result,
                        struct buffer *out)
{
    const struct scim_patch_members *members = &result->members;
    json_write(document, out);
    buffer_add_text(out, result->changed ? " changed" : "");
    buffer_add_text(out, result->sets_active ? " active" : "");
    buffer_add_text(out, members->touched ? " members:" : "");
    buffer_add_text(out, members->clears ? " clears" : "");
    buffer_add_text(out, members->needs ? " needs" : "");
    show_json(" add ", members->add, out);
    show_json(" remove ", members->remove, out);
}

static void show_error(const struct scim_error *error, struct buffer *out)
{
    const char *type = scim_error_type_name(error->type);
    buffer_format(out, "%d %s %s", error->status, type == NULL ? "-" : type, error->detail.text);
}

/* One PATCH of a copy, which is the caller's. */
static struct json *apply(enum scim_schema_resource resource, const struct json *document,
                          const struct json *present, const struct json *body, struct buffer *out)
{
    struct scim_error error = {0};
    struct scim_patch_result result;
    memset(&result, 0x5a, sizeof result);
    struct scim_patch_target target = {.resource = resource,
                                       .id = SPAN_LITERAL("g-17"),
                                       .document = json_clone(document),
                                       .present = json_member(present, "members")};
    if (scim_patch_apply(body, &target, &result, &error)) {
        show_result(target.document, &result, out);
    } else {
        static const struct scim_patch_result NOTHING;
        show_error(&error, out);
        /* No part of what was begun is told. */
        assert_memory_equal(&result, &NOTHING, sizeof result);
    }
    scim_patch_result_done(&result);
    return target.document;
}

static enum scim_schema_resource resource_of(struct span column)
{
    return span_is(column, "Group") ? SCIM_SCHEMA_GROUPS : SCIM_SCHEMA_USERS;
}

/* A column is the list of operations, or a whole body. */
static struct json *body_of(struct span column)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(SIZE_MAX / 2);
    if (span_starts(column, "{")) {
        return parse(column);
    }
    buffer_add_text(&text, "{\"schemas\":[\"" SCIM_SCHEMA_PATCH "\"],\"Operations\":");
    buffer_add(&text, column);
    buffer_add_byte(&text, '}');
    return parse(buffer_span(&text));
}

static bool accepted(struct span shown)
{
    return span_starts(shown, "{");
}

/* The same once more changes nothing. Of a filter that no longer matches, RFC 7644 says noTarget: those ids end with "!". */
static void check_twice(const struct vector *vector, enum scim_schema_resource resource,
                        const struct json *after, const struct json *body)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(SIZE_MAX / 2);
    struct json *again = apply(resource, after, NULL, body, &out);
    vector_must(vector, accepted(buffer_span(&out)), "is refused the second time");
    vector_must(vector, json_same(again, after), "changes the document the second time");
    /* (A password is in no stored document, but in this one.) */
    json_free(again);
}

static void run_patch(const struct vector *vector)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(SIZE_MAX / 2);
    CLEANUP(json_cleanup) struct json *document = parse(vector->column[2]);
    CLEANUP(json_cleanup) struct json *before = json_clone(document);
    CLEANUP(json_cleanup) struct json *body = body_of(vector->column[3]);
    CLEANUP(json_cleanup) struct json *body_before = json_clone(body);
    enum scim_schema_resource resource = resource_of(vector->column[1]);
    struct json *after = apply(resource, document, NULL, body, &out);
    vector_same(vector, buffer_span(&out), vector->column[4]);
    vector_must(vector, json_same(document, before), "changes the original");
    vector_must(vector, json_same(body, body_before), "changes the body");
    if (accepted(buffer_span(&out)) && !span_ends(vector->column[0], "!")) {
        check_twice(vector, resource, after, body);
    }
    json_free(after);
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("scim_patch.txt", 100, run_patch);
}

/* -- atomicity: whatever comes first, a last operation that is refused refuses all -- */

static void run_refused(const struct vector *vector)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(SIZE_MAX / 2);
    CLEANUP(json_cleanup) struct json *document = parse(vector->column[2]);
    CLEANUP(json_cleanup) struct json *before = json_clone(document);
    CLEANUP(json_cleanup) struct json *body = body_of(vector->column[3]);
    CLEANUP(json_cleanup)
    struct json *wrong = parse(SPAN_LITERAL("{\"op\":\"add\",\"path\":\"colour\",\"value\":1}"));
    struct json *operations = json_member_edit(body, "Operations");
    if (json_kind(operations) != JSON_KIND_ARRAY || !accepted(vector->column[4])) {
        return;
    }
    json_append(operations, json_clone(wrong));
    struct json *after = apply(resource_of(vector->column[1]), document, NULL, body, &out);
    vector_same(vector, buffer_span(&out),
                SPAN_LITERAL("400 invalidPath colour: is no attribute of this resource"));
    vector_must(vector, json_same(document, before), "changes the original");
    json_free(after);
}

static void test_atomicity(void **state)
{
    (void)state;
    vectors_run("scim_patch.txt", 100, run_refused);
}

/* -- members that only those present can answer -- */

static void check_present(const char *operations, const char *expected)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(SIZE_MAX / 2);
    CLEANUP(json_cleanup) struct json *document = parse(SPAN_LITERAL("{\"displayName\":\"x\"}"));
    CLEANUP(json_cleanup)
    struct json *present = parse(
        SPAN_LITERAL("{\"members\":[{\"value\":\"u-1\",\"type\":\"User\",\"display\":\"mira\"},"
                     "{\"value\":\"u-2\",\"type\":\"User\",\"display\":\"tor\"},"
                     "{\"value\":\"g-1\",\"type\":\"Group\",\"display\":\"ops\"}]}"));
    CLEANUP(json_cleanup) struct json *body = body_of(span_of(operations));
    json_free(apply(SCIM_SCHEMA_GROUPS, document, present, body, &out));
    buffer_add_byte(&out, '\0');
    assert_string_equal(out.at, expected);
}

static void test_present(void **state)
{
    (void)state;
    check_present("[{\"op\":\"remove\",\"path\":\"members[type eq \\\"User\\\"]\"}]",
                  "{\"displayName\":\"x\"} members: remove [\"u-1\",\"u-2\"]");
    check_present("[{\"op\":\"remove\",\"path\":\"members[display sw \\\"M\\\"]\"}]",
                  "{\"displayName\":\"x\"} members: remove [\"u-1\"]");
    check_present("[{\"op\":\"remove\",\"path\":\"members[not (type eq \\\"User\\\")]\"}]",
                  "{\"displayName\":\"x\"} members: remove [\"g-1\"]");
    check_present("[{\"op\":\"remove\",\"path\":\"members[type eq \\\"Device\\\"]\"}]",
                  "{\"displayName\":\"x\"} members:");
    /* What came before in the same body is there, and what went is not. */
    check_present(
        "[{\"op\":\"add\",\"path\":\"members\",\"value\":[{\"value\":\"u-9\",\"type\":\"User\"}]},"
        "{\"op\":\"remove\",\"path\":\"members[type eq \\\"User\\\"]\"},"
        "{\"op\":\"add\",\"path\":\"members\",\"value\":\"u-2\"}]",
        "{\"displayName\":\"x\"} members: add [{\"value\":\"u-2\"}] remove [\"u-9\",\"u-1\"]");
    check_present(
        "[{\"op\":\"replace\",\"path\":\"members\",\"value\":[{\"value\":\"u-9\",\"type\":\"User\"}"
        ","
        "{\"value\":\"g-9\",\"type\":\"Group\"}]},"
        "{\"op\":\"remove\",\"path\":\"members[type eq \\\"User\\\"]\"}]",
        "{\"displayName\":\"x\"} members: clears add [{\"value\":\"g-9\",\"type\":\"Group\"}]");
}

/* -- numbers -- */

static void add_operation(struct json *operations, const char *verb, const char *path,
                          unsigned from, unsigned count)
{
    struct json *operation = json_new_object(), *list = json_new_array();
    for (unsigned i = from; i < from + count; i++) {
        char id[32];
        struct json *member = json_new_object();
        snprintf(id, sizeof id, "u-%u", i);
        json_put_text(member, "value", span_of(id));
        json_append(list, member);
    }
    json_put_text(operation, "op", span_of(verb));
    json_put_text(operation, "path", span_of(path));
    json_put(operation, "value", list);
    json_append(operations, operation);
}

static void test_many_members(void **state)
{
    (void)state;
    struct scim_error error;
    struct scim_patch_result result;
    CLEANUP(json_cleanup) struct json *document = parse(SPAN_LITERAL("{\"displayName\":\"x\"}"));
    CLEANUP(json_cleanup) struct json *body = json_new_object();
    struct json *operations = json_new_array();
    json_put(body, "Operations", operations);
    add_operation(operations, "add", "members", 0, 10000);
    for (unsigned i = 1; i < SCIM_PATCH_OPERATIONS_MAX; i++) {
        add_operation(operations, i % 2 == 0 ? "remove" : "add", "members", 3 * i, 1);
    }
    struct scim_patch_target target = {.resource = SCIM_SCHEMA_GROUPS, .document = document};
    assert_true(scim_patch_apply(body, &target, &result, &error));
    /* Of 10,000 plus those odd ones beyond 10,000, the even ones have gone. */
    size_t expected_add = 0, expected_remove = 0;
    for (unsigned i = 0; i < 30000; i++) {
        bool named = i % 3 == 0 && i > 0 && i / 3 < SCIM_PATCH_OPERATIONS_MAX;
        bool removed = named && i / 3 % 2 == 0;
        expected_remove += removed;
        expected_add += !removed && (i < 10000 || named);
    }
    assert_int_equal(json_size(result.members.add), expected_add);
    assert_int_equal(json_size(result.members.remove), expected_remove);
    assert_false(result.changed);
    scim_patch_result_done(&result);
    add_operation(operations, "add", "members", 0, 1);
    assert_false(scim_patch_apply(body, &target, &result, &error));
    assert_int_equal(error.status, 413);
    json_clear(operations);
    add_operation(operations, "remove", "members", 0, 1);
    add_operation(operations, "add", "members", 1, SCIM_RESOURCE_MEMBERS_MAX);
    assert_false(scim_patch_apply(body, &target, &result, &error));
    assert_string_equal(error.detail.text, "members: more than 20000 values");
}

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double time_of_adding(unsigned count)
{
    struct scim_error error;
    struct scim_patch_result result;
    CLEANUP(json_cleanup) struct json *document = parse(SPAN_LITERAL("{\"displayName\":\"x\"}"));
    CLEANUP(json_cleanup) struct json *body = json_new_object();
    struct json *operations = json_new_array();
    json_put(body, "Operations", operations);
    for (unsigned i = 0; i < count; i++) {
        add_operation(operations, "add", "members", 2 * i, 2);
    }
    struct scim_patch_target target = {.resource = SCIM_SCHEMA_GROUPS, .document = document};
    double begin = processor_seconds();
    assert_true(scim_patch_apply(body, &target, &result, &error));
    double took = processor_seconds() - begin;
    assert_int_equal(json_size(result.members.add), 2 * count);
    scim_patch_result_done(&result);
    return took;
}

/* Ten times as many take about ten times as long; a hundred times would be a square. */
static void test_linear(void **state)
{
    (void)state;
    time_of_adding(100);
    double few = time_of_adding(1000), many = time_of_adding(10000);
    assert_true(many < 40 * few);
}

/* One body of 8 MB cannot keep the process busy: work is counted, whatever it is. */
static void check_work(const char *verb, const char *path, unsigned count)
{
    struct scim_error error;
    struct scim_patch_result result;
    CLEANUP(json_cleanup)
    struct json *document = parse(SPAN_LITERAL("{\"userName\":\"x\",\"roles\":[]}"));
    CLEANUP(json_cleanup) struct json *body = json_new_object();
    struct json *operations = json_new_array();
    json_put(body, "Operations", operations);
    add_operation(operations, "add", "roles", 0, SCIM_RESOURCE_VALUES_MAX);
    for (unsigned i = 1; i < SCIM_PATCH_OPERATIONS_MAX; i++) {
        add_operation(operations, verb, path, 0, count);
    }
    struct scim_patch_target target = {.resource = SCIM_SCHEMA_USERS, .document = document};
    assert_false(scim_patch_apply(body, &target, &result, &error));
    assert_int_equal(error.status, 413);
}

static void test_work(void **state)
{
    (void)state;
    struct scim_error error;
    struct scim_patch_result result;
    check_work("add", "roles", 20);
    check_work("remove", "roles[type eq \"x\"]", 1);
    CLEANUP(json_cleanup)
    struct json *document = parse(SPAN_LITERAL("{\"userName\":\"x\",\"roles\":[]}"));
    CLEANUP(json_cleanup) struct json *body = json_new_object();
    struct json *operations = json_new_array();
    json_put(body, "Operations", operations);
    add_operation(operations, "add", "roles", 0, SCIM_RESOURCE_VALUES_MAX);
    add_operation(operations, "add", "roles", 10000, 2);
    struct scim_patch_target target = {.resource = SCIM_SCHEMA_USERS, .document = document};
    assert_false(scim_patch_apply(body, &target, &result, &error));
    assert_string_equal(error.detail.text, "roles: more than 500 values");
}

static void test_work_of_removals(void **state)
{
    (void)state;
    struct scim_error error;
    struct scim_patch_result result;
    CLEANUP(json_cleanup)
    struct json *document = parse(SPAN_LITERAL("{\"userName\":\"x\",\"roles\":[]}"));
    CLEANUP(json_cleanup) struct json *body = json_new_object();
    struct json *operations = json_new_array();
    json_put(body, "Operations", operations);
    add_operation(operations, "add", "roles", 0, SCIM_RESOURCE_VALUES_MAX);
    for (unsigned i = 0; i < 100; i++) {
        add_operation(operations, "remove", "roles", 1000, SCIM_RESOURCE_VALUES_MAX);
    }
    struct scim_patch_target target = {.resource = SCIM_SCHEMA_USERS, .document = document};
    assert_false(scim_patch_apply(body, &target, &result, &error));
    assert_int_equal(error.status, 413);
}

/* A token that may move mailboxes changes what is immutable for all others. */
static void test_move(void **state)
{
    (void)state;
    struct scim_error error;
    struct scim_patch_result result;
    CLEANUP(json_cleanup)
    struct json *document = parse(
        SPAN_LITERAL("{\"userName\":\"x\",\"" SCIM_SCHEMA_MAIL_USER "\":{\"mailHost\":\"one\"}}"));
    CLEANUP(json_cleanup)
    struct json *body =
        body_of(SPAN_LITERAL("[{\"op\":\"replace\",\"path\":\"" SCIM_SCHEMA_MAIL_USER
                             ":mailHost\",\"value\":\"two\"}]"));
    struct scim_patch_target target = {
        .resource = SCIM_SCHEMA_USERS, .document = document, .immutable_allowed = true};
    assert_true(scim_patch_apply(body, &target, &result, &error));
    assert_true(result.changed);
    scim_patch_result_done(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),          cmocka_unit_test(test_atomicity),
        cmocka_unit_test(test_present),          cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_linear),           cmocka_unit_test(test_work),
        cmocka_unit_test(test_work_of_removals), cmocka_unit_test(test_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
