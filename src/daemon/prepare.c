/* prepare.c - what must hold on this system before anything is bound: users, directories, Dovecot, one posternd only. */
#include "daemon/prepare.h"

#include "config/stack_check.h"
#include "daemon/directory_guard.h"
#include "mail/auth_token.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void notice(struct prepare *prepared, const char *text)
{
    for (size_t i = 0; prepared != NULL && i + 1 < PREPARE_NOTICES_MAX; i++) {
        if (prepared->notices[i] == NULL) {
            prepared->notices[i] = text;
            return;
        }
    }
}

/* ---- looking ---- */

static bool check_users(const struct config *config, struct error *error)
{
    const char *name = config->user.name == NULL ? "" : config->user.name;
    if (config->user.number < 0) {
        return error_set(
            error,
            "user: this system has no user \"%s\"; create it: adduser --system --group "
            "--no-create-home %s",
            name, name);
    }
    if (config->group.number <= 0) {
        return error_set(error, "group: this system has no group \"%s\"",
                         config->group.name == NULL ? name : config->group.name);
    }
    if (geteuid() != 0 && (int64_t)geteuid() != config->user.number) {
        return error_set(
            error, "posternd must be started by root (or by \"%s\" itself, for a trial)", name);
    }
    return true;
}

static bool check_postfix(const struct config *config, struct prepare *prepared,
                          struct error *error)
{
    if (config->postfix.queue_directory == NULL) {
        return true;
    }
    if (!directory_guard_exists(config->postfix.queue_directory)) {
        notice(prepared, "postfix.queue_directory does not exist: no sockets for Postfix");
        return true;
    }
    return config->postfix.group.number >= 0 || geteuid() != 0 ||
           error_set(error, "postfix.group: this system has no group \"%s\"",
                     config->postfix.group.name == NULL ? "" : config->postfix.group.name);
}

static bool check_dovecot(const struct config *config, struct prepare *prepared,
                          struct error *error)
{
    if (config->dovecot.base_dir == NULL || !config->dovecot.check) {
        return true;
    }
    switch (stack_check_dovecot(config->dovecot.config, error)) {
    case STACK_CHECK_OFF:
        return true;
    case STACK_CHECK_ABSENT:
        notice(prepared, "Dovecot is not installed: its service auth was not looked at");
        return true;
    case STACK_CHECK_ON:
    case STACK_CHECK_FAILED:
        break;
    }
    return error_prefix(error, "%s: ", config->dovecot.config);
}

static bool look(const struct config *config, struct prepare *prepared, struct error *error)
{
    return check_users(config, error) && check_postfix(config, prepared, error) &&
           check_dovecot(config, prepared, error);
}

bool prepare_check(const struct config *config, struct error *error)
{
    return look(config, NULL, error);
}

/* ---- making ---- */

/* Two parents would steal each other's sockets. The file stays: removing it would let a third one in. */
static int take_lock(int directory, const char *path, struct error *error)
{
    char text[24] = "";
    int fd = openat(directory, "posternd.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        error_set(error, "%s/posternd.lock: %s", path, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t length = read(fd, text, sizeof(text) - 1);
        text[length < 0 ? 0 : length] = '\0';
        text[strcspn(text, "\n")] = '\0';
        error_set(error, "another posternd (process %s) runs with run_directory %s", text, path);
        close(fd);
        return -1;
    }
    int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || write(fd, text, (size_t)length) != length) {
        error_set(error, "%s/posternd.lock: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

static bool read_key(int directory, struct secret *key)
{
    char bytes[AUTH_TOKEN_KEY_SIZE + 1];
    int fd = openat(directory, "auth-token.key", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t length = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
    if (fd >= 0) {
        close(fd);
    }
    if (length == AUTH_TOKEN_KEY_SIZE) {
        *key = secret_new(span_bytes(bytes, AUTH_TOKEN_KEY_SIZE));
    }
    secret_wipe(bytes, sizeof(bytes));
    return length == AUTH_TOKEN_KEY_SIZE;
}

static bool make_key(int directory, const char *path, struct secret *key, struct error *error)
{
    char bytes[AUTH_TOKEN_KEY_SIZE];
    secret_random(bytes, sizeof(bytes));
    *key = secret_new(span_bytes(bytes, sizeof(bytes)));
    int fd = openat(directory, "auth-token.key.new",
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes) &&
                renameat(directory, "auth-token.key.new", directory, "auth-token.key") == 0;
    int reason = errno;
    secret_wipe(bytes, sizeof(bytes));
    if (fd >= 0) {
        close(fd);
    }
    return good || error_set(error, "%s/auth-token.key: %s", path, strerror(reason));
}

/* The database belongs to the worker alone: names, hashes and the audit trail are in it. */
static bool make_store_directory(const struct config *config, struct error *error)
{
    struct stat status;
    char path[PATH_MAX];
    struct span file = span_from(span_of(config->store), sizeof("sqlite:") - 1);
    if (!span_fits(span_first(file, span_find_last(file, '/')), path, sizeof(path)) ||
        path[0] == '\0') {
        return error_set(error, "accounts.store: \"%s\" must lie in a directory", config->store);
    }
    mode_t was = umask(077);
    bool made = mkdir(path, 0700) == 0;
    umask(was);
    if (made && geteuid() == 0 &&
        lchown(path, (uid_t)config->user.number, (gid_t)config->group.number) != 0) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    if (stat(path, &status) != 0) {
        return error_set(error, "accounts.store: %s: %s", path, strerror(errno));
    }
    if ((int64_t)status.st_uid != config->user.number || (status.st_mode & 077) != 0) {
        return error_set(error,
                         "accounts.store: %s must belong to user %s and be closed to all others: "
                         "chown %lld:%lld, chmod 0700",
                         path, config->user.name, (long long)config->user.number,
                         (long long)config->group.number);
    }
    return true;
}

/* Who may use which shared mailbox: the worker writes it, Dovecot's mail processes read it, nobody else can enter. */
static bool make_shared_directory(int run, const struct config *config, struct error *error)
{
    static const char NAME[] = "shared";
    bool root = geteuid() == 0;
    gid_t group =
        (gid_t)(config->mail_group.number < 0 ? config->group.number : config->mail_group.number);
    bool made = mkdirat(run, NAME, 0700) == 0 || errno == EEXIST;
    int fd = made ? openat(run, NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
    bool good = fd >= 0 && (!root || fchown(fd, (uid_t)config->user.number, group) == 0) &&
                fchmod(fd, root ? 0750 : 0700) == 0;
    int reason = errno;
    if (fd >= 0) {
        close(fd);
    }
    return good || error_set(error, "%s/%s: %s", config->run_directory, NAME, strerror(reason));
}

bool prepare_all(const struct config *config, struct prepare *prepared, struct error *error)
{
    *prepared = (struct prepare){.lock = -1};
    if (!look(config, prepared, error)) {
        return false;
    }
    int directory = directory_guard_open(config->run_directory, 0755, -1, error);
    if (directory < 0) {
        return error_prefix(error, "run_directory: ");
    }
    prepared->lock = take_lock(directory, config->run_directory, error);
    bool good = prepared->lock >= 0 && make_shared_directory(directory, config, error) &&
                (read_key(directory, &prepared->token_key) ||
                 make_key(directory, config->run_directory, &prepared->token_key, error));
    close(directory);
    return good && make_store_directory(config, error);
}

void prepare_done(struct prepare *prepared)
{
    secret_done(&prepared->token_key);
    if (prepared->lock > 0) {
        close(prepared->lock);
    }
    prepared->lock = -1;
}
