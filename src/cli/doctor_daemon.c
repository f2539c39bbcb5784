/* doctor_daemon.c - does posternd run, and with this configuration? */
#include "base/memory.h"
#include "cli/cli_call.h"
#include "cli/doctor_sections.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static char *socket_of(const struct doctor *doctor)
{
    char path[PATH_MAX];
    if (doctor->options->socket != NULL) {
        return memory_text(doctor->options->socket);
    }
    if (!doctor->readable) {
        return memory_text(CLI_CALL_SOCKET);
    }
    snprintf(path, sizeof path, "%s/admin.sock", doctor->config.run_directory);
    return memory_text(path);
}

static bool same_texts(const struct json *list, char *const *wanted)
{
    size_t count = 0;
    for (; wanted != NULL && wanted[count] != NULL; count++) {
        if (!span_is(json_value_text(json_item(list, count)), wanted[count])) {
            return false;
        }
    }
    return json_size(list) == count;
}

static bool runs_with(const struct json *running, const struct provider *wanted)
{
    for (size_t i = 0; i < json_size(running); i++) {
        const struct json *one = json_item(running, i);
        if (span_is(json_value_text(json_member(one, "name")), wanted->name)) {
            return same_texts(json_member(one, "issuers"), wanted->issuers) &&
                   same_texts(json_member(one, "domains"), wanted->domains) &&
                   same_texts(json_member(one, "clients"), wanted->clients) &&
                   same_texts(json_member(one, "audiences"), wanted->audiences);
        }
    }
    return false;
}

/* Edited, and not read again. */
static void check_current(const struct doctor *doctor, struct finding_list *found)
{
    struct error error;
    CLEANUP(json_cleanup) struct json *answer = NULL;
    if (!doctor->readable ||
        cli_call_quietly(doctor->socket, "/v1/providers", false, &answer, &error) != CLI_OK) {
        return;
    }
    const struct json *running = json_member(answer, "providers");
    const struct provider_set *wanted = doctor->config.providers;
    bool same = json_size(running) == wanted->count;
    for (size_t i = 0; i < wanted->count; i++) {
        same = same && runs_with(running, &wanted->providers[i]);
    }
    if (!same) {
        finding_bad(found, "daemon-old-configuration", "systemctl reload postern",
                    "posternd runs with other provider blocks than %s has now", doctor->file);
    }
}

/* The listener of /introspect, /userinfo and /metrics. */
static void check_internal(const struct doctor *doctor, struct finding_list *found)
{
    struct error error;
    const char *where = doctor->readable ? doctor->config.http.internal : NULL;
    if (where == NULL) {
        return;
    }
    if (cli_call_reaches(where, &error)) {
        finding_good(found, "internal-listener", "somebody listens on %s", where);
    } else {
        finding_bad(found, "internal-listener",
                    "systemctl restart postern: listeners are opened at its start; its log says "
                    "why one was not",
                    "http.internal: %s: %s", where, error.text);
    }
}

void doctor_daemon(struct doctor *doctor, struct finding_list *found)
{
    struct error error;
    doctor->socket = socket_of(doctor);
    enum cli_exit answer =
        cli_call_quietly(doctor->socket, "/v1/domains", false, &doctor->domains, &error);
    doctor->running = answer == CLI_OK;
    switch (answer) {
    case CLI_OK:
        finding_good(found, "daemon", "posternd answers on %s", doctor->socket);
        check_current(doctor, found);
        check_internal(doctor, found);
        return;
    case CLI_NO_DAEMON:
        if (!doctor->readable) {
            finding_skipped(found, "daemon", "posternd does not answer: %s", error.text);
            return;
        }
        finding_bad(found, "daemon-not-running",
                    "systemctl start postern; if that fails, journalctl -u postern says why",
                    "posternd does not answer: %s", error.text);
        return;
    case CLI_FAILED:
    case CLI_USAGE:
    case CLI_NOT_FOUND:
    case CLI_EXISTS:
    case CLI_REFUSED:
        break;
    }
    finding_bad(found, "daemon-failing", "see the log of posternd: journalctl -u postern",
                "posternd runs but cannot list its domains: %s", error.text);
}
