/* token_cache.h - good and bad verdicts about tokens, remembered for a while; bounded in bytes.
 *
 * Keyed by a SHA-256 that the caller makes of (provider, rule generation, token): a token itself is never kept. Open
 * addressing over an array of slots; an entry is one block with its texts behind it. The entry used longest ago makes
 * room (approximately: second chance). Times are wall seconds, so that an entry never outlives `exp`. */
#ifndef TOKEN_TOKEN_CACHE_H
#define TOKEN_TOKEN_CACHE_H

#include "base/digest.h"
#include "token/verdict.h"

struct token_cache;

/* One verdict, as it is put in and handed out (then: views, good until the next call that changes the cache). */
struct token_cache_entry {
    enum verdict_answer answer; /* ACCEPTED or REFUSED: what is unavailable is never kept */
    enum verdict_reason reason;
    uint16_t provider; /* number in its set */
    uint8_t protocols;
    enum verdict_verified verified;
    uint16_t status;
    int64_t fresh;   /* until then it is as good as asking */
    int64_t until;   /* until then it may stand in when nobody can be asked; >= fresh */
    int64_t expires; /* of the token; 0: not known */
    struct span address, subject, session;
};

struct token_cache *token_cache_new(size_t bytes_max);
void token_cache_free(struct token_cache *cache); /* takes NULL */
void token_cache_resize(struct token_cache *cache, size_t bytes_max);

/* false: not there, or past `until` (then it goes). The caller compares `fresh` with now. */
bool token_cache_lookup(struct token_cache *cache, const struct digest *key, int64_t now,
                        struct token_cache_entry *entry);
/* Replaces what is there. Never fails: an entry too large for the whole cache is not kept. */
void token_cache_put(struct token_cache *cache, const struct digest *key,
                     const struct token_cache_entry *entry);

/* Forgetting. Each looks at all entries: two milliseconds for 100,000. They return how many went. */
void token_cache_clear(struct token_cache *cache);
bool token_cache_purge_token(struct token_cache *cache, const struct digest *key);
size_t token_cache_purge_provider(struct token_cache *cache, uint16_t provider);
size_t token_cache_purge_subject(struct token_cache *cache, uint16_t provider, struct span subject);
size_t token_cache_purge_session(struct token_cache *cache, uint16_t provider, struct span session);
size_t token_cache_purge_address(struct token_cache *cache, struct span address); /* normal form */
size_t token_cache_purge_refused(struct token_cache *cache, uint16_t provider); /* bad ones alone */

size_t token_cache_count(const struct token_cache *cache);
size_t token_cache_bytes(const struct token_cache *cache); /* all of it: blocks, slots */
uint64_t token_cache_evicted(const struct token_cache *cache);

#endif
