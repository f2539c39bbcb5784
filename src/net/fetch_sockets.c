/* fetch_sockets.c - the sockets of outbound HTTP: opened, closed, and looked at before one is used again. */
#include "net/fetch_sockets.h"

#include "base/memory.h"
#include "wire/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fetch_socket {
    struct fetch_socket *next;
    char *purpose;
    int fd;
    unsigned port; /* our end's; 0 until someone asked */
};

int fetch_sockets_open(struct fetch_sockets *sockets, const char *purpose, int family, int type,
                       int protocol)
{
    int fd = socket(family, type | SOCK_CLOEXEC, protocol);
    if (fd >= 0) {
        struct fetch_socket *one = MEMORY_NEW(struct fetch_socket);
        *one = (struct fetch_socket){
            .next = sockets->first, .purpose = memory_text(purpose), .fd = fd};
        sockets->first = one;
    }
    return fd;
}

void fetch_sockets_close(struct fetch_sockets *sockets, int fd)
{
    for (struct fetch_socket **at = &sockets->first; *at != NULL; at = &(*at)->next) {
        if ((*at)->fd == fd) {
            struct fetch_socket *one = *at;
            *at = one->next;
            memory_free(one->purpose);
            memory_free(one);
            break;
        }
    }
    close(fd);
}

static unsigned port_of(int fd)
{
    struct sockaddr_storage own = {0};
    struct sockaddr *generic = (struct sockaddr *)(void *)&own;
    socklen_t size = sizeof own;
    if (getsockname(fd, generic, &size) != 0) {
        return 0;
    }
    if (own.ss_family == AF_INET) {
        return ntohs(((struct sockaddr_in *)(void *)&own)->sin_port);
    }
    return own.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)(void *)&own)->sin6_port) : 0;
}

static bool quiet(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, 0) == 0;
}

/* Connections to two hosts may have the same port here: then both must be as wanted. */
bool fetch_sockets_usable(struct fetch_sockets *sockets, const char *purpose, unsigned port)
{
    bool found = false;
    for (struct fetch_socket *one = sockets->first; one != NULL; one = one->next) {
        one->port = one->port != 0 ? one->port : port_of(one->fd);
        if (one->port == port) {
            found = true;
            if (strcmp(one->purpose, purpose) != 0 || !quiet(one->fd)) {
                return false;
            }
        }
    }
    return found;
}

bool fetch_sockets_public(const void *address, char *text, size_t size)
{
    sa_family_t family = ((const struct sockaddr *)address)->sa_family;
    const void *bytes = NULL;
    size_t length = 0;
    snprintf(text, size, "of an unknown kind");
    if (family == AF_INET) {
        bytes = &((const struct sockaddr_in *)address)->sin_addr;
        length = sizeof(struct in_addr);
    } else if (family == AF_INET6) {
        bytes = &((const struct sockaddr_in6 *)address)->sin6_addr;
        length = sizeof(struct in6_addr);
    } else {
        return false;
    }
    (void)inet_ntop(family, bytes, text, (socklen_t)size);
    return url_public_address(bytes, length);
}
