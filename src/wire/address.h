/* address.h - mail addresses in the one form in which Postern compares and stores them.
 *
 * Normal form: domain in lower-case A-labels (IDNA2008, libidn2), local part in NFC with its letters
 * lower-cased (ASCII and simple Unicode case mapping by utf8proc; never NFKC: look-alikes stay
 * different or are refused). Refused: control and NUL, blanks, quotes, "/", "..", "%", "|", zero-width and
 * direction marks, unassigned code points, a leading or trailing dot, a local part over 64 bytes, a
 * domain over 253, anything without exactly one "@". Table N1-N8 of the tests. */
#ifndef WIRE_ADDRESS_H
#define WIRE_ADDRESS_H

#include "base/error.h"
#include "base/span.h"

enum { ADDRESS_MAX = 318, ADDRESS_DOMAIN_MAX = 253 }; /* 64 + 1 + 253 */

struct address {
    char text[ADDRESS_MAX + 1]; /* normal form; a catch-all is "@domain" */
    size_t local_length;
};

bool address_parse(struct span text, struct address *address, struct error *error);
/* Also takes "@domain", the catch-all of a domain. */
bool address_parse_pattern(struct span text, struct address *address, struct error *error);
/* Appends "@default_domain" to a name without "@" first (empty default: refused). */
bool address_parse_login(struct span text, struct span default_domain, struct address *address,
                         struct error *error);
bool address_parse_domain(struct span text, char domain[ADDRESS_DOMAIN_MAX + 1],
                          struct error *error);

struct span address_span(const struct address *address);
struct span address_local(const struct address *address);
struct span address_domain(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);
/* "user+tag@d" becomes "user@d" with `tag` "+tag" (a view into `address`); false when there is no
 * `delimiter` behind the first byte of the local part. */
bool address_strip_tag(const struct address *address, char delimiter, struct address *base,
                       struct span *tag);

#endif
