/* group_rows.h - groups and their members: rows and the questions that mail asks of them.
 *
 * A group with an address has a row in `account` too, of the same id (account kind GROUP, or SHARED when it has a
 * mailbox), which holds its addresses in the one table of addresses. Members are accounts, groups, or addresses
 * elsewhere. Each member has a slot (0 to 65535, from its id) by which a large group is delivered in parts: a part is
 * a range of slots, so what a part holds does not shift while others come and go. */
#ifndef ACCOUNT_GROUP_ROWS_H
#define ACCOUNT_GROUP_ROWS_H

#include "account/account.h"
#include "store/store.h"

enum group_rows_kind { GROUP_ROWS_ACCESS, GROUP_ROWS_ALIAS, GROUP_ROWS_LIST, GROUP_ROWS_SHARED };
enum group_rows_senders {
    GROUP_ROWS_ANYONE,
    GROUP_ROWS_INTERNAL, /* whoever signed in here */
    GROUP_ROWS_MEMBERS,
    GROUP_ROWS_OWNERS,
};
enum group_rows_rights {
    GROUP_ROWS_LOOK,
    GROUP_ROWS_LOOK_AND_MARK,
    GROUP_ROWS_FULL
}; /* lr, lrs, full */
enum group_rows_role { GROUP_ROWS_MEMBER, GROUP_ROWS_OWNER };
enum group_rows_member_kind { GROUP_ROWS_ACCOUNT, GROUP_ROWS_GROUP, GROUP_ROWS_EXTERNAL };

enum {
    GROUP_ROWS_KEY_SIZE = 33, /* 32 hexadecimal digits and the NUL */
    GROUP_ROWS_SLOTS = 65536,
    GROUP_ROWS_DEPTH_MAX = 16, /* of nested groups */
};

struct group_rows_group {
    char id[UUID_SIZE];
    enum group_rows_kind kind;
    enum group_rows_senders senders;
    enum group_rows_rights rights; /* of members in a shared mailbox */
    char part_key
        [GROUP_ROWS_KEY_SIZE]; /* random: names its parts in addresses that nobody can guess */
    struct span name;          /* displayName */
    struct address primary;    /* empty: it has no address */
};

const char *group_rows_kind_name(
    enum group_rows_kind kind); /* "access", "alias", "list", "sharedMailbox" */
const char *group_rows_senders_name(enum group_rows_senders senders); /* "anyone", … */
const char *group_rows_rights_name(enum group_rows_rights rights);    /* "lr", "lrs", "full" */
bool group_rows_kind_parse(struct span text,
                           enum group_rows_kind *kind); /* without regard to case */
bool group_rows_senders_parse(struct span text, enum group_rows_senders *senders);
bool group_rows_rights_parse(struct span text, enum group_rows_rights *rights);
unsigned group_rows_slot(
    struct span member_id); /* of ids: their first 16 bits; of addresses: of their SHA-256 */

/* Look-ups: now. */
enum store_now group_rows_by_id(struct store *store, struct span id, struct arena *arena,
                                struct group_rows_group *group);
enum store_now group_rows_by_part_key(struct store *store, struct span part_key,
                                      struct arena *arena, struct group_rows_group *group);
enum store_now group_rows_has(struct store *store, struct span group_id, enum group_rows_role role,
                              struct span member_id); /* directly */
/* Directly or by a nested group, at most GROUP_ROWS_DEPTH_MAX levels deep. */
enum store_now group_rows_reaches(struct store *store, struct span group_id,
                                  enum group_rows_role role, struct span account_id);
/* What would come of a group as a member of another one. */
enum group_rows_nesting {
    GROUP_ROWS_NESTS,
    GROUP_ROWS_NESTS_IN_ITSELF,
    GROUP_ROWS_NESTS_TOO_DEEP, /* deeper than GROUP_ROWS_DEPTH_MAX, or in more than 2,000 ways */
};
enum store_now group_rows_nesting(struct store *store, struct span group_id, struct span member_id,
                                  enum group_rows_nesting *nesting);
/* How many direct members have slots from `first` to `last`. */
enum store_now group_rows_count(struct store *store, struct span group_id, unsigned first,
                                unsigned last, int64_t *count);

/* Reads: later. What delivery to a range of slots leads to: for accounts the primary address and what becomes of their mail, for groups
 * the part key, for others the address. */
struct group_rows_target {
    enum group_rows_member_kind kind;
    char id[UUID_SIZE];
    struct address address; /* of an account or elsewhere */
    char part_key[GROUP_ROWS_KEY_SIZE];
    bool receives; /* accounts: not ended with "reject", and with a mailbox or a forward */
    unsigned slot;
};
struct store_read *group_rows_targets(struct store *store, struct span group_id, unsigned first,
                                      unsigned last, size_t rows_max, store_read_fn *fn,
                                      void *context);
void group_rows_read_target(const struct store_rows *rows, size_t row,
                            struct group_rows_target *target);

/* Direct members (or owners) in order of id, after `after`: for SCIM and `postern group show`. */
struct group_rows_member {
    enum group_rows_member_kind kind;
    struct span id; /* of an account or group; the address of others */
    struct span
        display; /* userName or displayName of its resource; else the primary address; may be empty */
};
struct store_read *group_rows_members(struct store *store, struct span group_id,
                                      enum group_rows_role role, struct span after, size_t rows_max,
                                      store_read_fn *fn, void *context);
void group_rows_read_member(const struct store_rows *rows, size_t row,
                            struct group_rows_member *member); /* views of the rows */

/* The groups that members are in, directly and through others, for the users (or groups) of one client with numbers from `first` to
 * `last`: rows in order of number. */
struct group_rows_membership {
    int64_t number; /* the member's resource */
    struct span group_id, display;
    bool direct;
};
struct store_read *group_rows_memberships(struct store *store, struct span client_id, int64_t first,
                                          int64_t last, size_t rows_max, store_read_fn *fn,
                                          void *context);
void group_rows_read_membership(const struct store_rows *rows, size_t row,
                                struct group_rows_membership *membership);

/* All groups in order of id after `after`: for `postern group list`. */
struct store_read *group_rows_list(struct store *store, struct span after, size_t rows_max,
                                   store_read_fn *fn, void *context);
/* Those that an account or group is in directly, in order of id: for `postern account show`. */
struct store_read *group_rows_list_of_member(struct store *store, struct span member_id,
                                             enum group_rows_role role, size_t rows_max,
                                             store_read_fn *fn, void *context);
void group_rows_read_group(const struct store_rows *rows, size_t row,
                           struct group_rows_group *group);
/* Who may use which shared mailbox: the files that Dovecot reads. Persons that are members, directly or by nested groups,
 * in order of mailbox and member, after `after_member` of `after_mailbox`; a page costs what it shows. */
struct group_rows_access {
    struct address mailbox, member; /* primary addresses */
    enum group_rows_rights rights;
};
struct store_read *group_rows_accesses(struct store *store, struct span after_mailbox,
                                       struct span after_member, size_t rows_max, store_read_fn *fn,
                                       void *context);
void group_rows_read_access(const struct store_rows *rows, size_t row,
                            struct group_rows_access *access);

void group_rows_new_key(struct group_rows_group *group); /* gives it a random part_key */
/* Steps of a change. */
void group_rows_add(struct store_change *change, const struct group_rows_group *group);
void group_rows_update(struct store_change *change, const struct group_rows_group *group);
void group_rows_end(struct store_change *change,
                    struct span id); /* and its memberships, both ways */
/* Conflict when it is a member already, or is no living resource of the client (empty client: any account), or, for a
 * group, when the group is reachable from it (a cycle) or nesting would pass the depth. */
void group_rows_add_member(struct store_change *change, struct span group_id,
                           enum group_rows_role role, enum group_rows_member_kind kind,
                           struct span member_id, struct span client_id);
/* Any number of rows. */
void group_rows_delete_member(struct store_change *change, struct span group_id,
                              enum group_rows_role role, struct span member_id);
/* Members and owners of one kind, all. */
void group_rows_delete_members(struct store_change *change, struct span group_id,
                               enum group_rows_role role, enum group_rows_member_kind kind);
void group_rows_leave_all(struct store_change *change,
                          struct span member_id); /* a user is deleted */
const struct statement *const *group_rows_statements(size_t *count);

#endif
