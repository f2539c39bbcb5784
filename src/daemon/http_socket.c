/* http_socket.c - a listening socket for HTTP: TCP, or a UNIX socket. */
#include "daemon/http_socket.h"

#include "base/memory.h"
#include "daemon/directory_guard.h"
#include "net/socket_address.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    WAIT_STEP_MS = 20,
    WAIT_MAX_MS = 5 * 1000, /* nobody can tell a predecessor's port from a stranger's */
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t fill(const struct ip_address *from, unsigned port, union address *address)
{
    *address = (union address){0};
    if (ip_address_is_v4(from)) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        memcpy(&address->v4.sin_addr, from->bytes + 12, sizeof address->v4.sin_addr);
        return sizeof address->v4;
    }
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons((uint16_t)port);
    memcpy(&address->v6.sin6_addr, from->bytes, sizeof address->v6.sin6_addr);
    return sizeof address->v6;
}

/* A predecessor that was killed may take a moment longer to die. */
static bool bind_patiently(int fd, const union address *address, socklen_t size)
{
    const struct timespec step = {0, WAIT_STEP_MS * 1000000L};
    int64_t left_ms = WAIT_MAX_MS;
    while (bind(fd, &address->any, size) != 0) {
        if (errno != EADDRINUSE || left_ms <= 0) {
            return false;
        }
        nanosleep(&step, NULL);
        left_ms -= WAIT_STEP_MS;
    }
    return true;
}

static bool prepare(int fd, int family)
{
    int yes = 1, no = 0;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
           (family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0);
}

static int open_tcp(const char *setting, const char *where, struct error *error)
{
    struct ip_address parsed;
    union address address;
    unsigned port;
    bool good = ip_address_parse_port(span_of(where), &parsed, &port);
    /* An IPv4 address in IPv6's clothes would be bound as something else than was written. */
    if (!good || (where[0] == '[' && ip_address_is_v4(&parsed))) {
        error_set(error,
                  "%s: \"%s\" is neither an address with a port, like 127.0.0.1:8026 or "
                  "[::1]:8026, nor unix:/path",
                  setting, where);
        return -1;
    }
    socklen_t size = fill(&parsed, port, &address);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && prepare(fd, address.any.sa_family) && bind_patiently(fd, &address, size) &&
        listen(fd, BACKLOG) == 0) {
        return fd;
    }
    error_set(error, "%s: %s: %s", setting, where, strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static int open_unix(const char *setting, const char *where, int64_t wait_ms, char **path,
                     struct error *error)
{
    char directory[PATH_MAX];
    struct span whole = span_of(where);
    size_t slash = span_find_last(whole, '/');
    if (!span_starts(whole, "/") || slash + 1 >= whole.length || slash == 0 ||
        !span_fits(span_first(whole, slash), directory, sizeof directory)) {
        error_set(error, "%s: unix:%s is not the absolute path of a socket in a directory", setting,
                  where);
        return -1;
    }
    int opened = directory_guard_open(directory, 0755, -1, error);
    if (opened < 0) {
        error_prefix(error, "%s: ", setting);
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

bool http_socket_is_unix(const char *where)
{
    return strncmp(where, "unix:", 5) == 0;
}

int http_socket_open(const char *setting, const char *where, int64_t wait_ms, char **path,
                     struct error *error)
{
    *path = NULL;
    return http_socket_is_unix(where) ? open_unix(setting, where + 5, wait_ms, path, error)
                                      : open_tcp(setting, where, error);
}

bool http_socket_is_local(int fd)
{
    struct ip_address address;
    int domain = 0;
    socklen_t size = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) {
        return false;
    }
    return domain == AF_UNIX ||
           (socket_address_own(fd, &address) && ip_address_is_loopback(&address));
}
