/* scim_projection.c - `attributes` and `excludedAttributes`: what of a resource is returned. */
#include "document/scim_projection.h"

#include "base/memory.h"

#include <string.h>

bool scim_projection_read(enum scim_schema_resource resource, struct span attributes,
                          struct span excluded, struct arena *arena,
                          struct scim_projection *projection, struct scim_error *error)
{
    bool exclude = span_empty(span_trim(attributes));
    struct span rest = span_trim(exclude ? excluded : attributes), text;
    *projection = (struct scim_projection){0};
    if (span_empty(rest)) {
        return true;
    }
    struct scim_path *paths = arena_new(arena, SCIM_PROJECTION_PATHS_MAX * sizeof *paths);
    size_t count = 0;
    while (span_cut(&rest, ',', &text)) {
        text = span_trim(text);
        if (span_empty(text)) {
            continue;
        }
        if (count == SCIM_PROJECTION_PATHS_MAX) {
            return scim_error_set(error, 400, SCIM_ERROR_INVALID_VALUE, "%s: more than %d",
                                  exclude ? "excludedAttributes" : "attributes",
                                  SCIM_PROJECTION_PATHS_MAX);
        }
        if (!scim_path_parse(resource, span_copy(arena, text), false, arena, &paths[count++],
                             error)) {
            return false;
        }
    }
    *projection = (struct scim_projection){paths, count, true, exclude};
    return true;
}

/* One attribute of a resource, known or not. */
struct subject {
    const struct scim_schema *extension; /* NULL: core or common */
    const struct scim_schema_attribute *attribute;
    struct span name;
};

/* "urn:…:User" alone: the whole extension, or all of the core. */
static bool names_schema(const struct scim_path *path)
{
    return path->extension != NULL && path->attribute == NULL && span_empty(path->name);
}

static bool is_common(const struct scim_schema_attribute *attribute)
{
    return attribute != NULL &&
           scim_schema_find(scim_schema_common(), span_of(attribute->name)) == attribute;
}

static bool names_whole(const struct scim_path *path, const struct subject *subject)
{
    const struct scim_schema *extension = path->extension;
    if (extension != NULL && !scim_schema_is_extension(extension)) {
        extension = NULL;
    }
    return names_schema(path) && extension == subject->extension &&
           (extension != NULL || !is_common(subject->attribute));
}

/* Whether the path names this attribute, or a part of it. */
static bool names(const struct scim_path *path, const struct subject *subject)
{
    if (names_schema(path) || path->extension != subject->extension) {
        return false;
    }
    /* By name: a search over all types has paths of one and resources of another. */
    return span_equal_fold(path->name, subject->name);
}

enum choice { CHOICE_NONE, CHOICE_PARTS, CHOICE_ALL };

/* 0: no part that the table has. */
static unsigned part_bit(const struct subject *subject, const struct scim_path *path)
{
    const struct scim_schema_attribute *parts =
        subject->attribute == NULL ? NULL : subject->attribute->parts;
    const struct scim_schema_attribute *part = scim_schema_find(parts, path->part_name);
    return part == NULL ? 0 : 1U << (part - parts);
}

/* What the parameter asks of one attribute: nothing, some parts, all of it. `parts` gets a bit for each part of the table. */
static enum choice chosen(const struct scim_projection *projection, const struct subject *subject,
                          unsigned *parts)
{
    enum choice choice = CHOICE_NONE;
    *parts = 0;
    for (size_t i = 0; i < projection->count; i++) {
        const struct scim_path *path = &projection->paths[i];
        bool whole = names_whole(path, subject);
        if (!whole && !names(path, subject)) {
            continue;
        }
        if (whole || span_empty(path->part_name)) {
            /* A schema's name alone does not ask for what is returned on request only. */
            bool by_default =
                subject->attribute == NULL || subject->attribute->returned != SCIM_SCHEMA_REQUEST;
            choice = !whole || by_default || projection->exclude ? CHOICE_ALL : choice;
        } else if (part_bit(subject, path) != 0) {
            *parts |= part_bit(subject, path);
            choice = choice == CHOICE_ALL ? CHOICE_ALL : CHOICE_PARTS;
        }
    }
    return choice;
}

/* What is returned of it: nothing, the parts in `kept`, all. */
static enum choice returned(const struct scim_projection *projection, const struct subject *subject,
                            unsigned *kept)
{
    enum scim_schema_returned rule =
        subject->attribute == NULL ? SCIM_SCHEMA_DEFAULT : subject->attribute->returned;
    unsigned parts = 0;
    if (rule == SCIM_SCHEMA_NEVER) {
        return CHOICE_NONE;
    }
    enum choice choice = projection->given ? chosen(projection, subject, &parts) : CHOICE_NONE;
    if (rule == SCIM_SCHEMA_ALWAYS) {
        return CHOICE_ALL;
    }
    if (projection->given && !projection->exclude) {
        *kept = parts;
        return choice;
    }
    if (rule == SCIM_SCHEMA_REQUEST || choice == CHOICE_ALL) {
        return CHOICE_NONE;
    }
    *kept = ~parts;
    return choice == CHOICE_PARTS ? CHOICE_PARTS : CHOICE_ALL;
}

bool scim_projection_wants(const struct scim_projection *projection,
                           const struct scim_schema *extension,
                           const struct scim_schema_attribute *attribute)
{
    const struct subject subject = {extension, attribute, span_of(attribute->name)};
    unsigned kept = 0;
    return returned(projection, &subject, &kept) != CHOICE_NONE;
}

/* Names of the members that go: an object may not change while it is walked. */
static void remove_all(struct json *object, const struct json *names)
{
    for (size_t i = 0; i < json_size(names); i++) {
        json_remove(object, json_value_text(json_item(names, i)).at);
    }
}

static void keep_parts_of_one(const struct scim_schema_attribute *attribute, struct json *element,
                              unsigned kept)
{
    CLEANUP(json_cleanup) struct json *gone = json_new_array();
    struct json_cursor cursor = {0};
    while (json_next(element, &cursor)) {
        const struct scim_schema_attribute *part =
            scim_schema_find(attribute->parts, span_of(cursor.name));
        /* What is not in the table stays only where things are taken out. */
        unsigned bit = part == NULL ? 1U << 31 : 1U << (part - attribute->parts);
        if ((kept & bit) == 0) {
            json_append_text(gone, span_of(cursor.name));
        }
    }
    remove_all(element, gone);
}

static void keep_parts(const struct scim_schema_attribute *attribute, struct json *value,
                       unsigned kept)
{
    if (json_kind(value) == JSON_KIND_OBJECT) {
        keep_parts_of_one(attribute, value, kept);
        return;
    }
    for (size_t i = 0; json_kind(value) == JSON_KIND_ARRAY && i < json_size(value); i++) {
        struct json *element = json_item_edit(value, i);
        if (json_kind(element) == JSON_KIND_OBJECT) {
            keep_parts_of_one(attribute, element, kept);
        }
    }
}

/* Nothing in it: as good as absent. */
static bool is_hollow(const struct json *value)
{
    enum json_kind kind = json_kind(value);
    if (kind == JSON_KIND_ARRAY) {
        size_t filled = 0;
        for (size_t i = 0; i < json_size(value); i++) {
            const struct json *item = json_item(value, i);
            filled += json_kind(item) != JSON_KIND_OBJECT || json_size(item) > 0;
        }
        return filled == 0;
    }
    return kind == JSON_KIND_OBJECT && json_size(value) == 0;
}

/* One object of attributes: the resource itself, or an extension. */
static void apply(const struct scim_projection *projection, enum scim_schema_resource resource,
                  const struct scim_schema *extension, struct json *object)
{
    CLEANUP(json_cleanup) struct json *gone = json_new_array();
    struct json_cursor cursor = {0};
    while (json_next(object, &cursor)) {
        struct span name = span_of(cursor.name);
        const struct scim_schema *inner =
            extension == NULL ? scim_schema_by_urn(resource, name) : NULL;
        unsigned kept = 0;
        if (inner != NULL && scim_schema_is_extension(inner)) {
            struct json *value = json_member_edit(object, cursor.name);
            if (json_kind(value) == JSON_KIND_OBJECT) {
                apply(projection, resource, inner, value);
            }
            if (is_hollow(value)) {
                json_append_text(gone, name);
            }
            continue;
        }
        const struct subject subject = {extension,
                                        extension == NULL
                                            ? scim_schema_attribute(resource, name)
                                            : scim_schema_find(extension->attributes, name),
                                        name};
        enum choice choice = returned(projection, &subject, &kept);
        if (choice == CHOICE_PARTS) {
            keep_parts(subject.attribute, json_member_edit(object, cursor.name), kept);
        }
        if (choice == CHOICE_NONE || (choice == CHOICE_PARTS && is_hollow(cursor.value))) {
            json_append_text(gone, name);
        }
    }
    remove_all(object, gone);
}

void scim_projection_apply(const struct scim_projection *projection,
                           enum scim_schema_resource resource, struct json *shown)
{
    apply(projection, resource, NULL, shown);
}
