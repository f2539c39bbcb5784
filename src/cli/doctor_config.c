/* doctor_config.c - postern.conf, the users it names and the files it leads to. */
#include "base/memory.h"
#include "cli/doctor_sections.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A configuration is read as a whole or not at all, and the error says why in words. The commonest reasons have codes of
 * their own: what is found in those words, first match. tests/flow/test_doctor.py keeps them in step. */
static const struct {
    const char *words, *code, *remedy;
} REASONS[] = {
    {"when both speak for it", "config-domain-twice",
     "take the domain out of one of the two blocks, or write shared = yes into both (then JWTs "
     "only)"},
    {"belongs to provider", "config-issuer-twice",
     "each issuer belongs to one block: delete it in the other"},
    {"stands there twice", "config-issuer-twice", "delete one of the two"},
    {"domains must be given", "config-domains-missing",
     "write domains = { \"…\" } into every provider block: it speaks for those only"},
    {"any_client = yes", "config-no-audience",
     "clients = { \"…\" } with the client ids of the mail programs, or audiences = { \"…\" } with "
     "ours"},
    {"can never match", "config-audience-useless",
     "write issuer = { \"https://…\" } or an introspection block beside it, or leave the list out"},
    {"issuer is missing", "config-no-check",
     "issuer = { \"https://…\" }, byte for byte as the provider names itself"},
    {"no way to check a token", "config-no-check",
     "issuer = { \"https://…\" }, byte for byte as the provider names itself"},
    {"plain http to", "config-plain-http", "write https://"},
    {"others can read", "config-secret-readable",
     "chmod 600 that file, chown root it, and change the secret: others have had it"},
    {"can be changed by everybody", "config-writable", "chmod go-w it, and read what it says now"},
    {"belongs to another user", "config-writable", "chown root it, and read what it says now"},
    {"no such option", "config-unknown-setting",
     "correct the name; posternd --settings lists all of them"},
    {"no user of this system", "config-user-missing", "create the user, or write its number"},
    {"no group of this system", "config-user-missing", "create the group, or write its number"},
};

static void report_unreadable(const char *file, const char *problem, struct finding_list *found)
{
    if (access(file, F_OK) != 0) {
        finding_bad(found, "config-missing", "write that file, or name the right one with --config",
                    "%s is not there, and the environment is no configuration: %s", file, problem);
        return;
    }
    for (size_t i = 0; i < sizeof REASONS / sizeof *REASONS; i++) {
        if (strstr(problem, REASONS[i].words) != NULL) {
            finding_bad(found, REASONS[i].code, REASONS[i].remedy, "%s", problem);
            return;
        }
    }
    finding_bad(found, "config-broken", "correct it there; postern.conf(5) explains every setting",
                "%s", problem);
}

static const char OURS[] = "environment variable ";

/* `theirs`: it was read with the daemon's environment; else with that of this command, which is nobody's fault. */
static void check_warnings(const struct config *config, bool theirs, struct finding_list *found)
{
    for (size_t i = 0; config->warnings != NULL && config->warnings[i] != NULL; i++) {
        if (!theirs && strncmp(config->warnings[i], OURS, sizeof OURS - 1) == 0) {
            continue;
        }
        finding_warning(found, "config-warning",
                        "follow it, or accept it: the log says it at every start", "%s",
                        config->warnings[i]);
    }
}

/* Whoever stands there is neither delayed nor stopped, however often he guesses. */
static void check_trusted(const struct config *config, struct finding_list *found)
{
    char **trusted = config->throttle.trusted;
    for (size_t i = 0; trusted != NULL && trusted[i] != NULL; i++) {
        if (span_ends(span_of(trusted[i]), "/0")) {
            finding_bad(found, "config-trusts-everybody",
                        "name only your own webmail servers in login.trusted_addresses",
                        "login.trusted_addresses has %s: nobody is stopped from guessing",
                        trusted[i]);
        }
    }
}

/* As with docker-mailserver's variable, when posternd sees it as well: it would ask itself, for ever. */
static void check_itself(const struct config *config, struct finding_list *found)
{
    const char *own = config->http.internal;
    for (size_t i = 0; own != NULL && i < config->providers->count; i++) {
        const struct provider *provider = &config->providers->providers[i];
        const char *urls[] = {provider->userinfo, provider->introspection.url};
        for (size_t u = 0; u < sizeof urls / sizeof *urls; u++) {
            const char *at = urls[u] == NULL ? NULL : strstr(urls[u], own);
            if (at != NULL && at - urls[u] <= (ptrdiff_t)sizeof "https://") {
                finding_bad(found, "config-asks-itself",
                            "write a provider block with the issuer of the real provider; "
                            "OAUTH2_INTROSPECTION_URL is Dovecot's then",
                            "provider \"%s\" leads to posternd's own listener %s", provider->name,
                            own);
            }
        }
    }
}

static void check_user(const struct config_id *id, const char *setting, const char *kind,
                       struct finding_list *found)
{
    char remedy[200];
    if (id->name == NULL || id->number >= 0) {
        return;
    }
    snprintf(remedy, sizeof remedy, "create the %s, or correct `%s` in postern.conf", kind,
             setting);
    finding_bad(found, "config-user-missing", remedy, "%s: this system has no %s \"%s\"", setting,
                kind, id->name);
}

static void check_users(const struct config *config, struct finding_list *found)
{
    check_user(&config->user, "user", "user", found);
    check_user(&config->group, "group", "group", found);
    if (config->postfix.queue_directory != NULL) {
        check_user(&config->postfix.group, "postfix.group", "group", found);
    }
    if (config->dovecot.base_dir != NULL) {
        check_user(&config->dovecot.user, "dovecot.user", "user", found);
        check_user(&config->dovecot.login_group, "dovecot.login_group", "group", found);
    }
}

/* Names, hashes and the audit trail are in it: the worker's alone. */
static void check_store(const struct config *config, struct finding_list *found)
{
    struct stat status;
    char path[PATH_MAX], remedy[PATH_MAX + 100];
    struct span file = span_from(span_of(config->store), sizeof "sqlite:" - 1);
    if (!span_fits(span_first(file, span_find_last(file, '/')), path, sizeof path) ||
        path[0] == '\0') {
        return;
    }
    if (stat(path, &status) != 0) {
        finding_skipped(found, "store-directory", "%s: %s; posternd makes it at its first start",
                        path, strerror(errno));
        return;
    }
    snprintf(remedy, sizeof remedy, "chown -R %lld:%lld %s; chmod 700 %s",
             (long long)config->user.number, (long long)config->group.number, path, path);
    if ((int64_t)status.st_uid != config->user.number || (status.st_mode & 077) != 0) {
        finding_bad(found, "store-directory", remedy,
                    "%s belongs to uid %u with mode %03o; it must belong to the user of posternd "
                    "(%lld) with mode 700",
                    path, (unsigned)status.st_uid, (unsigned)status.st_mode & 0777,
                    (long long)config->user.number);
        return;
    }
    finding_good(found, "store-directory", "%s is of posternd alone", path);
}

static void check_mail_root(const struct config *config, struct finding_list *found)
{
    struct stat status;
    char remedy[PATH_MAX + 100];
    const char *path = config->directory.mail_root;
    snprintf(remedy, sizeof remedy, "install -d -o %lld -g %lld -m 770 %s",
             (long long)config->mail_user.number, (long long)config->mail_group.number, path);
    if (stat(path, &status) != 0) {
        finding_bad(found, "mail-root", remedy, "mail.root: %s: %s", path, strerror(errno));
    } else if ((int64_t)status.st_uid != config->mail_user.number) {
        finding_bad(found, "mail-root", remedy,
                    "mail.root: %s belongs to uid %u, and mail is written by uid %lld", path,
                    (unsigned)status.st_uid, (long long)config->mail_user.number);
    } else {
        finding_good(found, "mail-root", "%s belongs to uid %lld", path,
                     (long long)config->mail_user.number);
    }
}

/* ---- the environment of the daemon, which is a part of its configuration ---- */

enum { ENVIRONMENT_MAX = 256 * 1024, VARIABLES_MAX = 1000 };

/* The parent's process, as its lock names it; 0: none. */
static uint64_t daemon_process(const char *run_directory)
{
    char path[PATH_MAX], text[24] = "";
    uint64_t process = 0;
    snprintf(path, sizeof path, "%s/posternd.lock", run_directory);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        struct span line = span_of(fgets(text, sizeof text, file));
        (void)span_number(span_first(line, span_find(line, '\n')), INT32_MAX, &process);
        fclose(file);
    }
    return process;
}

/* That it is posternd still, and no other process with the number of one that died. */
static bool is_daemon(uint64_t process)
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%llu/comm", (unsigned long long)process);
    FILE *file = fopen(path, "re");
    bool read = file != NULL && fgets(name, sizeof name, file) != NULL;
    if (file != NULL) {
        fclose(file);
    }
    return read && strcmp(name, "posternd\n") == 0;
}

/* Its variables, views into `bytes`. false: there is no daemon to ask. */
static bool daemon_environment(const char *run_directory, struct buffer *bytes,
                               const char *variables[VARIABLES_MAX + 1])
{
    char path[64];
    size_t count = 0;
    uint64_t process = daemon_process(run_directory);
    if (process == 0 || !is_daemon(process)) {
        return false;
    }
    snprintf(path, sizeof path, "/proc/%llu/environ", (unsigned long long)process);
    FILE *file = fopen(path, "re");
    char *room = buffer_room(bytes, ENVIRONMENT_MAX);
    size_t length = file == NULL ? 0 : fread(room, 1, ENVIRONMENT_MAX - 1, file);
    bool read = file != NULL && ferror(file) == 0;
    if (file != NULL) {
        fclose(file);
    }
    room[length] = '\0';
    for (size_t at = 0; at < length && count < VARIABLES_MAX; at += strlen(room + at) + 1) {
        variables[count++] = room + at;
    }
    variables[count] = NULL;
    return read;
}

/* Where the daemon is, going by the file alone, or else by our own environment. */
static void run_directory_of(const char *file, char directory[PATH_MAX])
{
    struct config config;
    struct error ignored;
    bool good = config_load(file, NULL, &config, &ignored) ||
                config_load(file, (const char *const *)environ, &config, &ignored);
    snprintf(directory, PATH_MAX, "%s", good ? config.run_directory : "/run/postern");
    config_free(&config);
}

/* With the environment of the daemon where one runs, else with our own. */
static bool load(struct doctor *doctor, const char *file, bool *theirs, struct error *error)
{
    char directory[PATH_MAX];
    const char *variables[VARIABLES_MAX + 1];
    CLEANUP(buffer_wipe) struct buffer bytes = buffer_limited(ENVIRONMENT_MAX);
    run_directory_of(file, directory);
    *theirs = daemon_environment(directory, &bytes, variables);
    return config_load(file, *theirs ? variables : (const char *const *)environ, &doctor->config,
                       error);
}

void doctor_config(struct doctor *doctor, struct finding_list *found)
{
    struct error error;
    bool theirs = false;
    /* As posternd does: without a file the environment says everything, as in a container. */
    bool given = cli_options_value(doctor->options, "config") != NULL;
    const char *file = given || access(doctor->file, F_OK) == 0 ? doctor->file : NULL;
    bool good = load(doctor, file, &theirs, &error);
    if (good && file == NULL && !theirs && doctor->config.providers->count == 0) {
        config_free(&doctor->config);
        good = error_set(&error, "it names no provider");
    }
    if (!good) {
        report_unreadable(doctor->file, error.text, found);
        return;
    }
    if (file == NULL) {
        doctor->file = "the environment";
    }
    doctor->readable = true;
    const struct config *config = &doctor->config;
    finding_good(found, "config", "%s: %zu provider%s", doctor->file, config->providers->count,
                 config->providers->count == 1 ? "" : "s");
    check_warnings(config, theirs, found);
    check_users(config, found);
    check_trusted(config, found);
    check_itself(config, found);
    check_store(config, found);
    check_mail_root(config, found);
}
