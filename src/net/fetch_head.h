/* fetch_head.h - what the head of an answer says about how long it may be kept (RFC 9111, 5.2). Pure. */
#ifndef NET_FETCH_HEAD_H
#define NET_FETCH_HEAD_H

#include "base/span.h"

/* Longer is cut to this; seconds. */
enum { FETCH_HEAD_AGE_MAX = 365 * 24 * 3600 };

/* `so_far` (at first -1: not said) and what one field Cache-Control adds to it: 0 for no-store and no-cache, else the
 * smallest max-age. What cannot be read is passed over. */
int64_t fetch_head_max_age(struct span cache_control, int64_t so_far);

#endif
