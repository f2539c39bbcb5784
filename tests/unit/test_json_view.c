/* test_json_view.c - the strict JSON reader: vectors/json_view.txt, its limits, members, paths and numbers. */
#include "vectors.h"

#include "wire/json_view.h"

static struct json_view view;

/* -- vectors: every value written again, by way of first and next -- */

static void write_value(const struct json_view_value *value, struct buffer *out);

static void write_children(const struct json_view_value *parent, bool named, struct buffer *out)
{
    const struct json_view_value *child = json_view_first(&view, parent);
    for (; child != NULL; child = json_view_next(&view, child)) {
        if (named) {
            buffer_add_byte(out, '"');
            buffer_add(out, child->name);
            buffer_add_text(out, "\":");
        } else {
            assert_true(span_empty(child->name));
        }
        write_value(child, out);
        buffer_add_text(out, json_view_next(&view, child) == NULL ? "" : ",");
    }
}

static void write_value(const struct json_view_value *value, struct buffer *out)
{
    enum json_view_kind kind = json_view_kind(value);
    static const char *const BEFORE[] = {"", "null", "true", "false", "", "\"", "[", "{"};
    static const char *const BEHIND[] = {"", "", "", "", "", "\"", "]", "}"};
    buffer_add_text(out, BEFORE[kind]);
    buffer_add(out, value->text);
    write_children(value, kind == JSON_VIEW_OBJECT, out);
    buffer_add_text(out, BEHIND[kind]);
}

static bool parse(struct span text, char **bytes, const char **problem)
{
    *bytes = memory_new(text.length > 0 ? text.length : 1, 1);
    if (text.length > 0) {
        memcpy(*bytes, text.at, text.length);
    }
    return json_view_parse(&view, *bytes, text.length, problem);
}

static void run_document(const struct vector *vector)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(SIZE_MAX / 2);
    const char *problem;
    char *bytes;
    memset(&view, 0x5a, sizeof view); /* it need not be zeroed */
    if (parse(vector->column[1], &bytes, &problem)) {
        assert_null(problem);
        write_value(json_view_top(&view), &out);
        vector_same(vector, buffer_span(&out), vector->column[2]);
    } else {
        assert_null(json_view_top(&view));
        vector_same(vector, span_of(problem),
                    span_empty(vector->column[3]) ? SPAN_LITERAL("(accepted)") : vector->column[3]);
    }
    memory_free(bytes);
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("json_view.txt", 100, run_document);
}

/* -- limits -- */

/* All different. */
static void add_members(struct buffer *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        buffer_format(out, "%s\"%x\":1", i == 0 ? "" : ",", i * 2654435761U);
    }
}

static void check_members(unsigned count, const char *more, const char *problem)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(SIZE_MAX / 2);
    const char *got;
    char *bytes;
    buffer_add_byte(&text, '{');
    add_members(&text, count);
    buffer_add_text(&text, more);
    buffer_add_byte(&text, '}');
    bool read = parse(buffer_span(&text), &bytes, &got);
    if (read != (problem == NULL) || (!read && strcmp(got, problem) != 0)) {
        fail_msg("%u members%s: %s", count, more, read ? "accepted" : got);
    }
    if (read) {
        assert_int_equal(view.count, count + 1);
    }
    memory_free(bytes);
}

static void test_many_members(void **state)
{
    (void)state;
    static const char *const TWICE = "a member is named twice";
    for (unsigned count = 1; count < 200; count++) {
        char again[32];
        check_members(count, "", NULL);
        check_members(count, ",\"0\":2", TWICE);
        snprintf(again, sizeof again, ",\"%x\":2", (count - 1) * 2654435761U);
        check_members(count, again, TWICE);
        snprintf(again, sizeof again, ",\"%x\":2", count / 2 * 2654435761U);
        check_members(count, again, TWICE);
    }
    check_members(JSON_VIEW_VALUES_MAX - 1, "", NULL);
    check_members(JSON_VIEW_VALUES_MAX - 2, ",\"0\":2", TWICE);
    check_members(JSON_VIEW_VALUES_MAX, "", "it has too many values");
    check_members(1000000, "", "it has too many values");
}

/* -- looking -- */

static void must(const char *text, char **bytes)
{
    const char *problem;
    if (!parse(span_of(text), bytes, &problem)) {
        fail_msg("%s: %s", text, problem);
    }
}

static void test_members(void **state)
{
    (void)state;
    char *bytes;
    must("{\"a\":\"x\",\"b\":{\"a\":\"y\"},\"c\":[{\"a\":1}],\"\":0,\"n\":null}", &bytes);
    const struct json_view_value *top = json_view_top(&view);
    const struct json_view_value *list = json_view_member(&view, top, SPAN_LITERAL("c"));
    assert_true(span_is(json_view_member(&view, top, SPAN_LITERAL("a"))->text, "x"));
    assert_int_equal(json_view_kind(list), JSON_VIEW_ARRAY);
    assert_int_equal(json_view_kind(json_view_member(&view, top, SPAN_LITERAL("n"))),
                     JSON_VIEW_NULL);
    assert_non_null(json_view_member(&view, top, SPAN_LITERAL("")));
    assert_null(json_view_member(&view, list, SPAN_LITERAL("")));
    assert_null(json_view_member(&view, list, SPAN_LITERAL("a")));
    assert_null(json_view_member(&view, top, SPAN_LITERAL("d")));
    assert_null(json_view_member(&view, top, SPAN_LITERAL("A")));
    assert_null(json_view_member(&view, NULL, SPAN_LITERAL("a")));
    assert_null(json_view_first(&view, NULL));
    assert_null(json_view_next(&view, NULL));
    assert_null(json_view_next(&view, top));
    assert_int_equal(json_view_kind(NULL), JSON_VIEW_ABSENT);
    memory_free(bytes);
}

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path, *text; /* NULL: nothing is there */
    } PATHS[] = {
        {"email", "top"},
        {"resource.mail.address", "deep"},
        {"a.b", "dots"},
        {"https://example.com/mail", "url"},
        {"a", NULL},
        {"a.c", NULL},
        {"x.y.z", "longest"},
        {"https://example.com/o.mail", "below"},
        {"resource.", NULL},
        {"resource..address", NULL},
        {".email", NULL},
        {"email.x", NULL},
        {"list.0", NULL},
        {"", NULL},
        {"resource.empty.", "e"},
        {"nothing", NULL},
    };
    char *bytes;
    must("{\"email\":\"top\",\"resource\":{\"mail\":{\"address\":\"deep\"},\"empty\":{\"\":\"e\"}},"
         "\"a.b\":\"dots\",\"https://example.com/mail\":\"url\",\"x\":{\"y\":{\"z\":\"short\"}},"
         "\"x.y\":{\"z\":\"longest\"},\"https://example.com/o\":{\"mail\":\"below\"},\"list\":[1]}",
         &bytes);
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        const struct json_view_value *found = json_view_path(&view, span_of(PATHS[i].path));
        bool text = json_view_kind(found) == JSON_VIEW_TEXT;
        if (text != (PATHS[i].text != NULL) || (text && !span_is(found->text, PATHS[i].text))) {
            fail_msg("%s: not %s", PATHS[i].path, PATHS[i].text);
        }
    }
    memory_free(bytes);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t number; /* -1: none */
    } NUMBERS[] = {
        {"0", 0},
        {"1", 1},
        {"1794567890", 1794567890},
        {"1794567890.999", 1794567890},
        {"1e9", 1000000000},
        {"1E+9", 1000000000},
        {"1.5", 1},
        {"17.0e8", 1700000000},
        {"1.75e1", 17},
        {"123456e-3", 123},
        {"1e-1", 0},
        {"0.00001e5", 1},
        {"0.00001e4", 0},
        {"0e308", 0},
        {"0.9999999999999999999999", 0},
        {"1e-100000000000", 0},
        {"9007199254740992", 9007199254740992},
        {"9007199254740993", -1},
        {"9007199254740992.5", 9007199254740992},
        {"9223372036854775807", -1},
        {"1e300", -1},
        {"9.9e307", -1},
        {"-1", -1},
        {"-0", -1},
        {"-0.5", -1},
        {"\"1\"", -1},
        {"true", -1},
        {"null", -1},
        {"[1]", -1},
    };
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
        char text[100], *bytes;
        int64_t number = -1;
        snprintf(text, sizeof text, "{\"a\":%s}", NUMBERS[i].text);
        must(text, &bytes);
        bool read = json_view_number(json_view_path(&view, SPAN_LITERAL("a")), &number);
        if (read != (NUMBERS[i].number >= 0) || (read && number != NUMBERS[i].number)) {
            fail_msg("%s: %ld", NUMBERS[i].text, (long)number);
        }
        memory_free(bytes);
    }
    int64_t number;
    assert_false(json_view_number(NULL, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_members), cmocka_unit_test(test_paths),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
