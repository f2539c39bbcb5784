/* internal_socket.c - the listening socket of the internal HTTP listener: TCP on loopback, or a UNIX socket. */
#include "daemon/internal_socket.h"

#include "base/memory.h"
#include "base/span.h"
#include "daemon/directory_guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BACKLOG = 128,
    WAIT_STEP_MS = 20,
    WAIT_MAX_MS = 5 * 1000, /* nobody can tell a predecessor's port from a stranger's */
    ADDRESS_TEXT_MAX = 64,
    PORT_MAX = 65535,
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

static bool is_loopback(const union address *address)
{
    if (address->any.sa_family == AF_INET) {
        return ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    return address->any.sa_family == AF_INET6 &&
           memcmp(&address->v6.sin6_addr, &in6addr_loopback, sizeof in6addr_loopback) == 0;
}

static bool read_address(struct span host, uint16_t port, union address *address)
{
    char text[ADDRESS_TEXT_MAX];
    *address = (union address){0};
    if (span_starts(host, "[") && span_ends(host, "]")) {
        host = span_first(span_from(host, 1), host.length - 2);
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        return span_fits(host, text, sizeof text) &&
               inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1;
    }
    address->v4.sin_family = AF_INET;
    address->v4.sin_port = htons(port);
    return span_fits(host, text, sizeof text) &&
           inet_pton(AF_INET, text, &address->v4.sin_addr) == 1;
}

static bool parse(const char *where, union address *address, struct error *error)
{
    struct span text = span_of(where);
    size_t colon = span_find_last(text, ':');
    uint64_t port;
    if (!span_number(span_from(text, colon + 1), PORT_MAX, &port) || port == 0 ||
        !read_address(span_first(text, colon), (uint16_t)port, address)) {
        return error_set(error,
                         "http.internal: \"%s\" is neither an address with a port, like "
                         "127.0.0.1:8026 or [::1]:8026, nor unix:/path",
                         where);
    }
    if (!is_loopback(address)) {
        return error_set(error,
                         "http.internal: %s is no loopback address: metrics are told without a "
                         "secret, and tokens travel in the clear; use 127.0.0.1, [::1] or "
                         "unix:/path, and a front with TLS for other machines",
                         where);
    }
    return true;
}

/* A predecessor that was killed may take a moment longer to die. */
static bool bind_patiently(int fd, const union address *address, int64_t wait_ms)
{
    const struct timespec step = {0, WAIT_STEP_MS * 1000000L};
    socklen_t size = address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
    while (bind(fd, &address->any, size) != 0) {
        if (errno != EADDRINUSE || wait_ms <= 0) {
            return false;
        }
        nanosleep(&step, NULL);
        wait_ms -= WAIT_STEP_MS;
    }
    return true;
}

static int open_tcp(const char *where, int64_t wait_ms, struct error *error)
{
    union address address = {0};
    int yes = 1;
    if (!parse(where, &address, error)) {
        return -1;
    }
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind_patiently(fd, &address, wait_ms) && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    error_set(error, "http.internal: %s: %s", where, strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static int open_unix(const char *where, int64_t wait_ms, char **path, struct error *error)
{
    char directory[PATH_MAX];
    struct span whole = span_of(where);
    size_t slash = span_find_last(whole, '/');
    if (!span_starts(whole, "/") || slash + 1 >= whole.length || slash == 0 ||
        !span_fits(span_first(whole, slash), directory, sizeof directory)) {
        error_set(error,
                  "http.internal: unix:%s is not the absolute path of a socket in a directory",
                  where);
        return -1;
    }
    int opened = directory_guard_open(directory, 0755, -1, error);
    if (opened < 0) {
        error_prefix(error, "http.internal: ");
        return -1;
    }
    struct directory_guard_socket wanted = {.directory = opened,
                                            .path = directory,
                                            .name = where + slash + 1,
                                            .mode = 0666,
                                            .uid = -1,
                                            .gid = -1,
                                            .wait_ms = wait_ms};
    int fd = directory_guard_listen(&wanted, error);
    close(opened);
    *path = fd < 0 ? NULL : memory_text(where);
    return fd;
}

int internal_socket_open(const char *where, int64_t wait_ms, char **path, struct error *error)
{
    *path = NULL;
    return strncmp(where, "unix:", 5) == 0 ? open_unix(where + 5, wait_ms, path, error)
                                           : open_tcp(where, wait_ms, error);
}

bool internal_socket_fits(int fd)
{
    union address address = {0};
    socklen_t size = sizeof address;
    return getsockname(fd, &address.any, &size) == 0 &&
           (address.any.sa_family == AF_UNIX || is_loopback(&address));
}
