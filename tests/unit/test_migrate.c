/* test_migrate.c - schema steps: from nothing, from half-way, never backwards, never half a step. */
#include "with_store.h"

#include "store/migrate.h"

static const struct migration STEPS[] = {
    {1, "0001-one", "CREATE TABLE one (a TEXT NOT NULL); INSERT INTO one (a) VALUES ('1');"},
    {2, "0002-two", "CREATE TABLE two (a TEXT NOT NULL); INSERT INTO one (a) VALUES ('2');"},
    {3, "0003-bad", "CREATE TABLE three (a TEXT NOT NULL); INSERT INTO nowhere (a) VALUES ('3');"},
};

struct with_file {
    struct with_store store;
    struct store_sqlite *writer;
};

static int set_up(void **state)
{
    struct with_file *with = MEMORY_NEW(struct with_file);
    struct error error;
    with_store_directory(&with->store);
    with->writer = store_sqlite_open(with->store.path, STORE_SQLITE_WRITER, &error);
    assert_non_null(with->writer);
    *state = with;
    return 0;
}

static int tear_down(void **state)
{
    struct with_file *with = *state;
    store_sqlite_close(with->writer);
    with_store_remove(&with->store);
    memory_free(with);
    return 0;
}

static int64_t number(struct with_file *with, const struct statement *statement)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct value value;
    assert_int_equal(store_sqlite_lookup(with->writer, statement, NULL, &arena, &value), STORE_ROW);
    return value.integer;
}

static const struct statement ONES = {"SELECT COUNT(*) FROM one", 0, 1};
static const struct statement NEWEST = {"SELECT MAX(number) FROM migration", 0, 1};
static const struct statement APPLIED = {"SELECT MAX(applied) FROM migration", 0, 1};
static const struct statement THREES = {"SELECT COUNT(*) FROM sqlite_master WHERE name = 'three'",
                                        0, 1};

static bool run(struct with_file *with, size_t count, int64_t now, struct error *error)
{
    return migrate_run(with->writer, STEPS, count, now, error);
}

static void test_each_step_runs_once(void **state)
{
    struct with_file *with = *state;
    struct error error;
    assert_true(run(with, 1, 10, &error));
    assert_int_equal(number(with, &ONES), 1);
    assert_int_equal(number(with, &NEWEST), 1);
    assert_true(run(with, 1, 20, &error));
    assert_int_equal(number(with, &APPLIED), 10);
    assert_true(run(with, 2, 30, &error));
    assert_true(run(with, 2, 40, &error));
    assert_int_equal(number(with, &ONES), 2);
    assert_int_equal(number(with, &NEWEST), 2);
    assert_int_equal(number(with, &APPLIED), 30);
}

static void test_failed_step_leaves_nothing(void **state)
{
    struct with_file *with = *state;
    struct error error;
    assert_false(run(with, 3, 10, &error));
    assert_non_null(strstr(error.text, "schema step 0003-bad: "));
    assert_non_null(strstr(error.text, "nowhere"));
    assert_int_equal(number(with, &NEWEST), 2);
    assert_int_equal(number(with, &THREES), 0);
    assert_true(run(with, 2, 20, &error));
}

static void test_newer_database_is_refused(void **state)
{
    struct with_file *with = *state;
    struct error error;
    assert_true(run(with, 2, 10, &error));
    assert_false(run(with, 1, 10, &error));
    assert_non_null(
        strstr(error.text, "made by a newer version (schema step 2, this one knows 1)"));
}

static void test_database_of_others_is_refused(void **state)
{
    struct with_file *with = *state;
    struct error error;
    assert_true(store_sqlite_script(with->writer, "CREATE TABLE emails (a)", &error));
    assert_false(run(with, 2, 10, &error));
    assert_non_null(strstr(error.text, "another program"));
}

/* The real ones, as they are built in: numbered without gaps, and a store opens with them. */
static void test_embedded_steps(void **state)
{
    struct with_file *with = *state;
    struct error error = {""};
    size_t count;
    const struct migration *steps = migrate_steps(&count);
    assert_true(count >= 1);
    assert_string_equal(steps[0].name, "0001-accounts");
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(steps[i].number, i + 1);
    }
    if (!migrate_run(with->writer, steps, count, 10, &error)) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(number(with, &NEWEST), count);
    static const struct statement newer = {
        "INSERT INTO migration (number, name, applied) VALUES (9999, 'x', 0)", 0, 0};
    assert_true(store_sqlite_run(with->writer, &newer, NULL, &error));
    struct loop *loop = loop_new();
    assert_null(store_open(loop, with->store.where, 0, &error));
    assert_non_null(strstr(error.text, with->store.path));
    assert_non_null(strstr(error.text, "newer version"));
    loop_free(loop);
}

static struct span text(struct with_file *with, struct arena *arena,
                        const struct statement *statement)
{
    struct value value;
    assert_int_equal(store_sqlite_lookup(with->writer, statement, NULL, arena, &value), STORE_ROW);
    return value.text;
}

/* A database of the first release, with rows in it, becomes one of this. */
static void test_from_the_first_release(void **state)
{
    struct with_file *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct error error = {""};
    size_t count;
    const struct migration *steps = migrate_steps(&count);
    static const struct statement account = {
        "SELECT COUNT(*) FROM account WHERE id = 'id-1' AND version = 7 AND state = 2 AND name = "
        "'Ann' AND quota_bytes = -1 AND subject = 's' AND last_login = 9 AND kind = 0 AND "
        "on_disable = 0 AND forward_to IS NULL AND keep_copy = 1 AND no_mailbox = 0 AND services = "
        "0 AND retention_days = -1",
        0, 1};
    static const struct statement address = {
        "SELECT COUNT(*) FROM address WHERE account_id = 'id-1' AND kind = 1 AND created = 5", 0,
        1};
    static const struct statement held = {
        "SELECT COUNT(*) FROM address WHERE account_id = 'id-2' AND kind = 0 AND created = 6", 0,
        1};
    static const struct statement renamed = {
        "SELECT COUNT(*) FROM address WHERE account_id = 'id-1' AND kind = 3 AND created = 6", 0,
        1};
    static const struct statement audited = {"SELECT actor FROM audit WHERE subject = 'a@b'", 0, 1};
    static const struct statement tombstones = {
        "SELECT COUNT(*) FROM account WHERE state = 0 AND no_mailbox = 0", 0, 1};
    static const struct statement foreign = {"SELECT COUNT(*) FROM pragma_foreign_key_check", 0, 1};
    static const struct statement whole = {"PRAGMA integrity_check", 0, 1};
    assert_true(count >= 2);
    assert_string_equal(steps[1].name, "0002-provisioning");
    assert_true(migrate_run(with->writer, steps, 1, 10, &error));
    bool written = store_sqlite_script(
        with->writer,
        "INSERT INTO domain VALUES ('b', 1);"
        "INSERT INTO account VALUES ('id-1', 7, 2, 'a@b', 'Ann', NULL, -1, 'h', 'p', 's', 5, 6, 9);"
        "INSERT INTO account VALUES ('id-2', 2, 0, 'c@b', NULL, NULL, 0, NULL, NULL, NULL, 5, 6, "
        "0);"
        "INSERT INTO address VALUES ('a@b', 'b', 'id-1', 1, 5);"
        "INSERT INTO address VALUES ('c@b', 'b', 'id-2', 0, 5);"
        "INSERT INTO address VALUES ('d@b', 'b', 'id-1', 3, 5);"
        "INSERT INTO audit VALUES (1, 5, 'uid:0', 'account_add', 'a@b', 'id-1', '{}')",
        &error);
    if (!written || !migrate_run(with->writer, steps, count, 20, &error)) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(number(with, &NEWEST), count);
    assert_int_equal(number(with, &account), 1);
    assert_int_equal(number(with, &address), 1);
    assert_int_equal(number(with, &held), 1);
    assert_int_equal(number(with, &renamed), 1);
    assert_int_equal(number(with, &tombstones), 1);
    assert_int_equal(number(with, &foreign), 0);
    assert_true(span_is(text(with, &arena, &audited), "uid:0"));
    assert_true(span_is(text(with, &arena, &whole), "ok"));
    struct loop *loop = loop_new();
    struct store *store = store_open(loop, with->store.where, 0, &error);
    if (store == NULL) {
        fail_msg("%s", error.text);
    }
    store_close(store);
    loop_free(loop);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_each_step_runs_once),
        CASE(test_failed_step_leaves_nothing),
        CASE(test_newer_database_is_refused),
        CASE(test_database_of_others_is_refused),
        CASE(test_embedded_steps),
        CASE(test_from_the_first_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
