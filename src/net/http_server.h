/* http_server.h - HTTP/1.1 on a listening socket: our strict subset (wire/http.h) over net/stream.
 *
 * One request at a time per connection, keep-alive, no pipelining beyond what waits in the input; with TLS or
 * without. Limits on head, body, time, memory and connections; each refusal has its status and a JSON body
 * {"error": …} unless the owner writes another. "Expect: 100-continue" is answered (RFC 9110, 10.1.1) when the
 * body's length is within the limit. Knows no route: one handler gets every complete request. */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "base/arena.h"
#include "base/log.h"
#include "net/http_refused.h"
#include "net/listener.h"
#include "net/stream.h"
#include "wire/http.h"
#include "wire/ip_address.h"

enum {
    HTTP_SERVER_HEAD_MAX = 32 * 1024, /* request line and headers: a 16 KiB token fits */
    HTTP_SERVER_HEADERS_MAX = 8,      /* of an answer, beside those that we write */
};
#define HTTP_SERVER_RETRY_S "5" /* seconds: Retry-After of what is refused for the moment */

struct http_server;
struct http_exchange; /* one request waiting for its reply */

struct http_server_settings {
    /* Beyond it the one idle longest is closed, else the one that has been sending a request for longest; where
     * all wait for our answer the new one gets 503. */
    size_t connections_max;
    size_t body_max;
    int64_t request_ms; /* from the first byte of a request to its last: 408 beyond */
    int64_t idle_ms;    /* between requests */
    bool chunked;       /* bodies may come in chunks; else 501 */
    /* From one IPv4 address, or one /64 (0: any number): 429 beyond. Not of those that `trusted` lets pass. */
    size_t address_connections_max;
    /* What all large bodies may hold together (0: any amount): 503 beyond. http_body.h */
    size_t bodies_max;
};

struct http_server_request {
    const struct http_request *http; /* views: valid until the reply, or the cancel call */
    struct stream_peer peer;
    struct span address; /* the peer's IP address as text, valid as long; empty: a UNIX socket */
    bool secured;        /* this connection is TLS, ended here */
};

struct http_server_handler {
    /* Must lead to exactly one http_server_reply() or http_server_answer(), now or later. */
    void (*request)(struct http_exchange *exchange, const struct http_server_request *request,
                    void *context);
    /* The client left, or the server is freed, before the reply: the exchange is gone after this call. */
    void (*gone)(struct http_exchange *exchange, void *context);
    /* May be NULL. Writes the body of a refusal that never gets to `request`, and returns its content type. `path`
     * is what the request claims when it was not understood, bytes of any kind: good for choosing the form of the refusal
     * only; `text` is a fixed one. */
    const char *(*refusal)(struct span path, unsigned status, const char *text, struct buffer *body,
                           void *context);
    /* May be NULL. Whether address_connections_max is not for this peer. */
    bool (*trusted)(const struct ip_address *address, void *context);
};

/* Takes over the listening socket. */
struct http_server *http_server_new(struct loop *loop, int fd,
                                    const struct http_server_settings *settings,
                                    const struct http_server_handler *handler, void *context);
void http_server_free(struct http_server *server);
/* For connections and requests that begin from now on. */
void http_server_configure(struct http_server *server, const struct http_server_settings *settings);
/* Connections that come from now on speak TLS as `identity`, which is kept; NULL: plain HTTP. */
void http_server_secure(struct http_server *server, struct stream_tls_identity *identity);
/* The owner's pointer for the time of the exchange. */
void http_server_keep(struct http_exchange *exchange, void *data);
void *http_server_kept(const struct http_exchange *exchange);
/* The request that the exchange is about, and memory that lives until its reply. */
const struct http_request *http_server_asked(const struct http_exchange *exchange);
struct arena *http_server_arena(struct http_exchange *exchange);
void http_server_reply(struct http_exchange *exchange, int status, const char *content_type,
                       struct span body);
/* A reply with headers of its own. Those of the message itself (Content-Length, Connection, Cache-Control: no-store) are
 * ours; a name or a value that would not be read back as what it is, is a bug of the caller (asserted). 204 and 304
 * go without body and content type, HEAD without body. All of it is copied. */
struct http_server_answer {
    unsigned status;          /* 200 … 599 */
    const char *content_type; /* NULL: none */
    struct span body;
    struct http_header headers[HTTP_SERVER_HEADERS_MAX];
    size_t headers_count;
};
void http_server_answer(struct http_exchange *exchange, const struct http_server_answer *answer);
/* Stops accepting and closes idle connections; exchanges under way are finished. */
void http_server_drain(struct http_server *server);
size_t http_server_busy(const struct http_server *server); /* exchanges without a reply */
/* Connections whose last answer is not all written: after a drain they are worth waiting for, as long as a stream
 * takes to finish. */
size_t http_server_leaving(const struct http_server *server);
size_t http_server_connections(const struct http_server *server);

/* What was not let in, since the start. */
uint64_t http_server_refused(const struct http_server *server, enum http_refused kind);

#endif
