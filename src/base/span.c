/* span.c - a view of bytes that someone else owns. */
#include "base/span.h"

#include "base/arena.h"

#include <string.h>

bool span_equal(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

bool span_is(struct span span, const char *text)
{
    return span_equal(span, span_of(text));
}

bool span_equal_fold(struct span a, struct span b)
{
    if (a.length != b.length) {
        return false;
    }
    for (size_t i = 0; i < a.length; i++) {
        if (span_lower(a.at[i]) != span_lower(b.at[i])) {
            return false;
        }
    }
    return true;
}

bool span_is_fold(struct span span, const char *text)
{
    return span_equal_fold(span, span_of(text));
}

int span_compare(struct span a, struct span b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common == 0 ? 0 : memcmp(a.at, b.at, common);
    if (order != 0) {
        return order;
    }
    return (a.length > b.length) - (a.length < b.length);
}

bool span_starts(struct span span, const char *prefix)
{
    return span_equal(span_first(span, strlen(prefix)), span_of(prefix));
}

bool span_starts_fold(struct span span, const char *prefix)
{
    return span_equal_fold(span_first(span, strlen(prefix)), span_of(prefix));
}

bool span_ends(struct span span, const char *suffix)
{
    size_t length = strlen(suffix);
    return span.length >= length && span_is(span_from(span, span.length - length), suffix);
}

size_t span_find(struct span span, char byte)
{
    const char *found = span.length == 0 ? NULL : memchr(span.at, byte, span.length);
    return found == NULL ? span.length : (size_t)(found - span.at);
}

size_t span_find_last(struct span span, char byte)
{
    const char *found = span.length == 0 ? NULL : memrchr(span.at, byte, span.length);
    return found == NULL ? span.length : (size_t)(found - span.at);
}

bool span_has(struct span span, char byte)
{
    return span_find(span, byte) < span.length;
}

size_t span_search(struct span span, struct span needle)
{
    if (span.length == 0 || needle.length == 0) {
        return needle.length == 0 ? 0 : span.length;
    }
    const char *found = memmem(span.at, span.length, needle.at, needle.length);
    return found == NULL ? span.length : (size_t)(found - span.at);
}

bool span_cut(struct span *rest, char separator, struct span *piece)
{
    if (rest->at == NULL) {
        return false;
    }
    size_t length = span_find(*rest, separator);
    *piece = span_first(*rest, length);
    *rest = length < rest->length ? span_from(*rest, length + 1) : (struct span){0};
    return true;
}

static bool blank(int byte)
{
    return byte == ' ' || byte == '\t';
}

struct span span_trim(struct span span)
{
    while (blank(span_at(span, 0))) {
        span = span_from(span, 1);
    }
    while (span.length > 0 && blank(span_at(span, span.length - 1))) {
        span.length--;
    }
    return span;
}

bool span_number(struct span span, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;
    if (span.length == 0 || span.length > 20 || (span.length > 1 && span.at[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < span.length; i++) {
        int digit = span.at[i] - '0';
        if (digit < 0 || digit > 9 || value > (UINT64_MAX - (uint64_t)digit) / 10) {
            return false;
        }
        value = value * 10 + (uint64_t)digit;
    }
    if (value > max) {
        return false;
    }
    *number = value;
    return true;
}

struct span span_copy(struct arena *arena, struct span span)
{
    return (struct span){span_text(arena, span), span.length};
}

const char *span_text(struct arena *arena, struct span span)
{
    char *text = arena_new(arena, span.length + 1);
    if (span.length > 0) {
        memcpy(text, span.at, span.length);
    }
    return text;
}

bool span_fits(struct span span, char *text, size_t size)
{
    if (span.length >= size) {
        text[0] = '\0';
        return false;
    }
    if (span.length > 0) {
        memcpy(text, span.at, span.length);
    }
    text[span.length] = '\0';
    return true;
}
