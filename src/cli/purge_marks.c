/* purge_marks.c - which mailboxes are being removed. */
#include "cli/purge_marks.h"

#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool failed(struct error *error)
{
    return error_set(error, "%s in mail.root: %s", PURGE_MARKS_NAME, strerror(errno));
}

/* Root's own, or somebody else could say what is to be removed. */
static bool is_ours(int fd, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return failed(error);
    }
    return (status.st_uid == geteuid() && (status.st_mode & 022) == 0) ||
           error_set(error, "%s in mail.root is not root's alone: look at it, then remove it",
                     PURGE_MARKS_NAME);
}

bool purge_marks_open(struct purge_marks *marks, int root, bool looks, struct error *error)
{
    *marks = (struct purge_marks){root, -1};
    if (!looks && mkdirat(root, PURGE_MARKS_NAME, 0700) != 0 && errno != EEXIST) {
        return failed(error);
    }
    marks->fd = openat(root, PURGE_MARKS_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (marks->fd < 0) {
        return (looks && errno == ENOENT) || failed(error);
    }
    bool good = is_ours(marks->fd, error) &&
                (flock(marks->fd, LOCK_EX | LOCK_NB) == 0 ||
                 error_set(error, "another purge is running: wait for its end"));
    if (!good) {
        close(marks->fd); /* not ours to take away */
        marks->fd = -1;
    }
    return good;
}

bool purge_marks_list(const struct purge_marks *marks, char (**ids)[UUID_SIZE], size_t *count,
                      struct error *error)
{
    *ids = NULL;
    *count = 0;
    int copy = marks->fd < 0 ? -1 : openat(marks->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);
    if (directory == NULL) {
        return marks->fd < 0 || failed(error);
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        struct span name = span_of(entry->d_name);
        if (uuid_valid(name)) {
            *ids = memory_resize(*ids, (*count + 1) * UUID_SIZE);
            (void)span_fits(name, (*ids)[(*count)++], UUID_SIZE);
        }
    }
    closedir(directory);
    return true;
}

bool purge_marks_set(const struct purge_marks *marks, const char *id, struct error *error)
{
    int fd = openat(marks->fd, id, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return failed(error);
    }
    close(fd);
    return fsync(marks->fd) == 0 || failed(error);
}

void purge_marks_clear(const struct purge_marks *marks, const char *id)
{
    (void)unlinkat(marks->fd, id, 0);
}

void purge_marks_close(struct purge_marks *marks)
{
    if (marks->fd >= 0) {
        (void)unlinkat(marks->root, PURGE_MARKS_NAME,
                       AT_REMOVEDIR); /* refused while marks are in it */
        close(marks->fd);
    }
    marks->fd = -1;
}
