/* admin_client_changes.h - the calls that make and change provisioning clients. Internal to admin/. */
#ifndef ADMIN_ADMIN_CLIENT_CHANGES_H
#define ADMIN_ADMIN_CLIENT_CHANGES_H

#include "account/client.h"
#include "admin/admin_call.h"

/* The client that the path names. false: the call has been refused. */
bool admin_client_changes_find(struct admin_call *call, struct client *client);
/* "base_url": what the provider is to be told; null while http.public_url is not set. */
void admin_client_changes_put_base(struct admin_call *call, struct json *object);

/* {"name", "domains"?, "rights"?, "default_domain"?, "group_template"?, "provider"?, "networks"?, "unknown_members"?, "adopt"?,
 * "adopt_for"?, "expires_in"?}: texts, lists parted by commas or blanks; the last two are seconds. The answer holds the
 * "secret", this once, and the "base_url". */
void admin_client_changes_add(struct admin_call *call);
/* The same but "name" and "expires_in"; "" takes away. */
void admin_client_changes_set(struct admin_call *call);
/* {"keep_for"?, "expires_in"?}: a new secret, in the answer. The old one is good for `keep_for` more seconds (0: no more). Without
 * "expires_in" the new one lives as long as the newest did from its making. */
void admin_client_changes_rotate(struct admin_call *call);
void admin_client_changes_release(struct admin_call *call);
void admin_client_changes_delete(struct admin_call *call);

#endif
