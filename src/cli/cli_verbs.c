/* cli_verbs.c - the verbs of `postern`: their words, options and help. */
#include "cli/cli_verbs.h"

#include "cli/cli_account.h"
#include "cli/cli_domain.h"
#include "cli/cli_provider.h"
#include "cli/cli_scim_token.h"
#include "cli/cli_stack.h"
#include "cli/cli_token.h"
#include "cli/doctor.h"

#define OPTION_NAME                    \
    {                                  \
        "name", "NAME", "display name" \
    }
#define OPTION_HOME                                                          \
    {                                                                        \
        "home", "PATH", "where its mail lies already; default: under its id" \
    }
#define OPTION_QUOTA                                                   \
    {                                                                  \
        "quota", "SIZE", "such as 5G or 500M, \"none\" or \"default\"" \
    }
#define OPTION_PASSWORD                                                                     \
    {                                                                                       \
        "password", NULL, "a password of its own: asked for, or one line of standard input" \
    }
#define OPTION_HASH                                                                             \
    {                                                                                           \
        "password-hash", NULL, "a hash from elsewhere, {SCHEME}…: one line of standard input" \
    }
#define OPTION_DOMAIN                                   \
    {                                                   \
        "domain", "DOMAIN", "only those in this domain" \
    }

/* What `scim-token create` and `set` take. */
#define OPTIONS_CLIENT                                                                       \
    {"domains", "LIST", "the domains whose addresses it may write"},                         \
        {"rights", "LIST",                                                                   \
         "of users, groups, set_password, forward, move, reserved, read_only; default: "     \
         "users,groups"},                                                                    \
        {"default-domain", "DOMAIN", "for a userName without \"@\""},                        \
        {"group-template", "PATTERN", "a group's address, such as %s@lists.example.com"},    \
        {"provider", "NAME", "whose tokens open its accounts: externalId is their subject"}, \
        {"networks", "LIST", "the addresses and networks it may call from; default: any"},   \
        {"unknown-members", "WHAT", "reject or skip; default: reject"},                      \
        {"adopt", "WHAT", "accounts made by hand: never, externalId, address"},              \
    {                                                                                        \
        "adopt-for", "TIME", "for how long, by address; default: 7d"                         \
    }

static const struct cli_verb VERBS[] = {
    {"domain",
     "add",
     "DOMAIN",
     1,
     1,
     "Receive mail for a domain; makes postmaster@ and abuse@.",
     {{"postmaster", "ADDRESS",
       "the account that reads them; default: a new account postmaster@DOMAIN"}},
     cli_domain_add},
    {"domain", "list", "", 0, 0, "List the domains.", {{0}}, cli_domain_list},
    {"domain",
     "delete",
     "DOMAIN",
     1,
     1,
     "Forget a domain that has no accounts and no aliases any more.",
     {{0}},
     cli_domain_delete},
    {"account",
     "add",
     "ADDRESS",
     1,
     1,
     "Add an account. It receives mail, and may sign in, at once.",
     {OPTION_NAME, OPTION_HOME, OPTION_QUOTA, OPTION_PASSWORD, OPTION_HASH},
     cli_account_add},
    {"account", "list", "", 0, 0, "List the accounts.", {OPTION_DOMAIN}, cli_account_list},
    {"account",
     "show",
     "ADDRESS",
     1,
     1,
     "Show an account, found by any of its addresses.",
     {{0}},
     cli_account_show},
    {"account",
     "set",
     "ADDRESS",
     1,
     1,
     "Change an account.",
     {OPTION_NAME,
      OPTION_HOME,
      OPTION_QUOTA,
      OPTION_PASSWORD,
      OPTION_HASH,
      {"no-password", NULL, "take its own password away"}},
     cli_account_set},
    {"account",
     "disable",
     "ADDRESS",
     1,
     1,
     "No more sign-ins and no more sending; mail still arrives.",
     {{0}},
     cli_account_disable},
    {"account", "enable", "ADDRESS", 1, 1, "Undo disable.", {{0}}, cli_account_enable},
    {"account",
     "rename",
     "ADDRESS NEW",
     2,
     2,
     "Give an account a new address; the old one stays an alias, no mail moves.",
     {{0}},
     cli_account_rename},
    {"account",
     "unbind",
     "ADDRESS",
     1,
     1,
     "Forget whose token opens an account; the next one that may binds it again.",
     {{0}},
     cli_account_unbind},
    {"account",
     "delete",
     "ADDRESS",
     1,
     1,
     "Delete an account; its mail stays on disk, its addresses are kept from reuse.",
     {{"yes", NULL, "do not ask"}},
     cli_account_delete},
    {"alias",
     "add",
     "ALIAS ACCOUNT",
     2,
     2,
     "Let an account receive for another address; @DOMAIN catches all the rest.",
     {{0}},
     cli_domain_alias_add},
    {"alias", "del", "ALIAS", 1, 1, "Delete an alias.", {{0}}, cli_domain_alias_delete},
    {"alias",
     "list",
     "",
     0,
     0,
     "List the aliases.",
     {OPTION_DOMAIN, {"account", "ADDRESS", "only those of this account"}},
     cli_domain_alias_list},
    {"provider",
     "list",
     "",
     0,
     0,
     "List the identity providers that the daemon trusts.",
     {{0}},
     cli_provider_list},
    {"provider",
     "test",
     "[NAME]",
     0,
     1,
     "Ask a provider, or all, everything that a sign-in would need.",
     {{0}},
     cli_provider_test},
    {"token",
     "check",
     "",
     0,
     0,
     "Would this token (one line of standard input) sign in, and if not, why?",
     {{"user", "ADDRESS", "the user name that the client gives"},
      {"protocol", "NAME", "imap, pop3, smtp or sieve: for what it signs in"}},
     cli_token_check},
    {"scim-token",
     "create",
     "NAME",
     1,
     1,
     "Let a provider's SCIM client provision accounts; prints its secret, this once.",
     {OPTIONS_CLIENT, {"expires", "TIME", "the secret's end, such as 365d; default: none"}},
     cli_scim_token_create},
    {"scim-token", "list", "", 0, 0, "List those clients.", {{0}}, cli_scim_token_list},
    {"scim-token",
     "show",
     "NAME",
     1,
     1,
     "Show one with all its settings.",
     {{0}},
     cli_scim_token_show},
    {"scim-token",
     "set",
     "NAME",
     1,
     1,
     "Change what a client may do; an empty value takes away.",
     {OPTIONS_CLIENT},
     cli_scim_token_set},
    {"scim-token",
     "rotate",
     "NAME",
     1,
     1,
     "A new secret; the old one stays good for a week, or as long as you say.",
     {{"keep-old", "TIME", "how long the old one stays good; default: 7d"},
      {"now", NULL, "the old one is good for nothing from now on"},
      {"expires", "TIME", "the new one's end; default: after as long as the last one's"}},
     cli_scim_token_rotate},
    {"scim-token",
     "release",
     "NAME",
     1,
     1,
     "Take the brake off: what the client deleted may be purged after all.",
     {{0}},
     cli_scim_token_release},
    {"scim-token",
     "delete",
     "NAME",
     1,
     1,
     "Forget a client that provisions nothing any more.",
     {{"yes", NULL, "do not ask"}},
     cli_scim_token_delete},
    {"doctor",
     "",
     "",
     0,
     0,
     "Look at everything: configuration, sockets, Dovecot, Postfix, providers.",
     {{"config", "FILE", "default: /etc/postern/postern.conf"}},
     doctor},
    {"stack",
     "render",
     "",
     0,
     0,
     "Write configuration files for Postfix and Dovecot, made from postern.conf.",
     {{"config", "FILE", "default: /etc/postern/postern.conf"},
      {"root", "DIR", "where to write them (required)"}},
     cli_stack_render},
    {"stack",
     "check",
     "",
     0,
     0,
     "Have Postfix and Dovecot check such files.",
     {{"root", "DIR", "where they are (required)"}},
     cli_stack_check},
    {0},
};

const struct cli_verb *cli_verbs(void)
{
    return VERBS;
}
