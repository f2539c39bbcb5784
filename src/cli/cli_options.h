/* cli_options.h - the words and options behind a verb. */
#ifndef CLI_CLI_OPTIONS_H
#define CLI_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes of `postern`, as postern(1) documents them. */
enum cli_exit {
    CLI_OK = 0,     /* done, or already so */
    CLI_FAILED = 1, /* the daemon or this machine could not: try again, see the log */
    CLI_USAGE = 2,
    CLI_NOT_FOUND = 3,
    CLI_EXISTS = 4,
    CLI_REFUSED = 5,   /* not well-formed, or against a rule */
    CLI_NO_DAEMON = 6, /* nobody answers on the admin socket */
};

enum { CLI_WORDS_MAX = 3, CLI_SETTINGS_MAX = 12 };

/* An option that a verb takes: `--name VALUE`, or a switch when `value` is NULL. */
struct cli_option {
    const char *name;  /* "quota", without the dashes */
    const char *value; /* how help calls the value; NULL: a switch */
    const char *help;
};

struct cli_verb;
struct cli_options {
    const struct cli_verb *verb;
    const char *words[CLI_WORDS_MAX];
    size_t words_count;
    /* in the order of verb->options; NULL: not given; "" for a switch */
    const char *values[CLI_SETTINGS_MAX];
    const char *socket;
    bool json;
};

struct cli_verb {
    const char *noun, *verb; /* an empty verb: the noun alone is the command */
    const char *words;       /* "ADDRESS NEW", for help */
    size_t words_min, words_max;
    const char *help;
    struct cli_option options[CLI_SETTINGS_MAX];
    enum cli_exit (*run)(const struct cli_options *options);
};

/* Reads what stands behind the verb. false: said what is wrong on standard error. `help` is set for --help. */
bool cli_options_read(struct cli_options *options, int count, char **arguments, bool *help);
/* The value of an option, NULL when it was not given. The name must be one of the verb's (asserted). */
const char *cli_options_value(const struct cli_options *options, const char *name);
void cli_options_help(const struct cli_verb *verb);

#endif
