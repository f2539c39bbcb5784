/* with_tokens.h - token checks with everything real but time, HTTP and threads: fetches are answered by the test. */
#ifndef UNIT_WITH_TOKENS_H
#define UNIT_WITH_TOKENS_H

#include "token/gate.h"
#include "token/signature_queue.h"
#include "token/token_check.h"
#include "wire/jwt.h"

#include "fake_loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

/* -- fetches that are answered when they are told to be -- */

enum { FETCHES_MAX = 64, BODY_KEPT = 4000 };

struct fetch {
    char url[300], bearer[3000], authorization[400], body[BODY_KEPT];
    bool public_only;
    fetch_fn *fn;
    void *context;
};

static struct fetch *running[FETCHES_MAX];
static size_t started, cancelled;

struct fetch_client *fetch_client_new(struct loop *loop, size_t connections_max,
                                      const char *user_agent)
{
    (void)loop, (void)connections_max, (void)user_agent;
    return memory_new(1, 1);
}

void fetch_client_free(struct fetch_client *client)
{
    memory_free(client);
}

static void keep(const struct secret *secret, char *text, size_t size)
{
    if (secret != NULL) {
        assert_true(span_fits(secret_reveal(secret), text, size));
    }
}

struct fetch *fetch_start(struct fetch_client *client, const struct fetch_request *request,
                          fetch_fn *fn, void *context)
{
    (void)client;
    struct fetch *fetch = MEMORY_NEW(struct fetch);
    fetch->fn = fn;
    fetch->context = context;
    fetch->public_only = request->public_only;
    snprintf(fetch->url, sizeof fetch->url, "%s", request->url);
    keep(request->bearer, fetch->bearer, sizeof fetch->bearer);
    keep(request->authorization, fetch->authorization, sizeof fetch->authorization);
    assert_true(span_fits(request->body, fetch->body, sizeof fetch->body));
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        if (running[i] == NULL) {
            running[i] = fetch;
            started++;
            return fetch;
        }
    }
    fail_msg("too many fetches");
    return NULL;
}

static struct fetch *take_fetch(const struct fetch *fetch)
{
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        if (running[i] != NULL && running[i] == fetch) {
            struct fetch *found = running[i];
            running[i] = NULL;
            return found;
        }
    }
    fail_msg("no such fetch");
    return NULL;
}

void fetch_cancel(struct fetch *fetch)
{
    if (fetch != NULL) {
        memory_free(take_fetch(fetch));
        cancelled++;
    }
}

size_t fetch_running(const struct fetch_client *client)
{
    (void)client;
    return 0;
}

static struct fetch *to(const char *url)
{
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        if (running[i] != NULL && strcmp(running[i]->url, url) == 0) {
            return running[i];
        }
    }
    return NULL;
}

static inline size_t fetches_under_way(void)
{
    size_t count = 0;
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        count += running[i] != NULL ? 1 : 0;
    }
    return count;
}

static inline void answer_fetch(struct fetch *asked, int status, const char *body)
{
    assert_non_null(asked);
    struct fetch *fetch = take_fetch(asked);
    struct fetch_answer answer = {.outcome = status == 0 ? FETCH_FAILED : FETCH_ANSWERED,
                                  .status = status,
                                  .content_type = SPAN_LITERAL("application/json"),
                                  .body = span_of(body),
                                  .failure = status == 0 ? body : NULL,
                                  .max_age = -1};
    fetch->fn(&answer, fetch->context);
    memory_free(fetch);
}

/* -- signatures, verified when the later list comes to them -- */

struct signature_queue {
    struct loop *loop;
    size_t verified;
};

struct signature_check {
    struct loop_later later;
    struct signature_queue *queue;
    enum signature_answer answer;
    signature_check_fn *fn;
    void *context;
};

struct signature_queue *signature_queue_new(struct loop *loop, unsigned threads, size_t waiting_max)
{
    (void)threads, (void)waiting_max;
    struct signature_queue *queue = MEMORY_NEW(struct signature_queue);
    queue->loop = loop;
    return queue;
}

void signature_queue_free(struct signature_queue *queue)
{
    memory_free(queue);
}

static void say_signature(void *context)
{
    struct signature_check *check = context;
    check->fn(check->answer, check->context);
    memory_free(check);
}

struct signature_check *signature_queue_start(struct signature_queue *queue,
                                              const struct keyset_found *keys,
                                              enum signature_algorithm algorithm,
                                              struct span signed_part, struct span signature,
                                              signature_check_fn *fn, void *context)
{
    struct signature_check *check = MEMORY_NEW(struct signature_check);
    check->queue = queue;
    check->fn = fn;
    check->context = context;
    for (size_t i = 0; i < keys->count; i++) {
        if (signature_verify(keys->keys[i], algorithm, signed_part, signature)) {
            check->answer = SIGNATURE_GOOD;
        }
    }
    queue->verified++;
    loop_later_init(&check->later, say_signature, check);
    loop_later(queue->loop, &check->later);
    return check;
}

void signature_queue_cancel(struct signature_check *check)
{
    if (check != NULL) {
        loop_later_cancel(&check->later);
        memory_free(check);
    }
}

size_t signature_queue_waiting(const struct signature_queue *queue)
{
    (void)queue;
    return 0;
}

uint64_t signature_queue_inline(const struct signature_queue *queue)
{
    return queue->verified;
}

uint64_t signature_queue_pooled(const struct signature_queue *queue)
{
    (void)queue;
    return 0;
}

/* -- tokens -- */

/* Keys made for these tests. */
static const char *const key_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbkup7Hxrlmn2N8xK\n"
    "8F6Q8filcWXrOAs0yI4kGPD9wuKhRANCAASANVt0XAdzIjmYKyCIwLu1UtwdniET\n"
    "9RMgD7V0qIRe7E07KF3VUkyTdCf78fna+oaF28xIMQTHo/Ae9snyxPVm\n"
    "-----END PRIVATE KEY-----\n";
#define KEY_JWK(kid)                                                                     \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"" kid \
    "\",\"x\":\"gDVbdFwHcyI5mCsgiMC7tVLcHZ4hE_UTIA-1dKiEXuw\","                          \
    "\"y\":\"TTsoXdVSTJN0J_vx-dr6hoXbzEgxBMej8B72yfLE9WY\"}"

/* "header.claims.signature": signed with the key above. */
static inline struct secret mint(const char *header, const char *claims)
{
    struct error error = {0};
    CLEANUP(buffer_done) struct buffer text = buffer_limited(8000);
    CLEANUP(buffer_done) struct buffer raw = buffer_limited(200);
    CLEANUP(secret_done) struct secret pem = secret_new(span_of(key_pem));
    jwt_base64url_encode(span_of(header), &text);
    buffer_add_byte(&text, '.');
    jwt_base64url_encode(span_of(claims), &text);
    struct signature_signer *signer = signature_signer_new(&pem, &error);
    assert_non_null(signer);
    assert_true(signature_sign(signer, buffer_span(&text), &raw));
    signature_signer_free(signer);
    buffer_add_byte(&text, '.');
    jwt_base64url_encode(buffer_span(&raw), &text);
    return secret_new(buffer_span(&text));
}

/* -- providers -- */

static inline char **list_of(const char *one)
{
    char **list = memory_new(2, sizeof *list);
    list[0] = one == NULL ? NULL : memory_text(one);
    return list;
}

static inline void fill_provider(struct provider *provider, const char *name, const char *domain)
{
    *provider = (struct provider){.connect_ms = 2000,
                                  .total_ms = 5000,
                                  .requests_max = 2,
                                  .queue_max = 2,
                                  .cache_ms = 60000,
                                  .refused_ms = 5000,
                                  .leeway_s = 30,
                                  .keys_refresh_ms = 600000,
                                  .keys_cooldown_ms = 10000,
                                  .keys_max_age_ms = 86400000};
    provider->name = memory_text(name);
    provider->shown = memory_text(name);
    provider->username_claim = memory_text("email");
    provider->subject_claim = memory_text("sub");
    provider->domains = list_of(domain);
    provider->algorithms = list_of("ES256");
}

#endif
