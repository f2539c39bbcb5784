/* doctor.c - `postern doctor`: runs its sections one after another, and prints what they found. */
#include "cli/doctor.h"

#include "base/memory.h"
#include "cli/cli_findings.h"
#include "cli/cli_show.h"
#include "cli/doctor_sections.h"

#include <stdio.h>
#include <unistd.h>

static const struct section {
    const char *name; /* in JSON */
    const char *title;
    void (*run)(struct doctor *doctor, struct finding_list *found);
} SECTIONS[] = {
    {"configuration", "Configuration", doctor_config},
    {"daemon", "Daemon", doctor_daemon},
    {"sockets", "Sockets", doctor_sockets},
    {"dovecot", "Dovecot", doctor_dovecot},
    {"postfix", "Postfix", doctor_postfix},
    {"providers", "Providers", doctor_providers},
    {"provisioning", "Provisioning", doctor_provisioning},
};

enum { SECTIONS_COUNT = sizeof SECTIONS / sizeof *SECTIONS };

/* A provider may take some seconds to be asked: whoever waits at a terminal sees what for. */
static void progress(const char *title)
{
    if (isatty(STDERR_FILENO) != 1) {
        return;
    }
    if (title == NULL) {
        fputs("\r\x1b[K", stderr);
    } else {
        fprintf(stderr, "\r\x1b[Klooking at: %s ...", title);
    }
    fflush(stderr);
}

static void put_json(struct json *all, const char *section, const struct finding_list *found)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct finding *finding = &found->items[i];
        struct json *item = json_new_object();
        json_put_text(item, "section", span_of(section));
        json_put_text(item, "level", span_of(finding_level_name(finding->level)));
        json_put_text(item, "code", span_of(finding->code));
        json_put_text(item, "text", span_of(finding->text));
        if (finding->remedy != NULL) {
            json_put_text(item, "remedy", span_of(finding->remedy));
        }
        json_append(all, item);
    }
}

static void count(const struct finding_list *found, size_t counts[FINDING_BAD + 1])
{
    for (size_t i = 0; i < found->count; i++) {
        counts[found->items[i].level]++;
    }
}

static void run_sections(struct doctor *doctor, struct json *all, size_t counts[FINDING_BAD + 1])
{
    for (size_t i = 0; i < SECTIONS_COUNT; i++) {
        CLEANUP(finding_list_done) struct finding_list found = finding_list_empty();
        progress(SECTIONS[i].title);
        SECTIONS[i].run(doctor, &found);
        progress(NULL);
        count(&found, counts);
        put_json(all, SECTIONS[i].name, &found);
        if (!doctor->options->json && found.count > 0) {
            printf("%s\n", SECTIONS[i].title);
            cli_findings_show(&found);
        }
    }
}

static void doctor_done(struct doctor *doctor)
{
    config_free(&doctor->config);
    memory_free(doctor->socket);
    memory_free(doctor->problem);
    json_free(doctor->domains);
    buffer_done(&doctor->doveconf);
}

/* Consumes `all`. */
static void conclude(const struct cli_options *options, struct json *all,
                     const size_t counts[FINDING_BAD + 1])
{
    enum finding_level worst = counts[FINDING_BAD] > 0       ? FINDING_BAD
                               : counts[FINDING_WARNING] > 0 ? FINDING_WARNING
                                                             : FINDING_GOOD;
    if (options->json) {
        CLEANUP(json_cleanup) struct json *answer = json_new_object();
        json_put_text(answer, "code", SPAN_LITERAL("done"));
        json_put_text(answer, "worst", span_of(finding_level_name(worst)));
        json_put(answer, "findings", all);
        cli_show_json(answer);
        return;
    }
    json_free(all);
    if (worst == FINDING_GOOD) {
        puts("Nothing is wrong.");
    } else {
        printf("%zu bad, %zu to look at. Each code is explained in docs/findings.md.\n",
               counts[FINDING_BAD], counts[FINDING_WARNING]);
    }
}

enum cli_exit doctor(const struct cli_options *options)
{
    size_t counts[FINDING_BAD + 1] = {0};
    const char *file = cli_options_value(options, "config");
    CLEANUP(doctor_done)
    struct doctor patient = {.options = options, .file = file != NULL ? file : CONFIG_PATH};
    if (geteuid() != 0) {
        fputs("postern: doctor: only root may look at all of it\n", stderr);
        return CLI_REFUSED;
    }
    struct json *all = json_new_array();
    run_sections(&patient, all, counts);
    conclude(options, all, counts);
    return counts[FINDING_BAD] > 0 ? CLI_FAILED : CLI_OK;
}
