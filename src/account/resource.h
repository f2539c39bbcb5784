/* resource.h - what a provisioning client asked for: one row a user or group, beside the account or group it became.
 *
 * A user's resource has its account's id, a group's its group's: ids are unique over both and never reused. A deleted one
 * stays as a tombstone (`gone`) until its mail is purged. Lists come in the order of `number`, which only grows. */
#ifndef ACCOUNT_RESOURCE_H
#define ACCOUNT_RESOURCE_H

#include "account/account.h"
#include "store/store.h"

enum resource_type { RESOURCE_NONE, RESOURCE_USER, RESOURCE_GROUP }; /* stored */

enum {
    RESOURCE_DOCUMENT_MAX = 96 * 1024,
    RESOURCE_NAME_MAX = 512,
    RESOURCE_EXTERNAL_ID_MAX = 512,
    RESOURCE_EMAILS_MAX = 500,
};

/* The texts belong to the arena of the look-up, or to the rows they were read from. */
struct resource {
    int64_t number; /* given by the database */
    char id[UUID_SIZE];
    enum resource_type type;
    char client_id[UUID_SIZE];
    int64_t version; /* grows with every change that a client can see */
    struct span external_id;
    struct span name;        /* userName, displayName of a group: as sent */
    struct span name_key;    /* the same, folded: unique among the living of one client and type */
    struct span display_key; /* displayName of a user, folded; may be empty */
    struct span
        addresses; /* local addresses that the client gave, normal forms parted by blanks, the primary first */
    struct span document;     /* JSON: what the client sent (scim_resource.h) */
    int64_t created, changed; /* wall seconds */
    int64_t gone;             /* when it was deleted; 0: it lives */
    /* Of the account, where there is one: */
    enum account_state state;
    int64_t last_login;
};

/* Look-ups: now. Only the living, unless it says otherwise. */
enum store_now resource_by_id(struct store *store, struct span id, struct arena *arena,
                              struct resource *resource); /* also the gone */
enum store_now resource_by_name(struct store *store, struct span client_id, enum resource_type type,
                                struct span name_key, struct arena *arena,
                                struct resource *resource);
/* The newest tombstone of this client and externalId whose mail is still there: for re-attachment. */
enum store_now resource_gone_by_external_id(struct store *store, struct span client_id,
                                            struct span external_id, struct arena *arena,
                                            struct resource *resource);
/* How many of the client's users live, and how many were deleted after `since`: for the brake. The living are counted as
 * they come and go; the deleted are counted here: do not ask for a client that is frozen already. */
enum store_now resource_count(struct store *store, struct span client_id, int64_t since,
                              int64_t *living, int64_t *deleted);

/* Reads: later; the living of one client and type, by growing number. */
struct store_read *resource_list(struct store *store, struct span client_id,
                                 enum resource_type type, int64_t from_number, size_t rows_max,
                                 store_read_fn *fn, void *context);
enum resource_index_kind {
    RESOURCE_BY_ID,
    RESOURCE_BY_EXTERNAL_ID, /* exact */
    RESOURCE_BY_NAME,        /* the others: folded */
    RESOURCE_BY_DISPLAY,
    RESOURCE_BY_EMAIL,
    RESOURCE_BY_MEMBER,
};
struct resource_key {
    enum resource_index_kind kind;
    struct span value;
};
struct store_read *resource_find(struct store *store, struct span client_id,
                                 enum resource_type type, const struct resource_key *by,
                                 size_t rows_max, store_read_fn *fn, void *context);
/* The texts are views of the rows: valid during the callback. */
void resource_read(const struct store_rows *rows, size_t row, struct resource *resource);
/* Their numbers alone, for resource_index: up to rows_max, from `from_number` on. */
struct store_read *resource_numbers(struct store *store, struct span client_id,
                                    enum resource_type type, int64_t from_number, size_t rows_max,
                                    store_read_fn *fn, void *context);
int64_t resource_read_number(const struct store_rows *rows, size_t row);

/* Steps of a change. */
void resource_add(struct store_change *change, const struct resource *resource);
/* All but id, type, client and created; conflict unless it lives with the version that was read. */
void resource_update(struct store_change *change, const struct resource *resource,
                     int64_t version_read);
/* That it is still what was read; else a conflict. */
void resource_require_version(struct store_change *change, struct span id, int64_t version);
/* Something else that it shows changed (state, a group): a new version and `now`; any number of rows. */
void resource_touch(struct store_change *change, struct span id, int64_t now);
/* The groups that this is a direct member of: they show it. Before it leaves them; any number of rows. */
void resource_touch_groups_of(struct store_change *change, struct span member_id, int64_t now);
/* The direct members of this: they show that they are in it. Before they leave it; any number of rows. */
void resource_touch_members_of(struct store_change *change, struct span group_id, int64_t now);
/* Any number of rows: what was not provisioned has none. Its e-mail keys go. */
void resource_end(struct store_change *change, struct span id, int64_t now);
/* The same key twice is one. */
void resource_add_email(struct store_change *change, struct span client_id, struct span id,
                        struct span value_key);
void resource_delete_emails(struct store_change *change, struct span id);

const struct statement *const *resource_statements(size_t *count); /* for the test of their plans */

#endif
