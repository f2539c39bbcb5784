/* test_http.c - HTTP messages: vectors/http_request.txt (smuggling forms), http_response.txt, http_query.txt, writers. */
#include "vectors.h"

#include "base/arena.h"
#include "wire/http.h"

static const struct http_limits LIMITS = {.head_max = 1000, .headers_max = 10, .body_max = 100};

static struct http_request request;
static struct http_response response;

static void show_refusal(struct buffer *out, enum http_answer answer,
                         const struct http_refusal *refusal)
{
    if (answer == HTTP_MORE) {
        buffer_add_text(out, "more");
    } else if (answer == HTTP_REFUSED) {
        buffer_format(out, "refused %u %s", refusal->status, refusal->text);
    }
}

static void show_rest(struct buffer *out, const struct http_header *headers, size_t count,
                      struct span body, bool keep_alive)
{
    for (size_t i = 0; i < count; i++) {
        buffer_add_byte(out, ' ');
        buffer_add(out, headers[i].name);
        buffer_add_byte(out, '=');
        buffer_add(out, headers[i].value);
    }
    buffer_add_text(out, keep_alive ? " keep" : " close");
    buffer_add_text(out, " body=");
    buffer_add(out, body);
}

static enum http_answer show_request(struct span bytes, struct buffer *out)
{
    struct http_refusal refusal;
    enum http_answer answer = http_request_parse(bytes, &LIMITS, &request, &refusal);
    show_refusal(out, answer, &refusal);
    if (answer == HTTP_COMPLETE) {
        buffer_add(out, request.method);
        buffer_add_byte(out, ' ');
        buffer_add(out, request.path);
        buffer_add_byte(out, '?');
        buffer_add(out, request.query);
        show_rest(out, request.headers, request.headers_count, request.body, request.keep_alive);
        buffer_format(out, " +%zu", bytes.length - request.consumed);
    }
    return answer;
}

static enum http_answer show_response(struct span bytes, struct buffer *out)
{
    struct http_refusal refusal;
    enum http_answer answer = http_response_parse(bytes, &LIMITS, &response, &refusal);
    show_refusal(out, answer, &refusal);
    if (answer == HTTP_COMPLETE) {
        buffer_format(out, "%u", response.status);
        show_rest(out, response.headers, response.headers_count, response.body,
                  response.keep_alive);
        buffer_format(out, " +%zu", bytes.length - response.consumed);
    }
    return answer;
}

typedef enum http_answer show_fn(struct span bytes, struct buffer *out);

/* However it arrives: a whole message has only unfinished fronts, and a bad one is never complete.
 * Each front is a copy of its own length, for ASan. */
static void check_fronts(const struct vector *vector, struct span bytes, enum http_answer whole,
                         show_fn *parse)
{
    for (size_t length = 0; length < bytes.length; length++) {
        CLEANUP(buffer_done) struct buffer shown = buffer_limited(100000);
        char *front = memory_new(length + 1, 1);
        memcpy(front, bytes.at, length);
        enum http_answer answer = parse(span_bytes(front, length), &shown);
        memory_free(front);
        vector_must(vector, whole != HTTP_COMPLETE || answer == HTTP_MORE,
                    "a front of a message is not unfinished");
        vector_must(vector, answer != HTTP_COMPLETE, "a front of a refused message is complete");
    }
}

static void run(const struct vector *vector, show_fn *parse)
{
    CLEANUP(buffer_done) struct buffer shown = buffer_limited(100000);
    enum http_answer answer = parse(vector->column[1], &shown);
    vector_same(vector, buffer_span(&shown), vector->column[2]);
    struct span message = vector->column[1];
    if (answer == HTTP_COMPLETE) {
        size_t consumed = parse == show_request ? request.consumed : response.consumed;
        message = span_first(message, consumed);
    }
    check_fronts(vector, message, answer, parse);
}

static void run_request(const struct vector *vector)
{
    run(vector, show_request);
}

/* ---- heads alone ---- */

static const struct http_limits HEAD_LIMITS = {
    .head_max = 1000, .headers_max = 10, .body_max = 100, .chunked = true};

/* "METHOD path LENGTH|chunked [expects] keep|close +rest", "more", or "refused STATUS why". */
static enum http_answer show_head(struct span bytes, struct buffer *out)
{
    struct http_refusal refusal;
    enum http_answer answer = http_request_head(bytes, &HEAD_LIMITS, &request, &refusal);
    show_refusal(out, answer, &refusal);
    if (answer == HTTP_COMPLETE) {
        buffer_add(out, request.method);
        buffer_add_byte(out, ' ');
        buffer_add(out, request.path);
        buffer_format(out, request.chunked ? " chunked" : " %zu", request.body_length);
        buffer_add_text(out, request.expects_continue ? " expects" : "");
        buffer_add_text(out, request.keep_alive ? " keep" : " close");
        buffer_format(out, " +%zu", bytes.length - request.consumed);
    }
    return answer;
}

static void run_head(const struct vector *vector)
{
    run(vector, show_head);
}

/* Whatever is wrong with a whole request is wrong with its head, but for what only the head's reader takes. */
static void run_request_as_head(const struct vector *vector)
{
    struct http_refusal whole, head;
    struct span bytes = vector->column[1];
    if (http_request_parse(bytes, &LIMITS, &request, &whole) != HTTP_REFUSED ||
        whole.status == 417 || whole.status == 501) {
        return;
    }
    vector_must(vector, http_request_head(bytes, &HEAD_LIMITS, &request, &head) == HTTP_REFUSED,
                "is refused as a head");
    vector_must(vector, head.status == whole.status && head.text == whole.text,
                "is refused for the same reason");
}

static void test_heads(void **state)
{
    (void)state;
    vectors_run("http_head.txt", 25, run_head);
    vectors_run("http_request.txt", 70, run_request_as_head);
    struct http_refusal refusal;
    static const char chunked[] =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_int_equal(http_request_head(span_of(chunked), &LIMITS, &request, &refusal),
                     HTTP_REFUSED);
    assert_int_equal(refusal.status, 501);
}

/* What is known of a request that is refused: the path, once the first line was good. */
static void test_refused_path(void **state)
{
    (void)state;
    struct http_refusal refusal;
    static const char bad_host[] = "GET /scim/v2 HTTP/1.1\r\nHost: a b\r\n\r\n",
                      bad_line[] = "GET /scim/v2 HTTP/1.9\r\nHost: a\r\n\r\n";
    assert_int_equal(http_request_head(span_of(bad_host), &LIMITS, &request, &refusal),
                     HTTP_REFUSED);
    assert_true(span_is(request.path, "/scim/v2"));
    assert_int_equal(http_request_head(span_of(bad_line), &LIMITS, &request, &refusal),
                     HTTP_REFUSED);
    assert_true(span_empty(request.path));
}

static void run_response(const struct vector *vector)
{
    run(vector, show_response);
}

static void test_requests(void **state)
{
    (void)state;
    vectors_run("http_request.txt", 70, run_request);
}

static void test_responses(void **state)
{
    (void)state;
    vectors_run("http_response.txt", 20, run_response);
}

/* id, query, "name=value" pairs behind one another, each in brackets; "bad" where it breaks. */
static void run_query(const struct vector *vector)
{
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(buffer_done) struct buffer shown = buffer_limited(100000);
    struct span rest = vector->column[1], name, value;
    enum http_query_answer answer;
    while ((answer = http_query_next(&rest, &arena, &name, &value)) == HTTP_QUERY_PAIR) {
        buffer_add_byte(&shown, '[');
        buffer_add(&shown, name);
        buffer_add_byte(&shown, '=');
        buffer_add(&shown, value);
        buffer_add_byte(&shown, ']');
    }
    buffer_add_text(&shown, answer == HTTP_QUERY_BAD ? "bad" : "");
    vector_same(vector, buffer_span(&shown), vector->column[2]);
}

static void test_queries(void **state)
{
    (void)state;
    vectors_run("http_query.txt", 12, run_query);
}

static void test_decode(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct span decoded, plain = SPAN_LITERAL("a+b");
    assert_true(http_decode(plain, false, &arena, &decoded) && decoded.at == plain.at);
    assert_true(http_decode(SPAN_LITERAL("a%40b%2Bc+d"), false, &arena, &decoded) &&
                span_is(decoded, "a@b+c+d"));
    assert_true(http_decode(plain, true, &arena, &decoded) && span_is(decoded, "a b"));
    assert_false(http_decode(SPAN_LITERAL("a%00"), false, &arena, &decoded));
    assert_false(http_decode(SPAN_LITERAL("a%4"), false, &arena, &decoded));
    CLEANUP(buffer_done) struct buffer out = buffer_limited(100);
    http_encode(SPAN_LITERAL("aZ09-._~ /?@+%\0\xff"), &out);
    assert_true(span_is(buffer_span(&out), "aZ09-._~%20%2F%3F%40%2B%25%00%FF"));
}

static void test_headers(void **state)
{
    (void)state;
    const struct http_header headers[] = {
        {SPAN_LITERAL("Connection"), SPAN_LITERAL("keep-alive,  Upgrade")},
        {SPAN_LITERAL("X-One"), SPAN_LITERAL("1")},
        {SPAN_LITERAL("connection"), SPAN_LITERAL("Close")},
    };
    struct span value;
    assert_true(http_find(headers, 3, "x-ONE", &value) && span_is(value, "1"));
    assert_false(http_find(headers, 3, "X-On", &value));
    assert_true(span_empty(value));
    assert_true(http_has_token(headers, 3, "Connection", "upgrade"));
    assert_true(http_has_token(headers, 3, "Connection", "close"));
    assert_false(http_has_token(headers, 3, "Connection", "keep"));
    assert_false(http_has_token(headers, 3, "X-One", "close"));
}

static void must(struct buffer *out, bool written, const char *expected)
{
    assert_true(written);
    if (!span_is(buffer_span(out), expected)) {
        fail_msg("got \"%.*s\", expected \"%s\"", (int)out->length, out->at, expected);
    }
    buffer_clear(out);
}

static void test_replies(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(1000);
    const struct http_header json[] = {
        {SPAN_LITERAL("Content-Type"), SPAN_LITERAL("application/json")}};
    struct http_reply reply = {.status = 200,
                               .headers = json,
                               .headers_count = 1,
                               .body = SPAN_LITERAL("{}"),
                               .keep_alive = true};
    must(&out, http_reply_write(&reply, &out),
         "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    reply.head_only = true;
    reply.keep_alive = false;
    must(&out, http_reply_write(&reply, &out),
         "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: "
         "close\r\n\r\n");
    reply = (struct http_reply){.status = 204, .keep_alive = true};
    must(&out, http_reply_write(&reply, &out), "HTTP/1.1 204 No Content\r\n\r\n");
    reply = (struct http_reply){.status = 304};
    must(&out, http_reply_write(&reply, &out),
         "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n");
    reply = (struct http_reply){.status = 599, .keep_alive = true};
    must(&out, http_reply_write(&reply, &out), "HTTP/1.1 599 Status\r\nContent-Length: 0\r\n\r\n");
}

static void test_calls(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(1000);
    const struct http_header headers[] = {{SPAN_LITERAL("Accept"), SPAN_LITERAL("*/*")}};
    struct http_call call = {.method = "POST",
                             .target = SPAN_LITERAL("/a?b=c"),
                             .host = SPAN_LITERAL("postern"),
                             .headers = headers,
                             .headers_count = 1,
                             .body = SPAN_LITERAL("x=1"),
                             .keep_alive = true};
    must(&out, http_call_write(&call, &out),
         "POST /a?b=c HTTP/1.1\r\nHost: postern\r\nAccept: */*\r\nContent-Length: 3\r\n\r\nx=1");
    static const char *const TARGETS[] = {"",           "a",         "*",    "/a b",
                                          "/a\r\nX: y", "http://h/", "/%0d", "/a#b"};
    for (size_t i = 0; i < sizeof TARGETS / sizeof *TARGETS; i++) {
        call.target = span_of(TARGETS[i]);
        assert_false(http_call_write(&call, &out));
    }
    call.target = SPAN_LITERAL("/");
    call.host = SPAN_LITERAL("a\r\nb");
    assert_false(http_call_write(&call, &out));
    call.host = SPAN_LITERAL("[::1]:80");
    call.method = "get";
    assert_false(http_call_write(&call, &out));
    assert_int_equal(out.length, 0);
    assert_false(buffer_full(&out));
}

/* Response splitting: no value can begin a header or a body of its own. */
static void test_injection(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(1000);
    static const struct http_header BAD[] = {
        {SPAN_LITERAL("X"), SPAN_LITERAL("a\r\nSet-Cookie: b")},
        {SPAN_LITERAL("X"), SPAN_LITERAL("a\n")},
        {SPAN_LITERAL("X"), SPAN_LITERAL("a\0b")},
        {SPAN_LITERAL("X Y"), SPAN_LITERAL("a")},
        {SPAN_LITERAL("X:"), SPAN_LITERAL("a")},
        {SPAN_LITERAL(""), SPAN_LITERAL("a")},
        {SPAN_LITERAL("content-LENGTH"), SPAN_LITERAL("5")},
        {SPAN_LITERAL("Transfer-Encoding"), SPAN_LITERAL("chunked")},
        {SPAN_LITERAL("Connection"), SPAN_LITERAL("close")},
        {SPAN_LITERAL("Host"), SPAN_LITERAL("x")},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct http_reply reply = {.status = 200, .headers = &BAD[i], .headers_count = 1};
        assert_false(http_reply_write(&reply, &out));
        assert_int_equal(out.length, 0);
    }
}

static void test_limits(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(60);
    struct http_reply reply = {
        .status = 200, .body = SPAN_LITERAL("12345678901234567890"), .keep_alive = true};
    buffer_add_text(&out, "first");
    assert_false(http_reply_write(&reply, &out));
    assert_true(span_is(buffer_span(&out), "first") && buffer_full(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),     cmocka_unit_test(test_heads),
        cmocka_unit_test(test_refused_path), cmocka_unit_test(test_responses),
        cmocka_unit_test(test_queries),      cmocka_unit_test(test_decode),
        cmocka_unit_test(test_headers),      cmocka_unit_test(test_replies),
        cmocka_unit_test(test_calls),        cmocka_unit_test(test_injection),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
