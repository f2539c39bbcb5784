/* scim_filter.h - filters (RFC 7644, 3.4.2.2): text to tree, and whether a resource matches. Pure.
 *
 * Bounds: SCIM_FILTER_MAX bytes, SCIM_FILTER_DEPTH_MAX levels, SCIM_FILTER_NODES_MAX nodes. Beyond the grammar, because
 * clients need it (N36): an attribute behind a value path (`emails[type eq "work"].value eq "x"`), no blank behind the
 * operator, bare words as strings, `True` and "True" for booleans. Never ignored: what is not understood is
 * invalidFilter. An attribute that no schema has is "no value". A filter on `password` is refused (N37). */
#ifndef DOCUMENT_SCIM_FILTER_H
#define DOCUMENT_SCIM_FILTER_H

#include "document/scim_date.h"
#include "document/scim_path.h"
#include "wire/json.h"

enum { SCIM_FILTER_MAX = 4096, SCIM_FILTER_DEPTH_MAX = 32, SCIM_FILTER_NODES_MAX = 100 };

enum scim_filter_kind {
    SCIM_FILTER_AND,
    SCIM_FILTER_OR,
    SCIM_FILTER_NOT,
    SCIM_FILTER_COMPARE, /* path op value */
    SCIM_FILTER_PRESENT,
    SCIM_FILTER_ELEMENT, /* path[inner], and then `right` on the same element's part when there is one */
};
enum scim_filter_operator {
    SCIM_FILTER_EQ,
    SCIM_FILTER_NE,
    SCIM_FILTER_CO,
    SCIM_FILTER_SW,
    SCIM_FILTER_EW,
    SCIM_FILTER_GT,
    SCIM_FILTER_LT,
    SCIM_FILTER_GE,
    SCIM_FILTER_LE,
};

struct scim_filter_value {
    enum json_kind kind; /* TEXT, NUMBER, TRUE, FALSE or NULL */
    struct span text;    /* of TEXT: unescaped; of NUMBER: as written */
    bool whole;          /* NUMBER: fits `integer` */
    int64_t integer;
    double number;
    struct span folded;    /* TEXT, where case does not matter: as it is compared */
    struct scim_date date; /* TEXT, compared with a dateTime */
};

struct scim_filter {
    enum scim_filter_kind kind;
    const struct scim_filter *left,
        *right; /* AND, OR: both; NOT: left; ELEMENT: inner, and what follows it */
    struct scim_path path;
    enum scim_filter_operator compare;
    struct scim_filter_value value;
};

/* The tree lives in `arena`, which also holds copies of all texts. NULL: 400 invalidFilter. */
const struct scim_filter *scim_filter_parse(enum scim_schema_resource resource, struct span text,
                                            struct arena *arena, struct scim_error *error);
/* The same for what stands in the brackets of a value path: attributes are parts of `of` (NULL: unknown, and so are they);
 * of a plain one, `value` is itself. */
const struct scim_filter *scim_filter_parse_inner(const struct scim_schema_attribute *of,
                                                  struct span text, struct arena *arena,
                                                  struct scim_error *error);
/* `resource`: its whole JSON as scim_resource_show() without projection makes it. */
bool scim_filter_match(const struct scim_filter *filter, const struct json *resource);
/* One element of a multi-valued attribute (a complex one, or a plain value) against an inner filter. */
bool scim_filter_match_element(const struct scim_filter *filter, const struct json *element);

/* An equality that every match must fulfil and for which rows have an index: found without reading all. */
enum scim_filter_index {
    SCIM_FILTER_NO_INDEX,
    SCIM_FILTER_BY_ID,
    SCIM_FILTER_BY_EXTERNAL_ID,
    SCIM_FILTER_BY_NAME,    /* userName; displayName of groups */
    SCIM_FILTER_BY_DISPLAY, /* displayName of users */
    SCIM_FILTER_BY_EMAIL,   /* emails.value */
    SCIM_FILTER_BY_MEMBER,  /* members.value: groups that have this direct member */
};
struct scim_filter_key {
    enum scim_filter_index index;
    struct span value; /* as it stands in the filter, unescaped */
};
/* The best one: BY_ID before the others, in the order above. */
struct scim_filter_key scim_filter_key(const struct scim_filter *filter);
/* Whether it names members (or members.value …): then they must be loaded to match it. */
bool scim_filter_needs_members(const struct scim_filter *filter);
/* The attribute that decides how values compare: a part, or a plain attribute. NULL: not in any schema, or all of a complex one. */
const struct scim_schema_attribute *scim_filter_leaf(const struct scim_path *path);
/* The values of `members[value eq "a" or value eq "b"]` and the like: true when the inner filter is nothing but equalities of
 * `value`, joined by `or`; then at most `max` of them are told. */
bool scim_filter_member_values(const struct scim_filter *inner, struct span *values, size_t max,
                               size_t *count);

#endif
