/* client.h - a provisioning client: what one SCIM token may do, and for which domains. Rows and rules.
 *
 * A client owns what it provisioned or adopted, and sees nothing else. It proves itself with a secret, "psc_" and 43
 * characters of base64url (32 random bytes); stored is its SHA-256 only. Two secrets may live at once, for rotation. */
#ifndef ACCOUNT_CLIENT_H
#define ACCOUNT_CLIENT_H

#include "base/buffer.h"
#include "base/digest.h"
#include "base/secret.h"
#include "base/uuid.h"
#include "store/store.h"
#include "wire/address.h"

enum {
    CLIENT_NAME_MAX = 63, /* letters, digits, ".", "_", "-" */
    CLIENT_DOMAINS_MAX = 100,
    CLIENT_NETWORKS_MAX = 100,
    CLIENT_SECRETS_MAX = 2,
    CLIENT_SECRET_MAX = 64,
};

/* A set of bits; stored. */
enum client_right {
    CLIENT_USERS = 1,        /* read and write users */
    CLIENT_GROUPS = 2,       /* read and write groups */
    CLIENT_SET_PASSWORD = 4, /* else a password is taken and ignored */
    CLIENT_FORWARD = 8,      /* forwardTo, externalMembers: mail leaves the house */
    CLIENT_MOVE = 16,        /* mailHost may change */
    CLIENT_RESERVED = 32,    /* postmaster@, admin@ … may be given out */
    CLIENT_READ_ONLY = 64,   /* nothing is written */
};
enum client_members { CLIENT_MEMBERS_REJECT, CLIENT_MEMBERS_SKIP }; /* unknown ids in `members` */
enum client_adopt { CLIENT_ADOPT_NEVER, CLIENT_ADOPT_EXTERNAL_ID, CLIENT_ADOPT_ADDRESS };

/* The texts belong to the arena of the look-up that made it. Lists are parted by blanks. */
struct client {
    char id[UUID_SIZE];
    struct span name;
    struct span domains;        /* normal forms; empty: none, it can write no address */
    struct span default_domain; /* for a userName without "@"; may be empty */
    struct span
        group_template; /* "%s@lists.example.com": a group's address from its displayName; may be empty */
    struct span provider; /* whose subject its externalId is; empty: it binds nothing */
    struct span networks; /* addresses and networks it may call from; empty: any */
    unsigned rights;
    enum client_members members;
    enum client_adopt adopt;
    int64_t adopt_until; /* wall seconds; ADDRESS only: no longer than this */
    int64_t created, changed, last_used;
    int64_t version;
    bool frozen; /* the brake: it deleted too much; nothing of what it deleted is purged */
};

struct client_secret {
    struct digest hash;
    char client_id[UUID_SIZE];
    int64_t created, expires; /* 0: never */
};

/* A new secret's text; the caller shows it once and forgets it. */
void client_secret_new(struct secret *text, struct digest *hash);
struct digest client_secret_hash(struct span text);
bool client_name_valid(struct span name);
/* Rights as words parted by commas or blanks ("users,groups,set_password"); false names the word that is none. */
bool client_rights_parse(struct span text, unsigned *rights, struct error *error);
void client_rights_write(unsigned rights, struct buffer *out);
bool client_may_write(const struct client *client, struct span domain); /* a normal form */
/* postmaster, abuse, hostmaster, webmaster, admin, administrator, root, security (any tag): whoever receives them can obtain
 * certificates for the domain (CA/Browser Forum Baseline Requirements 3.2.2.4.4; RFC 2142). */
bool client_local_reserved(struct span local, char delimiter);
/* STORE_ROW: the account receives for one of those, or is a domain's catch-all. */
enum store_now client_has_reserved(struct store *store, struct span account_id);

struct client *client_copy(struct arena *arena, const struct client *client);

/* Look-ups: now. */
enum store_now client_by_secret(struct store *store, const struct digest *hash, struct arena *arena,
                                struct client *client, struct client_secret *secret);
enum store_now client_by_name(struct store *store, struct span name, struct arena *arena,
                              struct client *client);
enum store_now client_by_id(struct store *store, struct span id, struct arena *arena,
                            struct client *client);
/* Lists: later. */
struct store_read *client_list(struct store *store, store_read_fn *fn, void *context);
void client_read(const struct store_rows *rows, size_t row, struct arena *arena,
                 struct client *client);
struct store_read *client_list_secrets(struct store *store, struct span client_id,
                                       store_read_fn *fn, void *context);
void client_read_secret(const struct store_rows *rows, size_t row, struct client_secret *secret);

/* Steps of a change. */
void client_add(struct store_change *change, const struct client *client);
void client_update(struct store_change *change, const struct client *client, int64_t version_read);
/* Conflict while it owns living resources. Its secrets go as well. */
void client_delete(struct store_change *change, struct span id);
/* Conflict when CLIENT_SECRETS_MAX unexpired ones are there already; expired ones go. */
void client_add_secret(struct store_change *change, const struct client_secret *secret,
                       int64_t now);
void client_delete_secret(struct store_change *change, const struct digest *hash);
void client_delete_secrets_but(struct store_change *change, struct span client_id,
                               const struct digest *kept);
/* The client's other secrets end at `expires`, unless they end before. Any number of rows. */
void client_expire_secrets_but(struct store_change *change, struct span client_id,
                               const struct digest *kept, int64_t expires);
/* Any number of rows; never goes back. */
void client_set_last_used(struct store_change *change, struct span id, int64_t when);
/* Only this changes `frozen`: an update leaves it alone, as it does created and last_used. */
void client_set_frozen(struct store_change *change, struct span id, bool frozen);

const struct statement *const *client_statements(size_t *count); /* for the test of their plans */

#endif
