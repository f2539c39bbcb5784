/* admin_groups.h - the calls that look at groups. Internal to admin/.
 *
 * A group is named by its id or by one of its addresses; names are not unique. */
#ifndef ADMIN_ADMIN_GROUPS_H
#define ADMIN_ADMIN_GROUPS_H

#include "account/group_rows.h"
#include "admin/admin_call.h"

/* The group that the path names. false: the call has been refused. */
bool admin_groups_find(struct admin_call *call, struct group_rows_group *group);
/* A living account or group by one of its addresses, normalised. STORE_NONE: nobody has it. */
enum store_now admin_groups_by_address(struct admin_call *call, const struct address *address,
                                       struct account *account);

/* ?after=: pages, {"groups": [{"id", "name", "kind", "address", "who_can_send", "member_rights", "origin", …}, …]} */
void admin_groups_list(struct admin_call *call);
/* One: the same, and "members" (how many directly), "owners", "addresses". */
void admin_groups_show(struct admin_call *call);
/* ?after=, ?role=owner: pages, {"members": [{"kind", "id", "name"}, …]} */
void admin_groups_members(struct admin_call *call);
void admin_groups_source(struct admin_call *call); /* what its client last sent (admin_origin.h) */

#endif
