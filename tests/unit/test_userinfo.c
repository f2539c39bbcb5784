/* test_userinfo.c - what is asked at userinfo, and tests/vectors/userinfo.txt for what comes back. */
#include "token/userinfo.h"

#include "vectors.h"

static struct json_view view;
static char name[] = "work", url[] = "https://id.example.com/userinfo";

static enum provider_email_verified mode_of(struct span text)
{
    return span_is(text, "trust")        ? PROVIDER_EMAIL_TRUST
           : span_is(text, "if_present") ? PROVIDER_EMAIL_IF_PRESENT
                                         : PROVIDER_EMAIL_REQUIRE;
}

static struct fetch_answer answer_of(const struct vector *vector)
{
    struct fetch_answer answer = {.content_type = vector->column[4], .body = vector->column[5]};
    struct span status = vector->column[3];
    uint64_t number = 0;
    if (span_starts(status, "failed")) {
        answer.outcome = FETCH_FAILED;
        answer.body = (struct span){0};
        answer.content_type = (struct span){0};
        status = span_from(status, strlen("failed:"));
    } else {
        answer.outcome = FETCH_ANSWERED;
        vector_must(vector, !span_empty(status), "no status");
    }
    vector_must(vector, span_empty(status) || span_number(status, 999, &number), "odd status");
    answer.status = (int)number;
    return answer;
}

static void describe(const struct verdict *verdict, struct buffer *out)
{
    static const char *const verified[] = {"unsaid", "no", "yes"};
    const char *reason = verdict_reason_name(verdict->reason);
    switch (verdict->answer) {
    case VERDICT_ACCEPTED:
        buffer_format(out, "accepted %s %s %s", verdict->address.text,
                      verdict->subject[0] == '\0' ? "-" : verdict->subject,
                      verified[verdict->verified]);
        return;
    case VERDICT_REFUSED:
        buffer_format(out, "refused %s %s", reason, verdict_status(verdict->reason, true));
        return;
    case VERDICT_UNAVAILABLE:
        buffer_format(out, "unavailable %s", reason);
        return;
    }
}

static void run(const struct vector *vector)
{
    char claim[64], failure[200];
    vector_must(vector, vector->count == 7 && span_fits(vector->column[2], claim, sizeof claim),
                "seven columns");
    struct provider provider = {.name = name,
                                .userinfo = url,
                                .username_claim = claim,
                                .email_verified = mode_of(vector->column[1])};
    struct fetch_answer answer = answer_of(vector);
    if (answer.outcome == FETCH_FAILED) {
        (void)span_fits(vector->column[5], failure, sizeof failure);
        answer.failure = failure;
    }
    static struct claims claims;
    static char bytes[USERINFO_SIZE_MAX];
    memset(&claims, 0xa5, sizeof claims); /* whatever is there must be gone */
    struct verdict verdict = {.answer = VERDICT_ACCEPTED, .provider = &provider, .expires = 7};
    if (userinfo_read(&provider, &answer, &view, bytes, &claims, &verdict)) {
        (void)claims_identify(&provider, &claims, &verdict);
    } else {
        vector_must(vector, verdict.answer != VERDICT_ACCEPTED, "what cannot be read is no yes");
    }
    CLEANUP(buffer_done) struct buffer said = buffer_limited(1000);
    describe(&verdict, &said);
    vector_same(vector, buffer_span(&said), vector->column[6]);
    vector_must(vector, verdict.provider == &provider && verdict.status == answer.status,
                "provider and status");
    vector_must(vector, verdict.answer != VERDICT_UNAVAILABLE || verdict.detail[0] != '\0',
                "trouble has a detail");
    vector_must(vector, verdict.expires == 7, "what another source said is kept");
    vector_must(vector, strstr(verdict.detail, "TOKEN-IN-BODY") == NULL, "no provider text");
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("userinfo.txt", 100, run);
}

/* Every requirement has a case. */
static bool seen[32];
static const char *const ids[] = {"FIELD", "U1", "U2", "U3", "U4", "U5",
                                  "U6",    "U7", "U8", "B1", "B2", "B3"};

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
    vectors_run("userinfo.txt", 1, note);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (!seen[i]) {
            fail_msg("no case for %s", ids[i]);
        }
    }
}

/* B1: the token is the bearer, and part of nothing else. */
static void test_request(void **state)
{
    (void)state;
    char ca_file[] = "/etc/ssl/own.pem";
    struct provider provider = {
        .userinfo = url, .ca_file = ca_file, .connect_ms = 2, .total_ms = 5};
    CLEANUP(secret_done) struct secret token = secret_new(SPAN_LITERAL("geheim"));
    struct fetch_request request = userinfo_request(&provider, provider.userinfo, &token);
    assert_ptr_equal(request.bearer, &token);
    assert_string_equal(request.url, "https://id.example.com/userinfo");
    assert_string_equal(request.accept, "application/json");
    assert_string_equal(request.ca_file, "/etc/ssl/own.pem");
    assert_int_equal(request.connect_ms, 2);
    assert_int_equal(request.total_ms, 5);
    assert_int_equal(request.body_max, 65536);
}

/* A verdict's detail is cut, not overrun. */
static void test_long_detail(void **state)
{
    (void)state;
    char failure[1000];
    memset(failure, 'x', sizeof failure - 1);
    failure[sizeof failure - 1] = '\0';
    struct provider provider = {.name = name};
    struct fetch_answer answer = {.failure = failure};
    static char bytes[USERINFO_SIZE_MAX];
    static struct claims claims;
    struct verdict verdict = {0};
    assert_false(userinfo_read(&provider, &answer, &view, bytes, &claims, &verdict));
    assert_int_equal(strlen(verdict.detail), sizeof verdict.detail - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_long_detail),
    };
    return cmocka_run_group_tests_name("userinfo", tests, NULL, NULL);
}
