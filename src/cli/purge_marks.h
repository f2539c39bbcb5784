/* purge_marks.h - which mailboxes are being removed: what a purge that was cut short left to do.
 *
 * A mark is an empty file <mail root>/.postern-purge/<account id>, made before the daemon is told that the mail is gone and
 * removed after it is. It says nothing but the id: the daemon knows where that account's mail lies, and whether it was purged. The
 * directory is root's, and locked: one purge runs at a time. */
#ifndef CLI_PURGE_MARKS_H
#define CLI_PURGE_MARKS_H

#include "base/error.h"
#include "base/uuid.h"

#include <stddef.h>

#define PURGE_MARKS_NAME ".postern-purge"

struct purge_marks {
    int root, fd; /* the mail root and the directory of marks; -1: none */
};

/* Makes the directory where there is none, unless it only `looks`. false: not to be had, or another purge runs. */
bool purge_marks_open(struct purge_marks *marks, int root, bool looks, struct error *error);
/* The ids that are marked, in memory_new(); false: unreadable. */
bool purge_marks_list(const struct purge_marks *marks, char (**ids)[UUID_SIZE], size_t *count,
                      struct error *error);
bool purge_marks_set(const struct purge_marks *marks, const char *id, struct error *error);
void purge_marks_clear(const struct purge_marks *marks, const char *id);
void purge_marks_close(struct purge_marks *marks); /* an empty directory goes; for CLEANUP() */

#endif
