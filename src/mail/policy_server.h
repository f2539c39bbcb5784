/* policy_server.h - Postfix's policy service: may this sender send, and may this recipient get it?
 *
 * Asked at RCPT and at DATA. Of those who signed in: an account that is disabled or gone, or may not use SMTP: 421, which
 * ends the SMTP session. MAIL FROM:<>, which passes reject_sender_login_mismatch: a bounce, a receipt or a vacation
 * answer has one recipient, so an active account may send such a message to one. Trouble of ours: 451. Which sender
 * belongs to whom is map_server's `senders`.
 *
 * At RCPT, of everybody, also on port 25: a disabled account that shall reject mail: 550 5.2.1. An address of a group
 * (or shared mailbox) that not everybody may write to: 550 5.7.1 unless the sender signed in and is a person of this
 * server, a member (also of a nested group) or an owner, as the group has it; what MAIL FROM says proves
 * nothing. The address of a part of a group (group_delivery.h): 550 5.1.1. Trouble of ours: DEFER_IF_PERMIT.
 * Everything else: DUNNO. */
#ifndef MAIL_POLICY_SERVER_H
#define MAIL_POLICY_SERVER_H

#include "auth/directory.h"
#include "base/log.h"

struct policy_server_settings {
    const char *name;       /* of the socket, for log lines; a literal */
    size_t connections_max; /* 1,000 */
};

struct policy_server;
/* Takes over `fd`; directory, store and log are the caller's and outlive it. */
struct policy_server *policy_server_new(struct loop *loop, int fd,
                                        const struct policy_server_settings *settings,
                                        struct directory *directory, struct store *store,
                                        const struct log *log);
void policy_server_drain(struct policy_server *server);
size_t policy_server_connections(const struct policy_server *server);
void policy_server_free(struct policy_server *server); /* takes NULL */

#endif
