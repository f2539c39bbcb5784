/* change.h - the one path of every change of accounts, addresses and domains, whichever door it came by.
 *
 * A change reads what is, checks the rules, writes rows and an audit row in one commit, logs one line, and
 * lets the follow-ups happen (later: purge caches, end sessions). When the callback says done, it is
 * durable and every look-up sees it. Changes that lose a race are tried again, at most 3 times. */
#ifndef AUTH_CHANGE_H
#define AUTH_CHANGE_H

#include "account/account_rows.h"
#include "account/audit.h"
#include "auth/directory.h"
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
    CHANGE_ACCOUNT_RENAME, /* address -> target; the old one stays an alias (ADDRESS_RENAMED) */
    CHANGE_ACCOUNT_DELETE, /* address; addresses go on hold, mail stays */
    CHANGE_ACCOUNT_BIND,   /* account_id, provider, subject: at a first login */
    CHANGE_ACCOUNT_UNBIND, /* address: the next login with a token binds it again */
    CHANGE_ALIAS_ADD,      /* address (or "@domain") -> target, an account's address */
    CHANGE_ALIAS_DELETE,   /* address */
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
};

enum change_answer {
    CHANGE_FAILED,  /* the store could not: try again */
    CHANGE_INVALID, /* the input is not well-formed: `problem` says what */
    CHANGE_NOT_FOUND,
    CHANGE_EXISTS,  /* the address or domain is taken */
    CHANGE_REFUSED, /* a rule forbids it: `problem` says which and what to do */
    CHANGE_DONE,
    CHANGE_SAME, /* already so: nothing was written */
};

struct change_result {
    enum change_answer answer;
    const char *problem;           /* one line for a person, names the attribute or address */
    const struct account *account; /* as it is now; NULL for domains */
    /* DONE: something the admin should know (where mail of a deleted account lies), or empty */
    struct span note;
};

struct changes;
struct change_run;
typedef void change_fn(const struct change_result *result, void *context);

struct changes *changes_new(struct loop *loop, const struct log *log, struct store *store,
                            struct directory *directory);
void changes_free(struct changes *changes); /* changes under way still commit; nobody hears */
struct change_run *change_start(struct changes *changes, const struct change *change, change_fn *fn,
                                void *context);
void change_forget(struct change_run *run); /* the caller no longer listens; takes NULL */
/* Notes a login's time; written in batches, at most once a minute an account. */
void changes_note_login(struct changes *changes, struct span account_id, int64_t when);

#endif
