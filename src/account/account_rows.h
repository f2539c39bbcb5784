/* account_rows.h - the SQL of accounts, addresses and domains: rows to structs and back.
 *
 * Every other file names these functions, never a table. Look-ups answer now, from the loop's
 * connection; lists are started and answer later; the account_rows_add_* functions append steps to a
 * change that auth/change.c starts. */
#ifndef ACCOUNT_ACCOUNT_ROWS_H
#define ACCOUNT_ACCOUNT_ROWS_H

#include "account/account.h"
#include "store/store.h"

/* What one address leads to. */
struct account_rows_found {
    enum address_kind kind;
    struct address address; /* which of the asked ones matched */
    int64_t since;          /* wall seconds: since when it is of that kind */
    struct account account;
};

/* The best of up to four addresses, in order of preference (the address itself, without its tag, the
 * catch-all of its domain …), with its account. Held addresses are found too: look at `kind`. */
enum { ACCOUNT_ROWS_CANDIDATES = 4 };
enum store_now account_rows_by_address(struct store *store,
                                       const struct span candidates[ACCOUNT_ROWS_CANDIDATES],
                                       struct arena *arena, struct account_rows_found *found);
enum store_now account_rows_by_id(struct store *store, struct span id, struct arena *arena,
                                  struct account *account);
/* The living account that is bound to this identity. */
enum store_now account_rows_by_subject(struct store *store, struct span provider,
                                       struct span subject, struct arena *arena,
                                       struct account *account);
enum store_now account_rows_domain(struct store *store,
                                   struct span domain); /* STORE_ROW: it is ours */

/* Addresses of one account, or of all (empty id), in alphabetical order. */
struct account_rows_address {
    struct address address;
    enum address_kind kind;
    int64_t created;
    char account_id[UUID_SIZE];
    struct address primary;
};

/* Whether the account may send as an address, beyond its own ones. */
enum store_now account_rows_may_send(struct store *store, struct span address,
                                     struct span account_id);

/* Lists. Each converts rows with the matching account_rows_read_*. One page is at most `rows_max`
 * rows, ordered by address, starting after `after` (empty: from the start). Of the accounts those with
 * a mailbox or a login: persons and shared mailboxes, no groups. */
struct store_read *account_rows_list_accounts(struct store *store, struct span domain,
                                              struct span after, size_t rows_max, store_read_fn *fn,
                                              void *context);
struct store_read *account_rows_list_addresses(struct store *store, struct span account_id,
                                               struct span domain, struct span after,
                                               size_t rows_max, store_read_fn *fn, void *context);
struct store_read *account_rows_list_domains(struct store *store, store_read_fn *fn, void *context);
void account_rows_read_account(const struct store_rows *rows, size_t row, struct arena *arena,
                               struct account *account);
void account_rows_read_address(const struct store_rows *rows, size_t row,
                               struct account_rows_address *address);
struct span account_rows_read_domain(const struct store_rows *rows, size_t row, int64_t *created);

/* The living accounts that may send as an address beyond their own ones, by id; with account_rows_read_account(). */
struct store_read *account_rows_list_senders(struct store *store, struct span address,
                                             size_t rows_max, store_read_fn *fn, void *context);
/* The addresses that an account may send as beyond its own ones, in alphabetical order. */
struct store_read *account_rows_list_send_as(struct store *store, struct span account_id,
                                             size_t rows_max, store_read_fn *fn, void *context);
struct span account_rows_read_send_as(const struct store_rows *rows, size_t row);

/* Deleted accounts whose mail is still kept, deleted before `before` (wall seconds), the oldest first; the next page starts
 * after the last one's `since` and `id` (0 and empty: from the start). */
struct account_rows_tombstone {
    struct account account;
    int64_t since;      /* when it was deleted */
    bool frozen;        /* its provisioning client deleted too much: nothing is purged */
    struct span client; /* the name of that client; empty: none. A view of the rows */
};
struct store_read *account_rows_list_tombstones(struct store *store, int64_t before,
                                                int64_t after_since, struct span after_id,
                                                size_t rows_max, store_read_fn *fn, void *context);
void account_rows_read_tombstone(const struct store_rows *rows, size_t row, struct arena *arena,
                                 struct account_rows_tombstone *tombstone);

/* Steps of a change. `version_read` is the one that was read: another one makes the change a conflict.
 * A new account has version 1; an update writes all but id, created and last_login. */
void account_rows_add_account(struct store_change *change, const struct account *account);
void account_rows_update_account(struct store_change *change, const struct account *account,
                                 int64_t version_read);
void account_rows_add_address(struct store_change *change, struct span address,
                              struct span account_id, enum address_kind kind, int64_t now);
void account_rows_set_address_kind(struct store_change *change, struct span address,
                                   struct span account_id, enum address_kind from,
                                   enum address_kind to);
/* From primary to renamed, and notes since when. */
void account_rows_become_renamed(struct store_change *change, struct span address,
                                 struct span account_id, int64_t now);
void account_rows_delete_address(struct store_change *change, struct span address,
                                 struct span account_id);
void account_rows_release_held(struct store_change *change,
                               struct span address); /* any number of rows */
void account_rows_hold_addresses(
    struct store_change *change,
    struct span
        account_id); /* all of one account, from its `changed` on: update that first; catch-alls are dropped */
/* Replace: delete all, then add each. */
void account_rows_delete_senders(struct store_change *change,
                                 struct span account_id); /* any number of rows */
void account_rows_add_sender(struct store_change *change, struct span address,
                             struct span account_id);
/* Its mail is gone: conflict unless it is a tombstone with mail. */
void account_rows_mark_purged(struct store_change *change, struct span id);
void account_rows_add_domain(struct store_change *change, struct span domain, int64_t now);
void account_rows_require_domain(struct store_change *change,
                                 struct span domain); /* conflict when it is not ours */
void account_rows_delete_domain(struct store_change *change,
                                struct span domain); /* conflict while addresses are in it */
/* Notes that something about a living account changed: conflict when it is gone. */
void account_rows_touch_account(struct store_change *change, struct span id, int64_t now);
/* Conflict while the account has addresses in other domains. */
void account_rows_require_only_in_domain(struct store_change *change, struct span id,
                                         struct span domain);
/* Any number of rows: a login is not worth a conflict. Never goes back, leaves the version alone. */
void account_rows_set_last_login(struct store_change *change, struct span id, int64_t when);

/* The statements that must find their rows by an index: the look-ups and the pages. For the test that asks SQLite
 * how it would go about them. */
const struct statement *const *account_rows_statements(size_t *count);

#endif
