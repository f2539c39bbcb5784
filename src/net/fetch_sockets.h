/* fetch_sockets.h - the sockets of outbound HTTP: opened, closed, and looked at before one is used again.
 *
 * libcurl 7.88 sends the next request on a kept connection without looking whether something waits
 * on it. What waits there would be taken for the answer, and be another user's. Nor does it know all
 * that a request may demand of a connection: each socket keeps the purpose it was opened for. */
#ifndef NET_FETCH_SOCKETS_H
#define NET_FETCH_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

struct fetch_socket;
struct fetch_sockets {
    struct fetch_socket *first; /* empty when zeroed */
};

/* A non-inherited socket, or -1 and errno. `purpose` is copied. */
int fetch_sockets_open(struct fetch_sockets *sockets, const char *purpose, int family, int type,
                       int protocol);
void fetch_sockets_close(struct fetch_sockets *sockets, int fd);
/* Whether the connection whose own port is `port` was opened for `purpose` and nothing waits to be read
 * on it (bytes or an end). False too when there is no such connection. */
bool fetch_sockets_usable(struct fetch_sockets *sockets, const char *purpose, unsigned port);
/* Whether the address (a struct sockaddr) is one that only a public host has (wire/url.h); its text
 * to `text` either way. */
bool fetch_sockets_public(const void *address, char *text, size_t size);

#endif
