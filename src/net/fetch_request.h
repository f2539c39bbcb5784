/* fetch_request.h - what a fetch asks: the request, copied, and the lines of its head. Wiped when it goes. */
#ifndef NET_FETCH_REQUEST_H
#define NET_FETCH_REQUEST_H

#include "base/buffer.h"
#include "net/fetch.h"

enum { FETCH_REQUEST_LINES = 3 };

struct fetch_request_copy {
    char *url;
    char *ca_file;    /* NULL: the system's */
    char *connect_to; /* as libcurl wants it, "::host:port"; NULL: where the URL says */
    char *purpose;    /* the same for requests that may share a connection */
    bool public_only;
    bool post;
    struct buffer body;
    int64_t connect_ms, total_ms;
    size_t body_max; /* of the answer */

    struct buffer text; /* the lines; has the token */
    size_t starts[FETCH_REQUEST_LINES];
    size_t count;
};

void fetch_request_copy(struct fetch_request_copy *copy, const struct fetch_request *request);
/* A line of the head; NULL behind the last. */
char *fetch_request_line(const struct fetch_request_copy *copy, size_t index);
/* Once it was sent: the token and the body, before the rest goes. */
void fetch_request_wipe(struct fetch_request_copy *copy);
void fetch_request_done(struct fetch_request_copy *copy);

#endif
