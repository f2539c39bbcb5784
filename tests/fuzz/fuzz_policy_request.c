/* fuzz_policy_request.c - any bytes as policy requests; an action is one line and an empty one. */
#include "fuzz.h"

#include "wire/policy_request.h"

static void check_request(struct span bytes, const struct policy_request *request)
{
    struct policy_request front;
    assert(request->consumed <= bytes.length && request->consumed <= POLICY_REQUEST_MAX);
    struct span whole = span_first(bytes, request->consumed);
    assert(span_ends(whole, "\n\n"));
    assert(span_search(whole, SPAN_LITERAL("\n\n")) == whole.length - 2);
    assert(span_is(request->request, "smtpd_access_policy") &&
           !span_empty(request->protocol_state));
    assert(!span_has(request->sender, '\n') && !span_has(request->sasl_username, '\n'));
    for (size_t length = 1; length < whole.length; length += 1 + length / 8) {
        assert(policy_request_parse(span_first(whole, whole.length - length), &front) ==
               POLICY_REQUEST_MORE);
    }
}

static bool printable(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (span_at(text, i) < ' ' || span_at(text, i) == 0x7f) {
            return false;
        }
    }
    return !span_empty(text);
}

static void check_reply(struct span value, const char *text)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(200);
    if (printable(value)) {
        bool written = policy_request_reply(&out, text, value.length % 2 == 0 ? NULL : text);
        struct span reply = buffer_span(&out);
        assert(written == (out.length > 0));
        assert(!written ||
               (span_starts(reply, "action=") && span_find(reply, '\n') == reply.length - 2));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct span bytes = span_bytes(data, size);
    struct policy_request request;
    check_reply(bytes, span_text(&arena, bytes));
    while (policy_request_parse(bytes, &request) == POLICY_REQUEST_COMPLETE) {
        check_request(bytes, &request);
        bytes = span_from(bytes, request.consumed);
    }
    return 0;
}
