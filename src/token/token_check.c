/* token_check.c - whose token is this? Chooses the provider, asks it, and keeps an eye on its health. */
#include "token/token_check.h"

#include "base/memory.h"
#include "base/text.h"
#include "token/userinfo.h"

#include <assert.h>
#include <string.h>

enum { LOGIN_ID_SIZE = 40 };

/* How one provider does. */
struct health {
    size_t running; /* checks under way */
    bool trouble;
    struct moment since;
};

/* A set of providers and who still uses it. */
struct token_generation {
    struct provider_set *set;
    struct health *health; /* one for each provider */
    size_t users;          /* checks under way, and one more while it is the current set */
};

struct token_checks {
    struct loop *loop;
    const struct log *log;
    struct fetch_client *fetches;
    struct token_generation *current;
    size_t running;
};

struct token_check {
    struct token_checks *checks;
    struct token_generation *generation;
    const struct provider *provider; /* NULL: none was to be asked */
    struct fetch *fetch;
    struct loop_later later; /* answers that need no fetch */
    struct verdict verdict;
    char login_id[LOGIN_ID_SIZE];
    token_check_fn *fn;
    void *context;
};

/* -- generations -- */

static struct token_generation *generation_new(struct provider_set *set)
{
    assert(set != NULL);
    struct token_generation *generation = MEMORY_NEW(struct token_generation);
    generation->set = set;
    generation->health = memory_new(set->count + 1, sizeof *generation->health);
    generation->users = 1;
    return generation;
}

static void generation_leave(struct token_generation *generation)
{
    assert(generation->users > 0);
    generation->users--;
    if (generation->users == 0) {
        provider_set_free(generation->set);
        memory_free(generation->health);
        memory_free(generation);
    }
}

/* A provider in trouble stays so over a reload: its recovery is still news. */
static void inherit(struct token_generation *new, const struct token_generation *old)
{
    for (size_t i = 0; i < new->set->count; i++) {
        for (size_t j = 0; j < old->set->count; j++) {
            if (strcmp(new->set->providers[i].name, old->set->providers[j].name) == 0) {
                new->health[i].trouble = old->health[j].trouble;
                new->health[i].since = old->health[j].since;
            }
        }
    }
}

struct token_checks *token_checks_new(struct loop *loop, const struct log *log,
                                      struct fetch_client *fetches,
                                      const struct token_settings *settings,
                                      struct provider_set *providers)
{
    struct token_checks *checks = MEMORY_NEW(struct token_checks);
    checks->loop = loop;
    checks->log = log;
    checks->fetches = fetches;
    (void)settings;
    checks->current = generation_new(providers);
    return checks;
}

void token_checks_configure(struct token_checks *checks, const struct token_settings *settings,
                            struct provider_set *providers)
{
    (void)settings;
    struct token_generation *old = checks->current;
    checks->current = generation_new(providers);
    inherit(checks->current, old);
    generation_leave(old);
}

void token_checks_free(struct token_checks *checks)
{
    if (checks == NULL) {
        return;
    }
    assert(checks->running == 0);
    generation_leave(checks->current);
    memory_free(checks);
}

const struct provider *token_check_provider(const struct token_checks *checks,
                                            const struct address *user)
{
    struct span domain = user == NULL ? (struct span){0} : address_domain(user);
    return provider_set_find(checks->current->set, domain, NULL);
}

/* -- health -- */

static struct health *health_of(const struct token_check *check)
{
    return &check->generation->health[check->provider - check->generation->set->providers];
}

static void note_trouble(struct token_check *check, struct health *health)
{
    if (health->trouble) {
        return;
    }
    health->trouble = true;
    health->since = loop_now(check->checks->loop);
    const struct verdict *verdict = &check->verdict;
    log_warning(
        check->checks->log, "provider_unavailable", log_text("provider", check->provider->name),
        log_text("url", check->provider->shown),
        log_text("reason", verdict_reason_name(verdict->reason)),
        verdict->status == 0 ? log_text("status", NULL) : log_number("status", verdict->status),
        log_text("detail", verdict->detail), log_text("login", check->login_id));
}

static void note_health(struct token_check *check)
{
    struct health *health = health_of(check);
    if (check->verdict.answer == VERDICT_UNAVAILABLE) {
        note_trouble(check, health);
        return;
    }
    if (health->trouble) {
        health->trouble = false;
        int64_t ms = moment_since(loop_now(check->checks->loop), health->since);
        log_info(check->checks->log, "provider_recovered",
                 log_text("provider", check->provider->name), log_number("seconds", ms / 1000));
    }
}

/* -- one check -- */

static void check_free(struct token_check *check)
{
    fetch_cancel(check->fetch);
    loop_later_cancel(&check->later);
    if (check->provider != NULL) {
        health_of(check)->running--;
    }
    check->checks->running--;
    generation_leave(check->generation);
    memory_free(check);
}

/* The provider that the verdict names must live until `fn` is back. */
static void finish(struct token_check *check)
{
    check->fn(&check->verdict, check->context);
    check_free(check);
}

static void on_later(void *context)
{
    finish(context);
}

static void on_answer(const struct fetch_answer *answer, void *context)
{
    struct token_check *check = context;
    check->fetch = NULL;
    userinfo_judge(check->provider, answer, &check->verdict);
    note_health(check);
    if (check->verdict.answer == VERDICT_ACCEPTED &&
        !provider_speaks_for(check->provider, address_domain(&check->verdict.address))) {
        check->verdict.answer = VERDICT_REFUSED;
        check->verdict.reason = VERDICT_OTHER_DOMAIN;
    }
    finish(check);
}

static void answer_later(struct token_check *check, enum verdict_answer answer,
                         enum verdict_reason reason)
{
    check->verdict.answer = answer;
    check->verdict.reason = reason;
    loop_later(check->checks->loop, &check->later);
}

static void ask(struct token_check *check, const struct secret *token)
{
    if (check->provider == NULL) {
        answer_later(check, VERDICT_REFUSED, VERDICT_NO_PROVIDER);
        return;
    }
    struct health *health = health_of(check);
    check->verdict.provider = check->provider;
    health->running++;
    if (health->running > check->provider->requests_max) {
        answer_later(check, VERDICT_UNAVAILABLE, VERDICT_BUSY);
        return;
    }
    struct fetch_request request =
        userinfo_request(check->provider, check->provider->userinfo, token);
    check->fetch = fetch_start(check->checks->fetches, &request, on_answer, check);
}

struct token_check *token_check_start(struct token_checks *checks,
                                      const struct token_question *question, token_check_fn *fn,
                                      void *context)
{
    /* RFC 7628 lets CR and LF into a message; one in a token would write headers of its own. */
    assert(text_b64token(secret_reveal(question->token)));
    struct token_check *check = MEMORY_NEW(struct token_check);
    check->checks = checks;
    check->fn = fn;
    check->context = context;
    check->generation = checks->current;
    check->generation->users++;
    checks->running++;
    check->provider = token_check_provider(checks, question->user);
    (void)span_fits(question->login_id, check->login_id, sizeof check->login_id);
    loop_later_init(&check->later, on_later, check);
    ask(check, question->token);
    return check;
}

void token_check_cancel(struct token_check *check)
{
    if (check != NULL) {
        check_free(check);
    }
}

bool token_check_lookup(struct token_checks *checks, const struct token_question *question,
                        struct verdict *verdict)
{
    (void)checks, (void)question, (void)verdict;
    return false;
}

struct token_generation *token_checks_hold(struct token_checks *checks)
{
    checks->current->users++;
    return checks->current;
}

void token_checks_release(struct token_generation *generation)
{
    generation_leave(generation);
}

const struct provider_set *token_checks_providers(const struct token_generation *generation)
{
    return generation->set;
}
