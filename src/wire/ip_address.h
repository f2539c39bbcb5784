/* ip_address.h - IP addresses and networks: parsed, compared, shown.
 *
 * One form for both families: an IPv4 address is kept as the IPv6 address that stands for it
 * (::ffff:192.0.2.1, RFC 4291, 2.5.5.2), so "::ffff:192.0.2.1" and "192.0.2.1" are the same. Without scopes
 * ("fe80::1%eth0" is no address), without names. Pure. */
#ifndef WIRE_IP_ADDRESS_H
#define WIRE_IP_ADDRESS_H

#include "base/span.h"

enum { IP_ADDRESS_TEXT_MAX = 48 }; /* with the NUL */

struct ip_address {
    unsigned char bytes[16]; /* all zero ("::") is an address too */
};

/* A network: "192.0.2.0/24", "2001:db8::/32"; a single address without "/". Bits behind the prefix do not count. */
struct ip_address_range {
    struct ip_address address;
    unsigned bits; /* of the IPv6 form: 0 … 128 */
};

/* "192.0.2.1" (four decimal numbers), "2001:db8::1"; false for anything else. */
bool ip_address_parse(struct span text, struct ip_address *address);
/* "192.0.2.1:8025", "[::1]:8025". The port is 1 … 65535. */
bool ip_address_parse_port(struct span text, struct ip_address *address, unsigned *port);
bool ip_address_is_v4(const struct ip_address *address);
bool ip_address_is_loopback(const struct ip_address *address); /* 127.0.0.0/8, ::1 */
bool ip_address_equal(const struct ip_address *a, const struct ip_address *b);
/* The same client as far as limits go: the same IPv4 address, or the same /64. */
bool ip_address_same_client(const struct ip_address *a, const struct ip_address *b);
/* The canonical text (RFC 5952), an IPv4 address with dots, into `text`. Returns it as a span. */
struct span ip_address_print(const struct ip_address *address, char text[IP_ADDRESS_TEXT_MAX]);

bool ip_address_range_parse(struct span text, struct ip_address_range *range);
bool ip_address_range_holds(const struct ip_address_range *range, const struct ip_address *address);

#endif
