/* url.h - absolute http and https URLs (RFC 3986), as an admin types them or a provider's documents name them. Pure.
 *
 * What two readers might read differently (a second "@", a backslash, a fragment, a control byte) is refused. */
#ifndef WIRE_URL_H
#define WIRE_URL_H

#include "base/buffer.h"

enum { URL_MAX = 2000 };

/* Views into the text. */
struct url {
    bool https;
    bool user_info;    /* "user:password@" was there */
    struct span host;  /* with its brackets, when it is an IPv6 address */
    struct span port;  /* empty: the scheme's */
    struct span path;  /* from the first "/"; may be empty */
    struct span query; /* behind "?"; empty when there is none */
};

bool url_parse(struct span text, struct url *url);
/* scheme, host, port and path, without user-info and query: what logs may show. false when `text` is no such URL. */
bool url_show(struct span text, struct buffer *out);
/* Scheme, host (letter case aside) and port (also when one is left out) are the same. */
bool url_same_origin(const struct url *a, const struct url *b);
/* Plain http may go there: loopback and private addresses, names of one label (a container's), and names below
 * .localhost, .test, .internal, .home.arpa, .local or .lan. */
bool url_stays_at_home(const struct url *url);
/* Whether an address (4 or 16 bytes, network order) is one that only a public host has: not loopback, private,
 * link-local, shared (100.64/10), multicast, unspecified, reserved, documentation, benchmark or Teredo; and not IPv4 written
 * in IPv6 (mapped, compatible, 64:ff9b::/96, 6to4) of one that is not. For the connect-time filter. */
bool url_public_address(const unsigned char *bytes, size_t length);

#endif
