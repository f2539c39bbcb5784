/* cli_provider.c - `postern provider …`: who vouches, and whether they answer. */
#include "cli/cli_provider.h"

#include "base/arena.h"
#include "base/memory.h"
#include "cli/cli_call.h"
#include "cli/cli_findings.h"
#include "cli/cli_list.h"

#include <stdio.h>
#include <unistd.h>

static const struct cli_column LISTED[] = {{"NAME", "name"},
                                           {"PRESET", "preset"},
                                           {"CHECK", "check"},
                                           {"DOMAINS", "domains"},
                                           {"AT", "shown"}};

enum cli_exit cli_provider_list(const struct cli_options *options)
{
    struct cli_list list = {
        "/v1/providers", "providers",
        {{0}},           "no providers: write one into postern.conf, see postern.conf(5)",
        LISTED,          sizeof LISTED / sizeof *LISTED};
    return cli_list(options, &list);
}

/* A provider that is down takes seconds to be known as such. */
static void progress(const char *name)
{
    if (isatty(STDERR_FILENO) == 1 && name != NULL) {
        fprintf(stderr, "\r\x1b[Kasking %s ...", name);
    } else if (isatty(STDERR_FILENO) == 1) {
        fputs("\r\x1b[K", stderr);
    }
}

/* `worst` grows. */
static enum cli_exit test_one(const struct cli_options *options, const char *name,
                              enum finding_level *worst)
{
    struct json *answer;
    char *target = cli_call_target("/v1/providers/", name, "/test");
    progress(name);
    enum cli_exit result = cli_call_patiently(options, target, &answer);
    progress(NULL);
    memory_free(target);
    if (result != CLI_OK) {
        return result;
    }
    CLEANUP(finding_list_done) struct finding_list found = cli_findings_read(answer);
    enum finding_level own = finding_worst(&found);
    *worst = own > *worst ? own : *worst;
    if (options->json) {
        cli_show_json(answer);
    } else {
        printf("%s\n", name);
        cli_findings_show(&found);
    }
    json_free(answer);
    return CLI_OK;
}

static enum cli_exit test_all(const struct cli_options *options, enum finding_level *worst)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct json *answer;
    enum cli_exit result = cli_call(options, "GET", "/v1/providers", NULL, &answer);
    if (result != CLI_OK) {
        return result;
    }
    const struct json *providers = json_member(answer, "providers");
    for (size_t i = 0; i < json_size(providers) && result == CLI_OK; i++) {
        struct span name = {0};
        (void)json_text(json_item(providers, i), "name", &name);
        result = test_one(options, span_text(&arena, name), worst);
    }
    if (json_size(providers) == 0 && !options->json) {
        puts("no providers: write one into postern.conf, see postern.conf(5)");
    }
    json_free(answer);
    return result;
}

enum cli_exit cli_provider_test(const struct cli_options *options)
{
    enum finding_level worst = FINDING_GOOD;
    enum cli_exit result = options->words_count > 0 ? test_one(options, options->words[0], &worst)
                                                    : test_all(options, &worst);
    if (result == CLI_OK && worst == FINDING_BAD) {
        return CLI_FAILED;
    }
    return result;
}
