/* changes.h - the inside of all changes under way: what one run of change.c shares with changes.c. */
#ifndef AUTH_CHANGES_H
#define AUTH_CHANGES_H

#include "auth/change.h"

struct changes_logins;

struct changes {
    struct loop *loop;
    const struct log *log;
    struct store *store;
    struct directory *directory;
    struct change_run *runs; /* change.c's */
    struct changes_logins *logins;
    struct change_settings settings;
    struct resource_index *index; /* may be NULL */
    changes_groups_fn *groups;    /* may be NULL */
    void *groups_context;
};

/* Lets a run commit what it has to, unheard, and frees it. In change.c. */
void change_abandon(struct change_run *run);

#endif
