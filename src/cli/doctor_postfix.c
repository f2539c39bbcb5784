/* doctor_postfix.c - Postfix's configuration: does it ask posternd, over sockets it can see, and what does it log? */
#include "base/arena.h"
#include "base/memory.h"
#include "cli/doctor_postconf.h"
#include "cli/doctor_sections.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE_LENGTH = 16384, SERVICE_TEXT = 80 };

struct patient {
    const struct doctor *doctor;
    const struct config *config;
    const struct doctor_postconf *postconf;
    struct finding_list *found;
    struct arena arena;
};

static struct span value_of(const struct patient *patient,
                            const struct doctor_postconf_service *service, const char *name)
{
    return doctor_postconf_value(patient->postconf, service, name);
}

static bool says_yes(const struct patient *patient, const struct doctor_postconf_service *service,
                     const char *name)
{
    return doctor_postconf_yes(patient->postconf, service, name);
}

/* "submission/inet" */
static const char *name_of(struct patient *patient, const struct doctor_postconf_service *service)
{
    return arena_format(&patient->arena, "%.*s/%.*s", (int)service->name.length, service->name.at,
                        (int)service->type.length, service->type.at);
}

static bool has_word(struct span list, const char *wanted)
{
    struct span word;
    while (doctor_postconf_word(&list, &word)) {
        if (span_is_fold(word, wanted)) {
            return true;
        }
    }
    return false;
}

/* ---- paths ---- */

enum reach {
    REACH_OTHER,  /* leads somewhere else */
    REACH_HIDDEN, /* ours, or meant to be, but not to be seen from inside the chroot */
    REACH_OURS,
};

static bool same_file(const char *one, const char *other)
{
    char a[PATH_MAX], b[PATH_MAX];
    if (strcmp(one, other) == 0) {
        return true;
    }
    return realpath(one, a) != NULL && realpath(other, b) != NULL && strcmp(a, b) == 0;
}

/* A relative path begins in the queue directory, where all of Postfix works; an absolute one does so only inside the
 * chroot, and is then another. */
static enum reach reach(struct patient *patient, struct span path, const char *file, bool chroot)
{
    const char *queue = patient->config->postfix.queue_directory;
    const char *ours = arena_format(&patient->arena, "%s/postern/%s", queue, file);
    const char *text = span_text(&patient->arena, path);
    bool absolute = text[0] == '/';
    const char *outside = absolute ? text : arena_format(&patient->arena, "%s/%s", queue, text);
    if (!absolute || !chroot) {
        return same_file(outside, ours) ? REACH_OURS : REACH_OTHER;
    }
    struct stat status;
    const char *inside = arena_format(&patient->arena, "%s%s", queue, text);
    if (stat(inside, &status) != 0) {
        return REACH_HIDDEN;
    }
    return same_file(inside, ours) ? REACH_OURS : REACH_OTHER;
}

static void report_hidden(struct patient *patient, const struct doctor_postconf_service *service,
                          const char *setting, struct span path, const char *right)
{
    finding_bad(patient->found, "postfix-chroot-no-socket",
                arena_format(&patient->arena,
                             "%s = %s (relative: below queue_directory), or n in the "
                             "chroot column of master.cf; then postfix reload",
                             setting, right),
                "%s runs inside %s and cannot see %.*s (%s)", name_of(patient, service),
                patient->config->postfix.queue_directory, (int)path.length, path.at, setting);
}

/* ---- services with sign-in ---- */

static void check_sasl(struct patient *patient, const struct doctor_postconf_service *service)
{
    struct span type = value_of(patient, service, "smtpd_sasl_type");
    struct span path = value_of(patient, service, "smtpd_sasl_path");
    if (!span_is(type, "dovecot")) {
        finding_bad(patient->found, "postfix-sasl-type",
                    "smtpd_sasl_type = dovecot, then postfix reload",
                    "%s: smtpd_sasl_type is \"%.*s\"; posternd speaks Dovecot's protocol",
                    name_of(patient, service), (int)type.length, type.at);
        return;
    }
    if (span_starts(path, "unix:")) {
        path = span_from(path, sizeof "unix:" - 1);
    }
    switch (reach(patient, path, "auth", service->chroot)) {
    case REACH_OURS:
        return;
    case REACH_HIDDEN:
        report_hidden(patient, service, "smtpd_sasl_path", path, "postern/auth");
        return;
    case REACH_OTHER:
        break;
    }
    finding_bad(patient->found, "postfix-sasl-path",
                "smtpd_sasl_path = postern/auth, then postfix reload",
                "%s: smtpd_sasl_path is %.*s, which is not posternd's socket (%s/postern/auth)",
                name_of(patient, service), (int)path.length, path.at,
                patient->config->postfix.queue_directory);
}

static bool encrypts(const struct patient *patient, const struct doctor_postconf_service *service)
{
    struct span level = value_of(patient, service, "smtpd_tls_security_level");
    return says_yes(patient, service, "smtpd_tls_wrappermode") || span_is_fold(level, "encrypt") ||
           says_yes(patient, service, "smtpd_enforce_tls");
}

static void check_tls(struct patient *patient, const struct doctor_postconf_service *service)
{
    struct span level = value_of(patient, service, "smtpd_tls_security_level");
    bool offered = encrypts(patient, service) || span_is_fold(level, "may") ||
                   says_yes(patient, service, "smtpd_use_tls");
    if (patient->config->login.cleartext) {
        return; /* a trial on loopback, and config warns of it elsewhere */
    }
    if (!offered) {
        finding_bad(patient->found, "postfix-no-tls",
                    "smtpd_tls_security_level = encrypt (or smtpd_tls_wrappermode = yes on port "
                    "465) for this service, then postfix reload",
                    "%s has no TLS: posternd refuses every sign-in without it",
                    name_of(patient, service));
    } else if (!encrypts(patient, service) && !says_yes(patient, service, "smtpd_tls_auth_only")) {
        finding_bad(patient->found, "postfix-tls-auth-only",
                    "smtpd_tls_auth_only = yes, then postfix reload",
                    "%s offers sign-in before TLS: tokens and passwords cross the network in clear",
                    name_of(patient, service));
    }
}

static void check_sender(struct patient *patient, const struct doctor_postconf_service *service)
{
    struct span maps = value_of(patient, service, "smtpd_sender_login_maps");
    struct span restrictions = value_of(patient, service, "smtpd_sender_restrictions");
    bool asked = has_word(restrictions, "reject_sender_login_mismatch") ||
                 has_word(restrictions, "reject_authenticated_sender_login_mismatch");
    if (!asked || !span_ends(maps, "postern/map:senders")) {
        finding_bad(patient->found, "postfix-sender-check",
                    "smtpd_sender_login_maps = socketmap:unix:postern/map:senders and "
                    "smtpd_sender_restrictions = reject_sender_login_mismatch for this service",
                    "%s: whoever signs in may send as anybody", name_of(patient, service));
    }
}

static bool mentions(struct span text, const char *needle)
{
    return span_search(text, span_of(needle)) < text.length;
}

static void check_policy(struct patient *patient, const struct doctor_postconf_service *service)
{
    struct span data = value_of(patient, service, "smtpd_data_restrictions");
    struct span end = value_of(patient, service, "smtpd_end_of_data_restrictions");
    if (!mentions(data, "postern/policy") && !mentions(end, "postern/policy")) {
        finding_warning(patient->found, "postfix-policy",
                        "smtpd_data_restrictions = check_policy_service unix:postern/policy for "
                        "this service, then postfix reload",
                        "%s: an open session of an account that ends may go on sending",
                        name_of(patient, service));
    }
}

static void check_line_length(struct patient *patient,
                              const struct doctor_postconf_service *service)
{
    uint64_t length = 0;
    struct span text = value_of(patient, service, "line_length_limit");
    if (span_number(text, INT32_MAX, &length) && length < LINE_LENGTH) {
        finding_warning(patient->found, "postfix-line-length",
                        "line_length_limit = 24576 and smtpd_sasl_response_limit = 24576 for this "
                        "service, then postfix reload",
                        "%s: Postfix cuts lines at %.*s bytes without a word, and tokens with them",
                        name_of(patient, service), (int)text.length, text.at);
    }
}

/* ---- every smtpd ---- */

/* A list ends at the first word that decides about everybody. */
static bool refuses_strangers(struct span list)
{
    static const char *const REFUSALS[] = {"reject_unauth_destination", "defer_unauth_destination",
                                           "reject", "defer"};
    struct span word;
    while (doctor_postconf_word(&list, &word) && !span_is_fold(word, "permit")) {
        for (size_t i = 0; i < sizeof REFUSALS / sizeof *REFUSALS; i++) {
            if (span_is_fold(word, REFUSALS[i])) {
                return true;
            }
        }
    }
    return false;
}

static void check_relay(struct patient *patient, const struct doctor_postconf_service *service)
{
    struct span networks = value_of(patient, service, "mynetworks");
    if (!refuses_strangers(value_of(patient, service, "smtpd_relay_restrictions")) &&
        !refuses_strangers(value_of(patient, service, "smtpd_recipient_restrictions"))) {
        finding_bad(patient->found, "postfix-open-relay",
                    "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination",
                    "%s: anybody may send anywhere: no reject_unauth_destination before a permit",
                    name_of(patient, service));
    } else if (has_word(networks, "0.0.0.0/0") || has_word(networks, "[::]/0") ||
               has_word(networks, "::/0")) {
        finding_bad(patient->found, "postfix-open-relay", "mynetworks = 127.0.0.0/8 [::1]/128",
                    "mynetworks is the whole internet: anybody may send anywhere");
    }
}

static void check_service(struct patient *patient, const struct doctor_postconf_service *service)
{
    if (doctor_postconf_verbose(service)) {
        finding_bad(patient->found, "postfix-smtpd-verbose",
                    "take -v out of master.cf, postfix reload, and delete what was logged",
                    "%s runs with -v: it writes what clients sign in with to the log",
                    name_of(patient, service));
    }
    check_relay(patient, service);
    if (!says_yes(patient, service, "smtpd_sasl_auth_enable")) {
        return;
    }
    check_sasl(patient, service);
    check_tls(patient, service);
    check_sender(patient, service);
    check_policy(patient, service);
    check_line_length(patient, service);
}

/* ---- main.cf ---- */

/* The table `map` of ours in a list of tables; what follows the path is its name. */
static enum reach find_map(struct patient *patient, struct span list, const char *map, bool chroot,
                           struct span *path)
{
    struct span word;
    enum reach best = REACH_OTHER;
    while (best != REACH_OURS && doctor_postconf_word(&list, &word)) {
        bool proxied = span_starts(word, "proxy:");
        word = proxied ? span_from(word, sizeof "proxy:" - 1) : word;
        size_t colon = span_find_last(word, ':');
        if (span_starts(word, "socketmap:unix:") && span_is(span_from(word, colon + 1), map)) {
            *path = span_from(span_first(word, colon), sizeof "socketmap:unix:" - 1);
            best = reach(patient, *path, "map", chroot && !proxied);
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

static void check_maps(struct patient *patient, const struct doctor_postconf_service *chrooted)
{
    for (size_t i = 0; i < sizeof MAPS / sizeof *MAPS; i++) {
        struct span path = {0}, list = value_of(patient, NULL, MAPS[i].setting);
        const char *right =
            arena_format(&patient->arena, "socketmap:unix:postern/map:%s", MAPS[i].map);
        switch (find_map(patient, list, MAPS[i].map, chrooted != NULL, &path)) {
        case REACH_OURS:
            continue;
        case REACH_HIDDEN:
            report_hidden(patient, chrooted, MAPS[i].setting, path, right);
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
    struct span bare = value_of(patient, NULL, "virtual_alias_domains");
    if (mentions(bare, "postern/map")) {
        finding_warning(patient->found, "postfix-alias-domains",
                        "virtual_alias_domains = (empty), then postfix reload",
                        "virtual_alias_domains is %.*s: posternd's aliases are asked for domains",
                        (int)span_first(bare, 150).length, bare.at);
    }
}

static void check_transport(struct patient *patient)
{
    struct span transport = value_of(patient, NULL, "virtual_transport");
    if (span_is(transport, "virtual")) {
        finding_bad(patient->found, "postfix-transport",
                    "virtual_transport = lmtp:unix:private/dovecot-lmtp, then postfix reload",
                    "virtual_transport is \"virtual\": mail would not go to Dovecot");
    }
}

/* A domain of two classes is delivered by the wrong one. */
static void check_domains(struct patient *patient)
{
    static const char *const CLASSES[] = {"mydestination", "relay_domains",
                                          "virtual_alias_domains"};
    const struct json *domains = json_member(patient->doctor->domains, "domains");
    for (size_t i = 0; i < json_size(domains); i++) {
        struct span domain = {0};
        (void)json_text(json_item(domains, i), "name", &domain);
        for (size_t c = 0; c < sizeof CLASSES / sizeof *CLASSES; c++) {
            if (!span_empty(domain) &&
                has_word(value_of(patient, NULL, CLASSES[c]), span_text(&patient->arena, domain))) {
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

static bool check_queue(struct patient *patient)
{
    struct span queue = value_of(patient, NULL, "queue_directory");
    const char *text = span_text(&patient->arena, queue);
    if (same_file(text, patient->config->postfix.queue_directory)) {
        return true;
    }
    finding_bad(patient->found, "postfix-queue-directory",
                arena_format(&patient->arena,
                             "postfix { queue_directory = \"%s\" } in postern.conf, then restart",
                             text),
                "Postfix's queue_directory is %s, and posternd has its sockets below %s", text,
                patient->config->postfix.queue_directory);
    return false;
}

static void check_debug(struct patient *patient)
{
    struct span peers = value_of(patient, NULL, "debug_peer_list");
    struct span complaint = doctor_postconf_complaint(patient->postconf);
    if (!span_empty(peers)) {
        finding_bad(patient->found, "postfix-debug-peer",
                    "debug_peer_list = (empty), postfix reload, and delete what was logged",
                    "debug_peer_list = %.*s: what these clients sign in with is written to the log",
                    (int)span_first(peers, 150).length, peers.at);
    }
    if (!span_empty(complaint)) {
        finding_warning(patient->found, "postfix-config-warning", "correct it there", "%.*s",
                        (int)complaint.length, complaint.at);
    }
}

static void look(struct patient *patient)
{
    const struct doctor_postconf_service *chrooted = NULL;
    size_t before = patient->found->count, sasl = 0;
    check_debug(patient);
    if (!check_queue(patient)) {
        return;
    }
    for (size_t i = 0; i < patient->postconf->services_count; i++) {
        const struct doctor_postconf_service *service = &patient->postconf->services[i];
        if (span_is(service->command, "smtpd")) {
            check_service(patient, service);
            sasl += says_yes(patient, service, "smtpd_sasl_auth_enable");
            chrooted = service->chroot ? service : chrooted;
        }
    }
    if (sasl == 0) {
        finding_warning(patient->found, "postfix-sasl-off",
                        "smtpd_sasl_auth_enable = yes on the submission services of master.cf",
                        "no smtpd has smtpd_sasl_auth_enable: nobody can sign in to send");
    }
    check_maps(patient, chrooted);
    check_transport(patient);
    check_domains(patient);
    if (patient->found->count == before) {
        finding_good(patient->found, "postfix", "asks posternd, and shows no secret");
    }
    doctor_certificate("postfix-certificate", "smtpd_tls_cert_file",
                       value_of(patient, NULL, "smtpd_tls_cert_file"), patient->found);
}

void doctor_postfix(struct doctor *doctor, struct finding_list *found)
{
    struct error error;
    CLEANUP(doctor_postconf_done) struct doctor_postconf postconf = {0};
    struct stat status;
    if (!doctor->readable || doctor->config.postfix.queue_directory == NULL) {
        finding_skipped(found, "postfix", "%s",
                        doctor->readable ? "postfix.queue_directory is empty"
                                         : "no configuration that says where it is");
        return;
    }
    char main_cf[PATH_MAX];
    const char *directory = doctor->config.postfix.config;
    snprintf(main_cf, sizeof main_cf, "%s/main.cf", directory == NULL ? "" : directory);
    if (stat(main_cf, &status) != 0) {
        finding_skipped(found, "postfix", "%s: %s (postfix.config in postern.conf says where)",
                        main_cf, strerror(errno));
        return;
    }
    switch (doctor_postconf_read(directory, &postconf, &error)) {
    case DOCTOR_POSTCONF_ABSENT:
        finding_skipped(found, "postfix", "postconf is not installed");
        return;
    case DOCTOR_POSTCONF_FAILED:
        finding_bad(found, "postfix-config-broken", "correct it: postfix check says where", "%s",
                    error.text);
        return;
    case DOCTOR_POSTCONF_READ:
        break;
    }
    struct patient patient = {doctor, &doctor->config, &postconf, found, {0}};
    look(&patient);
    arena_done(&patient.arena);
}
