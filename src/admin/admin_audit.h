/* admin_audit.h - the call that reads who changed what. Internal to admin/. */
#ifndef ADMIN_ADMIN_AUDIT_H
#define ADMIN_ADMIN_AUDIT_H

#include "admin/admin_call.h"

/* ?account= (an address, an id, or what else a change was about), ?actor= ("scim:NAME", "uid:0", "scim:" for all of a sort), ?since=
 * (wall seconds), ?after= (the number of a page before): newest first, {"changes": [{"number", "at", "actor", "action",
 * "subject", "account_id", "detail"}, …], "next"}. */
void admin_audit_list(struct admin_call *call);

#endif
