/* token_check.h - whose token is this? One door for every way of checking.
 *
 * The provider is chosen by the domain of the SASL name (a provider speaks only for its domains); where several speak
 * for it, or no name was given, by the issuer that a JWT names; an opaque token then has nobody to go to. Within a
 * provider: cache; a JWT is judged (claims.h), proved by its issuer's keys, and asked on where that is configured or
 * needed; anything else is asked about (introspection, userinfo). Logins that bring one token at the same time
 * share one check. Nothing here logs per login: the verdict says why. Trouble with a provider is logged once
 * when it begins and once when it ends (gate.h, issuer.h). */
#ifndef TOKEN_TOKEN_CHECK_H
#define TOKEN_TOKEN_CHECK_H

#include "base/finding.h"
#include "base/log.h"
#include "base/secret.h"
#include "net/fetch.h"
#include "token/issuer.h"
#include "token/provider.h"
#include "token/verdict.h"

struct token_question {
    const struct secret *token; /* a b64token; copied where it is kept */
    const struct address *user; /* the SASL name, normalised; NULL when the client gave none */
    enum provider_protocol
        protocol; /* whose scopes are asked for; PROVIDER_PROTOCOLS: not known, so all that are set */
    struct span login_id; /* for log lines of shared trouble */
    /* `postern token check`: every step is said, nothing is read from the cache or kept in it. NULL: a login. Must
     * outlive the check. */
    struct finding_list *findings;
};

struct token_settings {
    size_t cache_bytes;
    unsigned threads;      /* for signatures; 0: all in the loop */
    size_t signatures_max; /* waiting at once */
    size_t checks_max;     /* under way at once, of all providers; beyond it VERDICT_BUSY */
};

struct token_checks;
struct token_check;
/* `verdict` is valid during the call. */
typedef void token_check_fn(const struct verdict *verdict, void *context);

/* Takes over `providers`, which provider_set_check() has passed. token_checks_configure() swaps in a
 * new set and begins a new rule generation: nothing in the cache counts any more. Checks under way finish with the old
 * set, which is freed when the last is done. So `verdict->provider` is good for the length of the callback (or the
 * turn of a lookup) only. */
struct token_checks *token_checks_new(struct loop *loop, const struct log *log,
                                      struct fetch_client *fetches,
                                      const struct token_settings *settings,
                                      struct provider_set *providers);
void token_checks_configure(struct token_checks *checks, const struct token_settings *settings,
                            struct provider_set *providers);
/* No check is under way: asserted. Takes NULL. */
void token_checks_free(struct token_checks *checks);

/* Now, from the cache: true when `verdict` is filled, accepted or refused. Does not count as a check. */
bool token_check_lookup(struct token_checks *checks, const struct token_question *question,
                        struct verdict *verdict);
struct token_check *token_check_start(struct token_checks *checks,
                                      const struct token_question *question, token_check_fn *fn,
                                      void *context);
void token_check_cancel(struct token_check *check); /* takes NULL; not after fn() ran */

/* Somebody lost access: forget now. Checks under way do not bring back what was forgotten: they are asked again. Return
 * how many entries went. `provider` by its name; unknown ones have no entries. */
size_t token_checks_purge_token(struct token_checks *checks, const struct secret *token);
size_t token_checks_purge_address(struct token_checks *checks, const struct address *address);
size_t token_checks_purge_subject(struct token_checks *checks, struct span provider,
                                  struct span subject);
size_t token_checks_purge_session(struct token_checks *checks, struct span provider,
                                  struct span session);

/* What OAUTHBEARER's error JSON says: of the provider that `user` (or NULL) would be asked about.
 * NULL when there is none. Good until the next token_checks_configure(). */
const struct provider *token_checks_provider(const struct token_checks *checks,
                                             const struct address *user);

/* The providers in use now, kept until released; also after a reload. */
struct token_generation;
struct token_generation *token_checks_hold(struct token_checks *checks);
void token_checks_release(struct token_generation *generation);
const struct provider_set *token_checks_providers(const struct token_generation *generation);
/* What runs for the index-th issuer of a provider of that set. */
struct issuer *token_checks_issuer(const struct token_generation *generation,
                                   const struct provider *provider, size_t index);
#endif
