/* doctor_providers.c - each provider, tested by the daemon as a login would ask it. */
#include "base/memory.h"
#include "cli/cli_call.h"
#include "cli/cli_findings.h"
#include "cli/doctor_sections.h"

/* Puts what the daemon found with the others, the provider's name in front. */
static void take(struct finding_list *found, const char *name, const struct finding *finding)
{
    switch (finding->level) {
    case FINDING_GOOD:
        finding_good(found, finding->code, "%s: %s", name, finding->text);
        return;
    case FINDING_SKIPPED:
        finding_skipped(found, finding->code, "%s: %s", name, finding->text);
        return;
    case FINDING_WARNING:
        finding_warning(found, finding->code, finding->remedy, "%s: %s", name, finding->text);
        return;
    case FINDING_BAD:
        break;
    }
    finding_bad(found, finding->code, finding->remedy, "%s: %s", name, finding->text);
}

static void test(const struct doctor *doctor, const char *name, struct finding_list *found)
{
    struct error error;
    CLEANUP(json_cleanup) struct json *answer = NULL;
    char *target = cli_call_target("/v1/providers/", name, "/test");
    enum cli_exit result = cli_call_quietly(doctor->socket, target, true, &answer, &error);
    memory_free(target);
    if (result == CLI_NOT_FOUND) {
        return; /* posternd runs with an older configuration, as was said already */
    }
    if (result != CLI_OK) {
        finding_bad(found, "daemon-failing", "see the log of posternd: journalctl -u postern",
                    "%s: not tested: %s", name, error.text);
        return;
    }
    CLEANUP(finding_list_done) struct finding_list said = cli_findings_read(answer);
    for (size_t i = 0; i < said.count; i++) {
        take(found, name, &said.items[i]);
    }
}

void doctor_providers(struct doctor *doctor, struct finding_list *found)
{
    if (!doctor->readable || !doctor->running) {
        finding_skipped(found, "providers", "%s",
                        doctor->readable ? "posternd does not run" : "no configuration");
        return;
    }
    const struct provider_set *set = doctor->config.providers;
    for (size_t i = 0; i < set->count; i++) {
        test(doctor, set->providers[i].name, found);
    }
    if (set->count == 0) {
        finding_skipped(found, "providers", "none is configured: passwords only");
    }
}
