/* test_token_check.c - which provider is asked, how often, and what is said of its health. */
#include "token/token_check.h"

#include "fake_loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

/* -- a fetch that answers when it is told to -- */

enum { FETCHES_MAX = 16 };

struct fetch {
    char url[200];
    char token[64];
    fetch_fn *fn;
    void *context;
};

static struct fetch *running[FETCHES_MAX];
static size_t started, cancelled;

struct fetch *fetch_start(struct fetch_client *client, const struct fetch_request *request,
                          fetch_fn *fn, void *context)
{
    (void)client;
    struct fetch *fetch = MEMORY_NEW(struct fetch);
    fetch->fn = fn;
    fetch->context = context;
    snprintf(fetch->url, sizeof fetch->url, "%s", request->url);
    assert_true(span_fits(secret_reveal(request->bearer), fetch->token, sizeof fetch->token));
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        if (running[i] == NULL) {
            running[i] = fetch;
            started++;
            return fetch;
        }
    }
    fail_msg("too many fetches");
    return NULL;
}

static struct fetch *take(const struct fetch *fetch)
{
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        if (running[i] != NULL && running[i] == fetch) {
            struct fetch *found = running[i];
            running[i] = NULL;
            return found;
        }
    }
    fail_msg("no such fetch");
    return NULL;
}

void fetch_cancel(struct fetch *fetch)
{
    if (fetch != NULL) {
        memory_free(take(fetch));
        cancelled++;
    }
}

static void answer_fetch(size_t index, int status, const char *body)
{
    struct fetch *fetch = take(running[index]);
    struct fetch_answer answer = {.outcome = status == 0 ? FETCH_FAILED : FETCH_ANSWERED,
                                  .status = status,
                                  .content_type = SPAN_LITERAL("application/json"),
                                  .body = span_of(body),
                                  .failure = status == 0 ? body : NULL};
    fetch->fn(&answer, fetch->context);
    memory_free(fetch);
}

/* -- the rest of the scene -- */

static struct loop loop;
static const struct token_settings tokens = {1024 * 1024, 0, 1000, 1000};
static struct token_checks *checks;
static char lines[2000];
static struct verdict last;
static char last_provider[64];
static int answers;
static struct secret token;

static void keep_line(enum log_level level, struct span line, void *context)
{
    (void)level;
    (void)context;
    size_t length = strlen(lines);
    snprintf(lines + length, sizeof lines - length, "%.*s\n", (int)line.length, line.at);
}

static const struct log logger = {.sink = keep_line, .level = LOG_LEVEL_DEBUG};

static void fill(struct provider *provider, const char *name, const char *url, const char *domain)
{
    *provider = (struct provider){.connect_ms = 2000, .total_ms = 5000, .requests_max = 2};
    provider->name = memory_text(name);
    provider->userinfo = memory_text(url);
    provider->shown = provider_shown(url);
    provider->username_claim = memory_text("email");
    provider->domains = memory_new(2, sizeof *provider->domains);
    provider->domains[0] = domain == NULL ? NULL : memory_text(domain);
}

static struct provider_set *two(void)
{
    struct provider_set *set = MEMORY_NEW(struct provider_set);
    set->count = 2;
    set->providers = memory_new(2, sizeof *set->providers);
    fill(&set->providers[0], "work", "https://u:p4ss@work.example.com/userinfo?key=k3y",
         "example.com");
    fill(&set->providers[1], "home", "https://home.example.net/userinfo", "example.net");
    return set;
}

static struct provider_set *only(const char *domain)
{
    struct provider_set *set = MEMORY_NEW(struct provider_set);
    set->count = 1;
    set->providers = memory_new(1, sizeof *set->providers);
    fill(&set->providers[0], "work", "https://new.example.com/userinfo", domain);
    return set;
}

static int setup(void **state)
{
    (void)state;
    fake_loop_init(&loop);
    lines[0] = '\0';
    started = cancelled = 0;
    answers = 0;
    last = (struct verdict){0};
    token = secret_new(SPAN_LITERAL("t0ken-of-alice"));
    checks = token_checks_new(&loop, &logger, NULL, &tokens, two());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    /* Whatever else is logged, these are not. */
    assert_null(strstr(lines, "t0ken"));
    assert_null(strstr(lines, "p4ss"));
    assert_null(strstr(lines, "k3y"));
    token_checks_free(checks);
    secret_done(&token);
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        assert_null(running[i]);
    }
    return 0;
}

static void on_verdict(const struct verdict *verdict, void *context)
{
    (void)context;
    answers++;
    last = *verdict;
    snprintf(last_provider, sizeof last_provider, "%s",
             verdict->provider == NULL ? "" : verdict->provider->name);
}

static struct token_check *start(const char *user)
{
    struct address address;
    struct error error;
    struct token_question question = {.token = &token, .login_id = SPAN_LITERAL("l0g1n")};
    if (user != NULL) {
        assert_true(address_parse(span_of(user), &address, &error));
        question.user = &address;
    }
    int before = answers;
    struct token_check *check = token_check_start(checks, &question, on_verdict, NULL);
    assert_int_equal(answers, before); /* never before it returned */
    return check;
}

static void expect(enum verdict_answer answer, enum verdict_reason reason, const char *provider)
{
    assert_int_equal(answers, 1);
    assert_int_equal(last.answer, answer);
    assert_int_equal(last.reason, reason);
    assert_string_equal(last_provider, provider);
    answers = 0;
}

static size_t occurrences(const char *text)
{
    size_t count = 0;
    for (const char *at = strstr(lines, text); at != NULL; at = strstr(at + 1, text)) {
        count++;
    }
    return count;
}

static const char alice[] =
    "{\"sub\":\"s-1\",\"email\":\"alice@example.com\",\"email_verified\":true}";

/* -- who is asked -- */

static void test_by_domain(void **state)
{
    (void)state;
    start("alice@example.com");
    assert_string_equal(running[0]->url, "https://u:p4ss@work.example.com/userinfo?key=k3y");
    assert_string_equal(running[0]->token, "t0ken-of-alice");
    answer_fetch(0, 200, alice);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
    assert_string_equal(last.address.text, "alice@example.com");
    assert_string_equal(last.subject, "s-1");
    assert_int_equal(last.verified, VERIFIED_YES);

    start("carol@example.net");
    assert_string_equal(running[0]->url, "https://home.example.net/userinfo");
    answer_fetch(0, 401, "");
    expect(VERDICT_REFUSED, VERDICT_NOT_VALID, "home");
    assert_int_equal(last.status, 401);
    assert_string_equal(lines, "");
}

/* A token is shown to nobody when nobody in particular is to be asked. */
static void test_nobody(void **state)
{
    (void)state;
    start("dave@other.example");
    assert_int_equal(answers, 0);
    assert_true(fake_loop_run_later(&loop));
    expect(VERDICT_REFUSED, VERDICT_NO_PROVIDER, "");
    start(NULL);
    assert_true(fake_loop_run_later(&loop));
    expect(VERDICT_REFUSED, VERDICT_NO_PROVIDER, "");
    assert_int_equal(started, 0);
    assert_string_equal(verdict_status(VERDICT_NO_PROVIDER, false), "invalid_request");
    assert_string_equal(verdict_status(VERDICT_NO_PROVIDER, true), "invalid_token");
}

static void test_only_one(void **state)
{
    (void)state;
    token_checks_configure(checks, &tokens, only(NULL));
    start(NULL);
    answer_fetch(0, 200, alice);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
    start("dave@other.example");
    answer_fetch(0, 200, alice);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
}

/* A provider speaks for its domains only, whatever it says. */
static void test_other_domain(void **state)
{
    (void)state;
    start("carol@example.net");
    answer_fetch(0, 200, alice);
    expect(VERDICT_REFUSED, VERDICT_OTHER_DOMAIN, "home");
    assert_string_equal(lines, "");
}

static void test_provider_of_user(void **state)
{
    (void)state;
    struct address address;
    struct error error;
    assert_true(address_parse(SPAN_LITERAL("x@example.net"), &address, &error));
    assert_string_equal(token_check_provider(checks, &address)->name, "home");
    assert_null(token_check_provider(checks, NULL));
}

/* -- how many at once -- */

static void test_busy(void **state)
{
    (void)state;
    struct token_check *one = start("alice@example.com");
    start("alice@example.com");
    start("alice@example.com"); /* two are allowed */
    assert_int_equal(started, 2);
    start("carol@example.net"); /* another provider's are its own */
    assert_int_equal(started, 3);
    assert_true(fake_loop_run_later(&loop));
    expect(VERDICT_UNAVAILABLE, VERDICT_BUSY, "work");
    assert_string_equal(lines, ""); /* no trouble of the provider's */
    token_check_cancel(one);
    assert_int_equal(cancelled, 1);
    start("alice@example.com"); /* and one is free again */
    assert_int_equal(started, 4);
    for (size_t i = 0; i < 3; i++) {
        answer_fetch(i, 200, alice);
    }
    assert_int_equal(answers, 3);
}

static void test_cancel(void **state)
{
    (void)state;
    token_check_cancel(NULL);
    token_check_cancel(start("alice@example.com"));
    assert_int_equal(cancelled, 1);
    token_check_cancel(start("dave@other.example")); /* answered already, not heard yet */
    assert_false(fake_loop_run_later(&loop));
    assert_int_equal(answers, 0);
}

/* -- a reload while checks are under way -- */

static void test_reload(void **state)
{
    (void)state;
    start("alice@example.com");
    struct token_check *gone = start("carol@example.net");
    token_checks_configure(checks, &tokens, only("example.com"));
    start("alice@example.com");
    assert_string_equal(running[2]->url, "https://new.example.com/userinfo");
    /* The old set lives for those who use it, and no longer (ASan). */
    answer_fetch(0, 200, alice);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
    token_check_cancel(gone);
    answer_fetch(2, 200, alice);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
}

/* -- trouble is told once when it begins, and once when it ends -- */

static void test_outage(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        start("alice@example.com");
        answer_fetch(0, 0, "could not connect: Connection refused");
        expect(VERDICT_UNAVAILABLE, VERDICT_UNREACHABLE, "work");
        assert_string_equal(last.detail, "could not connect: Connection refused");
    }
    assert_string_equal(lines,
                        "provider_unavailable provider=work url=https://work.example.com/userinfo "
                        "reason=provider_unreachable "
                        "detail=\"could not connect: Connection refused\" login=l0g1n\n");
    start("carol@example.net"); /* of the other one nothing is said */
    answer_fetch(0, 401, "");
    answers = 0;
    loop.now.ms += 65999;
    start("alice@example.com");
    answer_fetch(0, 401, ""); /* a "no" is an answer */
    expect(VERDICT_REFUSED, VERDICT_NOT_VALID, "work");
    assert_non_null(strstr(lines, "\nprovider_recovered provider=work seconds=65\n"));
    start("alice@example.com");
    answer_fetch(0, 503, "");
    assert_int_equal(occurrences("provider_unavailable"), 2);
    assert_int_equal(occurrences("provider_recovered"), 1);
    assert_non_null(strstr(lines, "reason=provider_error status=503"));
}

static void test_outage_over_reload(void **state)
{
    (void)state;
    start("alice@example.com");
    answer_fetch(0, 500, "");
    token_checks_configure(checks, &tokens, only("example.com"));
    start("alice@example.com");
    answer_fetch(0, 500, "");
    assert_int_equal(occurrences("provider_unavailable"), 1);
    start("alice@example.com");
    answer_fetch(0, 200, alice);
    assert_int_equal(occurrences("provider_recovered"), 1);
}

/* Every reason has a name of its own for the log. */
static void test_reasons(void **state)
{
    (void)state;
    for (int i = VERDICT_NOT_VALID; i <= VERDICT_BUSY; i++) {
        const char *one = verdict_reason_name((enum verdict_reason)i);
        assert_true(strlen(one) > 0);
        for (int j = VERDICT_NOT_VALID; j < i; j++) {
            assert_string_not_equal(one, verdict_reason_name((enum verdict_reason)j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_by_domain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_domain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_provider_of_user, setup, teardown),
        cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outage_over_reload, setup, teardown),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests_name("token_check", tests, NULL, NULL);
}
