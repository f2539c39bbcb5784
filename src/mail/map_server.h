/* map_server.h - Postfix's tables, by socketmap: `domains`, `mailboxes`, `aliases`, `senders`.
 *
 * Keys are whole addresses; sub-addresses, catch-alls and letter case are resolved here. NOTFOUND only
 * ever means that there is none; trouble of ours is TEMP, within `answer_ms` (Postfix waits 100 s).
 *   domains    NAME     1: we receive mail for it
 *   mailboxes  ADDRESS  1: somebody receives its mail
 *   aliases    ADDRESS  the primary address that its mail goes to, with its +tag; NOTFOUND for a primary address
 *   senders    ADDRESS  the login names that may send as it: the owner's primary address and, for
 *                       sessions that began before a rename, its former ones; comma-separated */
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
