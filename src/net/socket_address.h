/* socket_address.h - the IP addresses at the two ends of a TCP socket. */
#ifndef NET_SOCKET_ADDRESS_H
#define NET_SOCKET_ADDRESS_H

#include "wire/ip_address.h"

/* False for a UNIX socket, and when the other end is gone already. */
bool socket_address_peer(int fd, struct ip_address *address);
/* Where it is bound; false for a UNIX socket. */
bool socket_address_own(int fd, struct ip_address *address);

#endif
