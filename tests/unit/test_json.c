/* test_json.c - JSON documents: vectors/json.txt, members, building. */
#include "vectors.h"

#include "wire/json.h"

/* id, text, how it is written again; or "-" and how the error begins. */
static void run_document(const struct vector *vector)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(JSON_SIZE_MAX);
    struct error error = {"no error"};
    CLEANUP(json_cleanup)
    struct json *document = json_parse(vector->column[1], JSON_SIZE_MAX, &error);
    if (document == NULL) {
        struct span begins = span_first(span_of(error.text), vector->column[3].length);
        vector_same(vector, begins,
                    span_empty(begins) ? SPAN_LITERAL("JSON: ") : vector->column[3]);
        return;
    }
    json_write(document, &out);
    vector_same(vector, buffer_span(&out), vector->column[2]);
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("json.txt", 50, run_document);
}

static struct json *must(const char *text)
{
    struct error error;
    struct json *document = json_parse(span_of(text), JSON_SIZE_MAX, &error);
    assert_non_null(document);
    return document;
}

static void test_members(void **state)
{
    (void)state;
    CLEANUP(json_cleanup)
    struct json *document =
        must("{\"text\":\"a\",\"empty\":\"\",\"number\":-5,\"real\":1.0,\"yes\":true,\"no\":false,"
             "\"null\":null,\"list\":[1,\"b\"],\"object\":{\"c\":\"d\"}}");
    struct span text;
    int64_t number;
    bool flag;
    assert_true(json_text(document, "text", &text) && span_is(text, "a"));
    assert_true(json_text(document, "empty", &text) && span_empty(text));
    assert_true(json_number(document, "number", &number) && number == -5);
    assert_true(json_boolean(document, "yes", &flag) && flag);
    assert_true(json_boolean(document, "no", &flag) && !flag);
    static const char *const NAMES[] = {"text", "number", "real",   "yes",
                                        "null", "list",   "object", "absent"};
    static const enum json_kind KINDS[] = {JSON_KIND_TEXT,   JSON_KIND_NUMBER, JSON_KIND_NUMBER,
                                           JSON_KIND_TRUE,   JSON_KIND_NULL,   JSON_KIND_ARRAY,
                                           JSON_KIND_OBJECT, JSON_KIND_ABSENT};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        assert_int_equal(json_kind(json_member(document, NAMES[i])), KINDS[i]);
        assert_int_equal(json_text(document, NAMES[i], &text), KINDS[i] == JSON_KIND_TEXT);
        assert_int_equal(json_number(document, NAMES[i], &number), strcmp(NAMES[i], "number") == 0);
        assert_int_equal(json_boolean(document, NAMES[i], &flag), KINDS[i] == JSON_KIND_TRUE);
    }
    assert_int_equal(json_kind(json_member(document, "no")), JSON_KIND_FALSE);
    const struct json *list = json_member(document, "list");
    assert_int_equal(json_size(list), 2);
    assert_int_equal(json_size(json_member(document, "object")), 1);
    assert_int_equal(json_size(json_member(document, "text")), 0);
    assert_true(span_is(json_value_text(json_item(list, 1)), "b"));
    assert_true(span_empty(json_value_text(json_item(list, 0))));
    assert_null(json_item(list, 2));
    assert_null(json_item(document, 0));
    assert_null(json_member(NULL, "a"));
    assert_null(json_member(list, "a"));
}

static void test_building(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *document = json_new_object();
    CLEANUP(buffer_done) struct buffer out = buffer_limited(1000);
    struct json *list = json_new_array();
    json_put_text(document, "z", SPAN_LITERAL("a\"\\\n\x7f\xc3\xa9"));
    json_put_integer(document, "n", INT64_MIN);
    json_put_boolean(document, "t", true);
    json_put_boolean(document, "f", false);
    json_put_null(document, "null");
    json_append_text(list, (struct span){0});
    json_append(list, json_new_object());
    json_put(document, "list", list);
    json_put_text(document, "a", SPAN_LITERAL("old"));
    json_put_text(document, "a", SPAN_LITERAL("new"));
    json_write(document, &out);
    const char *expected =
        "{\"z\":\"a\\\"\\\\\\n\x7f\xc3\xa9\",\"n\":-9223372036854775808,\"t\":true,\"f\":false,"
        "\"null\":null,\"list\":[\"\",{}],\"a\":\"new\"}";
    assert_true(span_is(buffer_span(&out), expected));
    struct error error;
    CLEANUP(json_cleanup) struct json *again = json_parse(buffer_span(&out), JSON_SIZE_MAX, &error);
    assert_non_null(again);
    buffer_clear(&out);
    json_write_text(SPAN_LITERAL("a\"b\t"), &out);
    assert_true(span_is(buffer_span(&out), "\"a\\\"b\\t\""));
}

static void test_limits(void **state)
{
    (void)state;
    struct error error;
    assert_null(json_parse(SPAN_LITERAL("{\"a\":1}"), 6, &error));
    assert_string_equal(error.text, "JSON: longer than 6 bytes");
    CLEANUP(json_cleanup) struct json *document = json_parse(SPAN_LITERAL("{\"a\":1}"), 7, &error);
    assert_non_null(document);
    CLEANUP(buffer_done) struct buffer out = buffer_limited(10);
    buffer_add_text(&out, "1234");
    json_write(document, &out);
    assert_true(span_is(buffer_span(&out), "1234") && buffer_full(&out));
    json_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_building),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
