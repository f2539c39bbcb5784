/* plan_addresses.h - the addresses that provisioning gives an account or a group: from those that it had to those that it
 * shall have, as steps. What an admin added beside them stays. */
#ifndef AUTH_PLAN_ADDRESSES_H
#define AUTH_PLAN_ADDRESSES_H

#include "auth/planning.h"

/* All views; addresses that it had are in normal form. */
struct plan_addresses {
    struct span id;                    /* whose: the account's */
    const struct address *primary_now; /* NULL: the account is new, or has none at the moment */
    struct span had;       /* what provisioning gave before, parted by blanks, the primary first */
    struct span had_login; /* the name to sign in with that it gave; may be empty */
    struct provision_addresses wanted;
    struct span wanted_login; /* may be empty */
};

struct plan_addresses_result {
    struct address primary; /* the account's, from now on */
    struct span given;      /* to be remembered as `had` */
    bool changed;           /* there are steps */
};

/* Whether the client may give the address out; `plan->attribute` is what asks. false: the plan has its answer. */
bool plan_addresses_allowed(struct planning *planning, const struct address *address);
/* What is wanted, in the form of `had`; empty when it is not well-formed. */
struct span plan_addresses_given(struct planning *planning, const struct plan_addresses *move);
/* false: the plan has its answer. What was wanted before as well is left as it is now, whatever an admin made of it. */
bool plan_addresses(struct planning *planning, const struct plan_addresses *move,
                    struct plan_addresses_result *result);

#endif
