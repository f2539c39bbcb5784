/* issuer.h - one issuer while we run: its discovery document and its keys, fetched in the background and kept.
 *
 * Starts at once and never holds up anybody: a provider that is down at start is tried again (from 1 s to 60 s apart)
 * until it answers. Then discovery and keys are fetched again every `keys_refresh_ms`, or when Cache-Control: max-age
 * says so, within [1 min, 24 h]. What was fetched is replaced as a whole; a failure keeps what there is until
 * keys_max_age_ms after it was fetched last. One log line when trouble begins, one when it ends, one when keys change.
 * Answers are never redirected, bounded (DISCOVERY_SIZE_MAX, KEYSET_SIZE_MAX), and 5 s long at most. Hosts that the
 * issuer's own document introduces are only reached at public addresses (fetch.h, `public_only`), the issuer's own host
 * wherever the admin put it, or at `connect_to`. */
#ifndef TOKEN_ISSUER_H
#define TOKEN_ISSUER_H

#include "base/log.h"
#include "net/fetch.h"
#include "token/discovery.h"
#include "token/keyset.h"

struct issuer_settings {
    const char *provider; /* for log lines */
    const char *issuer;
    const char *jwks;       /* NULL: from discovery */
    const char *connect_to; /* NULL: none */
    const char *ca_file;    /* NULL: the system's */
    int64_t refresh_ms, cooldown_ms, max_age_ms;
    int64_t retry_min_ms, retry_max_ms; /* 0: 1 s, 60 s */
    /* false: the document alone, until issuer_want_keys() */
    bool needs_keys;
};

struct issuer;
/* Runs when keys that were there before are gone or others have come: verdicts about tokens of this issuer are to be
 * forgotten. Never during issuer_new() or issuer_free(). */
typedef void issuer_changed_fn(struct issuer *issuer, void *context);

/* Settings are copied. */
struct issuer *issuer_new(struct loop *loop, const struct log *log, struct fetch_client *fetches,
                          const struct issuer_settings *settings, issuer_changed_fn *changed,
                          void *context);
void issuer_free(struct issuer *issuer); /* nobody waits: asserted. Takes NULL */
/* A reload can keep it: nothing about it would be different. */
bool issuer_same(const struct issuer *issuer, const struct issuer_settings *settings);

const char *issuer_name(const struct issuer *issuer); /* the issuer, as configured */
/* NULL: not known (yet). Good until the next turn. */
const struct discovery *issuer_discovery(const struct issuer *issuer);
/* NULL: none were ever fetched, or they are older than max_age_ms. Good until the next turn; hold it longer. */
struct keyset *issuer_keys(const struct issuer *issuer);
/* How long ago keys were fetched; -1: never. For metrics and `postern provider test`. */
int64_t issuer_keys_age_ms(const struct issuer *issuer);
/* The last fetch of keys failed: a kid that is not among them may be there by now. */
bool issuer_keys_in_trouble(const struct issuer *issuer);
const char *issuer_trouble(const struct issuer *issuer); /* the last failure; NULL: none */
uint64_t issuer_fetches(const struct issuer *issuer);    /* requests sent since it began */
uint64_t issuer_failures(const struct issuer *issuer);

/* From now on keys are fetched, whatever the settings say: there is a JWT to prove. */
void issuer_want_keys(struct issuer *issuer);

/* For a kid that is not there, or no keys at all: joins the fetch under way, or begins one, unless one because of an
 * unknown kid began less than cooldown_ms ago. All who wait share one fetch. */
struct issuer_wait;
typedef void issuer_wait_fn(void *context); /* look again: it may have helped */
/* NULL: within the cool-down: there is nothing to wait for. */
struct issuer_wait *issuer_refresh_start(struct issuer *issuer, issuer_wait_fn *fn, void *context);
void issuer_refresh_cancel(struct issuer_wait *wait); /* takes NULL */

#endif
