/* cli_stack.c - `postern stack …`: configuration files for Postfix and Dovecot. */
#include "cli/cli_stack.h"

#include "config/config.h"
#include "config/stack_check.h"
#include "config/stack_files.h"

#include <stdio.h>

static enum cli_exit missing_root(const char *verb)
{
    fprintf(stderr, "postern: stack %s: --root DIR is missing\nTry 'postern stack %s --help'.\n", verb, verb);
    return CLI_USAGE;
}

static enum cli_exit failed(const struct error *error)
{
    fprintf(stderr, "postern: %s\n", error->text);
    return CLI_FAILED;
}

enum cli_exit cli_stack_render(const struct cli_options *options)
{
    const char *root = cli_options_value(options, "root"), *file = cli_options_value(options, "config");
    return root == NULL || file == NULL ? missing_root("render") : CLI_OK;
}
