/* scim_mail.h - what a SCIM document means for mail: addresses, quota, services, groups (docs/scim.md, "How it becomes mail"). Pure.
 *
 * Reads a normalised document (scim_resource.h) and the client's domains and rights; fills what auth/change is asked
 * for. The texts of the result live in `arena`. Refusals name the attribute. */
#ifndef SCIM_SCIM_MAIL_H
#define SCIM_SCIM_MAIL_H

#include "auth/provision.h"
#include "scim/scim_error.h"
#include "wire/json.h"

/* Everything of `user` but resource.id, version_read, document, state and the password. `asserts_addresses`: POST, or a PUT or
 * PATCH that touched e-mails or addresses (5.2, rules 1 to 6); without it set_addresses stays false. Addresses that lie outside
 * the client's domains are kept in the document only. 400 invalidValue when there is no primary address (unless mailboxEnabled is false), for
 * what is no address, for forwardTo without the right; 403 for nothing. */
bool scim_mail_user(const struct client *client, const struct json *document,
                    bool asserts_addresses, struct arena *arena, struct provision_user *user,
                    struct scim_error *error);
/* Everything of `group` but resource.id, version_read, document, resource_changed and the members. */
bool scim_mail_group(const struct client *client, const struct json *document, struct arena *arena,
                     struct provision_group *group, struct scim_error *error);

#endif
