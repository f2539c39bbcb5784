/* http_body.h - the body of one request while it arrives: by length or in chunks, within limits.
 *
 * Each byte is looked at once. All bodies of a server share a budget of memory; the first HTTP_BODY_SMALL bytes of
 * each are free of it, so that large uploads cannot keep small requests out. */
#ifndef NET_HTTP_BODY_H
#define NET_HTTP_BODY_H

#include "wire/http_chunk.h"

enum { HTTP_BODY_SMALL = 64 * 1024 };

struct http_body_budget {
    size_t max; /* 0: no limit */
    size_t used;
};

struct http_body {
    struct http_body_budget *budget;
    struct buffer bytes;
    struct http_chunk chunk;
    size_t length; /* what Content-Length said */
    bool chunked;
    size_t counted; /* in the budget */
};

/* The body that `http`, a head, announces; at most `max` bytes of chunks. The budget outlives it. */
void http_body_init(struct http_body *body, const struct http_request *http, size_t max,
                    struct http_body_budget *budget);
void http_body_done(struct http_body *body); /* wipes: it may hold secrets */
/* The next bytes of the connection; `*used` of them are the body's. HTTP_COMPLETE: it is whole, in `bytes`.
 * HTTP_REFUSED: 400 (chunks), 413 (chunks beyond the limit) or 503 (the budget is used up). */
enum http_answer http_body_take(struct http_body *body, struct span bytes, size_t *used,
                                struct http_refusal *refusal);

#endif
