/* admin_origin.h - where an account or a group came from, and what its client last sent. Internal to admin/. */
#ifndef ADMIN_ADMIN_ORIGIN_H
#define ADMIN_ADMIN_ORIGIN_H

#include "account/client.h"
#include "account/resource.h"
#include "admin/admin_call.h"

/* Adds "origin" ("scim:NAME", or "hand"), and, of what was provisioned, "provisioned" (since when), "external_id" and
 * "sent_name" (userName or displayName). false: the database cannot say; nothing was answered yet. */
bool admin_origin_put(struct admin_call *call, struct span id, struct json *object);
/* Answers with {"origin", "sent" (when), "version", "document"}, or 404. */
void admin_origin_answer(struct admin_call *call, struct span id);

#endif
