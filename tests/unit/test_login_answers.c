/* test_login_answers.c - what a client hears. OB, XO and P: the requirements of OAUTHBEARER, XOAUTH2 and
 * PLAIN that are the login's to keep. */
#include "with_login.h"

#include "wire/json.h"

#include "wire/json.h"

static void expect_status(const char *status)
{
    struct error error;
    CLEANUP(json_cleanup)
    struct json *json = json_parse(span_of(world.last_challenge), 1000, &error);
    struct span text;
    assert_non_null(json);
    assert_true(json_text(json, "status", &text));
    assert_true(span_is(text, status));
    assert_true(json_text(json, "scope", &text));
    assert_true(span_is(text, "openid email"));
    assert_true(json_text(json, "openid-configuration", &text));
    assert_true(span_is(text, provider_configuration));
}

/* -- who signs in -- */

static void test_ob4_no_name(void **state)
{
    (void)state;
    struct verdict yes = accepted("alice@example.com", "s-alice");
    BEGIN(SASL_OAUTHBEARER, BEARER_NOBODY);
    settle();
    assert_string_equal(world.token->user, "");
    assert_string_equal(world.token->token, "t0ken");
    finish(&yes, PASSWORD_WRONG);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
    assert_string_equal(world.last_user, "alice@example.com");
    expect_logged("user=alice@example.com account=alice@example.com ");
}

/* An alias of the account, in any case, is the account; its primary address is who it is from here on. */
static void test_alias(void **state)
{
    (void)state;
    struct verdict yes = accepted("alice@example.com", "s-alice");
    BEGIN(SASL_OAUTHBEARER, "n,a=AL@Example.com,\001auth=Bearer t0ken\001\001");
    settle();
    assert_string_equal(world.token->user, "al@example.com");
    finish(&yes, PASSWORD_WRONG);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
    assert_string_equal(world.last_user, "alice@example.com");
    expect_logged("user=AL@Example.com account=alice@example.com ");
    forget_answer();
    yes = accepted("al@example.com", "s-alice");
    BEGIN(SASL_XOAUTH2, XOAUTH2_ALICE);
    finish(&yes, PASSWORD_WRONG);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
    assert_string_equal(world.last_user, "alice@example.com");
}

/* OB15: nothing is said with a yes. */
static void test_ob15_success_is_silent(void **state)
{
    (void)state;
    struct verdict yes = accepted("alice@example.com", "s-alice");
    world.alice_bound = true;
    BEGIN(SASL_OAUTHBEARER, BEARER_ALICE);
    finish(&yes, PASSWORD_WRONG);
    assert_int_equal(world.challenges, 0);
    assert_string_equal(world.last_challenge, "");
    assert_string_equal(world.last_id, "A");
    assert_int_equal(world.bindings_started, 0);
}

/* -- refusals -- */

/* OB5, XO3, OB18: somebody else's token, an unknown user, an ended account and a bad token are told
 * alike, byte for byte and at the same moment. */
static void test_ob5_ob18_all_alike(void **state)
{
    (void)state;
    const struct verdict alices = accepted("alice@example.com", "s-alice");
    const struct verdict mallorys = accepted("mallory@example.com", "s-mallory");
    const struct {
        const char *message, *reason;
        const struct verdict *verdict;
        enum account_state alice;
        int64_t after_ms;
    } cases[] = {
        {"n,a=bob@example.com,\001auth=Bearer t0ken\001\001", "token_of_other_account", &alices,
         ACCOUNT_ACTIVE, 3},
        {"n,a=no@example.com,\001auth=Bearer t0ken\001\001", "token_of_other_account", &alices,
         ACCOUNT_ACTIVE, 900},
        {"n,a=mallory@example.com,\001auth=Bearer t0ken\001\001", "no_account", &mallorys,
         ACCOUNT_ACTIVE, 40},
        {BEARER_ALICE, "account_disabled", &alices, ACCOUNT_DISABLED, 1200},
        {BEARER_ALICE, "no_account", &alices, ACCOUNT_GONE, 0},
        {BEARER_ALICE, "verdict_reason", &no, ACCOUNT_ACTIVE, 77},
    };
    char first[1200] = "";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        forget_answer();
        world.alice = cases[i].alice;
        int64_t began = world.loop.now.ms;
        begin(SASL_OAUTHBEARER, cases[i].message, strlen(cases[i].message));
        settle();
        world.loop.now.ms += cases[i].after_ms;
        say_token(cases[i].verdict);
        assert_int_equal(world.challenges, 0);
        assert_true(fake_loop_fire(&world.loop));
        assert_int_equal(world.challenges, 1);
        assert_int_equal(world.loop.now.ms - began, 2000);
        if (i == 0) {
            strcpy(first, world.last_challenge);
        }
        assert_string_equal(world.last_challenge, first);
        expect_status("invalid_token");
        GO_ON("\001");
        settle();
        assert_int_equal(world.loop.now.ms - began, 2000);
        assert_int_equal(world.last.answer, LOGIN_REFUSED);
        assert_string_equal(world.last_id, "");
        expect_logged(cases[i].reason);
    }
}

/* OB12, OB13: what the client should do about it. */
static void test_ob13_statuses(void **state)
{
    (void)state;
    const struct verdict forbidden = {.provider = &provider, .reason = VERDICT_FORBIDDEN};
    const struct verdict whose = {.reason = VERDICT_NO_PROVIDER};
    BEGIN(SASL_OAUTHBEARER, BEARER_ALICE);
    finish(&no, PASSWORD_WRONG);
    expect_status("invalid_token");
    expect_logged(" provider=work reason=verdict_reason status=401 ");
    forget_answer();
    BEGIN(SASL_OAUTHBEARER, BEARER_ALICE);
    finish(&forbidden, PASSWORD_WRONG);
    expect_status("insufficient_scope");
    forget_answer();
    BEGIN(SASL_OAUTHBEARER, BEARER_NOBODY);
    finish(&whose, PASSWORD_WRONG);
    expect_status("invalid_request");
    forget_answer();
    BEGIN(SASL_OAUTHBEARER, "n,,\001auth=Bearer a b\001\001");
    finish(&no, PASSWORD_WRONG);
    expect_status("invalid_request");
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_malformed");
}

/* OB14: whatever the client says to the error challenge, nothing is checked a second time. */
static void test_ob14_any_reply(void **state)
{
    (void)state;
    static const char *const replies[] = {
        "AQ==",
        "",
        "*",
        "AQE=",
        "=",
        "not base64 at all",
        "bixhPWFsaWNlQGV4YW1wbGUuY29tLAFhdXRoPUJlYXJlciBuZXcBAQ=="};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        forget_answer();
        world.tokens_started = 0;
        BEGIN(SASL_OAUTHBEARER, BEARER_ALICE);
        settle();
        say_token(&no);
        assert_true(fake_loop_fire(&world.loop));
        assert_int_equal(world.last.answer, LOGIN_CHALLENGE);
        login_continue(world.login, span_of(replies[i]));
        settle();
        assert_int_equal(world.last.answer, LOGIN_REFUSED);
        assert_int_equal(world.tokens_started, 1);
        assert_int_equal(world.challenges, 1);
        assert_int_equal(world.lines, 1);
    }
}

/* XO6: a challenge hangs mbsync and s-nail, and POP3 clients take it for success. */
static void test_xo6_direct(void **state)
{
    (void)state;
    BEGIN(SASL_XOAUTH2, XOAUTH2_ALICE);
    finish(&no, PASSWORD_WRONG);
    assert_int_equal(world.challenges, 0);
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused");
    assert_string_equal(world.last_user, "alice@example.com");
    forget_answer();
    BEGIN(SASL_XOAUTH2, "user=alice@example.com\001auth=Basic x\001\001");
    finish(&no, PASSWORD_WRONG);
    assert_int_equal(world.challenges, 0);
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_malformed");
}

/* A provider that cannot say is neither a bad token nor slowed nor counted. */
static void test_outage(void **state)
{
    (void)state;
    const struct verdict down = {.answer = VERDICT_UNAVAILABLE,
                                 .provider = &provider,
                                 .reason = VERDICT_UNREACHABLE,
                                 .detail = "could not connect: Connection refused"};
    int64_t began = world.loop.now.ms;
    BEGIN(SASL_OAUTHBEARER, BEARER_ALICE);
    finish(&down, PASSWORD_WRONG);
    expect(LOGIN_UNAVAILABLE, LOGIN_HINT_NONE, "login_unavailable");
    expect_logged(" detail=\"could not connect: Connection refused\" ");
    assert_int_equal(world.challenges, 0);
    assert_int_equal(world.loop.now.ms, began);
    assert_int_equal(throttle_entries(world.service.throttle), 0);
}

/* -- what is no credential -- */

/* OB8: a question, not an attack. */
static void test_ob8_asks_configuration(void **state)
{
    (void)state;
    BEGIN(SASL_OAUTHBEARER, "n,a=alice@example.com,\001auth=\001\001");
    finish(&no, PASSWORD_WRONG);
    assert_int_equal(world.challenges, 1);
    expect_status("invalid_token");
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_malformed");
    expect_logged("reason=asks_configuration");
    assert_int_equal(world.tokens_started, 0);
    assert_int_equal(throttle_entries(world.service.throttle), 0);
}

/* OB7: what is no b64token reaches no provider. */
static void test_ob7_no_request(void **state)
{
    (void)state;
    static const char *const tokens[] = {"a\r\nX-Admin: 1", "a b", "a\tb", "", " ", "a=b",
                                         "\xc3\xa9"};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        char message[200];
        snprintf(message, sizeof message, "n,a=alice@example.com,\001auth=Bearer %s\001\001",
                 tokens[i]);
        forget_answer();
        begin(SASL_OAUTHBEARER, message, strlen(message));
        finish(&no, PASSWORD_WRONG);
        expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_malformed");
        assert_int_equal(world.tokens_started, 0);
    }
    assert_int_equal(throttle_entries(world.service.throttle), 0);
}

static void begin_through_postfix(size_t length)
{
    char text[4096];
    memset(text, 'A', sizeof text);
    struct login_request request = {.mechanism = SASL_XOAUTH2,
                                    .client = SPAN_LITERAL("203.0.113.5"),
                                    .secured = true,
                                    .line_limit = true,
                                    .has_response = true,
                                    .response = span_bytes(text, length)};
    world.login = login_start(&world.service, &request, on_outcome, &world);
}

static void test_hints(void **state)
{
    (void)state;
    char *huge = memory_new(1, 130000);
    memset(huge, 'A', 130000);
    int64_t began = world.loop.now.ms;

    begin_through_postfix(2028 - 1);
    settle();
    expect(LOGIN_REFUSED, LOGIN_HINT_TRUNCATED, "login_malformed");
    expect_logged("reason=truncated detail=\"initial response truncated: raise line_length_limit");
    static const struct {
        size_t length;
        enum login_hint hint;
        const char *reason;
    } cases[] = {
        {130000, LOGIN_HINT_TOO_LONG, "reason=too_long detail="},
        {30000, LOGIN_HINT_TOO_LONG, "reason=too_long detail="},
        {7, LOGIN_HINT_INVALID_BASE64, "reason=invalid_base64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        forget_answer();
        begin_with(SASL_OAUTHBEARER, true, span_bytes(huge, cases[i].length), "203.0.113.5");
        settle();
        expect(LOGIN_REFUSED, cases[i].hint, "login_malformed");
        expect_logged(cases[i].reason);
        assert_int_equal(world.challenges, 0);
    }
    assert_int_equal(world.loop.now.ms, began); /* none of them is the client's fault: no delay */
    assert_int_equal(throttle_entries(world.service.throttle), 0);
    memory_free(huge);
}

/* Only an initial response goes through Postfix's short lines. */
static void test_hint_of_continuation(void **state)
{
    (void)state;
    char text[2028];
    memset(text, 'A', sizeof text);
    struct login_request request = {.mechanism = SASL_XOAUTH2, .secured = true, .line_limit = true};
    world.login = login_start(&world.service, &request, on_outcome, &world);
    settle();
    login_continue(world.login, span_bytes(text, sizeof text - 1));
    settle();
    expect(LOGIN_REFUSED, LOGIN_HINT_INVALID_BASE64, "login_malformed");
}

/* A malformed message costs its sender the delay, from when it came. */
static void test_malformed_is_slow(void **state)
{
    (void)state;
    begin_with(SASL_PLAIN, false, (struct span){0}, "203.0.113.5");
    settle();
    world.loop.now.ms += 60000;
    int64_t sent = world.loop.now.ms;
    GO_ON("no NUL at all");
    settle();
    assert_int_equal(world.answers, 0);
    assert_true(fake_loop_fire(&world.loop));
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_malformed");
    assert_int_equal(world.loop.now.ms - sent, 2000);
}

/* A name that is no address: refused like any other, and no provider hears of it. */
static void test_malformed_name(void **state)
{
    (void)state;
    BEGIN(SASL_OAUTHBEARER, "n,a=../alice@example.com,\001auth=Bearer t0ken\001\001");
    finish(&no, PASSWORD_WRONG);
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused");
    expect_logged("user=../alice@example.com ");
    expect_logged("reason=user_malformed");
    assert_int_equal(world.tokens_started, 0);
    assert_string_equal(world.last_user, "");
}

/* OB16: without TLS nothing is asked for, and nothing that came is looked at. */
static void test_ob16_needs_tls(void **state)
{
    (void)state;
    static const struct {
        const char *client;
        bool cleartext, open;
    } cases[] = {
        {"203.0.113.5", false, false}, {"127.0.0.1", false, false}, {"203.0.113.5", true, false},
        {"127.0.0.1", true, true},     {"::1", true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        forget_answer();
        world.service.settings.cleartext = cases[i].cleartext;
        struct login_request request = {.mechanism = SASL_PLAIN,
                                        .client = span_of(cases[i].client)};
        world.login = login_start(&world.service, &request, on_outcome, &world);
        settle();
        if (cases[i].open) {
            assert_int_equal(world.last.answer, LOGIN_CHALLENGE);
            login_cancel(world.login);
            continue;
        }
        expect(LOGIN_REFUSED, LOGIN_HINT_NEEDS_TLS, "login_malformed");
        assert_int_equal(world.challenges, 0);
    }
}

static void test_mechanisms(void **state)
{
    (void)state;
    world.service.settings.passwords = false;
    static const enum sasl_mechanism off[] = {SASL_UNKNOWN, SASL_PLAIN, SASL_LOGIN};
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        forget_answer();
        BEGIN(off[i], PLAIN_ALICE);
        settle();
        expect(LOGIN_REFUSED, LOGIN_HINT_MECHANISM, "login_malformed");
        assert_int_equal(world.passwords_started, 0);
    }
}

/* -- passwords -- */

/* Whoever is unknown, ended or without a password pays for a hash like everybody else. */
static void test_everybody_pays(void **state)
{
    (void)state;
    static const struct {
        const char *user, *hash, *reason;
        enum account_state alice;
    } cases[] = {
        {"alice@example.com", "hash-of-right", "wrong_password", ACCOUNT_ACTIVE},
        {"Alice", "hash-of-right", "wrong_password", ACCOUNT_ACTIVE},
        {"alice@example.com", "hash-of-right", "wrong_password", ACCOUNT_DISABLED},
        {"bob@example.com", "", "wrong_password", ACCOUNT_ACTIVE},
        {"no@example.com", "", "no_account", ACCOUNT_ACTIVE},
        {"alice@example.com", "", "no_account", ACCOUNT_GONE},
        {"a b@@c", "", "no_account", ACCOUNT_ACTIVE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[100];
        int length =
            snprintf(message, sizeof message, "%c%s%cwrong%zu", '\0', cases[i].user, '\0', i);
        forget_answer();
        world.alice = cases[i].alice;
        int64_t began = world.loop.now.ms;
        begin(SASL_PLAIN, message, (size_t)length);
        settle();
        assert_non_null(world.password);
        assert_string_equal(world.password->hash, cases[i].hash);
        assert_int_equal(strncmp(world.password->password, "wrong", 5), 0);
        finish(&no, PASSWORD_WRONG);
        expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused");
        expect_logged(cases[i].reason);
        assert_int_equal(world.loop.now.ms - began, 2000);
    }
}

/* P4: a token in PLAIN's password field is a password like any other. */
static void test_no_token_as_password(void **state)
{
    (void)state;
    BEGIN(SASL_PLAIN, "\0alice@example.com\0t0ken");
    finish(&no, PASSWORD_WRONG);
    expect(LOGIN_REFUSED, LOGIN_HINT_NONE, "login_refused");
    assert_int_equal(world.tokens_started, 0);
    forget_answer();
    BEGIN(SASL_PLAIN, "alice@example.com\0alice@example.com\0right"); /* doveadm auth test */
    finish(&no, PASSWORD_RIGHT);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
}

static void test_login_prompts(void **state)
{
    (void)state;
    begin_with(SASL_LOGIN, false, (struct span){0}, "203.0.113.5");
    settle();
    assert_string_equal(world.last_challenge, "Username:");
    GO_ON("alice");
    settle();
    assert_string_equal(world.last_challenge, "Password:");
    GO_ON("right");
    finish(&no, PASSWORD_RIGHT);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
    forget_answer();
    BEGIN(SASL_LOGIN, "alice@example.com"); /* as curl does */
    settle();
    assert_string_equal(world.last_challenge, "Password:");
    GO_ON("right");
    finish(&no, PASSWORD_RIGHT);
    expect(LOGIN_ACCEPTED, LOGIN_HINT_NONE, "login_accepted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOGIN_TEST(test_ob4_no_name),
        LOGIN_TEST(test_alias),
        LOGIN_TEST(test_ob15_success_is_silent),
        LOGIN_TEST(test_ob5_ob18_all_alike),
        LOGIN_TEST(test_ob13_statuses),
        LOGIN_TEST(test_ob14_any_reply),
        LOGIN_TEST(test_xo6_direct),
        LOGIN_TEST(test_outage),
        LOGIN_TEST(test_ob8_asks_configuration),
        LOGIN_TEST(test_ob7_no_request),
        LOGIN_TEST(test_hints),
        LOGIN_TEST(test_hint_of_continuation),
        LOGIN_TEST(test_malformed_is_slow),
        LOGIN_TEST(test_malformed_name),
        LOGIN_TEST(test_ob16_needs_tls),
        LOGIN_TEST(test_mechanisms),
        LOGIN_TEST(test_everybody_pays),
        LOGIN_TEST(test_no_token_as_password),
        LOGIN_TEST(test_login_prompts),
    };
    return cmocka_run_group_tests_name("login_answers", tests, NULL, NULL);
}
