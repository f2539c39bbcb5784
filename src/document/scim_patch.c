/* scim_patch.c - PATCH: the body, its operations one after another, and what they add up to. */
#include "document/scim_patch.h"

#include "base/memory.h"
#include "base/text.h"
#include "document/scim_filter.h"
#include "document/scim_patch_members.h"
#include "document/scim_patch_value.h"
#include "document/scim_resource.h"

struct patch {
    struct scim_patch_target *target;
    struct scim_patch_result *result;
    struct scim_patch_members_plan members;
    struct arena arena;
    size_t work;
    struct scim_error *error;
};

/* One operation, and whether its attribute came in a value without a path: then what is read-only is passed over, for whole
 * objects are sent that way. */
struct step {
    enum scim_patch_value_operation operation;
    bool whole;
};

static bool refuse(struct patch *patch, enum scim_error_type type, const char *why)
{
    return scim_error_set(patch->error, 400, type, "%s", why);
}

/* A name that a client sent, cut to what a line can bear. */
static bool refuse_name(struct patch *patch, enum scim_error_type type, struct span name,
                        const char *why)
{
    struct span front = text_front(name, 120);
    return scim_error_set(patch->error, 400, type, "%.*s: %s", (int)front.length,
                          front.at == NULL ? "" : front.at, why);
}

/* Attribute names do not regard case (N17), not even in messages. */
static const struct json *member_fold(const struct json *object, const char *name)
{
    struct json_cursor cursor = {0};
    const struct json *exact = json_member(object, name);
    while (exact == NULL && json_kind(object) == JSON_KIND_OBJECT && json_next(object, &cursor)) {
        if (span_is_fold(span_of(cursor.name), name)) {
            return cursor.value;
        }
    }
    return exact;
}

/* -- one attribute -- */

static bool is_core(const struct scim_path *path, const char *name)
{
    return path->extension == NULL && path->attribute != NULL &&
           strcmp(path->attribute->name, name) == 0;
}

/* N44 d: the resource's own id may be repeated; `schemas` follows from what there is (N42). */
static bool change_read_only(struct patch *patch, struct step step, const struct scim_path *path,
                             const struct json *value)
{
    bool remove = step.operation == SCIM_PATCH_VALUE_REMOVE;
    bool own_id = is_core(path, "id") && ((step.whole && scim_patch_value_none(value)) ||
                                          (json_kind(value) == JSON_KIND_TEXT &&
                                           span_equal(json_value_text(value), patch->target->id)));
    bool other_id = is_core(path, "id") && !own_id;
    if (!remove && (own_id || is_core(path, "schemas") || (step.whole && !other_id))) {
        return true;
    }
    return refuse_name(patch, SCIM_ERROR_MUTABILITY, span_of(path->attribute->name),
                       other_id && !remove ? "is another one than this resource's"
                                           : "is read-only");
}

static bool check_part(struct patch *patch, const struct scim_path *path)
{
    if (path->part == NULL && !span_empty(path->part_name)) {
        return refuse_name(patch, SCIM_ERROR_INVALID_PATH, span_of(path->attribute->name),
                           "has no such part");
    }
    return true;
}

/* `mailHost` and the like: given once, they stay, unless the client may move what they say. */
static bool apply_value(struct patch *patch, const struct scim_patch_value *change)
{
    const struct scim_path *path = change->path;
    bool immutable =
        path->attribute->mutability == SCIM_SCHEMA_IMMUTABLE && !patch->target->immutable_allowed;
    const struct json *there = immutable ? scim_path_value(path, change->document) : NULL;
    CLEANUP(json_cleanup) struct json *before = there == NULL ? NULL : json_clone(there);
    if (!scim_patch_value_apply(change, patch->error)) {
        return false;
    }
    const struct json *after = scim_path_value(path, change->document);
    if (before != NULL && (after == NULL || !json_same(before, after))) {
        return refuse_name(patch, SCIM_ERROR_MUTABILITY, span_of(path->attribute->name),
                           "is immutable");
    }
    return true;
}

/* 5.3: an `active` that is removed stays as it is. */
static bool keeps_active(const struct step *step, const struct scim_path *path,
                         const struct json *value)
{
    return is_core(path, "active") &&
           (step->operation == SCIM_PATCH_VALUE_REMOVE || scim_patch_value_none(value));
}

static bool change_attribute(struct patch *patch, struct step step, const struct scim_path *path,
                             const struct json *value)
{
    const struct scim_schema_attribute *attribute = path->attribute;
    struct scim_patch_value change = {.operation = step.operation,
                                      .path = path,
                                      .value = value,
                                      .document = patch->target->document,
                                      .work = &patch->work,
                                      .arena = &patch->arena};
    if (attribute->mutability == SCIM_SCHEMA_READ_ONLY) {
        return change_read_only(patch, step, path, value);
    }
    if (!check_part(patch, path)) {
        return false;
    }
    if (path->part != NULL && path->part->mutability == SCIM_SCHEMA_READ_ONLY) {
        return step.whole ||
               refuse_name(patch, SCIM_ERROR_MUTABILITY, path->part_name, "is a read-only part");
    }
    if (is_core(path, "members")) {
        return scim_patch_members_apply(&patch->members, &change, patch->error);
    }
    if (keeps_active(&step, path, value)) {
        return true;
    }
    patch->result->sets_active |= is_core(path, "active");
    return apply_value(patch, &change);
}

/* -- an object of attributes: a value without a path, or that of an extension -- */

static bool change_object(struct patch *patch, struct step step, const struct json *object,
                          const struct scim_schema *extension);

static struct json *extension_at(struct patch *patch, const struct scim_schema *extension)
{
    struct json *document = patch->target->document;
    if (json_kind(json_member(document, extension->urn)) != JSON_KIND_OBJECT) {
        json_put(document, extension->urn, json_new_object());
    }
    return json_member_edit(document, extension->urn);
}

static void drop_empty(struct patch *patch, const struct scim_schema *extension)
{
    if (json_size(json_member(patch->target->document, extension->urn)) == 0) {
        json_remove(patch->target->document, extension->urn);
    }
}

/* What we do not know is kept as it came: echo-complete. */
static void keep_unknown(struct patch *patch, const struct scim_schema *extension, const char *name,
                         const struct json *value)
{
    struct json *holder =
        extension == NULL ? patch->target->document : extension_at(patch, extension);
    if (scim_patch_value_none(value)) {
        json_remove(holder, name);
    } else {
        json_put(holder, name, json_clone(value));
    }
    if (extension != NULL) {
        drop_empty(patch, extension);
    }
}

/* A whole extension goes, attribute by attribute, so that what may not go stays and says so. */
static bool remove_extension(struct patch *patch, const struct scim_schema *extension)
{
    struct json *holder = json_member_edit(patch->target->document, extension->urn);
    if (holder == NULL) {
        return true;
    }
    for (const struct scim_schema_attribute *at = extension->attributes; at->name != NULL; at++) {
        bool there = json_member(holder, at->name) != NULL;
        if (there && at->mutability == SCIM_SCHEMA_IMMUTABLE && !patch->target->immutable_allowed) {
            return refuse_name(patch, SCIM_ERROR_MUTABILITY, span_of(at->name), "is immutable");
        }
    }
    json_remove(patch->target->document, extension->urn);
    return true;
}

/* A schema's URN alone: all of it. */
static bool change_schema(struct patch *patch, struct step step, const struct scim_schema *schema,
                          const struct json *value)
{
    bool extension = scim_schema_is_extension(schema);
    if (json_kind(value) == JSON_KIND_ARRAY && json_size(value) == 1) {
        value = json_item(value, 0);
    }
    bool gone = step.operation == SCIM_PATCH_VALUE_REMOVE ||
                (step.operation == SCIM_PATCH_VALUE_REPLACE && scim_patch_value_none(value));
    if (gone) {
        return extension
                   ? remove_extension(patch, schema)
                   : refuse(patch, SCIM_ERROR_NO_TARGET, "a resource cannot lose its own schema");
    }
    if (scim_patch_value_none(value)) {
        return true;
    }
    if (json_kind(value) != JSON_KIND_OBJECT) {
        return refuse_name(patch, SCIM_ERROR_INVALID_VALUE, span_of(schema->urn),
                           "takes an object of its attributes");
    }
    step.whole = true;
    return change_object(patch, step, value, extension ? schema : NULL);
}

/* N44 c: keys may be paths themselves. */
static bool change_member(struct patch *patch, struct step step, const char *name,
                          const struct json *value, const struct scim_schema *extension)
{
    struct scim_path path;
    struct scim_error why;
    const char *text =
        extension == NULL ? name : arena_format(&patch->arena, "%s:%s", extension->urn, name);
    struct span key = span_of(text);
    bool read = scim_path_parse(patch->target->resource, key, true, &patch->arena, &path, &why);
    if (!read && span_has(key, '[')) {
        *patch->error = why;
        return false;
    }
    if (read && path.attribute == NULL && path.extension != NULL && span_empty(path.name)) {
        return change_schema(patch, step, path.extension, value);
    }
    if (!read || path.attribute == NULL) {
        keep_unknown(patch, extension, name, value);
        return true;
    }
    return change_attribute(patch, step, &path, value);
}

static bool change_object(struct patch *patch, struct step step, const struct json *object,
                          const struct scim_schema *extension)
{
    struct json_cursor cursor = {0};
    while (json_next(object, &cursor)) {
        if (!change_member(patch, step, cursor.name, cursor.value, extension)) {
            return false;
        }
    }
    return true;
}

/* -- operations -- */

static bool change_without_path(struct patch *patch, struct step step, const struct json *value)
{
    if (step.operation == SCIM_PATCH_VALUE_REMOVE) {
        return refuse(patch, SCIM_ERROR_NO_TARGET, "path: a removal needs one");
    }
    if (json_kind(value) == JSON_KIND_ARRAY && json_size(value) == 1) {
        value = json_item(value, 0);
    }
    if (json_kind(value) != JSON_KIND_OBJECT) {
        return refuse(patch, SCIM_ERROR_INVALID_VALUE,
                      "value: without a path it is an object of attributes");
    }
    step.whole = true;
    return change_object(patch, step, value, NULL);
}

static bool change_at_path(struct patch *patch, struct step step, struct span text,
                           const struct json *value)
{
    struct scim_path path;
    if (!scim_path_parse(patch->target->resource, text, true, &patch->arena, &path, patch->error)) {
        return false;
    }
    if (path.attribute != NULL) {
        return change_attribute(patch, step, &path, value);
    }
    if (path.extension != NULL && span_empty(path.name)) {
        return change_schema(patch, step, path.extension, value);
    }
    return refuse_name(patch, SCIM_ERROR_INVALID_PATH, text, "is no attribute of this resource");
}

static bool read_operation(struct patch *patch, const struct json *operation, struct step *step)
{
    static const char *const NAMES[] = {"add", "replace", "remove"};
    const struct json *name = member_fold(operation, "op");
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (span_is_fold(json_value_text(name), NAMES[i])) {
            *step = (struct step){.operation = (enum scim_patch_value_operation)i};
            return true;
        }
    }
    return refuse(patch, SCIM_ERROR_INVALID_SYNTAX,
                  "Operations: each has an `op` of add, replace or remove");
}

static bool apply_operation(struct patch *patch, const struct json *operation)
{
    struct step step = {0};
    const struct json *path = member_fold(operation, "path");
    const struct json *value = member_fold(operation, "value");
    enum json_kind kind = json_kind(path);
    if (!read_operation(patch, operation, &step)) {
        return false;
    }
    if (step.operation != SCIM_PATCH_VALUE_REMOVE && value == NULL) {
        return refuse(patch, SCIM_ERROR_INVALID_VALUE, "value: add and replace need one");
    }
    bool none = kind == JSON_KIND_ABSENT || kind == JSON_KIND_NULL;
    if (!none && kind != JSON_KIND_TEXT) {
        return refuse(patch, SCIM_ERROR_INVALID_PATH, "path: is not a string");
    }
    return none || span_empty(json_value_text(path))
               ? change_without_path(patch, step, value)
               : change_at_path(patch, step, json_value_text(path), value);
}

/* -- the body -- */

/* Some clients leave `schemas` out; what they say there must be right. */
static bool check_schemas(struct patch *patch, const struct json *body)
{
    const struct json *schemas = member_fold(body, "schemas");
    for (size_t i = 0; i < json_size(schemas) && json_kind(schemas) == JSON_KIND_ARRAY; i++) {
        if (span_is_fold(json_value_text(json_item(schemas, i)), SCIM_SCHEMA_PATCH)) {
            return true;
        }
    }
    return json_kind(schemas) == JSON_KIND_ABSENT ||
           refuse(patch, SCIM_ERROR_INVALID_SYNTAX, "schemas: is not that of a PatchOp");
}

static bool apply_all(struct patch *patch, const struct json *body)
{
    const struct json *operations = member_fold(body, "Operations");
    if (!patch->target->schemas_given && !check_schemas(patch, body)) {
        return false;
    }
    if (json_kind(operations) != JSON_KIND_ARRAY || json_size(operations) == 0) {
        return refuse(patch, SCIM_ERROR_INVALID_SYNTAX, "Operations: is not a list of operations");
    }
    if (json_size(operations) > SCIM_PATCH_OPERATIONS_MAX) {
        return scim_error_set(patch->error, 413, SCIM_ERROR_NO_TYPE, "Operations: more than %d",
                              SCIM_PATCH_OPERATIONS_MAX);
    }
    for (size_t i = 0; i < json_size(operations); i++) {
        if (!apply_operation(patch, json_item(operations, i))) {
            return false;
        }
    }
    return scim_resource_check(patch->target->resource, patch->target->document, patch->error);
}

/* A password is not part of what is stored, so it makes no other document. */
static bool differs(const struct json *before, const struct json *after)
{
    struct json_cursor cursor = {0};
    size_t same = 0;
    while (json_next(after, &cursor)) {
        const struct json *old = json_member(before, cursor.name);
        if (strcmp(cursor.name, "password") == 0) {
            same += old != NULL;
        } else if (old == NULL || !json_same(old, cursor.value)) {
            return true;
        } else {
            same++;
        }
    }
    return same != json_size(before);
}

bool scim_patch_apply(const struct json *body, struct scim_patch_target *target,
                      struct scim_patch_result *result, struct scim_error *error)
{
    struct patch patch = {.target = target, .result = result, .error = error};
    CLEANUP(json_cleanup) struct json *before = json_clone(target->document);
    *result = (struct scim_patch_result){0};
    patch.members.present = target->present;
    bool applied = apply_all(&patch, body);
    if (applied) {
        result->changed = differs(before, target->document);
        scim_patch_members_finish(&patch.members, &result->members);
    } else {
        *result = (struct scim_patch_result){0};
    }
    scim_patch_members_done(&patch.members);
    arena_done(&patch.arena);
    return applied;
}

void scim_patch_result_done(struct scim_patch_result *result)
{
    json_free(result->members.add);
    json_free(result->members.remove);
    *result = (struct scim_patch_result){0};
}
