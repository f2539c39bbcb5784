/* test_json.c - JSON documents: vectors/json.txt, members, building. */
#include "vectors.h"

#include "wire/json.h"

/* What the vectors are read with; all of ours is JSON_SIZE_MAX. */
enum { VECTORS_SIZE_MAX = 512 * 1024 };

/* id, text, how it is written again; or "-" and how the error begins. */
static void run_document(const struct vector *vector)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(JSON_SIZE_MAX);
    struct error error = {"no error"};
    CLEANUP(json_cleanup)
    struct json *document = json_parse(vector->column[1], VECTORS_SIZE_MAX, &error);
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

static void written(const struct json *value, const char *expected)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(1000);
    json_write(value, &out);
    assert_true(span_is(buffer_span(&out), expected));
}

/* Members one after another, in the order in which they came. */
static void test_next(void **state)
{
    (void)state;
    static const char *const names[] = {"z", "a", "", "m"};
    CLEANUP(json_cleanup) struct json *document = must("{\"z\":1,\"a\":[],\"\":null,\"m\":{}}");
    struct json_cursor cursor = {0};
    size_t count = 0;
    while (json_next(document, &cursor)) {
        assert_true(count < 4);
        assert_string_equal(cursor.name, names[count]);
        assert_ptr_equal(cursor.value, json_member(document, names[count]));
        count++;
    }
    assert_int_equal(count, 4);
    /* The end is the beginning again; nothing has no members. */
    assert_true(json_next(document, &cursor) && strcmp(cursor.name, "z") == 0);
    cursor = (struct json_cursor){0};
    assert_false(json_next(NULL, &cursor));
    assert_false(json_next(json_member(document, "a"), &cursor));
    assert_false(json_next(json_member(document, "m"), &cursor));
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        bool number, whole;
        int64_t integer;
        double real;
    } expected[] = {{true, true, 5, 5.0},
                    {true, true, INT64_MIN, -9223372036854775808.0},
                    {true, false, 0, 1.5},
                    {false, false, 0, 0},
                    {false, false, 0, 0}};
    CLEANUP(json_cleanup)
    struct json *document = must("{\"l\":[5,-9223372036854775808,1.5,\"7\",null]}");
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        bool whole = true;
        int64_t integer = 77;
        double number = 77;
        assert_int_equal(
            json_value_number(json_item(json_member(document, "l"), i), &whole, &integer, &number),
            expected[i].number);
        assert_int_equal(whole, expected[i].whole);
        assert_int_equal(integer, expected[i].integer);
        assert_true(number >= expected[i].real && number <= expected[i].real);
    }
    bool whole = true;
    int64_t integer = 77;
    double number = 77;
    assert_false(json_value_number(NULL, &whole, &integer, &number));
}

static void test_same(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *a = must("{\"a\":[1,{\"b\":null}],\"c\":\"d\"}");
    CLEANUP(json_cleanup) struct json *b = must("{\"c\":\"d\",\"a\":[1,{\"b\":null}]}");
    CLEANUP(json_cleanup) struct json *c = must("{\"c\":\"d\",\"a\":[{\"b\":null},1]}");
    assert_true(json_same(a, b));
    assert_false(json_same(a, c));
    assert_false(json_same(a, NULL));
    assert_false(json_same(NULL, NULL));
}

/* A copy shares nothing with what it is of. */
static void test_clone(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *document = must("{\"a\":[1,{\"b\":\"x\"}]}");
    CLEANUP(json_cleanup) struct json *copy = json_clone(document);
    assert_true(json_same(copy, document));
    json_put_text(json_item_edit(json_member_edit(copy, "a"), 1), "b", SPAN_LITERAL("y"));
    written(document, "{\"a\":[1,{\"b\":\"x\"}]}");
    written(copy, "{\"a\":[1,{\"b\":\"y\"}]}");
}

static void test_editing(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *document = must("{\"a\":[1,2,3],\"b\":{\"c\":1}}");
    struct json *list = json_member_edit(document, "a");
    json_item_remove(list, 1);
    json_item_remove(list, 7);
    json_item_put(list, 0, json_new_text(SPAN_LITERAL("x")));
    json_append(list, json_new_integer(-5));
    json_append(list, json_new_boolean(true));
    json_append(list, json_new_null());
    written(document, "{\"a\":[\"x\",3,-5,true,null],\"b\":{\"c\":1}}");
    json_remove(document, "a");
    json_remove(document, "a");
    written(document, "{\"b\":{\"c\":1}}");
    json_clear(json_member_edit(document, "b"));
    written(document, "{\"b\":{}}");
    assert_null(json_member_edit(document, "a"));
    assert_null(json_item_edit(document, 0));
    CLEANUP(json_cleanup) struct json *array = must("{\"a\":[1,2]}");
    json_clear(json_member_edit(array, "a"));
    written(array, "{\"a\":[]}");
}

/* Any value can be written, not only documents. */
static void test_write_values(void **state)
{
    (void)state;
    CLEANUP(json_cleanup) struct json *document = must("{\"l\":[\"a\",1,true,null,[],1.5]}");
    static const char *const texts[] = {"\"a\"", "1", "true", "null", "[]", "1.5"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        written(json_item(json_member(document, "l"), i), texts[i]);
    }
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
        cmocka_unit_test(test_vectors),  cmocka_unit_test(test_members),
        cmocka_unit_test(test_building), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_next),     cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_same),     cmocka_unit_test(test_clone),
        cmocka_unit_test(test_editing),  cmocka_unit_test(test_write_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
