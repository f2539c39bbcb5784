/* gauges.h - what the modules of the worker know about themselves, as metrics: how many are connected, what waits in
 * which queue, how often something was found. Read when somebody looks. */
#ifndef DAEMON_GAUGES_H
#define DAEMON_GAUGES_H

#include "account/password.h"
#include "admin/admin_api.h"
#include "auth/login.h"
#include "base/metrics.h"
#include "daemon/internal_http.h"
#include "daemon/logging.h"
#include "daemon/public_http.h"
#include "mail/auth_server.h"
#include "mail/map_server.h"
#include "mail/master_server.h"
#include "mail/pending_login.h"
#include "mail/policy_server.h"
#include "net/fetch.h"
#include "scim/scim_routes.h"
#include "store/store.h"

enum { GAUGES_DOORS_MAX = 16 };

/* One listening socket. */
struct gauges_door {
    const char *name;
    size_t (*connections)(const void *server); /* NULL: not counted */
    size_t (*requests)(const void *server);    /* under way; NULL: answered at once */
    const void *server;
};

/* All of it outlives the metrics. */
struct gauges {
    struct gauges_door doors[GAUGES_DOORS_MAX];
    size_t doors_count;
    const struct login_service *login;
    const struct pending_login_table *pending;
    const struct password_checks *passwords;
    const struct throttle *throttle;
    const struct directory *directory;
    const struct store *store;
    const struct fetch_client *fetches;
    const struct logging *logging;
    const struct public_http *public; /* NULL: not in use */
    const struct scim_routes *scim;   /* likewise */
};

/* Add a door; NULL: not in use. `name` is a literal. */
void gauges_auth(struct gauges *gauges, const char *name, const struct auth_server *server);
void gauges_master(struct gauges *gauges, const char *name, const struct master_server *server);
void gauges_map(struct gauges *gauges, const char *name, const struct map_server *server);
void gauges_policy(struct gauges *gauges, const char *name, const struct policy_server *server);
void gauges_admin(struct gauges *gauges, const char *name, const struct admin_api *server);
void gauges_internal(struct gauges *gauges, const char *name, const struct internal_http *server);
void gauges_public(struct gauges *gauges, const char *name, const struct public_http *server);

void gauges_add(const struct gauges *gauges, struct metrics *metrics);

#endif
