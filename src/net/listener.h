/* listener.h - accepts connections on a socket that someone else bound.
 *
 * Out of descriptors (EMFILE, ENFILE) or memory, accepting pauses for 100 ms and is tried again: the
 * connections wait in the backlog, nothing is lost. At most 64 are accepted in one turn. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/loop.h"

struct listener;
typedef void listener_fn(int fd, void *context); /* the descriptor is the callee's */

struct listener *listener_new(struct loop *loop, int fd, listener_fn *fn, void *context);
/* At most `per_second` connections from now on (0: any number); others wait in the backlog. For connections that cost
 * much before they say anything: TLS handshakes. Takes NULL. */
void listener_limit(struct listener *listener, unsigned per_second);
void listener_pause(struct listener *listener); /* leaves connections in the backlog */
void listener_resume(struct listener *listener);
void listener_free(struct listener *listener); /* closes this process's copy of the socket */

#endif
