/* cli_stack.h - `postern stack …`: configuration files for Postfix and Dovecot. */
#ifndef CLI_CLI_STACK_H
#define CLI_CLI_STACK_H

#include "cli/cli_options.h"

enum cli_exit cli_stack_render(const struct cli_options *options);
enum cli_exit cli_stack_check(const struct cli_options *options);

#endif
