/* scim_reference.c - "bulkId:x": what will be made by another operation of a Bulk request. */
#include "scim/scim_reference.h"

#include "base/memory.h"

#define MARK "bulkId:"

/* Where a reference within a text ends. */
static size_t reference_length(struct span text)
{
    size_t length = 0;
    for (; length < text.length; length++) {
        int byte = span_at(text, length);
        char letter = span_lower((char)byte);
        if ((letter < 'a' || letter > 'z') && (byte < '0' || byte > '9') && byte != '.' &&
            byte != '_' && byte != '~' && byte != '-') {
            break;
        }
    }
    return length;
}

struct span scim_reference_text(struct span text, struct arena *arena, scim_reference_fn *fn,
                                void *context)
{
    const struct span mark = SPAN_LITERAL(MARK);
    size_t at = span_search(text, mark);
    if (at == text.length) {
        return text;
    }
    if (at == 0) {
        struct span bulk_id = span_from(text, mark.length);
        bool plain = reference_length(bulk_id) == bulk_id.length;
        struct span whole = fn(bulk_id, plain, context);
        if (whole.at != NULL) {
            return whole;
        }
    }
    CLEANUP(buffer_done) struct buffer out = buffer_limited(JSON_SIZE_MAX);
    struct span rest = text;
    for (; at < rest.length; at = span_search(rest, mark)) {
        struct span behind = span_from(rest, at + mark.length);
        struct span bulk_id = span_first(behind, reference_length(behind));
        struct span found = fn(bulk_id, false, context);
        buffer_add(&out, span_first(rest, at));
        if (found.at != NULL) {
            buffer_add(&out, found);
        } else {
            buffer_add(&out, mark);
            buffer_add(&out, bulk_id);
        }
        rest = span_from(behind, bulk_id.length);
    }
    buffer_add(&out, rest);
    return buffer_full(&out) ? text : span_copy(arena, buffer_span(&out));
}

/* One change of an object that may not be changed while it is walked. */
struct put {
    const char *name;
    struct span text;
    struct put *next;
};

static void replace_members(struct json *object, struct arena *arena, scim_reference_fn *fn,
                            void *context)
{
    struct put *puts = NULL;
    struct json_cursor cursor = {0};
    while (json_next(object, &cursor)) {
        if (json_kind(cursor.value) != JSON_KIND_TEXT) {
            scim_reference_replace(json_member_edit(object, cursor.name), arena, fn, context);
            continue;
        }
        struct span before = json_value_text(cursor.value);
        struct span after = scim_reference_text(before, arena, fn, context);
        if (after.at != before.at) {
            struct put *put = arena_new(arena, sizeof *put);
            *put = (struct put){span_text(arena, span_of(cursor.name)), after, puts};
            puts = put;
        }
    }
    for (; puts != NULL; puts = puts->next) {
        json_put_text(object, puts->name, puts->text);
    }
}

static void replace_items(struct json *array, struct arena *arena, scim_reference_fn *fn,
                          void *context)
{
    for (size_t i = 0; i < json_size(array); i++) {
        struct span before = json_value_text(json_item(array, i));
        struct span after = scim_reference_text(before, arena, fn, context);
        if (after.at != before.at) {
            json_item_put(array, i, json_new_text(after));
        } else {
            scim_reference_replace(json_item_edit(array, i), arena, fn, context);
        }
    }
}

void scim_reference_replace(struct json *document, struct arena *arena, scim_reference_fn *fn,
                            void *context)
{
    enum json_kind kind = json_kind(document);
    if (kind == JSON_KIND_OBJECT) {
        replace_members(document, arena, fn, context);
    } else if (kind == JSON_KIND_ARRAY) {
        replace_items(document, arena, fn, context);
    }
}
