/* test_introspect.c - what is asked at introspection, and tests/vectors/introspection.txt for what comes back. */
#include "with_claims.h"

#include "base/text.h"
#include "token/introspect.h"
#include "token/signature.h"

static const char ENDPOINT[] = "https://id.example.com/introspect";
static struct json_view view;

/* -- answers -- */

static struct fetch_answer answer_of(const struct vector *vector, char *failure, size_t size)
{
    struct span status = vector->column[2];
    struct fetch_answer answer = {
        .outcome = FETCH_ANSWERED, .content_type = vector->column[3], .body = vector->column[4]};
    uint64_t number = 0;
    if (span_starts(status, "failed")) {
        (void)span_fits(vector->column[4], failure, size);
        answer = (struct fetch_answer){.outcome = FETCH_FAILED, .failure = failure};
        status = span_from(status, strlen("failed:"));
    }
    vector_must(vector, span_empty(status) || span_number(status, 999, &number), "odd status");
    answer.status = (int)number;
    return answer;
}

static void describe(const struct verdict *verdict, bool unsupported, struct buffer *out)
{
    static const char *const ANSWERS[] = {"refused ", "unavailable ", "accepted"};
    buffer_format(out, "%s%s%s", ANSWERS[verdict->answer], verdict_reason_name(verdict->reason),
                  unsupported ? " unsupported" : "");
}

static void run(const struct vector *vector)
{
    static struct claims claims;
    static char bytes[INTROSPECT_SIZE_MAX];
    char failure[200];
    struct with_provider with;
    bool tokeninfo = span_is(vector->column[1], "tokeninfo");
    struct verdict verdict = {.answer = VERDICT_ACCEPTED, .subject = "kept"};
    CLEANUP(buffer_done) struct buffer said = buffer_limited(1000);
    vector_must(vector, vector->count == 6, "six columns");
    with_provider_init(&with, tokeninfo ? SPAN_LITERAL("audiences=") : SPAN_LITERAL(""));
    struct fetch_answer answer = answer_of(vector, failure, sizeof failure);
    bool read = introspect_read(&with.provider, tokeninfo ? CLAIMS_TOKENINFO : CLAIMS_INTROSPECTION,
                                &answer, &view, bytes, &claims, &verdict);
    vector_must(vector, read || verdict.answer != VERDICT_ACCEPTED,
                "what cannot be read is no yes");
    vector_must(vector, verdict.status == answer.status, "the status");
    bool unsupported = !read && introspect_unsupported(&verdict);
    if (read) {
        (void)claims_judge(&with.provider, &claims, CLAIMS_NOW, &verdict);
    }
    describe(&verdict, unsupported, &said);
    vector_same(vector, buffer_span(&said), vector->column[5]);
    vector_must(vector, strcmp(verdict.subject, "kept") == 0, "what another source said is kept");
    vector_must(vector, verdict.answer != VERDICT_UNAVAILABLE || verdict.detail[0] != '\0',
                "trouble has a detail");
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("introspection.txt", 70, run);
}

static bool seen[32];
static const char *const ids[] = {"I1", "I2",  "I3",  "I4",  "I5",  "I6",    "I7",    "I8",
                                  "I9", "I10", "I11", "I12", "I13", "FIELD", "GOOGLE"};

static void note(const struct vector *vector)
{
    struct span id = span_first(vector->column[0], span_find(vector->column[0], '-'));
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        seen[i] |= span_is(id, ids[i]);
    }
}

static void test_complete(void **state)
{
    (void)state;
    vectors_run("introspection.txt", 1, note);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (!seen[i]) {
            fail_msg("no case for %s", ids[i]);
        }
    }
}

/* -- requests -- */

/* I1, I2: "Basic " and what is in it, or the whole value of Authorization; and the body. */
static const struct {
    const char *settings, *token, *authorization, *body;
} REQUESTS[] = {
    {"auth=basic;id=postern;secret=geheim", "tok", "Basic postern:geheim",
     "token=tok&token_type_hint=access_token"},
    {"auth=basic;id=postern;secret=a:b%c&d+e f/g=h", "tok",
     "Basic postern:a%3Ab%25c%26d%2Be%20f%2Fg%3Dh", "token=tok&token_type_hint=access_token"},
    {"auth=basic;id=ü:x;secret=ß~._-*", "tok", "Basic %C3%BC%3Ax:%C3%9F~._-*",
     "token=tok&token_type_hint=access_token"},
    {"auth=basic", "tok", NULL, "token=tok&token_type_hint=access_token"},
    {"auth=post;id=postern;secret=a&b=c %ü+", "a+b/c~d==", NULL,
     "token=a%2Bb%2Fc~d%3D%3D&token_type_hint=access_token&client_id=postern&"
     "client_secret=a%26b%3Dc%20%25%C3%BC%2B"},
    {"auth=bearer;secret=abc.def==", "x&y",
     "Bearer abc.def==", "token=x%26y&token_type_hint=access_token"},
    {"auth=none", "t", NULL, "token=t&token_type_hint=access_token"},
    {"auth=none;id=public", "t", NULL, "token=t&token_type_hint=access_token&client_id=public"},
};

static void expect_authorization(const struct introspect_request *request, const char *expected)
{
    assert_true((request->fetch.authorization == NULL) == (expected == NULL));
    if (expected == NULL) {
        return;
    }
    struct span value = secret_reveal(request->fetch.authorization);
    CLEANUP(buffer_done) struct buffer plain = buffer_limited(1000);
    if (span_starts(value, "Basic ")) {
        buffer_add_text(&plain, "Basic ");
        assert_true(text_base64_decode(span_from(value, strlen("Basic ")), &plain));
    } else {
        buffer_add(&plain, value);
    }
    if (!span_is(buffer_span(&plain), expected)) {
        fail_msg("%.*s, not %s", (int)plain.length, plain.at, expected);
    }
}

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof REQUESTS / sizeof *REQUESTS; i++) {
        struct with_provider with;
        struct introspect_request request;
        struct error error;
        with_provider_init(&with, span_of(REQUESTS[i].settings));
        with.provider.connect_ms = 2;
        with.provider.total_ms = 5;
        CLEANUP(secret_done) struct secret token = secret_new(span_of(REQUESTS[i].token));
        assert_true(introspect_request(&with.provider, ENDPOINT,
                                       SPAN_LITERAL("https://id.example.com"), &token, CLAIMS_NOW,
                                       &request, &error));
        expect_authorization(&request, REQUESTS[i].authorization);
        if (!span_is(request.fetch.body, REQUESTS[i].body)) {
            fail_msg("%.*s, not %s", (int)request.fetch.body.length, request.fetch.body.at,
                     REQUESTS[i].body);
        }
        assert_string_equal(request.fetch.url, ENDPOINT);
        assert_string_equal(request.fetch.accept, "application/json");
        assert_string_equal(request.fetch.body_type, "application/x-www-form-urlencoded");
        assert_null(request.fetch.bearer);
        assert_int_equal(request.fetch.connect_ms, 2);
        assert_int_equal(request.fetch.total_ms, 5);
        assert_int_equal(request.fetch.body_max, INTROSPECT_SIZE_MAX);
        introspect_request_done(&request);
        assert_null(request.fetch.body.at);
    }
}

/* Every byte arrives as it is. */
static void test_every_byte(void **state)
{
    (void)state;
    char secret[256];
    struct with_provider with;
    struct introspect_request request;
    struct error error;
    for (int i = 0; i < 255; i++) {
        secret[i] = (char)(i + 1);
    }
    secret[255] = '\0';
    with_provider_init(&with, SPAN_LITERAL("auth=post;id=x"));
    with.provider.introspection.secret = secret;
    CLEANUP(secret_done) struct secret token = secret_new(SPAN_LITERAL("t"));
    assert_true(introspect_request(&with.provider, ENDPOINT, (struct span){0}, &token, CLAIMS_NOW,
                                   &request, &error));
    size_t at = span_search(request.fetch.body, SPAN_LITERAL("client_secret=")) + 14;
    struct span left = span_from(request.fetch.body, at);
    for (int i = 0; i < 255; i++) {
        int byte = span_at(left, 0);
        bool escaped = byte == '%';
        int value = escaped
                        ? text_hex_digit(span_at(left, 1)) * 16 + text_hex_digit(span_at(left, 2))
                        : byte;
        assert_int_equal(value, i + 1);
        left = span_from(left, escaped ? 3 : 1);
    }
    assert_true(span_empty(left));
    introspect_request_done(&request);
}

static void test_tokeninfo(void **state)
{
    (void)state;
    struct with_provider with;
    struct introspect_request request;
    with_provider_init(&with, SPAN_LITERAL("tokeninfo=https://t.example/tokeninfo;id=x;secret=y"));
    CLEANUP(secret_done) struct secret token = secret_new(SPAN_LITERAL("a+b=="));
    introspect_tokeninfo_request(&with.provider, &token, &request);
    assert_string_equal(request.fetch.url, "https://t.example/tokeninfo");
    assert_true(span_is(request.fetch.body, "access_token=a%2Bb%3D%3D"));
    assert_null(request.fetch.authorization);
    introspect_request_done(&request);
}

/* What would be no header, and what is no key, is an error and not a request. */
static void test_refused(void **state)
{
    (void)state;
    static const char *const SETTINGS[] = {
        "auth=bearer",          "auth=bearer;secret=a b",      "auth=bearer;secret=a\r\nX: y",
        "auth=bearer;secret=ü", "auth=key;id=x;secret=no key", "auth=key;id=\xff;secret=x",
    };
    for (size_t i = 0; i < sizeof SETTINGS / sizeof *SETTINGS; i++) {
        struct with_provider with;
        struct introspect_request request;
        struct error error = {0};
        with_provider_init(&with, span_of(SETTINGS[i]));
        CLEANUP(secret_done) struct secret token = secret_new(SPAN_LITERAL("t"));
        assert_false(introspect_request(&with.provider, ENDPOINT, (struct span){0}, &token,
                                        CLAIMS_NOW, &request, &error));
        assert_true(error.text[0] != '\0');
    }
}

/* More than a fetch takes is an error, and no request. */
static void test_too_large(void **state)
{
    (void)state;
    struct with_provider with;
    struct introspect_request request;
    struct error error = {0};
    with_provider_init(&with, SPAN_LITERAL("id=x;secret=y"));
    for (size_t length = 16384; length <= SECRET_MAX; length *= 2) {
        CLEANUP(buffer_done) struct buffer text = buffer_limited(SECRET_MAX);
        memset(buffer_room(&text, length), '+', length);
        buffer_took(&text, length);
        CLEANUP(secret_done) struct secret token = secret_new(buffer_span(&text));
        bool fits = introspect_request(&with.provider, ENDPOINT, (struct span){0}, &token,
                                       CLAIMS_NOW, &request, &error);
        assert_int_equal(fits, 3 * length < SECRET_MAX);
        assert_true(!fits || request.fetch.body.length <= SECRET_MAX);
        introspect_request_done(&request);
    }
}

/* -- private_key_jwt -- */

/* Made for this test and nothing else. */
static const char KEY[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MC4CAQAwBQYDK2VwBCIEIAaeMP0hl9iEGGVlxI8/t1Wd/35TKtd9Tamqe27zrHqM\n"
                          "-----END PRIVATE KEY-----\n";
static const char PUBLIC[] = "no2hnVT9gqMWVqXAWJhE5NXgsckeMX4MrmSCDmN77PE";

static void expect_text(const struct json_view *claims, const char *name, const char *expected)
{
    const struct json_view_value *value = json_view_path(claims, span_of(name));
    assert_int_equal(json_view_kind(value), JSON_VIEW_TEXT);
    assert_true(span_is(value->text, expected));
}

static void expect_number(const struct json_view *claims, const char *name, int64_t expected)
{
    int64_t number = 0;
    assert_true(json_view_number(json_view_path(claims, span_of(name)), &number));
    assert_int_equal(number, expected);
}

static void expect_assertion(struct span assertion, char *id, size_t size)
{
    static struct jwt jwt;
    unsigned char bytes[32];
    size_t length = 0;
    struct error error;
    assert_true(jwt_base64url_decode(span_of(PUBLIC), bytes, sizeof bytes, &length));
    struct signature_key *key = signature_key_ed25519(span_bytes(bytes, length), &error);
    assert_non_null(key);
    assert_int_equal(jwt_read(&jwt, assertion), JWT_GOOD);
    assert_true(span_is(jwt.algorithm, "EdDSA"));
    assert_true(signature_verify(key, SIGNATURE_EDDSA, jwt.signed_part, jwt.signature));
    signature_key_release(key);
    expect_text(&jwt.claims, "iss", "postern \"x\"");
    expect_text(&jwt.claims, "sub", "postern \"x\"");
    expect_number(&jwt.claims, "iat", CLAIMS_NOW);
    expect_number(&jwt.claims, "exp", CLAIMS_NOW + 60);
    const struct json_view_value *audiences = json_view_path(&jwt.claims, SPAN_LITERAL("aud"));
    const struct json_view_value *first = json_view_first(&jwt.claims, audiences);
    assert_true(span_is(first->text, "https://id.example.com"));
    const struct json_view_value *second = json_view_next(&jwt.claims, first);
    assert_true(span_is(second->text, ENDPOINT)); /* without the user-info */
    assert_null(json_view_next(&jwt.claims, second));
    const struct json_view_value *unique = json_view_path(&jwt.claims, SPAN_LITERAL("jti"));
    assert_int_equal(unique->text.length, 32); /* 128 bits */
    assert_true(span_fits(unique->text, id, size));
}

static void test_private_key(void **state)
{
    (void)state;
    char ids_seen[2][64], key[sizeof KEY];
    static const char WANTED[] =
        "token=t&token_type_hint=access_token&client_id=postern%20%22x%22&client_assertion_type="
        "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=";
    struct with_provider with;
    with_provider_init(&with, SPAN_LITERAL("auth=key;id=postern \"x\""));
    memcpy(key, KEY, sizeof KEY);
    with.provider.introspection.secret = key;
    CLEANUP(secret_done) struct secret token = secret_new(SPAN_LITERAL("t"));
    for (int i = 0; i < 2; i++) {
        struct introspect_request request;
        struct error error;
        assert_true(introspect_request(&with.provider, "https://user:pw@id.example.com/introspect",
                                       SPAN_LITERAL("https://id.example.com"), &token, CLAIMS_NOW,
                                       &request, &error));
        assert_null(request.fetch.authorization);
        assert_true(span_starts(request.fetch.body, WANTED));
        assert_int_equal(span_search(request.fetch.body, SPAN_LITERAL("PRIVATE")),
                         request.fetch.body.length);
        expect_assertion(span_from(request.fetch.body, strlen(WANTED)), ids_seen[i],
                         sizeof ids_seen[i]);
        introspect_request_done(&request);
    }
    assert_string_not_equal(ids_seen[0], ids_seen[1]);
}

static int set_up(void **state)
{
    (void)state;
    return secret_init() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),     cmocka_unit_test(test_complete),
        cmocka_unit_test(test_requests),    cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_tokeninfo),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_private_key), cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
