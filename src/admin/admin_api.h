/* admin_api.h - what the `postern` command talks to: HTTP over the admin socket.
 *
 * The socket is 0600 and root's; every call is checked again by its peer's uid, which becomes the
 * actor of the audit row ("uid:0"). The routes stand in one table in admin_api.c, rights are a column
 * of it, and they exist on no TCP listener. Bodies and answers are JSON; a refusal is
 * {"error": "…", "code": "…"} with the code of enum change_answer and a status of its own. */
#ifndef ADMIN_ADMIN_API_H
#define ADMIN_ADMIN_API_H

#include "account/password.h"
#include "auth/change.h"
#include "auth/directory.h"
#include "base/log.h"
#include "token/token_check.h"

struct admin_api;

/* What the calls are carried out with. Everything outlives the API. */
struct admin_services {
    struct loop *loop;
    const struct log *log;
    struct store *store;
    struct changes *changes;
    struct directory *directory;
    struct password_checks *passwords;
    struct token_checks *tokens;
    /* where the public listener is reached, "https://mail.example.com"; NULL: there is none. Copied */
    const char *public_url;
};

/* Takes over the listening socket; `services` are copied. */
struct admin_api *admin_api_new(int fd, const struct admin_services *services);
void admin_api_configure(struct admin_api *api, const char *public_url);
/* Accepts nothing new; admin_api_busy() tells how many calls still wait for their answer. */
void admin_api_drain(struct admin_api *api);
size_t admin_api_busy(const struct admin_api *api);
/* calls under way lose their answer, not their change */
void admin_api_free(struct admin_api *api);

#endif
