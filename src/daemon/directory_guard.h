/* directory_guard.h - directories that only root can write to, and what is put into them. */
#ifndef DAEMON_DIRECTORY_GUARD_H
#define DAEMON_DIRECTORY_GUARD_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

/* Opens `path` (absolute), making its last part with `mode` and `gid` (-1: ours) when it is missing. It and all above
 * it must belong to root or to us, and be writable by nobody else (above it: or have the sticky bit). -1
 * and an error otherwise. The caller closes. */
int directory_guard_open(const char *path, mode_t mode, int64_t gid, struct error *error);
bool directory_guard_exists(const char *path);

/* A listening UNIX socket `name` in the directory `fd`, whose path is `path`. Born with `mode` minus what umask
 * takes, then given to `uid` and `gid` (-1: ours). -1 and an error. */
struct directory_guard_socket {
    int directory;
    const char *path, *name; /* of the directory; of the socket in it */
    mode_t mode;
    int64_t uid, gid;
    int64_t wait_ms; /* how long to wait for a predecessor that still listens */
};
int directory_guard_listen(const struct directory_guard_socket *wanted, struct error *error);

/* Makes `name` in the directory `fd` a symlink to `target`, at once. In the place of a symlink or of a socket that
 * nobody listens on; anything else there is an error. */
bool directory_guard_link(int directory, const char *path, const char *name, const char *target,
                          struct error *error);

#endif
