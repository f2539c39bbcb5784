/* with_plan.h - for tests: asks SQLite how it would go about a statement: by an index, or through the whole table. */
#ifndef TESTS_WITH_PLAN_H
#define TESTS_WITH_PLAN_H

#include "with_store.h"

#include <sqlite3.h>

/* The only things to walk through from end to end: what a statement itself found so far. */
static inline bool with_plan_harmless(const char *line)
{
    static const char *const harmless[] = {"SCAN up", "SCAN down", "SCAN CONSTANT ROW"};
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        if (strcmp(line, harmless[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Fails when any table is scanned, or `sorted` and rows have to be sorted; returns how many searches there are. */
static inline int with_plan_check(struct with_store *with, const char *sql, bool sorted)
{
    char text[4096];
    int searches = 0;
    sqlite3 *database;
    sqlite3_stmt *plan = NULL;
    assert_int_equal(sqlite3_open_v2(with->path, &database, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_true(snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", sql) < (int)sizeof text);
    if (sqlite3_prepare_v2(database, text, -1, &plan, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(database));
    }
    while (sqlite3_step(plan) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(plan, 3);
        bool scan = strstr(line, "SCAN") != NULL && !with_plan_harmless(line);
        if (scan || (sorted && strstr(line, "TEMP B-TREE") != NULL)) {
            fail_msg("%s: %s", sql, line);
        }
        searches += strstr(line, "SEARCH") != NULL &&
                    (strstr(line, "INDEX") != NULL || strstr(line, "PRIMARY KEY") != NULL);
    }
    sqlite3_finalize(plan);
    sqlite3_close(database);
    assert_true(searches > 0);
    return searches;
}

/* Whether the plan names an index. */
static inline bool with_plan_names(struct with_store *with, const char *sql, const char *index)
{
    char text[4096];
    bool found = false;
    sqlite3 *database;
    sqlite3_stmt *plan = NULL;
    assert_int_equal(sqlite3_open_v2(with->path, &database, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", sql);
    assert_int_equal(sqlite3_prepare_v2(database, text, -1, &plan, NULL), SQLITE_OK);
    while (sqlite3_step(plan) == SQLITE_ROW) {
        found |= strstr((const char *)sqlite3_column_text(plan, 3), index) != NULL;
    }
    sqlite3_finalize(plan);
    sqlite3_close(database);
    return found;
}

#endif
