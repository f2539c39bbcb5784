/* token_bench.c - what a signature and a remembered verdict cost, beside the library's own call in the same run.
 *
 *     token_bench [rounds]
 *
 * "Whole" is a check from the door to the verdict: read, judge, find the key, verify, remember. CPU time, the best of several rounds: read the ratios. What two cores do together wants both of them idle. Not
 * installed. */
#include "mint.h"
#include "whole.h"

#include <assert.h>
#include <libgen.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/secret.h"
#include "token/keyset.h"
#include "token/signature_queue.h"
#include "token/token_cache.h"
#include "wire/jwt.h"

enum { TOKENS = 64, CACHED = 100000, NOW = 1790000000 };

static const enum signature_algorithm measured[] = {SIGNATURE_RS256, SIGNATURE_PS256,
                                                    SIGNATURE_ES256, SIGNATURE_EDDSA};
enum { MEASURED = sizeof measured / sizeof *measured };

static int rounds = 7;

/* One token, read and ready to be checked. */
struct sample {
    struct buffer token;
    struct jwt jwt;
    unsigned char der[512]; /* what OpenSSL takes */
    size_t der_length;
};

static double cpu_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* About 1.1 KB as a token, as Keycloak's are without many roles. */
static void claims_for(int number, struct buffer *out)
{
    buffer_format(out,
                  "{\"iss\":\"https://id.example.com/realms/work\",\"aud\":\"mail\",\"exp\":%d,"
                  "\"iat\":%d,\"sub\":\"1b671a64-40d5-491e-99b0-%012d\",\"azp\":\"thunderbird\","
                  "\"scope\":\"openid email mail\",\"email\":\"someone%d@example.com\","
                  "\"email_verified\":true,\"sid\":\"8f0c6d3e-7a0b-4c9b-9d5e-%012d\","
                  "\"realm_access\":{\"roles\":[\"offline_access\",\"uma_authorization\"]},"
                  "\"resource_access\":{\"account\":{\"roles\":[\"manage-account\","
                  "\"view-profile\"]}},\"name\":\"Someone %d\",\"preferred_username\":\"s%d\"}",
                  NOW + 300, NOW, number, number, number, number, number);
}

static void sample_fill(struct sample *sample, const struct mint *mint, int number)
{
    struct buffer claims = buffer_limited(4096);
    claims_for(number, &claims);
    sample->token = buffer_limited(8192);
    mint_token(mint, buffer_span(&claims), &sample->token);
    enum jwt_shape shape = jwt_read(&sample->jwt, buffer_span(&sample->token));
    assert(shape == JWT_GOOD);
    sample->der_length = mint_sign(mint, sample->jwt.signed_part, sample->der, sizeof sample->der);
    buffer_done(&claims);
}

/* -- ours and the bare call, in turns -- */

static EVP_MD_CTX *prepared_for(const struct mint *mint)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *details = NULL;
    const char *digest = mint->algorithm == SIGNATURE_EDDSA ? NULL : "SHA256";
    bool ok = EVP_DigestVerifyInit_ex(context, &details, digest, NULL, NULL, mint->key, NULL) == 1;
    if (mint->algorithm == SIGNATURE_PS256) {
        ok = ok && EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) == 1;
    }
    assert(ok);
    return context;
}

/* A context is good for one message: they are set up outside of the clock. */
static double bare(const struct mint *mint, const struct sample *samples)
{
    EVP_MD_CTX *contexts[TOKENS];
    for (int i = 0; i < TOKENS; i++) {
        contexts[i] = prepared_for(mint);
    }
    int good = 0;
    double before = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < TOKENS; i++) {
        struct span text = samples[i].jwt.signed_part;
        good += EVP_DigestVerify(contexts[i], samples[i].der, samples[i].der_length,
                                 (const unsigned char *)text.at, text.length) == 1;
    }
    double spent = cpu_us(CLOCK_THREAD_CPUTIME_ID) - before;
    assert(good == TOKENS);
    for (int i = 0; i < TOKENS; i++) {
        EVP_MD_CTX_free(contexts[i]);
    }
    return spent / TOKENS;
}

static double ours(const struct keyset *set, const struct sample *samples)
{
    int good = 0;
    double before = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < TOKENS; i++) {
        const struct jwt *jwt = &samples[i].jwt;
        struct keyset_found found;
        enum signature_algorithm algorithm = signature_algorithm_of(jwt->algorithm);
        good += keyset_find(set, jwt->key_id, algorithm, &found) == KEYSET_FOUND &&
                signature_verify(found.keys[0], algorithm, jwt->signed_part, jwt->signature);
    }
    double spent = cpu_us(CLOCK_THREAD_CPUTIME_ID) - before;
    assert(good == TOKENS);
    return spent / TOKENS;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* -- through the queue, with and without a thread -- */

struct flight {
    struct loop *loop;
    int left;
};

static void on_checked(enum signature_answer answer, void *context)
{
    struct flight *flight = context;
    assert(answer == SIGNATURE_GOOD);
    flight->left--;
    if (flight->left == 0) {
        loop_stop(flight->loop);
    }
}

struct flow {
    double a_second;   /* tokens, of wall time: wants idle cores */
    double cpu_us;     /* of all threads, for each token */
    double in_threads; /* share of the tokens */
};

static struct flow flow(const struct keyset *set, const struct sample *samples, unsigned threads)
{
    enum { CHECKS = 4096 };
    struct flight flight = {loop_new(), CHECKS};
    struct signature_queue *queue = signature_queue_new(flight.loop, threads, CHECKS);
    double before = cpu_us(CLOCK_MONOTONIC), cpu_before = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < CHECKS; i++) {
        const struct jwt *jwt = &samples[i % TOKENS].jwt;
        struct keyset_found found;
        enum signature_algorithm algorithm = signature_algorithm_of(jwt->algorithm);
        keyset_find(set, jwt->key_id, algorithm, &found);
        signature_queue_start(queue, &found, algorithm, jwt->signed_part, jwt->signature,
                              on_checked, &flight);
    }
    loop_run(flight.loop);
    struct flow result = {
        .a_second = CHECKS / (cpu_us(CLOCK_MONOTONIC) - before) * 1e6,
        .cpu_us = (cpu_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_before) / CHECKS,
        .in_threads = (double)signature_queue_pooled(queue) / CHECKS,
    };
    signature_queue_free(queue);
    loop_free(flight.loop);
    return result;
}

static struct flow better(struct flow a, struct flow b)
{
    return a.a_second > b.a_second ? a : b;
}

/* The bare call alone, to put beside the rest. */
static double measure(const struct keyset *set, const struct mint *mint)
{
    struct sample *samples = memory_new(TOKENS, sizeof *samples);
    double best_bare = 1e9, best_ours = 1e9;
    struct flow alone = {0}, shared = {0};
    for (int i = 0; i < TOKENS; i++) {
        sample_fill(&samples[i], mint, i);
    }
    for (int round = 0; round < rounds; round++) {
        best_bare = least(best_bare, bare(mint, samples));
        best_ours = least(best_ours, ours(set, samples));
        alone = better(alone, flow(set, samples, 0));
        shared = better(shared, flow(set, samples, 1));
    }
    printf("%-6s bare %5.1f us, found and verified %5.1f us, ratio %.2f\n",
           signature_algorithm_name(mint->algorithm), best_bare, best_ours, best_ours / best_bare);
    printf("       queue: loop alone %6.0f a second, %5.1f us CPU each; with a thread %6.0f, "
           "%5.1f us, %2.0f %% there, ratio %.2f\n",
           alone.a_second, alone.cpu_us, shared.a_second, shared.cpu_us, 100 * shared.in_threads,
           shared.a_second / alone.a_second);
    for (int i = 0; i < TOKENS; i++) {
        buffer_done(&samples[i].token);
    }
    memory_free(samples);
    return best_bare;
}

/* -- the whole check -- */

static void measure_whole(struct whole *const wholes[2], const struct mint *mint, double best_bare)
{
    enum { EACH = 2000 };
    struct whole_figures alone = {1e9, 1e9, 0}, shared = alone;
    for (int round = 0; round < rounds; round++) {
        struct whole_figures one = whole_measure(wholes[0], mint, EACH);
        struct whole_figures two = whole_measure(wholes[1], mint, EACH);
        alone.first_us = least(alone.first_us, one.first_us);
        alone.again_us = least(alone.again_us, one.again_us);
        alone.a_second = one.a_second > alone.a_second ? one.a_second : alone.a_second;
        shared.first_us = least(shared.first_us, two.first_us);
        shared.a_second = two.a_second > shared.a_second ? two.a_second : shared.a_second;
    }
    printf("%-6s whole check: first seen %5.1f us, ratio to bare %.2f; remembered %.2f us, ratio "
           "%.3f\n",
           signature_algorithm_name(mint->algorithm), alone.first_us, alone.first_us / best_bare,
           alone.again_us, alone.again_us / best_bare);
    printf(
        "       %6.0f a second on one core, %6.0f with a thread (%5.1f us CPU each), ratio %.2f\n",
        alone.a_second, shared.a_second, shared.first_us, shared.a_second / alone.a_second);
}

/* -- the cache -- */

static struct digest key_of(struct span token)
{
    uint32_t generation = 1;
    struct span parts[] = {span_bytes(&generation, sizeof generation), token};
    return digest_parts(parts, 2);
}

static struct token_cache *cache_filled(void)
{
    struct token_cache *cache = token_cache_new((size_t)64 * 1024 * 1024);
    for (int i = 0; i < CACHED; i++) {
        char address[64], subject[64];
        snprintf(address, sizeof address, "name%05d@example.com", i); /* 21 bytes */
        snprintf(subject, sizeof subject, "1b671a64-40d5-491e-99b0-%012d", i);
        struct token_cache_entry entry = {.answer = VERDICT_ACCEPTED,
                                          .fresh = NOW + 60,
                                          .until = NOW + 300,
                                          .expires = NOW + 300,
                                          .address = span_of(address),
                                          .subject = span_of(subject)};
        struct digest key = digest_sha256(span_of(subject));
        token_cache_put(cache, &key, &entry);
    }
    return cache;
}

static void measure_cache(const struct mint *mint)
{
    struct token_cache *cache = cache_filled();
    struct sample *sample = MEMORY_NEW(struct sample);
    struct digest *keys = memory_new(CACHED, sizeof *keys);
    struct token_cache_entry entry;
    double digest = 1e9, lookup = 1e9;
    size_t found = 0;
    sample_fill(sample, mint, 1);
    struct span token = buffer_span(&sample->token);
    for (int i = 0; i < CACHED; i++) {
        char subject[64];
        /* Far from the order they were put in. */
        snprintf(subject, sizeof subject, "1b671a64-40d5-491e-99b0-%012d", i * 7919 % CACHED);
        keys[i] = digest_sha256(span_of(subject));
    }
    for (int round = 0; round < rounds; round++) {
        double before = cpu_us(CLOCK_THREAD_CPUTIME_ID);
        for (int i = 0; i < 1000; i++) {
            keys[i % 2].bytes[0] ^= key_of(token).bytes[0]; /* twice: nothing */
        }
        double between = cpu_us(CLOCK_THREAD_CPUTIME_ID);
        for (int i = 0; i < CACHED; i++) {
            found += token_cache_lookup(cache, &keys[i], NOW, &entry);
        }
        digest = least(digest, (between - before) / 1000);
        lookup = least(lookup, (cpu_us(CLOCK_THREAD_CPUTIME_ID) - between) / CACHED);
    }
    assert(found == (size_t)rounds * CACHED);
    printf(
        "cache  key of a token of %zu bytes %.2f us, look-up among %d %.3f us, together %.2f us; "
        "%zu bytes an entry\n",
        token.length, digest, CACHED, lookup, digest + lookup,
        token_cache_bytes(cache) / token_cache_count(cache));
    buffer_done(&sample->token);
    memory_free(sample);
    memory_free(keys);
    token_cache_free(cache);
}

int main(int count, char **arguments)
{
    struct mint mints[MEASURED];
    struct error error = {{0}};
    struct buffer document = buffer_limited(KEYSET_SIZE_MAX);
    bool ready = secret_init();
    assert(ready);
    if (count > 1) {
        rounds = (int)strtol(arguments[1], NULL, 10);
    }
    for (int i = 0; i < MEASURED; i++) {
        mints[i] = mint_new(measured[i]);
    }
    mint_jwks(mints, MEASURED, &document);
    struct keyset *set = keyset_new(buffer_span(&document), NULL, &error);
    assert(set != NULL && keyset_count(set) == MEASURED);
    double bares[MEASURED];
    for (int i = 0; i < MEASURED; i++) {
        bares[i] = measure(set, &mints[i]);
    }
    char place[4096];
    snprintf(place, sizeof place, "%s", arguments[0]);
    char server[4200];
    snprintf(server, sizeof server, "%s/userinfo_server", dirname(place));
    struct whole *wholes[2] = {whole_new(server, buffer_span(&document), 0),
                               whole_new(server, buffer_span(&document), 1)};
    for (int i = 0; i < MEASURED && wholes[0] != NULL && wholes[1] != NULL; i++) {
        measure_whole(wholes, &mints[i], bares[i]);
    }
    measure_cache(&mints[0]);
    printf("       %zu bytes a remembered token of the whole checks, account name included\n",
           whole_cache_bytes(wholes[0]));
    whole_free(wholes[0]);
    whole_free(wholes[1]);
    keyset_release(set);
    buffer_done(&document);
    for (int i = 0; i < MEASURED; i++) {
        mint_done(&mints[i]);
    }
    return 0;
}
