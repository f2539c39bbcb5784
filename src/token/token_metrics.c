/* token_metrics.c - what the token checks count and show: verdicts, cache, providers, keys, queues. */
#include "token/token_metrics.h"

#include "token/token_checks.h"

static const double seconds_bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                        0.1,    0.25,  0.5,    1,     2.5,  5};

static const char *answer_name(enum verdict_answer answer)
{
    switch (answer) {
    case VERDICT_REFUSED:
        return "refused";
    case VERDICT_UNAVAILABLE:
        return "unavailable";
    case VERDICT_ACCEPTED:
        return "accepted";
    }
    return "";
}

void token_metrics_count(struct token_checks *checks, const struct provider *provider,
                         enum token_way way, const struct verdict *verdict, int64_t ms)
{
    const char *name = provider == NULL ? "" : provider->name;
    const char *const verdicts[] = {name, token_way_name(way), answer_name(verdict->answer),
                                    verdict_reason_name(verdict->reason)};
    const char *const seconds[] = {name, token_way_name(way)};
    metrics_count(checks->verdicts, verdicts, 1);
    metrics_observe(checks->seconds, seconds, (double)ms / 1000);
}

/* -- read when somebody looks -- */

static void say(struct metrics_family *family, const char *label, double value)
{
    const char *const labels[] = {label};
    metrics_gauge_say(family, labels, value);
}

static void on_lookups(struct metrics_family *family, void *context)
{
    const struct token_stats *stats = token_checks_stats(context);
    say(family, "accepted", (double)stats->hits);
    say(family, "refused", (double)stats->refused_hits);
    say(family, "missed", (double)stats->misses);
    say(family, "joined", (double)stats->joined);
    say(family, "stood_in", (double)stats->stood_in);
}

static void on_entries(struct metrics_family *family, void *context)
{
    const struct token_checks *checks = context;
    metrics_gauge_say(family, NULL, (double)token_cache_count(checks->cache));
}

static void on_bytes(struct metrics_family *family, void *context)
{
    const struct token_checks *checks = context;
    metrics_gauge_say(family, NULL, (double)token_cache_bytes(checks->cache));
}

static void on_evicted(struct metrics_family *family, void *context)
{
    const struct token_checks *checks = context;
    metrics_gauge_say(family, NULL, (double)token_cache_evicted(checks->cache));
}

static void on_running(struct metrics_family *family, void *context)
{
    const struct token_checks *checks = context;
    metrics_gauge_say(family, NULL, (double)checks->running);
}

static void on_signatures(struct metrics_family *family, void *context)
{
    const struct token_checks *checks = context;
    say(family, "loop", (double)signature_queue_inline(checks->signatures));
    say(family, "thread", (double)signature_queue_pooled(checks->signatures));
}

static void on_signatures_waiting(struct metrics_family *family, void *context)
{
    const struct token_checks *checks = context;
    metrics_gauge_say(family, NULL, (double)signature_queue_waiting(checks->signatures));
}

/* One series for each provider. */
static void each_gate(struct metrics_family *family, const struct token_checks *checks,
                      double (*of)(const struct gate *gate))
{
    const struct provider_set *set = token_generation_set(checks->current);
    for (size_t i = 0; i < set->count; i++) {
        say(family, set->providers[i].name,
            of(token_generation_gate(checks->current, &set->providers[i])));
    }
}

static double asked(const struct gate *gate)
{
    return (double)gate_asked(gate);
}

static double failed(const struct gate *gate)
{
    return (double)gate_failed(gate);
}

static double inside(const struct gate *gate)
{
    return (double)gate_inside(gate);
}

static double waiting(const struct gate *gate)
{
    return (double)gate_waiting(gate);
}

static double shut(const struct gate *gate)
{
    return gate_state(gate) == GATE_SHUT ? 1 : 0;
}

static void on_asked(struct metrics_family *family, void *context)
{
    each_gate(family, context, asked);
}

static void on_failed(struct metrics_family *family, void *context)
{
    each_gate(family, context, failed);
}

static void on_inside(struct metrics_family *family, void *context)
{
    each_gate(family, context, inside);
}

static void on_waiting(struct metrics_family *family, void *context)
{
    each_gate(family, context, waiting);
}

static void on_shut(struct metrics_family *family, void *context)
{
    each_gate(family, context, shut);
}

/* One series for each issuer. */
static void each_issuer(struct metrics_family *family, const struct token_checks *checks,
                        double (*of)(const struct issuer *issuer))
{
    const struct provider_set *set = token_generation_set(checks->current);
    for (size_t i = 0; i < set->count; i++) {
        const struct provider *provider = &set->providers[i];
        for (size_t j = 0; j < token_generation_issuers(provider); j++) {
            const char *const labels[] = {provider->name, provider->issuers[j]};
            metrics_gauge_say(family, labels,
                              of(token_generation_issuer(checks->current, provider, j)));
        }
    }
}

static double keys(const struct issuer *issuer)
{
    const struct keyset *keyset = issuer_keys(issuer);
    return keyset == NULL ? 0 : (double)keyset_count(keyset);
}

static double keys_age(const struct issuer *issuer)
{
    int64_t ms = issuer_keys_age_ms(issuer);
    return ms < 0 ? -1 : (double)ms / 1000;
}

static double fetches(const struct issuer *issuer)
{
    return (double)issuer_fetches(issuer);
}

static double failures(const struct issuer *issuer)
{
    return (double)issuer_failures(issuer);
}

static void on_keys(struct metrics_family *family, void *context)
{
    each_issuer(family, context, keys);
}

static void on_keys_age(struct metrics_family *family, void *context)
{
    each_issuer(family, context, keys_age);
}

static void on_fetches(struct metrics_family *family, void *context)
{
    each_issuer(family, context, fetches);
}

static void on_failures(struct metrics_family *family, void *context)
{
    each_issuer(family, context, failures);
}

void token_metrics_add(struct token_checks *checks, struct metrics *metrics)
{
    static const char *const by_verdict[] = {"provider", "way", "answer", "reason", NULL};
    static const char *const by_way[] = {"provider", "way", NULL};
    static const char *const by_provider[] = {"provider", NULL};
    static const char *const by_issuer[] = {"provider", "issuer", NULL};
    static const char *const by_result[] = {"result", NULL};
    static const char *const by_place[] = {"where", NULL};
    static const struct {
        const char *name, *help;
        const char *const *labels;
        metrics_gauge_fn *fn;
        bool total;
    } table[] = {
        {"postern_token_cache_lookups_total", "Tokens looked up in the cache, by result", by_result,
         on_lookups, true},
        {"postern_token_cache_entries", "Verdicts remembered", NULL, on_entries, false},
        {"postern_token_cache_bytes", "Memory of the token cache", NULL, on_bytes, false},
        {"postern_token_cache_evicted_total", "Verdicts that made room for others", NULL,
         on_evicted, true},
        {"postern_token_checks_running", "Logins that wait for a token check", NULL, on_running,
         false},
        {"postern_signatures_total", "Signatures verified, in the loop and in threads", by_place,
         on_signatures, true},
        {"postern_signatures_waiting", "Signatures that wait to be verified", NULL,
         on_signatures_waiting, false},
        {"postern_provider_requests_total", "Questions about tokens sent to the provider",
         by_provider, on_asked, true},
        {"postern_provider_failures_total", "Questions it could not answer", by_provider, on_failed,
         true},
        {"postern_provider_requests_running", "Questions under way", by_provider, on_inside, false},
        {"postern_provider_requests_waiting", "Questions that wait for their turn", by_provider,
         on_waiting, false},
        {"postern_provider_breaker_open", "1 while the provider is not asked because it failed",
         by_provider, on_shut, false},
        {"postern_issuer_keys", "Usable signing keys of the issuer", by_issuer, on_keys, false},
        {"postern_issuer_keys_age_seconds", "Since its keys were fetched; -1: never", by_issuer,
         on_keys_age, false},
        {"postern_issuer_fetches_total", "Requests for discovery and keys", by_issuer, on_fetches,
         true},
        {"postern_issuer_failures_total", "Those that failed", by_issuer, on_failures, true},
    };
    checks->verdicts =
        metrics_counter(metrics, "postern_token_checks_total",
                        "Token checks that were not answered by the cache", by_verdict);
    checks->seconds =
        metrics_histogram(metrics, "postern_token_check_seconds", "How long those checks took",
                          by_way, seconds_bounds, sizeof seconds_bounds / sizeof *seconds_bounds);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        void (*add)(struct metrics *, const char *, const char *, const char *const *,
                    metrics_gauge_fn *, void *) = table[i].total ? metrics_total : metrics_gauge;
        add(metrics, table[i].name, table[i].help, table[i].labels, table[i].fn, checks);
    }
}
