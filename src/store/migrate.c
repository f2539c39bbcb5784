/* migrate.c - brings a database's schema up to date, step by step. */
#include "store/migrate.h"

#include "base/memory.h"

#include <assert.h>

/* "pstn": says in the file's header that this database is ours (`file` shows it). */
#define APPLICATION_ID "1886614638"

static const struct statement IS_EMPTY = {"SELECT COUNT(*) FROM sqlite_master", 0, 1};
static const struct statement IS_OURS = {
    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'migration'", 0, 1};
static const struct statement NEWEST = {"SELECT COALESCE(MAX(number), 0) FROM migration", 0, 1};
static const struct statement ADD = {
    "INSERT INTO migration (number, name, applied) VALUES ($1, $2, $3)", 3, 0};
static const char CREATE[] =
    "CREATE TABLE migration (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL,"
    " applied BIGINT NOT NULL); PRAGMA application_id = " APPLICATION_ID;

static bool number_of(struct store_sqlite *writer, const struct statement *statement,
                      int64_t *number, struct error *error)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct value value;
    if (store_sqlite_lookup(writer, statement, NULL, &arena, &value) != STORE_ROW) {
        return error_set(error, "%s", store_sqlite_failure(writer));
    }
    *number = value.integer;
    return true;
}

/* Which step the database has; -1: it is empty, not even the table of steps is there. */
static bool find_newest(struct store_sqlite *writer, int64_t *newest, struct error *error)
{
    int64_t tables = 0, ours = 0;
    if (!number_of(writer, &IS_EMPTY, &tables, error) ||
        !number_of(writer, &IS_OURS, &ours, error)) {
        return false;
    }
    if (tables == 0) {
        *newest = -1;
        return true;
    }
    if (ours == 0) {
        return error_set(
            error, "this database belongs to another program: it has tables, but none of ours");
    }
    return number_of(writer, &NEWEST, newest, error);
}

static bool run_in_transaction(struct store_sqlite *writer, const struct migration *step,
                               bool create, int64_t now, struct error *error)
{
    const struct value row[] = {value_integer(step->number), value_text(span_of(step->name)),
                                value_integer(now)};
    return (!create || store_sqlite_script(writer, CREATE, error)) &&
           store_sqlite_script(writer, step->sql, error) &&
           store_sqlite_run(writer, &ADD, row, error) &&
           store_sqlite_script(writer, "COMMIT", error);
}

static bool run_step(struct store_sqlite *writer, const struct migration *step, bool create,
                     int64_t now, struct error *error)
{
    if (!store_sqlite_script(writer, "BEGIN IMMEDIATE", error)) {
        return false;
    }
    if (run_in_transaction(writer, step, create, now, error)) {
        return true;
    }
    store_sqlite_roll_back(writer);
    return error_prefix(error, "schema step %s: ", step->name);
}

bool migrate_run(struct store_sqlite *writer, const struct migration *steps, size_t count,
                 int64_t now, struct error *error)
{
    int64_t newest = 0;
    if (!find_newest(writer, &newest, error)) {
        return false;
    }
    if (newest > (int64_t)count) {
        return error_set(
            error,
            "this database was made by a newer version (schema step %lld, this one knows %zu): "
            "install that version again, or put a backup from before in its place",
            (long long)newest, count);
    }
    for (size_t i = newest < 0 ? 0 : (size_t)newest; i < count; i++) {
        assert(steps[i].number == (int)i + 1);
        if (!run_step(writer, &steps[i], newest < 0 && i == 0, now, error)) {
            return false;
        }
    }
    return true;
}
