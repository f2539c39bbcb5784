/* cli_change.h - one change by the daemon, and what came of it. */
#ifndef CLI_CLI_CHANGE_H
#define CLI_CLI_CHANGE_H

#include "cli/cli_options.h"
#include "wire/json.h"

/* Calls the daemon and says `done` of the first word, or why not. Takes over `target` (memory_free) and
 * `body` (may be NULL). */
enum cli_exit cli_change(const struct cli_options *options, const char *method, char *target,
                         struct json *body, const char *done);

#endif
