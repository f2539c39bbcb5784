/* doctor_verifier.c - a Dovecot that checks tokens by itself (docs/verifier.md): does it ask posternd, and what does it log? */
#include "base/buffer.h"
#include "base/memory.h"
#include "cli/doctor_doveconf.h"
#include "cli/doctor_sections.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What is said of the passdb's own file (2.3), or of the block oauth2 (2.4). */
struct oauth2 {
    const struct config *config;
    const char *path; /* where it stands */
    bool asks;        /* an introspection or token-info URL is there */
    struct finding_list *found;
};

/* "127.0.0.1:8026/SECRET/introspect" behind "http://": never shown, the secret is in it. */
static bool is_ours(const struct config *config, struct span url)
{
    CLEANUP(buffer_wipe) struct buffer right = buffer_limited(4096);
    buffer_add_text(&right, "http://");
    buffer_add_text(&right, config->http.internal == NULL ? "" : config->http.internal);
    buffer_add_byte(&right, '/');
    buffer_add_text(&right,
                    config->http.internal_secret == NULL ? "" : config->http.internal_secret);
    size_t length = right.length;
    if (buffer_full(&right) || !span_equal(span_first(url, length), buffer_span(&right))) {
        return false;
    }
    struct span rest = span_from(url, length);
    rest = span_first(rest, span_find(rest, '?'));
    return span_is(rest, "/introspect") || span_is(rest, "/userinfo");
}

static void check_url(struct oauth2 *oauth2, struct span url)
{
    const struct config *config = oauth2->config;
    char remedy[300];
    oauth2->asks = true;
    if (config->dovecot.base_dir != NULL || config->http.internal == NULL ||
        config->http.internal_secret == NULL || is_ours(config, url)) {
        return;
    }
    snprintf(
        remedy, sizeof remedy,
        "introspection_url = http://%.100s/SECRET/introspect, SECRET being http.internal_secret; "
        "then doveadm reload",
        config->http.internal);
    finding_bad(oauth2->found, "verifier-url", remedy,
                "%s: Dovecot does not ask posternd: the address or the secret in it is another",
                oauth2->path);
}

static void check_line(struct oauth2 *oauth2, struct span name, struct span value)
{
    if (span_is(name, "debug") && span_is(value, "yes")) {
        finding_bad(oauth2->found, "dovecot-auth-debug", "debug = no there, then doveadm reload",
                    "%s: debug = yes: it writes tokens to the log", oauth2->path);
    } else if (span_ends(name, "rawlog_dir") && !span_empty(value)) {
        finding_bad(oauth2->found, "dovecot-rawlog",
                    "take it out, doveadm reload, and delete what was recorded: tokens are in it",
                    "%s: Dovecot records what it asks: %.*s", oauth2->path, (int)value.length,
                    value.at);
    } else if (span_is(name, "introspection_url")) {
        check_url(oauth2, value);
    }
}

static void check_readable(const struct oauth2 *oauth2)
{
    struct stat status;
    char remedy[PATH_MAX + 100];
    if (oauth2->asks && stat(oauth2->path, &status) == 0 && (status.st_mode & S_IROTH) != 0) {
        snprintf(remedy, sizeof remedy,
                 "chmod 600 %s, chown root it, and take another secret: others have had it",
                 oauth2->path);
        finding_bad(oauth2->found, "verifier-secret-readable", remedy,
                    "%s holds a secret and others can read it", oauth2->path);
    }
}

static void check_file(struct oauth2 *oauth2)
{
    char line[4 * LINE_MAX];
    FILE *file = fopen(oauth2->path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        struct span rest = span_of(line), name, value;
        size_t depth = 0;
        if (doctor_doveconf_next(&rest, &depth, &name, &value)) {
            check_line(oauth2, name, value);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    if (oauth2->config->dovecot.base_dir == NULL) {
        check_readable(oauth2);
    }
}

/* 2.3: "args = /etc/dovecot/dovecot-oauth2.conf.ext" beside "driver = oauth2" in a passdb, in either order. */
static bool check_passdbs(struct oauth2 *oauth2, struct span doveconf)
{
    struct span line, args = {0};
    bool driver = false, any = false;
    char path[PATH_MAX];
    while (!span_empty(doveconf) && span_cut(&doveconf, '\n', &line)) {
        line = span_trim(line);
        if (span_ends(line, "{")) {
            args = span_of(NULL);
            driver = false;
        } else if (span_starts(line, "args = /")) {
            args = span_from(line, sizeof "args = " - 1);
        } else if (span_is(line, "driver = oauth2")) {
            driver = true;
        }
        if (driver && span_fits(args, path, sizeof path) && path[0] == '/') {
            oauth2->path = path;
            check_file(oauth2);
            oauth2->path = NULL;
            driver = false;
            any = true;
        }
    }
    return any;
}

/* 2.4: a block of doveconf's own. */
static bool check_block(struct oauth2 *oauth2, struct span doveconf)
{
    struct span name, value;
    size_t depth = 0;
    while (doctor_doveconf_next(&doveconf, &depth, &name, &value)) {
        bool own = depth == 1 && span_is(name, "introspection_url");
        if (own || span_is(name, "oauth2_introspection_url")) {
            oauth2->path = oauth2->config->dovecot.config;
            check_url(oauth2, value);
            return true;
        }
    }
    return false;
}

void doctor_verifier(const struct config *config, struct span doveconf, struct finding_list *found)
{
    struct oauth2 oauth2 = {.config = config, .found = found};
    size_t before = found->count;
    bool there = check_passdbs(&oauth2, doveconf) || check_block(&oauth2, doveconf);
    if (config->dovecot.base_dir != NULL || config->http.internal == NULL) {
        return;
    }
    if (config->http.internal_secret == NULL) {
        finding_bad(found, "verifier-secret",
                    "http { internal_secret_file = \"/etc/postern/internal.secret\" } in "
                    "postern.conf, then systemctl reload postern",
                    "/introspect and /userinfo are closed, since there is no secret for them");
    } else if (!there || !oauth2.asks) {
        finding_bad(found, "verifier-url", "set Dovecot up as docs/verifier.md shows",
                    "nothing in Dovecot's configuration asks posternd, and dovecot.base_dir is "
                    "empty: no token would sign in");
    } else if (found->count == before) {
        finding_good(found, "verifier-url", "Dovecot asks posternd at %s", config->http.internal);
    }
}
