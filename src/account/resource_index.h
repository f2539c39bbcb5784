/* resource_index.h - which resource stands where in the lists: positions to numbers, in memory.
 *
 * So that the last page of 100,000 costs what the first does, and a total is known without counting (startIndex,
 * totalResults). 8 bytes a resource, in one sorted list for each client and type that was ever listed; filled by one read
 * at its first use, kept by auth/changes, which tells of every resource that came or went, whichever door it was. */
#ifndef ACCOUNT_RESOURCE_INDEX_H
#define ACCOUNT_RESOURCE_INDEX_H

#include "account/resource.h"

struct resource_index;
struct resource_index *resource_index_new(struct store *store);
void resource_index_free(struct resource_index *index);

/* false: not filled yet; start resource_index_fill(), then ask again. */
bool resource_index_count(const struct resource_index *index, struct span client_id,
                          enum resource_type type, size_t *count);
/* The number at a position (from 0); 0 beyond the end, or when it is not filled. */
int64_t resource_index_at(const struct resource_index *index, struct span client_id,
                          enum resource_type type, size_t position);
/* Reads it. `done` runs once, later; `failure` is NULL or what went wrong. Several may wait for one read. */
typedef void resource_index_fn(const char *failure, void *context);
struct resource_index_wait;
struct resource_index_wait *resource_index_fill(struct resource_index *index, struct span client_id,
                                                enum resource_type type, resource_index_fn *done,
                                                void *context);
void resource_index_cancel(struct resource_index_wait *wait); /* takes NULL */

/* For auth/changes, after the commit: also while a read is under way. */
void resource_index_came(struct resource_index *index, const struct resource *resource);
void resource_index_went(struct resource_index *index, const struct resource *resource);
/* Whether something came or went is not known: every list is read again at its next use. */
void resource_index_forget(struct resource_index *index);
size_t resource_index_bytes(const struct resource_index *index);

#endif
