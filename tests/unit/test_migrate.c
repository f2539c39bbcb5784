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

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_each_step_runs_once),
        CASE(test_failed_step_leaves_nothing),
        CASE(test_newer_database_is_refused),
        CASE(test_database_of_others_is_refused),
        CASE(test_embedded_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
