/* scim_filter.c - what a filter asks for: which index answers it, whether it needs the members. */
#include "document/scim_filter.h"

const struct scim_schema_attribute *scim_filter_leaf(const struct scim_path *path)
{
    if (path->part != NULL) {
        return path->part;
    }
    return span_empty(path->part_name) ? path->attribute : NULL;
}

static bool is_value_of(const struct scim_path *path, const char *attribute)
{
    return path->extension == NULL && path->attribute != NULL && path->part != NULL &&
           strcmp(path->attribute->name, attribute) == 0 && strcmp(path->part->name, "value") == 0;
}

/* Names are unique over the core and common attributes of both types, but for displayName. */
static enum scim_filter_index index_of(const struct scim_path *path)
{
    static const struct {
        const char *name;
        enum scim_filter_index index;
    } PLAIN[] = {{"id", SCIM_FILTER_BY_ID},
                 {"externalId", SCIM_FILTER_BY_EXTERNAL_ID},
                 {"userName", SCIM_FILTER_BY_NAME}};
    const struct scim_schema_attribute *attribute = path->attribute;
    if (is_value_of(path, "emails")) {
        return SCIM_FILTER_BY_EMAIL;
    }
    if (is_value_of(path, "members")) {
        return SCIM_FILTER_BY_MEMBER;
    }
    if (path->extension != NULL || attribute == NULL || !span_empty(path->part_name)) {
        return SCIM_FILTER_NO_INDEX;
    }
    for (size_t i = 0; i < sizeof PLAIN / sizeof *PLAIN; i++) {
        if (strcmp(attribute->name, PLAIN[i].name) == 0) {
            return PLAIN[i].index;
        }
    }
    if (attribute == scim_schema_attribute(SCIM_SCHEMA_GROUPS, SPAN_LITERAL("displayName"))) {
        return SCIM_FILTER_BY_NAME;
    }
    return attribute == scim_schema_attribute(SCIM_SCHEMA_USERS, SPAN_LITERAL("displayName"))
               ? SCIM_FILTER_BY_DISPLAY
               : SCIM_FILTER_NO_INDEX;
}

static struct scim_filter_key better(struct scim_filter_key a, struct scim_filter_key b)
{
    bool second =
        a.index == SCIM_FILTER_NO_INDEX || (b.index != SCIM_FILTER_NO_INDEX && b.index < a.index);
    return second ? b : a;
}

/* Every match of an `and`, and of an element, fulfils both sides. */
struct scim_filter_key scim_filter_key(const struct scim_filter *filter)
{
    struct scim_filter_key best = {0};
    while (filter != NULL) {
        bool both = filter->kind == SCIM_FILTER_AND || filter->kind == SCIM_FILTER_ELEMENT;
        if (!both) {
            break;
        }
        best = better(best, scim_filter_key(filter->left));
        filter = filter->right;
    }
    if (filter != NULL && filter->kind == SCIM_FILTER_COMPARE &&
        filter->compare == SCIM_FILTER_EQ && filter->value.kind == JSON_KIND_TEXT) {
        best = better(best, (struct scim_filter_key){index_of(&filter->path), filter->value.text});
    }
    return best;
}

bool scim_filter_needs_members(const struct scim_filter *filter)
{
    for (; filter != NULL; filter = filter->right) {
        const struct scim_schema_attribute *attribute = filter->path.attribute;
        if (attribute != NULL && filter->path.extension == NULL &&
            strcmp(attribute->name, "members") == 0) {
            return true;
        }
        if (scim_filter_needs_members(filter->left)) {
            return true;
        }
    }
    return false;
}

bool scim_filter_member_values(const struct scim_filter *inner, struct span *values, size_t max,
                               size_t *count)
{
    *count = 0;
    for (const struct scim_filter *at = inner; at != NULL; at = at->right) {
        const struct scim_filter *one = at->kind == SCIM_FILTER_OR ? at->left : at;
        if (one->kind != SCIM_FILTER_COMPARE || one->compare != SCIM_FILTER_EQ ||
            one->value.kind != JSON_KIND_TEXT || one->path.part == NULL ||
            strcmp(one->path.part->name, "value") != 0) {
            return false;
        }
        if (*count < max) {
            values[*count] = one->value.text;
        }
        *count += *count < max;
    }
    return true;
}
