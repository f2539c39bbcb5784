/* account.h - a mailbox owner, as the rest of the program sees one. Pure: rows and rules, no store. */
#ifndef ACCOUNT_ACCOUNT_H
#define ACCOUNT_ACCOUNT_H

#include "base/arena.h"
#include "base/buffer.h"
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

/* What an account is. Only a person signs in. Stored. */
enum account_kind {
    ACCOUNT_PERSON,
    ACCOUNT_GROUP,  /* the addresses of a group: no mailbox, mail goes to its members */
    ACCOUNT_SHARED, /* a shared mailbox: the group of the same id says who may use it */
};
/* What becomes of mail to a disabled one. Stored. */
enum account_on_disable { ACCOUNT_DELIVER, ACCOUNT_REJECT, ACCOUNT_FORWARD };
/* What it may use; a set of bits, 0: everything. Stored. */
enum account_service {
    ACCOUNT_IMAP = 1,
    ACCOUNT_POP3 = 2,
    ACCOUNT_SMTP = 4,
    ACCOUNT_SIEVE = 8,
    ACCOUNT_JMAP = 16,
    ACCOUNT_WEBMAIL = 32,
    ACCOUNT_DAV = 64,
};

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
    enum account_kind kind;
    enum account_on_disable on_disable;
    struct span forward_to; /* addresses parted by blanks; empty: none */
    bool keep_copy;         /* with forward_to, while it is active */
    bool no_mailbox;        /* login only; of a tombstone: no mail is kept (any more) */
    unsigned services;      /* enum account_service; 0: all */
    int64_t retention_days; /* -1: the configured default */
};

const char *account_state_name(enum account_state state); /* "deleted", "disabled", "active" */

/* One table holds every address. */
enum address_kind {
    ADDRESS_HELD, /* kept from reuse: of a deleted account */
    ADDRESS_PRIMARY,
    ADDRESS_ALIAS, /* given by an admin */
    /* a former primary: receives, signs in, and owns running sessions */
    ADDRESS_RENAMED,
    ADDRESS_PROVISIONED, /* an alias that a provisioning client gave */
    ADDRESS_LOGIN,       /* a name to sign in with: receives nothing */
};
/* "held", "primary", "alias", "renamed", "provisioned", "login" */
const char *account_address_kind_name(enum address_kind kind);

const char *account_kind_name(enum account_kind kind); /* "person", "group", "shared" */
const char *account_on_disable_name(
    enum account_on_disable what); /* "deliver", "reject", "forward" */
bool account_on_disable_parse(struct span text, enum account_on_disable *what);
/* "imap", "pop3", "smtp", "managesieve", "jmap", "webmail", "dav" (also "pop", "sieve", "submission"); 0: none of these. */
unsigned account_service_parse(struct span word);
void account_services_write(unsigned services, struct buffer *out); /* "imap smtp" */
/* Whether mail to it is taken: it lives, and on_disable, its mailbox or its forward say where it goes. Of a group's
 * account: always, while it lives (its members say). */
bool account_receives(const struct account *account);

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
