/* provision.h - what a provisioning client wants a user or a group to be: the desired end, for auth/change.
 *
 * Plain data, views. docs/scim.md says how SCIM attributes become it; the rules that hold for it are plan_user.c's and
 * plan_group.c's. A list that is not asserted stays as it is. */
#ifndef AUTH_PROVISION_H
#define AUTH_PROVISION_H

#include "account/account.h"
#include "account/client.h"
#include "account/group_rows.h"
#include "account/resource.h"

enum { PROVISION_LIST_MAX = 500 };

struct provision_list {
    const struct span *items;
    size_t count;
};

enum provision_state { PROVISION_KEEP, PROVISION_ACTIVE, PROVISION_DISABLED };

/* Local addresses, the primary first; texts as they were sent, and which attribute told them, for problems. */
struct provision_addresses {
    struct provision_list list;
    const char *primary; /* static: "emails", "userName", "address" … */
    const char *others;  /* static: of those behind it */
    size_t aliases_at;   /* those from here on are from "aliases"; 0: there are none */
};
const char *provision_addresses_attribute(const struct provision_addresses *addresses,
                                          size_t index);

/* What both have. */
struct provision_resource {
    struct span id; /* empty: a new one */
    int64_t
        version_read; /* of the resource that the new document was made from; a later one is CHANGE_STALE */
    struct span external_id;
    struct span name, name_key, display_key;
    struct span
        document; /* the stored text itself when nothing in it differs: that is how "the same" is known */
    struct provision_list email_keys; /* folded emails.value, for the index */
};

struct provision_user {
    struct provision_resource resource;
    /* What the stored document meant, by the same mapping; NULL for a new one. What does not differ from it is left as it
     * is: what an admin set by hand outlives a change of the name. */
    const struct provision_user *before;
    enum provision_state state;
    bool set_password;
    struct span password_hash; /* empty: taken away */
    struct span full_name;
    /* All lie in domains of the client. Not asserted: unchanged. */
    bool set_addresses;
    struct provision_addresses addresses;
    struct span login_name;      /* from userName; an address; empty: none beyond the addresses */
    struct span login_attribute; /* "userName", for problems */
    /* From the mail extension; absent ones are the defaults. */
    int64_t quota_bytes; /* -1: default */
    enum account_on_disable on_disable;
    struct provision_list forward_to, send_as; /* addresses */
    bool keep_copy, mailbox;
    unsigned services;      /* enum account_service bits; 0: all */
    int64_t retention_days; /* -1: default */
};

struct provision_member {
    struct span id; /* or an address, for EXTERNAL */
    enum group_rows_member_kind kind;
};

struct provision_group {
    struct provision_resource resource;
    enum group_rows_kind kind;
    enum group_rows_senders senders;
    enum group_rows_rights rights;
    struct provision_addresses addresses; /* empty: none */
    int64_t quota_bytes;
    bool resource_changed; /* document or settings differ from what is; else only members change */
    /* Members: taken out first, then put in; each id once over both lists. What is already so was left out. */
    const struct provision_member *remove, *add;
    size_t remove_count, add_count;
    bool set_owners; /* replaces all owners */
    struct provision_list owners;
    bool set_external; /* replaces all addresses elsewhere */
    struct provision_list external;
};

struct provision_user *provision_user_copy(struct arena *arena, const struct provision_user *user);
struct provision_group *provision_group_copy(struct arena *arena,
                                             const struct provision_group *group);

#endif
