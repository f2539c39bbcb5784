/* mint.h - keys and tokens for bench/token_bench: an issuer in one struct. */
#ifndef BENCH_MINT_H
#define BENCH_MINT_H

#include <openssl/evp.h>

#include "token/signature.h"

struct mint {
    EVP_PKEY *key;
    enum signature_algorithm algorithm;
    struct buffer jwk; /* one JSON object; its kid is the algorithm's name */
};

/* A new key pair for RS256, PS256, ES256 or EdDSA. */
struct mint mint_new(enum signature_algorithm algorithm);
void mint_done(struct mint *mint);
/* {"keys":[…]} of several issuers. */
void mint_jwks(const struct mint *mints, size_t count, struct buffer *out);
/* An access token with these claims (a JSON object). */
void mint_token(const struct mint *mint, struct span claims, struct buffer *out);
/* The signature as OpenSSL makes it, for the bare comparison: DER for ES256. */
size_t mint_sign(const struct mint *mint, struct span text, unsigned char *out, size_t size);

#endif
