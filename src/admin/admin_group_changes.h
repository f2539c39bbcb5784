/* admin_group_changes.h - the calls that make and change groups by hand; what a client provisioned is the client's to change.
 * Internal to admin/. */
#ifndef ADMIN_ADMIN_GROUP_CHANGES_H
#define ADMIN_ADMIN_GROUP_CHANGES_H

#include "admin/admin_call.h"

/* {"name", "kind"?, "address"?, "who_can_send"?, "member_rights"?, "owners"?}: texts, addresses parted by commas or blanks */
void admin_group_changes_add(struct admin_call *call);
void admin_group_changes_delete(struct admin_call *call);
/* {"add": "…"} or {"remove": "…"}: an address, ours or elsewhere, or an id. */
void admin_group_changes_member(struct admin_call *call);

#endif
