/* config_secret.c - secrets that lie in files of their own, and who may read them. */
#include "config/config_secret.h"

#include "base/memory.h"
#include "config/config_value.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest secret (a private key), and the longest chain of certificates. */
enum { FILE_MAX = 16 * 1024, PUBLIC_MAX = 64 * 1024 };

bool config_secret_may_trust(const char *path, const struct stat *status, struct error *error)
{
    if (!S_ISREG(status->st_mode)) {
        return error_set(error, "%s is not a file", path);
    }
    if (status->st_uid != 0 && status->st_uid != geteuid()) {
        return error_set(error, "%s belongs to another user, who could change it: chown root it",
                         path);
    }
    if ((status->st_mode & S_IWOTH) != 0) {
        return error_set(error, "%s can be changed by everybody: chmod o-w it", path);
    }
    return true;
}

static bool may_read(int fd, const char *path, bool secret, struct error *error)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    if (!config_secret_may_trust(path, &status, error)) {
        return false;
    }
    if (secret && (status.st_mode & S_IROTH) != 0) {
        return error_set(error, "%s holds a secret and others can read it: chmod o-rwx it", path);
    }
    return true;
}

static bool file_read(const char *path, bool secret, struct buffer *text, struct error *error)
{
    size_t max = secret ? FILE_MAX : PUBLIC_MAX;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool good = may_read(fd, path, secret, error);
    char *room = good ? buffer_room(text, max + 1) : NULL;
    ssize_t length = good ? read(fd, room, max + 1) : 0;
    if (length < 0) {
        good = error_set(error, "%s: %s", path, strerror(errno));
    } else if (length > (ssize_t)max) {
        good = error_set(error, "%s is longer than %zu bytes", path, max);
    } else if (good) {
        buffer_took(text, (size_t)length);
    }
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

static const char *value_of(const struct config_table_setting *setting, const void *base)
{
    return *(char *const *)((const char *)base + setting->offset);
}

static bool take(const struct config_table_setting *file, void *base, struct error *error)
{
    const struct config_table_setting *secret = config_table_find(file->section, file->choices);
    const char *path = value_of(file, base);
    if (value_of(secret, base) != NULL) {
        return error_set(error, "%s and %s exclude each other", secret->name, file->name);
    }
    CLEANUP(buffer_wipe) struct buffer text = buffer_limited(2 * PUBLIC_MAX);
    if (!file_read(path, file->type != CONFIG_TABLE_PUBLIC_FILE, &text, error)) {
        return false;
    }
    struct span value = buffer_span(&text);
    if (file->type == CONFIG_TABLE_SECRET_FILE) {
        value = span_first(value, span_find(value, '\n'));
        value = span_first(value, span_find(value, '\r'));
    }
    if (span_empty(value)) {
        return error_set(error, "%s: %s", path,
                         text.length == 0 ? "it is empty" : "its first line is empty");
    }
    return config_value_read(secret, value, base, error) || error_prefix(error, "%s: ", path);
}

bool config_secret_read(const char *section, void *base, struct error *error)
{
    for (size_t i = 0; i < config_table_count; i++) {
        const struct config_table_setting *setting = &config_table[i];
        bool named = config_table_is_file(setting) && strcmp(setting->section, section) == 0 &&
                     value_of(setting, base) != NULL;
        if (named && !take(setting, base, error)) {
            return false;
        }
    }
    return true;
}
