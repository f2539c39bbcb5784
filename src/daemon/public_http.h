/* public_http.h - the public HTTP listener: what identity providers reach. It knows paths only by the doors that are
 * mounted; everything else is 404. The paths of the internal listener are none of its own. */
#ifndef DAEMON_PUBLIC_HTTP_H
#define DAEMON_PUBLIC_HTTP_H

#include "config/config.h"
#include "net/http_front.h"

enum { PUBLIC_HTTP_MOUNTS_MAX = 8 };

struct public_http;

/* A door, and where it is. */
struct public_http_mount {
    const char *prefix; /* "/scim/v2": that path and all below it */
    /* False: it knows no such path, and 404 is said for it. True: it has answered, or will. `request` lives until then. */
    bool (*request)(void *door, struct http_exchange *exchange,
                    const struct http_front_request *request);
    void (*gone)(void *door, struct http_exchange *exchange); /* as http_server.h has it */
    /* How the door says no: writes the body, returns its content type. NULL: {"error": …}. Also for what is refused
     * before it gets there: too long, too slow. */
    const char *(*refusal)(unsigned status, const char *text, struct buffer *body);
    void *door;
};

/* Takes over the listening socket, which must be one that public_socket_fits(). */
struct public_http *public_http_new(struct loop *loop, int fd, const struct config_http *config);
/* Before the loop runs. `mount` is copied; the door outlives the listener. */
void public_http_mount(struct public_http *http, const struct public_http_mount *mount);
/* Limits, fronts and certificate of a new configuration, for connections and requests from now on. A listener that
 * speaks TLS goes on with the certificate that it has where the new configuration names none. */
void public_http_configure(struct public_http *http, const struct config_http *config);
void public_http_drain(struct public_http *http);
size_t public_http_busy(const struct public_http *http); /* requests without an answer */
/* Clients that wait for the rest of their last answer (http_server_leaving). */
size_t public_http_leaving(const struct public_http *http);
size_t public_http_connections(const struct public_http *http);
uint64_t public_http_refused(const struct public_http *http, enum http_refused kind);
void public_http_free(struct public_http *http); /* takes NULL; doors hear of what is cut off */

#endif
