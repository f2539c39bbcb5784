/* scim_limits.c - how often: requests of a client, wrong secrets of an address, notes of a client's last use. */
#include "scim/scim_limits.h"

#include "base/memory.h"

#include <string.h>

enum { SETS = 512, WAYS = 8 };

struct entry {
    enum scim_limits_kind kind;
    char key[SCIM_LIMITS_KEY_MAX + 1];
    struct moment since;
    size_t count; /* 0: free */
};

struct scim_limits {
    struct entry entries[SETS][WAYS];
};

struct scim_limits *scim_limits_new(void)
{
    return MEMORY_NEW(struct scim_limits);
}

void scim_limits_free(struct scim_limits *limits)
{
    memory_free(limits);
}

/* FNV-1a. Who makes keys collide pushes out entries of a set, which is what many keys do as well. */
static size_t set_of(enum scim_limits_kind kind, struct span key)
{
    uint32_t hash = 2166136261U ^ (uint32_t)kind;
    for (size_t i = 0; i < key.length; i++) {
        hash = (hash ^ (uint32_t)span_at(key, i)) * 16777619U;
    }
    return hash % SETS;
}

/* The key's own entry, or the one to be used for it: a free one, else the oldest. */
static struct entry *find_entry(struct scim_limits *limits, enum scim_limits_kind kind,
                                struct span key)
{
    struct entry *set = limits->entries[set_of(kind, key)], *best = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].count > 0 && set[i].kind == kind && span_is(key, set[i].key)) {
            return &set[i];
        }
        bool older = set[i].count == 0 || moment_since(best->since, set[i].since) > 0;
        best = best->count > 0 && older ? &set[i] : best;
    }
    best->count = 0;
    best->kind = kind;
    (void)span_fits(key, best->key, sizeof best->key);
    return best;
}

size_t scim_limits_count(struct scim_limits *limits, enum scim_limits_kind kind, struct span key,
                         struct moment now, int64_t *rest_ms)
{
    struct entry *entry = find_entry(limits, kind, span_first(key, SCIM_LIMITS_KEY_MAX));
    if (entry->count == 0 || moment_since(now, entry->since) >= SCIM_LIMITS_WINDOW_MS) {
        entry->since = now;
        entry->count = 0;
    }
    entry->count++;
    *rest_ms = SCIM_LIMITS_WINDOW_MS - moment_since(now, entry->since);
    return entry->count;
}
