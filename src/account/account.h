/* account.h - a mailbox owner, as the rest of the program sees one. Pure: rows and rules, no store. */
#ifndef ACCOUNT_ACCOUNT_H
#define ACCOUNT_ACCOUNT_H

#include "base/arena.h"
#include "base/uuid.h"
#include "wire/address.h"

enum account_state {
    ACCOUNT_GONE,     /* deleted: a tombstone, its mail is kept; also what nobody filled in */
    ACCOUNT_DISABLED, /* no login, no sending; mail still arrives */
    ACCOUNT_ACTIVE,
};

enum {
    ACCOUNT_NAME_MAX = 255,
    ACCOUNT_HOME_MAX = 1023,
    ACCOUNT_SUBJECT_MAX = 255,
    ACCOUNT_PROVIDER_MAX = 63,
    ACCOUNT_HASH_MAX = 512,
};
/* What JSON readers still take for an integer (2^53). */
#define ACCOUNT_QUOTA_MAX (INT64_C(1) << 53)

/* The texts belong to the arena of the look-up that made it. */
struct account {
    char id[UUID_SIZE];
    enum account_state state;
    struct address primary;
    struct span name;    /* display name; may be empty */
    struct span home;    /* an own place of the mail (--home); empty: <mail root>/<id> */
    int64_t quota_bytes; /* 0: unlimited; -1: the configured default */
    /* "{SCHEME}hash" or "$6$…"; empty: none. Only account/password reads it */
    struct span password;
    struct span provider, subject; /* whose token opens it (binding); empty: not bound yet */
    int64_t created, changed;      /* wall seconds */
    int64_t last_login;            /* 0: never */
    int64_t version;               /* grows with every change */
};

const char *account_state_name(enum account_state state); /* "deleted", "disabled", "active" */

/* One table holds every address. */
enum address_kind {
    ADDRESS_HELD, /* kept from reuse: of a deleted account */
    ADDRESS_PRIMARY,
    ADDRESS_ALIAS, /* given by an admin */
    /* a former primary: receives, signs in, and owns running sessions */
    ADDRESS_RENAMED,
};
/* "held", "primary", "alias", "renamed" */
const char *account_address_kind_name(enum address_kind kind);

/* The home directory: account->home, or "<root>/<id>". */
struct span account_home(const struct account *account, struct span mail_root, struct arena *arena);
/* An absolute path in UTF-8 without parts "." and "..", control characters, "//", a trailing "/" or "%"
 * (Dovecot would expand it), at most ACCOUNT_HOME_MAX bytes. */
bool account_home_valid(struct span home);
/* UTF-8 without control characters, at most ACCOUNT_NAME_MAX bytes. */
bool account_name_valid(struct span name);
/* "5368709120", "500M", "5G" (K, M, G, T are 1024-based), "none" (0) or "default" (-1); at most
 * ACCOUNT_QUOTA_MAX. */
bool account_quota_parse(struct span text, int64_t *quota);

#endif
