/* cli_scim_token.h - `postern scim-token …`: who may provision. */
#ifndef CLI_CLI_SCIM_TOKEN_H
#define CLI_CLI_SCIM_TOKEN_H

#include "cli/cli_options.h"

enum cli_exit cli_scim_token_create(const struct cli_options *options);
enum cli_exit cli_scim_token_list(const struct cli_options *options);
enum cli_exit cli_scim_token_show(const struct cli_options *options);
enum cli_exit cli_scim_token_set(const struct cli_options *options);
enum cli_exit cli_scim_token_rotate(const struct cli_options *options);
enum cli_exit cli_scim_token_release(const struct cli_options *options);
enum cli_exit cli_scim_token_delete(const struct cli_options *options);

#endif
