/* scim_members.h - what is to happen to the members of a group, found out before anything is written. Internal to scim/.
 *
 * Ids are looked up in slices, so that a list of 20,000 holds nobody up. What is already so is left out: who adds a
 * member that is there, or removes one that is not, changes nothing. */
#ifndef SCIM_SCIM_MEMBERS_H
#define SCIM_SCIM_MEMBERS_H

#include "scim/scim_call.h"

struct scim_members_wanted {
    struct span group_id;   /* empty: a new one */
    bool clears;            /* whoever is not in `add` goes */
    const struct json *add; /* array of objects with `value`; NULL: none. A view, until the end */
    const struct json *remove; /* array of ids; NULL: none */
};

enum scim_members_answer {
    SCIM_MEMBERS_UNAVAILABLE,
    SCIM_MEMBERS_REFUSED, /* `error` says why */
    SCIM_MEMBERS_FOUND,
};
struct scim_members_found {
    enum scim_members_answer answer;
    struct scim_error error;
    const struct provision_member *add, *remove; /* live as long as the work does */
    size_t add_count, remove_count;
};
typedef void scim_members_fn(const struct scim_members_found *found, void *context);

struct scim_members;
/* `fn` runs once, later; what it is told lives until scim_members_free(). */
struct scim_members *scim_members_start(struct scim_call *call,
                                        const struct scim_members_wanted *wanted,
                                        scim_members_fn *fn, void *context);
/* The present members as an array of {value, type, display}, for PATCH filters. `fn` gets it, or NULL: it could not be read. */
typedef void scim_members_present_fn(struct json *taken, void *context);
struct scim_members *scim_members_read(struct scim_call *call, struct span group_id,
                                       scim_members_present_fn *fn, void *context);
void scim_members_free(struct scim_members *members); /* at any time; takes NULL */

#endif
