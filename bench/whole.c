/* whole.c - what the check of a first-seen token costs from the door to the verdict, and what a remembered one does. */
#include "whole.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "token/token_check.h"
#include "token/token_checks.h"

enum { AT_ONCE = 32, PATIENCE = 500 };

struct whole {
    pid_t server;
    char issuer[64];
    struct loop *loop;
    struct log log;
    struct fetch_client *fetches;
    struct token_checks *checks;
    int waiting, accepted, number;
};

static double now_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void no_line(enum log_level level, struct span line, void *context)
{
    (void)level, (void)line, (void)context;
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &length) == 0;
    assert(ok);
    close(fd);
    return ntohs(address.sin_port);
}

static pid_t serve(const char *server, int port, struct span jwks)
{
    char text[16];
    struct buffer answer = buffer_limited(KEYSET_SIZE_MAX);
    snprintf(text, sizeof text, "%d", port);
    buffer_add(&answer, jwks);
    buffer_add_byte(&answer, '\0');
    pid_t pid = fork();
    if (pid == 0) {
        execl(server, server, text, answer.at, NULL);
        _exit(127);
    }
    buffer_done(&answer);
    return pid;
}

static char **list_of(const char *one)
{
    char **list = memory_new(2, sizeof *list);
    list[0] = memory_text(one);
    return list;
}

static struct provider_set *providers(const struct whole *whole)
{
    static const char *const algorithms[] = {"RS256", "PS256", "ES256", "EdDSA"};
    struct error error;
    struct provider_set *set = MEMORY_NEW(struct provider_set);
    set->count = 1;
    set->providers = MEMORY_NEW(struct provider);
    struct provider *provider = set->providers;
    *provider = (struct provider){.name = memory_text("bench"),
                                  .issuers = list_of(whole->issuer),
                                  .domains = list_of("example.com"),
                                  .clients = list_of("thunderbird"),
                                  .check = PROVIDER_CHECK_JWT,
                                  .username_claim = memory_text("email"),
                                  .subject_claim = memory_text("sub"),
                                  .jwks = memory_text(whole->issuer),
                                  .connect_ms = 1000,
                                  .total_ms = 2000,
                                  .requests_max = 8,
                                  .queue_max = 8,
                                  .cache_ms = 3600000,
                                  .refused_ms = 1000,
                                  .leeway_s = 30,
                                  .outage_ms = 60000,
                                  .keys_refresh_ms = 3600000,
                                  .keys_cooldown_ms = 10000,
                                  .keys_max_age_ms = 86400000};
    provider->shown = memory_text(whole->issuer);
    provider->algorithms = memory_new(5, sizeof(char *));
    for (int i = 0; i < 4; i++) {
        provider->algorithms[i] = memory_text(algorithms[i]);
    }
    bool good = provider_set_check(set, &error);
    assert(good);
    return set;
}

static bool keys_are_here(const struct whole *whole)
{
    const struct provider *provider = token_generation_set(whole->checks->current)->providers;
    return issuer_keys(token_generation_issuer(whole->checks->current, provider, 0)) != NULL;
}

struct whole *whole_new(const char *server, struct span jwks, unsigned threads)
{
    struct whole *whole = MEMORY_NEW(struct whole);
    struct token_settings settings = {(size_t)64 << 20, threads, 10000, 10000};
    int port = free_port();
    snprintf(whole->issuer, sizeof whole->issuer, "http://127.0.0.1:%d", port);
    whole->server = serve(server, port, jwks);
    whole->loop = loop_new();
    whole->log = (struct log){.sink = no_line};
    whole->fetches = fetch_client_new(whole->loop, 4, "bench");
    whole->checks =
        token_checks_new(whole->loop, &whole->log, whole->fetches, &settings, providers(whole));
    for (int i = 0; i < PATIENCE && !keys_are_here(whole); i++) {
        loop_turn(whole->loop, 20);
    }
    if (!keys_are_here(whole)) {
        whole_free(whole);
        return NULL;
    }
    return whole;
}

void whole_free(struct whole *whole)
{
    token_checks_free(whole->checks);
    fetch_client_free(whole->fetches);
    loop_free(whole->loop);
    kill(whole->server, SIGTERM);
    waitpid(whole->server, NULL, 0);
    memory_free(whole);
}

static void on_verdict(const struct verdict *verdict, void *context)
{
    struct whole *whole = context;
    whole->waiting--;
    whole->accepted += verdict->answer == VERDICT_ACCEPTED ? 1 : 0;
}

static struct secret token_of(struct whole *whole, const struct mint *mint)
{
    struct buffer claims = buffer_limited(4096), token = buffer_limited(8192);
    int number = whole->number++;
    long long now = (long long)time(NULL);
    buffer_format(&claims,
                  "{\"iss\":\"%s\",\"aud\":\"mail\",\"exp\":%lld,\"iat\":%lld,"
                  "\"sub\":\"1b671a64-40d5-491e-99b0-%012d\",\"azp\":\"thunderbird\","
                  "\"scope\":\"openid email mail\",\"email\":\"name%05d@example.com\","
                  "\"email_verified\":true,\"sid\":\"8f0c6d3e-7a0b-4c9b-9d5e-%012d\","
                  "\"realm_access\":{\"roles\":[\"offline_access\",\"uma_authorization\"]},"
                  "\"resource_access\":{\"account\":{\"roles\":[\"manage-account\","
                  "\"view-profile\"]}},\"name\":\"Someone %d\",\"preferred_username\":\"s%d\"}",
                  whole->issuer, now + 3600, now, number, number, number, number, number);
    mint_token(mint, buffer_span(&claims), &token);
    struct secret secret = secret_new(buffer_span(&token));
    buffer_done(&claims);
    buffer_done(&token);
    return secret;
}

static void check_all(struct whole *whole, const struct secret *tokens, int count)
{
    for (int i = 0; i < count;) {
        for (; i < count && whole->waiting < AT_ONCE; i++) {
            struct verdict verdict;
            struct token_question question = {.token = &tokens[i], .protocol = PROVIDER_IMAP};
            if (token_check_lookup(whole->checks, &question, &verdict)) {
                whole->accepted += verdict.answer == VERDICT_ACCEPTED ? 1 : 0;
            } else {
                whole->waiting++;
                token_check_start(whole->checks, &question, on_verdict, whole);
            }
        }
        while (whole->waiting > 0) {
            loop_turn(whole->loop, 100);
        }
    }
}

struct whole_figures whole_measure(struct whole *whole, const struct mint *mint, int count)
{
    struct secret *tokens = memory_new((size_t)count, sizeof *tokens);
    for (int i = 0; i < count; i++) {
        tokens[i] = token_of(whole, mint);
    }
    whole->accepted = 0;
    double start = now_us(CLOCK_MONOTONIC), cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
    check_all(whole, tokens, count);
    double middle = now_us(CLOCK_PROCESS_CPUTIME_ID), wall = now_us(CLOCK_MONOTONIC) - start;
    check_all(whole, tokens, count);
    double end = now_us(CLOCK_PROCESS_CPUTIME_ID);
    assert(whole->accepted == 2 * count);
    for (int i = 0; i < count; i++) {
        secret_done(&tokens[i]);
    }
    memory_free(tokens);
    return (struct whole_figures){(middle - cpu) / count, (end - middle) / count,
                                  count / wall * 1e6};
}

size_t whole_cache_bytes(const struct whole *whole)
{
    return token_cache_bytes(whole->checks->cache) / token_cache_count(whole->checks->cache);
}
