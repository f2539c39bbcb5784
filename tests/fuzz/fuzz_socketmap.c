/* fuzz_socketmap.c - any bytes as socketmap requests; replies are netstrings whatever they hold. */
#include "fuzz.h"

#include "wire/socketmap.h"

static void check_netstring(struct span text)
{
    uint64_t length;
    size_t colon = span_find(text, ':');
    assert(span_number(span_first(text, colon), SOCKETMAP_REPLY_MAX, &length));
    assert(text.length == colon + 1 + length + 1 && span_ends(text, ","));
}

static void check_replies(struct span value, const char *reason)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(200000);
    assert(socketmap_ok(&out, value));
    check_netstring(buffer_span(&out));
    bool ok = span_starts(span_from(buffer_span(&out), span_find(buffer_span(&out), ':')), ":OK ");
    assert(ok || span_search(buffer_span(&out), SPAN_LITERAL(":TEMP ")) < 8);
    buffer_clear(&out);
    if (ok && value.length < 1000) {
        assert(socketmap_temporary(&out, reason));
        check_netstring(buffer_span(&out));
        buffer_clear(&out);
        assert(socketmap_permanent(&out, reason) && socketmap_notfound(&out));
    }
    CLEANUP(buffer_done) struct buffer small = buffer_limited(12);
    assert(socketmap_ok(&small, value) == (small.length > 0));
}

static void check_request(struct span bytes, const struct socketmap_request *request)
{
    CLEANUP(buffer_done) struct buffer again = buffer_limited(SOCKETMAP_REQUEST_MAX);
    struct socketmap_request front;
    assert(request->consumed <= bytes.length && request->consumed <= SOCKETMAP_REQUEST_MAX);
    buffer_format(&again, "%zu:", request->name.length + 1 + request->key.length);
    buffer_add(&again, request->name);
    buffer_add_byte(&again, ' ');
    buffer_add(&again, request->key);
    buffer_add_byte(&again, ',');
    assert(span_equal(buffer_span(&again), span_first(bytes, request->consumed)));
    for (size_t i = 1; i <= 3; i++) {
        assert(socketmap_parse(span_first(bytes, request->consumed - i), &front) == SOCKETMAP_MORE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct span bytes = span_bytes(data, size);
    struct socketmap_request request;
    while (socketmap_parse(bytes, &request) == SOCKETMAP_REQUEST) {
        check_request(bytes, &request);
        bytes = span_from(bytes, request.consumed);
    }
    if (size > 0) {
        struct span all = span_bytes(data, size);
        check_replies(all, span_text(&arena, all));
    }
    if (size > 5 && data[0] == 'L') { /* a value beyond what Postfix takes */
        static char longest[SOCKETMAP_REPLY_MAX + 10];
        memset(longest, 'x', sizeof longest);
        check_replies(span_bytes(longest, SOCKETMAP_REPLY_MAX - 6 + data[1] % 8), "later");
    }
    return 0;
}
