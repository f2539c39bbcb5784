/* cli_provider.h - `postern provider …`. */
#ifndef CLI_CLI_PROVIDER_H
#define CLI_CLI_PROVIDER_H

#include "cli/cli_options.h"

enum cli_exit cli_provider_list(const struct cli_options *options);
enum cli_exit cli_provider_test(const struct cli_options *options);

#endif
