/* json_view.h - a strict JSON reader without allocation, for token headers, claims and the answers about tokens.
 *
 * RFC 8259, and stricter: an object at the top, no duplicate members at any level (compared unescaped), valid UTF-8,
 * no NUL and no lone surrogate in strings, no BOM, depth and number of values bounded. Strings are unescaped in
 * place, in the caller's bytes; values are views into them. Pure. */
#ifndef WIRE_JSON_VIEW_H
#define WIRE_JSON_VIEW_H

#include "base/span.h"

enum { JSON_VIEW_DEPTH_MAX = 16, JSON_VIEW_VALUES_MAX = 8192 };

enum json_view_kind {
    JSON_VIEW_ABSENT,
    JSON_VIEW_NULL,
    JSON_VIEW_TRUE,
    JSON_VIEW_FALSE,
    JSON_VIEW_NUMBER, /* `text` as written */
    JSON_VIEW_TEXT,   /* `text` unescaped */
    JSON_VIEW_ARRAY,
    JSON_VIEW_OBJECT,
};

struct json_view_value {
    struct span name; /* of a member; empty for items of arrays */
    struct span text;
    uint16_t next;  /* index of the next member or item of the same parent; 0: the last */
    uint16_t first; /* of the first member or item; 0: none */
    uint8_t kind;   /* enum json_view_kind */
};

/* Large: keep one and use it again. Need not be zeroed. */
struct json_view {
    struct json_view_value values[JSON_VIEW_VALUES_MAX]; /* the document is [0] */
    size_t count;
};

/* Reads `length` bytes at `bytes`, which are changed. false: `*problem` is a fixed text ("a member is named twice"). */
bool json_view_parse(struct json_view *view, char *bytes, size_t length, const char **problem);
const struct json_view_value *json_view_top(const struct json_view *view);
/* NULL when it is absent, or `object` is NULL or no object. */
const struct json_view_value *json_view_member(const struct json_view *view,
                                               const struct json_view_value *object,
                                               struct span name);
/* "a.b.c" through objects. A member whose name has dots in it is found first ("https://example.com/mail"). */
const struct json_view_value *json_view_path(const struct json_view *view, struct span path);
/* The first member or item; the one behind `value`; NULL at the end. */
const struct json_view_value *json_view_first(const struct json_view *view,
                                              const struct json_view_value *parent);
const struct json_view_value *json_view_next(const struct json_view *view,
                                             const struct json_view_value *value);
enum json_view_kind json_view_kind(const struct json_view_value *value); /* takes NULL */
/* A number as whole seconds or counts: also 1e9, 1.5 (rounded down) and 17.0e8. false for negative ones, for those
 * above 2^53 and for what is no number. */
bool json_view_number(const struct json_view_value *value, int64_t *number);

#endif
