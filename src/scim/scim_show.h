/* scim_show.h - the answer that is one resource: read, made or changed. Internal to scim/. */
#ifndef SCIM_SCIM_SHOW_H
#define SCIM_SCIM_SHOW_H

#include "scim/scim_call.h"

/* Ends the call with the resource as its query wants to see it (for an operation of a Bulk: with where it is and its
 * version alone). Takes over the call's task. */
void scim_show_start(struct scim_call *call, const struct resource *resource, int status);

#endif
