/* cli_call.h - one call to the daemon over its admin socket: HTTP out, JSON back. */
#ifndef CLI_CLI_CALL_H
#define CLI_CLI_CALL_H

#include "base/error.h"
#include "cli/cli_options.h"
#include "wire/json.h"

#define CLI_CALL_SOCKET "/run/postern/admin.sock"

/* Sends `method` `target` with `body` (taken over; may be NULL) and reads the answer, which is the caller's.
 * On any other result than CLI_OK the reason was said on standard error, or, with --json, the daemon's own
 * answer was printed, and `answer` is NULL. Refuses a socket that root does not own. */
enum cli_exit cli_call(const struct cli_options *options, const char *method, const char *target,
                       struct json *body, struct json **answer);
/* GET `target`, and wait for minutes: providers may take some. */
enum cli_exit cli_call_patiently(const struct cli_options *options, const char *target,
                                 struct json **answer);
/* The same, without a word on standard error: the reason is in `error`. `patient`: for minutes, else for seconds. */
enum cli_exit cli_call_quietly(const char *socket, const char *target, bool patient,
                               struct json **answer, struct error *error);
/* POST `target`, without a body, likewise. */
enum cli_exit cli_call_post_quietly(const char *socket, const char *target, struct json **answer,
                                    struct error *error);
/* Whether somebody listens at "127.0.0.1:8026", "[::1]:8026" or "unix:/path"; else why not. */
bool cli_call_reaches(const char *where, struct error *error);
/* "/v1/accounts/" + the word, percent-encoded, + `tail`. Free with memory_free(). */
char *cli_call_target(const char *collection, const char *word, const char *tail);

#endif
