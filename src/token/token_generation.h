/* token_generation.h - one set of providers, what runs for each of them, and who still uses it.
 *
 * A reload makes a new generation. Gates, connections and issuers (with their keys) of providers that stay the same go
 * over into it: a provider that is down keeps its keys, and its recovery is still news. A generation that nobody uses any
 * more is freed at the end of a turn, never inside a callback of what it owns. */
#ifndef TOKEN_TOKEN_GENERATION_H
#define TOKEN_TOKEN_GENERATION_H

#include "base/log.h"
#include "net/fetch.h"
#include "token/gate.h"
#include "token/issuer.h"
#include "token/provider.h"

struct token_generation;

struct token_generation_inputs {
    struct loop *loop;
    const struct log *log;
    struct fetch_client
        *fetches; /* for discovery and keys: questions about tokens have their own */
    issuer_changed_fn *changed;
    void *context;
    struct token_generation **all; /* the head of a list of those that live */
};

/* Takes over `providers`; hands over what can stay of `old` (or NULL). Used once: by the caller. */
struct token_generation *token_generation_new(const struct token_generation_inputs *inputs,
                                              struct provider_set *providers,
                                              struct token_generation *old);
struct token_generation *token_generation_hold(struct token_generation *generation);
void token_generation_release(struct token_generation *generation); /* takes NULL */
/* Frees all of a list at once, at the end: nobody else uses them (asserted: but for the current one, whose only user
 * is the caller). Not from a callback of something that they own. */
void token_generation_free_all(struct token_generation **all);

const struct provider_set *token_generation_set(const struct token_generation *generation);
/* Different in each: for keys of the cache. */
struct span token_generation_nonce(const struct token_generation *generation);
struct gate *token_generation_gate(const struct token_generation *generation,
                                   const struct provider *provider);
struct fetch_client *token_generation_fetches(const struct token_generation *generation,
                                              const struct provider *provider);
/* The index-th issuer of a provider. */
struct issuer *token_generation_issuer(const struct token_generation *generation,
                                       const struct provider *provider, size_t index);
size_t token_generation_issuers(const struct provider *provider); /* how many it has */

#endif
