/* scim_users.h - /Users: made, read, replaced, patched, deleted (RFC 7644, 3.2 to 3.6; docs/scim.md). Internal to scim/. */
#ifndef SCIM_SCIM_USERS_H
#define SCIM_SCIM_USERS_H

#include "scim/scim_call.h"

void scim_users_post(struct scim_call *call);
void scim_users_get(struct scim_call *call); /* of groups, too */
void scim_users_put(struct scim_call *call);
void scim_users_patch(struct scim_call *call);

#endif
