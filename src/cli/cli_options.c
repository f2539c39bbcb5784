/* cli_options.c - the words and options behind a verb. */
#include "cli/cli_options.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static int find(const struct cli_verb *verb, const char *name, size_t length)
{
    for (int i = 0; i < CLI_SETTINGS_MAX && verb->options[i].name != NULL; i++) {
        if (strlen(verb->options[i].name) == length &&
            strncmp(verb->options[i].name, name, length) == 0) {
            return i;
        }
    }
    return -1;
}

static bool complain(const struct cli_verb *verb, const char *problem, const char *what)
{
    const char *blank = verb->verb[0] == '\0' ? "" : " ";
    fprintf(stderr, "postern: %s%s%s: %s%s\nTry 'postern %s%s%s --help'.\n", verb->noun, blank,
            verb->verb, problem, what, verb->noun, blank, verb->verb);
    return false;
}

/* Takes the option at `arguments[*at]`, with its value, which may be the next argument. */
static bool read_option(struct cli_options *options, int count, char **arguments, int *at)
{
    const char *name = arguments[*at] + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    bool socket = length == strlen("socket") && strncmp(name, "socket", length) == 0;
    int index = find(options->verb, name, length);
    if (index < 0 && !socket) {
        return complain(options->verb, "no such option: ", arguments[*at]);
    }
    bool wants = socket || options->verb->options[index].value != NULL;
    const char *value = equals != NULL ? equals + 1 : "";
    if (!wants && equals != NULL) {
        return complain(options->verb, "this option takes no value: ", arguments[*at]);
    }
    if (wants && equals == NULL) {
        if (*at + 1 >= count) {
            return complain(options->verb, "this option needs a value: ", arguments[*at]);
        }
        value = arguments[++*at];
    }
    *(socket ? &options->socket : &options->values[index]) = value;
    return true;
}

static bool read_word(struct cli_options *options, const char *word)
{
    if (options->words_count >= options->verb->words_max) {
        return complain(options->verb, "one word too many: ", word);
    }
    options->words[options->words_count++] = word;
    return true;
}

bool cli_options_read(struct cli_options *options, int count, char **arguments, bool *help)
{
    bool only_words = false;
    for (int i = 0; i < count; i++) {
        const char *argument = arguments[i];
        bool good = true;
        if (only_words || strncmp(argument, "--", 2) != 0) {
            good = read_word(options, argument);
        } else if (strcmp(argument, "--") == 0) {
            only_words = true;
        } else if (strcmp(argument, "--json") == 0) {
            options->json = true;
        } else if (strcmp(argument, "--help") == 0) {
            *help = true;
            return true;
        } else {
            good = read_option(options, count, arguments, &i);
        }
        if (!good) {
            return false;
        }
    }
    if (options->words_count < options->verb->words_min) {
        return complain(options->verb, "missing: ", options->verb->words);
    }
    return true;
}

const char *cli_options_value(const struct cli_options *options, const char *name)
{
    int index = find(options->verb, name, strlen(name));
    assert(index >= 0);
    return options->values[index];
}

void cli_options_help(const struct cli_verb *verb)
{
    printf("postern %s%s%s%s%s%s\n    %s\n", verb->noun, verb->verb[0] == '\0' ? "" : " ",
           verb->verb, verb->words[0] != '\0' ? " " : "", verb->words,
           verb->options[0].name != NULL ? " [OPTION...]" : "", verb->help);
    for (size_t i = 0; i < CLI_SETTINGS_MAX && verb->options[i].name != NULL; i++) {
        char left[40];
        const struct cli_option *option = &verb->options[i];
        snprintf(left, sizeof left, "--%s %s", option->name,
                 option->value != NULL ? option->value : "");
        printf("      %-24s %s\n", left, option->help);
    }
}
