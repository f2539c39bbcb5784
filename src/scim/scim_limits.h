/* scim_limits.h - how often: requests of a client, wrong secrets of an address, notes of a client's last use. Internal to scim/.
 *
 * Counted in windows of a minute in a table of fixed size: who is pushed out of it begins anew. */
#ifndef SCIM_SCIM_LIMITS_H
#define SCIM_SCIM_LIMITS_H

#include "base/moment.h"
#include "base/span.h"

enum { SCIM_LIMITS_WINDOW_MS = 60 * 1000, SCIM_LIMITS_KEY_MAX = 47 };

enum scim_limits_kind { SCIM_LIMITS_REQUESTS, SCIM_LIMITS_REFUSED, SCIM_LIMITS_NOTES };

struct scim_limits;
struct scim_limits *scim_limits_new(void);
void scim_limits_free(struct scim_limits *limits);
/* Counts one more for `key` (an id, an address). How many there were in its window with this one; `rest_ms` says how long
 * that still lasts. */
size_t scim_limits_count(struct scim_limits *limits, enum scim_limits_kind kind, struct span key,
                         struct moment now, int64_t *rest_ms);

#endif
