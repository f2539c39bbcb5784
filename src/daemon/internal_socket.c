/* internal_socket.c - the listening socket of the internal HTTP listener: TCP on loopback, or a UNIX socket. */
#include "daemon/internal_socket.h"

#include "daemon/http_socket.h"

int internal_socket_open(const char *where, int64_t wait_ms, char **path, struct error *error)
{
    struct ip_address address;
    unsigned port;
    bool far =
        ip_address_parse_port(span_of(where), &address, &port) && !ip_address_is_loopback(&address);
    *path = NULL;
    if (far) {
        error_set(error,
                  "http.internal: %s is no loopback address: metrics are told without a "
                  "secret, and tokens travel in the clear; use 127.0.0.1, [::1] or "
                  "unix:/path, and a front with TLS for other machines",
                  where);
        return -1;
    }
    return http_socket_open("http.internal", where, wait_ms, path, error);
}

bool internal_socket_fits(int fd)
{
    return http_socket_is_local(fd);
}
