/* policy_server.h - Postfix's policy service: may this authenticated sender still send?
 *
 * Asked at RCPT and at DATA. An account that is disabled or gone: 421, which ends the SMTP session.
 * MAIL FROM:<>, which passes reject_sender_login_mismatch: a bounce, a receipt or a vacation answer has one
 * recipient, so an active account may send such a message to one. Trouble of ours: 451. Clients that
 * are not authenticated: DUNNO. Which sender belongs to whom is map_server's `senders`. */
#ifndef MAIL_POLICY_SERVER_H
#define MAIL_POLICY_SERVER_H

#include "auth/directory.h"
#include "base/log.h"

struct policy_server_settings {
    const char *name;       /* of the socket, for log lines; a literal */
    size_t connections_max; /* 1,000 */
};

struct policy_server;
/* Takes over `fd`; directory and log are the caller's and outlive it. */
struct policy_server *policy_server_new(struct loop *loop, int fd,
                                        const struct policy_server_settings *settings,
                                        struct directory *directory, const struct log *log);
void policy_server_drain(struct policy_server *server);
size_t policy_server_connections(const struct policy_server *server);
void policy_server_free(struct policy_server *server); /* takes NULL */

#endif
