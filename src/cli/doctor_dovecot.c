/* doctor_dovecot.c - Dovecot's configuration, as doveconf reads it: is its own auth service off, and what does it log? */
#include "base/arena.h"
#include "base/memory.h"
#include "cli/doctor_doveconf.h"
#include "cli/doctor_sections.h"
#include "config/stack_check.h"
#include "config/stack_tool.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what writes secrets to logs ---- */

static const struct {
    const char *name, *harmless, *code, *remedy;
} LOUD[] = {
    {"auth_debug", "no", "dovecot-auth-debug",
     "auth_debug = no, then doveadm reload: it writes what clients sign in with to the log"},
    {"auth_debug_passwords", "no", "dovecot-auth-debug-passwords",
     "auth_debug_passwords = no, then doveadm reload: it writes passwords and tokens to the log"},
    {"auth_verbose_passwords", "no", "dovecot-auth-verbose-passwords",
     "auth_verbose_passwords = no, then doveadm reload: it writes passwords and tokens to the log"},
};

static bool has_word(struct span text, const char *word)
{
    struct span piece;
    while (!span_empty(text) && span_cut(&text, ' ', &piece)) {
        if (span_is(span_from(piece, span_find_last(piece, '/') + 1), word) ||
            span_is(piece, word)) {
            return true;
        }
    }
    return false;
}

/* Everything that clients say, their messages included: by rawlog_dir, by the program of that name, or by -R of the
 * login processes. */
static bool is_rawlog(struct span name, struct span value)
{
    bool directory = span_ends(name, "rawlog_dir") && !span_empty(value);
    bool program = span_is(name, "executable") || span_is(name, "mail_executable");
    return directory || (program && (has_word(value, "rawlog") || has_word(value, "-R")));
}

static void check_loud(struct span doveconf, struct finding_list *found)
{
    size_t depth = 0;
    struct span rest = doveconf, name, value;
    for (size_t i = 0; i < sizeof LOUD / sizeof *LOUD; i++) {
        struct span is = doctor_doveconf_value(doveconf, LOUD[i].name);
        if (!span_empty(is) && !span_is(is, LOUD[i].harmless)) {
            finding_bad(found, LOUD[i].code, LOUD[i].remedy, "%s = %.*s", LOUD[i].name,
                        (int)is.length, is.at);
        }
    }
    while (doctor_doveconf_next(&rest, &depth, &name, &value)) {
        if (is_rawlog(name, value)) {
            finding_bad(found, "dovecot-rawlog",
                        "take it out of Dovecot's configuration, doveadm reload, and delete what "
                        "was recorded: it holds what clients sent",
                        "Dovecot records sessions: %.*s = %.*s", (int)name.length, name.at,
                        (int)value.length, value.at);
        }
    }
}

/* ---- the rest ---- */

static void check_tls(const struct config *config, struct span doveconf, struct finding_list *found)
{
    struct span ssl = doctor_doveconf_value(doveconf, "ssl");
    struct span cleartext = doctor_doveconf_value(doveconf, "auth_allow_cleartext"); /* 2.4 */
    bool allowed =
        span_is(cleartext, "yes") ||
        span_is(doctor_doveconf_value(doveconf, "disable_plaintext_auth"), "no"); /* 2.3 */
    if (span_is(ssl, "no")) {
        finding_bad(found, "dovecot-ssl-off", "ssl = required, with ssl_cert and ssl_key",
                    "ssl = no: posternd refuses every sign-in without TLS");
    } else if (allowed && !span_is(ssl, "required") && !config->login.cleartext) {
        finding_warning(found, "dovecot-cleartext",
                        "2.3: disable_plaintext_auth = yes; 2.4: auth_allow_cleartext = no; or: "
                        "ssl = required",
                        "clients may send tokens and passwords before TLS; posternd refuses them, "
                        "but by then they were on the wire");
    } else {
        finding_good(found, "dovecot-tls", "ssl = %.*s", (int)ssl.length, ssl.at);
    }
}

/* Dovecot tells posternd that whoever comes from there is secured. */
static void check_trusted(struct span doveconf, struct finding_list *found)
{
    struct span rest = doctor_doveconf_value(doveconf, "login_trusted_networks"), word;
    while (!span_empty(rest) && span_cut(&rest, ' ', &word)) {
        if (span_ends(word, "/0")) {
            finding_bad(found, "dovecot-trusted-networks",
                        "name only your own proxies in login_trusted_networks, then doveadm reload",
                        "login_trusted_networks has %.*s: everybody counts as secured, also "
                        "without TLS, and may claim any address",
                        (int)word.length, word.at);
        }
    }
}

static void check_paths(const struct config *config, struct span doveconf,
                        struct finding_list *found)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const char *own = config->dovecot.base_dir;
    struct span base = doctor_doveconf_value(doveconf, "base_dir");
    struct span userdb = doctor_doveconf_value(doveconf, "auth_socket_path");
    if (span_ends(base, "/")) {
        base = span_first(base, base.length - 1);
    }
    if (!span_is(base, own)) {
        finding_bad(found, "dovecot-base-dir",
                    arena_format(&arena,
                                 "dovecot { base_dir = \"%.*s\" } in postern.conf, then restart",
                                 (int)base.length, base.at),
                    "Dovecot's base_dir is %.*s, and posternd has its sockets below %s",
                    (int)base.length, base.at, own);
        return;
    }
    const char *whole = arena_format(&arena, "%s/auth-userdb", own);
    const char *real = arena_format(&arena, "%s/auth-userdb", config->run_directory);
    if (!span_is(userdb, "auth-userdb") && !span_is(userdb, whole) && !span_is(userdb, real)) {
        finding_bad(found, "dovecot-auth-socket-path",
                    "take auth_socket_path out of Dovecot's configuration",
                    "auth_socket_path = %.*s: LMTP and doveadm ask there where mail lies, and "
                    "nobody of ours listens; expected auth-userdb",
                    (int)userdb.length, userdb.at);
    }
}

/* Dovecot's own auth would take the sockets, with its own passwords (dovecot.md of many a set-up: Postfix's
 * private/auth is the seventh listener). */
static void check_auth_service(const struct config *config, struct finding_list *found)
{
    struct error error = {""};
    switch (stack_check_dovecot(config->dovecot.config, &error)) {
    case STACK_CHECK_OFF:
        finding_good(found, "dovecot-auth", "Dovecot's own auth service is switched off");
        return;
    case STACK_CHECK_ON: {
        char *advice = strstr(error.text, "; write ");
        char remedy[ERROR_MAX + 40] = "service auth: give every listener mode = 0";
        if (advice != NULL) {
            snprintf(remedy, sizeof remedy, "%s, then doveadm reload", advice + 2);
            *advice = '\0';
        }
        finding_bad(found, "dovecot-auth-on", remedy, "%s", error.text);
        return;
    }
    case STACK_CHECK_ABSENT:
    case STACK_CHECK_FAILED:
        break;
    }
    finding_bad(found, "dovecot-config-broken", "correct it: doveconf -n says where", "%s",
                error.text);
}

/* Mail is written by the uid of our userdb's answers, and Dovecot takes none outside of its limits. */
static void check_uid(const struct config *config, struct span doveconf, struct finding_list *found)
{
    CLEANUP(arena_done) struct arena arena = {0};
    uint64_t first = 0, last = 0;
    int64_t uid = config->mail_user.number;
    (void)span_number(doctor_doveconf_value(doveconf, "first_valid_uid"), INT32_MAX, &first);
    (void)span_number(doctor_doveconf_value(doveconf, "last_valid_uid"), INT32_MAX, &last);
    if (uid < (int64_t)first || (last > 0 && uid > (int64_t)last)) {
        finding_bad(found, "dovecot-uid",
                    arena_format(&arena,
                                 "first_valid_uid = %lld and last_valid_uid = %lld in "
                                 "Dovecot's configuration, then doveadm reload",
                                 (long long)uid, (long long)uid),
                    "mail belongs to uid %lld (mail.uid), and Dovecot takes %llu to %llu only",
                    (long long)uid, (unsigned long long)first, (unsigned long long)last);
    }
}

/* They may ask for users, and reach the login sockets: posternd believes only those that it knows. */
static void check_users(const struct config *config, struct span doveconf,
                        struct finding_list *found)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const char *internal =
        span_text(&arena, doctor_doveconf_value(doveconf, "default_internal_user"));
    const char *login = span_text(&arena, doctor_doveconf_value(doveconf, "default_login_user"));
    const struct passwd *user = getpwnam(internal);
    if (user != NULL && config->dovecot.user.number >= 0 &&
        (int64_t)user->pw_uid != config->dovecot.user.number) {
        finding_bad(found, "dovecot-user",
                    arena_format(&arena, "dovecot { user = \"%s\" } in postern.conf, then restart",
                                 internal),
                    "Dovecot's default_internal_user is %s, and dovecot.user is %s: LMTP and "
                    "doveadm hear no user",
                    internal, config->dovecot.user.name);
    }
    user = getpwnam(login);
    const struct group *group = user == NULL ? NULL : getgrgid(user->pw_gid);
    if (group != NULL && config->dovecot.login_group.number >= 0 &&
        (int64_t)group->gr_gid != config->dovecot.login_group.number) {
        finding_bad(
            found, "dovecot-user",
            arena_format(&arena, "dovecot { login_group = \"%s\" } in postern.conf, then restart",
                         group->gr_name),
            "Dovecot's login processes are of group %s, and dovecot.login_group is %s: they cannot "
            "reach their socket",
            group->gr_name, config->dovecot.login_group.name);
    }
}

/* doveconf shows it only when asked for it alone; then as it is written, "</path". */
static void check_key(const struct config *config, struct finding_list *found)
{
    struct error ignored;
    const char *const words[] = {"doveconf", "-c", config->dovecot.config, "-P", "-h",
                                 "ssl_key",  NULL};
    struct stack_tool tool;
    if (stack_tool_run(&tool, words, &ignored) && tool.status == 0) {
        struct span line, text = buffer_span(&tool.said);
        (void)span_cut(&text, '\n', &line);
        doctor_certificate_key("ssl_key", line, found);
    }
    buffer_wipe(&tool.said); /* the key itself, where somebody wrote it there */
    stack_tool_done(&tool);
}

static void look(const struct config *config, struct span doveconf, struct finding_list *found)
{
    size_t before = found->count;
    if (config->dovecot.base_dir != NULL) {
        check_auth_service(config, found);
        check_paths(config, doveconf, found);
        check_uid(config, doveconf, found);
        check_users(config, doveconf, found);
        before = found->count;
    }
    check_loud(doveconf, found);
    doctor_verifier(config, doveconf, found);
    if (found->count == before) {
        finding_good(found, "dovecot-logs", "no secret is written to Dovecot's logs");
    }
    check_tls(config, doveconf, found);
    check_trusted(doveconf, found);
    check_key(config, found);
    doctor_certificate("dovecot-certificate", "ssl_cert",
                       doctor_doveconf_value(doveconf, "ssl_cert"), found);
    doctor_certificate("dovecot-certificate", "ssl_server_cert_file",
                       doctor_doveconf_value(doveconf, "ssl_server_cert_file"), found);
}

void doctor_dovecot(struct doctor *doctor, struct finding_list *found)
{
    struct error error;
    CLEANUP(stack_tool_done) struct stack_tool tool = {0};
    if (!doctor->readable) {
        finding_skipped(found, "dovecot", "no configuration that says where it is");
        return;
    }
    const char *file = doctor->config.dovecot.config;
    const char *const words[] = {"doveconf", "-c", file, NULL};
    if (access(file, F_OK) != 0 && !doctor->config.dovecot.check) {
        finding_skipped(found, "dovecot", "%s is not there, and dovecot.check is no", file);
    } else if (!stack_tool_run(&tool, words, &error)) {
        finding_skipped(found, "dovecot", "%s", error.text);
    } else if (tool.status == STACK_TOOL_ABSENT) {
        finding_skipped(found, "dovecot", "doveconf is not installed");
    } else if (tool.status != 0 || buffer_full(&tool.said)) {
        stack_tool_complain(&tool, &error);
        finding_bad(found, "dovecot-config-broken", "correct it: doveconf -n says where", "%s: %s",
                    file, error.text);
    } else {
        look(&doctor->config, buffer_span(&tool.said), found);
        doctor->doveconf = tool.said;
        tool.said = buffer_limited(0);
    }
}
