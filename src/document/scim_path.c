/* scim_path.c - which attribute a text means: plain, dotted, behind a URN, with a value filter. */
#include "document/scim_path.h"

#include "base/text.h"
#include "document/scim_filter.h"

enum { QUOTED_MAX = 80 };

static bool refuse(struct scim_error *error, struct span text, const char *why)
{
    struct span front = text_front(text, QUOTED_MAX);
    return scim_error_set(error, 400, SCIM_ERROR_INVALID_PATH, "path \"%.*s\": %s",
                          (int)front.length, front.at == NULL ? "" : front.at, why);
}

/* RFC 7643, 2.1: ATTRNAME; and `$ref`. */
static bool is_name(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char byte = span_lower(name.at[i]);
        bool first = (byte >= 'a' && byte <= 'z') || byte == '$';
        if (!first && (i == 0 || !((byte >= '0' && byte <= '9') || byte == '-' || byte == '_'))) {
            return false;
        }
    }
    return !span_empty(name);
}

/* A plain value of a list has no parts; `value` then means itself, as RFC 7644's examples write it. */
static void set_part(struct scim_path *path, struct span part)
{
    const struct scim_schema_attribute *attribute = path->attribute;
    path->part_name = part;
    if (attribute == NULL) {
        return;
    }
    if (attribute->type == SCIM_SCHEMA_COMPLEX) {
        path->part = scim_schema_find(attribute->parts, part);
    } else if (attribute->multiple && span_is_fold(part, "value")) {
        path->part_name = (struct span){0};
    }
}

/* `name` or `name.part`, of the core or of path->extension. */
static bool read_names(enum scim_schema_resource resource, struct span whole, struct span text,
                       struct scim_path *path, struct scim_error *error)
{
    size_t dot = span_find(text, '.');
    struct span part = span_from(text, dot + 1);
    path->name = span_first(text, dot);
    if (!is_name(path->name) || (dot < text.length && !is_name(part))) {
        return refuse(error, whole, "is not an attribute's name");
    }
    path->attribute = path->extension != NULL
                          ? scim_schema_find(path->extension->attributes, path->name)
                          : scim_schema_attribute(resource, path->name);
    if (!span_empty(part)) {
        set_part(path, part);
    }
    return true;
}

static bool is_blank_or_control(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.at[i] <= ' ') {
            return true;
        }
    }
    return false;
}

/* A URN holds colons and dots of its own ("…:2.0:User"): what ends it is the last colon, and an attribute's name holds none. */
static bool read_head(enum scim_schema_resource resource, struct span text, struct scim_path *path,
                      struct scim_error *error)
{
    size_t colon = span_find_last(text, ':');
    if (colon == text.length) {
        return read_names(resource, text, text, path, error);
    }
    path->extension = scim_schema_by_urn(resource, text);
    if (path->extension != NULL) {
        return true;
    }
    const struct scim_schema *schema = scim_schema_by_urn(resource, span_first(text, colon));
    if (schema == NULL) {
        path->name = text;
        return !is_blank_or_control(text) && colon > 0 && colon + 1 < text.length
                   ? true
                   : refuse(error, text, "is not an attribute's name");
    }
    path->extension = scim_schema_is_extension(schema) ? schema : NULL;
    return read_names(resource, text, span_from(text, colon + 1), path, error);
}

/* Where the bracket closes: not within a string. Or the text's length. */
static size_t find_end(struct span text)
{
    bool quoted = false;
    for (size_t i = 0; i < text.length; i++) {
        if (quoted && text.at[i] == '\\') {
            i++;
        } else if (text.at[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && text.at[i] == ']') {
            return i;
        }
    }
    return text.length;
}

/* `rest` begins behind the opening bracket. */
static bool read_filter(struct span whole, struct span rest, struct arena *arena,
                        struct scim_path *path, struct scim_error *error)
{
    size_t end = find_end(rest);
    if (end == rest.length) {
        return refuse(error, whole, "has a bracket that is not closed");
    }
    struct span behind = span_from(rest, end + 1);
    struct span part = span_from(behind, 1);
    if (!span_empty(behind) && (span_at(behind, 0) != '.' || !is_name(part))) {
        return refuse(error, whole, "has something wrong behind the bracket");
    }
    path->filter = scim_filter_parse_inner(path->attribute, span_first(rest, end), arena, error);
    if (path->filter == NULL) {
        return false;
    }
    if (!span_empty(behind)) {
        set_part(path, part);
    }
    return true;
}

bool scim_path_parse(enum scim_schema_resource resource, struct span text, bool brackets,
                     struct arena *arena, struct scim_path *path, struct scim_error *error)
{
    *path = (struct scim_path){0};
    if (text.at == NULL || span_empty(text) || text.length > SCIM_PATH_MAX || !text_utf8(text)) {
        return scim_error_set(error, 400, SCIM_ERROR_INVALID_PATH,
                              "path: is empty, not UTF-8 or longer than %d bytes", SCIM_PATH_MAX);
    }
    size_t open = span_find(text, '[');
    if (!read_head(resource, span_first(text, open), path, error)) {
        return false;
    }
    if (open == text.length) {
        return true;
    }
    if (!brackets) {
        return refuse(error, text, "takes no value filter here");
    }
    if (span_empty(path->name) || !span_empty(path->part_name) ||
        (path->attribute != NULL && !path->attribute->multiple)) {
        return refuse(error, text, "takes no value filter: it is not a list of values");
    }
    return read_filter(text, span_from(text, open + 1), arena, path, error);
}

const struct json *scim_path_value(const struct scim_path *path, const struct json *resource)
{
    const struct json *holder = resource;
    if (path->extension != NULL && scim_schema_is_extension(path->extension)) {
        holder = json_member(resource, path->extension->urn);
    }
    if (path->attribute != NULL) {
        return json_member(holder, path->attribute->name);
    }
    return path->extension != NULL && span_empty(path->name) ? holder : NULL;
}
