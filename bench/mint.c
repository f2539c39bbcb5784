/* mint.c - keys and tokens for bench/token_bench. */
#include "mint.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "wire/jwt.h"

enum { TOKEN_MAX = 32 * 1024, SIGNATURE_MAX = 512 };

static EVP_PKEY *generate(enum signature_algorithm algorithm)
{
    if (algorithm == SIGNATURE_ES256) {
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    }
    if (algorithm == SIGNATURE_EDDSA) {
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
}

static void put_number(const struct mint *mint, const char *member, const char *name, int size,
                       struct buffer *out)
{
    unsigned char bytes[512];
    BIGNUM *value = NULL;
    int got = EVP_PKEY_get_bn_param(mint->key, name, &value);
    assert(got == 1);
    int length = size > 0 ? BN_bn2binpad(value, bytes, size) : BN_bn2bin(value, bytes);
    BN_free(value);
    assert(length > 0);
    buffer_format(out, ",\"%s\":\"", member);
    jwt_base64url_encode(span_bytes(bytes, (size_t)length), out);
    buffer_add_text(out, "\"");
}

static void put_raw(const struct mint *mint, struct buffer *out)
{
    unsigned char bytes[32];
    size_t length = sizeof bytes;
    int got = EVP_PKEY_get_raw_public_key(mint->key, bytes, &length);
    assert(got == 1);
    buffer_add_text(out, ",\"crv\":\"Ed25519\",\"x\":\"");
    jwt_base64url_encode(span_bytes(bytes, length), out);
    buffer_add_text(out, "\"");
}

struct mint mint_new(enum signature_algorithm algorithm)
{
    struct mint mint = {generate(algorithm), algorithm, buffer_limited(4096)};
    const char *name = signature_algorithm_name(algorithm);
    assert(mint.key != NULL);
    const char *kind = algorithm == SIGNATURE_ES256   ? "EC"
                       : algorithm == SIGNATURE_EDDSA ? "OKP"
                                                      : "RSA";
    buffer_format(&mint.jwk, "{\"kid\":\"%s\",\"alg\":\"%s\",\"use\":\"sig\",\"kty\":\"%s\"", name,
                  name, kind);
    if (algorithm == SIGNATURE_ES256) {
        buffer_add_text(&mint.jwk, ",\"crv\":\"P-256\"");
        put_number(&mint, "x", OSSL_PKEY_PARAM_EC_PUB_X, 32, &mint.jwk);
        put_number(&mint, "y", OSSL_PKEY_PARAM_EC_PUB_Y, 32, &mint.jwk);
    } else if (algorithm == SIGNATURE_EDDSA) {
        put_raw(&mint, &mint.jwk);
    } else {
        put_number(&mint, "n", OSSL_PKEY_PARAM_RSA_N, 0, &mint.jwk);
        put_number(&mint, "e", OSSL_PKEY_PARAM_RSA_E, 0, &mint.jwk);
    }
    buffer_add_text(&mint.jwk, "}");
    return mint;
}

void mint_done(struct mint *mint)
{
    EVP_PKEY_free(mint->key);
    buffer_done(&mint->jwk);
}

void mint_jwks(const struct mint *mints, size_t count, struct buffer *out)
{
    buffer_add_text(out, "{\"keys\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_add_text(out, i == 0 ? "" : ",");
        buffer_add(out, buffer_span(&mints[i].jwk));
    }
    buffer_add_text(out, "]}");
}

size_t mint_sign(const struct mint *mint, struct span text, unsigned char *out, size_t size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *details = NULL;
    const char *digest = mint->algorithm == SIGNATURE_EDDSA ? NULL : "SHA256";
    bool ok = EVP_DigestSignInit_ex(context, &details, digest, NULL, NULL, mint->key, NULL) == 1;
    if (mint->algorithm == SIGNATURE_PS256) {
        ok = ok && EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) == 1;
    }
    ok =
        ok && EVP_DigestSign(context, out, &size, (const unsigned char *)text.at, text.length) == 1;
    assert(ok);
    EVP_MD_CTX_free(context);
    return size;
}

/* RFC 7518, 3.4 */
static size_t to_raw(const unsigned char *der, size_t length, unsigned char raw[64])
{
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long)length);
    bool ok = numbers != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), raw, 32) == 32 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(numbers), &raw[32], 32) == 32;
    assert(ok);
    ECDSA_SIG_free(numbers);
    return 64;
}

void mint_token(const struct mint *mint, struct span claims, struct buffer *out)
{
    unsigned char made[SIGNATURE_MAX], raw[64];
    char header[128];
    const char *name = signature_algorithm_name(mint->algorithm);
    int length = snprintf(header, sizeof header,
                          "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", name, name);
    struct buffer token = buffer_limited(TOKEN_MAX);
    jwt_base64url_encode(span_bytes(header, (size_t)length), &token);
    buffer_add_text(&token, ".");
    jwt_base64url_encode(claims, &token);
    size_t size = mint_sign(mint, buffer_span(&token), made, sizeof made);
    bool convert = mint->algorithm == SIGNATURE_ES256;
    size = convert ? to_raw(made, size, raw) : size;
    buffer_add_text(&token, ".");
    jwt_base64url_encode(span_bytes(convert ? raw : made, size), &token);
    buffer_add(out, buffer_span(&token));
    buffer_done(&token);
}
