/* test_store.c - changes that are there when they were reported, and only then. */
#include "with_store.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const struct statement ADD = {"INSERT INTO domain (name, created) VALUES ($1, $2)", 2, 0};
static const struct statement SET = {
    "UPDATE domain SET created = $1 WHERE name = $2 AND created < $1", 2, 0};
static const struct statement FIND = {"SELECT name, created, NULL FROM domain WHERE name = $1", 1,
                                      3};
static const struct statement LIST = {
    "SELECT name, created FROM domain WHERE name > $1 ORDER BY name", 1, 2};
static const struct statement HOLD = {
    "INSERT INTO address (address, domain, account_id, kind, created) VALUES ($1, '', $2, 0, 0)", 2,
    0};

static struct store_change *adding(const char *name, int64_t created)
{
    struct store_change *change = store_change_new();
    char copy[64];
    snprintf(copy, sizeof copy, "%s", name);
    const struct value row[] = {value_text(span_of(copy)), value_integer(created)};
    store_change_add(change, &ADD, row, 1);
    memset(copy, 'x', sizeof copy); /* the change owns copies */
    return change;
}

static int64_t created_of(struct with_store *with, const char *name)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct value row[3], key = value_text(span_of(name));
    switch (store_lookup(with->store, &FIND, &key, &arena, row)) {
    case STORE_ROW:
        assert_true(span_is(row[0].text, name));
        assert_int_equal(row[2].type, STORE_NULL);
        return row[1].integer;
    case STORE_NONE:
        return -1;
    case STORE_ASK:
        break;
    }
    fail_msg("%s", store_failure(with->store));
    return -2;
}

static void test_change_is_seen_when_reported(void **state)
{
    struct with_store *with = *state;
    assert_int_equal(created_of(with, "example.com"), -1);
    assert_int_equal(with_store_write(with, adding("example.com", 7)), STORE_DONE);
    assert_int_equal(created_of(with, "example.com"), 7);
    with_store_close(with);
    with_store_open(with);
    assert_int_equal(created_of(with, "example.com"), 7);
}

static void test_callback_comes_later_and_forgotten_changes_commit(void **state)
{
    struct with_store *with = *state;
    struct with_store_answer heard = {0}, unheard = {0};
    struct store_write *forgotten =
        store_write_start(with->store, adding("a.example", 1), with_store_on_write, &unheard);
    store_write_forget(forgotten);
    store_write_start(with->store, adding("b.example", 2), with_store_on_write, &heard);
    assert_false(heard.done);
    with_store_wait(with, &heard.done);
    assert_false(unheard.done);
    assert_int_equal(created_of(with, "a.example"), 1);
}

static void test_close_finishes_what_is_queued(void **state)
{
    struct with_store *with = *state;
    struct with_store_answer unheard = {0};
    char name[32];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "d%d.example", i);
        store_write_start(with->store, adding(name, i), with_store_on_write, &unheard);
    }
    with_store_close(with);
    assert_false(unheard.done);
    with_store_open(with);
    assert_int_equal(created_of(with, "d99.example"), 99);
}

enum { MANY = 64 };

static void test_waiting_changes_share_a_commit(void **state)
{
    struct with_store *with = *state;
    struct with_store_answer answers[MANY] = {0};
    uint64_t before = store_commits(with->store);
    char name[32];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "d%d.example", i);
        store_write_start(with->store, adding(name, i), with_store_on_write, &answers[i]);
    }
    for (int i = 0; i < MANY; i++) {
        with_store_wait(with, &answers[i].done);
        assert_int_equal(answers[i].result.answer, STORE_DONE);
    }
    /* The first may be alone; the rest queued while it waited for the disk. */
    assert_in_range(store_commits(with->store) - before, 1, MANY / 4);
}

static void test_conflict_undoes_one_change_alone(void **state)
{
    struct with_store *with = *state;
    assert_int_equal(with_store_write(with, adding("taken.example", 5)), STORE_DONE);
    struct with_store_answer answers[5] = {0};
    struct store_change *changes[5] = {adding("a.example", 1), adding("b.example", 2),
                                       adding("c.example", 3), adding("d.example", 4),
                                       adding("e.example", 5)};
    const struct value duplicate[] = {value_text(span_of("taken.example")), value_integer(1)};
    const struct value stale[] = {value_integer(5), value_text(span_of("taken.example"))};
    const struct value dangling[] = {value_text(span_of("x@a.example")),
                                     value_text(span_of("nobody"))};
    store_change_add(changes[1], &ADD, duplicate, 1); /* a uniqueness rule */
    store_change_add(changes[2], &SET, stale, 1);     /* touches no row */
    store_change_add(changes[3], &HOLD, dangling, 1); /* refers to nothing */
    for (int i = 0; i < 5; i++) {
        store_write_start(with->store, changes[i], with_store_on_write, &answers[i]);
    }
    for (int i = 0; i < 5; i++) {
        bool good = i == 0 || i == 4;
        with_store_wait(with, &answers[i].done);
        assert_int_equal(answers[i].result.answer, good ? STORE_DONE : STORE_CONFLICT);
        assert_int_equal(answers[i].result.failed_step, good ? -1 : 1);
        assert_null(answers[i].result.failure);
    }
    assert_int_equal(created_of(with, "a.example"), 1);
    assert_int_equal(created_of(with, "b.example"), -1);
    assert_int_equal(created_of(with, "c.example"), -1);
    assert_int_equal(created_of(with, "d.example"), -1);
    assert_int_equal(created_of(with, "e.example"), 5);
}

static void test_rows_expected(void **state)
{
    struct with_store *with = *state;
    static const struct statement all = {"UPDATE domain SET created = 9", 0, 0};
    with_store_write(with, adding("a.example", 1));
    with_store_write(with, adding("b.example", 1));
    struct store_change *any = store_change_new(), *one = store_change_new(),
                        *none = store_change_new();
    store_change_add(one, &all, NULL, 1);
    assert_int_equal(with_store_write(with, one), STORE_CONFLICT);
    assert_int_equal(created_of(with, "a.example"), 1);
    store_change_add(any, &all, NULL, -1);
    assert_int_equal(with_store_write(with, any), STORE_DONE);
    assert_int_equal(created_of(with, "a.example"), 9);
    assert_int_equal(with_store_write(with, none), STORE_DONE);
}

/* Reads. */

struct seen {
    bool done;
    bool failed;
    size_t rows;
    char first[32], last[32];
};

static void on_rows(const struct store_rows *rows, void *context)
{
    struct seen *seen = context;
    seen->done = true;
    seen->failed = rows->failure != NULL;
    seen->rows = rows->rows;
    if (rows->rows > 0) {
        assert_true(span_fits(rows->values[0].text, seen->first, sizeof seen->first));
        assert_true(span_fits(rows->values[(rows->rows - 1) * rows->columns].text, seen->last,
                              sizeof seen->last));
    }
}

static void test_reads_stop_at_their_limit(void **state)
{
    struct with_store *with = *state;
    char name[32];
    struct with_store_answer answers[MANY] = {0};
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "d%02d.example", i);
        store_write_start(with->store, adding(name, i), with_store_on_write, &answers[i]);
    }
    with_store_wait(with, &answers[MANY - 1].done);
    struct seen all = {0}, page = {0}, none = {0}, cancelled = {0};
    struct value from = value_text(SPAN_LITERAL("")),
                 middle = value_text(SPAN_LITERAL("d09.example"));
    store_read_start(with->store, &LIST, &from, 1000, on_rows, &all);
    store_read_start(with->store, &LIST, &middle, 10, on_rows, &page);
    struct store_read *dropped =
        store_read_start(with->store, &LIST, &from, 10, on_rows, &cancelled);
    store_read_start(with->store, &LIST, &from, 0, on_rows, &none);
    store_read_cancel(dropped);
    store_read_cancel(NULL);
    assert_false(all.done);
    with_store_wait(with, &none.done);
    assert_int_equal(all.rows, MANY);
    assert_int_equal(page.rows, 10);
    assert_string_equal(page.first, "d10.example");
    assert_string_equal(page.last, "d19.example");
    assert_int_equal(none.rows, 0);
    assert_false(cancelled.done);
}

static void test_close_drops_reads(void **state)
{
    struct with_store *with = *state;
    static const struct statement endless = {
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT COUNT(*) FROM n",
        0, 1};
    struct seen seen = {0};
    store_read_start(with->store, &endless, NULL, 1, on_rows, &seen);
    store_read_start(with->store, &endless, NULL, 1, on_rows, &seen);
    with_store_close(with);
    assert_false(seen.done);
    with_store_open(with);
}

/* Opening. */

static void refuse(struct with_store *with, const char *where, const char *expected)
{
    struct error error = {""};
    struct loop *loop = loop_new();
    assert_null(store_open(loop, where, 0, &error));
    loop_free(loop);
    if (strstr(error.text, expected) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", expected, error.text);
    }
    (void)with;
}

static void test_second_owner_is_refused_by_name(void **state)
{
    struct with_store *with = *state;
    char expected[64];
    snprintf(expected, sizeof expected, "in use by process %ld", (long)getpid());
    refuse(with, with->where, expected);
}

static void test_lock_is_waited_for(void **state)
{
    struct with_store *with = *state;
    with_store_close(with);
    char path[64], byte;
    int ready[2];
    snprintf(path, sizeof path, "%s.lock", with->path);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path, O_RDWR);
        bool locked = flock(fd, LOCK_EX) == 0 && write(ready[1], "x", 1) == 1;
        poll(NULL, 0, 200); /* holds it for a while: what is being tested */
        _exit(locked ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    refuse(with, with->where, "in use by process");
    struct error error;
    with->loop = loop_new();
    with->store = store_open(with->loop, with->where, 20000, &error);
    assert_non_null(with->store);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ready[0]);
    close(ready[1]);
}

static void test_directory_of_others_is_refused(void **state)
{
    struct with_store *with = *state;
    with_store_close(with);
    chmod(with->directory, 0755);
    refuse(with, with->where, "chmod 0700");
    chmod(with->directory, 0720);
    refuse(with, with->where, "chmod 0700");
    chmod(with->directory, 0700);
    refuse(with, "sqlite:/nowhere/at/all.db", "no such directory");
    refuse(with, "sqlite:a.db", "absolute path");
    refuse(with, "mysql://x", "sqlite:/PATH");
    with_store_open(with);
    struct stat status;
    assert_int_equal(stat(with->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void damage(const struct with_store *with, off_t at, size_t length)
{
    int fd = open(with->path, O_WRONLY);
    assert_true(fd >= 0);
    char *junk = memory_new(1, length);
    memset(junk, 0xa5, length);
    assert_int_equal(pwrite(fd, junk, length, at), length);
    memory_free(junk);
    close(fd);
}

static void test_damaged_database_is_refused(void **state)
{
    struct with_store *with = *state;
    with_store_close(with);
    damage(with, 0, 4096);
    refuse(with, with->where, "put a copy from a backup in its place");
    unlink(with->path);
    with_store_open(with);
}

static void test_damaged_page_is_trouble_not_absence(void **state)
{
    struct with_store *with = *state;
    assert_int_equal(with_store_write(with, adding("example.com", 1)), STORE_DONE);
    with_store_close(with);
    struct stat status;
    assert_int_equal(stat(with->path, &status), 0);
    damage(with, 4096, (size_t)status.st_size - 4096);
    struct error error;
    struct loop *loop = loop_new();
    struct store *store = store_open(loop, with->where, 0, &error);
    if (store != NULL) {
        CLEANUP(arena_done) struct arena arena = {0};
        struct value row[3], key = value_text(SPAN_LITERAL("example.com"));
        assert_int_equal(store_lookup(store, &FIND, &key, &arena, row), STORE_ASK);
        assert_non_null(strstr(store_failure(store), "malformed"));
        store_close(store);
    }
    loop_free(loop);
    unlink(with->path);
    with_store_open(with);
}

/* Trouble with the disk: the log cannot grow any further. */
static void test_full_disk_fails_and_heals(void **state)
{
    struct with_store *with = *state;
    char *big = memory_new(1, 200001), log[64];
    memset(big, 'x', 200000);
    assert_int_equal(with_store_write(with, adding("before.example", 1)), STORE_DONE);
    snprintf(log, sizeof log, "%s-wal", with->path);
    struct stat status;
    struct rlimit before, small;
    assert_int_equal(stat(log, &status), 0);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){(rlim_t)status.st_size + 50000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    struct with_store_answer first = {0}, second = {0};
    struct store_change *large = store_change_new();
    const struct value row[] = {value_text(span_of(big)), value_integer(1)};
    store_change_add(large, &ADD, row, 1);
    store_write_start(with->store, large, with_store_on_write, &first);
    store_write_start(with->store, adding("taken.example", 1), with_store_on_write, &second);
    with_store_wait(with, &second.done);
    assert_int_equal(first.result.answer, STORE_FAILED);
    assert_non_null(strstr(first.failure, with->path));
    assert_int_equal(created_of(with, "before.example"), 1);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    memory_free(big);
    assert_int_equal(with_store_write(with, adding("after.example", 2)), STORE_DONE);
    assert_int_equal(created_of(with, "after.example"), 2);
    bool there = second.result.answer == STORE_DONE;
    with_store_close(with);
    with_store_open(with);
    assert_int_equal(created_of(with, "after.example"), 2);
    assert_int_equal(created_of(with, "taken.example"), there ? 1 : -1);
}

static void test_long_queue_is_refused_later(void **state)
{
    struct with_store *with = *state;
    struct with_store_answer *answers = memory_new(STORE_QUEUE_MAX + 3000, sizeof *answers);
    char name[32];
    int failed = 0;
    for (int i = 0; i < STORE_QUEUE_MAX + 3000; i++) {
        snprintf(name, sizeof name, "d%d.example", i);
        store_write_start(with->store, adding(name, i), with_store_on_write, &answers[i]);
    }
    for (int i = 0; i < STORE_QUEUE_MAX + 3000; i++) {
        with_store_wait(with, &answers[i].done);
        bool done = answers[i].result.answer == STORE_DONE;
        snprintf(name, sizeof name, "d%d.example", i);
        assert_int_equal(created_of(with, name), done ? i : -1);
        failed += !done;
    }
    assert_in_range(failed, 0, 3000);
    memory_free(answers);
}

/* kill -9: whatever was acknowledged is there. */

struct writer {
    struct store *store;
    int acknowledge;
    int64_t next;
};

struct writer_slot {
    struct writer *writer;
    int64_t number;
};

static void write_on(struct writer_slot *slot);

static void on_acknowledged(const struct store_result *result, void *context)
{
    struct writer_slot *slot = context;
    if (result->answer != STORE_DONE || write(slot->writer->acknowledge, &slot->number,
                                              sizeof slot->number) != sizeof slot->number) {
        _exit(2);
    }
    write_on(slot);
}

static void write_on(struct writer_slot *slot)
{
    char name[32];
    slot->number = slot->writer->next++;
    snprintf(name, sizeof name, "k%lld.example", (long long)slot->number);
    store_write_start(slot->writer->store, adding(name, slot->number), on_acknowledged, slot);
}

/* A process that writes and acknowledges until it is killed. */
static _Noreturn void run_writer(const char *where, int acknowledge, int64_t from)
{
    struct error error;
    struct loop *loop = loop_new();
    struct writer writer = {store_open(loop, where, 5000, &error), acknowledge, from};
    if (writer.store == NULL) {
        _exit(3);
    }
    struct writer_slot slots[8];
    for (size_t i = 0; i < 8; i++) {
        slots[i].writer = &writer;
        write_on(&slots[i]);
    }
    loop_run(loop);
    _exit(4);
}

enum { KILLS = 20, ACKNOWLEDGED_MAX = 4000 };

static void test_killed_writer_loses_nothing_acknowledged(void **state)
{
    struct with_store *with = *state;
    static int64_t acknowledged[ACKNOWLEDGED_MAX];
    size_t count = 0;
    with_store_close(with);
    for (int round = 0; round < KILLS; round++) {
        int ends[2];
        size_t until = count + 40 + (size_t)round * 7;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            run_writer(with->where, ends[1], round * 100000);
        }
        close(ends[1]);
        bool killed = false;
        while (count < ACKNOWLEDGED_MAX && read(ends[0], &acknowledged[count],
                                                sizeof acknowledged[0]) == sizeof acknowledged[0]) {
            count++;
            if (count >= until && !killed) {
                killed = kill(child, SIGKILL) == 0;
            }
        }
        close(ends[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    with_store_open(with);
    assert_in_range(count, KILLS * 40, ACKNOWLEDGED_MAX);
    char name[32];
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "k%lld.example", (long long)acknowledged[i]);
        assert_int_equal(created_of(with, name), acknowledged[i]);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, with_store_setup, with_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_change_is_seen_when_reported),
        CASE(test_callback_comes_later_and_forgotten_changes_commit),
        CASE(test_close_finishes_what_is_queued),
        CASE(test_waiting_changes_share_a_commit),
        CASE(test_conflict_undoes_one_change_alone),
        CASE(test_rows_expected),
        CASE(test_reads_stop_at_their_limit),
        CASE(test_close_drops_reads),
        CASE(test_second_owner_is_refused_by_name),
        CASE(test_lock_is_waited_for),
        CASE(test_directory_of_others_is_refused),
        CASE(test_damaged_database_is_refused),
        CASE(test_damaged_page_is_trouble_not_absence),
        CASE(test_full_disk_fails_and_heals),
        CASE(test_long_queue_is_refused_later),
        CASE(test_killed_writer_loses_nothing_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
