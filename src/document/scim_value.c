/* scim_value.c - one value as a client sent it, made into what the table says it is. */
#include "document/scim_value.h"

#include "account/account.h"
#include "base/memory.h"
#include "base/text.h"
#include "document/scim_date.h"
#include "document/scim_resource.h"

/* What JSON readers still take for an integer. */
#define INTEGER_MAX (INT64_C(1) << 53)

/* Where a value stands; `of` is the complex attribute that it is a part of, or NULL. */
struct place {
    const struct scim_schema_attribute *of, *attribute;
    struct scim_error *error;
};

static struct json *refuse_as(const struct place *place, enum scim_error_type type,
                              const char *problem)
{
    scim_error_set(place->error, 400, type, "%s%s%s: %s", place->of == NULL ? "" : place->of->name,
                   place->of == NULL ? "" : ".", place->attribute->name, problem);
    return NULL;
}

static struct json *refuse(const struct place *place, const char *problem)
{
    return refuse_as(place, SCIM_ERROR_INVALID_VALUE, problem);
}

size_t scim_value_count_max(const struct scim_schema_attribute *attribute)
{
    return strcmp(attribute->name, "members") == 0 ? SCIM_RESOURCE_MEMBERS_MAX
                                                   : SCIM_RESOURCE_VALUES_MAX;
}

bool scim_value_first(struct json *seen, const char *name)
{
    struct arena arena = {0};
    char *lower = arena_format(&arena, "%s", name);
    for (char *byte = lower; *byte != '\0'; byte++) {
        *byte = span_lower(*byte);
    }
    bool first = json_member(seen, lower) == NULL;
    if (first) {
        json_put_boolean(seen, lower, true);
    }
    arena_done(&arena);
    return first;
}

static struct json *read_text(const struct place *place, const struct json *value)
{
    struct span text = json_value_text(value);
    if (json_kind(value) != JSON_KIND_TEXT) {
        return refuse(place, "must be a string");
    }
    size_t most = place->attribute->large ? SCIM_RESOURCE_DOCUMENT_MAX : SCIM_RESOURCE_TEXT_MAX;
    if (text.length > most) {
        return refuse(place, "is too long");
    }
    return json_new_text(text);
}

static struct json *read_boolean(const struct place *place, const struct json *value)
{
    struct span text = span_trim(json_value_text(value));
    enum json_kind kind = json_kind(value);
    if (kind == JSON_KIND_TRUE || span_is_fold(text, "true")) {
        return json_new_boolean(true);
    }
    if (kind == JSON_KIND_FALSE || span_is_fold(text, "false")) {
        return json_new_boolean(false);
    }
    return refuse(place, "must be true or false");
}

/* Digits; where bytes are counted, also "5G" and "none". */
static bool integer_of_text(const struct place *place, struct span text, int64_t *integer)
{
    uint64_t number = 0;
    if (place->attribute->bytes) {
        return account_quota_parse(text, integer) && *integer >= 0;
    }
    bool digits = span_number(text, INTEGER_MAX, &number);
    *integer = (int64_t)number;
    return digits;
}

static struct json *read_integer(const struct place *place, const struct json *value)
{
    bool whole = false, valid = false;
    int64_t integer = 0;
    double number = 0;
    if (json_value_number(value, &whole, &integer, &number)) {
        /* 5368709120.0 is an integer to JavaScript. */
        /* 1e-400 reads as 0, which would mean "unlimited": a zero is written as one. */
        valid = number >= 0 && number <= (double)INTEGER_MAX &&
                (whole || (number >= 1 && (double)(int64_t)number == number));
        integer = valid && !whole ? (int64_t)number : integer;
    } else if (json_kind(value) == JSON_KIND_TEXT) {
        valid = integer_of_text(place, span_trim(json_value_text(value)), &integer);
    }
    if (!valid || integer > INTEGER_MAX) {
        return refuse(place, place->attribute->bytes
                                 ? "must be a number of bytes like 5368709120, or like \"5G\""
                                 : "must be a whole number, not below 0");
    }
    return json_new_integer(integer);
}

static struct json *read_decimal(const struct place *place, const struct json *value)
{
    return json_kind(value) == JSON_KIND_NUMBER ? json_clone(value)
                                                : refuse(place, "must be a number");
}

static struct json *read_date(const struct place *place, const struct json *value)
{
    struct scim_date date;
    return scim_date_read(json_value_text(value), &date)
               ? read_text(place, value)
               : refuse(place, "must be a date and time like 2026-11-24T03:05:57Z");
}

/* Both alphabets, with whatever padding and line ends: it goes back as it came. */
static struct json *read_binary(const struct place *place, const struct json *value)
{
    struct span text = json_value_text(value);
    for (size_t i = 0; i < text.length; i++) {
        int byte = span_at(text, i);
        bool letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
        if (!letter && (byte < '0' || byte > '9') && strchr("+/-_=\r\n \t", byte) == NULL) {
            return refuse(place, "must be base64");
        }
    }
    return read_text(place, value);
}

static struct json *read_single(const struct place *place, const struct json *value);

/* false: refused. Read-only parts are ignored, unknown ones kept. */
static bool read_part(const struct place *place, const char *name, const struct json *value,
                      struct json *read)
{
    const struct scim_schema_attribute *part =
        scim_schema_find(place->attribute->parts, span_of(name));
    if (part != NULL && part->mutability == SCIM_SCHEMA_READ_ONLY) {
        return true;
    }
    if (part == NULL) {
        if (json_kind(value) != JSON_KIND_NULL) {
            json_put(read, name, json_clone(value));
        }
        return true;
    }
    const struct place inner = {place->attribute, part, place->error};
    struct json *one = read_single(&inner, value);
    if (json_kind(one) == JSON_KIND_NULL) {
        json_free(one);
    } else if (one != NULL) {
        json_put(read, part->name, one);
    }
    return one != NULL;
}

static bool read_parts(const struct place *place, const struct json *object, struct json *read)
{
    CLEANUP(json_cleanup) struct json *seen = json_new_object();
    struct json_cursor cursor = {0};
    while (json_next(object, &cursor)) {
        if (!scim_value_first(seen, cursor.name)) {
            return refuse_as(place, SCIM_ERROR_INVALID_SYNTAX,
                             "a part is there twice (names have no case)") != NULL;
        }
        if (!read_part(place, cursor.name, cursor.value, read)) {
            return false;
        }
    }
    return true;
}

/* The required parts of what has any. */
static bool complete(const struct place *place, const struct json *read)
{
    for (const struct scim_schema_attribute *part = place->attribute->parts;
         part != NULL && part->name != NULL; part++) {
        const struct place inner = {place->attribute, part, place->error};
        if (part->required && span_empty(json_value_text(json_member(read, part->name)))) {
            return refuse(&inner, "is required") != NULL;
        }
    }
    return true;
}

static bool read_object(const struct place *place, const struct json *value, struct json *read)
{
    if (json_kind(value) == JSON_KIND_OBJECT) {
        return read_parts(place, value, read);
    }
    if (scim_schema_find(place->attribute->parts, SPAN_LITERAL("value")) != NULL) {
        /* N44 e: Entra's manager, members as bare strings. */
        return read_part(place, "value", value, read);
    }
    return refuse(place, "must be an object") != NULL;
}

static struct json *read_complex(const struct place *place, const struct json *value)
{
    struct json *read = json_new_object();
    bool kept = read_object(place, value, read);
    bool nothing = json_size(read) == 0;
    bool needed = !nothing || json_kind(value) == JSON_KIND_OBJECT;
    if (!kept || (needed && !complete(place, read))) {
        json_free(read);
        return NULL;
    }
    if (nothing) {
        json_free(read);
        return json_new_null();
    }
    return read;
}

/* One value: also when it comes as a list of one (N44 e, older SCIM-SDK). */
static struct json *read_single(const struct place *place, const struct json *value)
{
    if (json_kind(value) == JSON_KIND_ARRAY && json_size(value) == 1) {
        value = json_item(value, 0);
    }
    if (json_kind(value) == JSON_KIND_ARRAY && json_size(value) > 1) {
        return refuse(place, "takes a single value");
    }
    if (json_kind(value) == JSON_KIND_NULL || json_kind(value) == JSON_KIND_ARRAY) {
        return json_size(value) == 0 ? json_new_null() : refuse(place, "is a list in a list");
    }
    switch (place->attribute->type) {
    case SCIM_SCHEMA_STRING:
    case SCIM_SCHEMA_REFERENCE:
        return read_text(place, value);
    case SCIM_SCHEMA_BOOLEAN:
        return read_boolean(place, value);
    case SCIM_SCHEMA_INTEGER:
        return read_integer(place, value);
    case SCIM_SCHEMA_DECIMAL:
        return read_decimal(place, value);
    case SCIM_SCHEMA_DATETIME:
        return read_date(place, value);
    case SCIM_SCHEMA_BINARY:
        return read_binary(place, value);
    case SCIM_SCHEMA_COMPLEX:
        return read_complex(place, value);
    }
    return NULL;
}

/* One of several. Libraries wrap simple ones as {"value": …} too. */
static struct json *read_element(const struct place *place, const struct json *value)
{
    bool wrapped = place->attribute->type != SCIM_SCHEMA_COMPLEX && json_size(value) == 1 &&
                   json_member(value, "value") != NULL;
    struct json *read = read_single(place, wrapped ? json_member(value, "value") : value);
    if (json_kind(read) == JSON_KIND_TEXT && span_empty(json_value_text(read))) {
        json_free(read);
        read = json_new_null();
    }
    return read;
}

/* false: refused. */
static bool add_element(const struct place *place, const struct json *value, struct json *list)
{
    size_t most = scim_value_count_max(place->attribute);
    if (json_size(list) == most) {
        return scim_error_set(place->error, 400, SCIM_ERROR_INVALID_VALUE,
                              "%s: more than %zu values", place->attribute->name, most);
    }
    struct json *read = read_element(place, value);
    if (json_kind(read) == JSON_KIND_NULL) {
        json_free(read);
    } else if (read != NULL) {
        json_append(list, read);
    }
    return read != NULL;
}

static bool parts_words(int byte)
{
    return byte == ',' || byte == ';' || byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* "a@example.com, b@example.com" (Entra can set simple values only). */
static bool add_words(const struct place *place, struct span text, struct json *list)
{
    bool fine = true;
    size_t begin = 0;
    for (size_t i = 0; i <= text.length && fine; i++) {
        if (i < text.length && !parts_words(span_at(text, i))) {
            continue;
        }
        CLEANUP(json_cleanup)
        struct json *word = json_new_text(span_first(span_from(text, begin), i - begin));
        fine = add_element(place, word, list);
        begin = i + 1;
    }
    return fine;
}

static bool add_elements(const struct place *place, const struct json *value, struct json *list)
{
    if (json_kind(value) == JSON_KIND_TEXT && place->attribute->words) {
        return add_words(place, json_value_text(value), list);
    }
    if (json_kind(value) != JSON_KIND_ARRAY) {
        return add_element(place, value, list);
    }
    for (size_t i = 0; i < json_size(value); i++) {
        if (!add_element(place, json_item(value, i), list)) {
            return false;
        }
    }
    return true;
}

struct json *scim_value_read(const struct scim_schema_attribute *attribute,
                             const struct json *value, struct scim_error *error)
{
    const struct place place = {NULL, attribute, error};
    if (!attribute->multiple) {
        return read_single(&place, value);
    }
    CLEANUP(json_cleanup) struct json *list = json_new_array();
    if (!add_elements(&place, value, list)) {
        return NULL;
    }
    if (json_size(list) == 0) {
        return json_new_null();
    }
    struct json *taken = list;
    list = NULL;
    return taken;
}

struct json *scim_value_element(const struct scim_schema_attribute *attribute,
                                const struct json *value, struct scim_error *error)
{
    const struct place place = {NULL, attribute, error};
    return read_element(&place, value);
}

struct json *scim_value_part(const struct scim_schema_attribute *of,
                             const struct scim_schema_attribute *part, const struct json *value,
                             struct scim_error *error)
{
    const struct place place = {of, part, error};
    return read_single(&place, value);
}
