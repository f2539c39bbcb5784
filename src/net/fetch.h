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
    const char *url; /* may hold user-info: never logged; sent as Basic when there is no other */
    /* Authorization: Bearer …; NULL for none. Must be a b64token: asserted */
    const struct secret *bearer;
    /* a whole value of Authorization ("Basic …"); NULL for none. Printable ASCII and blanks: asserted */
    const struct secret *authorization;
    struct span body; /* POST when `body.at` is not NULL, else GET; copied, and wiped afterwards */
    const char *body_type; /* of a POST: "application/x-www-form-urlencoded" */
    const char *accept;    /* "application/json" when NULL */
    /* instead of the system's authorities; NULL: those. Read again after 10 min */
    const char *ca_file;
    const char *
        connect_to; /* "host:port", "[v6]:port": where to connect instead; TLS still asks for the URL's name */
    /* Refuse, when connecting, every address that url_public_address() does not call public, whatever name
     * led there and however often it is asked (DNS rebinding) */
    bool public_only;
    int64_t connect_ms, total_ms;
    size_t body_max;
};

struct fetch_answer {
    enum fetch_outcome outcome;
    int status;               /* FETCH_FAILED: 0, or the one that came before it failed */
    struct span content_type; /* views: valid during the callback */
    struct span body;
    const char *failure; /* FETCH_FAILED: one line, without the URL's user-info, path or query */
    int64_t
        max_age; /* seconds, of Cache-Control: max-age; 0 for no-store and no-cache; -1: not said */
    int64_t date; /* of the header Date, wall seconds; 0: none */
    /* when the server's certificate ends, wall seconds; 0: no TLS, or not known. Only on a new connection */
    int64_t certificate_end;
    bool refused_address; /* FETCH_FAILED because of `public_only` */
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
