/* fold.c - texts as they are compared when case does not matter. */
#include "wire/fold.h"

#include "base/memory.h"
#include "base/text.h"

#include <assert.h>
#include <utf8proc.h>

static utf8proc_int32_t lower(utf8proc_int32_t point, void *context)
{
    (void)context;
    return utf8proc_tolower(point);
}

static struct span lower_ascii(struct span text, struct arena *arena)
{
    char *folded = arena_new(arena, text.length + 1);
    for (size_t i = 0; i < text.length; i++) {
        folded[i] = span_lower(text.at[i]);
    }
    return span_bytes(folded, text.length);
}

static bool is_ascii(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (span_at(text, i) >= 0x80) {
            return false;
        }
    }
    return true;
}

/* `options` of the decomposition, and then what puts it together again. */
static struct span map(struct span text, struct arena *arena, utf8proc_option_t options)
{
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text.at;
    utf8proc_ssize_t length = (utf8proc_ssize_t)text.length;
    utf8proc_ssize_t count =
        utf8proc_decompose_custom(bytes, length, NULL, 0, options, lower, NULL);
    if (count < 0) {
        return span_copy(arena, text);
    }
    /* utf8proc_reencode() works in place and adds a NUL. */
    utf8proc_int32_t *points = arena_new(arena, ((size_t)count + 1) * sizeof *points);
    (void)utf8proc_decompose_custom(bytes, length, points, count, options, lower, NULL);
    utf8proc_ssize_t written = utf8proc_reencode(points, count, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    assert(written >= 0);
    return span_bytes(points, (size_t)written);
}

struct span fold_lower(struct span text, struct arena *arena)
{
    if (is_ascii(text)) {
        return lower_ascii(text, arena);
    }
    return text_utf8(text) ? map(text, arena, UTF8PROC_COMPOSE | UTF8PROC_STABLE)
                           : span_copy(arena, text);
}

struct span fold_plain(struct span text, struct arena *arena)
{
    if (is_ascii(text)) {
        return lower_ascii(text, arena);
    }
    return text_utf8(text)
               ? map(text, arena, UTF8PROC_COMPOSE | UTF8PROC_STABLE | UTF8PROC_STRIPMARK)
               : span_copy(arena, text);
}
