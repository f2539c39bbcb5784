/* token_checks.c - what all checks share: providers, cache, the queue of signatures, those under way. */
#include "token/token_checks.h"

#include "base/memory.h"

#include <assert.h>
#include <string.h>

enum { SECOND = 1000 };

/* -- its life -- */

/* Keys came or went: what was said of this provider's tokens may be said differently now. */
static void on_keys_changed(struct issuer *issuer, void *context)
{
    struct token_checks *checks = context;
    const struct provider_set *set = token_generation_set(checks->current);
    checks->keys_changes++; /* nor is what is being found out with the old ones kept */
    for (size_t i = 0; i < set->count; i++) {
        const struct provider *provider = &set->providers[i];
        for (size_t j = 0; j < token_generation_issuers(provider); j++) {
            if (token_generation_issuer(checks->current, provider, j) == issuer) {
                (void)token_cache_purge_provider(checks->cache, (uint16_t)i);
            }
        }
    }
}

static struct token_generation *generation_new(struct token_checks *checks,
                                               struct provider_set *providers)
{
    struct token_generation_inputs inputs = {
        .loop = checks->loop,
        .log = checks->log,
        .fetches = checks->fetches,
        .changed = on_keys_changed,
        .context = checks,
        .all = &checks->all,
    };
    return token_generation_new(&inputs, providers, checks->current);
}

struct token_checks *token_checks_new(struct loop *loop, const struct log *log,
                                      struct fetch_client *fetches,
                                      const struct token_settings *settings,
                                      struct provider_set *providers)
{
    struct token_checks *checks = MEMORY_NEW(struct token_checks);
    checks->loop = loop;
    checks->log = log;
    checks->fetches = fetches;
    checks->settings = *settings;
    checks->cache = token_cache_new(settings->cache_bytes);
    checks->signatures = signature_queue_new(loop, settings->threads, settings->signatures_max);
    checks->scratch = MEMORY_NEW(struct token_scratch);
    checks->current = generation_new(checks, providers);
    return checks;
}

/* The threads stay as they were begun. */
void token_checks_configure(struct token_checks *checks, const struct token_settings *settings,
                            struct provider_set *providers)
{
    struct token_generation *old = checks->current;
    checks->settings = *settings;
    token_cache_clear(checks->cache);
    token_cache_resize(checks->cache, settings->cache_bytes);
    checks->current = generation_new(checks, providers);
    token_generation_release(old);
}

void token_checks_free(struct token_checks *checks)
{
    if (checks == NULL) {
        return;
    }
    assert(checks->running == 0);
    for (size_t i = 0; i < TOKEN_CHECKS_ROWS; i++) {
        while (checks->rows[i] != NULL) {
            token_check_abandon(checks->rows[i]);
        }
    }
    signature_queue_free(checks->signatures);
    token_generation_free_all(&checks->all);
    token_cache_free(checks->cache);
    memory_free(checks->scratch);
    memory_free(checks);
}

/* -- who is asked -- */

const struct provider *token_checks_provider(const struct token_checks *checks,
                                             const struct address *user)
{
    struct span domain = user == NULL ? (struct span){0} : address_domain(user);
    return provider_set_find(token_generation_set(checks->current), domain, NULL);
}

bool token_checks_choose(struct token_checks *checks, const struct token_question *question,
                         struct token_checks_choice *choice)
{
    const struct provider_set *set = token_generation_set(checks->current);
    bool several = false;
    struct span domain = question->user == NULL ? (struct span){0} : address_domain(question->user);
    choice->provider = provider_set_find(set, domain, &several);
    if (choice->provider == NULL && !several) {
        return false;
    }
    uint16_t number =
        choice->provider == NULL ? UINT16_MAX : (uint16_t)(choice->provider - set->providers);
    const struct span parts[] = {token_generation_nonce(checks->current),
                                 span_bytes(&number, sizeof number),
                                 secret_reveal(question->token)};
    choice->key = digest_parts(parts, sizeof parts / sizeof *parts);
    return true;
}

struct token_generation *token_checks_hold(struct token_checks *checks)
{
    return token_generation_hold(checks->current);
}

void token_checks_release(struct token_generation *generation)
{
    token_generation_release(generation);
}

const struct provider_set *token_checks_providers(const struct token_generation *generation)
{
    return token_generation_set(generation);
}

struct issuer *token_checks_issuer(const struct token_generation *generation,
                                   const struct provider *provider, size_t index)
{
    return token_generation_issuer(generation, provider, index);
}

/* -- those under way -- */

static struct token_checks_link **row_of(struct token_checks *checks, const struct digest *key)
{
    size_t row = ((size_t)key->bytes[0] << 8 | key->bytes[1]) % TOKEN_CHECKS_ROWS;
    return &checks->rows[row];
}

void token_checks_list(struct token_checks *checks, struct token_checks_link *link,
                       const struct digest *key, bool joinable)
{
    struct token_checks_link **row = row_of(checks, key);
    *link =
        (struct token_checks_link){.key = *key, .next = *row, .listed = true, .joinable = joinable};
    if (*row != NULL) {
        (*row)->previous = link;
    }
    *row = link;
    checks->flights++;
}

void token_checks_unlist(struct token_checks *checks, struct token_checks_link *link)
{
    if (!link->listed) {
        return;
    }
    if (link->previous != NULL) {
        link->previous->next = link->next;
    } else {
        *row_of(checks, &link->key) = link->next;
    }
    if (link->next != NULL) {
        link->next->previous = link->previous;
    }
    link->listed = false;
    checks->flights--;
}

struct token_checks_link *token_checks_under_way(struct token_checks *checks,
                                                 const struct digest *key)
{
    struct token_checks_link *link = *row_of(checks, key);
    while (link != NULL && !(link->joinable && digest_equal(&link->key, key))) {
        link = link->next;
    }
    return link;
}

static void forget_those_under_way(struct token_checks *checks)
{
    for (size_t i = 0; i < TOKEN_CHECKS_ROWS; i++) {
        for (struct token_checks_link *link = checks->rows[i]; link != NULL; link = link->next) {
            link->forgotten = true;
        }
    }
}

/* -- the cache -- */

static void fill(const struct token_checks *checks, const struct token_cache_entry *entry,
                 struct verdict *verdict)
{
    const struct provider_set *set = token_generation_set(checks->current);
    memset(verdict, 0, offsetof(struct verdict, detail) + 1);
    verdict->answer = entry->answer;
    verdict->reason = entry->reason;
    verdict->provider = entry->provider < set->count ? &set->providers[entry->provider] : NULL;
    verdict->status = entry->status;
    if (entry->answer == VERDICT_ACCEPTED) {
        verdict->protocols = entry->protocols;
        verdict->verified = entry->verified;
        verdict->expires = entry->expires;
        bool good =
            span_fits(entry->address, verdict->address.text, sizeof verdict->address.text) &&
            span_fits(entry->subject, verdict->subject, sizeof verdict->subject) &&
            span_fits(entry->session, verdict->session, sizeof verdict->session);
        assert(good);
        verdict->address.local_length = span_find_last(entry->address, '@');
    }
}

bool token_checks_recall(struct token_checks *checks, const struct digest *key,
                         struct verdict *verdict)
{
    struct token_cache_entry entry;
    int64_t now = loop_wall(checks->loop);
    if (!token_cache_lookup(checks->cache, key, now, &entry) || entry.fresh <= now) {
        checks->stats.misses++;
        return false;
    }
    fill(checks, &entry, verdict);
    checks->stats.hits += verdict->answer == VERDICT_ACCEPTED ? 1 : 0;
    checks->stats.refused_hits += verdict->answer == VERDICT_ACCEPTED ? 0 : 1;
    return true;
}

/* Of milliseconds: a setting above 0 means at least a second. */
static int64_t seconds(int64_t ms)
{
    return (ms + SECOND - 1) / SECOND;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long an accepted one holds: never longer than the token itself. */
static void set_times(const struct provider *provider, int64_t now, bool proved,
                      struct token_cache_entry *entry)
{
    int64_t fresh = now + seconds(provider->cache_ms);
    if (proved && provider->recheck_ms > 0) {
        fresh = earlier(fresh, now + seconds(provider->recheck_ms));
    }
    int64_t until =
        provider->outage == PROVIDER_OUTAGE_CACHED ? now + seconds(provider->outage_ms) : fresh;
    entry->fresh = entry->expires == 0 ? fresh : earlier(fresh, entry->expires);
    entry->until = entry->expires == 0 ? until : earlier(until, entry->expires);
    entry->until = entry->until < entry->fresh ? entry->fresh : entry->until;
}

void token_checks_remember(struct token_checks *checks, const struct digest *key,
                           const struct verdict *verdict, bool proved)
{
    const struct provider_set *set = token_generation_set(checks->current);
    int64_t now = loop_wall(checks->loop);
    if (verdict->provider == NULL) {
        return; /* nobody was asked: cheap to find out again */
    }
    struct token_cache_entry entry = {
        .answer = verdict->answer,
        .reason = verdict->reason,
        .provider = (uint16_t)(verdict->provider - set->providers),
        .protocols = (uint8_t)verdict->protocols,
        .verified = verdict->verified,
        .status = (uint16_t)verdict->status,
        .expires = verdict->expires,
        .fresh = now + seconds(verdict->provider->refused_ms),
    };
    entry.until = entry.fresh;
    if (verdict->answer == VERDICT_ACCEPTED) {
        entry.address = address_span(&verdict->address);
        entry.subject = span_of(verdict->subject);
        entry.session = span_of(verdict->session);
        set_times(verdict->provider, now, proved, &entry);
    }
    if (entry.until > now) {
        token_cache_put(checks->cache, key, &entry);
    }
}

bool token_checks_stand_in(struct token_checks *checks, const struct digest *key,
                           struct verdict *verdict)
{
    struct token_cache_entry entry;
    if (!token_cache_lookup(checks->cache, key, loop_wall(checks->loop), &entry) ||
        entry.answer != VERDICT_ACCEPTED) {
        return false;
    }
    fill(checks, &entry, verdict);
    checks->stats.stood_in++;
    return true;
}

/* -- what it means for one login -- */

void token_checks_fit(struct verdict *verdict, const struct address *user,
                      enum provider_protocol protocol, bool looks)
{
    const unsigned all = (1U << PROVIDER_PROTOCOLS) - 1;
    bool known = protocol != PROVIDER_PROTOCOLS;
    unsigned asked = known ? 1U << protocol : looks ? 0 : all;
    if (verdict->answer != VERDICT_ACCEPTED) {
        return;
    }
    if (user != NULL && !provider_speaks_for(verdict->provider, address_domain(user))) {
        (void)verdict_refuse(verdict, VERDICT_OTHER_DOMAIN, "not of the name's domain");
    } else if ((verdict->protocols & asked) != asked) {
        (void)verdict_refuse(verdict, VERDICT_SCOPE,
                             known ? provider_protocol_name(protocol)
                                   : "the protocol is not known, and some ask for a scope");
    }
}

/* -- forgetting -- */

/* UINT16_MAX: no such provider, and no entry has that number. */
static uint16_t number_of(const struct token_checks *checks, struct span name)
{
    const struct provider_set *set = token_generation_set(checks->current);
    for (size_t i = 0; i < set->count; i++) {
        if (span_is(name, set->providers[i].name)) {
            return (uint16_t)i;
        }
    }
    return UINT16_MAX;
}

/* Whichever provider it was put under. */
size_t token_checks_purge_token(struct token_checks *checks, const struct secret *token)
{
    size_t gone = 0;
    forget_those_under_way(checks);
    for (size_t i = 0; i <= token_generation_set(checks->current)->count; i++) {
        bool last = i == token_generation_set(checks->current)->count;
        uint16_t number = last ? UINT16_MAX : (uint16_t)i;
        const struct span parts[] = {token_generation_nonce(checks->current),
                                     span_bytes(&number, sizeof number), secret_reveal(token)};
        struct digest key = digest_parts(parts, sizeof parts / sizeof *parts);
        gone += token_cache_purge_token(checks->cache, &key) ? 1 : 0;
    }
    return gone;
}

size_t token_checks_purge_address(struct token_checks *checks, const struct address *address)
{
    forget_those_under_way(checks);
    return token_cache_purge_address(checks->cache, address_span(address));
}

size_t token_checks_purge_subject(struct token_checks *checks, struct span provider,
                                  struct span subject)
{
    forget_those_under_way(checks);
    return token_cache_purge_subject(checks->cache, number_of(checks, provider), subject);
}

size_t token_checks_purge_session(struct token_checks *checks, struct span provider,
                                  struct span session)
{
    forget_those_under_way(checks);
    return token_cache_purge_session(checks->cache, number_of(checks, provider), session);
}

const struct token_stats *token_checks_stats(const struct token_checks *checks)
{
    return &checks->stats;
}
