/* throttle.h - slows down guessing, without punishing a phone that repeats one stale token.
 *
 * What counts are distinct refused credentials - (user, hash of the secret) - per client address in a
 * sliding window; one credential refused a thousand times counts once. Only refusals count, never
 * temporary failures, never malformed or truncated messages. IPv6 clients count per /64. Trusted
 * addresses (webmail, monitoring) and unknown ones are counted per (address, user). Bounded: the
 * entry idle longest makes room. Remembered are keyed digests of 8 bytes, never a secret. */
#ifndef AUTH_THROTTLE_H
#define AUTH_THROTTLE_H

#include "base/moment.h"
#include "base/secret.h"

struct throttle_settings {
    size_t free_failures; /* distinct refused credentials before anything is slowed (10) */
    size_t stop_failures; /* from here on: temporary failure, unchecked (100); 0: never */
    int64_t window_ms;    /* 10 minutes */
    int64_t delay_max_ms; /* 4000 */
    size_t entries_max;   /* addresses remembered (10,000) */
    char **trusted;       /* "192.0.2.1", "2001:db8::/32"; NULL-terminated; may be NULL */
};

enum throttle_answer { THROTTLE_STOP, THROTTLE_DELAY, THROTTLE_GO };

enum { THROTTLE_FAILURES_MAX = 1000 }; /* `stop_failures` beyond it mean it */

struct throttle;
/* `settings` are copied. Entries of `trusted` that throttle_trusted_valid() refuses trust nobody. */
struct throttle *throttle_new(const struct throttle_settings *settings);
void throttle_configure(struct throttle *throttle, const struct throttle_settings *settings);
void throttle_free(struct throttle *throttle); /* takes NULL */
/* Before a check: go, wait `delay_ms` first, or stop. `user` matters for trusted addresses, and where
 * the client's address is not known. */
enum throttle_answer throttle_ask(struct throttle *throttle, struct moment now, struct span address,
                                  struct span user, int64_t *delay_ms);
/* After a refusal. True when this credential is a new one of this address; false when it was refused
 * before within the window: a repetition, which counts for nothing. */
bool throttle_refused(struct throttle *throttle, struct moment now, struct span address,
                      struct span user, const struct secret *secret);
/* After a login: what was refused this user at this address counts no more. An office of hundreds behind one
 * address, whose tokens expire every hour, must not be taken for one guesser; a guesser who has an account
 * gains nothing against the others. Logins without a name forgive nothing. */
void throttle_accepted(struct throttle *throttle, struct span address, struct span user);
size_t throttle_entries(const struct throttle *throttle);
/* "192.0.2.1", "192.0.2.0/24", "2001:db8::/32". */
bool throttle_trusted_valid(struct span text);

#endif
