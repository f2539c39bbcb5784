/* scim_access.h - who asks: the secret of a provisioning client, and what it may do. Internal to scim/. */
#ifndef SCIM_SCIM_ACCESS_H
#define SCIM_SCIM_ACCESS_H

#include "scim/scim_call.h"

/* Fills the call's client. false: the call has been answered, and is gone. */
bool scim_access_check(struct scim_call *call, const struct http_request *http);
/* Whether the client has one of these rights, and, where it writes, may write at all. false: answered with 403. */
bool scim_access_allow(struct scim_call *call, unsigned rights, bool writes);

#endif
