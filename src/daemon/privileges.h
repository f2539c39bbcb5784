/* privileges.h - what each process may do: the parent three things, the worker nothing. */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include "base/error.h"

#include <sys/types.h>

/* The parent, once everything that needs root is done: it keeps its uid and CAP_SETUID, CAP_SETGID and CAP_KILL, and
 * can never get another one back. Does nothing for a parent that is not root. */
bool privileges_keep_few(struct error *error);

/* The worker's steps, in this order. */
bool privileges_become(uid_t uid, gid_t gid, struct error *error); /* for good; checked */
/* no_new_privs, and no capability in any set that can be emptied */
bool privileges_give_up(struct error *error);
/* no core file, no ptrace, /proc of root; dies with the parent */
bool privileges_hide(struct error *error);

/* As many descriptors as are allowed, at most `wanted`. Returns how many there are. */
size_t privileges_raise_files(size_t wanted);

#endif
