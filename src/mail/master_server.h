/* master_server.h - the auth protocol's master side: who a login is, where a user's mail lies, who there is.
 *
 * auth-master: imap, pop3, managesieve (REQUEST), doveadm. auth-userdb: lmtp, lda, quota-status, doveadm
 * (USER, PASS, LIST). Every request is answered: imap would wait 90 s. Trouble of ours is FAIL, which
 * lmtp turns into 451; NOTFOUND (550) only ever means that nobody has the address. Disabled accounts
 * are found: their mail still arrives and admins still look. So are shared mailboxes, which mail is delivered to and
 * members open. Delivery to a disabled account finds no Sieve script (2.3): what it did with its mail is suspended.
 * Not found are the addresses of groups, and accounts without a mailbox. */
#ifndef MAIL_MASTER_SERVER_H
#define MAIL_MASTER_SERVER_H

#include "auth/directory.h"
#include "base/log.h"
#include "base/secret.h"
#include "mail/pending_login.h"

#include <sys/types.h>

enum master_server_kind {
    /* by peer uid: USER root_uid, dovecot_uid and mail_uid; PASS and LIST root_uid */
    MASTER_SERVER_USERDB,
    MASTER_SERVER_MASTER, /* root_uid only: everything, and REQUEST */
};

struct master_server_settings {
    enum master_server_kind kind;
    const char *name;               /* of the socket, for log lines; a literal */
    uint32_t server_pid;            /* SPID: the same on all our sockets */
    uid_t root_uid;                 /* 0; tests: their own */
    int64_t dovecot_uid, mail_uid;  /* -1: nobody */
    size_t connections_max;         /* 1,000 */
    size_t handshakes_max;          /* 500 */
    int64_t handshake_ms;           /* 30,000 */
    const struct secret *token_key; /* for auth_token= in answers to REQUEST; NULL: none is given */
};

struct master_server;
/* Takes over `fd`. Everything else is the caller's and outlives it; `pending` may be NULL for USERDB. */
struct master_server *master_server_new(struct loop *loop, int fd,
                                        const struct master_server_settings *settings,
                                        struct directory *directory, struct store *store,
                                        struct pending_login_table *pending, const struct log *log);
/* Accepts nobody and finishes idle connections. */
void master_server_drain(struct master_server *server);
size_t master_server_connections(const struct master_server *server);
void master_server_free(struct master_server *server); /* takes NULL */

#endif
