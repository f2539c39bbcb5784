/* test_login_given.c - tokens that are given as they are, for mail/verifier: no message, no challenge, no delay. */
#include "with_login.h"

#include "base/metrics.h"

static void give(const char *token, const char *protocol)
{
    struct secret secret = secret_new(span_of(token));
    struct login_request request = {.protocol = span_of(protocol),
                                    .client = SPAN_LITERAL("203.0.113.5"),
                                    .token = &secret,
                                    .way = "INTROSPECT"};
    world.inside = true;
    world.login = login_start(&world.service, &request, on_outcome, &world);
    world.inside = false;
    secret_done(&secret); /* copied */
}

/* No answer may wait for a timer. */
static void decide(const struct verdict *verdict)
{
    settle();
    assert_non_null(world.token);
    assert_string_equal(world.token->token, "t0ken");
    assert_string_equal(world.token->user, "");
    say_token(verdict);
    settle();
}

static void test_accepted(void **state)
{
    (void)state;
    struct verdict yes = accepted("al@example.com", "s-alice");
    world.alice_bound = true;
    give("t0ken", "imap");
    decide(&yes);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
    assert_string_equal(world.last_user, "alice@example.com");
    expect_logged("login_accepted user=al@example.com account=alice@example.com mech=INTROSPECT "
                  "protocol=imap rip=203.0.113.5 login=");
    assert_int_equal(world.noted, 1);
}

static void test_binds(void **state)
{
    (void)state;
    struct verdict yes = accepted("alice@example.com", "s-alice");
    give("t0ken", "imap");
    decide(&yes);
    assert_int_equal(world.answers, 0);
    say_bound(CHANGE_DONE);
    settle();
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
}

static void test_refused_at_once(void **state)
{
    (void)state;
    struct moment before = world.loop.now;
    give("t0ken", "imap");
    decide(&no);
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused");
    assert_int_equal(world.challenges, 0);
    assert_int_equal(world.heard.ms, before.ms);
    forget_answer();
    give("t0ken", "imap");
    decide(&no);
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused_again");
}

static void test_unavailable(void **state)
{
    (void)state;
    static const struct verdict away = {.answer = VERDICT_UNAVAILABLE,
                                        .reason = VERDICT_UNREACHABLE};
    give("t0ken", "imap");
    decide(&away);
    expect(LOGIN_UNAVAILABLE, LOGIN_HINT_NONE, "login_unavailable");
    forget_answer();
    world.service.settings.logins_max = 0;
    give("t0ken", "imap");
    settle();
    expect(LOGIN_UNAVAILABLE, LOGIN_HINT_NONE, "login_unavailable");
    expect_logged("reason=too_many_logins");
}

static void test_no_token(void **state)
{
    (void)state;
    static char long_one[SASL_TOKEN_MAX + 2];
    memset(long_one, 'x', SASL_TOKEN_MAX + 1);
    static const char *const tokens[] = {"", "two words", "n\xc3\xafx", "a\nb", long_one};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        forget_answer();
        give(tokens[i], "");
        settle();
        expect(LOGIN_REFUSED, i == 4 ? LOGIN_HINT_TOO_LONG : LOGIN_HINT_NONE, "login_malformed");
        assert_int_equal(world.tokens_started, 0);
    }
}

/* Fifteen wrong ones from one address, then the next is not even looked at. */
static void test_throttled(void **state)
{
    (void)state;
    world.service.settings.logins_max = 100;
    for (int i = 0; i < 15; i++) {
        char token[20];
        snprintf(token, sizeof token, "guess%d", i);
        give(token, "imap");
        forget_answer();
        finish(&no, PASSWORD_WRONG);
    }
    forget_answer();
    give("t0ken", "imap");
    settle();
    expect(LOGIN_UNAVAILABLE, LOGIN_HINT_NONE, "login_unavailable");
    expect_logged("reason=throttled");
}

static void test_left(void **state)
{
    (void)state;
    give("t0ken", "imap");
    settle();
    login_cancel(world.login);
    assert_int_equal(world.answers, 0);
    assert_null(world.token);
}

static void test_counts(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    CLEANUP(buffer_done) struct buffer text = buffer_limited(METRICS_TEXT_MAX);
    world.service.counts = login_record_families(metrics);
    give("t0ken", "IMAPS\" 1");
    decide(&no);
    forget_answer();
    give("t0ken", "imap");
    decide(&no);
    metrics_write(metrics, &text);
    buffer_add_byte(&text, '\0');
#define LOGINS "\npostern_logins_total{outcome="
#define REST   ",reason=\"verdict_reason\",mechanism=\"INTROSPECT\",protocol="
    static const char *const lines[] = {
        LOGINS "\"refused\"" REST "\"other\",provider=\"work\"} 1\n",
        LOGINS "\"refused_again\"" REST "\"imap\",provider=\"work\"} 1\n",
        "\npostern_login_seconds_count{mechanism=\"INTROSPECT\"} 2\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strstr(text.at, lines[i]) == NULL) {
            fail_msg("%s is not in %s", lines[i], text.at);
        }
    }
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOGIN_TEST(test_accepted),    LOGIN_TEST(test_binds),    LOGIN_TEST(test_refused_at_once),
        LOGIN_TEST(test_unavailable), LOGIN_TEST(test_no_token), LOGIN_TEST(test_throttled),
        LOGIN_TEST(test_left),        LOGIN_TEST(test_counts),
    };
    return cmocka_run_group_tests_name("login_given", tests, NULL, NULL);
}
