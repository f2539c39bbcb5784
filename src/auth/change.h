/* change.h - the one path of every change of accounts, addresses and domains, whichever door it came by.
 *
 * A change reads what is, checks the rules, writes rows and an audit row in one commit, logs one line, and
 * lets the follow-ups happen (later: purge caches, end sessions). When the callback says done, it is
 * durable and every look-up sees it. Changes that lose a race are tried again, at most 3 times. */
#ifndef AUTH_CHANGE_H
#define AUTH_CHANGE_H

#include "account/account_rows.h"
#include "account/audit.h"
#include "account/resource_index.h"
#include "auth/directory.h"
#include "auth/provision.h"
#include "base/log.h"
#include "base/secret.h"

enum change_kind {
    CHANGE_NOTHING,
    /* domain; target: who gets postmaster@ and abuse@ (empty: an account postmaster@ is made, abuse@ its alias) */
    CHANGE_DOMAIN_ADD,
    CHANGE_DOMAIN_DELETE,   /* domain, which must be empty but for those two and held addresses */
    CHANGE_ACCOUNT_ADD,     /* address; name, home, quota, password_hash optional */
    CHANGE_ACCOUNT_SET,     /* address; whichever of name, home, quota, password_hash is given */
    CHANGE_ACCOUNT_DISABLE, /* address */
    CHANGE_ACCOUNT_ENABLE,
    CHANGE_ACCOUNT_RENAME,   /* address -> target; the old one stays an alias (ADDRESS_RENAMED) */
    CHANGE_ACCOUNT_DELETE,   /* address; addresses go on hold, mail stays */
    CHANGE_ACCOUNT_BIND,     /* account_id, provider, subject: at a first login */
    CHANGE_ACCOUNT_UNBIND,   /* address: the next login with a token binds it again */
    CHANGE_ALIAS_ADD,        /* address (or "@domain") -> target, an account's address */
    CHANGE_ALIAS_DELETE,     /* address */
    CHANGE_USER_PROVISION,   /* client, user: made, adopted, re-attached or replaced */
    CHANGE_USER_DEPROVISION, /* client, account_id, version_read (0: any): as CHANGE_ACCOUNT_DELETE */
    CHANGE_GROUP_PROVISION,   /* client, group */
    CHANGE_GROUP_DEPROVISION, /* client, account_id, version_read */
    CHANGE_CLIENT_ADD,        /* client (its id is made), secret */
    CHANGE_CLIENT_SET,        /* client, by its name: all but id and name */
    CHANGE_CLIENT_ROTATE, /* client's name, secret: a second secret; `keep_old` false: the only one */
    CHANGE_CLIENT_RELEASE, /* client's name: the brake is taken off */
    CHANGE_CLIENT_DELETE,  /* client's name */
};

/* Views; copied by change_start(). */
struct change {
    enum change_kind kind;
    struct span actor;
    struct span domain, address, target, account_id;
    bool set_name, set_home, set_quota, set_password; /* which of the next four are given */
    struct span name, home, password_hash;            /* empty: taken away */
    int64_t quota_bytes;
    struct span provider, subject;
    const struct client *client;         /* who provisions; what is to be made of a client */
    const struct provision_user *user;   /* USER_PROVISION */
    const struct provision_group *group; /* GROUP_PROVISION */
    int64_t version_read;
    struct client_secret secret;
    bool keep_old;
    int64_t old_expires; /* CLIENT_ROTATE, keep_old: when the secrets of before end at the latest */
};

enum change_answer {
    CHANGE_FAILED,  /* the store could not: try again */
    CHANGE_INVALID, /* the input is not well-formed: `problem` says what */
    CHANGE_NOT_FOUND,
    CHANGE_EXISTS,  /* the address or domain is taken */
    CHANGE_REFUSED, /* a rule forbids it: `problem` says which and what to do */
    CHANGE_DONE,
    CHANGE_SAME,  /* already so: nothing was written */
    CHANGE_STALE, /* provisioned resources: another change came first; read again and decide again */
};

struct change_result {
    enum change_answer answer;
    const char *problem;           /* one line for a person, names the attribute or address */
    const struct account *account; /* as it is now; NULL for domains */
    /* DONE: something the admin should know (where mail of a deleted account lies), or empty */
    struct span note;
    /* Provisioned ones: the resource as it is now, NULL when it could not be read just now. `attribute` names what a problem is about ("emails") */
    const struct resource *resource;
    const char *attribute;
    bool created; /* USER_PROVISION, GROUP_PROVISION: there was none */
};

struct change_settings {
    int64_t
        hold_s; /* what was another account's address is not provisioned to somebody else for so long */
    int64_t
        retention_s; /* mail of a deleted account is kept for so long, unless the account says otherwise */
    /* More deletions in an hour by one client, and more of this share of its users: nothing of them is purged until an
     * admin says so */
    int64_t brake_deletes, brake_percent;
};

struct changes;
struct change_run;
typedef void change_fn(const struct change_result *result, void *context);

struct changes *changes_new(struct loop *loop, const struct log *log, struct store *store,
                            struct directory *directory);
void changes_configure(struct changes *changes, const struct change_settings *settings);
const struct change_settings *changes_settings(const struct changes *changes);
/* Runs after every change that concerns groups, who is in them, or the address of an account. */
typedef void changes_groups_fn(void *context);
void changes_on_groups(struct changes *changes, changes_groups_fn *fn, void *context);
/* Tells it of every resource that came or went. May be NULL. */
void changes_set_index(struct changes *changes, struct resource_index *index);
void changes_free(struct changes *changes); /* changes under way still commit; nobody hears */
struct change_run *change_start(struct changes *changes, const struct change *change, change_fn *fn,
                                void *context);
void change_forget(struct change_run *run); /* the caller no longer listens; takes NULL */
/* Notes a login's time; written in batches, at most once a minute an account. */
void changes_note_login(struct changes *changes, struct span account_id, int64_t when);

#endif
