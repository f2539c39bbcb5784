/* test_signature.c - signatures of the RFCs and forged ones; our own are taken back by the public key. */
#include "vectors.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>

#include "token/keyset.h"
#include "token/signature.h"
#include "wire/jwt.h"

static struct keyset *set_of(struct span jwk)
{
    struct error error = {{0}};
    CLEANUP(buffer_done) struct buffer document = buffer_limited(KEYSET_SIZE_MAX);
    buffer_add_text(&document, "{\"keys\":[");
    buffer_add(&document, jwk);
    buffer_add_text(&document, "]}");
    struct keyset *set = keyset_new(buffer_span(&document), NULL, &error);
    if (set == NULL) {
        fail_msg("%s", error.text);
    }
    return set;
}

static bool verifies(struct keyset *set, struct span name, struct span signed_part,
                     struct span signature)
{
    struct keyset_found found;
    enum signature_algorithm algorithm = signature_algorithm_of(name);
    return keyset_find(set, (struct span){0}, algorithm, &found) == KEYSET_FOUND &&
           signature_verify(found.keys[0], algorithm, signed_part, signature);
}

static void one_case(const struct vector *vector)
{
    unsigned char signature[JWT_SIGNATURE_MAX + 8];
    size_t length;
    vector_must(vector, vector->count == 6, "six columns");
    vector_must(vector,
                jwt_base64url_decode(vector->column[4], signature, sizeof signature, &length),
                "base64url");
    struct keyset *set = set_of(vector->column[2]);
    vector_must(vector, keyset_count(set) == 1, "the key is good");
    bool good = verifies(set, vector->column[1], vector->column[3], span_bytes(signature, length));
    keyset_release(set);
    vector_must(vector, good == span_is(vector->column[5], "good"), "the verdict");
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("signature.txt", 100, one_case);
}

static void test_names(void **state)
{
    (void)state;
    for (int i = SIGNATURE_NONE + 1; i < SIGNATURE_ALGORITHMS; i++) {
        enum signature_algorithm algorithm = (enum signature_algorithm)i;
        const char *name = signature_algorithm_name(algorithm);
        assert_int_equal(signature_algorithm_of(span_of(name)), algorithm);
    }
    assert_int_equal(signature_algorithm_of((struct span){0}), SIGNATURE_NONE);
    assert_int_equal(signature_algorithm_of(span_of("none")), SIGNATURE_NONE);
    assert_int_equal(signature_algorithm_of(span_bytes("RS256\0", 6)), SIGNATURE_NONE);
}

/* RFC 7518, 3.1: kinds down, algorithms across. */
static void test_fits(void **state)
{
    static const char *const table[] = {
        [SIGNATURE_RSA] = ".RRRPPP.....",  [SIGNATURE_P256] = ".......E....",
        [SIGNATURE_P384] = "........E...", [SIGNATURE_P521] = ".........E..",
        [SIGNATURE_OKP] = "..........DD",
    };
    (void)state;
    for (int kind = SIGNATURE_RSA; kind <= SIGNATURE_OKP; kind++) {
        for (int i = 0; i < SIGNATURE_ALGORITHMS; i++) {
            bool fits = signature_fits((enum signature_kind)kind, (enum signature_algorithm)i);
            assert_int_equal(fits, table[kind][i] != '.');
        }
    }
}

/* -- our own signatures -- */

static EVP_PKEY *generate(const char *kind, const char *curve, size_t bits)
{
    EVP_PKEY *key = curve != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, kind, curve)
                    : bits > 0    ? EVP_PKEY_Q_keygen(NULL, NULL, kind, bits)
                                  : EVP_PKEY_Q_keygen(NULL, NULL, kind);
    assert_non_null(key);
    return key;
}

static struct secret pem_of(EVP_PKEY *key, bool traditional)
{
    char *text;
    BIO *out = BIO_new(BIO_s_mem());
    int ok = traditional ? PEM_write_bio_PrivateKey_traditional(out, key, NULL, NULL, 0, NULL, NULL)
                         : PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    assert_int_equal(ok, 1);
    long length = BIO_get_mem_data(out, &text);
    struct secret pem = secret_new(span_bytes(text, (size_t)length));
    BIO_free(out);
    return pem;
}

static size_t number(EVP_PKEY *key, const char *name, unsigned char *out, size_t size)
{
    BIGNUM *value = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &value), 1);
    int length = size > 0 ? BN_bn2binpad(value, out, (int)size) : BN_bn2bin(value, out);
    BN_free(value);
    assert_true(length > 0);
    return (size_t)length;
}

static struct signature_key *public_of(EVP_PKEY *key, enum signature_kind kind, size_t size)
{
    unsigned char first[1024], second[1024];
    size_t length = sizeof first;
    struct error error = {{0}};
    if (kind == SIGNATURE_OKP) {
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, first, &length), 1);
        return signature_key_ed25519(span_bytes(first, length), &error);
    }
    size_t one = number(key, kind == SIGNATURE_RSA ? "n" : "qx", first, size);
    size_t other = number(key, kind == SIGNATURE_RSA ? "e" : "qy", second, size);
    return kind == SIGNATURE_RSA
               ? signature_key_rsa(span_bytes(first, one), span_bytes(second, other), &error)
               : signature_key_ec(kind, span_bytes(first, one), span_bytes(second, other), &error);
}

static void test_signer(void **state)
{
    static const struct {
        const char *kind, *curve;
        size_t bits, size;
        enum signature_kind is;
        enum signature_algorithm algorithm;
        unsigned shown;
        bool traditional;
    } cases[] = {
        {"RSA", NULL, 2048, 0, SIGNATURE_RSA, SIGNATURE_RS256, 2048, false},
        {"RSA", NULL, 3072, 0, SIGNATURE_RSA, SIGNATURE_RS256, 3072, true},
        {"EC", "P-256", 0, 32, SIGNATURE_P256, SIGNATURE_ES256, 256, false},
        {"EC", "P-256", 0, 32, SIGNATURE_P256, SIGNATURE_ES256, 256, true},
        {"EC", "P-384", 0, 48, SIGNATURE_P384, SIGNATURE_ES384, 384, false},
        {"EC", "P-521", 0, 66, SIGNATURE_P521, SIGNATURE_ES512, 521, false},
        {"ED25519", NULL, 0, 0, SIGNATURE_OKP, SIGNATURE_EDDSA, 256, false},
    };
    struct span text = SPAN_LITERAL("eyJhbGciOiJYIn0.e30");
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {{0}};
        EVP_PKEY *key = generate(cases[i].kind, cases[i].curve, cases[i].bits);
        CLEANUP(secret_done) struct secret pem = pem_of(key, cases[i].traditional);
        struct signature_signer *signer = signature_signer_new(&pem, &error);
        assert_non_null(signer);
        assert_int_equal(signature_signer_algorithm(signer), cases[i].algorithm);
        struct signature_key *public = public_of(key, cases[i].is, cases[i].size);
        assert_non_null(public);
        assert_int_equal(signature_key_kind(public), cases[i].is);
        assert_int_equal(signature_key_bits(public), cases[i].shown);
        /* Short numbers, which need zeros in front, come with time. */
        for (int round = 0; round < (cases[i].size > 0 ? 40 : 2); round++) {
            CLEANUP(buffer_done) struct buffer made = buffer_limited(2048);
            assert_true(signature_sign(signer, text, &made));
            assert_true(signature_verify(public, cases[i].algorithm, text, buffer_span(&made)));
            assert_false(signature_verify(public, cases[i].algorithm, span_from(text, 1),
                                          buffer_span(&made)));
            assert_false(signature_verify(public, SIGNATURE_NONE, text, buffer_span(&made)));
        }
        signature_key_release(public);
        signature_signer_free(signer);
        EVP_PKEY_free(key);
    }
}

static void refuses(EVP_PKEY *key)
{
    struct error error = {{0}};
    CLEANUP(secret_done) struct secret pem = pem_of(key, false);
    assert_null(signature_signer_new(&pem, &error));
    assert_true(strlen(error.text) > 0);
    EVP_PKEY_free(key);
}

static void test_signer_refuses(void **state)
{
    static const char *const texts[] = {
        "", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\n"
        "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
        "-----END PUBLIC KEY-----\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error error = {{0}};
        CLEANUP(secret_done) struct secret pem = secret_new(span_of(texts[i]));
        assert_null(signature_signer_new(&pem, &error));
        assert_true(strlen(error.text) > 0);
    }
    refuses(generate("RSA", NULL, 1024));
    refuses(generate("EC", "secp256k1", 0));
    refuses(generate("X25519", NULL, 0));
}

/* Asks nobody: a key with a passphrase is refused, not waited for. */
static void test_passphrase(void **state)
{
    struct error error = {{0}};
    char *text, phrase[] = "phrase";
    (void)state;
    EVP_PKEY *key = generate("ED25519", NULL, 0);
    BIO *out = BIO_new(BIO_s_mem());
    assert_int_equal(
        PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(), phrase, 6, NULL, NULL), 1);
    long length = BIO_get_mem_data(out, &text);
    CLEANUP(secret_done) struct secret pem = secret_new(span_bytes(text, (size_t)length));
    assert_null(signature_signer_new(&pem, &error));
    BIO_free(out);
    EVP_PKEY_free(key);
}

/* -- weak keys -- */

static void test_random_moduli_are_no_roca(void **state)
{
    unsigned char modulus[256], exponent[] = {1, 0, 1};
    int refused = 0;
    (void)state;
    for (int i = 0; i < 200; i++) {
        BIGNUM *value = BN_new();
        unsigned long rest = 0;
        /* Like a product of two primes in all that is looked at: without small factors. */
        while (rest == 0) {
            assert_int_equal(BN_rand(value, 2048, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
            rest = 1;
            for (BN_ULONG prime = 3; prime < 170; prime += 2) {
                rest = rest != 0 ? BN_mod_word(value, prime) : 0;
            }
        }
        BN_bn2binpad(value, modulus, sizeof modulus);
        BN_free(value);
        struct error error = {{0}};
        struct signature_key *key =
            signature_key_rsa(span_bytes(modulus, sizeof modulus), span_bytes(exponent, 3), &error);
        refused += key == NULL;
        signature_key_release(key);
    }
    assert_int_equal(refused, 0);
}

/* -- threads -- */

struct worker {
    pthread_t thread;
    const struct signature_key *key;
    struct span text, good, bad;
    int right;
};

static void *work(void *context)
{
    struct worker *worker = context;
    for (int i = 0; i < 200; i++) {
        worker->right += signature_verify(worker->key, SIGNATURE_RS256, worker->text, worker->good);
        worker->right += !signature_verify(worker->key, SIGNATURE_RS256, worker->text, worker->bad);
    }
    return NULL;
}

static void test_threads_share_a_key(void **state)
{
    struct worker workers[4];
    struct error error = {{0}};
    struct span text = SPAN_LITERAL("a.b");
    (void)state;
    EVP_PKEY *pair = generate("RSA", NULL, 2048);
    CLEANUP(secret_done) struct secret pem = pem_of(pair, false);
    struct signature_signer *signer = signature_signer_new(&pem, &error);
    struct signature_key *key = public_of(pair, SIGNATURE_RSA, 0);
    CLEANUP(buffer_done) struct buffer good = buffer_limited(2048), bad = buffer_limited(2048);
    assert_true(signature_sign(signer, text, &good));
    assert_true(signature_sign(signer, span_of("a.c"), &bad));
    for (int i = 0; i < 4; i++) {
        workers[i] = (struct worker){
            .key = key, .text = text, .good = buffer_span(&good), .bad = buffer_span(&bad)};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].right, 400);
    }
    signature_key_release(key);
    signature_signer_free(signer);
    EVP_PKEY_free(pair);
}

static int set_up(void **state)
{
    (void)state;
    return secret_init() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_signer),
        cmocka_unit_test(test_signer_refuses),
        cmocka_unit_test(test_passphrase),
        cmocka_unit_test(test_random_moduli_are_no_roca),
        cmocka_unit_test(test_threads_share_a_key),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
