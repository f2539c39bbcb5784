/* directory.h - what an address leads to: for logins, for Dovecot's USER, for Postfix's maps.
 *
 * The one place that resolves sub-addresses (user+tag), aliases and catch-alls; every door asks here.
 * All answers are look-ups: they come now. DIRECTORY_UNAVAILABLE is trouble of ours and must become a
 * temporary answer, never "unknown". */
#ifndef AUTH_DIRECTORY_H
#define AUTH_DIRECTORY_H

#include "account/account_cache.h"

enum directory_answer { DIRECTORY_UNAVAILABLE, DIRECTORY_NONE, DIRECTORY_FOUND };

struct directory_settings {
    char *default_domain; /* for names without "@"; NULL: none */
    char *mail_root;      /* homes live below it, by id */
    int64_t quota_bytes;  /* default; 0: unlimited */
    int64_t mail_uid, mail_gid;
    char delimiter;         /* of sub-addresses; 0: none */
    int64_t rename_login_s; /* how long a former address is still a login name; 0: for ever */
    size_t cache_bytes;     /* of accounts by address (account_cache.h); 0: none */
};

struct directory;
/* `settings` are copied; directory_configure() replaces them. The store is the caller's, and whoever else writes accounts
 * to it tells directory_forget_*(). */
struct directory *directory_new(struct store *store, const struct directory_settings *settings);
void directory_configure(struct directory *directory, const struct directory_settings *settings);
void directory_free(struct directory *directory);

/* A login name (SASL, sasl_username): normalised, default domain added, no tag, no catch-all. Primary,
 * alias, login name or former address (for `rename_login_s` after the rename) of a person: groups and shared
 * mailboxes are nobody's login (NONE). `name` may be NULL when the caller does not need the normal form. */
bool directory_login_name(const struct directory *directory, struct span text,
                          struct address *name);
enum directory_answer directory_login(struct directory *directory, const struct address *name,
                                      struct arena *arena, struct account_rows_found *found);
/* A recipient, as an SMTP client or LMTP wrote it: also with tag, also by catch-all. Gone accounts and
 * held addresses are DIRECTORY_NONE, and names that only sign in; disabled ones are found. What is found may
 * be the address of a group, or an account without a mailbox: look at `kind` and account_receives(). */
enum directory_answer directory_recipient(struct directory *directory, struct span text,
                                          struct arena *arena, struct account_rows_found *found,
                                          struct span *tag);
/* By its id, as a login ended with it; in whatever state it is now, and of whatever kind. */
enum directory_answer directory_account(struct directory *directory, struct span id,
                                        struct arena *arena, struct account *account);
enum directory_answer directory_domain(struct directory *directory, struct span text);

/* For auth/change and auth/changes: what they changed, before anybody hears of it. */
void directory_forget_account(struct directory *directory, struct span id);
/* An address in any form; nothing is kept of catch-alls. */
void directory_forget_address(struct directory *directory, struct span text);
void directory_forget_all(struct directory *directory);
const struct account_cache *directory_cache(const struct directory *directory); /* for metrics */

char directory_delimiter(const struct directory *directory); /* of sub-addresses; 0: none */

/* What Dovecot needs to know of an account's mail. */
struct directory_mailbox {
    struct span home;
    int64_t uid, gid;
    int64_t quota_bytes; /* 0: unlimited */
};
void directory_mailbox(const struct directory *directory, const struct account *account,
                       struct arena *arena, struct directory_mailbox *mailbox);

#endif
