/* directory_guard.c - directories that only root can write to, and what is put into them. */
#include "daemon/directory_guard.h"

#include "base/span.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 4096, WAIT_STEP_MS = 50 };

/* ---- directories ---- */

/* `last`: the directory itself, not one above it. `name` is the part of `path` that `fd` is. */
static bool only_ours(int fd, const char *path, const char *name, bool last, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    if (status.st_uid != 0 && status.st_uid != geteuid()) {
        return error_set(error, "%s: \"%s\" belongs to uid %u; it must belong to root", path, name,
                         (unsigned)status.st_uid);
    }
    bool sticky = !last && (status.st_mode & S_ISVTX) != 0;
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky) {
        return error_set(error, "%s: others than root may write to \"%s\": chmod go-w it", path,
                         name);
    }
    return true;
}

/* One step down. Closes `above`. */
static int step(int above, const char *path, struct span part, bool last, struct error *error)
{
    char name[NAME_MAX + 1];
    int fd = -1;
    errno = ENAMETOOLONG;
    if (span_fits(part, name, sizeof(name))) {
        fd = openat(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    int reason = errno;
    close(above);
    if (fd < 0) {
        error_set(error, "%s: \"%s\": %s", path, name, strerror(reason));
        return -1;
    }
    if (!only_ours(fd, path, name, last, error)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Goes down `path`, which is absolute and has no symlinks in it. */
static int walk(const char *path, struct error *error)
{
    struct span rest = span_of(path), part;
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && span_cut(&rest, '/', &part)) {
        if (!span_empty(part)) {
            fd = step(fd, path, part, rest.at == NULL, error);
        }
    }
    return fd;
}

static bool make(const char *path, mode_t mode, int64_t gid, struct error *error)
{
    mode_t was = umask(0777 & ~mode);
    int made = mkdir(path, mode), reason = errno;
    umask(was);
    if (made != 0) {
        return reason == EEXIST || error_set(error, "%s: %s", path, strerror(reason));
    }
    bool given = gid < 0 || lchown(path, (uid_t)-1, (gid_t)gid) == 0;
    return given || error_set(error, "%s: %s", path, strerror(errno));
}

bool directory_guard_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* A directory that is there, wherever symlinks lead. */
static int open_there(const char *path, struct error *error)
{
    char real[PATH_MAX];
    if (realpath(path, real) == NULL) {
        error_set(error, "%s: %s", path, strerror(errno));
        return -1;
    }
    return walk(real, error);
}

/* What is above must be good before anything is made in it. */
static bool make_in_good(const char *path, mode_t mode, int64_t gid, struct error *error)
{
    char above[PATH_MAX];
    struct span parent = span_first(span_of(path), span_find_last(span_of(path), '/'));
    if (!span_fits(span_empty(parent) ? SPAN_LITERAL("/") : parent, above, sizeof(above))) {
        return error_set(error, "%s is too long", path);
    }
    int fd = open_there(above, error);
    if (fd < 0) {
        return false;
    }
    close(fd);
    return make(path, mode, gid, error);
}

int directory_guard_open(const char *path, mode_t mode, int64_t gid, struct error *error)
{
    if (!directory_guard_exists(path) && !make_in_good(path, mode, gid, error)) {
        return -1;
    }
    return open_there(path, error);
}

/* ---- sockets ---- */

static bool address_of(const char *path, const char *name, struct sockaddr_un *address,
                       struct error *error)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", path, name);
    if (length < 0 || (size_t)length >= sizeof(address->sun_path)) {
        return error_set(error, "%s/%s is too long for a socket; %zu characters are the limit",
                         path, name, sizeof(address->sun_path) - 1);
    }
    return true;
}

static bool somebody_listens(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool listens =
        fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
                    errno == EAGAIN || errno == EINPROGRESS);
    if (fd >= 0) {
        close(fd);
    }
    return listens;
}

/* A predecessor that was killed leaves a file; its worker may take a moment longer to die. */
static bool wait_until_dead(const struct sockaddr_un *address, int64_t wait_ms)
{
    struct timespec step = {0, WAIT_STEP_MS * 1000000L};
    while (somebody_listens(address)) {
        if (wait_ms <= 0) {
            return false;
        }
        nanosleep(&step, NULL);
        wait_ms -= WAIT_STEP_MS;
    }
    return true;
}

static bool remove_dead(const struct directory_guard_socket *wanted,
                        const struct sockaddr_un *address, struct error *error)
{
    struct stat status;
    if (fstatat(wanted->directory, wanted->name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT || error_set(error, "%s: %s", address->sun_path, strerror(errno));
    }
    if (!S_ISSOCK(status.st_mode)) {
        return error_set(error, "%s is there and is no socket; move it away", address->sun_path);
    }
    if (!wait_until_dead(address, wanted->wait_ms)) {
        return error_set(error, "another program listens on %s; stop it first", address->sun_path);
    }
    return unlinkat(wanted->directory, wanted->name, 0) == 0 ||
           error_set(error, "%s: %s", address->sun_path, strerror(errno));
}

static bool give(const struct directory_guard_socket *wanted)
{
    struct stat status;
    if (fstatat(wanted->directory, wanted->name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    uid_t uid =
        wanted->uid < 0 || (uid_t)wanted->uid == status.st_uid ? (uid_t)-1 : (uid_t)wanted->uid;
    gid_t gid =
        wanted->gid < 0 || (gid_t)wanted->gid == status.st_gid ? (gid_t)-1 : (gid_t)wanted->gid;
    return (uid == (uid_t)-1 && gid == (gid_t)-1) ||
           fchownat(wanted->directory, wanted->name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0;
}

int directory_guard_listen(const struct directory_guard_socket *wanted, struct error *error)
{
    struct sockaddr_un address;
    if (!address_of(wanted->path, wanted->name, &address, error) ||
        !remove_dead(wanted, &address, error)) {
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t was = umask(0777 & ~wanted->mode);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    int reason = errno;
    umask(was);
    if (bound && (!give(wanted) || listen(fd, BACKLOG) != 0)) {
        reason = errno;
        unlinkat(wanted->directory, wanted->name, 0);
        bound = false;
    }
    if (!bound) {
        error_set(error, "%s: %s", address.sun_path, strerror(reason));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

/* ---- symlinks ---- */

static bool may_replace(int directory, const char *path, const char *name, struct error *error)
{
    struct stat status;
    struct sockaddr_un address;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT || error_set(error, "%s/%s: %s", path, name, strerror(errno));
    }
    if (S_ISLNK(status.st_mode)) {
        return true;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return error_set(error, "%s/%s is there and is no socket; move it away", path, name);
    }
    if (!address_of(path, name, &address, error)) {
        return false;
    }
    return !somebody_listens(&address) ||
           error_set(error, "Dovecot's own auth service listens on %s/%s; stop Dovecot first", path,
                     name);
}

bool directory_guard_link(int directory, const char *path, const char *name, const char *target,
                          struct error *error)
{
    char fresh[NAME_MAX + 1];
    if (!may_replace(directory, path, name, error)) {
        return false;
    }
    snprintf(fresh, sizeof(fresh), ".%.200s.postern", name);
    unlinkat(directory, fresh, 0);
    if (symlinkat(target, directory, fresh) != 0 ||
        renameat(directory, fresh, directory, name) != 0) {
        return error_set(error, "%s/%s: %s", path, name, strerror(errno));
    }
    return true;
}
