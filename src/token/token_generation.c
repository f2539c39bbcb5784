/* token_generation.c - one set of providers, what runs for each of them, and who still uses it. */
#include "token/token_generation.h"

#include "base/memory.h"

#include <assert.h>
#include <string.h>

enum { NONCE_SIZE = 16 };
#define USER_AGENT "postern/" POSTERN_VERSION

/* Shared by the generations that have the same provider. */
struct line {
    unsigned users;
    char *name;
    size_t requests_max;
    struct gate *gate;
    struct fetch_client *fetches;
};

/* Shared by those that have the same issuer. */
struct source {
    unsigned users;
    struct issuer *issuer;
};

struct run {
    struct line *line;
    struct source *sources[PROVIDER_ISSUERS_MAX];
    size_t count;
};

struct token_generation {
    struct loop *loop;
    struct provider_set *set;
    struct run *runs; /* one for each provider */
    unsigned users;
    unsigned char nonce[NONCE_SIZE];
    struct loop_later later; /* frees it */
    struct token_generation **all, *next;
};

/* -- what is shared -- */

static struct line *line_of(const struct token_generation *old, const struct provider *provider)
{
    for (size_t i = 0; old != NULL && i < old->set->count; i++) {
        struct line *line = old->runs[i].line;
        if (strcmp(line->name, provider->name) == 0 &&
            line->requests_max == provider->requests_max) {
            return line;
        }
    }
    return NULL;
}

static struct line *line_take(const struct token_generation_inputs *inputs,
                              const struct token_generation *old, const struct provider *provider)
{
    struct line *line = line_of(old, provider);
    if (line != NULL) {
        gate_configure(line->gate, provider);
        line->users++;
        return line;
    }
    line = MEMORY_NEW(struct line);
    line->users = 1;
    line->name = memory_text(provider->name);
    line->requests_max = provider->requests_max;
    line->gate = gate_new(inputs->loop, inputs->log, provider);
    line->fetches = fetch_client_new(inputs->loop, provider->requests_max, USER_AGENT);
    return line;
}

static void line_leave(struct line *line)
{
    line->users--;
    if (line->users == 0) {
        fetch_client_free(line->fetches);
        gate_free(line->gate);
        memory_free(line->name);
        memory_free(line);
    }
}

static struct issuer_settings settings_of(const struct provider *provider, size_t index)
{
    return (struct issuer_settings){
        .provider = provider->name,
        .issuer = provider->issuers[index],
        .jwks = provider->jwks,
        .connect_to = provider->connect_to,
        .ca_file = provider->ca_file,
        .refresh_ms = provider->keys_refresh_ms,
        .cooldown_ms = provider->keys_cooldown_ms,
        .max_age_ms = provider->keys_max_age_ms,
        .needs_keys = provider->check != PROVIDER_CHECK_INTROSPECTION &&
                      provider->check != PROVIDER_CHECK_TOKENINFO,
    };
}

static struct source *source_of(const struct token_generation *old,
                                const struct issuer_settings *settings)
{
    for (size_t i = 0; old != NULL && i < old->set->count; i++) {
        for (size_t j = 0; j < old->runs[i].count; j++) {
            if (issuer_same(old->runs[i].sources[j]->issuer, settings)) {
                return old->runs[i].sources[j];
            }
        }
    }
    return NULL;
}

static struct source *source_take(const struct token_generation_inputs *inputs,
                                  const struct token_generation *old,
                                  const struct provider *provider, size_t index)
{
    struct issuer_settings settings = settings_of(provider, index);
    struct source *source = source_of(old, &settings);
    if (source == NULL) {
        source = MEMORY_NEW(struct source);
        source->issuer = issuer_new(inputs->loop, inputs->log, inputs->fetches, &settings,
                                    inputs->changed, inputs->context);
    }
    source->users++;
    return source;
}

static void source_leave(struct source *source)
{
    source->users--;
    if (source->users == 0) {
        issuer_free(source->issuer);
        memory_free(source);
    }
}

/* -- a generation -- */

static void generation_free(struct token_generation *generation)
{
    for (size_t i = 0; i < generation->set->count; i++) {
        struct run *run = &generation->runs[i];
        for (size_t j = 0; j < run->count; j++) {
            source_leave(run->sources[j]);
        }
        line_leave(run->line);
    }
    struct token_generation **at = generation->all;
    while (*at != generation) {
        at = &(*at)->next;
    }
    *at = generation->next;
    loop_later_cancel(&generation->later);
    memory_free(generation->runs);
    provider_set_free(generation->set);
    memory_free(generation);
}

static void on_later(void *context)
{
    generation_free(context);
}

struct token_generation *token_generation_new(const struct token_generation_inputs *inputs,
                                              struct provider_set *providers,
                                              struct token_generation *old)
{
    struct token_generation *generation = MEMORY_NEW(struct token_generation);
    generation->loop = inputs->loop;
    generation->set = providers;
    generation->users = 1;
    generation->runs = memory_new(providers->count + 1, sizeof *generation->runs);
    secret_random(generation->nonce, sizeof generation->nonce);
    loop_later_init(&generation->later, on_later, generation);
    generation->all = inputs->all;
    generation->next = *inputs->all;
    *inputs->all = generation;
    for (size_t i = 0; i < providers->count; i++) {
        const struct provider *provider = &providers->providers[i];
        struct run *run = &generation->runs[i];
        run->line = line_take(inputs, old, provider);
        run->count = token_generation_issuers(provider);
        for (size_t j = 0; j < run->count; j++) {
            run->sources[j] = source_take(inputs, old, provider, j);
        }
    }
    return generation;
}

struct token_generation *token_generation_hold(struct token_generation *generation)
{
    generation->users++;
    return generation;
}

void token_generation_release(struct token_generation *generation)
{
    if (generation == NULL) {
        return;
    }
    assert(generation->users > 0);
    generation->users--;
    if (generation->users == 0) {
        loop_later(generation->loop, &generation->later);
    }
}

void token_generation_free_all(struct token_generation **all)
{
    while (*all != NULL) {
        assert((*all)->users <= 1);
        generation_free(*all);
    }
}

/* -- looking into it -- */

static const struct run *run_of(const struct token_generation *generation,
                                const struct provider *provider)
{
    assert(provider >= generation->set->providers &&
           provider < generation->set->providers + generation->set->count);
    return &generation->runs[provider - generation->set->providers];
}

const struct provider_set *token_generation_set(const struct token_generation *generation)
{
    return generation->set;
}

struct span token_generation_nonce(const struct token_generation *generation)
{
    return span_bytes(generation->nonce, sizeof generation->nonce);
}

struct gate *token_generation_gate(const struct token_generation *generation,
                                   const struct provider *provider)
{
    return run_of(generation, provider)->line->gate;
}

struct fetch_client *token_generation_fetches(const struct token_generation *generation,
                                              const struct provider *provider)
{
    return run_of(generation, provider)->line->fetches;
}

struct issuer *token_generation_issuer(const struct token_generation *generation,
                                       const struct provider *provider, size_t index)
{
    const struct run *run = run_of(generation, provider);
    assert(index < run->count);
    return run->sources[index]->issuer;
}

size_t token_generation_issuers(const struct provider *provider)
{
    size_t count = 0;
    while (provider->issuers != NULL && provider->issuers[count] != NULL &&
           count < PROVIDER_ISSUERS_MAX) {
        count++;
    }
    return count;
}
