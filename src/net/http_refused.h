/* http_refused.h - why a connection or a request was not let in: kinds, for counting, and what is said of it. */
#ifndef NET_HTTP_REFUSED_H
#define NET_HTTP_REFUSED_H

#include "base/buffer.h"

enum http_refused {
    HTTP_REFUSED_FORM,        /* 400 and whatever else is no request of ours */
    HTTP_REFUSED_CONNECTIONS, /* too many: turned away, or closed to make room */
    HTTP_REFUSED_ADDRESS,     /* too many from one address: 429 */
    HTTP_REFUSED_MEMORY,      /* large bodies: 503 */
    HTTP_REFUSED_TIME,        /* 408 */
    HTTP_REFUSED_SIZE,        /* 413, 414, 431 */
    HTTP_REFUSED_COUNT,
};

/* What a refused request is counted as. */
enum http_refused http_refused_kind(unsigned status);
const char *http_refused_name(enum http_refused kind); /* "size": a label of metrics */
/* Where a request that was not understood wanted to go, as far as one can tell: its second word up to the query. A view. */
struct span http_refused_path(struct span bytes);
/* {"error": "text"}. Returns its content type. */
const char *http_refused_write(const char *text, struct buffer *body);

#endif
