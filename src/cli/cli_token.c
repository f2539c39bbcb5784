/* cli_token.c - `postern token check`: would this token sign in, and if not, why? */
#include "cli/cli_token.h"

#include "base/memory.h"
#include "base/text.h"
#include "cli/cli_ask.h"
#include "cli/cli_call.h"
#include "cli/cli_findings.h"
#include "cli/cli_show.h"

#include <stdio.h>

/* NULL: said why. */
static struct json *question(const struct cli_options *options)
{
    CLEANUP(secret_done) struct secret token = {0};
    const char *user = cli_options_value(options, "user");
    const char *protocol = cli_options_value(options, "protocol");
    if (!cli_ask_token(&token)) {
        return NULL;
    }
    if (!text_utf8(secret_reveal(&token)) || (user != NULL && !text_utf8(span_of(user))) ||
        (protocol != NULL && !text_utf8(span_of(protocol)))) {
        fputs("postern: token check: not UTF-8\n", stderr);
        return NULL;
    }
    struct json *body = json_new_object();
    json_put_text(body, "token", secret_reveal(&token));
    if (user != NULL) {
        json_put_text(body, "user", span_of(user));
    }
    if (protocol != NULL) {
        json_put_text(body, "protocol", span_of(protocol));
    }
    return body;
}

static enum cli_exit exit_of(struct span answer)
{
    if (span_is(answer, "accepted")) {
        return CLI_OK;
    }
    return span_is(answer, "unavailable") ? CLI_FAILED : CLI_REFUSED;
}

enum cli_exit cli_token_check(const struct cli_options *options)
{
    struct json *body = question(options), *answer;
    struct span said = {0}, summary = {0};
    if (body == NULL) {
        return CLI_REFUSED;
    }
    enum cli_exit result = cli_call(options, "POST", "/v1/token/check", body, &answer);
    if (result != CLI_OK) {
        return result;
    }
    (void)json_text(answer, "answer", &said);
    (void)json_text(answer, "summary", &summary);
    if (options->json) {
        cli_show_json(answer);
    } else {
        CLEANUP(finding_list_done) struct finding_list found = cli_findings_read(answer);
        cli_findings_show(&found);
        printf("%.*s\n", (int)summary.length, summary.at == NULL ? "" : summary.at);
    }
    result = exit_of(said);
    json_free(answer);
    return result;
}
