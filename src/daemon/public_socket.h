/* public_socket.h - the listening socket of the public HTTP listener: TCP anywhere with a certificate, else on
 * loopback or a UNIX socket, behind a front. */
#ifndef DAEMON_PUBLIC_SOCKET_H
#define DAEMON_PUBLIC_SOCKET_H

#include "config/config.h"

/* As http_socket_open(). That there is a certificate where one is needed was checked with the configuration. */
int public_socket_open(const struct config_http *http, int64_t wait_ms, char **path,
                       struct error *error);
/* Whether `fd`, handed over by a service manager or bound earlier, may be served with this configuration. */
bool public_socket_fits(const struct config_http *http, int fd);

#endif
