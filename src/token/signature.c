/* signature.c - signatures of JWTs: keys judged and prepared once, checked often. */
#include "token/signature.h"

#include "base/memory.h"
#include "token/rsa_rules.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <string.h>

enum {
    COORDINATE_MAX = 66,              /* P-521 */
    SIGNED_MAX = 2048,                /* RSA of 16384 bits: our own key, of any size */
    DER_MAX = 2 * COORDINATE_MAX + 9, /* SEQUENCE, two INTEGERs, a zero byte each */
};

struct signature_key {
    size_t users;
    enum signature_kind kind;
    unsigned bits;
    /* Initialised for verifying, one for each algorithm that fits; only ever copied from. */
    EVP_MD_CTX *prepared[SIGNATURE_ALGORITHMS];
    size_t size; /* of r and of s, in bytes */
    unsigned char order[COORDINATE_MAX];
    unsigned char ed25519[crypto_sign_PUBLICKEYBYTES];
};

struct signature_signer {
    EVP_PKEY *key;
    enum signature_algorithm algorithm;
};

enum family { FAMILY_NONE, FAMILY_RS, FAMILY_PS, FAMILY_ES, FAMILY_ED };

static const struct algorithm {
    const char *name;
    enum family family;
    enum signature_kind curve; /* of FAMILY_ES */
    const char *digest;
} algorithms[SIGNATURE_ALGORITHMS] = {
    [SIGNATURE_NONE] = {"none", FAMILY_NONE, SIGNATURE_RSA, NULL},
    [SIGNATURE_RS256] = {"RS256", FAMILY_RS, SIGNATURE_RSA, "SHA256"},
    [SIGNATURE_RS384] = {"RS384", FAMILY_RS, SIGNATURE_RSA, "SHA384"},
    [SIGNATURE_RS512] = {"RS512", FAMILY_RS, SIGNATURE_RSA, "SHA512"},
    [SIGNATURE_PS256] = {"PS256", FAMILY_PS, SIGNATURE_RSA, "SHA256"},
    [SIGNATURE_PS384] = {"PS384", FAMILY_PS, SIGNATURE_RSA, "SHA384"},
    [SIGNATURE_PS512] = {"PS512", FAMILY_PS, SIGNATURE_RSA, "SHA512"},
    [SIGNATURE_ES256] = {"ES256", FAMILY_ES, SIGNATURE_P256, "SHA256"},
    [SIGNATURE_ES384] = {"ES384", FAMILY_ES, SIGNATURE_P384, "SHA384"},
    [SIGNATURE_ES512] = {"ES512", FAMILY_ES, SIGNATURE_P521, "SHA512"},
    [SIGNATURE_EDDSA] = {"EdDSA", FAMILY_ED, SIGNATURE_OKP, NULL},
    [SIGNATURE_ED25519] = {"Ed25519", FAMILY_ED, SIGNATURE_OKP, NULL},
};

static const struct curve {
    int number; /* OpenSSL's */
    const char *name;
    unsigned bits;
    size_t size;
} curves[] = {
    [SIGNATURE_P256] = {NID_X9_62_prime256v1, "P-256", 256, 32},
    [SIGNATURE_P384] = {NID_secp384r1, "P-384", 384, 48},
    [SIGNATURE_P521] = {NID_secp521r1, "P-521", 521, 66},
};

enum signature_algorithm signature_algorithm_of(struct span name)
{
    for (size_t i = SIGNATURE_NONE + 1; i < SIGNATURE_ALGORITHMS; i++) {
        if (span_is(name, algorithms[i].name)) {
            return (enum signature_algorithm)i;
        }
    }
    return SIGNATURE_NONE;
}

const char *signature_algorithm_name(enum signature_algorithm algorithm)
{
    return algorithms[algorithm].name;
}

bool signature_fits(enum signature_kind kind, enum signature_algorithm algorithm)
{
    const struct algorithm *with = &algorithms[algorithm];
    return with->family != FAMILY_NONE && with->curve == kind;
}

/* -- preparing keys -- */

static struct span without_zeros(struct span number)
{
    while (span_at(number, 0) == 0) {
        number = span_from(number, 1);
    }
    return number;
}

/* NULL when OpenSSL does not want it. */
static EVP_PKEY *key_from(const char *kind, OSSL_PARAM_BLD *builder)
{
    OSSL_PARAM *numbers = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    EVP_PKEY *key = NULL;
    assert(numbers != NULL && context != NULL);
    if (EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, numbers) != 1) {
        EVP_PKEY_free(key);
        key = NULL;
        ERR_clear_error();
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(numbers);
    return key;
}

static bool set_up_padding(EVP_PKEY_CTX *context, const struct algorithm *algorithm)
{
    if (algorithm->family != FAMILY_PS) {
        return true;
    }
    /* RFC 7518, 3.5: MGF1 with the same hash (OpenSSL's default), a salt as long as the hash. */
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static void prepare(struct signature_key *key, EVP_PKEY *pkey, enum signature_algorithm which)
{
    const struct algorithm *algorithm = &algorithms[which];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *details = NULL;
    bool ok = context != NULL &&
              EVP_DigestVerifyInit_ex(context, &details, algorithm->digest, NULL, NULL, pkey,
                                      NULL) == 1 &&
              set_up_padding(details, algorithm);
    assert(ok);
    key->prepared[which] = context;
}

static struct signature_key *key_new(enum signature_kind kind, unsigned bits)
{
    struct signature_key *key = MEMORY_NEW(struct signature_key);
    key->users = 1;
    key->kind = kind;
    key->bits = bits;
    return key;
}

/* Takes over `pkey`. */
static struct signature_key *key_of(enum signature_kind kind, unsigned bits, EVP_PKEY *pkey)
{
    struct signature_key *key = key_new(kind, bits);
    for (size_t i = 0; i < SIGNATURE_ALGORITHMS; i++) {
        if (signature_fits(kind, (enum signature_algorithm)i)) {
            prepare(key, pkey, (enum signature_algorithm)i);
        }
    }
    EVP_PKEY_free(pkey);
    return key;
}

static BIGNUM *number_of(struct span bytes)
{
    BIGNUM *number = BN_bin2bn((const unsigned char *)bytes.at, (int)bytes.length, NULL);
    assert(number != NULL);
    return number;
}

static EVP_PKEY *rsa_from(struct span modulus, struct span exponent)
{
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *n = number_of(modulus), *e = number_of(exponent);
    bool ok = builder != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
              OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1;
    assert(ok);
    EVP_PKEY *key = key_from("RSA", builder);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    return key;
}

struct signature_key *signature_key_rsa(struct span modulus, struct span exponent,
                                        struct error *error)
{
    /* RFC 7518, 6.3.1.1 knows of a zero byte too many in front, as ASN.1 has it. */
    modulus = without_zeros(modulus);
    exponent = without_zeros(exponent);
    if (!rsa_rules_meet(modulus, exponent, error)) {
        return NULL;
    }
    EVP_PKEY *key = rsa_from(modulus, exponent);
    if (key == NULL) {
        error_set(error, "RSA key that OpenSSL does not take");
        return NULL;
    }
    return key_of(SIGNATURE_RSA, rsa_rules_bits(modulus), key);
}

static EVP_PKEY *ec_from(const struct curve *curve, struct span x, struct span y)
{
    unsigned char point[1 + 2 * COORDINATE_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(&point[1], x.at, curve->size);
    memcpy(&point[1 + curve->size], y.at, curve->size);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    bool ok =
        builder != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->name, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         1 + 2 * curve->size) == 1;
    assert(ok);
    EVP_PKEY *key = key_from("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

static bool on_its_curve(EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    assert(context != NULL);
    /* Quick: these curves have no points of another order, so being on the curve is all. */
    bool good = EVP_PKEY_public_check_quick(context) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return good;
}

static void set_order(struct signature_key *key, const struct curve *curve)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(curve->number);
    assert(group != NULL);
    key->size = curve->size;
    int length = BN_bn2binpad(EC_GROUP_get0_order(group), key->order, (int)curve->size);
    assert(length == (int)curve->size);
    EC_GROUP_free(group);
}

struct signature_key *signature_key_ec(enum signature_kind kind, struct span x, struct span y,
                                       struct error *error)
{
    assert(kind == SIGNATURE_P256 || kind == SIGNATURE_P384 || kind == SIGNATURE_P521);
    const struct curve *curve = &curves[kind];
    /* RFC 7518, 6.2.1.2: as long as the curve's field, leading zeros included. */
    if (x.length != curve->size || y.length != curve->size) {
        error_set(error, "%s key with coordinates of %zu and %zu bytes: each has %zu", curve->name,
                  x.length, y.length, curve->size);
        return NULL;
    }
    EVP_PKEY *pkey = ec_from(curve, x, y);
    if (pkey == NULL || !on_its_curve(pkey)) {
        EVP_PKEY_free(pkey);
        error_set(error, "%s key whose point is not on the curve", curve->name);
        return NULL;
    }
    struct signature_key *key = key_of(kind, curve->bits, pkey);
    set_order(key, curve);
    return key;
}

struct signature_key *signature_key_ed25519(struct span x, struct error *error)
{
    if (x.length != crypto_sign_PUBLICKEYBYTES) {
        error_set(error, "Ed25519 key of %zu bytes: it has 32", x.length);
        return NULL;
    }
    /* In its one encoding, on the curve, in the main subgroup: so not of small order. */
    if (crypto_core_ed25519_is_valid_point((const unsigned char *)x.at) != 1) {
        error_set(error, "Ed25519 key that is no point of the right order");
        return NULL;
    }
    struct signature_key *key = key_new(SIGNATURE_OKP, 256);
    memcpy(key->ed25519, x.at, x.length);
    return key;
}

struct signature_key *signature_key_hold(struct signature_key *key)
{
    key->users++;
    return key;
}

void signature_key_release(struct signature_key *key)
{
    if (key == NULL) {
        return;
    }
    assert(key->users > 0);
    key->users--;
    if (key->users > 0) {
        return;
    }
    for (size_t i = 0; i < SIGNATURE_ALGORITHMS; i++) {
        EVP_MD_CTX_free(key->prepared[i]);
    }
    memory_free(key);
}

enum signature_kind signature_key_kind(const struct signature_key *key)
{
    return key->kind;
}

unsigned signature_key_bits(const struct signature_key *key)
{
    return key->bits;
}

/* -- checking -- */

/* One DER INTEGER of a number from 1 to the order - 1; 0 when it is none. */
static size_t put_integer(const struct signature_key *key, struct span number, unsigned char *out)
{
    if (memcmp(number.at, key->order, key->size) >= 0) {
        return 0;
    }
    number = without_zeros(number);
    if (span_empty(number)) {
        return 0;
    }
    /* A leading bit would make it negative. */
    size_t zero = span_at(number, 0) >= 0x80 ? 1 : 0;
    out[0] = 0x02;
    out[1] = (unsigned char)(zero + number.length);
    out[2] = 0;
    memcpy(&out[2 + zero], number.at, number.length);
    return 2 + zero + number.length;
}

/* RFC 7518, 3.4: r and s, each of the order's length. OpenSSL wants a DER SEQUENCE of both; 0 when they are none. */
static size_t to_der(const struct signature_key *key, struct span raw, unsigned char der[DER_MAX])
{
    unsigned char numbers[DER_MAX];
    if (raw.length != 2 * key->size) {
        return 0;
    }
    size_t r = put_integer(key, span_first(raw, key->size), numbers);
    size_t s = r == 0 ? 0 : put_integer(key, span_from(raw, key->size), &numbers[r]);
    if (s == 0) {
        return 0;
    }
    size_t head = 0, length = r + s;
    der[head++] = 0x30;
    if (length >= 0x80) {
        der[head++] = 0x81;
    }
    der[head++] = (unsigned char)length;
    memcpy(&der[head], numbers, length);
    return head + length;
}

/* A context is good for one check, and copying a prepared one costs a thirtieth of it; setting one up anew costs
 * a sixth, and starting over with the old key (NULL) does not work with PSS. */
static bool verify_prepared(const EVP_MD_CTX *prepared, struct span signed_part,
                            struct span signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ready = context != NULL && EVP_MD_CTX_copy_ex(context, prepared) == 1;
    assert(ready);
    bool good = EVP_DigestVerify(context, (const unsigned char *)signature.at, signature.length,
                                 (const unsigned char *)signed_part.at, signed_part.length) == 1;
    if (!good) {
        ERR_clear_error();
    }
    EVP_MD_CTX_free(context);
    return good;
}

static bool verify_ed25519(const struct signature_key *key, struct span signed_part,
                           struct span signature)
{
    /* libsodium refuses s of the order or above, and points of small order (RFC 8032, 5.1.7). */
    return signature.length == crypto_sign_BYTES &&
           crypto_sign_verify_detached((const unsigned char *)signature.at,
                                       (const unsigned char *)signed_part.at, signed_part.length,
                                       key->ed25519) == 0;
}

bool signature_verify(const struct signature_key *key, enum signature_algorithm algorithm,
                      struct span signed_part, struct span signature)
{
    if (!signature_fits(key->kind, algorithm)) {
        return false;
    }
    if (key->kind == SIGNATURE_OKP) {
        return verify_ed25519(key, signed_part, signature);
    }
    const EVP_MD_CTX *prepared = key->prepared[algorithm];
    if (key->kind == SIGNATURE_RSA) {
        /* RFC 8017, 8.1.2 and 8.2.2: exactly as long as the modulus. */
        return signature.length == (key->bits + 7) / 8 &&
               verify_prepared(prepared, signed_part, signature);
    }
    unsigned char der[DER_MAX];
    size_t length = to_der(key, signature, der);
    return length > 0 && verify_prepared(prepared, signed_part, span_bytes(der, length));
}

/* -- our own signatures -- */

static int no_passphrase(char *text, int size, int writing, void *context)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static enum signature_algorithm algorithm_for_curve(const EVP_PKEY *key)
{
    char name[32];
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, NULL) !=
        1) {
        return SIGNATURE_NONE;
    }
    for (size_t i = SIGNATURE_ES256; i <= SIGNATURE_ES512; i++) {
        if (OBJ_sn2nid(name) == curves[algorithms[i].curve].number) {
            return (enum signature_algorithm)i;
        }
    }
    return SIGNATURE_NONE;
}

static enum signature_algorithm algorithm_for(const EVP_PKEY *key)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        return EVP_PKEY_get_bits(key) < 2048 ? SIGNATURE_NONE : SIGNATURE_RS256;
    case EVP_PKEY_EC:
        return algorithm_for_curve(key);
    case EVP_PKEY_ED25519:
        return SIGNATURE_EDDSA;
    default:
        return SIGNATURE_NONE;
    }
}

struct signature_signer *signature_signer_new(const struct secret *pem, struct error *error)
{
    struct span text = secret_reveal(pem);
    BIO *source = BIO_new_mem_buf(span_empty(text) ? "" : text.at, (int)text.length);
    assert(source != NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(source, NULL, no_passphrase, NULL);
    BIO_free(source);
    ERR_clear_error();
    if (key == NULL) {
        error_set(error, "no private key in PEM form, or one with a passphrase");
        return NULL;
    }
    enum signature_algorithm algorithm = algorithm_for(key);
    if (algorithm == SIGNATURE_NONE) {
        EVP_PKEY_free(key);
        error_set(error, "private key of a kind that is not used here: RSA of 2048 bits or more, "
                         "P-256, P-384, P-521 and Ed25519 are");
        return NULL;
    }
    struct signature_signer *signer = MEMORY_NEW(struct signature_signer);
    *signer = (struct signature_signer){key, algorithm};
    return signer;
}

void signature_signer_free(struct signature_signer *signer)
{
    if (signer != NULL) {
        EVP_PKEY_free(signer->key);
        memory_free(signer);
    }
}

enum signature_algorithm signature_signer_algorithm(const struct signature_signer *signer)
{
    return signer->algorithm;
}

static bool sign(const struct signature_signer *signer, struct span signed_part,
                 unsigned char *made, size_t *length)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert(context != NULL);
    bool ok = EVP_DigestSignInit_ex(context, NULL, algorithms[signer->algorithm].digest, NULL, NULL,
                                    signer->key, NULL) == 1 &&
              EVP_DigestSign(context, made, length, (const unsigned char *)signed_part.at,
                             signed_part.length) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return ok;
}

/* From OpenSSL's DER to r and s of fixed length. */
static bool from_der(const struct curve *curve, const unsigned char *der, size_t length,
                     unsigned char raw[2 * COORDINATE_MAX])
{
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long)length);
    int size = (int)curve->size;
    bool ok = numbers != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), raw, size) == size &&
              BN_bn2binpad(ECDSA_SIG_get0_s(numbers), &raw[size], size) == size;
    ECDSA_SIG_free(numbers);
    return ok;
}

bool signature_sign(const struct signature_signer *signer, struct span signed_part,
                    struct buffer *signature)
{
    unsigned char made[SIGNED_MAX], raw[2 * COORDINATE_MAX];
    size_t length = sizeof made;
    if (!sign(signer, signed_part, made, &length)) {
        return false;
    }
    const struct algorithm *algorithm = &algorithms[signer->algorithm];
    if (algorithm->family != FAMILY_ES) {
        buffer_add(signature, span_bytes(made, length));
        return true;
    }
    const struct curve *curve = &curves[algorithm->curve];
    if (!from_der(curve, made, length, raw)) {
        return false;
    }
    buffer_add(signature, span_bytes(raw, 2 * curve->size));
    return true;
}
