/* address.h - mail addresses in the one form in which Postern compares and stores them.
 *
 * Normal form: domain in lower-case A-labels (IDNA2008, libidn2, without the mapping of TR46), local
 * part in NFC with its letters lower-cased (simple case mapping by utf8proc). It is its own normal
 * form. Never NFKC: look-alikes stay different or are refused. Refused: control and NUL, blanks, double
 * quotes, "/", "%", "|", "\", ",", "..", a leading or trailing dot; what NFKC or NFC would turn into
 * another character (full width, KELVIN SIGN, long s); invisible and direction marks, private and
 * unassigned code points; a local part over 64 bytes, a domain over 253, anything without exactly
 * one "@". Cases N1-N7 of tests/vectors/address.txt are the specification. */
#ifndef WIRE_ADDRESS_H
#define WIRE_ADDRESS_H

#include "base/error.h"
#include "base/span.h"

enum { ADDRESS_LOCAL_MAX = 64, ADDRESS_DOMAIN_MAX = 253, ADDRESS_MAX = 64 + 1 + 253 };

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
