/* json.h - JSON documents, strictly (RFC 8259 as jansson reads it, plus: no duplicate members, no
 * NUL in strings, one object at the top, depth and size bounded). The only file that knows jansson.
 *
 * Names that jansson exports (json_object, json_array, json_string, json_integer, json_type, …) are
 * not ours to define: the linker would hand our functions to the library. */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

enum { JSON_SIZE_MAX = 8 * 1024 * 1024, JSON_DEPTH_MAX = 64 };

struct json; /* a value; a document is the value at its top */

/* A document of at most `size_max` bytes, its top an object. NULL and an error otherwise; the error
 * names line and column, never the contents. */
struct json *json_parse(struct span text, size_t size_max, struct error *error);
void json_free(struct json *document);     /* takes NULL */
void json_cleanup(struct json **document); /* for CLEANUP() */
/* Overwrites a text member in place, as far as it is one: it held a secret. `object` may be NULL. */
void json_wipe(struct json *object, const char *name);

/* Members. A view lives as long as its document. Absent is not an error: present or not, of which kind. */
const struct json *json_member(const struct json *object, const char *name); /* NULL when absent */
enum json_kind {
    JSON_KIND_ABSENT,
    JSON_KIND_NULL,
    JSON_KIND_TRUE,
    JSON_KIND_FALSE,
    JSON_KIND_NUMBER,
    JSON_KIND_TEXT,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT,
};
enum json_kind json_kind(const struct json *value); /* takes NULL */
bool json_text(const struct json *object, const char *name,
               struct span *text); /* false unless a string */
bool json_number(const struct json *object, const char *name,
                 int64_t *number); /* false unless an integer */
bool json_boolean(const struct json *object, const char *name,
                  bool *value);             /* false unless true or false */
size_t json_size(const struct json *array); /* 0 unless an array or object */
const struct json *json_item(const struct json *array, size_t index); /* NULL beyond the end */
struct span json_value_text(const struct json *value);                /* empty unless a string */

/* A number: `whole` tells whether it is an integer that `integer` holds. false unless a number. */
bool json_value_number(const struct json *value, bool *whole, int64_t *integer, double *number);
/* Members one after another, in order of insertion: begin with a zeroed cursor. The object may not change meanwhile. */
struct json_cursor {
    const char *name;
    const struct json *value;
    void *at;
};
bool json_next(const struct json *object, struct json_cursor *cursor);
bool json_same(const struct json *a, const struct json *b); /* objects: in whatever order */

/* Changing what is there. */
struct json *json_clone(const struct json *value);                    /* all of it; the caller's */
struct json *json_member_edit(struct json *object, const char *name); /* NULL when absent */
struct json *json_item_edit(struct json *array, size_t index);        /* NULL beyond the end */
void json_remove(struct json *object, const char *name);              /* also when absent */
void json_item_remove(struct json *array, size_t index);
void json_item_put(struct json *array, size_t index,
                   struct json *taken);       /* instead of what is there */
void json_clear(struct json *value);          /* an array or object becomes empty */
struct json *json_new_text(struct span text); /* as json_put_text() */
struct json *json_new_boolean(bool value);
struct json *json_new_integer(int64_t number);
struct json *json_new_null(void);

/* Building: objects and arrays take over what is added. Text must be valid UTF-8 without NUL
 * (asserted); a member that is there already is replaced. */
struct json *json_new_object(void);
struct json *json_new_array(void);
void json_put_text(struct json *object, const char *name, struct span text);
void json_put_integer(struct json *object, const char *name, int64_t number);
void json_put_boolean(struct json *object, const char *name, bool value);
void json_put_null(struct json *object, const char *name);
void json_put(struct json *object, const char *name, struct json *taken);
void json_append(struct json *array, struct json *taken);
void json_append_text(struct json *array, struct span text);
/* Any value: compact, keys in order of insertion. */
void json_write(const struct json *document, struct buffer *out);
void json_write_text(struct span text,
                     struct buffer *out); /* one string with its quotes, escaped */

#endif
