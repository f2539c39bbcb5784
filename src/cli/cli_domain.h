/* cli_domain.h - `postern domain …` and `postern alias …`. */
#ifndef CLI_CLI_DOMAIN_H
#define CLI_CLI_DOMAIN_H

#include "cli/cli_options.h"

enum cli_exit cli_domain_add(const struct cli_options *options);
enum cli_exit cli_domain_list(const struct cli_options *options);
enum cli_exit cli_domain_delete(const struct cli_options *options);
enum cli_exit cli_domain_alias_add(const struct cli_options *options);
enum cli_exit cli_domain_alias_list(const struct cli_options *options);
enum cli_exit cli_domain_alias_delete(const struct cli_options *options);

#endif
