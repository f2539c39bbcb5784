/* with_login.h - auth/login.c with neighbours that answer when the test says so.
 *
 * Linked instead of loop, token_check, password, directory and change by being included. Everybody
 * here: alice@example.com (id A, alias al@example.com) and bob@example.com (id B); only
 * alice has a password, "right". */
#ifndef UNIT_WITH_LOGIN_H
#define UNIT_WITH_LOGIN_H

#include "auth/login.h"
#include "base/text.h"

#include "fake_loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

struct token_check {
    token_check_fn *fn;
    void *context;
    char token[SASL_TOKEN_MAX + 1];
    char user[400];
};

struct password_check {
    password_fn *fn;
    void *context;
    char hash[64];
    char password[64];
};

struct change_run {
    change_fn *fn;
    void *context;
    char id[UUID_SIZE], provider[64], subject[256];
};

static struct {
    struct loop loop;
    struct login_service service;
    /* Checks under way, NULL when there is none; one login at a time waits for each. */
    struct token_check *token;
    struct password_check *password;
    struct change_run *binding;
    size_t tokens_started, passwords_started, bindings_started, noted;
    /* What the neighbours will say. */
    bool remembers; /* the cache: this */
    struct verdict remembered;
    enum account_state alice;
    bool alice_bound;
    int store_down_from; /* the nth look-up fails, and all after it; 0: none */
    int store_down_to;   /* but not those after this one; 0: they too */
    int look_ups;
    const char *alice_hash;
    /* What the door heard. */
    struct login *login;
    bool inside; /* login_start() or login_continue() is running */
    int challenges, answers;
    struct login_outcome last;
    char last_user[400], last_id[UUID_SIZE], last_challenge[1200];
    struct moment heard;
    /* What the log says. */
    char log[8000];
    int lines;
    /* What the door does when it hears a challenge. */
    void (*on_challenge)(void);
} world;

static char provider_name[] = "work", provider_scope[] = "openid email";
static char provider_domain[] = "example.com";
static char provider_configuration[] = "https://id.example.com/.well-known/openid-configuration";
static char *provider_domains[] = {provider_domain, NULL};
static struct provider provider = {.name = provider_name,
                                   .domains = provider_domains,
                                   .binds = true,
                                   .scope = provider_scope,
                                   .configuration_url = provider_configuration};

/* -- token/token_check.h -- */

bool token_check_lookup(struct token_checks *checks, const struct token_question *question,
                        struct verdict *verdict)
{
    (void)checks, (void)question;
    *verdict = world.remembered;
    return world.remembers;
}

struct token_check *token_check_start(struct token_checks *checks,
                                      const struct token_question *question, token_check_fn *fn,
                                      void *context)
{
    (void)checks;
    assert_null(world.token);
    world.token = MEMORY_NEW(struct token_check);
    world.token->fn = fn;
    world.token->context = context;
    assert_true(
        span_fits(secret_reveal(question->token), world.token->token, sizeof world.token->token));
    snprintf(world.token->user, sizeof world.token->user, "%s",
             question->user == NULL ? "" : question->user->text);
    world.tokens_started++;
    return world.token;
}

void token_check_cancel(struct token_check *check)
{
    if (check != NULL) {
        assert_ptr_equal(check, world.token);
        memory_free(check);
        world.token = NULL;
    }
}

const struct provider *token_checks_provider(const struct token_checks *checks,
                                             const struct address *user)
{
    (void)checks;
    return user == NULL || span_is(address_domain(user), provider_domain) ? &provider : NULL;
}

const char *verdict_reason_name(enum verdict_reason reason)
{
    return reason == VERDICT_NO_REASON ? "" : "verdict_reason";
}

const char *verdict_status(enum verdict_reason reason, bool name_given)
{
    return reason == VERDICT_FORBIDDEN                    ? "insufficient_scope"
           : reason == VERDICT_NO_PROVIDER && !name_given ? "invalid_request"
                                                          : "invalid_token";
}

static inline struct verdict accepted(const char *address, const char *subject)
{
    struct verdict verdict = {
        .answer = VERDICT_ACCEPTED, .provider = &provider, .verified = VERIFIED_YES, .status = 200};
    struct error error;
    assert_true(address_parse(span_of(address), &verdict.address, &error));
    snprintf(verdict.subject, sizeof verdict.subject, "%s", subject);
    return verdict;
}

/* The provider's block is gone with the callback, as after a reload. */
static inline void say_token(const struct verdict *said)
{
    struct provider *gone = MEMORY_NEW(struct provider);
    struct verdict verdict = *said;
    struct token_check *check = world.token;
    assert_non_null(check);
    world.token = NULL;
    *gone = provider;
    if (verdict.provider != NULL) {
        verdict.provider = gone;
    }
    check->fn(&verdict, check->context);
    memset(&verdict, 0xa5, sizeof verdict);
    memory_free(gone);
    memory_free(check);
}

/* -- account/password.h -- */

struct password_check *password_check_start(struct password_checks *checks, struct span hash,
                                            const struct secret *password, password_fn *fn,
                                            void *context)
{
    (void)checks;
    assert_null(world.password);
    world.password = MEMORY_NEW(struct password_check);
    world.password->fn = fn;
    world.password->context = context;
    assert_true(span_fits(hash, world.password->hash, sizeof world.password->hash));
    assert_true(span_fits(secret_reveal(password), world.password->password,
                          sizeof world.password->password));
    world.passwords_started++;
    return world.password;
}

void password_check_cancel(struct password_check *check)
{
    if (check != NULL) {
        assert_ptr_equal(check, world.password);
        memory_free(check);
        world.password = NULL;
    }
}

static inline void say_password(enum password_answer answer)
{
    struct password_check *check = world.password;
    assert_non_null(check);
    world.password = NULL;
    check->fn(answer, check->context);
    memory_free(check);
}

/* -- auth/directory.h -- */

bool directory_login_name(const struct directory *directory, struct span text, struct address *name)
{
    (void)directory;
    struct error error;
    return address_parse_login(text, SPAN_LITERAL("example.com"), name, &error);
}

static inline void fill_account(struct account *account, const char *id, const char *primary)
{
    struct error error;
    *account = (struct account){.state = ACCOUNT_ACTIVE};
    snprintf(account->id, sizeof account->id, "%s", id);
    assert_true(address_parse(span_of(primary), &account->primary, &error));
}

static inline void fill_alice(struct account *account)
{
    fill_account(account, "A", "alice@example.com");
    account->state = world.alice;
    account->password = span_of(world.alice_hash);
    if (world.alice_bound) {
        account->provider = span_of("work");
        account->subject = span_of("s-alice");
    }
}

enum directory_answer directory_login(struct directory *directory, const struct address *name,
                                      struct arena *arena, struct account_rows_found *found)
{
    (void)directory;
    (void)arena;
    world.look_ups++;
    if (world.store_down_from != 0 && world.look_ups >= world.store_down_from &&
        (world.store_down_to == 0 || world.look_ups <= world.store_down_to)) {
        return DIRECTORY_UNAVAILABLE;
    }
    if (span_is(address_span(name), "bob@example.com")) {
        fill_account(&found->account, "B", "bob@example.com");
        return DIRECTORY_FOUND;
    }
    if (world.alice == ACCOUNT_GONE || (!span_is(address_span(name), "alice@example.com") &&
                                        !span_is(address_span(name), "al@example.com"))) {
        return DIRECTORY_NONE;
    }
    fill_alice(&found->account);
    return DIRECTORY_FOUND;
}

/* -- auth/change.h -- */

struct change_run *change_start(struct changes *changes, const struct change *change, change_fn *fn,
                                void *context)
{
    (void)changes;
    assert_null(world.binding);
    assert_int_equal(change->kind, CHANGE_ACCOUNT_BIND);
    assert_true(span_is(change->actor, "login"));
    world.binding = MEMORY_NEW(struct change_run);
    world.binding->fn = fn;
    world.binding->context = context;
    assert_true(span_fits(change->account_id, world.binding->id, sizeof world.binding->id));
    assert_true(
        span_fits(change->provider, world.binding->provider, sizeof world.binding->provider));
    assert_true(span_fits(change->subject, world.binding->subject, sizeof world.binding->subject));
    world.bindings_started++;
    return world.binding;
}

void change_forget(struct change_run *run)
{
    if (run != NULL) {
        assert_ptr_equal(run, world.binding);
        memory_free(run);
        world.binding = NULL;
    }
}

void changes_note_login(struct changes *changes, struct span account_id, int64_t when)
{
    (void)changes;
    assert_true(account_id.length > 0);
    assert_int_equal(when, loop_wall(&world.loop));
    world.noted++;
}

static inline void say_bound(enum change_answer answer)
{
    struct change_run *run = world.binding;
    struct account account;
    assert_non_null(run);
    world.binding = NULL;
    fill_alice(&account);
    bool known = answer == CHANGE_DONE || answer == CHANGE_SAME;
    struct change_result result = {.answer = answer, .account = known ? &account : NULL};
    run->fn(&result, run->context);
    memset(&account, 0xa5, sizeof account);
    memory_free(run);
}

/* -- the door -- */

static inline void keep_line(enum log_level level, struct span line, void *context)
{
    (void)level;
    (void)context;
    size_t length = strlen(world.log);
    snprintf(world.log + length, sizeof world.log - length, "%.*s\n", (int)line.length, line.at);
    world.lines++;
}

static const struct log logger = {.sink = keep_line, .level = LOG_LEVEL_DEBUG};

static inline void on_outcome(const struct login_outcome *outcome, void *context)
{
    assert_ptr_equal(context, &world);
    assert_false(world.inside);
    assert_int_equal(world.answers, 0);
    world.last = *outcome;
    world.heard = world.loop.now;
    assert_true(span_fits(outcome->user, world.last_user, sizeof world.last_user));
    assert_true(span_fits(outcome->account_id, world.last_id, sizeof world.last_id));
    if (outcome->answer != LOGIN_CHALLENGE) {
        world.answers++;
        world.login = NULL;
        return;
    }
    assert_true(span_fits(outcome->challenge, world.last_challenge, sizeof world.last_challenge));
    world.challenges++;
    if (world.on_challenge != NULL) {
        world.on_challenge();
    }
}

static inline void world_begin(void)
{
    static const struct throttle_settings throttling = {.free_failures = 10,
                                                        .stop_failures = 15,
                                                        .window_ms = 600000,
                                                        .delay_max_ms = 4000,
                                                        .entries_max = 100};
    memset(&world, 0, sizeof world);
    fake_loop_init(&world.loop);
    world.alice = ACCOUNT_ACTIVE;
    world.alice_hash = "hash-of-right";
    world.service = (struct login_service){
        .loop = &world.loop,
        .log = &logger,
        .throttle = throttle_new(&throttling),
        .changes = (struct changes *)(void *)&world, /* only passed on */
        .settings = {.turn_ms = 8000,
                     .exchange_ms = 150000,
                     .refusal_delay_ms = 2000,
                     .passwords = true,
                     .logins_max = 2},
    };
}

/* Nothing may be left behind. */
static inline void world_end(void)
{
    assert_null(world.token);
    assert_null(world.password);
    assert_null(world.binding);
    assert_null(world.loop.timers);
    assert_ptr_equal(world.loop.later.next, &world.loop.later);
    assert_int_equal(world.service.running, 0);
    throttle_free(world.service.throttle);
}

static inline struct span encode(const char *message, size_t length, struct buffer *base64)
{
    *base64 = buffer_limited(200000);
    text_base64_encode(span_bytes(message, length), base64);
    return buffer_span(base64);
}

static inline void begin_with(enum sasl_mechanism mechanism, bool has_response, struct span base64,
                              const char *client)
{
    char copy[64];
    snprintf(copy, sizeof copy, "%s", client);
    struct login_request request = {.mechanism = mechanism,
                                    .protocol = SPAN_LITERAL("imap"),
                                    .client = span_of(copy),
                                    .server = SPAN_LITERAL("192.0.2.1"),
                                    .session = SPAN_LITERAL("s3ssion"),
                                    .secured = true,
                                    .has_response = has_response,
                                    .response = base64};
    world.inside = true;
    world.login = login_start(&world.service, &request, on_outcome, &world);
    world.inside = false;
    memset(copy, 'x', sizeof copy); /* views are copied */
}

static inline void begin(enum sasl_mechanism mechanism, const char *message, size_t length)
{
    struct buffer base64;
    struct span text = encode(message, length, &base64);
    begin_with(mechanism, true, text, "203.0.113.5");
    buffer_wipe(&base64);
}

static inline void go_on(const char *message, size_t length)
{
    struct buffer base64;
    struct span text = encode(message, length, &base64);
    bool before = world.inside;
    world.inside = true;
    login_continue(world.login, text);
    world.inside = before;
    buffer_wipe(&base64);
}

/* Until the login waits for somebody. */
static inline void settle(void)
{
    while (fake_loop_run_later(&world.loop)) {
    }
}

/* `text` is a literal, which may hold NULs. */
#define BEGIN(mechanism, text) begin((mechanism), (text), sizeof(text) - 1)
#define GO_ON(text)            go_on((text), sizeof(text) - 1)

#define BEARER_ALICE  "n,a=alice@example.com,\001auth=Bearer t0ken\001\001"
#define BEARER_NOBODY "n,,\001auth=Bearer t0ken\001\001"
#define XOAUTH2_ALICE "user=alice@example.com\001auth=Bearer t0ken\001\001"
#define PLAIN_ALICE   "\0alice@example.com\0right"

/* -- for tests of one login after the other -- */

static inline void forget_answer(void)
{
    world.answers = world.challenges = world.lines = 0;
    world.log[0] = world.last_challenge[0] = '\0';
}

/* Plays to the end: `verdict` or `password` for whoever asks, "\001" to every challenge. */
static inline void finish(const struct verdict *verdict, enum password_answer password)
{
    while (world.answers == 0) {
        settle();
        if (world.token != NULL) {
            say_token(verdict);
        } else if (world.password != NULL) {
            say_password(password);
        } else if (world.binding != NULL) {
            say_bound(CHANGE_DONE);
        } else if (world.answers == 0 && world.last.answer == LOGIN_CHALLENGE) {
            world.last.answer = LOGIN_REFUSED;
            GO_ON("\001");
        } else if (world.answers == 0) {
            assert_true(fake_loop_fire(&world.loop));
        }
    }
}

static inline void expect(enum login_answer answer, enum login_hint hint, const char *event)
{
    assert_int_equal(world.last.answer, answer);
    assert_int_equal(world.last.hint, hint);
    assert_int_equal(world.lines, 1);
    if (strncmp(world.log, event, strlen(event)) != 0 || world.log[strlen(event)] != ' ') {
        fail_msg("expected %s, got %s", event, world.log);
    }
}

static inline void expect_logged(const char *text)
{
    if (strstr(world.log, text) == NULL) {
        fail_msg("\"%s\" is not in: %s", text, world.log);
    }
}

static inline int setup(void **state)
{
    (void)state;
    world_begin();
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    world_end();
    return 0;
}

/* What a provider says of a token that is not valid. */
static const struct verdict no = {
    .provider = &provider, .reason = VERDICT_NOT_VALID, .status = 401};

#define LOGIN_TEST(test) cmocka_unit_test_setup_teardown((test), setup, teardown)

#endif
