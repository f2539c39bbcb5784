/* login_record.h - what is kept of a login: one line in the log, and a count. */
#ifndef AUTH_LOGIN_RECORD_H
#define AUTH_LOGIN_RECORD_H

#include "base/log.h"
#include "base/metrics.h"

/* The lines that login.h names, in its order. */
enum login_record_event {
    LOGIN_RECORD_ACCEPTED,
    LOGIN_RECORD_REFUSED,
    LOGIN_RECORD_REFUSED_AGAIN,
    LOGIN_RECORD_UNAVAILABLE,
    LOGIN_RECORD_MALFORMED,
    LOGIN_RECORD_ABANDONED,
};

/* Whatever is empty, NULL or 0 is left out. `mechanism` and `reason` are fixed texts, `provider` the name of a configured
 * one: they become labels of counters, as does the protocol, by its kind. */
struct login_record {
    struct span user, account, protocol, client, session;
    const char *mechanism, *login, *provider, *reason, *detail;
    int status;
    int64_t ms;      /* since the login began */
    int64_t turn_ms; /* since the client's last word */
};

/* NULL: nothing is counted. */
struct login_record_families {
    struct metrics_family
        *logins; /* postern_logins_total{outcome,reason,mechanism,protocol,provider} */
    struct metrics_family
        *seconds; /* postern_login_seconds{mechanism}: of those that were decided */
};

struct login_record_families login_record_families(struct metrics *metrics);
void login_record_write(const struct log *log, const struct login_record_families *families,
                        enum login_record_event event, const struct login_record *record);

#endif
