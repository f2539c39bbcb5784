/* scim_patch_list.h - one operation of a PATCH on an attribute with many values: all of them, or those that a filter finds. Pure. */
#ifndef DOCUMENT_SCIM_PATCH_LIST_H
#define DOCUMENT_SCIM_PATCH_LIST_H

#include "document/scim_patch_value.h"

/* `holder`: the object that has, or gets, the attribute of change->path: the document, or an extension of it. */
bool scim_patch_list_apply(const struct scim_patch_value *change, struct json *holder,
                           struct scim_error *error);

#endif
