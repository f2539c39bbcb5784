/* shared_files.h - the two files by which Dovecot knows who may use which shared mailbox.
 *
 *   acl                a global ACL file: what each member may do in Shared/<address> and below it
 *   shared-mailboxes   a dict: for whom the mailboxes of which owners stand in LIST
 *
 * Dovecot looks at both again when they have changed, a second later at most: no reload, no restart. They are
 * written whole, each at once by a rename, when the program starts and soon after a change that concerns
 * groups or addresses; one that would be as it was is left alone. A member may list and read (lr), also set \Seen (lrs),
 * or do everything but give rights away (lrwstipekx). */
#ifndef MAIL_SHARED_FILES_H
#define MAIL_SHARED_FILES_H

#include "account/group_rows.h"
#include "base/log.h"

struct shared_files_settings {
    const char *directory; /* is ours to write to; who may read the files may enter it; copied */
    int64_t wait_ms;  /* how long changes are gathered before they are written, at least (200) */
    size_t bytes_max; /* of a file; beyond it nothing is written, and the log says so (64 MiB) */
};

struct shared_files;
/* Writes once, soon. Everything but the settings is the caller's and outlives it. */
struct shared_files *shared_files_new(struct loop *loop, const struct log *log, struct store *store,
                                      const struct shared_files_settings *settings);
/* Something changed. A changes_groups_fn, its context the files. */
void shared_files_touch(void *context);
void shared_files_free(struct shared_files *files); /* takes NULL */

#endif
