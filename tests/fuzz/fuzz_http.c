/* fuzz_http.c - any bytes as HTTP, both roles: what is complete, written again, reads the same. */
#include "fuzz.h"

#include "wire/http.h"

static const struct http_limits LIMITS = {.head_max = 4096, .headers_max = 60, .body_max = 4096};

static struct http_request request, request_again;
static struct http_response response, response_again;

static bool is_written_for_us(struct span name)
{
    return span_is_fold(name, "Host") || span_is_fold(name, "Connection") ||
           span_is_fold(name, "Content-Length") || span_is_fold(name, "Transfer-Encoding");
}

static size_t keep_others(const struct http_header *headers, size_t count,
                          struct http_header *others)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        assert(!span_has(headers[i].value, '\r') && !span_has(headers[i].value, '\n'));
        assert(!span_has(headers[i].value, '\0') && !span_empty(headers[i].name));
        if (!is_written_for_us(headers[i].name)) {
            others[kept] = headers[i];
            kept++;
        }
    }
    return kept;
}

static void same_headers(const struct http_header *expected, size_t count,
                         const struct http_header *got, size_t got_count)
{
    for (size_t i = 0; i < count; i++) {
        struct span value;
        assert(http_find(got, got_count, "Content-Length", &value) || got_count == count);
        assert(http_has_token(expected, count, "Accept", "*/*") ==
               http_has_token(got, got_count, "Accept", "*/*"));
    }
}

static void check_request(struct span bytes, struct arena *arena)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(20000);
    struct http_refusal refusal;
    struct http_header others[HTTP_HEADERS_MAX];
    size_t count = keep_others(request.headers, request.headers_count, others);
    bool query = request.query.at != request.path.at + request.path.length;
    struct http_call call = {
        .method = span_text(arena, request.method),
        .target = span_bytes(request.path.at, request.path.length + query + request.query.length),
        .host = span_empty(request.host) ? SPAN_LITERAL("none") : request.host,
        .headers = others,
        .headers_count = count,
        .body = request.body,
        .keep_alive = request.keep_alive,
    };
    assert(http_call_write(&call, &out));
    assert(http_request_parse(buffer_span(&out), &(struct http_limits){20000, 64, 4096},
                              &request_again, &refusal) == HTTP_COMPLETE);
    assert(request_again.consumed == out.length && request_again.keep_alive == request.keep_alive);
    assert(span_equal(request.path, request_again.path) &&
           span_equal(request.query, request_again.query));
    assert(span_equal(request.body, request_again.body) &&
           span_equal(request.method, request_again.method));
    same_headers(others, count, request_again.headers, request_again.headers_count);
    assert(http_request_parse(span_first(bytes, request.consumed - 1), &LIMITS, &request_again,
                              &refusal) == HTTP_MORE);
}

/* Whoever reads heads alone finds the same head, and the body where it is. */
static void check_head(struct span bytes, enum http_answer whole)
{
    static const struct http_limits limits = {
        .head_max = 4096, .headers_max = 60, .body_max = 4096, .chunked = true};
    struct http_refusal refusal;
    enum http_answer answer = http_request_head(bytes, &limits, &request_again, &refusal);
    assert((answer == HTTP_REFUSED) == (refusal.text != NULL));
    assert(whole != HTTP_COMPLETE || answer == HTTP_COMPLETE);
    if (answer != HTTP_COMPLETE) {
        return;
    }
    assert(!request_again.chunked || request_again.body_length == 0);
    assert(request_again.body_length <= 4096);
    assert(span_ends(span_first(bytes, request_again.consumed), "\r\n\r\n"));
    if (whole == HTTP_COMPLETE) {
        assert(request.consumed == request_again.consumed + request_again.body_length);
        assert(request.headers_count == request_again.headers_count && !request_again.chunked);
    }
}

static void check_response(struct span bytes)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(20000);
    struct http_refusal refusal;
    struct http_header others[HTTP_HEADERS_MAX];
    size_t count = keep_others(response.headers, response.headers_count, others);
    struct http_reply reply = {
        .status = response.status,
        .headers = others,
        .headers_count = count,
        .body = response.body,
        .keep_alive = response.keep_alive,
    };
    assert(response.status >= 200 && response.status <= 599);
    assert(http_reply_write(&reply, &out));
    assert(http_response_parse(buffer_span(&out), &(struct http_limits){20000, 64, 4096},
                               &response_again, &refusal) == HTTP_COMPLETE);
    assert(response_again.consumed == out.length && response_again.status == response.status);
    assert(span_equal(response.body, response_again.body) &&
           response_again.keep_alive == response.keep_alive);
    assert(http_response_parse(span_first(bytes, response.consumed - 1), &LIMITS, &response_again,
                               &refusal) == HTTP_MORE);
    CLEANUP(buffer_done) struct buffer head = buffer_limited(200);
    reply.head_only = true;
    assert(http_reply_write(&reply, &head) == (head.length > 0));
}

static void check_refusal(enum http_answer answer, const struct http_refusal *refusal)
{
    assert((answer == HTTP_REFUSED) == (refusal->text != NULL));
    assert(answer != HTTP_REFUSED || (refusal->status >= 400 && refusal->status <= 505));
    assert(answer != HTTP_REFUSED || strcmp(http_reason(refusal->status), "Status") != 0);
}

static void check_encoding(struct span text, struct arena *arena)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(text.length * 3);
    struct span rest = text, name, value;
    http_encode(text, &out);
    bool zero = span_has(text, '\0');
    assert(http_decode(buffer_span(&out), true, arena, &value) == !zero);
    assert(zero || span_equal(value, text));
    size_t pairs = 0;
    while (http_query_next(&rest, arena, &name, &value) == HTTP_QUERY_PAIR) {
        pairs++;
    }
    assert(pairs <= text.length);
}

/* No value of ours can begin a header of its own, whatever it holds. */
static void check_injection(struct span text)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(20000);
    struct http_refusal refusal;
    const struct http_header header[] = {{SPAN_LITERAL("X-Value"), text},
                                         {span_first(text, 12), SPAN_LITERAL("v")}};
    for (size_t count = 1; count <= 2; count++) {
        struct http_reply reply = {
            .status = 200, .headers = header, .headers_count = count, .keep_alive = true};
        if (http_reply_write(&reply, &out)) {
            enum http_answer answer = http_response_parse(
                buffer_span(&out), &(struct http_limits){20000, 64, 0}, &response_again, &refusal);
            assert(answer == HTTP_REFUSED || response_again.headers_count == count + 1);
            assert(count == 2 || answer == HTTP_COMPLETE);
        }
        buffer_clear(&out);
    }
    struct http_call call = {
        .method = "GET", .target = text, .host = span_first(text, 5), .keep_alive = true};
    if (http_call_write(&call, &out)) {
        assert(http_request_parse(buffer_span(&out), &(struct http_limits){20000, 64, 0},
                                  &request_again, &refusal) == HTTP_COMPLETE);
        assert(request_again.headers_count == 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct http_refusal refusal;
    struct span bytes = span_bytes(data, size);
    enum http_answer answer = http_request_parse(bytes, &LIMITS, &request, &refusal);
    check_refusal(answer, &refusal);
    check_head(bytes, answer);
    if (answer == HTTP_COMPLETE) {
        check_request(bytes, &arena);
        check_encoding(request.query, &arena);
    }
    answer = http_response_parse(bytes, &LIMITS, &response, &refusal);
    check_refusal(answer, &refusal);
    if (answer == HTTP_COMPLETE) {
        check_response(bytes);
    }
    check_encoding(bytes, &arena);
    check_injection(bytes);
    return 0;
}
