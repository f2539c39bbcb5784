/* doctor_sockets.c - the sockets of posternd, and Dovecot's well-known paths that lead to them. */
#include "base/memory.h"
#include "cli/doctor_sections.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum place { PLACE_RUN, PLACE_BASE, PLACE_QUEUE };

/* As daemon/sockets.c binds them; tests/flow/test_doctor.py compares. `link` lies below Dovecot's base_dir; its
 * target is relative inside the chroot of the login processes. */
static const struct entry {
    enum place place;
    const char *file;
    mode_t mode;
    const char *link, *relative;
} ENTRIES[] = {
    {PLACE_BASE, "login/posternd/login", 0666, "login/login", "posternd/login"},
    {PLACE_BASE, "token-login/posternd/tokenlogin", 0666, "token-login/tokenlogin",
     "posternd/tokenlogin"},
    {PLACE_RUN, "auth-login", 0600, "auth-login", NULL},
    {PLACE_RUN, "auth-client", 0600, "auth-client", NULL},
    {PLACE_RUN, "auth-userdb", 0666, "auth-userdb", NULL},
    {PLACE_RUN, "auth-master", 0600, "auth-master", NULL},
    {PLACE_RUN, "admin.sock", 0600, NULL, NULL},
    {PLACE_QUEUE, "postern/auth", 0660, NULL, NULL},
    {PLACE_QUEUE, "postern/map", 0660, NULL, NULL},
    {PLACE_QUEUE, "postern/policy", 0660, NULL, NULL},
};

static const char *directory_of(const struct entry *entry, const struct config *config)
{
    switch (entry->place) {
    case PLACE_RUN:
        return config->run_directory;
    case PLACE_BASE:
        return config->dovecot.base_dir;
    case PLACE_QUEUE:
        break;
    }
    return config->postfix.queue_directory;
}

static bool wanted(const struct entry *entry, const struct config *config)
{
    const char *directory = directory_of(entry, config);
    if (entry->link != NULL) {
        return config->dovecot.base_dir != NULL;
    }
    /* No Postfix, no sockets for it. */
    return directory != NULL && (entry->place != PLACE_QUEUE || access(directory, F_OK) == 0);
}

static bool somebody_listens(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool fits = span_fits(span_of(path), address.sun_path, sizeof address.sun_path);
    bool listens = fits && fd >= 0 &&
                   (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ||
                    errno == EAGAIN || errno == EINPROGRESS);
    if (fd >= 0) {
        close(fd);
    }
    return listens;
}

static bool check_owner(const struct entry *entry, const struct config *config, const char *path,
                        const struct stat *status, struct finding_list *found)
{
    char remedy[PATH_MAX + 100];
    bool given = entry->place == PLACE_QUEUE;
    int64_t uid = given ? config->user.number : 0, gid = given ? config->postfix.group.number : 0;
    bool any_group = !given || gid < 0; /* a group that this system lacks was said elsewhere */
    if ((int64_t)status->st_uid == uid && (any_group || (int64_t)status->st_gid == gid)) {
        return true;
    }
    snprintf(remedy, sizeof remedy, "systemctl restart postern; and find out who ran chown on it");
    finding_bad(found, "socket-owner", remedy, "%s belongs to %u:%u; expected %lld:%lld", path,
                (unsigned)status->st_uid, (unsigned)status->st_gid, (long long)uid, (long long)gid);
    return false;
}

/* true: it is as it should be. */
static bool check_socket(const struct entry *entry, const struct config *config, const char *path,
                         struct finding_list *found)
{
    static const char RESTART[] = "systemctl restart postern";
    struct stat status;
    if (lstat(path, &status) != 0) {
        finding_bad(found, "socket-missing", RESTART, "%s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISSOCK(status.st_mode)) {
        finding_bad(found, "socket-replaced", "move it away, then systemctl restart postern",
                    "%s is there and is no socket", path);
        return false;
    }
    if (!check_owner(entry, config, path, &status, found)) {
        return false;
    }
    if ((status.st_mode & 0777) != entry->mode) {
        char remedy[PATH_MAX + 40];
        snprintf(remedy, sizeof remedy, "chmod %03o %s; and find out who changed it",
                 (unsigned)entry->mode, path);
        finding_bad(found, "socket-mode", remedy, "%s has mode %03o; expected %03o", path,
                    (unsigned)status.st_mode & 0777, (unsigned)entry->mode);
        return false;
    }
    if (!somebody_listens(path)) {
        finding_bad(found, "socket-dead", RESTART, "nobody listens on %s", path);
        return false;
    }
    return true;
}

/* Whoever may write there may put a socket of his own in place of ours; and others than root must get through. */
static void check_directory(const char *socket, struct finding_list *found)
{
    struct stat status;
    char path[PATH_MAX], remedy[PATH_MAX + 60];
    struct span whole = span_of(socket);
    if (!span_fits(span_first(whole, span_find_last(whole, '/')), path, sizeof path) ||
        stat(path, &status) != 0) {
        return;
    }
    bool guarded = status.st_uid == 0 && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    if (!guarded || (status.st_mode & S_IXOTH) == 0) {
        snprintf(remedy, sizeof remedy, "chown root %s; chmod 755 %s", path, path);
        finding_bad(found, "socket-directory", remedy, "%s belongs to uid %u with mode %03o; %s",
                    path, (unsigned)status.st_uid, (unsigned)status.st_mode & 0777,
                    guarded ? "mail servers cannot get through" : "only root may write there");
    }
}

/* login/ and token-login/ below base_dir, where Dovecot's login processes are at home. */
static void check_login_directory(const struct config *config, const char *name,
                                  struct finding_list *found)
{
    struct stat status;
    char path[PATH_MAX], remedy[PATH_MAX + 100];
    int64_t group = config->dovecot.login_group.number;
    snprintf(path, sizeof path, "%s%s", config->dovecot.base_dir, name);
    if (stat(path, &status) != 0 || group < 0) {
        return;
    }
    bool by_group = (int64_t)status.st_gid == group && (status.st_mode & S_IXGRP) != 0;
    if (!by_group && (status.st_mode & S_IXOTH) == 0) {
        snprintf(remedy, sizeof remedy, "chgrp %lld %s; chmod 750 %s", (long long)group, path,
                 path);
        finding_bad(found, "login-directory", remedy,
                    "%s is of group %u with mode %03o: Dovecot's login processes (group %s) cannot "
                    "get through",
                    path, (unsigned)status.st_gid, (unsigned)status.st_mode & 0777,
                    config->dovecot.login_group.name);
    }
}

static void check_link(const struct entry *entry, const struct config *config, const char *socket,
                       struct finding_list *found)
{
    char path[PATH_MAX], target[PATH_MAX + 1], remedy[2 * PATH_MAX + 40];
    struct stat status;
    const char *right = entry->relative != NULL ? entry->relative : socket;
    snprintf(path, sizeof path, "%s/%s", config->dovecot.base_dir, entry->link);
    snprintf(remedy, sizeof remedy, "systemctl restart postern, or: ln -sfn %s %s", right, path);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = '\0';
    if (length >= 0 && strcmp(target, right) == 0) {
        finding_good(found, "link", "%s -> %s", path, target);
    } else if (length >= 0) {
        finding_bad(found, "link-elsewhere", remedy, "%s leads to %s; expected %s", path, target,
                    right);
    } else if (lstat(path, &status) != 0) {
        finding_bad(found, "link-missing", remedy, "%s: %s; Dovecot looks for posternd there", path,
                    strerror(errno));
    } else {
        finding_bad(found, "link-replaced",
                    "switch Dovecot's own service auth off (see Dovecot below), stop Dovecot, "
                    "systemctl restart postern, start Dovecot",
                    "%s is no symlink to posternd: Dovecot's own auth service put it there", path);
    }
}

void doctor_sockets(struct doctor *doctor, struct finding_list *found)
{
    const struct config *config = &doctor->config;
    size_t good = 0;
    if (!doctor->readable || !doctor->running) {
        finding_skipped(found, "sockets", "%s",
                        doctor->readable ? "posternd does not run" : "no configuration");
        return;
    }
    const struct entry *last = NULL;
    for (size_t i = 0; i < sizeof ENTRIES / sizeof *ENTRIES; i++) {
        char path[PATH_MAX];
        if (!wanted(&ENTRIES[i], config)) {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", directory_of(&ENTRIES[i], config), ENTRIES[i].file);
        good += check_socket(&ENTRIES[i], config, path, found);
        if (last == NULL || last->place != ENTRIES[i].place || last->place == PLACE_BASE) {
            check_directory(path, found);
        }
        if (ENTRIES[i].link != NULL) {
            check_link(&ENTRIES[i], config, path, found);
        }
        last = &ENTRIES[i];
    }
    if (config->dovecot.base_dir != NULL) {
        check_login_directory(config, "/login", found);
        check_login_directory(config, "/token-login", found);
    }
    finding_good(found, "sockets", "%zu sockets are in place and answer", good);
}
