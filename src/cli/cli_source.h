/* cli_source.h - what a provisioning client last sent of an account or a group. */
#ifndef CLI_CLI_SOURCE_H
#define CLI_CLI_SOURCE_H

#include "cli/cli_options.h"

/* GET `target`: the document over several lines, who sent it and when before it; with --json the daemon's answer. */
enum cli_exit cli_source_show(const struct cli_options *options, const char *target);

#endif
