/* throttle.c - slows down guessing, without punishing a phone that repeats one stale token.
 *
 * One entry for each client address that was refused something, in a hash table, and in a list by the
 * time of its last refusal: whoever was refused longest ago goes first. */
#include "auth/throttle.h"

#include "base/digest.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

enum { TRUSTED_MAX = 1000, ADDRESS_TEXT_MAX = 64, FIRST_DELAY_MS = 500 };

/* Whom an entry is about: an IPv6 address or prefix (IPv4 in its mapped form), and a user where
 * addresses alone say too little. */
struct key {
    uint64_t address[2];
    uint64_t user; /* 0: every user of the address */
};

struct failure {
    uint64_t credential, user;
    struct moment last;
};

struct entry {
    struct key key;
    struct entry *chain; /* of one bucket */
    struct entry *older, *newer;
    struct failure *failures; /* distinct ones, in no order */
    size_t count, room;
};

struct range {
    unsigned char address[16];
    unsigned bits;
};

struct throttle {
    struct throttle_settings settings;
    struct range *trusted;
    size_t trusted_count;
    struct entry **buckets;
    size_t buckets_count; /* a power of two */
    size_t entries;
    struct entry *oldest, *newest;
    unsigned char secret[32]; /* keys digests and the table */
};

/* -- addresses -- */

static bool parse_address(struct span text, unsigned char address[16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    char copy[ADDRESS_TEXT_MAX];
    if (!span_fits(text, copy, sizeof copy)) {
        return false;
    }
    if (inet_pton(AF_INET, copy, address + 12) == 1) {
        memcpy(address, mapped, sizeof mapped);
        return true;
    }
    return inet_pton(AF_INET6, copy, address) == 1;
}

static bool is_ipv4(const unsigned char address[16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(address, mapped, sizeof mapped) == 0;
}

static bool parse_range(struct span text, struct range *range)
{
    size_t slash = span_find(text, '/');
    if (!parse_address(span_first(text, slash), range->address)) {
        return false;
    }
    unsigned all = span_has(text, ':') ? 128 : 32;
    uint64_t bits = all;
    if (slash < text.length && !span_number(span_from(text, slash + 1), all, &bits)) {
        return false;
    }
    range->bits = (unsigned)bits + (128 - all);
    return true;
}

static bool in_range(const struct range *range, const unsigned char address[16])
{
    unsigned bytes = range->bits / 8, rest = range->bits % 8;
    unsigned mask = 0xff00U >> rest & 0xffU;
    return memcmp(range->address, address, bytes) == 0 &&
           (rest == 0 || ((range->address[bytes] ^ address[bytes]) & mask) == 0);
}

static bool trusts(const struct throttle *throttle, const unsigned char address[16])
{
    for (size_t i = 0; i < throttle->trusted_count; i++) {
        if (in_range(&throttle->trusted[i], address)) {
            return true;
        }
    }
    return false;
}

bool throttle_trusted_valid(struct span text)
{
    struct range range;
    return parse_range(text, &range);
}

/* -- keys -- */

static uint64_t short_digest(const struct throttle *throttle, struct span bytes)
{
    struct digest digest =
        digest_hmac(span_bytes(throttle->secret, sizeof throttle->secret), bytes);
    uint64_t number;
    memcpy(&number, digest.bytes, sizeof number);
    return number;
}

/* (user, secret) as 8 bytes that say nothing to whoever has no key. */
static uint64_t credential_of(const struct throttle *throttle, struct span user,
                              const struct secret *secret)
{
    struct span parts[] = {user, secret_reveal(secret)};
    struct digest digest = digest_parts(parts, 2);
    return short_digest(throttle, span_bytes(digest.bytes, sizeof digest.bytes));
}

static uint64_t user_of(const struct throttle *throttle, struct span user)
{
    return short_digest(throttle, user) | 1;
}

static struct key key_of(const struct throttle *throttle, struct span address, struct span user)
{
    unsigned char bytes[16] = {0};
    struct key key = {{0}, 0};
    bool known = parse_address(address, bytes);
    if (!known || trusts(throttle, bytes)) {
        key.user = user_of(throttle, user);
    }
    if (known && !is_ipv4(bytes)) {
        /* One customer of IPv6 has a /64 at least, so its second half names nobody. */
        memset(bytes + 8, 0, 8);
    }
    memcpy(key.address, bytes, sizeof key.address);
    return key;
}

static bool same_key(const struct key *one, const struct key *other)
{
    return one->address[0] == other->address[0] && one->address[1] == other->address[1] &&
           one->user == other->user;
}

/* Keyed, as whoever owns many addresses could otherwise make them all meet in one bucket. */
static struct entry **bucket_of(const struct throttle *throttle, const struct key *key)
{
    uint64_t seeds[3], hash = 0;
    const uint64_t words[3] = {key->address[0], key->address[1], key->user};
    memcpy(seeds, throttle->secret, sizeof seeds);
    for (size_t i = 0; i < 3; i++) {
        hash = (hash ^ words[i] ^ seeds[i]) * (seeds[(i + 1) % 3] | 1);
        hash ^= hash >> 32;
    }
    return &throttle->buckets[hash & (throttle->buckets_count - 1)];
}

static struct entry *find(const struct throttle *throttle, const struct key *key)
{
    struct entry *entry = *bucket_of(throttle, key);
    while (entry != NULL && !same_key(&entry->key, key)) {
        entry = entry->chain;
    }
    return entry;
}

/* -- the table -- */

static void list_remove(struct throttle *throttle, struct entry *entry)
{
    *(entry->older == NULL ? &throttle->oldest : &entry->older->newer) = entry->newer;
    *(entry->newer == NULL ? &throttle->newest : &entry->newer->older) = entry->older;
}

static void list_append(struct throttle *throttle, struct entry *entry)
{
    entry->older = throttle->newest;
    entry->newer = NULL;
    *(throttle->newest == NULL ? &throttle->oldest : &throttle->newest->newer) = entry;
    throttle->newest = entry;
}

static void drop(struct throttle *throttle, struct entry *entry)
{
    struct entry **link = bucket_of(throttle, &entry->key);
    while (*link != entry) {
        link = &(*link)->chain;
    }
    *link = entry->chain;
    list_remove(throttle, entry);
    throttle->entries--;
    memory_free(entry->failures);
    memory_free(entry);
}

static void drop_all(struct throttle *throttle)
{
    while (throttle->oldest != NULL) {
        drop(throttle, throttle->oldest);
    }
}

static struct entry *add(struct throttle *throttle, const struct key *key)
{
    while (throttle->entries >= throttle->settings.entries_max) {
        drop(throttle, throttle->oldest);
    }
    struct entry *entry = MEMORY_NEW(struct entry);
    struct entry **bucket = bucket_of(throttle, key);
    entry->key = *key;
    entry->chain = *bucket;
    *bucket = entry;
    list_append(throttle, entry);
    throttle->entries++;
    return entry;
}

/* -- failures of one entry -- */

static bool in_window(const struct throttle *throttle, struct moment now,
                      const struct failure *failure)
{
    return moment_since(now, failure->last) < throttle->settings.window_ms;
}

static void forget_old(const struct throttle *throttle, struct entry *entry, struct moment now)
{
    size_t kept = 0;
    for (size_t i = 0; i < entry->count; i++) {
        if (in_window(throttle, now, &entry->failures[i])) {
            entry->failures[kept] = entry->failures[i];
            kept++;
        }
    }
    entry->count = kept;
}

static struct failure *find_failure(struct entry *entry, uint64_t credential)
{
    for (size_t i = 0; i < entry->count; i++) {
        if (entry->failures[i].credential == credential) {
            return &entry->failures[i];
        }
    }
    return NULL;
}

/* More than are needed to stop an address are not remembered: the newest takes the oldest's place. */
static struct failure *room_for_failure(const struct throttle *throttle, struct entry *entry)
{
    size_t most = throttle->settings.stop_failures;
    if (most < throttle->settings.free_failures + 8) {
        most = throttle->settings.free_failures + 8;
    }
    if (entry->count >= most) {
        struct failure *oldest = &entry->failures[0];
        for (size_t i = 1; i < entry->count; i++) {
            if (entry->failures[i].last.ms < oldest->last.ms) {
                oldest = &entry->failures[i];
            }
        }
        return oldest;
    }
    if (entry->count == entry->room) {
        entry->room = entry->room == 0 ? 2 : entry->room * 2;
        entry->failures = memory_resize(entry->failures, entry->room * sizeof *entry->failures);
    }
    return &entry->failures[entry->count++];
}

/* The list is in the order of last refusals: behind the first that still counts all do. */
static void drop_expired(struct throttle *throttle, struct moment now)
{
    while (throttle->oldest != NULL) {
        forget_old(throttle, throttle->oldest, now);
        if (throttle->oldest->count > 0) {
            return;
        }
        drop(throttle, throttle->oldest);
    }
}

/* 500 ms for the first beyond the free ones, and twice as long for each further one. */
static int64_t delay_for(const struct throttle_settings *settings, size_t failures)
{
    int64_t delay = FIRST_DELAY_MS;
    for (size_t i = settings->free_failures; i < failures && delay < settings->delay_max_ms; i++) {
        delay *= 2;
    }
    return delay < settings->delay_max_ms ? delay : settings->delay_max_ms;
}

enum throttle_answer throttle_ask(struct throttle *throttle, struct moment now, struct span address,
                                  struct span user, int64_t *delay_ms)
{
    const struct throttle_settings *settings = &throttle->settings;
    *delay_ms = 0;
    if (throttle->entries == 0) {
        return THROTTLE_GO;
    }
    struct key key = key_of(throttle, address, user);
    struct entry *entry = find(throttle, &key);
    if (entry == NULL) {
        return THROTTLE_GO;
    }
    forget_old(throttle, entry, now);
    if (settings->stop_failures > 0 && entry->count >= settings->stop_failures) {
        return THROTTLE_STOP;
    }
    if (entry->count < settings->free_failures || settings->delay_max_ms <= 0) {
        return THROTTLE_GO;
    }
    *delay_ms = delay_for(settings, entry->count);
    return THROTTLE_DELAY;
}

bool throttle_refused(struct throttle *throttle, struct moment now, struct span address,
                      struct span user, const struct secret *secret)
{
    struct key key = key_of(throttle, address, user);
    uint64_t credential = credential_of(throttle, user, secret);
    struct entry *entry = find(throttle, &key);
    if (entry == NULL) {
        entry = add(throttle, &key);
    }
    forget_old(throttle, entry, now);
    list_remove(throttle, entry);
    list_append(throttle, entry);
    struct failure *failure = find_failure(entry, credential);
    bool is_new = failure == NULL;
    if (is_new) {
        failure = room_for_failure(throttle, entry);
    }
    *failure = (struct failure){credential, user_of(throttle, user), now};
    drop_expired(throttle, now);
    return is_new;
}

void throttle_accepted(struct throttle *throttle, struct span address, struct span user)
{
    if (throttle->entries == 0 || span_empty(user)) {
        return;
    }
    struct key key = key_of(throttle, address, user);
    struct entry *entry = find(throttle, &key);
    if (entry == NULL) {
        return;
    }
    uint64_t whose = user_of(throttle, user);
    size_t kept = 0;
    for (size_t i = 0; i < entry->count; i++) {
        if (entry->failures[i].user != whose) {
            entry->failures[kept] = entry->failures[i];
            kept++;
        }
    }
    entry->count = kept;
    if (kept == 0) {
        drop(throttle, entry);
    }
}

size_t throttle_entries(const struct throttle *throttle)
{
    return throttle->entries;
}

/* -- settings -- */

static void read_trusted(struct throttle *throttle, char **trusted)
{
    size_t count = 0;
    while (trusted != NULL && trusted[count] != NULL && count < TRUSTED_MAX) {
        count++;
    }
    memory_free(throttle->trusted);
    throttle->trusted = memory_new(count + 1, sizeof *throttle->trusted);
    throttle->trusted_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (parse_range(span_of(trusted[i]), &throttle->trusted[throttle->trusted_count])) {
            throttle->trusted_count++;
        }
    }
}

static void make_buckets(struct throttle *throttle)
{
    size_t count = 16;
    while (count < throttle->settings.entries_max) {
        count *= 2;
    }
    throttle->buckets = memory_new(count, sizeof(struct entry *));
    throttle->buckets_count = count;
}

/* What was counted stays counted, unless the table changes its size. */
void throttle_configure(struct throttle *throttle, const struct throttle_settings *settings)
{
    size_t entries_before = throttle->settings.entries_max;
    throttle->settings = *settings;
    throttle->settings.trusted = NULL;
    if (throttle->settings.entries_max == 0) {
        throttle->settings.entries_max = 1;
    }
    if (throttle->settings.stop_failures > THROTTLE_FAILURES_MAX) {
        throttle->settings.stop_failures = THROTTLE_FAILURES_MAX;
    }
    if (throttle->settings.free_failures > THROTTLE_FAILURES_MAX) {
        throttle->settings.free_failures = THROTTLE_FAILURES_MAX;
    }
    read_trusted(throttle, settings->trusted);
    if (throttle->settings.entries_max != entries_before) {
        drop_all(throttle);
        memory_free(throttle->buckets);
        make_buckets(throttle);
    }
}

struct throttle *throttle_new(const struct throttle_settings *settings)
{
    struct throttle *throttle = MEMORY_NEW(struct throttle);
    secret_random(throttle->secret, sizeof throttle->secret);
    throttle_configure(throttle, settings);
    return throttle;
}

void throttle_free(struct throttle *throttle)
{
    if (throttle == NULL) {
        return;
    }
    drop_all(throttle);
    memory_free(throttle->buckets);
    memory_free(throttle->trusted);
    secret_wipe(throttle->secret, sizeof throttle->secret);
    memory_free(throttle);
}
