/* account_cache.c - accounts by address, remembered so that a repeated login touches no database. */
#include "account/account_cache.h"

#include "base/memory.h"
#include "base/secret.h"

#include <assert.h>
#include <string.h>

enum { BYTES_A_BUCKET = 512, BUCKETS_MIN = 16 }; /* an entry is about as long */

/* The texts behind an entry, in this order. */
enum text {
    TEXT_ADDRESS,
    TEXT_PRIMARY,
    TEXT_NAME,
    TEXT_HOME,
    TEXT_PASSWORD,
    TEXT_PROVIDER,
    TEXT_SUBJECT,
    TEXT_FORWARD_TO,
    TEXTS
};

/* One address, in one piece of memory. */
struct entry {
    struct entry *next_address, *next_id; /* of the same bucket */
    struct entry *older, *newer;          /* by use */
    size_t size;
    int64_t since, quota_bytes, created, changed, last_login, version, retention_days;
    enum store_now answer;
    enum address_kind address_kind;
    enum account_state state;
    enum account_kind kind;
    enum account_on_disable on_disable;
    unsigned services;
    bool keep_copy, no_mailbox;
    unsigned short address_local, primary_local;
    uint32_t lengths[TEXTS]; /* each came from the store: less than STORE_VALUE_MAX */
    char id[UUID_SIZE];
    char texts[];
};

struct account_cache {
    size_t bytes_max, bytes, count;
    size_t buckets; /* of each table; a power of two */
    struct entry **addresses, **ids;
    struct entry *oldest, *newest;
    uint64_t seeds[2];
    uint64_t hits, misses;
};

/* Keyed: addresses come from outside, and could else be chosen to meet in one bucket. */
static size_t bucket_of(const struct account_cache *cache, struct span text)
{
    uint64_t hash = cache->seeds[0];
    for (size_t i = 0; i < text.length; i++) {
        hash = (hash ^ (uint64_t)span_at(text, i)) * (cache->seeds[1] | 1);
        hash ^= hash >> 29;
    }
    return hash & (cache->buckets - 1);
}

static struct span text_of(const struct entry *entry, enum text which)
{
    struct span rest = span_bytes(entry->texts, entry->size - sizeof *entry);
    for (enum text i = 0; i < which; i++) {
        rest = span_from(rest, entry->lengths[i]);
    }
    return span_first(rest, entry->lengths[which]);
}

/* -- tables and list -- */

static struct entry **address_bucket(struct account_cache *cache, struct span address)
{
    return &cache->addresses[bucket_of(cache, address)];
}

/* The link that leads to the entry of `address`, or the end of its chain. */
static struct entry **find_link(struct account_cache *cache, struct span address)
{
    struct entry **link = address_bucket(cache, address);
    while (*link != NULL && !span_equal(text_of(*link, TEXT_ADDRESS), address)) {
        link = &(*link)->next_address;
    }
    return link;
}

static void list_remove(struct account_cache *cache, struct entry *entry)
{
    *(entry->older == NULL ? &cache->oldest : &entry->older->newer) = entry->newer;
    *(entry->newer == NULL ? &cache->newest : &entry->newer->older) = entry->older;
}

static void list_append(struct account_cache *cache, struct entry *entry)
{
    entry->older = cache->newest;
    entry->newer = NULL;
    *(cache->newest == NULL ? &cache->oldest : &cache->newest->newer) = entry;
    cache->newest = entry;
}

static void unlink_id(struct account_cache *cache, const struct entry *entry)
{
    struct entry **link = &cache->ids[bucket_of(cache, span_of(entry->id))];
    while (*link != entry) {
        link = &(*link)->next_id;
    }
    *link = entry->next_id;
}

/* There may be a password's hash in it: wiped. */
static void drop(struct account_cache *cache, struct entry *entry)
{
    *find_link(cache, text_of(entry, TEXT_ADDRESS)) = entry->next_address;
    if (entry->answer == STORE_ROW) {
        unlink_id(cache, entry);
    }
    list_remove(cache, entry);
    cache->bytes -= entry->size;
    cache->count--;
    secret_wipe(entry, entry->size);
    memory_free(entry);
}

/* -- entries -- */

static struct entry *new_entry(struct span address, enum store_now answer,
                               const struct span texts[TEXTS])
{
    size_t length = address.length;
    for (size_t i = 1; answer == STORE_ROW && i < TEXTS; i++) {
        length += texts[i].length;
    }
    struct entry *entry = memory_new(1, sizeof *entry + length);
    entry->size = sizeof *entry + length;
    entry->answer = answer;
    char *at = entry->texts;
    for (size_t i = 0; i < (answer == STORE_ROW ? TEXTS : 1); i++) {
        assert(texts[i].length <= STORE_VALUE_MAX);
        entry->lengths[i] = (uint32_t)texts[i].length;
        if (texts[i].length > 0) {
            memcpy(at, texts[i].at, texts[i].length);
            at += texts[i].length;
        }
    }
    return entry;
}

static void fill(struct entry *entry, const struct account_rows_found *found)
{
    const struct account *account = &found->account;
    entry->address_kind = found->kind;
    entry->since = found->since;
    entry->state = account->state;
    entry->quota_bytes = account->quota_bytes;
    entry->created = account->created;
    entry->changed = account->changed;
    entry->last_login = account->last_login;
    entry->version = account->version;
    entry->retention_days = account->retention_days;
    entry->kind = account->kind;
    entry->on_disable = account->on_disable;
    entry->services = account->services;
    entry->keep_copy = account->keep_copy;
    entry->no_mailbox = account->no_mailbox;
    entry->address_local = (unsigned short)found->address.local_length;
    entry->primary_local = (unsigned short)account->primary.local_length;
    memcpy(entry->id, account->id, sizeof entry->id);
}

static void read_address(struct span text, size_t local, struct address *address)
{
    *address = (struct address){.local_length = local};
    bool fits = span_fits(text, address->text, sizeof address->text);
    assert(fits);
    (void)fits;
}

static void read_entry(const struct entry *entry, struct arena *arena,
                       struct account_rows_found *found)
{
    struct account *account = &found->account;
    *found = (struct account_rows_found){
        .kind = entry->address_kind,
        .since = entry->since,
        .account = {.state = entry->state,
                    .name = span_copy(arena, text_of(entry, TEXT_NAME)),
                    .home = span_copy(arena, text_of(entry, TEXT_HOME)),
                    .quota_bytes = entry->quota_bytes,
                    .password = span_copy(arena, text_of(entry, TEXT_PASSWORD)),
                    .provider = span_copy(arena, text_of(entry, TEXT_PROVIDER)),
                    .subject = span_copy(arena, text_of(entry, TEXT_SUBJECT)),
                    .created = entry->created,
                    .changed = entry->changed,
                    .last_login = entry->last_login,
                    .version = entry->version,
                    .kind = entry->kind,
                    .on_disable = entry->on_disable,
                    .forward_to = span_copy(arena, text_of(entry, TEXT_FORWARD_TO)),
                    .keep_copy = entry->keep_copy,
                    .no_mailbox = entry->no_mailbox,
                    .services = entry->services,
                    .retention_days = entry->retention_days}};
    memcpy(account->id, entry->id, sizeof account->id);
    read_address(text_of(entry, TEXT_ADDRESS), entry->address_local, &found->address);
    read_address(text_of(entry, TEXT_PRIMARY), entry->primary_local, &account->primary);
}

/* -- the door -- */

bool account_cache_lookup(struct account_cache *cache, struct span address, struct arena *arena,
                          enum store_now *answer, struct account_rows_found *found)
{
    struct entry *entry = *find_link(cache, address);
    if (entry == NULL) {
        cache->misses++;
        return false;
    }
    cache->hits++;
    list_remove(cache, entry);
    list_append(cache, entry);
    *answer = entry->answer;
    if (entry->answer == STORE_ROW) {
        read_entry(entry, arena, found);
    }
    return true;
}

bool account_cache_lookup_id(struct account_cache *cache, struct span id, struct arena *arena,
                             struct account *account)
{
    struct account_rows_found found;
    struct entry *entry = cache->ids[bucket_of(cache, id)];
    while (entry != NULL && !span_is(id, entry->id)) {
        entry = entry->next_id;
    }
    if (entry == NULL) {
        cache->misses++;
        return false;
    }
    cache->hits++;
    read_entry(entry, arena, &found);
    *account = found.account;
    return true;
}

static void add(struct account_cache *cache, struct entry *entry)
{
    struct entry **bucket = address_bucket(cache, text_of(entry, TEXT_ADDRESS));
    entry->next_address = *bucket;
    *bucket = entry;
    if (entry->answer == STORE_ROW) {
        bucket = &cache->ids[bucket_of(cache, span_of(entry->id))];
        entry->next_id = *bucket;
        *bucket = entry;
    }
    list_append(cache, entry);
    cache->bytes += entry->size;
    cache->count++;
    while (cache->bytes > cache->bytes_max) {
        drop(cache, cache->oldest); /* the new one itself, when it alone is too much */
    }
}

void account_cache_put(struct account_cache *cache, struct span address, enum store_now answer,
                       const struct account_rows_found *found)
{
    assert(answer == STORE_NONE || answer == STORE_ROW);
    struct span texts[TEXTS] = {[TEXT_ADDRESS] = address};
    if (answer == STORE_ROW) {
        assert(span_equal(address, address_span(&found->address)));
        texts[TEXT_PRIMARY] = address_span(&found->account.primary);
        texts[TEXT_NAME] = found->account.name;
        texts[TEXT_HOME] = found->account.home;
        texts[TEXT_PASSWORD] = found->account.password;
        texts[TEXT_PROVIDER] = found->account.provider;
        texts[TEXT_SUBJECT] = found->account.subject;
        texts[TEXT_FORWARD_TO] = found->account.forward_to;
    }
    account_cache_forget_address(cache, address);
    struct entry *entry = new_entry(address, answer, texts);
    if (answer == STORE_ROW) {
        fill(entry, found);
    }
    add(cache, entry);
}

void account_cache_forget_account(struct account_cache *cache, struct span id)
{
    struct entry *entry = cache->ids[bucket_of(cache, id)];
    while (entry != NULL) {
        struct entry *next = entry->next_id;
        if (span_is(id, entry->id)) {
            drop(cache, entry);
        }
        entry = next;
    }
}

void account_cache_forget_address(struct account_cache *cache, struct span address)
{
    struct entry *entry = *find_link(cache, address);
    if (entry != NULL) {
        drop(cache, entry);
    }
}

void account_cache_clear(struct account_cache *cache)
{
    while (cache->oldest != NULL) {
        drop(cache, cache->oldest);
    }
}

/* -- life -- */

struct account_cache *account_cache_new(size_t bytes_max)
{
    struct account_cache *cache = MEMORY_NEW(struct account_cache);
    cache->bytes_max = bytes_max;
    cache->buckets = BUCKETS_MIN;
    while (cache->buckets < bytes_max / BYTES_A_BUCKET) {
        cache->buckets *= 2;
    }
    cache->addresses = memory_new(cache->buckets, sizeof(struct entry *));
    cache->ids = memory_new(cache->buckets, sizeof(struct entry *));
    secret_random(cache->seeds, sizeof cache->seeds);
    return cache;
}

void account_cache_free(struct account_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    account_cache_clear(cache);
    memory_free(cache->addresses);
    memory_free(cache->ids);
    memory_free(cache);
}

size_t account_cache_count(const struct account_cache *cache)
{
    return cache->count;
}

size_t account_cache_bytes(const struct account_cache *cache)
{
    return cache->bytes;
}

uint64_t account_cache_hits(const struct account_cache *cache)
{
    return cache->hits;
}

uint64_t account_cache_misses(const struct account_cache *cache)
{
    return cache->misses;
}
