/* scim_groups.h - /Groups: made, replaced, patched (RFC 7644, 3.3 to 3.5; docs/scim.md). Reading: scim_users_get(). Internal to scim/. */
#ifndef SCIM_SCIM_GROUPS_H
#define SCIM_SCIM_GROUPS_H

#include "scim/scim_call.h"

void scim_groups_post(struct scim_call *call);
void scim_groups_put(struct scim_call *call);
void scim_groups_patch(struct scim_call *call);

#endif
