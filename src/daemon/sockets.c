/* sockets.c - every socket that posternd listens on: where, whose, which mode; bound by the parent and held by it. */
#include "daemon/sockets.h"

#include "base/memory.h"
#include "daemon/directory_guard.h"
#include "daemon/internal_socket.h"
#include "daemon/notify.h"
#include "daemon/public_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum place { PLACE_RUN, PLACE_LOGIN, PLACE_TOKENLOGIN, PLACE_QUEUE, PLACE_INTERNAL, PLACE_PUBLIC };
enum owner {
    OWNER_ROOT,
    OWNER_POSTFIX
}; /* Postfix's: the worker's user, and the group of Postfix */

/* Relative targets work inside the chroot of Dovecot's login processes. `link` is below base_dir; a target that
 * is not relative is the socket's own path. */
static const struct entry {
    const char *name;
    enum place place;
    const char *file;
    mode_t mode;
    enum owner owner;
    const char *link_directory, *link, *relative;
} entries[SOCKETS_COUNT] = {
    {"login", PLACE_LOGIN, "login", 0666, OWNER_ROOT, "/login", "login", "posternd/login"},
    {"tokenlogin", PLACE_TOKENLOGIN, "tokenlogin", 0666, OWNER_ROOT, "/token-login", "tokenlogin",
     "posternd/tokenlogin"},
    {"auth-login", PLACE_RUN, "auth-login", 0600, OWNER_ROOT, "", "auth-login", NULL},
    {"auth-client", PLACE_RUN, "auth-client", 0600, OWNER_ROOT, "", "auth-client", NULL},
    {"auth-userdb", PLACE_RUN, "auth-userdb", 0666, OWNER_ROOT, "", "auth-userdb", NULL},
    {"auth-master", PLACE_RUN, "auth-master", 0600, OWNER_ROOT, "", "auth-master", NULL},
    {"admin", PLACE_RUN, "admin.sock", 0600, OWNER_ROOT, NULL, NULL, NULL},
    {"postfix-auth", PLACE_QUEUE, "auth", 0660, OWNER_POSTFIX, NULL, NULL, NULL},
    {"postfix-map", PLACE_QUEUE, "map", 0660, OWNER_POSTFIX, NULL, NULL, NULL},
    {"postfix-policy", PLACE_QUEUE, "policy", 0660, OWNER_POSTFIX, NULL, NULL, NULL},
    {"internal", PLACE_INTERNAL, NULL, 0, OWNER_ROOT, NULL, NULL, NULL}, /* internal_socket.h */
    {"public", PLACE_PUBLIC, NULL, 0, OWNER_ROOT, NULL, NULL, NULL},     /* public_socket.h */
};

const char *sockets_name(enum sockets_name name)
{
    return entries[name].name;
}

void sockets_init(struct sockets *sockets)
{
    *sockets = (struct sockets){0};
    for (size_t i = 0; i < SOCKETS_COUNT; i++) {
        sockets->fd[i] = -1;
    }
}

static bool wanted(const struct entry *entry, const struct config *config)
{
    if (entry->place == PLACE_INTERNAL) {
        return config->http.internal != NULL;
    }
    if (entry->place == PLACE_PUBLIC) {
        return config->http.public != NULL;
    }
    if (entry->link != NULL) {
        return config->dovecot.base_dir != NULL;
    }
    return entry->place != PLACE_QUEUE || (config->postfix.queue_directory != NULL &&
                                           directory_guard_exists(config->postfix.queue_directory));
}

/* The directory of a socket. */
static void place_path(enum place place, const struct config *config, char path[PATH_MAX])
{
    switch (place) {
    case PLACE_RUN:
        snprintf(path, PATH_MAX, "%s", config->run_directory);
        return;
    case PLACE_LOGIN:
        snprintf(path, PATH_MAX, "%s/login/posternd", config->dovecot.base_dir);
        return;
    case PLACE_TOKENLOGIN:
        snprintf(path, PATH_MAX, "%s/token-login/posternd", config->dovecot.base_dir);
        return;
    case PLACE_QUEUE:
        snprintf(path, PATH_MAX, "%s/postern", config->postfix.queue_directory);
        return;
    case PLACE_INTERNAL:
    case PLACE_PUBLIC:
        path[0] = '\0';
        return;
    }
}

/* ---- from a service manager ---- */

static bool is_listening(int fd)
{
    int yes = 0;
    socklen_t length = sizeof(yes);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &length) == 0 && yes != 0;
}

static bool is_unix(int fd)
{
    int domain = 0;
    socklen_t length = sizeof(domain);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX;
}

static bool is_at(int fd, const struct entry *entry, const struct config *config)
{
    struct sockaddr_un address = {0};
    socklen_t length = sizeof(address);
    char path[PATH_MAX], whole[PATH_MAX + 32];
    if (entry->file == NULL || !wanted(entry, config) ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        return false;
    }
    place_path(entry->place, config, path);
    snprintf(whole, sizeof(whole), "%s/%s", path, entry->file);
    return strncmp(address.sun_path, whole, sizeof(address.sun_path)) == 0;
}

static bool fits(const struct config *config, int fd, struct span name)
{
    if (span_is(name, entries[SOCKETS_INTERNAL].name)) {
        return internal_socket_fits(fd);
    }
    if (span_is(name, entries[SOCKETS_PUBLIC].name)) {
        return config->http.public != NULL && public_socket_fits(&config->http, fd);
    }
    return is_unix(fd);
}

static bool take_one(struct sockets *sockets, const struct config *config, int fd, struct span name,
                     struct error *error)
{
    if (!is_listening(fd) || !fits(config, fd, name)) {
        return error_set(error, "descriptor %d (\"%.*s\") is no listening UNIX socket%s", fd,
                         (int)name.length, name.at,
                         span_is(name, entries[SOCKETS_PUBLIC].name)
                             ? " nor on loopback without http.public_tls_cert_file, or http.public "
                               "is empty"
                             : "");
    }
    for (size_t i = 0; i < SOCKETS_COUNT; i++) {
        bool match = span_is(name, entries[i].name) || is_at(fd, &entries[i], config);
        if (match && sockets->fd[i] < 0) {
            sockets->fd[i] = fd;
            sockets->handed[i] = true;
            return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
        }
    }
    return error_set(error,
                     "socket \"%.*s\" of the service manager has neither the name nor the path of "
                     "one of ours, or is there twice",
                     (int)name.length, name.at);
}

bool sockets_take(struct sockets *sockets, const struct config *config, int first, size_t count,
                  struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (!take_one(sockets, config, first + (int)i, notify_name(i), error)) {
            return false;
        }
    }
    return true;
}

/* ---- bound by ourselves ---- */

/* Dovecot's own directories, as Dovecot makes them: posternd starts before it. */
static bool make_login_directory(const struct config *config, const char *name, struct error *error)
{
    char path[PATH_MAX];
    int64_t gid = geteuid() == 0 ? config->dovecot.login_group.number : -1;
    int base = directory_guard_open(config->dovecot.base_dir, 0755, -1, error);
    if (base < 0) {
        return false;
    }
    close(base);
    snprintf(path, sizeof(path), "%s/%s", config->dovecot.base_dir, name);
    int fd = directory_guard_open(path, gid < 0 ? 0755 : 0750, gid, error);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static bool make_above(enum place place, const struct config *config, struct error *error)
{
    return (place != PLACE_LOGIN || make_login_directory(config, "login", error)) &&
           (place != PLACE_TOKENLOGIN || make_login_directory(config, "token-login", error));
}

static bool bind_one(struct sockets *sockets, size_t i, const struct config *config,
                     int64_t wait_ms, struct error *error)
{
    const struct entry *entry = &entries[i];
    if (entry->place == PLACE_INTERNAL) {
        sockets->fd[i] =
            internal_socket_open(config->http.internal, wait_ms, &sockets->path[i], error);
        return sockets->fd[i] >= 0;
    }
    if (entry->place == PLACE_PUBLIC) {
        sockets->fd[i] = public_socket_open(&config->http, wait_ms, &sockets->path[i], error);
        return sockets->fd[i] >= 0;
    }
    char path[PATH_MAX], whole[PATH_MAX + 32];
    if (!make_above(entry->place, config, error)) {
        return false;
    }
    place_path(entry->place, config, path);
    int directory = directory_guard_open(path, 0755, -1, error);
    if (directory < 0) {
        return false;
    }
    bool given = entry->owner == OWNER_POSTFIX && geteuid() == 0;
    struct directory_guard_socket socket = {.directory = directory,
                                            .path = path,
                                            .name = entry->file,
                                            .mode = entry->mode,
                                            .uid = given ? config->user.number : -1,
                                            .gid = given ? config->postfix.group.number : -1,
                                            .wait_ms = wait_ms};
    sockets->fd[i] = directory_guard_listen(&socket, error);
    close(directory);
    if (sockets->fd[i] >= 0) {
        snprintf(whole, sizeof(whole), "%s/%s", path, entry->file);
        sockets->path[i] = memory_text(whole);
    }
    return sockets->fd[i] >= 0;
}

static bool link_one(const struct entry *entry, const struct config *config, struct error *error)
{
    char directory_path[PATH_MAX], place[PATH_MAX], target[PATH_MAX + 32];
    snprintf(directory_path, sizeof(directory_path), "%s%s", config->dovecot.base_dir,
             entry->link_directory);
    place_path(entry->place, config, place);
    snprintf(target, sizeof(target), "%s/%s", place, entry->file);
    int directory = directory_guard_open(directory_path, 0755, -1, error);
    if (directory < 0) {
        return false;
    }
    bool good = directory_guard_link(directory, directory_path, entry->link,
                                     entry->relative == NULL ? target : entry->relative, error);
    close(directory);
    return good;
}

bool sockets_open(struct sockets *sockets, const struct config *config, int64_t wait_ms,
                  struct error *error)
{
    for (size_t i = 0; i < SOCKETS_COUNT; i++) {
        const struct entry *entry = &entries[i];
        if (!wanted(entry, config)) {
            continue;
        }
        if (sockets->fd[i] < 0 && !bind_one(sockets, i, config, wait_ms, error)) {
            return false;
        }
        if (entry->link != NULL && !link_one(entry, config, error)) {
            return false;
        }
    }
    return true;
}

void sockets_close(struct sockets *sockets)
{
    for (size_t i = 0; i < SOCKETS_COUNT; i++) {
        if (sockets->path[i] != NULL) {
            unlink(sockets->path[i]);
            memory_free(sockets->path[i]);
        }
        if (sockets->fd[i] >= 0) {
            close(sockets->fd[i]);
        }
    }
    sockets_init(sockets);
}
