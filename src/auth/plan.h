/* plan.h - what one change may do, and which rows it writes.
 *
 * Reads what is by look-ups, checks the rules, and answers, or lays out steps with their audit row. Nothing is written
 * here; change.c carries the plan out, and asks for a new one when another change came first. */
#ifndef AUTH_PLAN_H
#define AUTH_PLAN_H

#include "auth/change.h"

/* A step that does not hold because of a rule, not because another change came first. */
struct plan_rule {
    int step;
    const char *problem;
};

/* What is not to be remembered any more. */
struct plan_touched {
    struct span account_id, address;
};

enum { PLAN_RULES_MAX = 2, PLAN_TOUCHED_MAX = 32 };

struct plan {
    enum change_answer answer; /* CHANGE_DONE: carry out `steps`; else that is the answer */
    struct error problem;
    struct store_change *steps; /* the caller's to start or free */
    const char *action;         /* "account_add" … */
    /* the address or domain it is about, in normal form; empty when malformed */
    struct span subject;
    struct account account; /* whom it concerns: as read, or as it will be; id "" for nobody */
    struct span note;
    struct plan_rule rules[PLAN_RULES_MAX];
    size_t rules_count;
    struct plan_touched touched[PLAN_TOUCHED_MAX];
    size_t touched_count;
    bool touched_more;       /* more than that: everything is to be forgotten */
    const char *attribute;   /* that a problem is about, of what was provisioned; NULL: none */
    struct span resource_id; /* whose resource came, changed or went */
    bool created;            /* it came */
    int64_t braked;          /* so many deletions in an hour: the brake was put on; 0: not */
    bool groups;             /* groups, or who is in them, changed */
};

struct plan_view {
    struct store *store;
    const struct directory *directory;
    int64_t now; /* wall seconds */
    const struct change_settings *settings;
};

/* Texts of the plan live in `arena`. */
void plan_make(const struct plan_view *view, const struct change *change, struct arena *arena,
               struct plan *plan);

#endif
