/* test_socketmap.c - netstring requests: vectors/socketmap.txt, and replies. */
#include "vectors.h"

#include "wire/socketmap.h"

static void show(struct span bytes, struct buffer *out)
{
    struct socketmap_request request;
    switch (socketmap_parse(bytes, &request)) {
    case SOCKETMAP_BAD:
        buffer_add_text(out, "bad");
        break;
    case SOCKETMAP_MORE:
        buffer_add_text(out, "more");
        break;
    case SOCKETMAP_REQUEST:
        buffer_add(out, request.name);
        buffer_add_byte(out, '/');
        buffer_add(out, request.key);
        buffer_format(out, "+%zu", bytes.length - request.consumed);
        break;
    }
}

/* id, bytes, "name/key+bytes left", "more" or "bad"; every front of a request is unfinished. */
static void run_request(const struct vector *vector)
{
    CLEANUP(buffer_done) struct buffer shown = buffer_limited(10000);
    struct span bytes = vector->column[1];
    show(bytes, &shown);
    vector_same(vector, buffer_span(&shown), vector->column[2]);
    bool request = !span_is(vector->column[2], "bad") && span_ends(vector->column[2], "+0");
    for (size_t length = 0; request && length < bytes.length; length++) {
        struct socketmap_request parsed;
        vector_must(vector, socketmap_parse(span_first(bytes, length), &parsed) == SOCKETMAP_MORE,
                    "a front is not unfinished");
    }
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("socketmap.txt", 25, run_request);
}

static void must(struct buffer *out, bool written, const char *expected)
{
    assert_true(written);
    assert_true(span_is(buffer_span(out), expected));
    buffer_clear(out);
}

static void test_replies(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(200000);
    must(&out, socketmap_ok(&out, SPAN_LITERAL("1")), "4:OK 1,");
    must(&out, socketmap_ok(&out, SPAN_LITERAL("a@b.example,c@d.example")),
         "26:OK a@b.example,c@d.example,");
    must(&out, socketmap_notfound(&out), "9:NOTFOUND ,");
    must(&out, socketmap_temporary(&out, "later"), "10:TEMP later,");
    must(&out, socketmap_permanent(&out, "no such map"), "16:PERM no such map,");
    must(&out, socketmap_ok(&out, SPAN_LITERAL("a\nb")), "35:TEMP the answer holds control bytes,");
}

static void test_limits(void **state)
{
    (void)state;
    static char value[SOCKETMAP_REPLY_MAX];
    memset(value, 'x', sizeof value);
    CLEANUP(buffer_done) struct buffer out = buffer_limited(200000);
    assert_true(socketmap_ok(&out, span_bytes(value, SOCKETMAP_REPLY_MAX - 3)));
    assert_true(span_starts(buffer_span(&out), "100000:OK xxx"));
    assert_int_equal(out.length, 100000 + 8);
    buffer_clear(&out);
    must(&out, socketmap_ok(&out, span_bytes(value, SOCKETMAP_REPLY_MAX - 2)),
         "44:TEMP the answer is longer than Postfix takes,");
    CLEANUP(buffer_done) struct buffer small = buffer_limited(15);
    assert_true(socketmap_notfound(&small));
    assert_false(socketmap_ok(&small, SPAN_LITERAL("1")));
    assert_true(span_is(buffer_span(&small), "9:NOTFOUND ,") && buffer_full(&small));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
