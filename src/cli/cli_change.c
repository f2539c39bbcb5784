/* cli_change.c - one change by the daemon, and what came of it. */
#include "cli/cli_change.h"

#include "base/memory.h"
#include "cli/cli_call.h"
#include "cli/cli_show.h"

enum cli_exit cli_change(const struct cli_options *options, const char *method, char *target,
                         struct json *body, const char *done)
{
    struct json *answer;
    enum cli_exit result = cli_call(options, method, target, body, &answer);
    memory_free(target);
    if (result == CLI_OK) {
        cli_show_change(options, answer, options->words[0], done);
        json_free(answer);
    }
    return result;
}
