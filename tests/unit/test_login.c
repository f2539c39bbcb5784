/* test_login.c - every order of events: neighbours answer now, late, too late or never, while the client
 * is quick, slow, silent, or gone at any moment. */
#include "with_login.h"

/* -- what can differ -- */

enum start { BEARER, BEARER_ASKED, XOAUTH2, XOAUTH2_ASKED, PLAIN, PLAIN_ASKED, LOGIN, STARTS };
enum said { SAID_YES, SAID_NO, SAID_CANNOT, SAID_KINDS }; /* by provider or password pool */
enum speed { AT_ONCE, LATE, AT_DEADLINE_BEFORE, AT_DEADLINE_AFTER, NEVER, SPEEDS };
enum disk { STORE_UP, STORE_DOWN, STORE_DOWN_LATER, STORES };
enum client_speed { QUICK, SLOW, VERY_SLOW, SILENT, INSIDE, LEAVES_INSIDE, CLIENTS };
enum guesses { NO_GUESSES, SOME_GUESSES, MANY_GUESSES, GUESSES };

static const int64_t latency[] = {[AT_ONCE] = 0, [LATE] = 6500};
static const int64_t client_ms[] = {[QUICK] = 10, [SLOW] = 70000, [VERY_SLOW] = 149000};

enum { THROTTLE_MS = 1000, TURN_MS = 8000, EXCHANGE_MS = 150000, DELAY_MS = 2000 };

struct script {
    enum start start;
    enum said said;
    enum speed check, binding;
    bool remembered; /* the token cache answers by look-up; what is unavailable it never has */
    enum change_answer bound;
    enum account_state account;
    bool is_bound;
    enum disk store;
    enum client_speed client;
    enum guesses guesses;
    int leave; /* the client is gone before this event; -1: stays */
};

static bool bearer(const struct script *script)
{
    return script->start <= XOAUTH2_ASKED;
}

/* -- what must come of it, told from the rules and not from the code -- */

struct expectation {
    enum login_answer answer;
    bool counted; /* a refusal of credentials */
    int64_t turn_started;
};

static int messages_awaited(const struct script *script)
{
    return script->start == LOGIN
               ? 2
               : script->start == BEARER_ASKED || script->start == XOAUTH2_ASKED ||
                     script->start == PLAIN_ASKED;
}

/* When the answer of a neighbour that was asked at `asked` comes; false: too late. */
static bool in_time(enum speed speed, int64_t *at, int64_t deadline)
{
    if (speed == NEVER || speed == AT_DEADLINE_AFTER) {
        return false;
    }
    if (speed == AT_DEADLINE_BEFORE) {
        *at = deadline;
        return true;
    }
    *at += latency[speed];
    return speed == AT_ONCE ? *at <= deadline : *at < deadline;
}

static enum login_answer after_check(const struct script *script, int64_t at, int64_t deadline)
{
    if (script->said == SAID_CANNOT) {
        return LOGIN_UNAVAILABLE;
    }
    if (bearer(script) && script->said == SAID_NO) {
        return LOGIN_REFUSED;
    }
    /* The client's name is the token's address, so its one look-up is the first. */
    if (script->store == STORE_DOWN || (script->store == STORE_DOWN_LATER && !bearer(script))) {
        return LOGIN_UNAVAILABLE;
    }
    if (script->said == SAID_NO || script->account != ACCOUNT_ACTIVE) {
        return LOGIN_REFUSED;
    }
    if (!bearer(script) || script->is_bound) {
        return LOGIN_ACCEPTED;
    }
    if (!in_time(script->binding, &at, deadline)) {
        return LOGIN_UNAVAILABLE;
    }
    switch (script->bound) {
    case CHANGE_DONE:
    case CHANGE_SAME:
        return LOGIN_ACCEPTED;
    case CHANGE_FAILED:
    case CHANGE_STALE:
    case CHANGE_INVALID:
        return LOGIN_UNAVAILABLE;
    case CHANGE_NOT_FOUND:
    case CHANGE_EXISTS:
    case CHANGE_REFUSED:
        return LOGIN_REFUSED;
    }
    return LOGIN_REFUSED;
}

/* STORE_DOWN is down at the first look-up, which for passwords comes before the check. */
static struct expectation foretell(const struct script *script)
{
    int waits = messages_awaited(script);
    int64_t at = waits * (script->client <= VERY_SLOW ? client_ms[script->client] : 0);
    if (waits > 0 && (script->client == SILENT || at >= EXCHANGE_MS)) {
        return (struct expectation){LOGIN_REFUSED, false, 0};
    }
    struct expectation expected = {LOGIN_UNAVAILABLE, false, at};
    int64_t deadline = at + TURN_MS < EXCHANGE_MS ? at + TURN_MS : EXCHANGE_MS;
    at += script->guesses == SOME_GUESSES ? THROTTLE_MS : 0;
    if (script->guesses == MANY_GUESSES || at >= deadline ||
        (!bearer(script) && script->store == STORE_DOWN) ||
        !in_time(script->check, &at, deadline)) {
        return expected;
    }
    expected.answer = after_check(script, at, deadline);
    expected.counted = expected.answer == LOGIN_REFUSED;
    return expected;
}

/* -- the scene -- */

static const struct script *script;
static int64_t neighbour_due, client_due; /* -1: nothing is coming */
static bool neighbour_first;              /* before a timer of the same moment */
static int messages_sent;
static int64_t turn_began;
static bool turn_is_ours;
static int64_t refused_at; /* when the error challenge went out */

static void send_message(void)
{
    messages_sent++;
    client_due = -1;
    turn_began = world.loop.now.ms;
    turn_is_ours = true;
    if (messages_sent > messages_awaited(script)) {
        GO_ON("\001"); /* to the error challenge */
    } else if (script->start == LOGIN) {
        messages_sent == 1 ? GO_ON("alice@example.com") : GO_ON("right");
    } else if (script->start == BEARER_ASKED) {
        GO_ON(BEARER_ALICE);
    } else if (script->start == XOAUTH2_ASKED) {
        GO_ON(XOAUTH2_ALICE);
    } else {
        GO_ON(PLAIN_ALICE);
    }
}

/* An answer must come while the client of Postfix still waits. */
static void check_turn(void)
{
    assert_true(turn_is_ours);
    assert_true(world.loop.now.ms - turn_began <= TURN_MS);
    turn_is_ours = false;
}

static void on_challenge(void)
{
    check_turn();
    refused_at = world.loop.now.ms;
    client_due = -1;
    switch (script->client) {
    case QUICK:
    case SLOW:
    case VERY_SLOW:
        client_due = world.loop.now.ms + client_ms[script->client];
        return;
    case SILENT:
    case CLIENTS:
        return;
    case INSIDE:
        send_message();
        return;
    case LEAVES_INSIDE:
        login_cancel(world.login);
        world.login = NULL;
        return;
    }
}

static void enter(void)
{
    turn_began = world.loop.now.ms;
    turn_is_ours = true;
    switch (script->start) {
    case BEARER:
        BEGIN(SASL_OAUTHBEARER, BEARER_ALICE);
        return;
    case BEARER_ASKED:
        begin_with(SASL_OAUTHBEARER, false, (struct span){0}, "203.0.113.5");
        return;
    case XOAUTH2:
        BEGIN(SASL_XOAUTH2, XOAUTH2_ALICE);
        return;
    case XOAUTH2_ASKED:
        begin_with(SASL_XOAUTH2, false, (struct span){0}, "203.0.113.5");
        return;
    case PLAIN:
        BEGIN(SASL_PLAIN, PLAIN_ALICE);
        return;
    case PLAIN_ASKED:
        begin_with(SASL_PLAIN, false, (struct span){0}, "203.0.113.5");
        return;
    case LOGIN:
    case STARTS:
        begin_with(SASL_LOGIN, false, (struct span){0}, "203.0.113.5");
        return;
    }
}

static void guess(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[32];
        snprintf(text, sizeof text, "guess-%zu", i);
        CLEANUP(secret_done) struct secret secret = secret_new(span_of(text));
        throttle_refused(world.service.throttle, world.loop.now, span_of("203.0.113.5"),
                         span_of("eve@example.com"), &secret);
    }
}

static struct verdict said_verdict(enum said said)
{
    if (said == SAID_NO) {
        return (struct verdict){.provider = &provider, .reason = VERDICT_NOT_VALID};
    }
    if (said == SAID_CANNOT) {
        return (struct verdict){
            .answer = VERDICT_UNAVAILABLE, .provider = &provider, .reason = VERDICT_UNREACHABLE};
    }
    return accepted("alice@example.com", "s-alice");
}

static void prepare(void)
{
    static const size_t guessed[] = {[SOME_GUESSES] = 11, [MANY_GUESSES] = 15};
    world_begin();
    world.on_challenge = on_challenge;
    world.alice = script->account;
    world.alice_bound = script->is_bound;
    world.store_down_from = script->store == STORE_DOWN         ? 1
                            : script->store == STORE_DOWN_LATER ? 2
                                                                : 0;
    world.remembers = script->remembered && script->said != SAID_CANNOT;
    world.remembered = said_verdict(script->said);
    neighbour_due = client_due = -1;
    messages_sent = 0;
    guess(guessed[script->guesses]);
}

/* -- events -- */

/* A neighbour that was asked answers as fast as the script has it. */
static void schedule(enum speed speed)
{
    struct loop_timer *timer = fake_loop_next_timer(&world.loop);
    neighbour_first = speed == AT_DEADLINE_BEFORE || speed == AT_ONCE;
    assert_non_null(timer);
    switch (speed) {
    case AT_ONCE:
    case LATE:
        neighbour_due = world.loop.now.ms + latency[speed];
        return;
    case AT_DEADLINE_BEFORE:
    case AT_DEADLINE_AFTER:
        neighbour_due = timer->due.ms;
        return;
    case NEVER:
    case SPEEDS:
        neighbour_due = INT64_MAX;
        return;
    }
}

static void neighbour_answers(void)
{
    static const enum password_answer passwords[] = {
        [SAID_YES] = PASSWORD_RIGHT, [SAID_NO] = PASSWORD_WRONG, [SAID_CANNOT] = PASSWORD_BUSY};
    neighbour_due = -1;
    if (world.binding != NULL) {
        say_bound(script->bound);
    } else if (world.password != NULL) {
        say_password(passwords[script->said]);
    } else {
        struct verdict verdict = said_verdict(script->said);
        say_token(&verdict);
    }
}

static bool neighbour_asked(void)
{
    return world.token != NULL || world.password != NULL || world.binding != NULL;
}

static void move_to(int64_t ms)
{
    if (ms > world.loop.now.ms) {
        world.loop.wall_ms += ms - world.loop.now.ms;
        world.loop.now.ms = ms;
    }
}

/* The next thing that happens; false when nothing ever will. */
static bool event(void)
{
    if (fake_loop_run_later(&world.loop)) {
        return true;
    }
    if (neighbour_asked() && neighbour_due < 0) {
        schedule(world.binding != NULL ? script->binding : script->check);
    } else if (!neighbour_asked()) {
        neighbour_due = -1;
    }
    struct loop_timer *timer = fake_loop_next_timer(&world.loop);
    int64_t timer_due = timer == NULL ? INT64_MAX : timer->due.ms;
    int64_t theirs = neighbour_due < 0 ? INT64_MAX : neighbour_due;
    int64_t clients = client_due < 0 ? INT64_MAX : client_due;
    if (theirs != INT64_MAX && theirs <= clients &&
        (theirs < timer_due || (theirs == timer_due && neighbour_first))) {
        move_to(theirs);
        neighbour_answers();
        return true;
    }
    if (clients != INT64_MAX && clients < timer_due) {
        move_to(clients);
        send_message();
        return true;
    }
    return fake_loop_fire(&world.loop);
}

/* -- one run -- */

static void describe_and_fail(const char *what)
{
    fail_msg("%s: start %d said %d check %d binding %d bound %d account %d is_bound %d store %d "
             "client %d guesses %d leave %d",
             what, (int)script->start, (int)script->said, (int)script->check, (int)script->binding,
             (int)script->bound, (int)script->account, script->is_bound, (int)script->store,
             (int)script->client, (int)script->guesses, script->leave);
}

static void must(bool holds, const char *what)
{
    if (!holds) {
        describe_and_fail(what);
    }
}

static void check_refusal(const struct expectation *expected, int64_t began)
{
    if (expected->counted) {
        int64_t heard = script->start <= BEARER_ASKED ? refused_at : world.heard.ms;
        int64_t took = heard - began - expected->turn_started;
        int64_t left = EXCHANGE_MS - expected->turn_started;
        must(took >= (left < DELAY_MS ? left : DELAY_MS), "refused without delay");
        must(world.challenges == messages_awaited(script) + (script->start <= BEARER_ASKED ? 1 : 0),
             "one error challenge for OAUTHBEARER, none for others");
    }
}

static void check_log(const struct expectation *expected)
{
    static const char *const events[] = {[LOGIN_REFUSED] = "login_abandoned ",
                                         [LOGIN_UNAVAILABLE] = "login_unavailable ",
                                         [LOGIN_ACCEPTED] = "login_accepted "};
    const char *want = expected->counted ? "login_refused " : events[expected->answer];
    must(world.lines == 1, "one line");
    must(strncmp(world.log, want, strlen(want)) == 0, world.log);
    must(strstr(world.log, "t0ken") == NULL && strstr(world.log, "right") == NULL, "secret logged");
}

static void check_end(int64_t began)
{
    struct expectation expected = foretell(script);
    must(world.answers == 1 && world.login == NULL, "one answer");
    must(world.last.answer == expected.answer, "another answer");
    must(world.heard.ms - began <= EXCHANGE_MS, "the whole takes too long");
    check_log(&expected);
    check_refusal(&expected, began);
    bool yes = expected.answer == LOGIN_ACCEPTED;
    must((strcmp(world.last_id, "A") == 0) == yes, "account id only with a yes");
    must(!yes || strcmp(world.last_user, "alice@example.com") == 0, "user");
    must(world.noted == yes, "last login noted only for a yes");
    must(world.tokens_started <= (size_t)bearer(script), "one token check at most");
    must(world.passwords_started <= (size_t)!bearer(script), "one password check at most");
    must(world.bindings_started <= 1, "one binding at most");
}

/* The client left: one line all the same, and silence. */
static void check_left(void)
{
    must(world.answers == 0, "answered somebody who is gone");
    must(world.lines == 1, "one line");
    int challenges = world.challenges;
    settle();
    while (fake_loop_fire(&world.loop)) {
    }
    must(world.challenges == challenges && world.answers == 0, "spoke after it was cancelled");
}

/* Plays one script; how many events it had, or -1 when the client was gone before its end. */
static int play(const struct script *which)
{
    int events = 0;
    script = which;
    prepare();
    int64_t began = world.loop.now.ms;
    enter();
    while (world.answers == 0 && world.login != NULL && events != script->leave) {
        must(event(), "waits for ever");
        events++;
        must(events < 50, "does not end");
    }
    if (world.answers == 0) {
        login_cancel(world.login);
        world.login = NULL;
        check_left();
        world_end();
        return -1;
    }
    /* What the client is told at last follows its last message, or its silence. */
    must(!turn_is_ours || world.loop.now.ms - turn_began <= TURN_MS, "too late");
    check_end(began);
    world_end();
    return events;
}

static size_t runs;

/* The whole script, and then again with the client leaving before each of its events. */
static void play_all(struct script variant)
{
    variant.leave = -1;
    int events = play(&variant);
    runs++;
    for (variant.leave = 0; variant.leave < events; variant.leave++) {
        (void)play(&variant);
        runs++;
    }
}

/* -- all scripts -- */

static void for_each_surrounding(struct script variant)
{
    for (int i = 0; i < STORES * CLIENTS * GUESSES * 3; i++) {
        variant.store = (enum disk)(i % STORES);
        variant.client = (enum client_speed)(i / STORES % CLIENTS);
        variant.guesses = (enum guesses)(i / STORES / CLIENTS % GUESSES);
        variant.account = (enum account_state)(i / STORES / CLIENTS / GUESSES);
        play_all(variant);
    }
}

static void test_tokens(void **state)
{
    (void)state;
    runs = 0;
    for (int start = BEARER; start <= XOAUTH2_ASKED; start++) {
        for (int i = 0; i < SAID_KINDS * SPEEDS; i++) {
            struct script variant = {.start = (enum start)start,
                                     .said = (enum said)(i % SAID_KINDS),
                                     .check = (enum speed)(i / SAID_KINDS),
                                     .is_bound = true};
            for_each_surrounding(variant);
        }
    }
    assert_true(runs > 20000);
}

/* The cache answers by look-up: the same story, without a wait. */
static void test_remembered_tokens(void **state)
{
    (void)state;
    for (int start = BEARER; start <= XOAUTH2_ASKED; start++) {
        for (int said = 0; said < SAID_KINDS; said++) {
            struct script variant = {.start = (enum start)start,
                                     .said = (enum said)said,
                                     .check = AT_ONCE,
                                     .remembered = true,
                                     .is_bound = true};
            for_each_surrounding(variant);
        }
    }
}

static void test_passwords(void **state)
{
    (void)state;
    for (int start = PLAIN; start <= LOGIN; start++) {
        for (int i = 0; i < SAID_KINDS * SPEEDS; i++) {
            struct script variant = {.start = (enum start)start,
                                     .said = (enum said)(i % SAID_KINDS),
                                     .check = (enum speed)(i / SAID_KINDS)};
            for_each_surrounding(variant);
        }
    }
}

/* First logins: the binding is one more neighbour to wait for. */
static void test_bindings(void **state)
{
    (void)state;
    static const enum change_answer answers[] = {CHANGE_FAILED, CHANGE_INVALID, CHANGE_NOT_FOUND,
                                                 CHANGE_EXISTS, CHANGE_REFUSED, CHANGE_DONE,
                                                 CHANGE_SAME};
    for (int start = BEARER; start <= XOAUTH2_ASKED; start++) {
        for (int i = 0; i < 7 * SPEEDS * SPEEDS * CLIENTS * GUESSES; i++) {
            struct script variant = {
                .start = (enum start)start,
                .bound = answers[i % 7],
                .check = (enum speed)(i / 7 % SPEEDS),
                .binding = (enum speed)(i / 7 / SPEEDS % SPEEDS),
                .client = (enum client_speed)(i / 7 / SPEEDS / SPEEDS % CLIENTS),
                .guesses = (enum guesses)(i / 7 / SPEEDS / SPEEDS / CLIENTS),
                .account = ACCOUNT_ACTIVE,
            };
            play_all(variant);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_remembered_tokens),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_bindings),
    };
    return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
