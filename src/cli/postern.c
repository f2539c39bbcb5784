/* postern.c - the `postern` command: finds the verb and has it carried out. */
#include "base/secret.h"
#include "cli/cli_verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The verbs, one a line: of one noun, or all of them. false: there is no such noun. */
static bool print_verbs(FILE *out, const char *noun)
{
    bool any = false;
    for (const struct cli_verb *verb = cli_verbs(); verb->noun != NULL; verb++) {
        char left[48];
        const char *blank = verb->verb[0] == '\0' ? "" : " ";
        if (noun != NULL && strcmp(verb->noun, noun) != 0) {
            continue;
        }
        snprintf(left, sizeof left, "%s%s%s %s", verb->noun, blank, verb->verb, verb->words);
        fprintf(out, "  %-32s %s\n", left, verb->help);
        any = true;
    }
    return any;
}

static void print_help(void)
{
    puts("postern: accounts, addresses and domains of a mail server that signs in with an identity "
         "provider\n\n"
         "Usage: postern NOUN VERB [WORD...] [OPTION...]\n");
    print_verbs(stdout, NULL);
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
    for (const struct cli_verb *known = cli_verbs(); known->noun != NULL; known++) {
        const char *own = strcmp(known->verb, "del") == 0 ? "delete" : known->verb;
        if (strcmp(known->noun, noun) == 0 && strcmp(own, verb) == 0) {
            return known;
        }
    }
    return NULL;
}

static enum cli_exit usage(int count, char **arguments)
{
    fprintf(stderr, "postern: no such command:%s%s%s%s\n", count > 0 ? " " : "",
            count > 0 ? arguments[0] : " (none)", count > 1 ? " " : "",
            count > 1 ? arguments[1] : "");
    if (count == 0 || !print_verbs(stderr, arguments[0])) {
        fputs("Try 'postern --help'.\n", stderr);
    }
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
        for (const struct cli_verb *verb = cli_verbs(); verb->noun != NULL; verb++) {
            printf("%s%s%s\n", verb->noun, verb->verb[0] == '\0' ? "" : " ", verb->verb);
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
    if (verb == NULL && count == 2 && strcmp(arguments[1], "--help") == 0 &&
        print_verbs(stdout, arguments[0])) {
        return CLI_OK;
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
