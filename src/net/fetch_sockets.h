/* fetch_sockets.h - the sockets of outbound HTTP: opened, closed, and looked at before one is used again.
 *
 * libcurl 7.88 sends the next request on a kept connection without looking whether something waits
 * on it. What waits there would be taken for the answer, and be another user's. */
#ifndef NET_FETCH_SOCKETS_H
#define NET_FETCH_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

struct fetch_socket;
struct fetch_sockets {
    struct fetch_socket *first; /* empty when zeroed */
};

/* A non-inherited socket, or -1 and errno. */
int fetch_sockets_open(struct fetch_sockets *sockets, int family, int type, int protocol);
void fetch_sockets_close(struct fetch_sockets *sockets, int fd);
/* Whether nothing waits to be read (bytes or an end) on the connection whose own port is `port`.
 * False too when there is no such connection. */
bool fetch_sockets_quiet(struct fetch_sockets *sockets, unsigned port);

#endif
