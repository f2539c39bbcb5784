/* admin_changes.h - the calls that change something, each one change of auth/change. Internal to admin/. */
#ifndef ADMIN_ADMIN_CHANGES_H
#define ADMIN_ADMIN_CHANGES_H

#include "admin/admin_call.h"

/* Carries out call->change, and answers with its code, call->answer, the account and the note. */
void admin_changes_start(struct admin_call *call);

void admin_changes_domain_add(struct admin_call *call); /* {"name", "postmaster"?} */
void admin_changes_domain_delete(struct admin_call *call);
/* {"address", "name"?, "home"?, "quota"?, "password"? | "password_hash"?} */
void admin_changes_account_add(struct admin_call *call);
void admin_changes_account_set(struct admin_call *call); /* any of the four; "" takes away */
void admin_changes_account_disable(struct admin_call *call);
void admin_changes_account_enable(struct admin_call *call);
void admin_changes_account_rename(struct admin_call *call); /* {"to"} */
void admin_changes_account_unbind(struct admin_call *call);
void admin_changes_account_delete(struct admin_call *call);
void admin_changes_alias_add(struct admin_call *call); /* {"address", "target"} */
void admin_changes_alias_delete(struct admin_call *call);

#endif
