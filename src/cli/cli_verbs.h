/* cli_verbs.h - the verbs of `postern`: their words, options and help. */
#ifndef CLI_CLI_VERBS_H
#define CLI_CLI_VERBS_H

#include "cli/cli_options.h"

/* In the order of help; a NULL noun ends them. */
const struct cli_verb *cli_verbs(void);

#endif
