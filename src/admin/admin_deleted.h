/* admin_deleted.h - the calls about deleted accounts whose mail is still kept: for `postern purge`. Internal to admin/. */
#ifndef ADMIN_ADMIN_DELETED_H
#define ADMIN_ADMIN_DELETED_H

#include "admin/admin_call.h"

/* ?after=: pages of ADMIN_CALL_PAGE, the oldest first: {"deleted": [{"id", "address", "home", "deleted", "retention_seconds",
 * "purge_after", "client", "frozen"}, …]}. "purge_after" is null while the brake holds. */
void admin_deleted_list(struct admin_call *call);
/* One by its id: {"id", "address", "home", "state", "purged"}; 404 for a living one. */
void admin_deleted_show(struct admin_call *call);
/* From now on nothing re-attaches its mail: refused unless it is deleted, its retention is over and the brake is off. The files
 * are the caller's to remove, afterwards. */
void admin_deleted_purge(struct admin_call *call);

#endif
