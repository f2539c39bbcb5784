/* test_http_chunk.c - bodies in chunks: vectors/http_chunk.txt, whole and byte by byte. */
#include "vectors.h"

#include "wire/http_chunk.h"

/* Reads `bytes` in pieces of `size`; shows "STATE BODY +bytes left", or "refused why". */
static void read_all(struct span bytes, size_t size, struct buffer *out)
{
    CLEANUP(buffer_done) struct buffer body = buffer_limited(100000);
    struct http_chunk chunk = {0};
    struct http_refusal refusal = {0};
    enum http_answer answer = HTTP_MORE;
    size_t done = 0;
    while (answer == HTTP_MORE && done < bytes.length) {
        struct span piece = span_first(span_from(bytes, done), size), data;
        size_t used;
        answer = http_chunk_read(&chunk, piece, &used, &data, &refusal);
        assert_true(used > 0 && used <= piece.length);
        done += used;
        buffer_add(&body, data);
    }
    if (answer == HTTP_REFUSED) {
        assert_int_equal(refusal.status, 400);
        buffer_format(out, "refused %s", refusal.text);
        return;
    }
    buffer_add_text(out, answer == HTTP_COMPLETE ? "whole " : "more ");
    buffer_add(out, buffer_span(&body));
    buffer_format(out, " +%zu", bytes.length - done);
}

static void run_body(const struct vector *vector)
{
    for (size_t size = 1; size <= vector->column[1].length + 1; size++) {
        CLEANUP(buffer_done) struct buffer out = buffer_limited(100000);
        read_all(vector->column[1], size, &out);
        vector_same(vector, buffer_span(&out), vector->column[2]);
    }
}

static void test_bodies(void **state)
{
    (void)state;
    vectors_run("http_chunk.txt", 25, run_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bodies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
