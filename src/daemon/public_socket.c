/* public_socket.c - the listening socket of the public HTTP listener. */
#include "daemon/public_socket.h"

#include "daemon/http_socket.h"

int public_socket_open(const struct config_http *http, int64_t wait_ms, char **path,
                       struct error *error)
{
    return http_socket_open("http.public", http->public, wait_ms, path, error);
}

bool public_socket_fits(const struct config_http *http, int fd)
{
    return http->public_tls_cert != NULL || http_socket_is_local(fd);
}
