/* http_socket.h - a listening socket for HTTP: TCP, or a UNIX socket. What both listeners share; who may listen where
 * is said in internal_socket.h and public_socket.h. */
#ifndef DAEMON_HTTP_SOCKET_H
#define DAEMON_HTTP_SOCKET_H

#include "base/error.h"
#include "wire/ip_address.h"

/* "unix:/path", in a directory as directory_guard.h wants them, mode 0666; else an address with a port. `setting` is for
 * messages ("http.internal"). `path` gets the path of a UNIX socket, the caller's to memory_free(), else NULL.
 * Waits up to `wait_ms` (at a port 5 s) for a predecessor to go. "[::]" takes IPv4 as well. -1 and an error. */
int http_socket_open(const char *setting, const char *where, int64_t wait_ms, char **path,
                     struct error *error);
/* Whether only this machine reaches `fd`: it listens on loopback, or is a UNIX socket. */
bool http_socket_is_local(int fd);
bool http_socket_is_unix(const char *where);

#endif
