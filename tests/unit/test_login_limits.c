/* test_login_limits.c - what changes while a login waits, what it costs others, and what its log line says. */
#include "with_login.h"

/* -- what changes while a login waits -- */

static void test_changes_meanwhile(void **state)
{
    (void)state;
    struct verdict yes = accepted("alice@example.com", "s-alice");
    BEGIN(SASL_XOAUTH2, XOAUTH2_ALICE);
    settle();
    world.alice = ACCOUNT_DISABLED; /* while the provider is asked */
    finish(&yes, PASSWORD_WRONG);
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused");
    expect_logged("reason=account_disabled");

    forget_answer();
    world.alice = ACCOUNT_ACTIVE;
    BEGIN(SASL_XOAUTH2, "user=alice@example.com\001auth=Bearer other\001\001");
    settle();
    say_token(&yes);
    world.alice = ACCOUNT_DISABLED; /* while the binding is written */
    finish(&yes, PASSWORD_WRONG);
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused");

    forget_answer();
    world.alice = ACCOUNT_ACTIVE;
    BEGIN(SASL_PLAIN, PLAIN_ALICE);
    settle();
    world.alice_hash = "hash-of-another"; /* while the hash is computed */
    finish(&yes, PASSWORD_RIGHT);
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused");
    assert_int_equal(world.noted, 0);
}

static void test_binding(void **state)
{
    (void)state;
    struct verdict yes = accepted("alice@example.com", "s-alice");
    BEGIN(SASL_XOAUTH2, XOAUTH2_ALICE);
    settle();
    say_token(&yes);
    assert_non_null(world.binding);
    assert_string_equal(world.binding->id, "A");
    assert_string_equal(world.binding->provider, "work");
    assert_string_equal(world.binding->subject, "s-alice");
    assert_int_equal(world.lines, 0); /* no yes before it is durable */
    finish(&yes, PASSWORD_WRONG);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
    assert_int_equal(world.noted, 1);

    /* Another subject with the same e-mail (N9). */
    forget_answer();
    world.alice_bound = true;
    yes = accepted("alice@example.com", "s-mallory");
    BEGIN(SASL_XOAUTH2, XOAUTH2_ALICE);
    finish(&yes, PASSWORD_WRONG);
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused");
    expect_logged("reason=account_bound_to_other_subject");
    assert_int_equal(world.bindings_started, 1);

    forget_answer();
    world.alice_bound = false;
    world.service.changes = NULL;
    BEGIN(SASL_XOAUTH2, XOAUTH2_ALICE);
    finish(&yes, PASSWORD_WRONG);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
    assert_int_equal(world.bindings_started, 1);
}

/* One look-up that fails is enough: never "unknown" because the store was away for a moment. */
static void test_store_away(void **state)
{
    (void)state;
    struct verdict yes = accepted("alice@example.com", "s-alice");
    for (int failing = 1; failing <= 2; failing++) {
        world.store_down_from = world.store_down_to = failing;
        world.look_ups = 0;
        BEGIN(SASL_XOAUTH2, "user=al@example.com\001auth=Bearer t0ken\001\001");
        finish(&yes, PASSWORD_WRONG);
        assert_int_equal(world.look_ups, 2);
        expect(LOGIN_UNAVAILABLE, LOGIN_HINT_NONE, "login_unavailable");
        expect_logged("reason=store_unavailable");
        forget_answer();
    }
    world.store_down_from = world.store_down_to = 1;
    world.look_ups = 0;
    BEGIN(SASL_XOAUTH2, XOAUTH2_ALICE); /* the token's address: one look-up is for both */
    finish(&yes, PASSWORD_WRONG);
    assert_int_equal(world.look_ups, 1);
    expect(LOGIN_UNAVAILABLE, LOGIN_HINT_NONE, "login_unavailable");
    forget_answer();
    world.look_ups = 0;
    BEGIN(SASL_PLAIN, PLAIN_ALICE);
    finish(&yes, PASSWORD_RIGHT);
    expect(LOGIN_UNAVAILABLE, LOGIN_HINT_NONE, "login_unavailable");
    assert_int_equal(world.passwords_started, 0);
}

/* -- bounds -- */

static void test_logins_max(void **state)
{
    (void)state;
    struct login *logins[2];
    for (size_t i = 0; i < 2; i++) {
        begin_with(SASL_PLAIN, false, (struct span){0}, "203.0.113.5");
        settle();
        assert_int_equal(world.last.answer, LOGIN_CHALLENGE);
        logins[i] = world.login;
    }
    BEGIN(SASL_PLAIN, PLAIN_ALICE);
    settle();
    expect(LOGIN_UNAVAILABLE, LOGIN_HINT_NONE, "login_unavailable");
    expect_logged("reason=too_many_logins");
    forget_answer();
    login_cancel(logins[0]);
    expect_logged("login_abandoned mech=PLAIN protocol=imap rip=203.0.113.5 session=s3ssion ");
    forget_answer();
    BEGIN(SASL_PLAIN, PLAIN_ALICE);
    finish(&no, PASSWORD_RIGHT);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
    login_cancel(logins[1]);
    login_cancel(NULL);
}

/* A door that hands on what nobody asked for does no harm. */
static void test_unasked_messages(void **state)
{
    (void)state;
    struct verdict yes = accepted("alice@example.com", "s-alice");
    BEGIN(SASL_XOAUTH2, XOAUTH2_ALICE);
    GO_ON("user=bob@example.com\001auth=Bearer other\001\001");
    settle();
    GO_ON("user=bob@example.com\001auth=Bearer other\001\001");
    assert_string_equal(world.token->token, "t0ken");
    finish(&yes, PASSWORD_WRONG);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
    assert_int_equal(world.tokens_started, 1);
}

static void leave(const struct login_outcome *outcome, void *context)
{
    struct login **login = context;
    assert_int_equal(outcome->answer, LOGIN_REFUSED);
    login_cancel(*login); /* a door that closes while it hears the answer */
    login_continue(*login, SPAN_LITERAL("AQ=="));
    *login = NULL;
}

static void test_cancel_inside(void **state)
{
    (void)state;
    struct login *login = NULL;
    struct login_request request = {.mechanism = SASL_UNKNOWN, .secured = true};
    login = login_start(&world.service, &request, leave, &login);
    settle();
    assert_null(login);
    assert_int_equal(world.lines, 1);
    expect_logged("login_malformed mech=unknown rip=- login=");
}

/* -- guessing -- */

/* A delay that is longer than the client's patience is cut to it. */
static void test_long_delay(void **state)
{
    (void)state;
    world.service.settings.refusal_delay_ms = 60000;
    int64_t began = world.loop.now.ms;
    BEGIN(SASL_XOAUTH2, XOAUTH2_ALICE);
    finish(&no, PASSWORD_WRONG);
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused");
    assert_int_equal(world.loop.now.ms - began, 8000);
}

/* One phone and its stale token: counted once, told apart in the log, its neighbours not slowed. */
static void test_stale_token(void **state)
{
    (void)state;
    struct verdict yes = accepted("bob@example.com", "s-bob");
    for (int i = 0; i < 300; i++) {
        forget_answer();
        BEGIN(SASL_XOAUTH2, XOAUTH2_ALICE);
        finish(&no, PASSWORD_WRONG);
        expect(LOGIN_REFUSED, LOGIN_HINT_NONE, i == 0 ? "login_refused" : "login_refused_again");
    }
    forget_answer();
    int64_t began = world.loop.now.ms;
    BEGIN(SASL_XOAUTH2, "user=bob@example.com\001auth=Bearer bobs\001\001");
    finish(&yes, PASSWORD_WRONG);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
    assert_int_equal(world.loop.now.ms, began);
}

/* A token expires every hour: whoever then signs in with a new one was no guesser. */
static void test_forgiven(void **state)
{
    (void)state;
    struct verdict yes = accepted("alice@example.com", "s-alice");
    for (int i = 0; i < 30; i++) {
        char message[100];
        int length = snprintf(message, sizeof message,
                              "user=alice@example.com\001auth=Bearer old-%d\001\001", i);
        forget_answer();
        begin(SASL_XOAUTH2, message, (size_t)length);
        finish(&no, PASSWORD_WRONG);
        expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused");
        forget_answer();
        int64_t began = world.loop.now.ms;
        BEGIN(SASL_XOAUTH2, XOAUTH2_ALICE);
        finish(&yes, PASSWORD_WRONG);
        expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
        assert_int_equal(world.loop.now.ms, began);
    }
}

/* 300 guesses from one address: slowed after 10, no longer checked after 15, and never for ever. */
static void test_guesses(void **state)
{
    (void)state;
    int slow = 0, stopped = 0;
    for (int i = 0; i < 300; i++) {
        char message[100];
        int length =
            snprintf(message, sizeof message, "%calice@example.com%cguess-%d", '\0', '\0', i);
        forget_answer();
        int64_t began = world.loop.now.ms;
        begin(SASL_PLAIN, message, (size_t)length);
        finish(&no, PASSWORD_WRONG);
        slow += world.loop.now.ms - began > 2000;
        if (world.last.answer == LOGIN_UNAVAILABLE) {
            expect(LOGIN_UNAVAILABLE, LOGIN_HINT_NONE, "login_unavailable");
            expect_logged("reason=throttled");
            stopped++;
        }
    }
    assert_int_equal(world.passwords_started, 15);
    assert_int_equal(slow, 5);
    assert_int_equal(stopped, 285);
    forget_answer();
    world.loop.now.ms += 600000;
    BEGIN(SASL_PLAIN, PLAIN_ALICE);
    finish(&no, PASSWORD_RIGHT);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
}

/* -- the log -- */

/* fail2ban's filter and operators' eyes rely on names and order. */
static void test_line(void **state)
{
    (void)state;
    char expected[600];
    BEGIN(SASL_OAUTHBEARER, BEARER_ALICE);
    settle();
    world.loop.now.ms += 321;
    say_token(&no);
    const char *id = strstr(world.log, " login=");
    assert_non_null(id);
    assert_int_equal(strspn(id + 7, "0123456789abcdef"), 12);
    snprintf(expected, sizeof expected,
             "login_refused user=alice@example.com mech=OAUTHBEARER protocol=imap rip=203.0.113.5 "
             "session=s3ssion login=%.12s provider=work reason=verdict_reason status=401 ms=321\n",
             id + 7);
    assert_string_equal(world.log, expected);
    login_cancel(world.login); /* gone before it hears: logged once all the same */
    assert_int_equal(world.lines, 1);
}

/* A name that would like to be a line or a field of its own. */
static void test_hostile_names(void **state)
{
    (void)state;
    BEGIN(SASL_PLAIN, "\0x rip=192.0.2.9 \" \xc3\xa9\\\0right");
    finish(&no, PASSWORD_WRONG);
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused");
    expect_logged(
        "login_refused user=\"x rip=192.0.2.9 \\x22 \\xc3\\xa9\\x5c\" mech=PLAIN protocol=imap "
        "rip=203.0.113.5 ");
    assert_int_equal(strcspn(world.log, "\n"), strlen(world.log) - 1);
    assert_null(strstr(world.log, "right"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOGIN_TEST(test_changes_meanwhile), LOGIN_TEST(test_binding),
        LOGIN_TEST(test_store_away),        LOGIN_TEST(test_logins_max),
        LOGIN_TEST(test_unasked_messages),  LOGIN_TEST(test_cancel_inside),
        LOGIN_TEST(test_long_delay),        LOGIN_TEST(test_stale_token),
        LOGIN_TEST(test_guesses),           LOGIN_TEST(test_line),
        LOGIN_TEST(test_hostile_names),     LOGIN_TEST(test_forgiven),
    };
    return cmocka_run_group_tests_name("login_limits", tests, NULL, NULL);
}
