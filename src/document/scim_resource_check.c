/* scim_resource_check.c - what holds for a document as a whole: required, primary, duplicates, bounds, immutable. */
#include "base/memory.h"
#include "document/scim_resource.h"
#include "document/scim_value.h"
#include "wire/fold.h"

#include <assert.h>
#include <string.h>

static bool refuse(struct scim_error *error, const struct scim_schema_attribute *attribute,
                   const char *problem)
{
    return scim_error_set(error, 400, SCIM_ERROR_INVALID_VALUE, "%s: %s", attribute->name, problem);
}

static bool has_required(const struct scim_schema *schema, const struct json *document,
                         struct scim_error *error)
{
    for (const struct scim_schema_attribute *attribute = schema->attributes;
         attribute->name != NULL; attribute++) {
        struct span text = span_trim(json_value_text(json_member(document, attribute->name)));
        if (attribute->required && span_empty(text)) {
            return refuse(error, attribute, "is required");
        }
    }
    return true;
}

/* What makes a value the same as another of its list: type and value, by the rules of their case. Empty: nothing does. */
static struct span identity(const struct scim_schema_attribute *attribute,
                            const struct json *element, struct arena *arena)
{
    bool complex = attribute->type == SCIM_SCHEMA_COMPLEX;
    const struct scim_schema_attribute *part =
        complex ? scim_schema_find(attribute->parts, SPAN_LITERAL("value")) : attribute;
    struct span value = json_value_text(complex ? json_member(element, "value") : element);
    struct span type = json_value_text(complex ? json_member(element, "type") : NULL);
    if (part == NULL || span_empty(value)) {
        return (struct span){0};
    }
    /* A member is the same, whatever its type is said to be. */
    type = part->required ? (struct span){0} : fold_lower(type, arena);
    value = part->exact ? value : fold_lower(value, arena);
    return span_of(arena_format(arena, "%zu %.*s%.*s", type.length, (int)type.length,
                                type.length == 0 ? "" : type.at, (int)value.length, value.at));
}

static bool is_primary(const struct json *element)
{
    return json_kind(json_member(element, "primary")) == JSON_KIND_TRUE;
}

/* The list without later values that are the same; NULL: there are none. One pass, whatever was sent. */
static struct json *without_duplicates(const struct scim_schema_attribute *attribute,
                                       const struct json *list)
{
    CLEANUP(json_cleanup) struct json *seen = json_new_object();
    struct json *kept = json_new_array();
    CLEANUP(arena_done) struct arena arena = {0};
    for (size_t i = 0; i < json_size(list); i++) {
        const struct json *element = json_item(list, i);
        struct span key = identity(attribute, element, &arena);
        int64_t first = 0;
        if (span_empty(key) || !json_number(seen, key.at, &first)) {
            if (!span_empty(key)) {
                json_put_integer(seen, key.at, (int64_t)json_size(kept));
            }
            json_append(kept, json_clone(element));
        } else if (is_primary(element)) {
            json_put_boolean(json_item_edit(kept, (size_t)first), "primary", true);
        }
    }
    if (json_size(kept) == json_size(list)) {
        json_free(kept);
        return NULL;
    }
    return kept;
}

static bool check_list(const struct scim_schema_attribute *attribute, struct json *object,
                       struct scim_error *error)
{
    const struct json *list = json_member(object, attribute->name);
    size_t most = scim_value_count_max(attribute), primaries = 0;
    if (json_size(list) > most) {
        return scim_error_set(error, 400, SCIM_ERROR_INVALID_VALUE, "%s: more than %zu values",
                              attribute->name, most);
    }
    struct json *fewer = without_duplicates(attribute, list);
    if (fewer != NULL) {
        json_put(object, attribute->name, fewer);
        list = fewer;
    }
    for (size_t i = 0; i < json_size(list); i++) {
        primaries += is_primary(json_item(list, i));
    }
    return primaries <= 1 || refuse(error, attribute, "primary is true more than once");
}

static bool check_lists(const struct scim_schema *schema, struct json *object,
                        struct scim_error *error)
{
    for (const struct scim_schema_attribute *attribute = schema->attributes;
         attribute->name != NULL; attribute++) {
        if (attribute->multiple &&
            json_kind(json_member(object, attribute->name)) == JSON_KIND_ARRAY &&
            !check_list(attribute, object, error)) {
            return false;
        }
    }
    return true;
}

/* Without what is kept elsewhere. */
static bool fits(const struct json *document)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(SCIM_RESOURCE_DOCUMENT_MAX);
    struct json_cursor cursor = {0};
    while (json_next(document, &cursor) && !buffer_full(&out)) {
        if (strcmp(cursor.name, "members") != 0 && strcmp(cursor.name, "password") != 0) {
            json_write_text(span_of(cursor.name), &out);
            json_write(cursor.value, &out);
            buffer_add_text(&out, ":,");
        }
    }
    buffer_add_text(&out, "{}");
    return !buffer_full(&out);
}

bool scim_resource_check(enum scim_schema_resource resource, struct json *document,
                         struct scim_error *error)
{
    const struct scim_schema_resource_type *type = scim_schema_resource_type(resource);
    assert(type != NULL);
    if (!has_required(type->core, document, error) || !check_lists(type->core, document, error)) {
        return false;
    }
    for (size_t i = 0; type->extensions[i] != NULL; i++) {
        struct json *extension = json_member_edit(document, type->extensions[i]->urn);
        if (extension != NULL && !check_lists(type->extensions[i], extension, error)) {
            return false;
        }
    }
    return fits(document) ||
           scim_error_set(error, 413, SCIM_ERROR_NO_TYPE,
                          "the attributes together are larger than %d bytes (without members)",
                          SCIM_RESOURCE_DOCUMENT_MAX);
}

/* `before` and `after` are the resource or one of its extensions; what the latter lacks is put into it. */
static bool same_immutable(const struct scim_schema *schema, const struct json *before,
                           struct json *after, struct scim_error *error)
{
    for (const struct scim_schema_attribute *attribute = schema->attributes;
         attribute->name != NULL; attribute++) {
        const struct json *old = json_member(before, attribute->name);
        const struct json *new = json_member(after, attribute->name);
        if (attribute->mutability != SCIM_SCHEMA_IMMUTABLE || old == NULL) {
            continue;
        }
        if (new != NULL && !json_same(old, new)) {
            return scim_error_set(error, 400, SCIM_ERROR_MUTABILITY,
                                  "%s: is set already and cannot change", attribute->name);
        }
        json_put(after, attribute->name, json_clone(old));
    }
    return true;
}

static bool same_in_extension(const struct scim_schema *schema, const struct json *before,
                              struct json *after, struct scim_error *error)
{
    const struct json *old = json_member(before, schema->urn);
    if (old == NULL) {
        return true;
    }
    if (json_member(after, schema->urn) == NULL) {
        json_put(after, schema->urn, json_new_object());
    }
    bool same = same_immutable(schema, old, json_member_edit(after, schema->urn), error);
    if (json_size(json_member(after, schema->urn)) == 0) {
        json_remove(after, schema->urn);
    }
    return same;
}

bool scim_resource_check_immutable(enum scim_schema_resource resource, const struct json *before,
                                   struct json *after, struct scim_error *error)
{
    const struct scim_schema_resource_type *type = scim_schema_resource_type(resource);
    bool same = same_immutable(type->core, before, after, error);
    for (size_t i = 0; type->extensions[i] != NULL && same; i++) {
        same = same_in_extension(type->extensions[i], before, after, error);
    }
    return same;
}
