/* doctor_postfix.c - Postfix's configuration: does it ask posternd, over sockets it can see, and what does it log? */
#include "base/arena.h"
#include "base/memory.h"
#include "cli/doctor_postfix_maps.h"
#include "cli/doctor_sections.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Postfix's own default of the latter is 12,288: most tokens fit. */
enum { LINE_LENGTH = 16384, RESPONSE_LENGTH = 12288 };

static struct span value_of(const struct doctor_postfix_patient *patient,
                            const struct doctor_postconf_service *service, const char *name)
{
    return doctor_postconf_value(patient->postconf, service, name);
}

static bool says_yes(const struct doctor_postfix_patient *patient,
                     const struct doctor_postconf_service *service, const char *name)
{
    return doctor_postconf_yes(patient->postconf, service, name);
}

static bool mentions(struct span text, const char *needle)
{
    return span_search(text, span_of(needle)) < text.length;
}

/* ---- services with sign-in ---- */

static void check_sasl(struct doctor_postfix_patient *patient,
                       const struct doctor_postconf_service *service)
{
    struct span type = value_of(patient, service, "smtpd_sasl_type");
    struct span path = value_of(patient, service, "smtpd_sasl_path");
    if (!span_is(type, "dovecot")) {
        finding_bad(patient->found, "postfix-sasl-type",
                    "smtpd_sasl_type = dovecot, then postfix reload",
                    "%s: smtpd_sasl_type is \"%.*s\"; posternd speaks Dovecot's protocol",
                    doctor_postconf_name(service, &patient->arena), (int)type.length, type.at);
        return;
    }
    if (span_starts(path, "unix:")) {
        path = span_from(path, sizeof "unix:" - 1);
    }
    switch (doctor_postfix_maps_reach(patient, path, "auth", service->chroot)) {
    case REACH_OURS:
        return;
    case REACH_HIDDEN:
        doctor_postfix_maps_hidden(patient, service, "smtpd_sasl_path", path, "postern/auth");
        return;
    case REACH_OTHER:
        break;
    }
    finding_bad(patient->found, "postfix-sasl-path",
                "smtpd_sasl_path = postern/auth, then postfix reload",
                "%s: smtpd_sasl_path is %.*s, which is not posternd's socket (%s/postern/auth)",
                doctor_postconf_name(service, &patient->arena), (int)path.length, path.at,
                patient->config->postfix.queue_directory);
}

/* Postfix counts bearer tokens among the plain text mechanisms, and the options for TLS are by default those without. */
static void check_options(struct doctor_postfix_patient *patient,
                          const struct doctor_postconf_service *service)
{
    struct span options = value_of(patient, service, "smtpd_sasl_tls_security_options");
    if (doctor_postconf_has(options, "noplaintext")) {
        finding_bad(patient->found, "postfix-sasl-options",
                    "smtpd_sasl_tls_security_options = noanonymous, then postfix reload",
                    "%s: with noplaintext no sign-in is offered at all, not even by token",
                    doctor_postconf_name(service, &patient->arena));
    }
}

/* A filter that names what may pass lets nothing else through. */
static void check_mechanisms(struct doctor_postfix_patient *patient,
                             const struct doctor_postconf_service *service)
{
    struct span filter = value_of(patient, service, "smtpd_sasl_mechanism_filter");
    bool rest = span_empty(filter) || mentions(filter, "static:");
    bool bearer =
        doctor_postconf_has(filter, "oauthbearer") || doctor_postconf_has(filter, "xoauth2");
    bool left_out =
        doctor_postconf_has(filter, "!oauthbearer") || doctor_postconf_has(filter, "!xoauth2");
    if (left_out || (!rest && !bearer)) {
        finding_bad(patient->found, "postfix-sasl-mechanisms",
                    "take smtpd_sasl_mechanism_filter out, then postfix reload",
                    "%s: smtpd_sasl_mechanism_filter = %.*s leaves out sign-in by token",
                    doctor_postconf_name(service, &patient->arena),
                    (int)span_first(filter, 150).length, filter.at);
    }
    if (doctor_postconf_has(value_of(patient, service, "smtpd_discard_ehlo_keywords"), "auth")) {
        finding_bad(patient->found, "postfix-sasl-mechanisms",
                    "take auth out of smtpd_discard_ehlo_keywords, then postfix reload",
                    "%s hides AUTH from all clients (smtpd_discard_ehlo_keywords)",
                    doctor_postconf_name(service, &patient->arena));
    }
}

static bool encrypts(const struct doctor_postfix_patient *patient,
                     const struct doctor_postconf_service *service)
{
    struct span level = value_of(patient, service, "smtpd_tls_security_level");
    return says_yes(patient, service, "smtpd_tls_wrappermode") || span_is_fold(level, "encrypt") ||
           says_yes(patient, service, "smtpd_enforce_tls");
}

static void check_tls(struct doctor_postfix_patient *patient,
                      const struct doctor_postconf_service *service)
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
                    doctor_postconf_name(service, &patient->arena));
    } else if (!encrypts(patient, service) && !says_yes(patient, service, "smtpd_tls_auth_only")) {
        finding_bad(patient->found, "postfix-tls-auth-only",
                    "smtpd_tls_auth_only = yes, then postfix reload",
                    "%s offers sign-in before TLS: tokens and passwords cross the network in clear",
                    doctor_postconf_name(service, &patient->arena));
    }
}

static void check_sender(struct doctor_postfix_patient *patient,
                         const struct doctor_postconf_service *service)
{
    struct span maps = value_of(patient, service, "smtpd_sender_login_maps");
    struct span restrictions = value_of(patient, service, "smtpd_sender_restrictions");
    bool asked = doctor_postconf_has(restrictions, "reject_sender_login_mismatch") ||
                 doctor_postconf_has(restrictions, "reject_authenticated_sender_login_mismatch");
    if (!asked || !span_ends(maps, "postern/map:senders")) {
        finding_bad(patient->found, "postfix-sender-check",
                    "smtpd_sender_login_maps = socketmap:unix:postern/map:senders and "
                    "smtpd_sender_restrictions = reject_sender_login_mismatch for this service",
                    "%s: whoever signs in may send as anybody",
                    doctor_postconf_name(service, &patient->arena));
    }
}

static void check_policy(struct doctor_postfix_patient *patient,
                         const struct doctor_postconf_service *service)
{
    struct span data = value_of(patient, service, "smtpd_data_restrictions");
    struct span end = value_of(patient, service, "smtpd_end_of_data_restrictions");
    if (!mentions(data, "postern/policy") && !mentions(end, "postern/policy")) {
        finding_warning(patient->found, "postfix-policy",
                        "smtpd_data_restrictions = check_policy_service unix:postern/policy for "
                        "this service, then postfix reload",
                        "%s: an open session of an account that ends may go on sending",
                        doctor_postconf_name(service, &patient->arena));
    }
}

static void check_line_length(struct doctor_postfix_patient *patient,
                              const struct doctor_postconf_service *service)
{
    uint64_t length = 0, response = 0;
    struct span text = value_of(patient, service, "line_length_limit");
    struct span whole = value_of(patient, service, "smtpd_sasl_response_limit");
    bool long_enough = !span_number(text, INT32_MAX, &length) || length >= LINE_LENGTH;
    if (long_enough && span_number(whole, INT32_MAX, &response) && response < RESPONSE_LENGTH) {
        text = whole;
        long_enough = false;
    }
    if (!long_enough) {
        finding_warning(patient->found, "postfix-line-length",
                        "line_length_limit = 24576 and smtpd_sasl_response_limit = 24576 for this "
                        "service, then postfix reload",
                        "%s: Postfix cuts lines at %.*s bytes without a word, and tokens with them",
                        doctor_postconf_name(service, &patient->arena), (int)text.length, text.at);
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

static void check_relay(struct doctor_postfix_patient *patient,
                        const struct doctor_postconf_service *service)
{
    struct span networks = value_of(patient, service, "mynetworks");
    if (!refuses_strangers(value_of(patient, service, "smtpd_relay_restrictions")) &&
        !refuses_strangers(value_of(patient, service, "smtpd_recipient_restrictions"))) {
        finding_bad(patient->found, "postfix-open-relay",
                    "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination",
                    "%s: anybody may send anywhere: no reject_unauth_destination before a permit",
                    doctor_postconf_name(service, &patient->arena));
    } else if (doctor_postconf_has(networks, "0.0.0.0/0") ||
               doctor_postconf_has(networks, "[::]/0") || doctor_postconf_has(networks, "::/0")) {
        finding_bad(patient->found, "postfix-open-relay", "mynetworks = 127.0.0.0/8 [::1]/128",
                    "mynetworks is the whole internet: anybody may send anywhere");
    }
}

static void check_service(struct doctor_postfix_patient *patient,
                          const struct doctor_postconf_service *service)
{
    if (doctor_postconf_verbose(service)) {
        finding_bad(patient->found, "postfix-smtpd-verbose",
                    "take -v out of master.cf, postfix reload, and delete what was logged",
                    "%s runs with -v: it writes what clients sign in with to the log",
                    doctor_postconf_name(service, &patient->arena));
    }
    check_relay(patient, service);
    if (!says_yes(patient, service, "smtpd_sasl_auth_enable")) {
        return;
    }
    check_sasl(patient, service);
    check_options(patient, service);
    check_mechanisms(patient, service);
    check_tls(patient, service);
    check_sender(patient, service);
    check_policy(patient, service);
    check_line_length(patient, service);
}

/* ---- main.cf ---- */

static bool check_queue(struct doctor_postfix_patient *patient)
{
    struct span queue = value_of(patient, NULL, "queue_directory");
    const char *text = span_text(&patient->arena, queue);
    if (doctor_postfix_maps_same_file(text, patient->config->postfix.queue_directory)) {
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

static bool is_member(const char *user, gid_t group)
{
    const struct passwd *known = getpwnam(user);
    const struct group *named = getgrgid(group);
    if (known == NULL || known->pw_gid == group) {
        return true;
    }
    for (char **member = named == NULL ? NULL : named->gr_mem; member != NULL && *member != NULL;
         member++) {
        if (strcmp(*member, user) == 0) {
            return true;
        }
    }
    return false;
}

/* The sockets are made for that group; whoever is not in it is kept out. */
static void check_group(struct doctor_postfix_patient *patient)
{
    const struct config_id *group = &patient->config->postfix.group;
    const char *owner = span_text(&patient->arena, value_of(patient, NULL, "mail_owner"));
    if (group->number < 0 || is_member(owner, (gid_t)group->number)) {
        return;
    }
    const struct passwd *user = getpwnam(owner);
    const struct group *right = user == NULL ? NULL : getgrgid(user->pw_gid);
    finding_bad(
        patient->found, "postfix-group",
        arena_format(&patient->arena, "postfix { group = \"%s\" } in postern.conf, then restart",
                     right == NULL ? owner : right->gr_name),
        "Postfix's user %s is not in group %s, so it may not use the sockets", owner, group->name);
}

static void check_debug(struct doctor_postfix_patient *patient)
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

static void look(struct doctor_postfix_patient *patient)
{
    const struct doctor_postconf_service *chrooted = NULL;
    size_t before = patient->found->count, sasl = 0;
    check_debug(patient);
    check_group(patient);
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
    doctor_postfix_maps(patient, chrooted);
    if (patient->found->count == before) {
        finding_good(patient->found, "postfix", "asks posternd, and shows no secret");
    }
    doctor_certificate("postfix-certificate", "smtpd_tls_cert_file",
                       value_of(patient, NULL, "smtpd_tls_cert_file"), patient->found);
    doctor_certificate_key("smtpd_tls_key_file", value_of(patient, NULL, "smtpd_tls_key_file"),
                           patient->found);
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
    struct doctor_postfix_patient patient = {doctor, &doctor->config, &postconf, found, {0}};
    look(&patient);
    arena_done(&patient.arena);
}
