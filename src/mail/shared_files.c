/* shared_files.c - the two files by which Dovecot knows who may use which shared mailbox. */
#include "mail/shared_files.h"

#include "base/digest.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 500, RETRY_MS = 5000, FILES = 2, SHARE_OF_TIME = 10 };

enum which { ACL, BOXES };

static const char *const NAMES[FILES] = {[ACL] = "acl", [BOXES] = "shared-mailboxes"};

struct shared_files {
    const struct log *log;
    struct store *store;
    struct shared_files_settings settings;
    char *directory;
    struct loop_timer *timer;
    struct loop *loop;
    struct store_read *read;
    struct moment begun; /* the last round */
    int64_t took_ms;
    bool again; /* something changed while it was read */
    struct address mailbox, member;
    size_t left_out;
    struct buffer text[FILES];
    struct digest written[FILES];
    bool there[FILES]; /* `written` is what it holds */
};

/* -- lines -- */

static const char *rights_of(enum group_rows_rights rights)
{
    switch (rights) {
    case GROUP_ROWS_LOOK:
        return "lr";
    case GROUP_ROWS_LOOK_AND_MARK:
        return "lrs";
    case GROUP_ROWS_FULL:
        return "lrwstipekx";
    }
    return "";
}

/* In Dovecot's file the mailbox is a pattern: such a name would open those of others. */
static bool is_plain(struct span name)
{
    return !span_has(name, '*') && !span_has(name, '?') && !span_has(name, '"');
}

static void add_access(struct shared_files *files, const struct group_rows_access *access)
{
    const char *mailbox = access->mailbox.text, *member = access->member.text;
    const char *rights = rights_of(access->rights);
    if (!is_plain(span_of(mailbox)) || !is_plain(span_of(member))) {
        files->left_out++;
        return;
    }
    buffer_format(&files->text[ACL], "Shared/%s user=%s %s\nShared/%s/* user=%s %s\n", mailbox,
                  member, rights, mailbox, member, rights);
    buffer_format(&files->text[BOXES], "shared/shared-boxes/user/%s/%s\n1\n", member, mailbox);
}

/* -- files -- */

static bool write_all(int fd, struct span bytes)
{
    while (!span_empty(bytes)) {
        ssize_t count = write(fd, bytes.at, bytes.length);
        if (count <= 0) {
            return false;
        }
        bytes = span_from(bytes, (size_t)count);
    }
    return true;
}

/* Whoever reads it sees the old one or the new one. Not synced: the next start writes it again. */
static bool replace(int directory, const char *name, struct span text)
{
    char fresh[32];
    snprintf(fresh, sizeof fresh, "%s.new", name);
    unlinkat(directory, fresh, 0);
    int fd = openat(directory, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool good = fd >= 0 && fchmod(fd, 0644) == 0 && write_all(fd, text);
    int reason = errno;
    if (fd >= 0 && close(fd) != 0) {
        good = false;
        reason = errno;
    }
    if (good && renameat(directory, fresh, directory, name) != 0) {
        good = false;
        reason = errno;
    }
    errno = reason;
    return good;
}

static bool write_file(struct shared_files *files, int directory, enum which which)
{
    struct span text = buffer_span(&files->text[which]);
    struct digest digest = digest_sha256(text);
    if (files->there[which] && digest_equal(&digest, &files->written[which])) {
        return true;
    }
    files->there[which] = replace(directory, NAMES[which], text);
    files->written[which] = digest;
    return files->there[which];
}

/* The rights first: a mailbox that stands in LIST can be opened. */
static bool write_files(struct shared_files *files)
{
    int directory = open(files->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good =
        directory >= 0 && write_file(files, directory, ACL) && write_file(files, directory, BOXES);
    if (!good) {
        log_error(files->log, "shared_files_failed", log_text("directory", files->directory),
                  log_text("reason", strerror(errno)));
    }
    if (directory >= 0) {
        close(directory);
    }
    return good;
}

/* -- reading -- */

static void read_page(struct shared_files *files);

/* Where very many share, a tenth of the time is spent on it at most. */
static int64_t pause_of(const struct shared_files *files)
{
    int64_t pause = files->took_ms * SHARE_OF_TIME;
    return pause > files->settings.wait_ms ? pause : files->settings.wait_ms;
}

static void end_round(struct shared_files *files, bool good)
{
    files->took_ms = moment_since(loop_now(files->loop), files->begun);
    for (size_t i = 0; i < FILES; i++) {
        buffer_done(&files->text[i]);
    }
    if (!good || files->again) {
        loop_timer_set(files->timer, good ? pause_of(files) : RETRY_MS);
    }
}

static void finish_round(struct shared_files *files)
{
    if (buffer_full(&files->text[ACL]) || buffer_full(&files->text[BOXES])) {
        log_error(files->log, "shared_files_failed", log_text("directory", files->directory),
                  log_text("reason", "there are too many members of shared mailboxes"));
        end_round(files, true);
        return;
    }
    if (files->left_out > 0) {
        log_warning(files->log, "shared_files_left_out",
                    log_number("count", (int64_t)files->left_out),
                    log_text("reason", "Dovecot would take * and ? in an address for others"));
    }
    end_round(files, write_files(files));
}

static void on_page(const struct store_rows *rows, void *context)
{
    struct shared_files *files = context;
    files->read = NULL;
    if (rows->failure != NULL) {
        log_error(files->log, "shared_files_failed", log_text("directory", files->directory),
                  log_text("reason", rows->failure));
        end_round(files, false);
        return;
    }
    for (size_t row = 0; row < rows->rows; row++) {
        struct group_rows_access access = {0};
        group_rows_read_access(rows, row, &access);
        add_access(files, &access);
        files->mailbox = access.mailbox;
        files->member = access.member;
    }
    if (rows->rows == PAGE) {
        read_page(files);
    } else {
        finish_round(files);
    }
}

static void read_page(struct shared_files *files)
{
    files->read = group_rows_accesses(files->store, address_span(&files->mailbox),
                                      address_span(&files->member), PAGE, on_page, files);
}

static void on_time(void *context)
{
    struct shared_files *files = context;
    files->again = false;
    files->left_out = 0;
    files->begun = loop_now(files->loop);
    files->mailbox = files->member = (struct address){0};
    for (size_t i = 0; i < FILES; i++) {
        files->text[i] = buffer_limited(files->settings.bytes_max);
    }
    read_page(files);
}

/* -- the door -- */

void shared_files_touch(void *context)
{
    struct shared_files *files = context;
    if (files->read != NULL) {
        files->again = true;
    } else if (!loop_timer_pending(files->timer)) {
        loop_timer_set(files->timer, pause_of(files));
    }
}

struct shared_files *shared_files_new(struct loop *loop, const struct log *log, struct store *store,
                                      const struct shared_files_settings *settings)
{
    struct shared_files *files = MEMORY_NEW(struct shared_files);
    files->loop = loop;
    files->log = log;
    files->store = store;
    files->settings = *settings;
    files->directory = memory_text(settings->directory);
    files->timer = loop_timer_new(loop, on_time, files);
    loop_timer_set(files->timer, 0);
    return files;
}

void shared_files_free(struct shared_files *files)
{
    if (files == NULL) {
        return;
    }
    store_read_cancel(files->read);
    loop_timer_free(files->timer);
    for (size_t i = 0; i < FILES; i++) {
        buffer_done(&files->text[i]);
    }
    memory_free(files->directory);
    memory_free(files);
}
