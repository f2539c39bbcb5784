/* scim_mail.h - what a SCIM document means for mail: addresses, quota, services, groups (docs/scim.md, "How it becomes mail"). Pure.
 *
 * Reads a normalised document (scim_resource.h) and the client's domains and rights; fills what auth/change is asked
 * for. The texts of the result live in `arena`. Refusals name the attribute. */
#ifndef SCIM_SCIM_MAIL_H
#define SCIM_SCIM_MAIL_H

#include "auth/provision.h"
#include "document/scim_error.h"
#include "wire/json.h"

/* Everything of `user` but resource.id, version_read, document, before, state and the password. 400 invalidValue for what is
 * wrong, naming the attribute.
 *
 * The primary address is the first hit of: the extension's primaryAddress; the e-mail with primary, with type work, the first one, each
 * in a domain of the client; userName if it is such an address; userName at the client's default domain. None: refused, unless
 * mailboxEnabled is false. Further e-mails and `aliases` in domains of the client follow; those elsewhere stay in the
 * document only. What is no address at all is refused; "smtp:" in front of one (proxyAddresses) is taken off. primaryAddress
 * and sendAs must lie in domains of the client; forwardTo needs CLIENT_FORWARD, and onDisable forward needs forwardTo.
 * login_name: userName's address (its own, or at the default domain) when it is not one of the addresses. */
bool scim_mail_user(const struct client *client, const struct json *document, struct arena *arena,
                    struct provision_user *user, struct scim_error *error);
/* Everything of `group` but resource.id, version_read, document, resource_changed and the members. Owners and external members are
 * always told in full. A group of kind access has no address, whatever else it says. Without `kind` it is an alias when it has
 * an address or the client a template for one; else access. externalMembers needs CLIENT_FORWARD. */
bool scim_mail_group(const struct client *client, const struct json *document, struct arena *arena,
                     struct provision_group *group, struct scim_error *error);
/* To be called behind it for a group that is there: an address that came from the client's template stays when displayName
 * changes (5.5). `given`: the resource's addresses, normal forms parted by blanks; may be empty. */
void scim_mail_group_keep_address(const struct client *client, const struct json *document,
                                  struct span given, struct arena *arena,
                                  struct provision_group *group);

#endif
