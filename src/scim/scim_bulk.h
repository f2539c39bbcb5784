/* scim_bulk.h - /Bulk: many operations in one request (RFC 7644, 3.7). Internal to scim/.
 *
 * Each operation is what the same request alone would be, with a commit of its own; they run one after the other. Those that
 * refer to what another one makes ("bulkId:x") wait for it, wherever it stands; what cannot be resolved is 409. */
#ifndef SCIM_SCIM_BULK_H
#define SCIM_SCIM_BULK_H

#include "scim/scim_call.h"

void scim_bulk_post(struct scim_call *call);

#endif
