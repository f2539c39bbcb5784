/* token_cache.c - good and bad verdicts about tokens, remembered for a while; bounded in bytes. */
#include "token/token_cache.h"

#include "base/memory.h"
#include "base/secret.h"

#include <assert.h>
#include <string.h>

enum {
    SLOTS_MIN = 16,
    AHEAD = 16, /* so many slots ahead memory is asked for what a purge will look at */
};

struct entry {
    struct digest key;
    int64_t fresh, until, expires;
    uint16_t provider, status;
    uint16_t address_length;
    uint8_t subject_length, session_length;
    uint8_t protocols;
    unsigned answer : 2, verified : 2;
    bool used; /* since the hand came by */
    uint8_t reason;
    char texts[]; /* address, subject, session */
};

/* Two arrays, so that a look-up walks 16 tags to a cache line and sees an entry only when it is nearly certain
 * to be the one. */
struct token_cache {
    uint32_t *tags; /* 0: the slot is free */
    struct entry **entries;
    size_t slots; /* a power of two, or 0 */
    size_t count;
    size_t blocks; /* bytes of all entries */
    size_t bytes_max;
    size_t hand; /* of the clock that looks for the next to go */
    uint64_t evicted;
    uint64_t chance[2];
};

/* -- sizes -- */

/* What malloc() takes for a block: 8 bytes of its own, in steps of 16. */
static size_t block_bytes(size_t size)
{
    return (size + 8 + 15) / 16 * 16;
}

static size_t slot_bytes(size_t slots)
{
    return slots * (sizeof(uint32_t) + sizeof(struct entry *));
}

static size_t texts_length(const struct entry *entry)
{
    return (size_t)entry->address_length + entry->subject_length + entry->session_length;
}

static size_t entry_bytes(const struct entry *entry)
{
    return block_bytes(offsetof(struct entry, texts) + texts_length(entry));
}

/* At most three quarters full. */
static size_t slots_for(size_t slots, size_t count)
{
    size_t enough = slots == 0 ? SLOTS_MIN : slots;
    while (count * 4 > enough * 3) {
        enough *= 2;
    }
    return enough;
}

size_t token_cache_count(const struct token_cache *cache)
{
    return cache->count;
}

size_t token_cache_bytes(const struct token_cache *cache)
{
    return cache->blocks + slot_bytes(cache->slots);
}

uint64_t token_cache_evicted(const struct token_cache *cache)
{
    return cache->evicted;
}

/* -- slots: linear probing, closed up on removal (Knuth 6.4, algorithm R) -- */

/* Whoever makes tokens can make digests whose first bits agree; which of them meet here is up to chance. */
static uint32_t tag_of(const struct token_cache *cache, const struct digest *key)
{
    uint64_t words[2];
    memcpy(words, key->bytes, sizeof words);
    uint32_t tag = (uint32_t)((words[0] * cache->chance[0] + words[1] * cache->chance[1]) >> 32);
    return tag == 0 ? 1 : tag;
}

static size_t home(const struct token_cache *cache, uint32_t tag)
{
    return tag & (cache->slots - 1);
}

static size_t after(const struct token_cache *cache, size_t slot)
{
    return (slot + 1) & (cache->slots - 1);
}

/* The slot of the key, or the free one where it would go. */
static size_t find(const struct token_cache *cache, const struct digest *key, uint32_t tag)
{
    size_t slot = home(cache, tag);
    while (cache->tags[slot] != 0 &&
           !(cache->tags[slot] == tag &&
             memcmp(cache->entries[slot]->key.bytes, key->bytes, DIGEST_SIZE) == 0)) {
        slot = after(cache, slot);
    }
    return slot;
}

static void resize_slots(struct token_cache *cache, size_t slots)
{
    uint32_t *tags = cache->tags;
    struct entry **entries = cache->entries;
    size_t before = cache->slots;
    cache->slots = slots;
    cache->hand = 0;
    cache->tags = memory_new(slots, sizeof *cache->tags);
    cache->entries = memory_new(slots, sizeof(struct entry *));
    for (size_t i = 0; i < before; i++) {
        if (tags[i] == 0) {
            continue;
        }
        size_t slot = home(cache, tags[i]);
        while (cache->tags[slot] != 0) {
            slot = after(cache, slot);
        }
        cache->tags[slot] = tags[i];
        cache->entries[slot] = entries[i];
    }
    memory_free(tags);
    memory_free(entries);
}

/* Gives room back when less than three sixteenths are in use: half of it then is not full at once. */
static void shrink(struct token_cache *cache)
{
    size_t slots = cache->slots;
    while (slots > SLOTS_MIN && cache->count * 16 < slots * 3) {
        slots /= 2;
    }
    if (slots < cache->slots) {
        resize_slots(cache, slots);
    }
}

/* Afterwards the slot is free, or holds one that stood behind it. */
static void take_out(struct token_cache *cache, size_t slot)
{
    struct entry *entry = cache->entries[slot];
    cache->count--;
    cache->blocks -= entry_bytes(entry);
    memory_free(entry);
    size_t hole = slot, next = after(cache, slot);
    while (cache->tags[next] != 0) {
        size_t from_home = (next - home(cache, cache->tags[next])) & (cache->slots - 1);
        if (from_home >= ((next - hole) & (cache->slots - 1))) {
            cache->tags[hole] = cache->tags[next];
            cache->entries[hole] = cache->entries[next];
            hole = next;
        }
        next = after(cache, next);
    }
    cache->tags[hole] = 0;
    cache->entries[hole] = NULL;
}

/* One goes: the first that was not used since the hand came by. A first-seen token has not been: a flood
 * of tokens that come once pushes out its own kind. */
static void evict(struct token_cache *cache)
{
    for (;;) {
        size_t slot = cache->hand & (cache->slots - 1);
        struct entry *entry = cache->entries[slot];
        if (entry != NULL && !entry->used) {
            take_out(cache, slot);
            cache->evicted++;
            return;
        }
        if (entry != NULL) {
            entry->used = false;
        }
        cache->hand = after(cache, slot);
    }
}

/* Until `more` bytes in `entries` more entries fit. */
static void make_room(struct token_cache *cache, size_t more, size_t entries)
{
    while (cache->count > 0 &&
           cache->blocks + more + slot_bytes(slots_for(cache->slots, cache->count + entries)) >
               cache->bytes_max) {
        evict(cache);
        shrink(cache);
    }
}

/* -- entries -- */

static char *put_text(char *at, struct span text)
{
    if (text.length > 0) {
        memcpy(at, text.at, text.length);
    }
    return at + text.length;
}

static struct entry *entry_new(const struct digest *key, const struct token_cache_entry *from)
{
    assert(from->answer == VERDICT_ACCEPTED || from->answer == VERDICT_REFUSED);
    assert(from->address.length <= UINT16_MAX && from->subject.length <= UINT8_MAX &&
           from->session.length <= UINT8_MAX);
    size_t length = from->address.length + from->subject.length + from->session.length;
    struct entry *entry = memory_new(1, offsetof(struct entry, texts) + length);
    entry->key = *key;
    entry->fresh = from->fresh;
    entry->until = from->until;
    entry->expires = from->expires;
    entry->provider = from->provider;
    entry->status = from->status;
    entry->address_length = (uint16_t)from->address.length;
    entry->subject_length = (uint8_t)from->subject.length;
    entry->session_length = (uint8_t)from->session.length;
    entry->protocols = from->protocols;
    entry->answer = from->answer & 3u;
    entry->verified = from->verified & 3u;
    entry->reason = (uint8_t)from->reason;
    put_text(put_text(put_text(entry->texts, from->address), from->subject), from->session);
    return entry;
}

static void hand_out(const struct entry *entry, struct token_cache_entry *to)
{
    struct span texts = span_bytes(entry->texts, texts_length(entry));
    struct span behind = span_from(texts, entry->address_length);
    *to = (struct token_cache_entry){
        .answer = (enum verdict_answer)entry->answer,
        .reason = (enum verdict_reason)entry->reason,
        .provider = entry->provider,
        .protocols = entry->protocols,
        .verified = (enum verdict_verified)entry->verified,
        .status = entry->status,
        .fresh = entry->fresh,
        .until = entry->until,
        .expires = entry->expires,
        .address = span_first(texts, entry->address_length),
        .subject = span_first(behind, entry->subject_length),
        .session = span_from(behind, entry->subject_length),
    };
}

/* -- the cache -- */

struct token_cache *token_cache_new(size_t bytes_max)
{
    struct token_cache *cache = MEMORY_NEW(struct token_cache);
    cache->bytes_max = bytes_max;
    secret_random(cache->chance, sizeof cache->chance);
    cache->chance[0] |= 1;
    cache->chance[1] |= 1;
    return cache;
}

void token_cache_clear(struct token_cache *cache)
{
    for (size_t i = 0; i < cache->slots; i++) {
        memory_free(cache->entries[i]);
    }
    memory_free(cache->tags);
    memory_free(cache->entries);
    cache->tags = NULL;
    cache->entries = NULL;
    cache->slots = cache->count = cache->blocks = cache->hand = 0;
}

void token_cache_free(struct token_cache *cache)
{
    if (cache != NULL) {
        token_cache_clear(cache);
        memory_free(cache);
    }
}

void token_cache_resize(struct token_cache *cache, size_t bytes_max)
{
    cache->bytes_max = bytes_max;
    make_room(cache, 0, 0);
    if (cache->count == 0) {
        token_cache_clear(cache);
    }
}

bool token_cache_lookup(struct token_cache *cache, const struct digest *key, int64_t now,
                        struct token_cache_entry *entry)
{
    size_t slot = cache->count == 0 ? 0 : find(cache, key, tag_of(cache, key));
    if (cache->count == 0 || cache->tags[slot] == 0) {
        return false;
    }
    if (now >= cache->entries[slot]->until) {
        take_out(cache, slot);
        shrink(cache);
        return false;
    }
    cache->entries[slot]->used = true;
    hand_out(cache->entries[slot], entry);
    return true;
}

void token_cache_put(struct token_cache *cache, const struct digest *key,
                     const struct token_cache_entry *entry)
{
    /* First: its texts may be views of what makes room. */
    struct entry *made = entry_new(key, entry);
    size_t bytes = entry_bytes(made);
    token_cache_purge_token(cache, key);
    if (bytes + slot_bytes(SLOTS_MIN) > cache->bytes_max) {
        memory_free(made);
        return;
    }
    make_room(cache, bytes, 1);
    size_t slots = slots_for(cache->slots, cache->count + 1);
    if (slots != cache->slots) {
        resize_slots(cache, slots);
    }
    uint32_t tag = tag_of(cache, key);
    size_t slot = find(cache, key, tag);
    cache->tags[slot] = tag;
    cache->entries[slot] = made;
    cache->count++;
    cache->blocks += bytes;
}

/* -- forgetting -- */

bool token_cache_purge_token(struct token_cache *cache, const struct digest *key)
{
    size_t slot = cache->count == 0 ? 0 : find(cache, key, tag_of(cache, key));
    if (cache->count == 0 || cache->tags[slot] == 0) {
        return false;
    }
    take_out(cache, slot);
    shrink(cache);
    return true;
}

struct choice {
    bool any_provider, refused_only;
    uint16_t provider;
    struct span address, subject, session; /* those that are set must match */
};

static bool chosen(const struct entry *entry, const struct choice *choice)
{
    /* What stands in front, with the lengths, decides about most: their texts are never fetched. */
    if ((entry->provider != choice->provider && !choice->any_provider) ||
        (choice->refused_only && entry->answer != VERDICT_REFUSED) ||
        (choice->address.at != NULL && choice->address.length != entry->address_length) ||
        (choice->subject.at != NULL && choice->subject.length != entry->subject_length) ||
        (choice->session.at != NULL && choice->session.length != entry->session_length)) {
        return false;
    }
    struct token_cache_entry view;
    hand_out(entry, &view);
    return (choice->address.at == NULL || span_equal(choice->address, view.address)) &&
           (choice->subject.at == NULL || span_equal(choice->subject, view.subject)) &&
           (choice->session.at == NULL || span_equal(choice->session, view.session));
}

static size_t purge(struct token_cache *cache, const struct choice *choice)
{
    size_t before = cache->count;
    for (size_t slot = 0; slot < cache->slots;) {
        const struct entry *soon = cache->entries[(slot + AHEAD) & (cache->slots - 1)];
        __builtin_prefetch(soon);
        __builtin_prefetch(soon == NULL ? NULL : soon->texts);
        if (cache->entries[slot] != NULL && chosen(cache->entries[slot], choice)) {
            take_out(cache, slot); /* another may have come here: look again */
        } else {
            slot++;
        }
    }
    shrink(cache);
    return before - cache->count;
}

size_t token_cache_purge_provider(struct token_cache *cache, uint16_t provider)
{
    return purge(cache, &(struct choice){.provider = provider});
}

size_t token_cache_purge_refused(struct token_cache *cache, uint16_t provider)
{
    return purge(cache, &(struct choice){.provider = provider, .refused_only = true});
}

size_t token_cache_purge_subject(struct token_cache *cache, uint16_t provider, struct span subject)
{
    return span_empty(subject)
               ? 0
               : purge(cache, &(struct choice){.provider = provider, .subject = subject});
}

size_t token_cache_purge_session(struct token_cache *cache, uint16_t provider, struct span session)
{
    return span_empty(session)
               ? 0
               : purge(cache, &(struct choice){.provider = provider, .session = session});
}

size_t token_cache_purge_address(struct token_cache *cache, struct span address)
{
    return span_empty(address)
               ? 0
               : purge(cache, &(struct choice){.any_provider = true, .address = address});
}
