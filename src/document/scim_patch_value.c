/* scim_patch_value.c - one operation of a PATCH on one attribute: single, complex, a list, or what a filter finds in it. */
#include "document/scim_patch_value.h"

#include "base/memory.h"
#include "document/scim_filter.h"
#include "document/scim_patch_list.h"
#include "document/scim_resource.h"
#include "document/scim_value.h"

bool scim_patch_value_none(const struct json *value)
{
    enum json_kind kind = json_kind(value);
    return kind == JSON_KIND_ABSENT || kind == JSON_KIND_NULL ||
           (kind == JSON_KIND_ARRAY && json_size(value) == 0);
}

bool scim_patch_value_work(size_t *work, size_t more, struct scim_error *error)
{
    *work += more;
    return *work <= SCIM_PATCH_VALUE_WORK_MAX ||
           scim_error_set(error, 413, SCIM_ERROR_NO_TYPE,
                          "the operations together look at too many values: send fewer at once");
}

static bool refuse_removal(const struct scim_schema_attribute *attribute, struct scim_error *error)
{
    return scim_error_set(error, 400, SCIM_ERROR_MUTABILITY,
                          "%s: is required, it cannot be removed", attribute->name);
}

/* Some clients wrap what has one value into a list of one; others into the object of a list's value (N44). */
static const struct json *unwrapped(const struct scim_schema_attribute *attribute,
                                    const struct json *value)
{
    if (json_kind(value) == JSON_KIND_ARRAY && json_size(value) == 1) {
        value = json_item(value, 0);
    }
    bool simple = attribute->type != SCIM_SCHEMA_COMPLEX;
    return simple && json_kind(value) == JSON_KIND_OBJECT && json_member(value, "value") != NULL
               ? json_member(value, "value")
               : value;
}

/* -- one value without parts: an attribute, or a part of one -- */

/* A JSON null: unassigned. NULL: refused. */
static struct json *read_plain(const struct scim_patch_value *change,
                               const struct scim_schema_attribute *attribute,
                               struct scim_error *error)
{
    if (scim_patch_value_none(change->value) || change->operation == SCIM_PATCH_VALUE_REMOVE) {
        return json_new_null();
    }
    const struct json *value = unwrapped(attribute, change->value);
    return attribute == change->path->part
               ? scim_value_part(change->path->attribute, attribute, value, error)
               : scim_resource_value(attribute, value, error);
}

/* `add` of nothing changes nothing; `replace` by nothing is a removal. */
static bool set_plain(const struct scim_patch_value *change, struct json *holder,
                      const struct scim_schema_attribute *attribute, struct scim_error *error)
{
    CLEANUP(json_cleanup) struct json *value = read_plain(change, attribute, error);
    bool none = json_kind(value) == JSON_KIND_NULL;
    if (value == NULL) {
        return false;
    }
    if (none && change->operation == SCIM_PATCH_VALUE_ADD) {
        return true;
    }
    if (none && attribute->required) {
        return refuse_removal(attribute, error);
    }
    if (none) {
        json_remove(holder, attribute->name);
    } else {
        json_put(holder, attribute->name, value);
        value = NULL;
    }
    return true;
}

/* -- one value with parts -- */

/* What pointed to the old value, and what named it, does not fit another one, or none. */
static void forget_reference(struct json *there)
{
    static const char *const OF_VALUE[] = {"$ref", "display", "displayName"};
    for (size_t i = 0; i < sizeof OF_VALUE / sizeof *OF_VALUE; i++) {
        json_remove(there, OF_VALUE[i]);
    }
}

static void forget_part(struct json *there, const char *name)
{
    json_remove(there, name);
    if (strcmp(name, "value") == 0) {
        forget_reference(there);
    }
}

void scim_patch_value_merge(struct json *there, const struct json *given)
{
    struct json_cursor cursor = {0};
    const struct json *old = json_member(there, "value"), *new = json_member(given, "value");
    if (old != NULL && new != NULL && !json_same(old, new)) {
        forget_reference(there);
    }
    while (json_next(given, &cursor)) {
        json_put(there, cursor.name, json_clone(cursor.value));
    }
}

/* Takes out of `given` what is null, and out of `there` the parts that this means. */
static void clear_parts(const struct scim_schema_attribute *attribute, struct json *there,
                        const struct json *value, struct json *given)
{
    struct json_cursor cursor = {0};
    while (json_next(value, &cursor)) {
        const struct scim_schema_attribute *part =
            scim_schema_find(attribute->parts, span_of(cursor.name));
        if (!scim_patch_value_none(cursor.value)) {
            continue;
        }
        json_remove(given, cursor.name);
        if (part != NULL && part->mutability != SCIM_SCHEMA_READ_ONLY) {
            forget_part(there, part->name);
        }
    }
}

/* The object at a name, made when it is not there. */
static struct json *object_at(struct json *holder, const char *name)
{
    struct json *there = json_member_edit(holder, name);
    if (json_kind(there) != JSON_KIND_OBJECT) {
        json_put(holder, name, json_new_object());
        there = json_member_edit(holder, name);
    }
    return there;
}

static void drop_empty(struct json *holder, const char *name)
{
    const struct json *there = json_member(holder, name);
    if (json_kind(there) == JSON_KIND_OBJECT && json_size(there) == 0) {
        json_remove(holder, name);
    }
}

/* Both `add` and `replace` merge the parts that are given (N39, N40); null takes one out. */
static bool merge_complex(struct json *holder, const struct scim_schema_attribute *attribute,
                          const struct json *value, struct scim_error *error)
{
    struct json *there = object_at(holder, attribute->name);
    CLEANUP(json_cleanup) struct json *given = json_clone(value);
    CLEANUP(json_cleanup) struct json *normal = NULL;
    if (json_kind(value) == JSON_KIND_OBJECT) {
        clear_parts(attribute, there, value, given);
    }
    if (json_kind(given) != JSON_KIND_OBJECT || json_size(given) > 0) {
        normal = scim_resource_value(attribute, given, error);
        if (normal == NULL) {
            return false;
        }
    }
    if (json_kind(normal) == JSON_KIND_OBJECT) {
        scim_patch_value_merge(there, normal);
    }
    drop_empty(holder, attribute->name);
    return true;
}

static bool set_complex(const struct scim_patch_value *change, struct json *holder,
                        struct scim_error *error)
{
    const struct scim_schema_attribute *attribute = change->path->attribute;
    bool remove = change->operation == SCIM_PATCH_VALUE_REMOVE;
    const struct json *value = unwrapped(attribute, change->value);
    if (remove || scim_patch_value_none(value)) {
        return set_plain(change, holder, attribute, error);
    }
    return merge_complex(holder, attribute, value, error);
}

bool scim_patch_value_set_part(const struct scim_patch_value *change, struct json *there,
                               struct scim_error *error)
{
    const struct scim_schema_attribute *part = change->path->part;
    CLEANUP(json_cleanup) struct json *given = json_new_object();
    struct json *target = strcmp(part->name, "value") == 0 ? given : there;
    if (!set_plain(change, target, part, error)) {
        return false;
    }
    if (target == given && json_size(given) > 0) {
        scim_patch_value_merge(there, given);
    } else if (target == given && change->operation != SCIM_PATCH_VALUE_ADD) {
        forget_part(there, part->name);
    }
    return true;
}

static bool set_single(const struct scim_patch_value *change, struct json *holder,
                       struct scim_error *error)
{
    const struct scim_schema_attribute *attribute = change->path->attribute;
    if (change->path->part != NULL) {
        bool set = scim_patch_value_set_part(change, object_at(holder, attribute->name), error);
        drop_empty(holder, attribute->name);
        return set;
    }
    return attribute->type == SCIM_SCHEMA_COMPLEX ? set_complex(change, holder, error)
                                                  : set_plain(change, holder, attribute, error);
}

/* -- anything -- */

bool scim_patch_value_apply(const struct scim_patch_value *change, struct scim_error *error)
{
    const struct scim_schema *extension = change->path->extension;
    struct json *holder =
        extension == NULL ? change->document : object_at(change->document, extension->urn);
    bool applied = change->path->attribute->multiple ? scim_patch_list_apply(change, holder, error)
                                                     : set_single(change, holder, error);
    if (extension != NULL) {
        drop_empty(change->document, extension->urn);
    }
    return applied;
}
