/* auth_server.h - the auth protocol's client side: where Dovecot's login processes, Postfix and doveadm sign people in.
 *
 * One instance for each listening socket. What is believed depends on its kind, never on what the
 * peer says of itself. Answers follow the table in section 4.3 of the protocol notes: a temporary
 * failure is `code=temp_fail` to Dovecot, and to Postfix, which turns every FAIL into a permanent
 * 535, a closed auth connection (454 at the client). Texts for clients come from a fixed list. */
#ifndef MAIL_AUTH_SERVER_H
#define MAIL_AUTH_SERVER_H

#include "auth/login.h"
#include "mail/pending_login.h"

#include <sys/types.h>

enum auth_server_kind {
    AUTH_SERVER_POSTFIX, /* service smtp; doveadm when the peer is root; no REQUEST follows */
    AUTH_SERVER_DOVECOT, /* imap, pop3, sieve …, never smtp; doveadm when the peer is root */
    AUTH_SERVER_TOKEN,   /* imap-urlauth only, DOVECOT-TOKEN only */
};

struct auth_server_settings {
    enum auth_server_kind kind;
    const char *name;       /* of the socket, for log lines; a literal */
    uint32_t server_pid;    /* SPID: the same on all our sockets */
    uid_t root_uid;         /* 0; tests: their own */
    size_t connections_max; /* handshake complete (2,000) */
    size_t handshakes_max;  /* not complete (500) */
    int64_t handshake_ms;   /* 30,000 */
    size_t requests_max;    /* open on one connection; beyond it: temporary failure (1,000) */
    /* TOKEN only: AUTH_TOKEN_KEY_SIZE random bytes that survive restarts; NULL: refuses all. */
    const struct secret *token_key;
};

struct auth_server;
/* Takes over `fd`. `service`, `pending` (the one master_server asks; NULL on Postfix's socket),
 * `token_key` and `log` are the caller's and outlive it. PLAIN and LOGIN are offered while
 * service->settings.passwords is set. */
struct auth_server *auth_server_new(struct loop *loop, int fd,
                                    const struct auth_server_settings *settings,
                                    struct login_service *service,
                                    struct pending_login_table *pending, const struct log *log);

/* SIGTERM, in this order: auth_server_drain(); turns of the loop until auth_server_requests() of all
 * and pending_login_count() are 0, or the grace is over; auth_server_abandon(); turns until
 * auth_server_connections() is 0, for at most a second; auth_server_free(). */
/* Accepts nobody; a connection closes when its requests are answered. */
void auth_server_drain(struct auth_server *server);
/* Answers what is open as temporary failures, and closes. */
void auth_server_abandon(struct auth_server *server);
size_t auth_server_requests(const struct auth_server *server); /* logins under way */
size_t auth_server_connections(const struct auth_server *server);
void auth_server_free(struct auth_server *server); /* closes at once; takes NULL */

#endif
