/* audit.h - who changed what, when: one row a change, in the same commit as the change. */
#ifndef ACCOUNT_AUDIT_H
#define ACCOUNT_AUDIT_H

#include "store/store.h"

struct audit_entry {
    int64_t at;             /* wall seconds */
    struct span actor;      /* "uid:0", "login", later "scim:NAME" */
    struct span action;     /* "account_add", "alias_delete", … */
    struct span subject;    /* the address or domain it is about */
    struct span account_id; /* may be empty */
    struct span detail;     /* JSON object of what was and what is; never a secret */
};

void audit_add(struct store_change *change, const struct audit_entry *entry);
/* Newest first, before row `before` (0: from the newest); an empty subject means all. */
struct store_read *audit_list(struct store *store, struct span subject, int64_t before,
                              size_t rows_max, store_read_fn *fn, void *context);
/* Likewise, what was done to one account; and what one actor did ("scim:okta"), or all of one sort ("scim:", "uid:": a
 * text that ends in ":"). */
struct store_read *audit_list_of_account(struct store *store, struct span account_id,
                                         int64_t before, size_t rows_max, store_read_fn *fn,
                                         void *context);
struct store_read *audit_list_of_actor(struct store *store, struct span actor, int64_t before,
                                       size_t rows_max, store_read_fn *fn, void *context);
int64_t audit_read(const struct store_rows *rows, size_t row,
                   struct audit_entry *entry); /* returns the row's number */

const struct statement *const *audit_statements(size_t *count); /* for the test of their plans */

#endif
