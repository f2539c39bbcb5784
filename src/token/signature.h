/* signature.h - signatures of JWTs (RFC 7518, RFC 8037, RFC 9864): keys prepared once, checked often; and our own, for
 * private_key_jwt. The only file of token/ that knows OpenSSL and libsodium. */
#ifndef TOKEN_SIGNATURE_H
#define TOKEN_SIGNATURE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/span.h"

enum signature_algorithm {
    SIGNATURE_NONE, /* not one of ours: none, HS256, unknown, another letter case */
    SIGNATURE_RS256,
    SIGNATURE_RS384,
    SIGNATURE_RS512,
    SIGNATURE_PS256,
    SIGNATURE_PS384,
    SIGNATURE_PS512,
    SIGNATURE_ES256,
    SIGNATURE_ES384,
    SIGNATURE_ES512,
    SIGNATURE_EDDSA,   /* Ed25519 under its old name */
    SIGNATURE_ED25519, /* RFC 9864 */
    SIGNATURE_ALGORITHMS,
};

/* Exact letter case. */
enum signature_algorithm signature_algorithm_of(struct span name);
const char *signature_algorithm_name(enum signature_algorithm algorithm);

enum signature_kind {
    SIGNATURE_RSA,
    SIGNATURE_P256,
    SIGNATURE_P384,
    SIGNATURE_P521,
    SIGNATURE_OKP
};

/* A public key. Immutable; counted, in the loop's thread only. */
struct signature_key;
/* Numbers as big-endian bytes, as a JWK has them. NULL: not to be used, and why: RSA below 2048 or above 8192 bits, an even
 * or small exponent (below 65537, above 64 bits), an even modulus, a ROCA fingerprint (CVE-2017-15361); a point that is
 * not on its curve; Ed25519 points of small order. */
struct signature_key *signature_key_rsa(struct span modulus, struct span exponent,
                                        struct error *error);
struct signature_key *signature_key_ec(enum signature_kind kind, struct span x, struct span y,
                                       struct error *error);
struct signature_key *signature_key_ed25519(struct span x, struct error *error);
struct signature_key *signature_key_hold(struct signature_key *key);
void signature_key_release(struct signature_key *key); /* takes NULL */
enum signature_kind signature_key_kind(const struct signature_key *key);
unsigned signature_key_bits(const struct signature_key *key);
/* An algorithm can be used with a key: RSA with RS and PS, each curve with its own ES. */
bool signature_fits(enum signature_kind kind, enum signature_algorithm algorithm);

/* May run in any thread, several at once with one key. `signature` as a JWT has it (r and s of fixed length). false for
 * everything that is not a valid signature, also of an algorithm that does not fit. */
bool signature_verify(const struct signature_key *key, enum signature_algorithm algorithm,
                      struct span signed_part, struct span signature);

/* Our own private key, from PEM (PKCS#8 or traditional; RSA, P-256, P-384, P-521 or Ed25519). */
struct signature_signer;
struct signature_signer *signature_signer_new(const struct secret *pem, struct error *error);
void signature_signer_free(struct signature_signer *signer);
/* RS256, ES256, ES384, ES512 or EdDSA, by its kind. */
enum signature_algorithm signature_signer_algorithm(const struct signature_signer *signer);
/* Appends the raw signature. May take some milliseconds (RSA): for our own rare requests. */
bool signature_sign(const struct signature_signer *signer, struct span signed_part,
                    struct buffer *signature);

#endif
