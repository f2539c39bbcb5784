/* cli_token.h - `postern token …`. */
#ifndef CLI_CLI_TOKEN_H
#define CLI_CLI_TOKEN_H

#include "cli/cli_options.h"

enum cli_exit cli_token_check(const struct cli_options *options);

#endif
