/* doctor_postfix_maps.c - do Postfix's maps and paths lead to posternd, and its transport to Dovecot? */
#include "cli/doctor_postfix_maps.h"

#include "base/memory.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- paths ---- */

bool doctor_postfix_maps_same_file(const char *one, const char *other)
{
    char a[PATH_MAX], b[PATH_MAX];
    if (strcmp(one, other) == 0) {
        return true;
    }
    return realpath(one, a) != NULL && realpath(other, b) != NULL && strcmp(a, b) == 0;
}

/* A relative path begins in the queue directory, where all of Postfix works; an absolute one does so only inside the
 * chroot, and is then another. */
enum doctor_postfix_reach doctor_postfix_maps_reach(struct doctor_postfix_patient *patient,
                                                    struct span path, const char *file, bool chroot)
{
    const char *queue = patient->config->postfix.queue_directory;
    const char *ours = arena_format(&patient->arena, "%s/postern/%s", queue, file);
    const char *text = span_text(&patient->arena, path);
    bool absolute = text[0] == '/';
    const char *outside = absolute ? text : arena_format(&patient->arena, "%s/%s", queue, text);
    if (!absolute || !chroot) {
        return doctor_postfix_maps_same_file(outside, ours) ? REACH_OURS : REACH_OTHER;
    }
    struct stat status;
    const char *inside = arena_format(&patient->arena, "%s%s", queue, text);
    if (stat(inside, &status) != 0) {
        return REACH_HIDDEN;
    }
    return doctor_postfix_maps_same_file(inside, ours) ? REACH_OURS : REACH_OTHER;
}

void doctor_postfix_maps_hidden(struct doctor_postfix_patient *patient,
                                const struct doctor_postconf_service *service, const char *setting,
                                struct span path, const char *right)
{
    assert(service != NULL);
    finding_bad(patient->found, "postfix-chroot-no-socket",
                arena_format(&patient->arena,
                             "%s = %s (relative: below queue_directory), or n in the "
                             "chroot column of master.cf; then postfix reload",
                             setting, right),
                "%s runs inside %s and cannot see %.*s (%s)",
                doctor_postconf_name(service, &patient->arena),
                patient->config->postfix.queue_directory, (int)path.length, path.at, setting);
}

/* The table `map` of ours in a list of tables; what follows the path is its name. */
static enum doctor_postfix_reach find_map(struct doctor_postfix_patient *patient, struct span list,
                                          const char *map, bool chroot, struct span *path)
{
    struct span word;
    enum doctor_postfix_reach best = REACH_OTHER;
    while (best != REACH_OURS && doctor_postconf_word(&list, &word)) {
        bool proxied = span_starts(word, "proxy:");
        word = proxied ? span_from(word, sizeof "proxy:" - 1) : word;
        size_t colon = span_find_last(word, ':');
        if (span_starts(word, "socketmap:unix:") && span_is(span_from(word, colon + 1), map)) {
            *path = span_from(span_first(word, colon), sizeof "socketmap:unix:" - 1);
            best = doctor_postfix_maps_reach(patient, *path, "map", chroot && !proxied);
        }
    }
    return best;
}

static const struct {
    const char *setting, *map;
} MAPS[] = {
    {"virtual_mailbox_domains", "domains"},
    {"virtual_mailbox_maps", "mailboxes"},
    {"virtual_alias_maps", "aliases"},
};

static void check_maps(struct doctor_postfix_patient *patient,
                       const struct doctor_postconf_service *chrooted)
{
    for (size_t i = 0; i < sizeof MAPS / sizeof *MAPS; i++) {
        struct span path = {0},
                    list = doctor_postconf_value(patient->postconf, NULL, MAPS[i].setting);
        const char *right =
            arena_format(&patient->arena, "socketmap:unix:postern/map:%s", MAPS[i].map);
        switch (find_map(patient, list, MAPS[i].map, chrooted != NULL, &path)) {
        case REACH_OURS:
            continue;
        case REACH_HIDDEN:
            doctor_postfix_maps_hidden(patient, chrooted, MAPS[i].setting, path, right);
            continue;
        case REACH_OTHER:
            break;
        }
        finding_bad(
            patient->found, "postfix-map",
            arena_format(&patient->arena, "%s = %s, then postfix reload", MAPS[i].setting, right),
            "%s is \"%.*s\": Postfix does not ask posternd who is here", MAPS[i].setting,
            (int)span_first(list, 150).length, list.at);
    }
    struct span bare = doctor_postconf_value(patient->postconf, NULL, "virtual_alias_domains");
    if (span_search(bare, SPAN_LITERAL("postern/map")) < bare.length) {
        finding_warning(patient->found, "postfix-alias-domains",
                        "virtual_alias_domains = (empty), then postfix reload",
                        "virtual_alias_domains is %.*s: posternd's aliases are asked for domains",
                        (int)span_first(bare, 150).length, bare.at);
    }
}

/* Dovecot names its listeners in full: "  unix_listener /var/spool/postfix/private/dovecot-lmtp {". */
static bool dovecot_listens(const struct doctor_postfix_patient *patient, const char *path)
{
    struct span rest = buffer_span(&patient->doctor->doveconf), line;
    while (!span_empty(rest) && span_cut(&rest, '\n', &line)) {
        line = span_trim(line);
        if (span_starts(line, "unix_listener ") && span_ends(line, "{")) {
            line = span_from(line, sizeof "unix_listener " - 1);
            if (span_is(span_trim(span_first(line, line.length - 1)), path)) {
                return true;
            }
        }
    }
    return false;
}

static void check_transport(struct doctor_postfix_patient *patient)
{
    static const char LMTP[] = "lmtp:unix:";
    struct span transport = doctor_postconf_value(patient->postconf, NULL, "virtual_transport");
    if (span_is(transport, "virtual")) {
        finding_bad(patient->found, "postfix-transport",
                    "virtual_transport = lmtp:unix:private/dovecot-lmtp, then postfix reload",
                    "virtual_transport is \"virtual\": mail would not go to Dovecot");
        return;
    }
    if (!span_starts(transport, LMTP) || buffer_span(&patient->doctor->doveconf).length == 0) {
        return;
    }
    struct span path = span_from(transport, sizeof LMTP - 1);
    const char *queue = patient->config->postfix.queue_directory;
    const char *whole = span_text(&patient->arena, path);
    if (whole[0] != '/') {
        whole = arena_format(&patient->arena, "%s/%s", queue, whole);
    }
    if (!dovecot_listens(patient, whole)) {
        finding_bad(
            patient->found, "postfix-transport",
            arena_format(&patient->arena,
                         "in Dovecot: protocols with lmtp, and service lmtp { unix_listener "
                         "%s { user = postfix mode = 0600 } }",
                         whole),
            "mail goes to %s, and Dovecot has no listener there", whole);
    }
}

/* A domain of two classes is delivered by the wrong one. */
static void check_domains(struct doctor_postfix_patient *patient)
{
    static const char *const CLASSES[] = {"mydestination", "relay_domains",
                                          "virtual_alias_domains"};
    const struct json *domains = json_member(patient->doctor->domains, "domains");
    for (size_t i = 0; i < json_size(domains); i++) {
        struct span domain = {0};
        (void)json_text(json_item(domains, i), "name", &domain);
        for (size_t c = 0; c < sizeof CLASSES / sizeof *CLASSES; c++) {
            if (!span_empty(domain) &&
                doctor_postconf_has(doctor_postconf_value(patient->postconf, NULL, CLASSES[c]),
                                    span_text(&patient->arena, domain))) {
                finding_bad(patient->found, "postfix-domain-class",
                            arena_format(&patient->arena,
                                         "take %.*s out of %s, then postfix reload",
                                         (int)domain.length, domain.at, CLASSES[c]),
                            "%.*s is a domain of posternd and stands in %s too", (int)domain.length,
                            domain.at, CLASSES[c]);
            }
        }
    }
}

/* With Postfix's own limits mail to a large group is put off for ever: "451 4.6.0 Alias expansion error". */
static void check_group_limits(struct doctor_postfix_patient *patient)
{
    enum { MEMBERS = 100000 };
    static const struct {
        const char *name, *consequence;
    } LIMITS[] = {
        {"virtual_alias_expansion_limit", "is never accepted"},
        {"duplicate_filter_limit", "may reach some of them twice"},
    };
    for (size_t i = 0; i < sizeof LIMITS / sizeof *LIMITS; i++) {
        uint64_t limit = 0;
        struct span text = doctor_postconf_value(patient->postconf, NULL, LIMITS[i].name);
        if (span_number(text, INT32_MAX, &limit) && limit > 0 && limit < MEMBERS) {
            finding_warning(
                patient->found, "postfix-group-limits",
                arena_format(&patient->arena, "%s = 1000000, then postfix reload", LIMITS[i].name),
                "%s is %llu: mail to a group of more members %s", LIMITS[i].name,
                (unsigned long long)limit, LIMITS[i].consequence);
        }
    }
}

/* On every port: strangers write to groups, too, and to accounts that are ended with "reject". */
static void check_recipient_policy(struct doctor_postfix_patient *patient)
{
    struct span list =
        doctor_postconf_value(patient->postconf, NULL, "smtpd_recipient_restrictions");
    if (span_search(list, SPAN_LITERAL("postern/policy")) == list.length) {
        finding_warning(patient->found, "postfix-policy-recipients",
                        "check_policy_service unix:postern/policy in smtpd_recipient_restrictions "
                        "of main.cf, then postfix reload",
                        "anybody may write to groups that are for members only");
    }
}

void doctor_postfix_maps(struct doctor_postfix_patient *patient,
                         const struct doctor_postconf_service *chrooted)
{
    check_maps(patient, chrooted);
    check_group_limits(patient);
    check_recipient_policy(patient);
    check_transport(patient);
    check_domains(patient);
}
