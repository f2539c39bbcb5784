/* scim_patch_value.h - one operation of a PATCH on one attribute of a document that is no member list. Pure. */
#ifndef DOCUMENT_SCIM_PATCH_VALUE_H
#define DOCUMENT_SCIM_PATCH_VALUE_H

#include "document/scim_path.h"
#include "wire/json.h"

/* What all operations of one body may cost, in values looked at: an honest one needs a thousandth. */
enum { SCIM_PATCH_VALUE_WORK_MAX = 20 * 1000 * 1000 };

enum scim_patch_value_operation {
    SCIM_PATCH_VALUE_ADD,
    SCIM_PATCH_VALUE_REPLACE,
    SCIM_PATCH_VALUE_REMOVE,
};

struct scim_patch_value {
    enum scim_patch_value_operation operation;
    const struct scim_path *path; /* its attribute is known, and so is its part */
    const struct json *value;     /* NULL: none */
    struct json *document;
    size_t *work; /* counts up */
    struct arena *arena;
};

/* Whether this is no value (N17): absent, null, []. */
bool scim_patch_value_none(const struct json *value);
/* Changes the document; false: refused, and the document may be half changed. Extensions appear and go with their first and
 * last attribute (N42). */
bool scim_patch_value_apply(const struct scim_patch_value *change, struct scim_error *error);
/* For one value with parts, of a list or not: puts what is given over what is there; sets or removes the part of the path. */
void scim_patch_value_merge(struct json *there, const struct json *given);
bool scim_patch_value_set_part(const struct scim_patch_value *change, struct json *there,
                               struct scim_error *error);
/* Counts work; false: 413. */
bool scim_patch_value_work(size_t *work, size_t more, struct scim_error *error);

#endif
