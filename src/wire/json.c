/* json.c - JSON documents, strictly: jansson, with what it lets through closed. */
#include "wire/json.h"

#include "base/secret.h"
#include "base/text.h"

#include <assert.h>
#include <jansson.h>
#include <stdint.h>

/* jansson has a macro of this name. */
#undef json_boolean

static struct json *own(json_t *value)
{
    /* Memory for a document that was bounded before, or that we build: jansson's NULL is our own
     * end (memory.h). */
    assert(value != NULL);
    return (struct json *)(void *)value;
}

static json_t *theirs(struct json *value)
{
    return (json_t *)(void *)value;
}

static const json_t *view(const struct json *value)
{
    return (const json_t *)(const void *)value;
}

static const struct json *view_back(const json_t *value)
{
    return (const struct json *)(const void *)value;
}

/* jansson stops at 2,048 levels, which is more than a reader of ours should walk. */
static bool too_deep(struct span text)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.at[i];
        if (quoted && byte == '\\') {
            i++;
        } else if (byte == '"') {
            quoted = !quoted;
        } else if (!quoted && (byte == '{' || byte == '[')) {
            depth++;
        } else if (!quoted && (byte == '}' || byte == ']') && depth > 0) {
            depth--;
        }
        if (depth > JSON_DEPTH_MAX) {
            return true;
        }
    }
    return false;
}

struct json *json_parse(struct span text, size_t size_max, struct error *error)
{
    if (text.length > size_max || text.length > JSON_SIZE_MAX) {
        error_set(error, "JSON: longer than %zu bytes",
                  size_max < JSON_SIZE_MAX ? size_max : JSON_SIZE_MAX);
        return NULL;
    }
    if (too_deep(text)) {
        error_set(error, "JSON: more than %d levels deep", JSON_DEPTH_MAX);
        return NULL;
    }
    /* jansson skips one that stands behind a number. */
    if (span_has(text, '\0')) {
        error_set(error, "JSON: wrong: a NUL byte is in it");
        return NULL;
    }
    json_error_t at = {.line = 1, .column = 0};
    json_t *document =
        span_empty(text) ? NULL : json_loadb(text.at, text.length, JSON_REJECT_DUPLICATES, &at);
    if (document == NULL) {
        /* jansson's own text quotes the contents. */
        error_set(error, "JSON: wrong at line %d, column %d", at.line, at.column);
        return NULL;
    }
    if (!json_is_object(document)) {
        json_decref(document);
        error_set(error, "JSON: not an object at the top");
        return NULL;
    }
    return own(document);
}

void json_free(struct json *document)
{
    json_decref(theirs(document));
}

void json_cleanup(struct json **document)
{
    json_free(*document);
    *document = NULL;
}

/* jansson's own copy, which it would free as it is. */
void json_wipe(struct json *object, const char *name)
{
    json_t *text = json_object_get(theirs(object), name);
    if (json_is_string(text)) {
        secret_wipe((void *)(uintptr_t)json_string_value(text), json_string_length(text));
    }
}

const struct json *json_member(const struct json *object, const char *name)
{
    return view_back(json_object_get(view(object), name));
}

enum json_kind json_kind(const struct json *value)
{
    if (value == NULL) {
        return JSON_KIND_ABSENT;
    }
    switch (json_typeof(view(value))) {
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_ARRAY:
        return JSON_KIND_ARRAY;
    case JSON_STRING:
        return JSON_KIND_TEXT;
    case JSON_INTEGER:
    case JSON_REAL:
        return JSON_KIND_NUMBER;
    case JSON_TRUE:
        return JSON_KIND_TRUE;
    case JSON_FALSE:
        return JSON_KIND_FALSE;
    case JSON_NULL:
        return JSON_KIND_NULL;
    }
    return JSON_KIND_ABSENT;
}

struct span json_value_text(const struct json *value)
{
    const json_t *text = view(value);
    return json_is_string(text) ? span_bytes(json_string_value(text), json_string_length(text))
                                : (struct span){0};
}

bool json_text(const struct json *object, const char *name, struct span *text)
{
    const struct json *value = json_member(object, name);
    *text = json_value_text(value);
    return json_kind(value) == JSON_KIND_TEXT;
}

bool json_number(const struct json *object, const char *name, int64_t *number)
{
    const json_t *value = view(json_member(object, name));
    *number = json_is_integer(value) ? (int64_t)json_integer_value(value) : 0;
    return json_is_integer(value);
}

bool json_boolean(const struct json *object, const char *name, bool *value)
{
    enum json_kind kind = json_kind(json_member(object, name));
    *value = kind == JSON_KIND_TRUE;
    return kind == JSON_KIND_TRUE || kind == JSON_KIND_FALSE;
}

size_t json_size(const struct json *array)
{
    const json_t *value = view(array);
    return json_is_object(value) ? json_object_size(value) : json_array_size(value);
}

const struct json *json_item(const struct json *array, size_t index)
{
    return view_back(json_array_get(view(array), index));
}

struct json *json_new_object(void)
{
    return own(json_object());
}

struct json *json_new_array(void)
{
    return own(json_array());
}

static struct json *new_text(struct span text)
{
    assert(text_utf8(text));
    return own(json_stringn(span_empty(text) ? "" : text.at, text.length));
}

void json_put(struct json *object, const char *name, struct json *taken)
{
    int failed = json_object_set_new(theirs(object), name, theirs(taken));
    assert(failed == 0);
}

void json_put_text(struct json *object, const char *name, struct span text)
{
    json_put(object, name, new_text(text));
}

void json_put_integer(struct json *object, const char *name, int64_t number)
{
    json_put(object, name, own(json_integer(number)));
}

void json_put_boolean(struct json *object, const char *name, bool value)
{
    json_put(object, name, own(value ? json_true() : json_false()));
}

void json_put_null(struct json *object, const char *name)
{
    json_put(object, name, own(json_null()));
}

void json_append(struct json *array, struct json *taken)
{
    int failed = json_array_append_new(theirs(array), theirs(taken));
    assert(failed == 0);
}

void json_append_text(struct json *array, struct span text)
{
    json_append(array, new_text(text));
}

static int add_piece(const char *piece, size_t length, void *context)
{
    buffer_add(context, span_bytes(piece, length));
    return 0;
}

/* jansson hands over piece by piece, so a document that does not fit must go as a whole. */
static void write_whole(const json_t *value, size_t flags, struct buffer *out)
{
    size_t start = out->length;
    int failed = json_dump_callback(value, add_piece, out, flags);
    assert(failed == 0);
    if (buffer_full(out)) {
        out->length = start;
    }
}

void json_write(const struct json *document, struct buffer *out)
{
    write_whole(view(document), JSON_COMPACT | JSON_ENCODE_ANY, out);
}

void json_write_text(struct span text, struct buffer *out)
{
    struct json *value = new_text(text);
    write_whole(view(value), JSON_COMPACT | JSON_ENCODE_ANY, out);
    json_free(value);
}

/* Numbers, members one after another, comparing. */

bool json_value_number(const struct json *value, bool *whole, int64_t *integer, double *number)
{
    const json_t *given = view(value);
    *whole = json_is_integer(given);
    *integer = *whole ? (int64_t)json_integer_value(given) : 0;
    *number = json_is_number(given) ? json_number_value(given) : 0;
    return json_is_number(given);
}

/* jansson iterates over what it takes for changeable; nothing is changed. */
static json_t *unviewed(const struct json *value)
{
    return (json_t *)(uintptr_t)value;
}

bool json_next(const struct json *object, struct json_cursor *cursor)
{
    json_t *whole = unviewed(object);
    void *at =
        cursor->at == NULL ? json_object_iter(whole) : json_object_iter_next(whole, cursor->at);
    if (at == NULL) {
        *cursor = (struct json_cursor){0};
        return false;
    }
    *cursor =
        (struct json_cursor){json_object_iter_key(at), view_back(json_object_iter_value(at)), at};
    return true;
}

bool json_same(const struct json *a, const struct json *b)
{
    return json_equal(view(a), view(b)) == 1;
}

/* Changing what is there. */

struct json *json_clone(const struct json *value)
{
    return own(json_deep_copy(view(value)));
}

struct json *json_member_edit(struct json *object, const char *name)
{
    return (struct json *)(void *)json_object_get(theirs(object), name);
}

struct json *json_item_edit(struct json *array, size_t index)
{
    return (struct json *)(void *)json_array_get(theirs(array), index);
}

void json_remove(struct json *object, const char *name)
{
    (void)json_object_del(theirs(object), name);
}

void json_item_remove(struct json *array, size_t index)
{
    (void)json_array_remove(theirs(array), index);
}

void json_item_put(struct json *array, size_t index, struct json *taken)
{
    int failed = json_array_set_new(theirs(array), index, theirs(taken));
    assert(failed == 0);
}

void json_clear(struct json *value)
{
    (void)(json_is_object(view(value)) ? json_object_clear(theirs(value))
                                       : json_array_clear(theirs(value)));
}

struct json *json_new_text(struct span text)
{
    return new_text(text);
}

struct json *json_new_boolean(bool value)
{
    return own(value ? json_true() : json_false());
}

struct json *json_new_integer(int64_t number)
{
    return own(json_integer(number));
}

struct json *json_new_null(void)
{
    return own(json_null());
}
