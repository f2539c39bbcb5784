/* jwt.h - signed tokens in compact form (RFC 7515, 3.1; RFC 7519), taken apart and decoded; nothing is verified here.
 *
 * Exactly two dots; base64url without padding and with zero trailing bits; header and claims are JSON objects
 * without duplicate members (json_view.h). Five parts (JWE) are no such token: opaque. Pure, no allocation: decoded
 * bytes live in the struct. */
#ifndef WIRE_JWT_H
#define WIRE_JWT_H

#include "base/buffer.h"
#include "wire/json_view.h"

enum {
    JWT_HEADER_MAX = 8 * 1024,  /* decoded */
    JWT_CLAIMS_MAX = 16 * 1024, /* decoded */
    JWT_SIGNATURE_MAX = 1024,   /* decoded: RSA of 8192 bits */
    JWT_KEY_ID_MAX = 255,
};

enum jwt_shape {
    JWT_OPAQUE, /* no token in this form: not two dots, or its first part does not begin like base64url of "{" */
    JWT_MALFORMED, /* in this form, and wrong: `part` and `problem` say what */
    JWT_GOOD,
};

/* Large: keep one and use it again; need not be zeroed. All spans are views into `token`, or into the struct: good until
 * the next read. */
struct jwt {
    struct span signed_part; /* "header.claims" as received */
    struct span signature;   /* decoded; may be empty (alg none) */
    /* The header, for RFC 7515, 4.1. Empty when absent; `bad` members make the token malformed. */
    struct span algorithm, key_id, type, content_type;
    bool critical; /* crit is there, whatever is in it */
    /* MALFORMED: where ("header", "claims", "signature"), and what: fixed texts. Else NULL. */
    const char *part, *problem;
    struct json_view claims;

    char claims_bytes[JWT_CLAIMS_MAX], header_bytes[JWT_HEADER_MAX];
    unsigned char signature_bytes[JWT_SIGNATURE_MAX];
};

/* `alg` must be a non-empty string, `kid`, `typ` and `cty` strings when they are there, kid at most JWT_KEY_ID_MAX
 * bytes. jku, jwk, x5u, x5c, x5t are never looked at. Whether an algorithm, crit or cty is acceptable is the caller's to
 * say. When it is not JWT_GOOD, `claims` is empty. */
enum jwt_shape jwt_read(struct jwt *jwt, struct span token);
/* Strict base64url (RFC 4648, 5; RFC 7515, 2): `room` bytes at `out`. false: malformed, or too long for it. Also for
 * the numbers of JWKs. */
bool jwt_base64url_decode(struct span text, void *out, size_t room, size_t *length);
void jwt_base64url_encode(struct span bytes, struct buffer *out);

#endif
