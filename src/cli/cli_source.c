/* cli_source.c - what a provisioning client last sent of an account or a group. */
#include "cli/cli_source.h"

#include "cli/cli_call.h"
#include "cli/cli_show.h"

#include <stdio.h>

enum cli_exit cli_source_show(const struct cli_options *options, const char *target)
{
    struct json *answer;
    struct span origin = {0}, sent = {0};
    enum cli_exit result = cli_call(options, "GET", target, NULL, &answer);
    if (result != CLI_OK) {
        return result;
    }
    if (options->json) {
        cli_show_json(answer);
    } else {
        (void)json_text(answer, "origin", &origin);
        (void)json_text(answer, "sent", &sent);
        fprintf(stderr, "From %.*s at %.*s:\n", (int)origin.length, origin.at, (int)sent.length,
                sent.at == NULL ? "" : sent.at);
        cli_show_pretty(json_member(answer, "document"), 0);
        putchar('\n');
    }
    json_free(answer);
    return CLI_OK;
}
