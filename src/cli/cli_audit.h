/* cli_audit.h - `postern audit`: who changed what, when. */
#ifndef CLI_CLI_AUDIT_H
#define CLI_CLI_AUDIT_H

#include "cli/cli_options.h"

enum cli_exit cli_audit(const struct cli_options *options);

#endif
