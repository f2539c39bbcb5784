/* cli_stack.c - `postern stack …`: configuration files for Postfix and Dovecot. */
#include "cli/cli_stack.h"

#include "config/config.h"
#include "config/stack_check.h"
#include "config/stack_files.h"

#include <stdio.h>
#include <unistd.h>

static enum cli_exit missing_root(const char *verb)
{
    fprintf(stderr, "postern: stack %s: --root DIR is missing\nTry 'postern stack %s --help'.\n",
            verb, verb);
    return CLI_USAGE;
}

static enum cli_exit failed(const struct error *error)
{
    fprintf(stderr, "postern: %s\n", error->text);
    return CLI_FAILED;
}

enum cli_exit cli_stack_render(const struct cli_options *options)
{
    const char *root = cli_options_value(options, "root");
    const char *file = cli_options_value(options, "config");
    struct config config;
    struct error error;
    if (root == NULL) {
        return missing_root("render");
    }
    const char *const *environment = (const char *const *)environ;
    if (!config_load(file != NULL ? file : CONFIG_PATH, environment, &config, &error)) {
        return failed(&error);
    }
    bool written = stack_files_render(&config, root, &error);
    config_free(&config);
    if (!written) {
        return failed(&error);
    }
    if (options->json) {
        puts("{\"code\":\"done\"}");
    } else {
        printf("%s/postfix/main.cf\n%s/postfix/master.cf\n%s/dovecot.conf\n", root, root, root);
    }
    return CLI_OK;
}

enum cli_exit cli_stack_check(const struct cli_options *options)
{
    const char *root = cli_options_value(options, "root");
    struct error error;
    if (root == NULL) {
        return missing_root("check");
    }
    if (!stack_check(root, &error)) {
        return failed(&error);
    }
    puts(options->json ? "{\"code\":\"done\"}" : "Postfix and Dovecot accept these files");
    return CLI_OK;
}
