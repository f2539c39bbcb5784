/* pending_login.c - logins that were accepted and wait for the mail server's REQUEST. */
#include "mail/pending_login.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"

enum { BUCKETS = 1024 };

struct entry {
    struct pending_login_key key;
    struct moment expires;
    struct pending_login login; /* its texts are in `arena` */
    struct arena arena;
    struct entry *chain; /* next in its bucket */
    struct entry *older, *newer;
};

struct pending_login_table {
    struct loop *loop;
    struct pending_login_settings settings;
    struct loop_timer *expiry;
    struct entry *buckets[BUCKETS];
    struct entry *oldest, *newest; /* all live equally long: the order of their ends, too */
    size_t count;
};

static struct entry **bucket_of(struct pending_login_table *table,
                                const struct pending_login_key *key)
{
    uint32_t start;
    memcpy(&start, key->cookie, sizeof start); /* random bytes of ours */
    return &table->buckets[(start ^ key->id) % BUCKETS];
}

static bool is(const struct entry *entry, const struct pending_login_key *key)
{
    bool cookie = secret_equal_span(span_bytes(entry->key.cookie, sizeof entry->key.cookie),
                                    span_bytes(key->cookie, sizeof key->cookie));
    return cookie && entry->key.id == key->id;
}

/* The place that points to the entry, or to NULL at the end of its bucket. */
static struct entry **place_of(struct pending_login_table *table,
                               const struct pending_login_key *key)
{
    struct entry **place = bucket_of(table, key);
    while (*place != NULL && !is(*place, key)) {
        place = &(*place)->chain;
    }
    return place;
}

static void watch_expiry(struct pending_login_table *table)
{
    if (table->oldest == NULL) {
        loop_timer_clear(table->expiry);
        return;
    }
    int64_t left = moment_since(table->oldest->expires, loop_now(table->loop));
    loop_timer_set(table->expiry, left > 0 ? left : 0);
}

/* Takes the entry out of the table; it is the caller's then. */
static struct entry *unlink_at(struct pending_login_table *table, struct entry **place)
{
    struct entry *entry = *place;
    assert(entry != NULL);
    *place = entry->chain;
    *(entry->older != NULL ? &entry->older->newer : &table->oldest) = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &table->newest) = entry->older;
    table->count--;
    return entry;
}

static void entry_free(struct entry *entry)
{
    arena_done(&entry->arena);
    memory_free(entry);
}

static void drop(struct pending_login_table *table, const struct entry *entry)
{
    entry_free(unlink_at(table, place_of(table, &entry->key)));
}

static void on_expiry(void *context)
{
    struct pending_login_table *table = context;
    while (table->oldest != NULL && moment_reached(loop_now(table->loop), table->oldest->expires)) {
        drop(table, table->oldest);
    }
    watch_expiry(table);
}

struct pending_login_table *pending_login_new(struct loop *loop,
                                              const struct pending_login_settings *settings)
{
    struct pending_login_table *table = MEMORY_NEW(struct pending_login_table);
    table->loop = loop;
    table->settings = *settings;
    table->expiry = loop_timer_new(loop, on_expiry, table);
    return table;
}

void pending_login_free(struct pending_login_table *table)
{
    if (table == NULL) {
        return;
    }
    while (table->oldest != NULL) {
        drop(table, table->oldest);
    }
    loop_timer_free(table->expiry);
    memory_free(table);
}

static struct pending_login copy(struct arena *arena, const struct pending_login *login)
{
    return (struct pending_login){
        .account_id = span_copy(arena, login->account_id),
        .mechanism = span_copy(arena, login->mechanism),
        .service = span_copy(arena, login->service),
        .session = span_copy(arena, login->session),
        .client_service = span_copy(arena, login->client_service),
    };
}

bool pending_login_add(struct pending_login_table *table, const struct pending_login_key *key,
                       const struct pending_login *login)
{
    pending_login_remove(table, key);
    if (table->count >= table->settings.entries_max) {
        return false;
    }
    struct entry *entry = MEMORY_NEW(struct entry);
    entry->key = *key;
    entry->expires = moment_after(loop_now(table->loop), table->settings.lifetime_ms);
    entry->login = copy(&entry->arena, login);
    struct entry **bucket = bucket_of(table, key);
    entry->chain = *bucket;
    *bucket = entry;
    entry->older = table->newest;
    *(table->newest != NULL ? &table->newest->newer : &table->oldest) = entry;
    table->newest = entry;
    table->count++;
    if (table->count == 1) {
        watch_expiry(table);
    }
    return true;
}

bool pending_login_take(struct pending_login_table *table, const struct pending_login_key *key,
                        struct arena *arena, struct pending_login *login)
{
    struct entry **place = place_of(table, key);
    if (*place == NULL) {
        return false;
    }
    struct entry *entry = unlink_at(table, place);
    *login = copy(arena, &entry->login);
    entry_free(entry);
    return true;
}

void pending_login_remove(struct pending_login_table *table, const struct pending_login_key *key)
{
    struct entry **place = place_of(table, key);
    if (*place != NULL) {
        entry_free(unlink_at(table, place));
    }
}

void pending_login_forget(struct pending_login_table *table, const unsigned char *cookie)
{
    struct entry *newer = NULL;
    for (struct entry *entry = table->oldest; entry != NULL; entry = newer) {
        newer = entry->newer;
        if (memcmp(entry->key.cookie, cookie, sizeof entry->key.cookie) == 0) {
            drop(table, entry);
        }
    }
}

size_t pending_login_count(const struct pending_login_table *table)
{
    return table->count;
}
