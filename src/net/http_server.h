/* http_server.h - HTTP/1.1 on a listening socket: our strict subset (wire/http.h) over net/stream.
 *
 * One request at a time per connection, keep-alive, no pipelining beyond what waits in the input.
 * Limits on head, body, time and connections; each refusal has its status and a JSON body
 * {"error": …}. Knows no route: one handler gets every complete request. */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "base/log.h"
#include "net/listener.h"
#include "net/stream.h"
#include "wire/http.h"

enum { HTTP_SERVER_HEAD_MAX = 32 * 1024 }; /* request line and headers: a 16 KiB token fits */

struct http_server;
struct http_exchange; /* one request waiting for its reply */

struct http_server_settings {
    /* beyond it the one idle longest is closed; none idle: the new one gets 503 */
    size_t connections_max;
    size_t body_max;
    int64_t request_ms; /* from the first byte of a request to its last */
    int64_t idle_ms;    /* between requests */
};

struct http_server_request {
    const struct http_request *http; /* views: valid until the reply, or the cancel call */
    struct stream_peer peer;
};

struct http_server_handler {
    /* Must lead to exactly one http_server_reply(), now or later. */
    void (*request)(struct http_exchange *exchange, const struct http_server_request *request,
                    void *context);
    /* The client left, or the server is freed, before the reply: the exchange is gone after this call. */
    void (*gone)(struct http_exchange *exchange, void *context);
};

/* Takes over the listening socket. */
struct http_server *http_server_new(struct loop *loop, int fd,
                                    const struct http_server_settings *settings,
                                    const struct http_server_handler *handler, void *context);
void http_server_free(struct http_server *server);
/* The owner's pointer for the time of the exchange. */
void http_server_keep(struct http_exchange *exchange, void *data);
void *http_server_kept(const struct http_exchange *exchange);
void http_server_reply(struct http_exchange *exchange, int status, const char *content_type,
                       struct span body);
/* Stops accepting and closes idle connections; exchanges under way are finished. */
void http_server_drain(struct http_server *server);
size_t http_server_busy(const struct http_server *server); /* exchanges without a reply */

#endif
