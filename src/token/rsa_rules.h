/* rsa_rules.h - which RSA keys are strong enough to believe (RFC 7518, 3.3 and 3.5; RFC 8725, 3.5). */
#ifndef TOKEN_RSA_RULES_H
#define TOKEN_RSA_RULES_H

#include "base/error.h"
#include "base/span.h"

/* Big-endian numbers without zero bytes in front. */
unsigned rsa_rules_bits(struct span number);
/* false and why: a modulus below 2048 or above 8192 bits, even, with a small factor, or with a ROCA fingerprint
 * (CVE-2017-15361); an exponent that is even, below 65537 or above 64 bits. */
bool rsa_rules_meet(struct span modulus, struct span exponent, struct error *error);

#endif
