/* scim_path.h - which attribute a text means: `userName`, `name.givenName`, `emails[type eq "work"].value`,
 * `urn:…:User:manager.displayName` (RFC 7644, 3.10 and the PATH of figure 7).
 *
 * An attribute that no schema has is a path all the same: `attribute` is NULL then, and the caller decides whether that
 * is "no value" (filters, projections, N35) or invalidPath (PATCH, N43). */
#ifndef DOCUMENT_SCIM_PATH_H
#define DOCUMENT_SCIM_PATH_H

#include "base/arena.h"
#include "document/scim_error.h"
#include "document/scim_schema.h"

enum { SCIM_PATH_MAX = 1024 };

struct scim_filter;

struct scim_path {
    /* NULL: a core or common attribute. A schema alone, with `attribute` NULL and `name` empty, means the whole extension */
    const struct scim_schema *extension;
    const struct scim_schema_attribute *attribute; /* NULL: not in any schema of ours */
    const struct scim_schema_attribute *part;      /* of a complex one; NULL: all of it */
    struct span name, part_name;      /* as they were written, also when they are not known */
    const struct scim_filter *filter; /* the value filter in brackets; NULL: none. PATCH only */
};

/* `text` is at most SCIM_PATH_MAX bytes. Texts and filters of `path` live in `arena` or are views of `text`. false: 400
 * invalidPath. With `brackets` a value filter is taken, else refused. */
bool scim_path_parse(enum scim_schema_resource resource, struct span text, bool brackets,
                     struct arena *arena, struct scim_path *path, struct scim_error *error);
/* The value at the path in a resource's JSON (canonical case, extensions under their URN), without its filter and part: NULL when absent. */
const struct json *scim_path_value(const struct scim_path *path, const struct json *resource);

#endif
