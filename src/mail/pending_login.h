/* pending_login.h - logins that were accepted and wait for the mail server's REQUEST.
 *
 * After OK a login process hands its client to imap, pop3 or managesieve, which asks on auth-master
 * who that is (REQUEST: connection cookie and request id). An entry is good for one REQUEST; it ends
 * with that, with CANCEL, with the connection that made it, or with its time. */
#ifndef MAIL_PENDING_LOGIN_H
#define MAIL_PENDING_LOGIN_H

#include "base/arena.h"
#include "net/loop.h"
#include "wire/dovecot_line.h"

struct pending_login_settings {
    size_t entries_max;  /* 10,000; beyond it pending_login_add() says no */
    int64_t lifetime_ms; /* 155,000: Dovecot's own time for it */
};

/* Which login: the cookie is the connection's, random, known to the mail server only. */
struct pending_login_key {
    unsigned char cookie[DOVECOT_LINE_COOKIE_SIZE];
    uint32_t id;
};

/* Views; copied. */
struct pending_login {
    struct span account_id;
    struct span mechanism;      /* "OAUTHBEARER" … */
    struct span service;        /* "imap" … */
    struct span session;        /* the server's session id; may be empty */
    struct span client_service; /* DOVECOT-TOKEN: of the session that vouched; else empty */
};

struct pending_login_table;
struct pending_login_table *pending_login_new(struct loop *loop,
                                              const struct pending_login_settings *settings);
void pending_login_free(struct pending_login_table *table); /* takes NULL */
/* False when the table is full: the login must be answered as a temporary failure. A key that is
 * there already is replaced. */
bool pending_login_add(struct pending_login_table *table, const struct pending_login_key *key,
                       const struct pending_login *login);
/* Takes an entry out; its texts are copied to `arena`. False: there is none, any more. The cookie is
 * compared in constant time. */
bool pending_login_take(struct pending_login_table *table, const struct pending_login_key *key,
                        struct arena *arena, struct pending_login *login);
/* CANCEL. */
void pending_login_remove(struct pending_login_table *table, const struct pending_login_key *key);
/* All of a connection that is gone. */
void pending_login_forget(struct pending_login_table *table, const unsigned char *cookie);
size_t pending_login_count(const struct pending_login_table *table);

#endif
