/* scim_body.h - the body of a request as JSON; large ones are read in the pool: a group of 20,000 members holds nobody up.
 * Internal to scim/. */
#ifndef SCIM_SCIM_BODY_H
#define SCIM_SCIM_BODY_H

#include "scim/scim_call.h"

enum { SCIM_BODY_AT_ONCE_MAX = 64 * 1024 };

typedef void scim_body_fn(struct scim_call *call);

/* Fills call->body and calls `fn`, now or later; or refuses the call. `document`: it is a whole user or group, whose document
 * is to be had from scim_body_document(). */
void scim_body_read(struct scim_call *call, struct span text, bool document, scim_body_fn *fn);
/* As scim_resource_read() of call->body. The result is the caller's. */
struct json *scim_body_document(struct scim_call *call, struct scim_error *error);
/* Wipes the passwords of users, of PATCH operations, and of both in a Bulk request. */
void scim_body_wipe(struct json *body);

#endif
