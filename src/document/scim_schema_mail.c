/* scim_schema_mail.c - the tables of the mail extension, for users and groups (docs/scim.md).
 *
 * All attributes are simple: Entra ID can set no others. */
#include "document/scim_schema_mail.h"

#include <stddef.h>

#define TEXT(text, about)    .name = (text), .type = SCIM_SCHEMA_STRING, .description = (about)
#define WORDS(text, about)   TEXT(text, about), .multiple = true, .words = true
#define FLAG(text, about)    .name = (text), .type = SCIM_SCHEMA_BOOLEAN, .description = (about)
#define INTEGER(text, about) .name = (text), .type = SCIM_SCHEMA_INTEGER, .description = (about)
#define ON_REQUEST           .mutability = SCIM_SCHEMA_READ_ONLY, .returned = SCIM_SCHEMA_REQUEST

/* clang-format off: one attribute a line. */

static const char *const on_disable[] = {"deliver", "reject", "forward", NULL};
static const char *const services[] = {"imap", "pop3",    "smtp", "managesieve",
                                       "jmap", "webmail", "dav",  NULL};

static const struct scim_schema_attribute user_attributes[] = {
    {TEXT("primaryAddress", "The account's primary address, whatever emails says"),
     .uniqueness = SCIM_SCHEMA_UNIQUE_SERVER},
    {WORDS("aliases", "More addresses in own domains; replaces those that were given before")},
    {INTEGER("quotaBytes",
             "The mailbox' size: bytes, or like 5G; 0: unlimited; absent: the default"),
     .bytes = true},
    {INTEGER("quotaMessages", "How many messages the mailbox holds")},
    {TEXT("mailHost", "The node that holds the mailbox"), .mutability = SCIM_SCHEMA_IMMUTABLE},
    {FLAG("mailboxEnabled", "false: it signs in, but has no mailbox; absent: true")},
    {WORDS("forwardTo", "Where its mail goes; only for clients with the right to forward")},
    {FLAG("keepCopy", "With forwardTo: whether its mail also stays in the mailbox")},
    {TEXT("onDisable", "What becomes of its mail while it is not active"), .canonical = on_disable},
    {INTEGER("retentionDays",
             "How long its mail is kept when it is deleted, as far as the policy allows")},
    {WORDS("sendAs", "More addresses in own domains that it may send from")},
    {WORDS("services", "What it may use; absent: everything"), .canonical = services},
    {INTEGER("usedBytes", "How much the mailbox holds"), ON_REQUEST},
    {.name = "lastLogin",
     .type = SCIM_SCHEMA_DATETIME,
     ON_REQUEST,
     .description = "When it last signed in"},
    {TEXT("effectiveAddresses",
          "All addresses that it receives mail for, also those that an admin gave"),
     .multiple = true, ON_REQUEST},
    {0},
};

static const char *const kinds[] = {"access", "alias", "list", "sharedMailbox", NULL};
static const char *const senders[] = {"anyone", "internal", "members", "owners", NULL};
static const char *const rights[] = {"lr", "lrs", "full", NULL};

static const struct scim_schema_attribute group_attributes[] = {
    {TEXT("kind", "What the group is for mail; access: nothing"), .canonical = kinds},
    {TEXT("address", "The group's address"), .uniqueness = SCIM_SCHEMA_UNIQUE_SERVER},
    {WORDS("aliases", "More addresses in own domains")},
    {TEXT("whoCanSend", "Whose mail the group takes"), .canonical = senders},
    {WORDS("owners", "The ids of the users who own it"), .exact = true},
    {WORDS("externalMembers", "Addresses elsewhere; only for clients with the right to forward")},
    {INTEGER("quotaBytes",
             "A shared mailbox' size: bytes, or like 5G; 0: unlimited; absent: the default"),
     .bytes = true},
    {TEXT("memberRights", "What members may do in a shared mailbox: look, also mark, everything"),
     .canonical = rights},
    {FLAG("hideFromDirectory", "Whether directories leave it out")},
    {0},
};

/* clang-format on */

const struct scim_schema scim_schema_mail_user = {
    .urn = SCIM_SCHEMA_MAIL_USER,
    .name = "MailUser",
    .description = "A person's mailbox, addresses and limits",
    .attributes = user_attributes,
};
const struct scim_schema scim_schema_mail_group = {
    .urn = SCIM_SCHEMA_MAIL_GROUP,
    .name = "MailGroup",
    .description = "A group's address and who may write to it",
    .attributes = group_attributes,
};
