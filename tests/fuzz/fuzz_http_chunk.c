/* fuzz_http_chunk.c - any bytes as a body in chunks: the same answer in one piece and byte by byte, and no byte twice. */
#include "fuzz.h"

#include "base/buffer.h"
#include "wire/http_chunk.h"

static enum http_answer read_all(struct span bytes, size_t size, struct buffer *body, size_t *done,
                                 struct http_refusal *refusal)
{
    struct http_chunk chunk = {0};
    enum http_answer answer = HTTP_MORE;
    *done = 0;
    while (answer == HTTP_MORE && *done < bytes.length) {
        struct span piece = span_first(span_from(bytes, *done), size), data;
        size_t used;
        answer = http_chunk_read(&chunk, piece, &used, &data, refusal);
        assert(used > 0 && used <= piece.length && data.length <= used);
        assert(data.length == 0 ||
               (data.at >= piece.at && data.at + data.length <= piece.at + used));
        *done += used;
        buffer_add(body, data);
    }
    return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buffer_done) struct buffer whole = buffer_limited(size);
    CLEANUP(buffer_done) struct buffer pieces = buffer_limited(size);
    struct http_refusal one = {0}, other = {0};
    struct span bytes = span_bytes(data, size);
    size_t done, again;
    enum http_answer answer = read_all(bytes, size, &whole, &done, &one);
    assert(read_all(bytes, 1, &pieces, &again, &other) == answer && again == done);
    assert(span_equal(buffer_span(&whole), buffer_span(&pieces)) && !buffer_full(&whole));
    assert((answer == HTTP_REFUSED) == (one.status == 400) && one.text == other.text);
    assert(answer != HTTP_COMPLETE || span_ends(span_first(bytes, done), "\r\n\r\n"));
    return 0;
}
