/* scim_patch_members.h - what the operations of a PATCH do to the members of a group, folded in their order. Pure.
 *
 * The last word about a member counts: added, then removed, is removed. A removal of who is not there is a success. Each
 * operation costs what it names, however many members the group has. */
#ifndef DOCUMENT_SCIM_PATCH_MEMBERS_H
#define DOCUMENT_SCIM_PATCH_MEMBERS_H

#include "document/scim_patch.h"
#include "document/scim_patch_value.h"

struct scim_patch_members_plan {
    struct json *fate; /* id -> the member to add, or null: to remove. NULL: none yet */
    const struct json *present;
    bool touched, clears, needs;
};

/* `change->path` is `members`, perhaps with a filter; its document is not touched. */
bool scim_patch_members_apply(struct scim_patch_members_plan *plan,
                              const struct scim_patch_value *change, struct scim_error *error);
/* Moves what was planned into `members`. */
void scim_patch_members_finish(const struct scim_patch_members_plan *plan,
                               struct scim_patch_members *members);
void scim_patch_members_done(struct scim_patch_members_plan *plan);

#endif
