/* fetch.h - outbound HTTP(S) for the providers: libcurl's multi interface on the loop.
 *
 * TLS is verified against the system's authorities or `ca_file`; redirects are never followed; the
 * answer is bounded; every fetch has a connect and a total timeout. Connections are kept alive and
 * shared by fetches of one client; one on which anything waits to be read before the request leaves
 * is not used again (its bytes could be another user's answer). Only http and https are spoken, as
 * HTTP/1.1; no content coding, no cookie, no proxy from the environment, no netrc. Names are
 * resolved in threads. The head of an answer is bounded by 64 KiB. fn() runs from the loop's later
 * list. The process's fetches share libcurl's state: one thread, the loop's. */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "base/secret.h"
#include "base/span.h"
#include "net/loop.h"

enum fetch_outcome {
    /* no usable answer: `failure` says why (DNS, refused, TLS, timeout, too large, …) */
    FETCH_FAILED,
    FETCH_ANSWERED, /* an HTTP answer of any status */
};

struct fetch_request {
    const char *url; /* may hold user-info: never logged; sent as Basic when there is no `bearer` */
    /* Authorization: Bearer …; NULL for none. Must be a b64token: asserted */
    const struct secret *bearer;
    const char *accept; /* "application/json" when NULL */
    /* instead of the system's authorities; NULL: those. Read again after 10 min */
    const char *ca_file;
    int64_t connect_ms, total_ms;
    size_t body_max;
};

struct fetch_answer {
    enum fetch_outcome outcome;
    int status;               /* FETCH_FAILED: 0, or the one that came before it failed */
    struct span content_type; /* views: valid during the callback */
    struct span body;
    const char *failure; /* FETCH_FAILED: one line, without the URL's user-info, path or query */
};

struct fetch_client;
struct fetch;
typedef void fetch_fn(const struct fetch_answer *answer, void *context);

/* `connections_max` bounds connections in use at once; further fetches wait inside (their timeouts run). */
struct fetch_client *fetch_client_new(struct loop *loop, size_t connections_max,
                                      const char *user_agent);
void fetch_client_free(struct fetch_client *client); /* cancels what is under way */
struct fetch *fetch_start(struct fetch_client *client, const struct fetch_request *request,
                          fetch_fn *fn, void *context);
void fetch_cancel(struct fetch *fetch); /* takes NULL; not after fn() ran */
size_t fetch_running(const struct fetch_client *client);

#endif
