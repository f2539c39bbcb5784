/* test_policy_request.c - policy delegation: vectors/policy_request.txt, limits, actions. */
#include "vectors.h"

#include "wire/policy_request.h"

static void show_text(struct buffer *out, const char *name, struct span value)
{
    if (!span_empty(value)) {
        buffer_format(out, " %s=", name);
        buffer_add(out, value);
    }
}

static void show_number(struct buffer *out, const char *name, uint64_t number)
{
    if (number != 0) {
        buffer_format(out, " %s=%llu", name, (unsigned long long)number);
    }
}

static void show(const struct policy_request *request, size_t left, struct buffer *out)
{
    buffer_add(out, request->protocol_state);
    show_text(out, "protocol", request->protocol_name);
    show_text(out, "sender", request->sender);
    show_text(out, "recipient", request->recipient);
    show_text(out, "method", request->sasl_method);
    show_text(out, "user", request->sasl_username);
    show_text(out, "address", request->client_address);
    show_text(out, "client", request->client_name);
    show_text(out, "helo", request->helo_name);
    show_text(out, "instance", request->instance);
    show_text(out, "queue_id", request->queue_id);
    show_number(out, "recipients", request->recipient_count);
    show_number(out, "size", request->size);
    show_number(out, "port", request->server_port);
    buffer_format(out, " +%zu", left);
}

static const char *const ANSWERS[] = {"bad", "more", "complete"};

/* id, bytes, what it says, "more" or "bad"; every front of a request is unfinished. */
static void run_request(const struct vector *vector)
{
    CLEANUP(buffer_done) struct buffer shown = buffer_limited(100000);
    struct policy_request request;
    struct span bytes = vector->column[1];
    enum policy_request_answer answer = policy_request_parse(bytes, &request);
    if (answer != POLICY_REQUEST_COMPLETE) {
        vector_same(vector, span_of(ANSWERS[answer]), vector->column[2]);
        return;
    }
    show(&request, bytes.length - request.consumed, &shown);
    vector_same(vector, buffer_span(&shown), vector->column[2]);
    for (size_t length = 0; length < request.consumed; length++) {
        struct policy_request front;
        vector_must(vector,
                    policy_request_parse(span_first(bytes, length), &front) == POLICY_REQUEST_MORE,
                    "a front is not unfinished");
    }
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("policy_request.txt", 25, run_request);
}

static enum policy_request_answer parse_attributes(int count)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(100000);
    struct policy_request request;
    buffer_add_text(&text, "request=smtpd_access_policy\nprotocol_state=RCPT\n");
    for (int i = 2; i < count; i++) {
        buffer_format(&text, "unknown%d=x\n", i);
    }
    buffer_add_byte(&text, '\n');
    return policy_request_parse(buffer_span(&text), &request);
}

static enum policy_request_answer parse_size(size_t size)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(100000);
    struct policy_request request;
    buffer_add_text(&text, "request=smtpd_access_policy\nprotocol_state=RCPT\nhelo_name=");
    while (text.length < size - 2) {
        buffer_add_byte(&text, 'x');
    }
    buffer_add_text(&text, "\n\n");
    return policy_request_parse(buffer_span(&text), &request);
}

static enum policy_request_answer parse_unfinished(size_t size)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(100000);
    struct policy_request request;
    while (text.length < size) {
        buffer_add_byte(&text, 'x');
    }
    return policy_request_parse(buffer_span(&text), &request);
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(parse_attributes(POLICY_REQUEST_ATTRIBUTES_MAX), POLICY_REQUEST_COMPLETE);
    assert_int_equal(parse_attributes(POLICY_REQUEST_ATTRIBUTES_MAX + 1), POLICY_REQUEST_BAD);
    assert_int_equal(parse_size(POLICY_REQUEST_MAX), POLICY_REQUEST_COMPLETE);
    assert_int_equal(parse_size(POLICY_REQUEST_MAX + 1), POLICY_REQUEST_BAD);
    assert_int_equal(parse_size(POLICY_REQUEST_MAX + 2), POLICY_REQUEST_BAD);
    assert_int_equal(parse_unfinished(POLICY_REQUEST_MAX - 1), POLICY_REQUEST_MORE);
    assert_int_equal(parse_unfinished(POLICY_REQUEST_MAX), POLICY_REQUEST_BAD);
}

static void test_replies(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(60);
    assert_true(policy_request_reply(&out, "DUNNO", NULL));
    assert_true(policy_request_reply(&out, "421 4.7.0", "account ended"));
    assert_true(span_is(buffer_span(&out), "action=DUNNO\n\naction=421 4.7.0 account ended\n\n"));
    size_t length = out.length;
    assert_false(policy_request_reply(&out, "REJECT", "too long for it"));
    assert_int_equal(out.length, length);
    assert_true(buffer_full(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
