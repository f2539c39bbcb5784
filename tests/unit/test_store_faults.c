/* test_store_faults.c - the nth write or sync fails, n = 1, 2, … until none does; and nothing is reported before a sync.
 *
 * A layer between SQLite and the system counts what is written and synced, and fails what it is told to. */
#include "with_store.h"

#include <sqlite3.h>
#include <stdatomic.h>

static const struct statement ADD = {"INSERT INTO domain (name, created) VALUES ($1, $2)", 2, 0};
static const struct statement FIND = {"SELECT created FROM domain WHERE name = $1", 1, 1};

/* The layer. */

static struct {
    atomic_int log_syncs;    /* of the write-ahead log */
    atomic_int log_unsynced; /* writes to it since */
    atomic_int until_fault;  /* operations to go; 0: none planned */
    atomic_int faults;       /* that happened */
    atomic_int write_code;   /* what a failing write answers */
} disk;

struct file {
    sqlite3_file base;
    bool is_log;
    sqlite3_file *real;
};

static struct file *file_of(sqlite3_file *file)
{
    return (struct file *)file;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return file_of(file)->real;
}

static bool fault_now(void)
{
    if (atomic_load(&disk.until_fault) == 0 || atomic_fetch_sub(&disk.until_fault, 1) != 1) {
        return false;
    }
    atomic_fetch_add(&disk.faults, 1);
    return true;
}

static int layer_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 at)
{
    if (fault_now()) {
        /* Half of it is there, as after a power cut or on a disk that fills up. */
        real(file)->pMethods->xWrite(real(file), bytes, length / 2, at);
        return atomic_load(&disk.write_code);
    }
    if (file_of(file)->is_log) {
        atomic_fetch_add(&disk.log_unsynced, 1);
    }
    return real(file)->pMethods->xWrite(real(file), bytes, length, at);
}

static int layer_sync(sqlite3_file *file, int flags)
{
    if (fault_now()) {
        return SQLITE_IOERR_FSYNC;
    }
    int code = real(file)->pMethods->xSync(real(file), flags);
    if (file_of(file)->is_log) {
        atomic_store(&disk.log_unsynced, 0);
        atomic_fetch_add(&disk.log_syncs, 1);
    }
    return code;
}

static int layer_close(sqlite3_file *file)
{
    int code = real(file)->pMethods->xClose(real(file));
    memory_free(real(file));
    return code;
}

static int layer_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 at)
{
    return real(file)->pMethods->xRead(real(file), bytes, length, at);
}

static int layer_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return real(file)->pMethods->xTruncate(real(file), size);
}

static int layer_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real(file)->pMethods->xFileSize(real(file), size);
}

static int layer_lock(sqlite3_file *file, int lock)
{
    return real(file)->pMethods->xLock(real(file), lock);
}

static int layer_unlock(sqlite3_file *file, int lock)
{
    return real(file)->pMethods->xUnlock(real(file), lock);
}

static int layer_check_lock(sqlite3_file *file, int *locked)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), locked);
}

static int layer_control(sqlite3_file *file, int what, void *argument)
{
    return real(file)->pMethods->xFileControl(real(file), what, argument);
}

static int layer_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int layer_characteristics(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int layer_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **at)
{
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, at);
}

static int layer_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}

static void layer_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int layer_shm_unmap(sqlite3_file *file, int delete)
{
    return real(file)->pMethods->xShmUnmap(real(file), delete);
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
    .xClose = layer_close,
    .xRead = layer_read,
    .xWrite = layer_write,
    .xTruncate = layer_truncate,
    .xSync = layer_sync,
    .xFileSize = layer_size,
    .xLock = layer_lock,
    .xUnlock = layer_unlock,
    .xCheckReservedLock = layer_check_lock,
    .xFileControl = layer_control,
    .xSectorSize = layer_sector,
    .xDeviceCharacteristics = layer_characteristics,
    .xShmMap = layer_shm_map,
    .xShmLock = layer_shm_lock,
    .xShmBarrier = layer_shm_barrier,
    .xShmUnmap = layer_shm_unmap,
};

static sqlite3_vfs *below;

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                      int *flags_out)
{
    (void)vfs;
    sqlite3_file *opened = memory_new(1, (size_t)below->szOsFile);
    int code = below->xOpen(below, name, opened, flags, flags_out);
    if (code != SQLITE_OK) {
        memory_free(opened);
        file->pMethods = NULL;
        return code;
    }
    *file_of(file) = (struct file){{&METHODS}, (flags & SQLITE_OPEN_WAL) != 0, opened};
    return SQLITE_OK;
}

static int put_layer_in(void **state)
{
    (void)state;
    static sqlite3_vfs layer;
    below = sqlite3_vfs_find(NULL);
    assert_non_null(below);
    layer = *below;
    layer.zName = "layer";
    layer.szOsFile = sizeof(struct file);
    layer.xOpen = layer_open;
    layer.pNext = NULL;
    return sqlite3_vfs_register(&layer, 1) == SQLITE_OK ? 0 : -1;
}

static void plan_fault(int after, int write_code)
{
    atomic_store(&disk.faults, 0);
    atomic_store(&disk.write_code, write_code);
    atomic_store(&disk.until_fault, after);
}

/* The tests. */

static enum store_answer add(struct with_store *with, const char *name)
{
    struct store_change *change = store_change_new();
    const struct value row[] = {value_text(span_of(name)), value_integer(1)};
    store_change_add(change, &ADD, row, 1);
    return with_store_write(with, change);
}

static bool is_there(struct with_store *with, const char *name)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct value row, key = value_text(span_of(name));
    enum store_now now = store_lookup(with->store, &FIND, &key, &arena, &row);
    assert_int_not_equal(now, STORE_ASK);
    return now == STORE_ROW;
}

struct ordered {
    bool done;
    int unsynced, syncs;
};

static void on_ordered(const struct store_result *result, void *context)
{
    struct ordered *ordered = context;
    assert_int_equal(result->answer, STORE_DONE);
    ordered->unsynced = atomic_load(&disk.log_unsynced);
    ordered->syncs = atomic_load(&disk.log_syncs);
    ordered->done = true;
}

static void test_report_comes_after_the_sync(void **state)
{
    struct with_store *with = *state;
    char name[32];
    for (int i = 0; i < 50; i++) {
        struct ordered ordered = {0};
        int before = atomic_load(&disk.log_syncs);
        snprintf(name, sizeof name, "d%d.example", i);
        struct store_change *change = store_change_new();
        const struct value row[] = {value_text(span_of(name)), value_integer(1)};
        store_change_add(change, &ADD, row, 1);
        store_write_start(with->store, change, on_ordered, &ordered);
        with_store_wait(with, &ordered.done);
        assert_true(ordered.syncs > before);
        assert_int_equal(ordered.unsynced, 0);
    }
}

enum { CHANGES = 3, FAULTS_MAX = 500 };

/* What was said must be so: at once, and after opening again. */
static void compare(struct with_store *with, const enum store_answer answers[CHANGES])
{
    char name[32];
    for (int i = 0; i < CHANGES; i++) {
        snprintf(name, sizeof name, "d%d.example", i);
        bool there = is_there(with, name);
        switch (answers[i]) {
        case STORE_DONE:
            assert_true(there);
            break;
        case STORE_FAILED:
            assert_false(there);
            break;
        case STORE_UNKNOWN:
            break;
        case STORE_CONFLICT:
            fail_msg("a fault was taken for a conflict");
        }
    }
}

/* One round with a fault after `after` operations; false when it did not come to that. */
static bool run_round(struct with_store *with, int after, int write_code, int seen[STORE_DONE + 1])
{
    enum store_answer answers[CHANGES];
    char name[32];
    with_store_open(with);
    plan_fault(after, write_code);
    for (int i = 0; i < CHANGES; i++) {
        snprintf(name, sizeof name, "d%d.example", i);
        answers[i] = add(with, name);
        seen[answers[i]]++;
    }
    atomic_store(&disk.until_fault, 0);
    bool faulted = atomic_load(&disk.faults) > 0;
    compare(with, answers);
    assert_int_equal(add(with, "after.example"), STORE_DONE);
    with_store_close(with);
    with_store_open(with);
    compare(with, answers);
    assert_true(is_there(with, "after.example"));
    with_store_close(with);
    unlink(with->path);
    return faulted;
}

static void test_nth_operation_of_a_commit_fails(void **state)
{
    struct with_store *with = *state;
    const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE};
    with_store_close(with);
    unlink(with->path);
    for (size_t i = 0; i < 2; i++) {
        int seen[STORE_DONE + 1] = {0}, after = 1;
        while (run_round(with, after, codes[i], seen)) {
            after++;
            assert_true(after < FAULTS_MAX);
        }
        /* Every write and sync of three commits was tried: some failed whole, some at the sync. */
        assert_true(after > 2 * CHANGES);
        assert_true(seen[STORE_FAILED] > 0);
        assert_true(seen[STORE_UNKNOWN] > 0);
        assert_true(seen[STORE_DONE] > seen[STORE_UNKNOWN]);
    }
    with_store_open(with);
}

static void test_nth_operation_of_opening_fails(void **state)
{
    struct with_store *with = *state;
    with_store_close(with);
    for (int after = 1, faulted = 1; faulted > 0; after++) {
        struct error error = {""};
        unlink(with->path);
        struct loop *loop = loop_new();
        plan_fault(after, SQLITE_FULL);
        struct store *store = store_open(loop, with->where, 0, &error);
        atomic_store(&disk.until_fault, 0);
        faulted = atomic_load(&disk.faults);
        assert_true(store != NULL || error.text[0] != '\0');
        store_close(store);
        loop_free(loop);
        with_store_open(with);
        assert_int_equal(add(with, "after.example"), STORE_DONE);
        with_store_close(with);
        assert_true(after < FAULTS_MAX);
    }
    unlink(with->path);
    with_store_open(with);
}

/* The log is moved into the database when it has grown, without anyone hearing of its trouble. */
static void test_checkpoint_bounds_the_log(void **state)
{
    struct with_store *with = *state;
    char *big = memory_new(1, 100001), log[64];
    memset(big, 'x', 100000);
    snprintf(log, sizeof log, "%s-wal", with->path);
    for (int i = 0; i < 200; i++) { /* 20 MB */
        struct store_change *change = store_change_new();
        snprintf(big, 8, "%07d", i);
        big[7] = 'x';
        const struct value row[] = {value_text(span_of(big)), value_integer(1)};
        store_change_add(change, &ADD, row, 1);
        assert_int_equal(with_store_write(with, change), STORE_DONE);
    }
    memory_free(big);
    FILE *file = fopen(log, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    assert_in_range(ftell(file), 1, 8 * 1024 * 1024);
    fclose(file);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, with_store_setup, with_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_report_comes_after_the_sync),
        CASE(test_nth_operation_of_a_commit_fails),
        CASE(test_nth_operation_of_opening_fails),
        CASE(test_checkpoint_bounds_the_log),
    };
    return cmocka_run_group_tests(tests, put_layer_in, NULL);
}
