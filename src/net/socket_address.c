/* socket_address.c - the IP addresses at the two ends of a TCP socket. */
#include "net/socket_address.h"

#include <netinet/in.h>
#include <sys/socket.h>

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

static bool take(const union any_address *found, struct ip_address *address)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    *address = (struct ip_address){0};
    if (found->any.sa_family == AF_INET) {
        memcpy(address->bytes, mapped, sizeof mapped);
        memcpy(address->bytes + sizeof mapped, &found->v4.sin_addr, sizeof found->v4.sin_addr);
        return true;
    }
    if (found->any.sa_family == AF_INET6) {
        memcpy(address->bytes, &found->v6.sin6_addr, sizeof address->bytes);
        return true;
    }
    return false;
}

bool socket_address_peer(int fd, struct ip_address *address)
{
    union any_address found = {0};
    socklen_t size = sizeof found;
    return getpeername(fd, &found.any, &size) == 0 && take(&found, address);
}

bool socket_address_own(int fd, struct ip_address *address)
{
    union any_address found = {0};
    socklen_t size = sizeof found;
    return getsockname(fd, &found.any, &size) == 0 && take(&found, address);
}
