/* scim_patch.h - PATCH (RFC 7644, 3.5.2): operations applied to a document, all or none. Pure.
 *
 * The deviations that clients need are N44's. Members of a group are not part of the document: what the operations do to
 * them is collected, so that a group of 10,000 is changed by one without being read. */
#ifndef DOCUMENT_SCIM_PATCH_H
#define DOCUMENT_SCIM_PATCH_H

#include "document/scim_error.h"
#include "document/scim_schema.h"
#include "wire/json.h"

enum { SCIM_PATCH_OPERATIONS_MAX = 10000 };

/* What happens to the members, in the order of the operations. */
struct scim_patch_members {
    bool touched;
    bool clears; /* first all go; then: */
    struct json
        *add; /* array of normalised members {value, type?, display?}, each value once, or NULL */
    struct json *remove; /* array of texts: ids; or NULL */
    bool needs; /* a filter that only the present members can answer: apply again with `present` */
};

struct scim_patch_target {
    enum scim_schema_resource resource;
    struct span id;             /* own `id` in a value is ignored when equal (N44 d) */
    struct json *document;      /* changed in place: a copy of what is */
    const struct json *present; /* the members as they are, or NULL: not loaded */
    bool schemas_given;         /* the caller has looked at the body's `schemas` */
    bool immutable_allowed;     /* what is immutable may change: a client that may move mailboxes */
};

struct scim_patch_result {
    struct scim_patch_members members;
    bool changed;     /* the document is another one than before (N16) */
    bool sets_active; /* `active` was set (or removed, which changes nothing: 5.3) */
};

/* Applies a whole PATCH body. false: refused, `target->document` is to be thrown away, and the result is empty.
 * `schemas` may be missing; a removal of what is not there succeeds. A password that is set stands in the document, for the
 * caller to take out; it does not make `changed`. 413: more than SCIM_PATCH_OPERATIONS_MAX, or too much work. */
bool scim_patch_apply(const struct json *body, struct scim_patch_target *target,
                      struct scim_patch_result *result, struct scim_error *error);
void scim_patch_result_done(struct scim_patch_result *result); /* frees the lists; zeroed is fine */

#endif
