/* cli_group.h - `postern group …`. */
#ifndef CLI_CLI_GROUP_H
#define CLI_CLI_GROUP_H

#include "cli/cli_options.h"

enum cli_exit cli_group_list(const struct cli_options *options);
enum cli_exit cli_group_show(const struct cli_options *options);
enum cli_exit cli_group_add(const struct cli_options *options);
enum cli_exit cli_group_delete(const struct cli_options *options);
enum cli_exit cli_group_member(
    const struct cli_options *options); /* add or remove, GROUP, MEMBER */

#endif
