/* fetch_multi.h - libcurl's multi interface on the loop: transfers in, their ends out.
 *
 * Handles are libcurl's easy handles. Nothing here may be called from inside one of libcurl's callbacks. */
#ifndef NET_FETCH_MULTI_H
#define NET_FETCH_MULTI_H

#include "net/loop.h"

#include <stddef.h>

struct fetch_multi;
/* A transfer ended, with this CURLcode: it is still in, and may be removed here. */
typedef void fetch_multi_fn(void *easy, int code, void *context);

struct fetch_multi *fetch_multi_new(struct loop *loop, size_t connections_max, fetch_multi_fn *done,
                                    void *context);
void fetch_multi_free(struct fetch_multi *multi); /* after all handles were removed */
void fetch_multi_add(struct fetch_multi *multi, void *easy);
void fetch_multi_remove(struct fetch_multi *multi, void *easy);
/* libcurl fails at these only for want of memory, or by a mistake of ours: the end of the process. */
void fetch_multi_must(bool held, const char *what);

#endif
