/* scim_resource.c - what a client sent becomes a document. */
#include "document/scim_resource.h"

#include "base/memory.h"
#include "base/text.h"
#include "document/scim_value.h"
#include "wire/fold.h"

#include <stdio.h>
#include <string.h>

/* Names from outside, as they stand in details. */
enum { QUOTED_MAX = 80 };

/* Of an object; the bytes of a document bound it as well, but only when all are read. */
enum { NAMES_MAX = 8192 };

struct reading {
    enum scim_schema_resource resource;
    struct json *seen; /* the names that were there */
    struct scim_error *error;
};

static bool refuse(const struct reading *reading, enum scim_error_type type, const char *name,
                   const char *problem)
{
    struct span quoted = text_front(span_of(name), QUOTED_MAX);
    return scim_error_set(reading->error, 400, type, "%.*s: %s", (int)quoted.length, quoted.at,
                          problem);
}

/* Each name once, whatever its case, and an extension once, whatever its URN (N17). */
static bool once(const struct reading *reading, struct json *seen, const char *name)
{
    return scim_value_first(seen, name) ||
           refuse(reading, SCIM_ERROR_INVALID_SYNTAX, name, "is there twice (names have no case)");
}

static bool has_few(const struct reading *reading, const char *name, const struct json *object)
{
    return json_size(object) <= NAMES_MAX ||
           refuse(reading, SCIM_ERROR_INVALID_SYNTAX, name, "has too many attributes");
}

/* What clients send in `schemas` is tolerated, as long as it is a list of URNs (N13). */
static bool check_schemas(const struct reading *reading, const struct json *value)
{
    enum json_kind kind = json_kind(value);
    bool valid = kind == JSON_KIND_TEXT || kind == JSON_KIND_NULL || kind == JSON_KIND_ARRAY;
    for (size_t i = 0; kind == JSON_KIND_ARRAY && i < json_size(value); i++) {
        valid &= json_kind(json_item(value, i)) == JSON_KIND_TEXT;
    }
    return valid || refuse(reading, SCIM_ERROR_INVALID_SYNTAX, "schemas", "must be a list of URNs");
}

/* An empty list is unassigned, and comes back all the same: whoever compares what it sent with what it got (authentik,
 * every hour) would send it again for ever. */
static void keep_empty(const struct scim_schema_attribute *attribute, const struct json *value,
                       struct json *document)
{
    if (attribute->multiple && json_kind(value) == JSON_KIND_ARRAY && json_size(value) == 0) {
        json_put(document, attribute->name, json_new_array());
    }
}

static bool read_attribute(const struct reading *reading,
                           const struct scim_schema_attribute *attribute, const char *name,
                           const struct json *value, struct json *document)
{
    if (attribute == NULL) {
        if (json_kind(value) != JSON_KIND_NULL) {
            json_put(document, name, json_clone(value));
        }
        return true;
    }
    if (attribute->mutability == SCIM_SCHEMA_READ_ONLY) {
        return strcmp(attribute->name, "schemas") != 0 || check_schemas(reading, value);
    }
    struct json *read = scim_value_read(attribute, value, reading->error);
    if (json_kind(read) == JSON_KIND_NULL) {
        json_free(read);
        keep_empty(attribute, value, document);
    } else if (read != NULL) {
        json_put(document, attribute->name, read);
    }
    return read != NULL;
}

static bool read_members(const struct reading *reading, const struct scim_schema *schema,
                         const struct json *object, struct json *extension)
{
    CLEANUP(json_cleanup) struct json *seen = json_new_object();
    struct json_cursor cursor = {0};
    while (json_next(object, &cursor)) {
        const struct scim_schema_attribute *attribute =
            scim_schema_find(schema->attributes, span_of(cursor.name));
        if (!once(reading, seen, cursor.name) ||
            !read_attribute(reading, attribute, cursor.name, cursor.value, extension)) {
            return false;
        }
    }
    return true;
}

static bool read_extension(const struct reading *reading, const struct scim_schema *schema,
                           const struct json *value, struct json *document)
{
    if (json_kind(value) == JSON_KIND_ARRAY && json_size(value) == 1) {
        value = json_item(value, 0);
    }
    bool nothing = json_kind(value) == JSON_KIND_NULL ||
                   (json_kind(value) == JSON_KIND_ARRAY && json_size(value) == 0);
    if (nothing) {
        return true;
    }
    if (json_kind(value) != JSON_KIND_OBJECT) {
        return refuse(reading, SCIM_ERROR_INVALID_VALUE, schema->urn, "must be an object");
    }
    CLEANUP(json_cleanup) struct json *extension = json_new_object();
    if (!has_few(reading, schema->urn, value) || !read_members(reading, schema, value, extension)) {
        return false;
    }
    if (json_size(extension) > 0) {
        json_put(document, schema->urn, extension);
        extension = NULL;
    }
    return true;
}

static bool read_member(const struct reading *reading, const char *name, const struct json *value,
                        struct json *document)
{
    const struct scim_schema *schema = scim_schema_by_urn(reading->resource, span_of(name));
    bool extends = schema != NULL && scim_schema_is_extension(schema);
    if (!once(reading, reading->seen, extends ? schema->urn : name)) {
        return false;
    }
    return extends
               ? read_extension(reading, schema, value, document)
               : read_attribute(reading, scim_schema_attribute(reading->resource, span_of(name)),
                                name, value, document);
}

struct json *scim_resource_read(enum scim_schema_resource resource, const struct json *body,
                                struct scim_error *error)
{
    CLEANUP(json_cleanup) struct json *document = json_new_object();
    CLEANUP(json_cleanup) struct json *seen = json_new_object();
    const struct reading reading = {resource, seen, error};
    struct json_cursor cursor = {0};
    if (json_kind(body) != JSON_KIND_OBJECT) {
        refuse(&reading, SCIM_ERROR_INVALID_SYNTAX, "body", "must be an object");
        return NULL;
    }
    if (!has_few(&reading, "body", body)) {
        return NULL;
    }
    while (json_next(body, &cursor)) {
        if (!read_member(&reading, cursor.name, cursor.value, document)) {
            return NULL;
        }
    }
    if (!scim_resource_check(resource, document, error)) {
        return NULL;
    }
    struct json *taken = document;
    document = NULL;
    return taken;
}

bool scim_resource_asserts(const struct json *body, const char *name)
{
    struct json_cursor cursor = {0};
    while (json_next(body, &cursor)) {
        if (span_is_fold(span_of(cursor.name), name)) {
            return true;
        }
    }
    return false;
}

bool scim_resource_asserts_in(const struct json *body, const char *urn, const char *name)
{
    struct json_cursor cursor = {0};
    while (json_next(body, &cursor)) {
        const struct scim_schema *schema =
            scim_schema_by_urn(SCIM_SCHEMA_NO_RESOURCE, span_of(cursor.name));
        const struct json *value = cursor.value;
        if (json_kind(value) == JSON_KIND_ARRAY && json_size(value) == 1) {
            value = json_item(value, 0);
        }
        if (schema != NULL && span_is(span_of(urn), schema->urn) &&
            scim_resource_asserts(value, name)) {
            return true;
        }
    }
    return false;
}

struct json *scim_resource_value(const struct scim_schema_attribute *attribute,
                                 const struct json *value, struct scim_error *error)
{
    return scim_value_read(attribute, value, error);
}

struct json *scim_resource_element(const struct scim_schema_attribute *attribute,
                                   const struct json *value, struct scim_error *error)
{
    return scim_value_element(attribute, value, error);
}

void scim_resource_tag(int64_t version, char text[32])
{
    snprintf(text, 32, "W/\"%lld\"", (long long)version);
}

/* Days since 1970 as a date of the Gregorian calendar; years begin in March, so that the leap day is the last. */
static void date_of(int64_t days, int *year, int *month, int *day)
{
    int64_t shifted = days + 719468, era = shifted / 146097, of_era = shifted % 146097;
    int64_t of_era_year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
    int64_t part = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * part + 2) / 5 + 1);
    *month = (int)(part < 10 ? part + 3 : part - 9);
    *year = (int)(of_era_year + era * 400 + (*month <= 2));
}

void scim_resource_time(int64_t seconds, char text[32])
{
    /* The last second of 9999, beyond which the format has no years. */
    const int64_t last = INT64_C(253402300799);
    int year = 0, month = 0, day = 0;
    seconds = seconds < 0 ? 0 : seconds > last ? last : seconds;
    date_of(seconds / 86400, &year, &month, &day);
    int second = (int)(seconds % 86400);
    snprintf(text, 32, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, second / 3600,
             second / 60 % 60, second % 60);
}

struct span scim_resource_fold(struct span text, struct arena *arena)
{
    return fold_lower(text, arena);
}
