/* digest.c - SHA-256 and HMAC. */
#include "base/digest.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

struct digest digest_sha256(struct span bytes)
{
    struct digest digest;
    SHA256((const unsigned char *)bytes.at, bytes.length, digest.bytes);
    return digest;
}

/* Made once for each thread: fetching the algorithm and its context costs as much as a kilobyte of hashing. */
static EVP_MD_CTX *context_of_thread(void)
{
    static _Thread_local EVP_MD_CTX *context;
    if (context == NULL) {
        context = EVP_MD_CTX_new();
        bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
        assert(ok);
    }
    return context;
}

struct digest digest_parts(const struct span *parts, size_t count)
{
    struct digest digest;
    EVP_MD_CTX *context = context_of_thread();
    bool ok = EVP_DigestInit_ex(context, NULL, NULL) == 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t length = parts[i].length;
        ok = ok && EVP_DigestUpdate(context, &length, sizeof length) == 1 &&
             EVP_DigestUpdate(context, parts[i].at, parts[i].length) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(context, digest.bytes, NULL) == 1;
    assert(ok);
    return digest;
}

struct digest digest_hmac(struct span key, struct span bytes)
{
    struct digest digest;
    unsigned char *made = HMAC(EVP_sha256(), key.at, (int)key.length,
                               (const unsigned char *)bytes.at, bytes.length, digest.bytes, NULL);
    assert(made != NULL);
    return digest;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}
