/* planning.h - one plan in the making: what the rules of all kinds of change share.
 *
 * The functions that return a bool return false once the plan has its answer: stop then. */
#ifndef AUTH_PLANNING_H
#define AUTH_PLANNING_H

#include "auth/plan.h"
#include "wire/json.h"

struct planning {
    const struct plan_view *view;
    const struct change *change;
    struct arena *arena;
    struct plan *plan;
    struct json *before, *after; /* for the audit row */
};

/* Answers; both return false. */
bool planning_answer(struct planning *planning, enum change_answer answer);
bool planning_refuse(struct planning *planning, enum change_answer answer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool planning_unavailable(struct planning *planning);

/* What is asked for, well-formed and normalised. `name` is the attribute's, for the problem. */
bool planning_need_address(struct planning *planning, const char *name, struct span text,
                           struct address *address);
bool planning_need_pattern(struct planning *planning, struct address *address);
bool planning_need_domain_name(struct planning *planning, char domain[ADDRESS_DOMAIN_MAX + 1]);
void planning_set_subject(struct planning *planning, const struct address *address);

/* What is. `found->kind` is ADDRESS_HELD (and the id empty) also when there is no such address. */
bool planning_look_up(struct planning *planning, const struct address *address,
                      struct account_rows_found *found);
/* A living account, by any of its addresses; it becomes plan->account. */
bool planning_need_account(struct planning *planning, const struct address *address,
                           struct account_rows_found *found);
bool planning_need_own_account(struct planning *planning,
                               struct account_rows_found *found); /* of change->address */
/* Not in use by a living account; it may be on hold, which does not bind an admin. */
bool planning_need_free(struct planning *planning, const struct address *address);
bool planning_need_domain(struct planning *planning, const struct address *address);

/* For the audit row: never a secret, only whether there is one. */
struct json *planning_describe(const struct account *account);
struct json *planning_describe_address(const struct address *address, enum address_kind kind,
                                       const struct account *owner);
struct json *planning_describe_domain(struct span domain, const struct account *owner);

/* An address of an account that the steps change: nothing that is remembered of it counts any more. */
void planning_touched(struct planning *planning, struct span account_id, struct span address);

/* Steps. */
struct account planning_new_account(struct planning *planning, const struct address *primary);
void planning_add_account(struct planning *planning, const struct account *account);
/* Adds an address, releasing it first when it is on hold. */
void planning_claim(struct planning *planning, const struct address *address, struct span id,
                    enum address_kind kind);
/* The row of plan->account becomes what `after` says: for those who tell the audit themselves. */
void planning_write(struct planning *planning, const struct account *after);
/* plan->account becomes what `after` says. Returns true. */
bool planning_update(struct planning *planning, const struct account *after);
/* plan->account ends: its addresses go on hold and its mail stays; what is left is a tombstone that holds no
 * secret. Returns true. */
bool planning_end_account(struct planning *planning);

#endif
