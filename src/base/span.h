/* span.h - a view of bytes that someone else owns.
 *
 * Bytes from outside travel as spans: nothing is copied, nothing is terminated, and only
 * the functions here walk a pointer. A span is valid for as long as the bytes it views. The smallest
 * are inline: they stand in every loop over bytes. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct span {
    const char *at;
    size_t length;
};

#define SPAN_LITERAL(text) ((struct span){(text), sizeof(text) - 1})

/* NULL is the empty span. */
static inline struct span span_of(const char *text)
{
    return text == NULL ? (struct span){0} : (struct span){text, strlen(text)};
}

static inline struct span span_bytes(const void *at, size_t length)
{
    return (struct span){at, length};
}

static inline bool span_empty(struct span span)
{
    return span.length == 0;
}

bool span_equal(struct span a, struct span b); /* not constant-time: never for secrets */
bool span_is(struct span span, const char *text);
bool span_equal_fold(struct span a, struct span b); /* ASCII letters compare case-insensitively */
bool span_is_fold(struct span span, const char *text);
int span_compare(struct span a, struct span b); /* like memcmp, shorter first */
bool span_starts(struct span span, const char *prefix);
bool span_starts_fold(struct span span, const char *prefix);
bool span_ends(struct span span, const char *suffix);

/* ASCII letters only. */
static inline char span_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

/* The byte at `index`, or -1 beyond the end. */
static inline int span_at(struct span span, size_t index)
{
    return index < span.length ? (unsigned char)span.at[index] : -1;
}

/* Part of a span; both numbers are clamped to what is there. */
static inline struct span span_from(struct span span, size_t from)
{
    if (from >= span.length) {
        return (struct span){span.at == NULL ? NULL : span.at + span.length, 0};
    }
    return (struct span){span.at + from, span.length - from};
}

static inline struct span span_first(struct span span, size_t length)
{
    return (struct span){span.at, length < span.length ? length : span.length};
}

/* Index of the first (last) `byte`, or span.length. */
size_t span_find(struct span span, char byte);
size_t span_find_last(struct span span, char byte);
bool span_has(struct span span, char byte);
/* Index of `needle`, or span.length. */
size_t span_search(struct span span, struct span needle);
/* Cuts the next piece up to `separator` off the front of `rest`; false when `rest` is used up.
 * "a,b" yields "a" and "b"; "" yields one empty piece, "a," yields "a" and "". `rest->at` is NULL
 * after the last piece. */
bool span_cut(struct span *rest, char separator, struct span *piece);
struct span span_trim(struct span span); /* without SP and HTAB at both ends */

/* Decimal digits only, no sign, no blanks, at most `max`; leading zeros are refused. */
bool span_number(struct span span, uint64_t max, uint64_t *number);

/* Copies that live as long as the arena; span_text() is NUL-terminated, and stops at an
 * embedded NUL as C strings do: check with span_has(span, '\0') where that matters. */
struct span span_copy(struct arena *arena, struct span span);
const char *span_text(struct arena *arena, struct span span);
/* Copies into a fixed array, NUL-terminated; false (and an empty text) when it does not fit. */
bool span_fits(struct span span, char *text, size_t size);

#endif
