/* scim_sort.c - what a list is sorted by: keys of resources and their order. */
#include "scim/scim_sort.h"

#include "base/memory.h"
#include "document/scim_resource.h"

#include <stdlib.h>

enum { KEY_MAX = 256, ROOM_FIRST = 256 };

struct scim_sort *scim_sort_new(bool descending)
{
    struct scim_sort *sort = MEMORY_NEW(struct scim_sort);
    sort->references = 1;
    sort->descending = descending;
    return sort;
}

struct scim_sort *scim_sort_keep(struct scim_sort *sort)
{
    sort->references++;
    return sort;
}

void scim_sort_drop(struct scim_sort *sort)
{
    if (sort == NULL || --sort->references > 0) {
        return;
    }
    arena_done(&sort->arena);
    memory_free(sort->entries);
    memory_free(sort);
}

/* RFC 7644, 3.4.2.3: of several values the primary one, or else the first. */
static const struct json *only_one(const struct json *value)
{
    if (json_kind(value) != JSON_KIND_ARRAY) {
        return value;
    }
    for (size_t i = 0; i < json_size(value); i++) {
        bool primary;
        if (json_boolean(json_item(value, i), "primary", &primary) && primary) {
            return json_item(value, i);
        }
    }
    return json_item(value, 0);
}

static const struct json *key_value(const struct scim_path *path, const struct json *shown)
{
    const struct json *value = only_one(scim_path_value(path, shown));
    if (json_kind(value) != JSON_KIND_OBJECT) {
        return value;
    }
    return json_member(value, path->part != NULL ? path->part->name : "value");
}

static bool is_exact(const struct scim_path *path)
{
    const struct scim_schema_attribute *last = path->part != NULL ? path->part : path->attribute;
    return last != NULL && last->exact;
}

/* Keys are cut: who sorts by longer texts gets them in the order of their beginnings. */
static struct span key_text(struct scim_sort *sort, const struct scim_path *path, struct span text)
{
    struct span front = span_first(text, KEY_MAX);
    if (is_exact(path)) {
        return span_copy(&sort->arena, front);
    }
    struct arena folding = {0};
    struct span folded = span_copy(&sort->arena, scim_resource_fold(text, &folding));
    arena_done(&folding);
    return span_first(folded, KEY_MAX);
}

static void fill_key(struct scim_sort *sort, const struct scim_path *path, const struct json *value,
                     struct scim_sort_entry *entry)
{
    bool whole;
    int64_t integer;
    enum json_kind kind = json_kind(value);
    entry->present = true;
    if (kind == JSON_KIND_TEXT) {
        entry->text = key_text(sort, path, json_value_text(value));
    } else if (kind == JSON_KIND_TRUE || kind == JSON_KIND_FALSE) {
        entry->number = kind == JSON_KIND_TRUE ? 1 : 0;
    } else {
        entry->present = json_value_number(value, &whole, &integer, &entry->number);
    }
}

void scim_sort_add(struct scim_sort *sort, const struct scim_path *path, const struct json *shown,
                   enum scim_schema_resource resource, int64_t row)
{
    if (sort->count == SCIM_SORT_MAX) {
        sort->overflow = true;
        return;
    }
    if (sort->count == sort->room) {
        sort->room = sort->room == 0 ? ROOM_FIRST : sort->room * 2;
        sort->entries = memory_resize(sort->entries, sort->room * sizeof *sort->entries);
    }
    struct scim_sort_entry entry = {.resource = resource, .row = row};
    fill_key(sort, path, key_value(path, shown), &entry);
    sort->entries[sort->count++] = entry;
}

static int compare_keys(const struct scim_sort_entry *a, const struct scim_sort_entry *b)
{
    if (a->present != b->present) {
        return a->present ? -1 : 1; /* N30: what is missing comes last ascending */
    }
    if (a->number != b->number) {
        return a->number < b->number ? -1 : 1;
    }
    return span_compare(a->text, b->text);
}

static int compare_rows(const struct scim_sort_entry *a, const struct scim_sort_entry *b)
{
    if (a->resource != b->resource) {
        return a->resource < b->resource ? -1 : 1;
    }
    return a->row < b->row ? -1 : a->row > b->row;
}

static int ascending(const void *left, const void *right)
{
    const struct scim_sort_entry *a = left, *b = right;
    int order = compare_keys(a, b);
    return order != 0 ? order : compare_rows(a, b);
}

static int descending(const void *left, const void *right)
{
    const struct scim_sort_entry *a = left, *b = right;
    int order = compare_keys(b, a);
    return order != 0 ? order : compare_rows(a, b);
}

void scim_sort_order(struct scim_sort *sort)
{
    if (sort->count > 0) {
        qsort(sort->entries, sort->count, sizeof *sort->entries,
              sort->descending ? descending : ascending);
    }
}
