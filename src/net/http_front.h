/* http_front.h - what stands in front of the public listener, and whom it speaks for.
 *
 * A front (nginx, Caddy) says in X-Forwarded-For (or Forwarded, RFC 7239) who its client is. Everybody can write such a
 * line, so it is read only when the peer itself is trusted: one of http.trusted_proxies, or a UNIX socket. The
 * client is the rightmost hop that is not trusted itself; what stands left of it is hearsay. */
#ifndef NET_HTTP_FRONT_H
#define NET_HTTP_FRONT_H

#include "base/arena.h"
#include "net/http_server.h"

/* A request as a door sees it. Valid until the reply. */
struct http_front_request {
    const struct http_server_request *server;
    /* The client's address as text, or empty where nobody told it: a front on a UNIX socket without a header. */
    struct span client;
    bool secured; /* it came over TLS, to us or to the front */
};

struct http_front;
/* `trusted`: "192.0.2.1", "2001:db8::/32", NULL-terminated, may be NULL; copied. What http_front_valid() refuses trusts
 * nobody. */
struct http_front *http_front_new(char *const *trusted);
void http_front_free(struct http_front *front); /* takes NULL */
bool http_front_valid(struct span text);
bool http_front_trusts(const struct http_front *front, const struct ip_address *address);

/* Who is asking. X-Forwarded-For counts before Forwarded: the fronts of docs/fronts.md write it, and pass the
 * client's own Forwarded on. A hop that is no address ("unknown", "_hidden") is as good as no header: the peer
 * it is. */
struct http_front_request http_front_read(const struct http_front *front,
                                          const struct http_server_request *request,
                                          struct arena *arena);

#endif
