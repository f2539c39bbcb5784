/* admin_clients.h - the calls about provisioning clients: who may write which accounts over SCIM. Internal to admin/. */
#ifndef ADMIN_ADMIN_CLIENTS_H
#define ADMIN_ADMIN_CLIENTS_H

#include "account/client.h"
#include "admin/admin_call.h"

/* A client as JSON, without its secrets. */
struct json *admin_clients_json(const struct client *client);

/* {"clients": [{"name", "domains", "rights", …, "secrets": [{"created", "expires"}], "users", "groups"}, …]} */
void admin_clients_list(struct admin_call *call);
void admin_clients_show(struct admin_call *call); /* one of them, and its "base_url" */

#endif
