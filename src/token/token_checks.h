/* token_checks.h - what all checks share: providers, cache, keys' queue, those under way. Internal to token/. */
#ifndef TOKEN_TOKEN_CHECKS_H
#define TOKEN_TOKEN_CHECKS_H

#include "base/digest.h"
#include "token/signature_queue.h"
#include "token/token_cache.h"
#include "token/token_case.h"
#include "token/token_check.h"
#include "token/token_generation.h"

enum { TOKEN_CHECKS_LOGIN_ID = 40, TOKEN_CHECKS_ROWS = 4096 };

/* One under way, in the table by its key. */
struct token_checks_link {
    struct digest key;
    struct token_checks_link *next, *previous;
    bool listed;
    bool joinable;
    bool forgotten; /* a purge came since it began */
};

struct token_stats {
    uint64_t hits, refused_hits, misses, joined, stood_in;
};

struct token_checks {
    struct loop *loop;
    const struct log *log;
    struct fetch_client *fetches;
    struct token_settings settings;
    struct token_generation *current, *all;
    struct token_cache *cache;
    struct signature_queue *signatures;
    struct token_scratch *scratch;
    const void *reader; /* whose token is in scratch->jwt */
    struct token_checks_link *rows[TOKEN_CHECKS_ROWS];
    size_t running; /* logins that wait */
    size_t flights;
    uint64_t keys_changes; /* how often an issuer's keys changed */
    struct token_stats stats;
    struct metrics_family *seconds, *verdicts; /* NULL: nobody counts */
};

/* Who is to be asked: the provider of the name's domain, or NULL where a JWT's issuer decides; and the key of the cache. false:
 * nobody speaks for it. */
struct token_checks_choice {
    const struct provider *provider;
    struct digest key;
};
bool token_checks_choose(struct token_checks *checks, const struct token_question *question,
                         struct token_checks_choice *choice);

/* Those under way. `joinable`: others may wait for the same. */
void token_checks_list(struct token_checks *checks, struct token_checks_link *link,
                       const struct digest *key, bool joinable);
void token_checks_unlist(struct token_checks *checks,
                         struct token_checks_link *link); /* also twice */
struct token_checks_link *token_checks_under_way(struct token_checks *checks,
                                                 const struct digest *key);
/* Of token_check.c: frees one that nobody waits for. */
void token_check_abandon(struct token_checks_link *link);

/* The cache. A verdict of the current generation; `proved`: its signature was verified here. */
bool token_checks_recall(struct token_checks *checks, const struct digest *key,
                         struct verdict *verdict);
void token_checks_remember(struct token_checks *checks, const struct digest *key,
                           const struct verdict *verdict, bool proved);
/* The same verdict is not the same for all: a provider speaks for its domains, a protocol asks for scopes. What protocol it
 * is must be known where one asks for a scope of its own, unless an admin only looks. */
void token_checks_fit(struct verdict *verdict, const struct address *user,
                      enum provider_protocol protocol, bool looks);
/* Nobody can be asked: the last good verdict, where the provider's `outage` lets it stand in. */
bool token_checks_stand_in(struct token_checks *checks, const struct digest *key,
                           struct verdict *verdict);
const struct token_stats *token_checks_stats(const struct token_checks *checks);

#endif
