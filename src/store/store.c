/* store.c - opens the database and carries look-ups, reads and changes to it. */
#include "store/store.h"

#include "base/memory.h"
#include "store/migrate.h"
#include "store/store_change.h"
#include "store/store_queue.h"
#include "store/store_sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_MAX = 1000, PATH_LENGTH_MAX = 1000, LOCK_RETRY_MS = 20, READER_NICE = 10 };

struct store {
    struct loop *loop;
    char path[PATH_LENGTH_MAX + 1];
    int lock;
    struct store_sqlite *writer, *reader, *lookups;
    struct store_queue *writes, *reads;
    uint64_t failures; /* of look-ups */
    atomic_bool closing;
    atomic_uint_least64_t commits;
};

struct store_write {
    struct store_job job;
    struct store_change *change;
    store_write_fn *fn; /* NULL: nobody listens; the loop's */
    void *context;
    struct store_sqlite_outcome outcome;
};

struct store_read {
    struct store_job job;
    struct store *store;
    const struct statement *statement;
    const struct value *parameters; /* in `arena` */
    size_t rows_max;
    store_read_fn *fn; /* NULL: cancelled; the loop's */
    void *context;
    struct arena arena;
    struct store_rows rows;
    struct error error;
    bool failed;
};

/* Changes. */

static void run_writes(struct store_job *jobs, void *context)
{
    struct store *store = context;
    struct store_change *changes[BATCH_MAX];
    size_t count = 0;
    for (struct store_job *job = jobs; job != NULL; job = job->next) {
        changes[count++] = ((struct store_write *)job)->change;
    }
    struct store_sqlite_outcome *outcomes = memory_new(count, sizeof *outcomes);
    if (store_sqlite_commit(store->writer, changes, outcomes, count)) {
        atomic_fetch_add(&store->commits, 1);
    }
    count = 0;
    for (struct store_job *job = jobs; job != NULL; job = job->next) {
        ((struct store_write *)job)->outcome = outcomes[count++];
    }
    memory_free(outcomes);
}

static void after_writes(void *context)
{
    struct store *store = context;
    store_sqlite_checkpoint(store->writer);
}

static void report_write(struct store_job *job, void *context)
{
    struct store *store = context;
    struct store_write *write = (struct store_write *)job;
    const struct store_sqlite_outcome *outcome = &write->outcome;
    store_change_free(write->change);
    if (write->fn != NULL && !atomic_load(&store->closing)) {
        bool trouble = outcome->answer == STORE_UNKNOWN || outcome->answer == STORE_FAILED;
        struct store_result result = {
            .answer = outcome->answer,
            .failed_step = outcome->failed_step,
            .failure = trouble ? outcome->error.text : NULL,
        };
        write->fn(&result, write->context);
    }
    memory_free(write);
}

static const struct store_queue_work WRITES = {BATCH_MAX, 0, run_writes, after_writes,
                                               report_write};

struct store_write *store_write_start(struct store *store, struct store_change *taken,
                                      store_write_fn *fn, void *context)
{
    struct store_write *write = MEMORY_NEW(struct store_write);
    write->change = taken;
    write->fn = fn;
    write->context = context;
    if (store_queue_waiting(store->writes) < STORE_QUEUE_MAX) {
        store_queue_add(store->writes, &write->job);
    } else {
        write->outcome.answer = STORE_FAILED;
        write->outcome.failed_step = -1;
        error_set(&write->outcome.error, "%s: too many changes are waiting", store->path);
        store_queue_skip(store->writes, &write->job);
    }
    return write;
}

void store_write_forget(struct store_write *write)
{
    if (write != NULL) {
        write->fn = NULL;
    }
}

/* Reads. */

static void run_reads(struct store_job *jobs, void *context)
{
    struct store *store = context;
    for (struct store_job *job = jobs; job != NULL; job = job->next) {
        struct store_read *read = (struct store_read *)job;
        read->failed = atomic_load(&store->closing) ||
                       !store_sqlite_read(store->reader, read->statement, read->parameters,
                                          read->rows_max, &read->arena, &read->rows, &read->error);
    }
}

static void free_read(struct store_read *read)
{
    arena_done(&read->arena);
    memory_free(read);
}

static void report_read(struct store_job *job, void *context)
{
    struct store *store = context;
    struct store_read *read = (struct store_read *)job;
    if (read->fn != NULL && !atomic_load(&store->closing)) {
        struct store_rows failed = {.failure = read->error.text,
                                    .columns = read->statement->columns};
        read->fn(read->failed ? &failed : &read->rows, read->context);
    }
    free_read(read);
}

/* Lists give way to logins, which look up in the loop. */
static const struct store_queue_work READS = {1, READER_NICE, run_reads, NULL, report_read};

struct store_read *store_read_start(struct store *store, const struct statement *statement,
                                    const struct value *parameters, size_t rows_max,
                                    store_read_fn *fn, void *context)
{
    struct store_read *read = MEMORY_NEW(struct store_read);
    read->store = store;
    read->statement = statement;
    read->parameters = store_change_copy(&read->arena, statement, parameters);
    read->rows_max = rows_max;
    read->fn = fn;
    read->context = context;
    if (store_queue_waiting(store->reads) < STORE_QUEUE_MAX) {
        store_queue_add(store->reads, &read->job);
    } else {
        read->failed = true;
        error_set(&read->error, "%s: too many reads are waiting", store->path);
        store_queue_skip(store->reads, &read->job);
    }
    return read;
}

void store_read_cancel(struct store_read *read)
{
    if (read == NULL) {
        return;
    }
    read->fn = NULL;
    if (store_queue_remove(read->store->reads, &read->job)) {
        free_read(read);
    }
}

enum store_now store_lookup(struct store *store, const struct statement *statement,
                            const struct value *parameters, struct arena *arena, struct value *row)
{
    enum store_now now = store_sqlite_lookup(store->lookups, statement, parameters, arena, row);
    store->failures += now == STORE_ASK;
    return now;
}

uint64_t store_failures(const struct store *store)
{
    return store->failures;
}

const char *store_failure(const struct store *store)
{
    return store_sqlite_failure(store->lookups);
}

size_t store_writes_waiting(const struct store *store)
{
    return store_queue_waiting(store->writes);
}

size_t store_reads_waiting(const struct store *store)
{
    return store_queue_waiting(store->reads);
}

uint64_t store_commits(const struct store *store)
{
    return atomic_load(&store->commits);
}

/* Opening. */

/* Whoever may write into the directory may replace the database; whoever may read it has the hashes. */
static bool check_directory(const char *path, struct error *error)
{
    char copy[PATH_LENGTH_MAX + 1];
    struct stat status;
    snprintf(copy, sizeof copy, "%s", path);
    const char *directory = dirname(copy);
    if (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode)) {
        return error_set(error, "%s: there is no such directory: create it with mode 0700",
                         directory);
    }
    if ((status.st_mode & 0027) != 0) {
        return error_set(
            error,
            "%s: others can get into this directory (mode %04o), it holds passwords: chmod 0700 %s",
            directory, (unsigned)status.st_mode & 07777, directory);
    }
    if (status.st_uid != geteuid() && status.st_uid != 0) {
        return error_set(error, "%s: belongs to user %ld, not to ours (%ld)", directory,
                         (long)status.st_uid, (long)geteuid());
    }
    return true;
}

static bool try_lock(int fd, int64_t wait_ms)
{
    const struct timespec pause = {.tv_nsec = LOCK_RETRY_MS * 1000000L};
    for (int64_t waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited += LOCK_RETRY_MS) {
        if (waited >= wait_ms) {
            return false;
        }
        nanosleep(&pause, NULL);
    }
    return true;
}

static void read_holder(int fd, char *holder, size_t size)
{
    ssize_t length = pread(fd, holder, size - 1, 0);
    holder[length > 0 ? length : 0] = '\0';
    holder[strspn(holder, "0123456789")] = '\0';
}

/* One process at a time. The file stays when we go: removing it would let two hold "the" lock. */
static bool take_lock(struct store *store, int64_t wait_ms, struct error *error)
{
    char path[PATH_LENGTH_MAX + 16], pid[32];
    snprintf(path, sizeof path, "%s.lock", store->path);
    store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock < 0) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    if (!try_lock(store->lock, wait_ms)) {
        read_holder(store->lock, pid, sizeof pid);
        return error_set(error, "%s is in use by process %s (it holds %s)", store->path,
                         pid[0] == '\0' ? "?" : pid, path);
    }
    int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(store->lock, 0) != 0 || pwrite(store->lock, pid, (size_t)length, 0) != length) {
        return error_set(error, "%s: cannot be written: %s", path, strerror(errno));
    }
    return true;
}

/* SQLite would create it with the mode of the umask, and sync its directory only later. */
static bool create_file(const char *path, struct error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    close(fd);
    char copy[PATH_LENGTH_MAX + 1];
    snprintf(copy, sizeof copy, "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return synced ||
           error_set(error, "%s: its directory cannot be synced: %s", path, strerror(errno));
}

static bool open_database(struct store *store, struct error *error)
{
    size_t count;
    const struct migration *steps = migrate_steps(&count);
    store->writer = store_sqlite_open(store->path, STORE_SQLITE_WRITER, error);
    if (store->writer == NULL) {
        return false;
    }
    if (!migrate_run(store->writer, steps, count, loop_wall(store->loop), error)) {
        return error_prefix(error, "%s: ", store->path);
    }
    store->reader = store_sqlite_open(store->path, STORE_SQLITE_READER, error);
    store->lookups =
        store->reader == NULL ? NULL : store_sqlite_open(store->path, STORE_SQLITE_LOOP, error);
    return store->lookups != NULL;
}

static bool set_path(struct store *store, const char *where, struct error *error)
{
    static const char scheme[] = "sqlite:";
    if (strncmp(where, scheme, sizeof scheme - 1) != 0) {
        return error_set(error, "the store must be \"sqlite:/PATH\"");
    }
    const char *path = where + sizeof scheme - 1;
    if (path[0] != '/' || strlen(path) > PATH_LENGTH_MAX || path[strlen(path) - 1] == '/') {
        return error_set(error, "the store must be \"sqlite:\" and the absolute path of a file");
    }
    snprintf(store->path, sizeof store->path, "%s", path);
    return true;
}

struct store *store_open(struct loop *loop, const char *where, int64_t wait_ms, struct error *error)
{
    struct store *store = MEMORY_NEW(struct store);
    store->loop = loop;
    store->lock = -1;
    if (!set_path(store, where, error) || !check_directory(store->path, error) ||
        !take_lock(store, wait_ms, error) || !create_file(store->path, error) ||
        !open_database(store, error)) {
        store_close(store);
        return NULL;
    }
    store->writes = store_queue_new(loop, &WRITES, store);
    store->reads = store_queue_new(loop, &READS, store);
    return store;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    atomic_store(&store->closing, true);
    if (store->reader != NULL) {
        store_sqlite_interrupt(store->reader);
    }
    store_queue_free(store->reads);
    store_queue_free(store->writes);
    store_sqlite_close(store->lookups);
    store_sqlite_close(store->reader);
    store_sqlite_close(store->writer);
    if (store->lock >= 0) {
        close(store->lock);
    }
    memory_free(store);
}
