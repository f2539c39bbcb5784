/* internal_socket.h - the listening socket of the internal HTTP listener: TCP on loopback, or a UNIX socket. */
#ifndef DAEMON_INTERNAL_SOCKET_H
#define DAEMON_INTERNAL_SOCKET_H

#include "base/error.h"

#include <stdint.h>

/* "127.0.0.1:8026" (any of 127.0.0.0/8), "[::1]:8026", or "unix:/path" in a directory as directory_guard.h wants them,
 * mode 0666: as open as loopback is. Everything that may be asked there without a secret is for those on this
 * machine, so any other address is an error. `path` gets the path of a UNIX socket, the caller's to
 * memory_free(), else NULL. Waits up to `wait_ms` (at a port 5 s) for a predecessor to go. -1 and an error. */
int internal_socket_open(const char *where, int64_t wait_ms, char **path, struct error *error);
/* Whether `fd`, handed over by a service manager, listens where internal_socket_open() would. */
bool internal_socket_fits(int fd);

#endif
