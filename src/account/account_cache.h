/* account_cache.h - accounts by address, remembered so that a repeated login touches no database. Bounded in bytes.
 *
 * Holds what account_rows_by_address() found for one exact address, found or not. Whoever changes accounts forgets them
 * here before anybody hears that the change is done: so nobody who was told of a change sees what was before it.
 *
 * Why nothing old can slip in: look-ups, puts and forgetting all happen on the loop's thread, a put in the same turn as
 * the look-up that it keeps, which answers at once. A change commits in the writer's thread and is reported
 * to the loop later. A look-up before that report may have read what was before or what is after the commit; its put came
 * before the report, and the report forgets either. A look-up after the report reads what is committed. A change whose
 * outcome is not known (lost in COMMIT) is forgotten like one that is done. Times of logins are changes too. */
#ifndef ACCOUNT_ACCOUNT_CACHE_H
#define ACCOUNT_ACCOUNT_CACHE_H

#include "account/account_rows.h"

struct account_cache;
/* `bytes_max` bounds the entries; the tables beside them take a thirtieth of it. 0: keeps nothing. */
struct account_cache *account_cache_new(size_t bytes_max);
void account_cache_free(struct account_cache *cache); /* takes NULL */

/* true: `*answer` (STORE_NONE or STORE_ROW) and `found`, its texts copied into the arena. */
bool account_cache_lookup(struct account_cache *cache, struct span address, struct arena *arena,
                          enum store_now *answer, struct account_rows_found *found);
/* true: an account that one of the addresses led to, by its id. */
bool account_cache_lookup_id(struct account_cache *cache, struct span id, struct arena *arena,
                             struct account *account);
/* STORE_NONE: nobody has it (`found` may be NULL). */
void account_cache_put(struct account_cache *cache, struct span address, enum store_now answer,
                       const struct account_rows_found *found);
/* All entries that name this account, by its id. */
void account_cache_forget_account(struct account_cache *cache, struct span id);
void account_cache_forget_address(struct account_cache *cache, struct span address);
void account_cache_clear(struct account_cache *cache);
size_t account_cache_count(const struct account_cache *cache);
size_t account_cache_bytes(const struct account_cache *cache);
uint64_t account_cache_hits(const struct account_cache *cache);
uint64_t account_cache_misses(const struct account_cache *cache);

#endif
