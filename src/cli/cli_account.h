/* cli_account.h - `postern account …`. */
#ifndef CLI_CLI_ACCOUNT_H
#define CLI_CLI_ACCOUNT_H

#include "cli/cli_options.h"

enum cli_exit cli_account_add(const struct cli_options *options);
enum cli_exit cli_account_list(const struct cli_options *options);
enum cli_exit cli_account_show(const struct cli_options *options);
enum cli_exit cli_account_set(const struct cli_options *options);
enum cli_exit cli_account_disable(const struct cli_options *options);
enum cli_exit cli_account_enable(const struct cli_options *options);
enum cli_exit cli_account_rename(const struct cli_options *options);
enum cli_exit cli_account_unbind(const struct cli_options *options);
enum cli_exit cli_account_delete(const struct cli_options *options);

#endif
