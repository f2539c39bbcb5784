/* internal_http.h - the internal HTTP listener: /metrics and /healthz for whoever is on this machine, and the verifier's
 * paths for those who know its secret. Everything else is 404, as if it did not exist.
 *
 * /metrics   200, text/plain; version=0.0.4
 * /healthz   200 {"status":"ok"}; 503 {"status":"draining"} or {"status":"store"} (the database cannot be read)
 * Writes no log of requests: their paths can hold tokens and the secret. */
#ifndef DAEMON_INTERNAL_HTTP_H
#define DAEMON_INTERNAL_HTTP_H

#include "base/metrics.h"
#include "mail/verifier.h"
#include "net/http_server.h"
#include "store/store.h"

struct internal_http;

/* Takes over the listening socket. */
struct internal_http *internal_http_new(struct loop *loop, int fd, struct metrics *metrics,
                                        struct store *store, struct login_service *service,
                                        const struct secret *secret);
void internal_http_configure(struct internal_http *http, const struct secret *secret);
/* No new questions about tokens: they are told 503, and /healthz says why. */
void internal_http_drain(struct internal_http *http);
size_t internal_http_busy(const struct internal_http *http); /* requests without an answer */
/* Questions under way are cut off, which is a temporary failure to a mail server. */
void internal_http_free(struct internal_http *http); /* takes NULL */

#endif
