/* purge_tree.c - takes a directory tree away, and nothing beside it. */
#include "cli/purge_tree.h"

#include "base/memory.h"
#include "base/span.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 100,
    ROUNDS_MAX = 100, /* while something is still being added */
    OPEN_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
};

static void close_directory(DIR **directory)
{
    if (*directory != NULL) {
        closedir(*directory);
    }
}

static bool failed(struct error *error, const char *name)
{
    return error_set(error, "%s: %s", name, strerror(errno));
}

static bool empty_directory(int fd, dev_t device, int depth, struct error *error);

/* Opens `name` as a directory of the same file system; the caller's to close. -1: failed. */
static int open_inner(int parent, const char *name, dev_t device, struct error *error)
{
    struct stat status;
    int fd = openat(parent, name, OPEN_FLAGS);
    if (fd < 0) {
        failed(error, name);
        return -1;
    }
    if (fstat(fd, &status) != 0 || status.st_dev != device) {
        error_set(error, "%s: is another file system: remove it by hand", name);
        close(fd);
        return -1;
    }
    return fd;
}

static bool remove_directory(int parent, const char *name, dev_t device, int depth,
                             struct error *error)
{
    if (depth >= DEPTH_MAX) {
        return error_set(error, "%s: more than %d directories deep", name, DEPTH_MAX);
    }
    int fd = open_inner(parent, name, device, error);
    if (fd < 0 || !empty_directory(fd, device, depth + 1, error)) {
        return false;
    }
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT || failed(error, name);
}

/* A file, a link, a socket: gone at once. */
static bool remove_entry(int parent, const char *name, dev_t device, int depth, struct error *error)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) {
        return true;
    }
    return errno == EISDIR ? remove_directory(parent, name, device, depth, error)
                           : failed(error, name);
}

static bool is_self(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* One pass over the entries; `found` tells whether there were any. */
static bool empty_once(DIR *directory, dev_t device, int depth, bool *found, struct error *error)
{
    *found = false;
    rewinddir(directory);
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            return errno == 0 || failed(error, "reading a directory");
        }
        if (is_self(entry->d_name)) {
            continue;
        }
        *found = true;
        if (!remove_entry(dirfd(directory), entry->d_name, device, depth, error)) {
            return false;
        }
    }
}

/* Takes over `fd`. */
static bool empty_directory(int fd, dev_t device, int depth, struct error *error)
{
    bool found = true;
    CLEANUP(close_directory) DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return failed(error, "opening a directory");
    }
    for (int round = 0; found && round < ROUNDS_MAX; round++) {
        if (!empty_once(directory, device, depth, &found, error)) {
            return false;
        }
    }
    return !found || error_set(error, "something is still being written there");
}

/* The directory that holds the last part of `path`, which becomes `last`; the caller's to close. -1: see errno. */
static int open_parent(int root, const char *path, char last[NAME_MAX + 1])
{
    struct span rest = span_of(path), part;
    int at = openat(root, ".", OPEN_FLAGS);
    last[0] = '\0';
    while (at >= 0 && span_cut(&rest, '/', &part)) {
        if (!span_fits(part, last, NAME_MAX + 1) || span_empty(part) || is_self(last)) {
            errno = EINVAL;
            close(at);
            return -1;
        }
        if (rest.at == NULL) {
            return at;
        }
        int next = openat(at, last, OPEN_FLAGS);
        int why = errno;
        close(at);
        errno = why;
        at = next;
    }
    return at;
}

enum purge_tree_result purge_tree(int root, const char *path, struct error *error)
{
    char last[NAME_MAX + 1];
    struct stat status;
    assert(path[0] != '\0' && path[0] != '/');
    int parent = open_parent(root, path, last);
    if (parent < 0 || fstatat(parent, last, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        int why = errno;
        if (parent >= 0) {
            close(parent);
        }
        errno = why;
        failed(error, path);
        return why == ENOENT ? PURGE_TREE_MISSING : PURGE_TREE_FAILED;
    }
    bool removed = S_ISDIR(status.st_mode)
                       ? remove_directory(parent, last, status.st_dev, 0, error)
                       : error_set(error, "%s: is no directory: remove it by hand", path);
    close(parent);
    return removed ? PURGE_TREE_REMOVED : PURGE_TREE_FAILED;
}
