/* scim_projection.h - `attributes` and `excludedAttributes`: what of a resource is returned (RFC 7644, 3.9; N25). Pure. */
#ifndef DOCUMENT_SCIM_PROJECTION_H
#define DOCUMENT_SCIM_PROJECTION_H

#include "document/scim_path.h"
#include "wire/json.h"

enum { SCIM_PROJECTION_PATHS_MAX = 100 };

/* Zeroed: whatever is returned by default. */
struct scim_projection {
    const struct scim_path *paths;
    size_t count;
    bool given;   /* one of the two parameters was there */
    bool exclude; /* `paths` are excludedAttributes */
};

/* From the two comma-separated parameters; an empty span means that it was not given. Both at once: `attributes` wins and the
 * other is ignored. Unknown attributes are ignored. `arena` outlives the projection, and so do the texts. */
bool scim_projection_read(enum scim_schema_resource resource, struct span attributes,
                          struct span excluded, struct arena *arena,
                          struct scim_projection *projection, struct scim_error *error);
/* Whether it returns this attribute (or a part of it): to be asked before it is loaded. */
bool scim_projection_wants(const struct scim_projection *projection,
                           const struct scim_schema *extension,
                           const struct scim_schema_attribute *attribute);
/* Takes out of a whole resource what is not returned. */
void scim_projection_apply(const struct scim_projection *projection,
                           enum scim_schema_resource resource, struct json *shown);

#endif
