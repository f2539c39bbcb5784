/* login_record.c - what is kept of a login: one line in the log, and a count. */
#include "auth/login_record.h"

#include "token/provider.h"

static const struct event {
    const char *name, *outcome;
    enum log_level level;
    bool decided;
} events[] = {
    [LOGIN_RECORD_ACCEPTED] = {"login_accepted", "accepted", LOG_LEVEL_INFO, true},
    [LOGIN_RECORD_REFUSED] = {"login_refused", "refused", LOG_LEVEL_INFO, true},
    [LOGIN_RECORD_REFUSED_AGAIN] = {"login_refused_again", "refused_again", LOG_LEVEL_INFO, true},
    [LOGIN_RECORD_UNAVAILABLE] = {"login_unavailable", "unavailable", LOG_LEVEL_WARNING, true},
    [LOGIN_RECORD_MALFORMED] = {"login_malformed", "malformed", LOG_LEVEL_INFO, false},
    [LOGIN_RECORD_ABANDONED] = {"login_abandoned", "abandoned", LOG_LEVEL_INFO, false},
};

struct login_record_families login_record_families(struct metrics *metrics)
{
    static const double bounds[] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
    static const char *const all[] = {"outcome",  "reason",   "mechanism",
                                      "protocol", "provider", NULL};
    static const char *const mechanism[] = {"mechanism", NULL};
    return (struct login_record_families){
        .logins =
            metrics_counter(metrics, "postern_logins_total", "Logins, by what came of them.", all),
        .seconds = metrics_histogram(
            metrics, "postern_login_seconds",
            "From the client's last word to the decision, without the delay of a refusal.",
            mechanism, bounds, sizeof bounds / sizeof *bounds)};
}

/* A client may call its protocol what it likes: there are four kinds, and the rest. */
static const char *protocol_kind(struct span protocol)
{
    enum provider_protocol kind = provider_protocol_of(protocol);
    return kind == PROVIDER_PROTOCOLS ? "other" : provider_protocol_name(kind);
}

static void count(const struct login_record_families *families, const struct event *event,
                  const struct login_record *record)
{
    const char *const labels[] = {event->outcome, record->reason, record->mechanism,
                                  protocol_kind(record->protocol), record->provider};
    metrics_count(families->logins, labels, 1);
    if (event->decided) {
        metrics_observe(families->seconds, &record->mechanism, (double)record->turn_ms / 1000);
    }
}

void login_record_write(const struct log *log, const struct login_record_families *families,
                        enum login_record_event event, const struct login_record *record)
{
    const struct log_field fields[] = {
        log_span("user", record->user),
        log_span("account", record->account),
        log_text("mech", record->mechanism),
        log_span("protocol", record->protocol),
        log_span("rip", record->client),
        log_span("session", record->session),
        log_text("login", record->login),
        log_text("provider", record->provider),
        log_text("reason", record->reason),
        record->status > 0 ? log_number("status", record->status) : log_text("status", NULL),
        log_text("detail", record->detail),
        log_number("ms", record->ms),
        {0},
    };
    log_write(log, events[event].level, events[event].name, fields);
    count(families, &events[event], record);
}
