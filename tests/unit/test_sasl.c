/* test_sasl.c - SASL messages: vectors/sasl.txt (OB1-OB18, XO1-XO8, PLAIN, LOGIN), names, error JSON. */
#include "vectors.h"

#include "base/text.h"
#include "wire/json.h"
#include "wire/sasl.h"

static const char *const ANSWERS[] = {
    [SASL_MALFORMED] = "malformed", [SASL_TRUNCATED] = "truncated",
    [SASL_TOO_LONG] = "too-long",   [SASL_ASKS_CONFIGURATION] = "asks",
    [SASL_CONTINUE] = "continue",   [SASL_COMPLETE] = "complete",
};

/* A column is the message, or "b64:" and what the client sent in its place. */
static enum sasl_answer read_column(const struct vector *vector, size_t column,
                                    struct sasl_credential *credential)
{
    struct span message = vector->column[column];
    bool line_limit = span_is(vector->column[2], "postfix");
    enum sasl_mechanism mechanism = sasl_find(vector->column[1]);
    if (span_starts(message, "b64:")) {
        return sasl_read(mechanism, span_from(message, 4), line_limit, credential);
    }
    CLEANUP(buffer_done) struct buffer base64 = buffer_limited(1024 * 1024);
    text_base64_encode(message, &base64);
    return sasl_read(mechanism, buffer_span(&base64), line_limit, credential);
}

/* id, mechanism, through, message, answer, user, secret or problem, second message of LOGIN. */
static void run_message(const struct vector *vector)
{
    CLEANUP(sasl_done) struct sasl_credential credential = {0};
    enum sasl_answer answer = read_column(vector, 3, &credential);
    if (vector->count > 7) {
        vector_must(vector, answer == SASL_CONTINUE, "does not ask for the password");
        vector_must(vector, credential.kind == SASL_NOTHING, "a credential before the password");
        answer = read_column(vector, 7, &credential);
    }
    vector_same(vector, span_of(ANSWERS[answer]), vector->column[4]);
    bool complete = answer == SASL_COMPLETE;
    bool bearer = sasl_is_bearer(sasl_find(vector->column[1]));
    if (complete || answer == SASL_ASKS_CONFIGURATION || answer == SASL_CONTINUE) {
        vector_same(vector, span_of(credential.user), vector->column[5]);
    }
    vector_must(vector, (credential.kind != SASL_NOTHING) == complete,
                "a credential exactly when complete");
    vector_must(vector, !complete || (credential.kind == SASL_TOKEN) == bearer,
                "the wrong kind of credential");
    struct span said = complete ? secret_reveal(&credential.secret) : span_of(credential.problem);
    vector_same(vector, said, vector->column[6]);
}

static void test_messages(void **state)
{
    (void)state;
    vectors_run("sasl.txt", 100, run_message);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(sasl_find(SPAN_LITERAL("oauthbearer")), SASL_OAUTHBEARER);
    assert_int_equal(sasl_find(SPAN_LITERAL("XOAuth2")), SASL_XOAUTH2);
    assert_int_equal(sasl_find(SPAN_LITERAL("PLAIN")), SASL_PLAIN);
    assert_int_equal(sasl_find(SPAN_LITERAL("LOGIN")), SASL_LOGIN);
    assert_int_equal(sasl_find(SPAN_LITERAL("PLAI")), SASL_UNKNOWN);
    assert_int_equal(sasl_find(SPAN_LITERAL("")), SASL_UNKNOWN);
    assert_string_equal(sasl_name(SASL_XOAUTH2), "XOAUTH2");
    assert_string_equal(sasl_name(SASL_UNKNOWN), "unknown");
    assert_true(sasl_is_bearer(SASL_XOAUTH2) && sasl_is_bearer(SASL_OAUTHBEARER));
    assert_false(sasl_is_bearer(SASL_PLAIN) || sasl_is_bearer(SASL_LOGIN) ||
                 sasl_is_bearer(SASL_UNKNOWN));
}

/* A wiped credential reads like a new one: nothing of the first login reaches the second. */
static void test_done(void **state)
{
    (void)state;
    struct sasl_credential credential = {0};
    struct span message = SPAN_LITERAL("AGEAYg==");
    assert_int_equal(sasl_read(SASL_PLAIN, message, false, &credential), SASL_COMPLETE);
    sasl_done(&credential);
    struct sasl_credential zero;
    memset(&zero, 0, sizeof zero);
    assert_memory_equal(credential.user, zero.user, sizeof zero.user);
    assert_int_equal(credential.kind, SASL_NOTHING);
    assert_true(secret_empty(&credential.secret));
}

static void check_json(const char *scope, const char *url, const char *expected)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(2000);
    sasl_error_json(SPAN_LITERAL("invalid_token"), span_of(scope), span_of(url), &out);
    assert_true(span_is(buffer_span(&out), expected));
}

/* OB12: a JSON object with status, and scope and openid-configuration where they are known. */
static void test_error_json(void **state)
{
    (void)state;
    check_json("", "", "{\"status\":\"invalid_token\"}");
    check_json("openid email", "", "{\"status\":\"invalid_token\",\"scope\":\"openid email\"}");
    check_json("", "https://i/",
               "{\"status\":\"invalid_token\",\"openid-configuration\":\"https://i/\"}");
    check_json("a\"b", "", "{\"status\":\"invalid_token\",\"scope\":\"a\\\"b\"}");
    check_json("\xff", "", "{\"status\":\"invalid_token\"}");
}

static void test_error_json_bounded(void **state)
{
    (void)state;
    char scope[480] = {0};
    for (size_t length = 440; length < sizeof scope; length++) {
        CLEANUP(buffer_done) struct buffer out = buffer_limited(2000);
        memset(scope, 's', length);
        sasl_error_json(SPAN_LITERAL("invalid_token"), span_bytes(scope, length),
                        SPAN_LITERAL("https://i/"), &out);
        struct error error;
        CLEANUP(json_cleanup) struct json *document = json_parse(buffer_span(&out), 500, &error);
        assert_non_null(document);
        struct span value;
        /* {"status":"invalid_token","scope":"…"} has 37 bytes beside the scope. */
        assert_int_equal(json_text(document, "scope", &value), length + 37 <= 500);
        assert_int_equal(json_text(document, "openid-configuration", &value),
                         length + 37 > 500 || length + 74 <= 500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_done),
        cmocka_unit_test(test_error_json),
        cmocka_unit_test(test_error_json_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
