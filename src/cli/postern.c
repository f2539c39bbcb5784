/* postern.c - the `postern` command: its verbs, and who carries them out. */
#include "base/secret.h"
#include "cli/cli_account.h"
#include "cli/cli_domain.h"
#include "cli/cli_options.h"
#include "cli/cli_provider.h"
#include "cli/cli_stack.h"
#include "cli/cli_token.h"
#include "cli/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
};

enum { VERBS_COUNT = sizeof VERBS / sizeof *VERBS };

static void print_help(void)
{
    puts("postern: accounts, addresses and domains of a mail server that signs in with an identity "
         "provider\n\n"
         "Usage: postern NOUN VERB [WORD...] [OPTION...]\n");
    for (size_t i = 0; i < VERBS_COUNT; i++) {
        char left[48];
        const char *blank = VERBS[i].verb[0] == '\0' ? "" : " ";
        snprintf(left, sizeof left, "%s%s%s %s", VERBS[i].noun, blank, VERBS[i].verb,
                 VERBS[i].words);
        printf("  %-28s %s\n", left, VERBS[i].help);
    }
    puts("\nEvery verb:\n"
         "  --json                       print the daemon's answer as JSON\n"
         "  --socket PATH                admin socket of the daemon; default: $POSTERN_SOCKET, "
         "then /run/postern/admin.sock\n"
         "  --help                       what a verb takes\n\n"
         "Alone: --help, --version, --verbs\n"
         "Exit codes: 0 done, 1 failed (try again), 2 usage, 3 not found, 4 exists already, 5 "
         "refused, 6 no daemon\n"
         "See postern(1).");
}

static const struct cli_verb *find(const char *noun, const char *verb)
{
    /* Longer words for the same, as people type them. */
    verb = strcmp(verb, "remove") == 0 || strcmp(verb, "del") == 0 ? "delete" : verb;
    for (size_t i = 0; i < VERBS_COUNT; i++) {
        const char *own = strcmp(VERBS[i].verb, "del") == 0 ? "delete" : VERBS[i].verb;
        if (strcmp(VERBS[i].noun, noun) == 0 && strcmp(own, verb) == 0) {
            return &VERBS[i];
        }
    }
    return NULL;
}

static enum cli_exit usage(int count, char **arguments)
{
    fprintf(stderr, "postern: no such command:%s%s%s%s\nTry 'postern --help'.\n",
            count > 0 ? " " : "", count > 0 ? arguments[0] : " (none)", count > 1 ? " " : "",
            count > 1 ? arguments[1] : "");
    return CLI_USAGE;
}

/* --help, --version, --verbs. */
static bool run_alone(const char *argument)
{
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "help") == 0) {
        print_help();
    } else if (strcmp(argument, "--version") == 0) {
        puts("postern " POSTERN_VERSION);
    } else if (strcmp(argument, "--verbs") == 0) {
        for (size_t i = 0; i < VERBS_COUNT; i++) {
            printf("%s%s%s\n", VERBS[i].noun, VERBS[i].verb[0] == '\0' ? "" : " ", VERBS[i].verb);
        }
    } else {
        return false;
    }
    return true;
}

static enum cli_exit run(int count, char **arguments)
{
    if (count >= 1 && run_alone(arguments[0])) {
        return CLI_OK;
    }
    const struct cli_verb *verb = count >= 2 ? find(arguments[0], arguments[1]) : NULL;
    int taken = 2;
    if (verb == NULL && count >= 1) { /* a noun that needs no verb */
        verb = find(arguments[0], "");
        taken = 1;
    }
    if (verb == NULL) {
        return usage(count, arguments);
    }
    bool help = false;
    struct cli_options options = {.verb = verb, .socket = getenv("POSTERN_SOCKET")};
    if (!cli_options_read(&options, count - taken, arguments + taken, &help)) {
        return CLI_USAGE;
    }
    if (help) {
        cli_options_help(verb);
        return CLI_OK;
    }
    return verb->run(&options);
}

int main(int count, char **arguments)
{
    if (!secret_init()) {
        fputs("postern: no random numbers to be had on this system\n", stderr);
        return CLI_FAILED;
    }
    enum cli_exit result = run(count - 1, arguments + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return CLI_FAILED;
    }
    return result;
}
