/* cli_call.h - one call to the daemon over its admin socket: HTTP out, JSON back. */
#ifndef CLI_CLI_CALL_H
#define CLI_CLI_CALL_H

#include "cli/cli_options.h"
#include "wire/json.h"

#define CLI_CALL_SOCKET "/run/postern/admin.sock"

/* Sends `method` `target` with `body` (taken over; may be NULL) and reads the answer, which is the caller's.
 * On any other result than CLI_OK the reason was said on standard error, or, with --json, the daemon's own
 * answer was printed, and `answer` is NULL. Refuses a socket that root does not own. */
enum cli_exit cli_call(const struct cli_options *options, const char *method, const char *target,
                       struct json *body, struct json **answer);
/* "/v1/accounts/" + the word, percent-encoded, + `tail`. Free with memory_free(). */
char *cli_call_target(const char *collection, const char *word, const char *tail);

#endif
