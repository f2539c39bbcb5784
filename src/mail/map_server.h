/* map_server.h - Postfix's tables, by socketmap: `domains`, `mailboxes`, `aliases`, `senders`.
 *
 * Keys are whole addresses; sub-addresses, catch-alls and letter case are resolved here. NOTFOUND only
 * ever means that there is none; trouble of ours is TEMP, within `answer_ms` (Postfix waits 100 s).
 *   domains    NAME     1: we receive mail for it
 *   mailboxes  ADDRESS  1: it has a mailbox that takes mail. Groups have none
 *   aliases    ADDRESS  where its mail goes: of an alias the primary address, with its +tag; of a primary address that
 *                       is forwarded, the forwards (and itself, where a copy is kept); of a group its members or parts
 *                       (group_delivery.h). NOTFOUND: nowhere else, or to nobody
 *   senders    ADDRESS  the login names that may send as it (sender_logins.h), comma-separated
 *
 * A group without anybody who takes mail, and an account that takes none, are in neither map: 550 at RCPT. */
#ifndef MAIL_MAP_SERVER_H
#define MAIL_MAP_SERVER_H

#include "auth/directory.h"
#include "base/log.h"

struct map_server_settings {
    const char *name;       /* of the socket, for log lines; a literal */
    size_t connections_max; /* 1,000; a Postfix process keeps one */
    int64_t answer_ms;      /* 5,000 */
};

struct map_server;
/* Takes over `fd`; directory, store and log are the caller's and outlive it. */
struct map_server *map_server_new(struct loop *loop, int fd,
                                  const struct map_server_settings *settings,
                                  struct directory *directory, struct store *store,
                                  const struct log *log);
void map_server_drain(struct map_server *server);
size_t map_server_connections(const struct map_server *server);
void map_server_free(struct map_server *server); /* takes NULL */

#endif
