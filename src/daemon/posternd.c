/* posternd.c - the daemon: what it was asked to do. */
#include "config/config.h"
#include "daemon/notify.h"
#include "daemon/parent.h"
#include "daemon/worker.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_GOOD = 0, EXIT_BAD = 1, EXIT_USAGE = 2 };
enum wish { WISH_RUN, WISH_WORKER, WISH_CHECK, WISH_SETTINGS, WISH_HELP, WISH_VERSION };

struct arguments {
    enum wish wish;
    const char *config;
    bool foreground, journal;
};

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"foreground", no_argument, NULL, 'f'},
    {"check", no_argument, NULL, 'k'},
    {"settings", no_argument, NULL, 's'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"worker", no_argument, NULL, 'w'},
    {"journal", no_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

static bool parse(int count, char **words, struct arguments *arguments)
{
    int option;
    while ((option = getopt_long(count, words, "c:fh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            arguments->config = optarg;
            break;
        case 'f':
            arguments->foreground = true;
            break;
        case 'j':
            arguments->journal = true;
            break;
        case 'k':
            arguments->wish = WISH_CHECK;
            break;
        case 's':
            arguments->wish = WISH_SETTINGS;
            break;
        case 'h':
            arguments->wish = WISH_HELP;
            break;
        case 'V':
            arguments->wish = WISH_VERSION;
            break;
        case 'w':
            arguments->wish = WISH_WORKER;
            break;
        default:
            return false;
        }
    }
    if (optind < count) {
        fprintf(stderr, "posternd: there is no argument %s\n", words[optind]);
        return false;
    }
    return true;
}

static int settings(void)
{
    struct buffer text = buffer_limited(CONFIG_TEXT_MAX);
    config_describe(&text);
    fwrite(text.at, 1, text.length, stdout);
    buffer_done(&text);
    return fflush(stdout) == 0 ? EXIT_GOOD : EXIT_BAD;
}

/* Each setting on two lines, with its default. */
static void help_settings(void)
{
    struct buffer text = buffer_limited(CONFIG_TEXT_MAX);
    config_describe(&text);
    struct span rest = buffer_span(&text), line;
    while (span_cut(&rest, '\n', &line) && !span_empty(line)) {
        struct span name, type, value, help;
        span_cut(&line, '\t', &name);
        span_cut(&line, '\t', &type);
        span_cut(&line, '\t', &value);
        span_cut(&line, '\t', &help);
        printf("  %.*s = %.*s\n      %.*s (%.*s)\n", (int)name.length, name.at, (int)value.length,
               value.at, (int)help.length, help.at, (int)type.length, type.at);
    }
    buffer_done(&text);
}

static int help(void)
{
    puts("usage: posternd [--config FILE] [--foreground] [--check]\n"
         "       posternd --settings | --help | --version\n"
         "\n"
         "The auth server of Postfix and Dovecot. Runs until SIGTERM; SIGHUP reads the "
         "configuration again.\n"
         "\n"
         "  -c, --config FILE  the configuration; default: " CONFIG_PATH "\n"
         "  -f, --foreground   log to standard error, whatever the configuration says\n"
         "      --check        look at the configuration and the system, start nothing\n"
         "      --settings     print each setting: name, type, default, meaning\n"
         "      --version      print the version\n"
         "\n"
         "Settings, with their defaults. `login.deadline` is `deadline` in the section `login`; "
         "the environment\n"
         "variable POSTERN_LOGIN_DEADLINE stands over the file. See postern.conf(5).\n");
    help_settings();
    return fflush(stdout) == 0 ? EXIT_GOOD : EXIT_BAD;
}

/* Without --config the file may be missing: then the environment says everything, as in a container. */
static int find_config(const char *wanted, char **path)
{
    *path = NULL;
    const char *name = wanted == NULL ? CONFIG_PATH : wanted;
    if (wanted == NULL && access(name, F_OK) != 0 && errno == ENOENT) {
        return EXIT_GOOD;
    }
    *path = realpath(name, NULL); /* the daemon's working directory is the root */
    if (*path == NULL) {
        fprintf(stderr, "posternd: %s: %s\n", name, strerror(errno));
        return EXIT_BAD;
    }
    return EXIT_GOOD;
}

static int run(const struct arguments *arguments, bool check_only)
{
    char *path;
    struct error error;
    struct parent_options parent = {.env = (const char *const *)environ,
                                    .foreground = arguments->foreground,
                                    .journal = notify_journal()};
    parent.handed = notify_begin();
    if (find_config(arguments->config, &path) != EXIT_GOOD) {
        return EXIT_BAD;
    }
    parent.config = path;
    int status = EXIT_GOOD;
    if (chdir("/") != 0) {
        status = EXIT_BAD;
    } else if (!check_only) {
        status = parent_main(&parent);
    } else if (!parent_check(&parent, &error)) {
        fprintf(stderr, "posternd: %s\n", error.text);
        status = EXIT_BAD;
    } else {
        puts("posternd: the configuration is good");
    }
    free(path);
    return status;
}

int main(int count, char **words)
{
    struct arguments arguments = {0};
    if (!parse(count, words, &arguments)) {
        fputs("Try 'posternd --help'.\n", stderr);
        return EXIT_USAGE;
    }
    switch (arguments.wish) {
    case WISH_WORKER:
        return worker_main(arguments.foreground, arguments.journal);
    case WISH_SETTINGS:
        return settings();
    case WISH_HELP:
        return help();
    case WISH_VERSION:
        puts("posternd " POSTERN_VERSION);
        return EXIT_GOOD;
    case WISH_RUN:
    case WISH_CHECK:
        break;
    }
    return run(&arguments, arguments.wish == WISH_CHECK);
}
