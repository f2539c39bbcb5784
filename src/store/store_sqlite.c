/* store_sqlite.c - one connection to one SQLite database: prepared statements, rows, commits. */
#include "store/store_sqlite.h"

#include "base/memory.h"

#include <assert.h>
#include <sqlite3.h>
#include <string.h>

enum {
    PREPARED_MAX = 512, /* a power of two, and more than there are statements in the program */
    WAIT_MS = 5000,     /* for a lock that only our own connections can hold */
    LOG_PAGES = 1000,   /* a log longer than this is moved into the database */
    LENGTH_MAX = 4 * STORE_VALUE_MAX,
};

struct prepared {
    const struct statement *statement;
    sqlite3_stmt *handle;
};

struct store_sqlite {
    sqlite3 *database;
    int log_pages; /* as of the last commit */
    struct error failure;
    struct prepared prepared[PREPARED_MAX];
    size_t prepared_count;
};

/* Out of memory ends the process, also when it is SQLite's (base/memory.h). */
static int checked(int code)
{
    assert((code & 0xff) != SQLITE_NOMEM && "out of memory");
    return code;
}

static bool set_error(const struct store_sqlite *sqlite, struct error *error, int code)
{
    const char *system = (code & 0xff) == SQLITE_IOERR ? " (see the kernel's log)" : "";
    return error_set(error, "%s: %s (SQLite error %d)%s",
                     sqlite3_db_filename(sqlite->database, "main"),
                     sqlite3_errmsg(sqlite->database), code, system);
}

/* Statements. */

static sqlite3_stmt *prepare(struct store_sqlite *sqlite, const struct statement *statement,
                             struct error *error)
{
    sqlite3_stmt *handle = NULL;
    int code = checked(sqlite3_prepare_v3(sqlite->database, statement->sql, -1,
                                          SQLITE_PREPARE_PERSISTENT, &handle, NULL));
    if (code != SQLITE_OK) {
        set_error(sqlite, error, code);
        return NULL;
    }
    assert(sqlite3_bind_parameter_count(handle) == (int)statement->parameters);
    assert(sqlite3_column_count(handle) == (int)statement->columns);
    /* SQLite numbers $names by first appearance: an order that PostgreSQL would not see. */
    for (unsigned i = 1; i <= statement->parameters; i++) {
        const char *name = sqlite3_bind_parameter_name(handle, (int)i);
        assert(name != NULL && name[0] == '$');
        uint64_t number = 0;
        assert(span_number(span_of(name + 1), STORE_PARAMETERS_MAX, &number) && number == i);
    }
    return handle;
}

/* The slot of a statement, keyed by its address: filled or free. */
static struct prepared *find_slot(struct store_sqlite *sqlite, const struct statement *statement)
{
    size_t at = ((uintptr_t)statement / sizeof *statement * 2654435761u) % PREPARED_MAX;
    while (sqlite->prepared[at].statement != NULL && sqlite->prepared[at].statement != statement) {
        at = (at + 1) % PREPARED_MAX;
    }
    return &sqlite->prepared[at];
}

static void bind(sqlite3_stmt *handle, const struct statement *statement,
                 const struct value *parameters)
{
    for (unsigned i = 0; i < statement->parameters; i++) {
        const struct value *value = &parameters[i];
        int code = SQLITE_OK;
        switch (value->type) {
        case STORE_NULL:
            code = sqlite3_bind_null(handle, (int)i + 1);
            break;
        case STORE_INTEGER:
            code = sqlite3_bind_int64(handle, (int)i + 1, value->integer);
            break;
        case STORE_TEXT:
            assert(value->text.length <= STORE_VALUE_MAX);
            code =
                sqlite3_bind_text(handle, (int)i + 1, value->text.length > 0 ? value->text.at : "",
                                  (int)value->text.length, SQLITE_STATIC);
            break;
        }
        assert(checked(code) == SQLITE_OK);
    }
}

/* Ready to step; give back with release(). NULL and an error when it cannot be. */
static sqlite3_stmt *acquire(struct store_sqlite *sqlite, const struct statement *statement,
                             const struct value *parameters, struct error *error)
{
    struct prepared *slot = find_slot(sqlite, statement);
    if (slot->statement == NULL) {
        sqlite3_stmt *handle = prepare(sqlite, statement, error);
        if (handle == NULL) {
            return NULL;
        }
        sqlite->prepared_count++;
        assert(sqlite->prepared_count <= PREPARED_MAX / 2);
        *slot = (struct prepared){statement, handle};
    }
    bind(slot->handle, statement, parameters);
    return slot->handle;
}

static void release(sqlite3_stmt *handle)
{
    sqlite3_reset(handle);
    sqlite3_clear_bindings(handle);
}

static int run(struct store_sqlite *sqlite, const struct statement *statement,
               const struct value *parameters, struct error *error)
{
    sqlite3_stmt *handle = acquire(sqlite, statement, parameters, error);
    if (handle == NULL) {
        return sqlite3_extended_errcode(sqlite->database);
    }
    int code = checked(sqlite3_step(handle));
    if (code != SQLITE_DONE) {
        set_error(sqlite, error, code);
    }
    release(handle);
    return code;
}

bool store_sqlite_run(struct store_sqlite *sqlite, const struct statement *statement,
                      const struct value *parameters, struct error *error)
{
    return run(sqlite, statement, parameters, error) == SQLITE_DONE;
}

/* Opening. */

static int on_log_grown(void *context, sqlite3 *database, const char *name, int pages)
{
    (void)database;
    (void)name;
    struct store_sqlite *sqlite = context;
    sqlite->log_pages = pages;
    return SQLITE_OK;
}

bool store_sqlite_script(struct store_sqlite *sqlite, const char *script, struct error *error)
{
    int code = checked(sqlite3_exec(sqlite->database, script, NULL, NULL, NULL));
    return code == SQLITE_OK || set_error(sqlite, error, code);
}

static bool set_up(struct store_sqlite *sqlite, enum store_sqlite_role role, struct error *error)
{
    sqlite3_busy_timeout(sqlite->database, role == STORE_SQLITE_LOOP ? 0 : WAIT_MS);
    sqlite3_limit(sqlite->database, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
    sqlite3_db_config(sqlite->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (!store_sqlite_script(sqlite,
                             "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                             "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON",
                             error)) {
        return false;
    }
    if (role != STORE_SQLITE_WRITER) {
        return store_sqlite_script(sqlite, "PRAGMA query_only = ON", error);
    }
    sqlite3_wal_hook(sqlite->database, on_log_grown, sqlite);
    return store_sqlite_script(sqlite,
                               "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                               "PRAGMA journal_size_limit = 16777216",
                               error);
}

/* Also the first real read: of a file that is no database, or a damaged one. */
static bool check_header(struct store_sqlite *sqlite, const char *path, struct error *error)
{
    static const struct statement MODE = {"PRAGMA journal_mode", 0, 1};
    CLEANUP(arena_done) struct arena arena = {0};
    struct value mode;
    if (store_sqlite_lookup(sqlite, &MODE, NULL, &arena, &mode) != STORE_ROW) {
        *error = sqlite->failure;
        return false;
    }
    return span_is(mode.text, "wal") ||
           error_set(error, "%s: this file system cannot hold a write-ahead log", path);
}

struct store_sqlite *store_sqlite_open(const char *path, enum store_sqlite_role role,
                                       struct error *error)
{
    int flags = role == STORE_SQLITE_WRITER ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                            : SQLITE_OPEN_READONLY;
    struct store_sqlite *sqlite = MEMORY_NEW(struct store_sqlite);
    /* Nobody asks how much memory it has, and counting costs a lock for every piece. Refused, without
     * harm, once SQLite runs. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    int code = sqlite3_open_v2(path, &sqlite->database,
                               flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    assert(sqlite->database != NULL && "out of memory");
    if (checked(code) != SQLITE_OK) {
        error_set(error, "%s: cannot be opened: %s", path, sqlite3_errmsg(sqlite->database));
        goto fail;
    }
    if (!set_up(sqlite, role, error) || !check_header(sqlite, path, error)) {
        goto damaged;
    }
    return sqlite;

damaged:
    code = sqlite3_errcode(sqlite->database) & 0xff;
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
        error_set(error,
                  "%s: this is no SQLite database, or a damaged one: put a copy from a backup in "
                  "its place",
                  path);
    }
fail:
    store_sqlite_close(sqlite);
    return NULL;
}

void store_sqlite_close(struct store_sqlite *sqlite)
{
    if (sqlite == NULL) {
        return;
    }
    for (size_t i = 0; i < PREPARED_MAX; i++) {
        sqlite3_finalize(sqlite->prepared[i].handle);
    }
    int code = sqlite3_close(sqlite->database);
    assert(code == SQLITE_OK);
    memory_free(sqlite);
}

/* Reading. */

static void copy_row(sqlite3_stmt *handle, unsigned columns, struct arena *arena, struct value *row)
{
    assert(row != NULL);
    for (unsigned i = 0; i < columns; i++) {
        int type = sqlite3_column_type(handle, (int)i);
        if (type == SQLITE_NULL) {
            row[i] = value_null();
        } else if (type == SQLITE_INTEGER) {
            row[i] = value_integer(sqlite3_column_int64(handle, (int)i));
        } else {
            const void *text = sqlite3_column_text(handle, (int)i);
            assert(text != NULL && "out of memory");
            size_t length = (size_t)sqlite3_column_bytes(handle, (int)i);
            row[i] = value_text(span_copy(arena, span_bytes(text, length)));
        }
    }
}

enum store_now store_sqlite_lookup(struct store_sqlite *sqlite, const struct statement *statement,
                                   const struct value *parameters, struct arena *arena,
                                   struct value *row)
{
    sqlite3_stmt *handle = acquire(sqlite, statement, parameters, &sqlite->failure);
    if (handle == NULL) {
        return STORE_ASK;
    }
    enum store_now now = STORE_ASK;
    int code = checked(sqlite3_step(handle));
    if (code == SQLITE_ROW) {
        copy_row(handle, statement->columns, arena, row);
        now = STORE_ROW;
    } else if (code == SQLITE_DONE) {
        now = STORE_NONE;
    } else {
        set_error(sqlite, &sqlite->failure, code);
    }
    release(handle);
    return now;
}

const char *store_sqlite_failure(const struct store_sqlite *sqlite)
{
    return sqlite->failure.text;
}

static struct value *grow(struct arena *arena, const struct value *values, size_t count,
                          size_t room)
{
    struct value *grown = arena_new(arena, room * sizeof *grown);
    if (count > 0) {
        memcpy(grown, values, count * sizeof *grown);
    }
    return grown;
}

bool store_sqlite_read(struct store_sqlite *sqlite, const struct statement *statement,
                       const struct value *parameters, size_t rows_max, struct arena *arena,
                       struct store_rows *rows, struct error *error)
{
    *rows = (struct store_rows){.columns = statement->columns};
    sqlite3_stmt *handle = acquire(sqlite, statement, parameters, error);
    if (handle == NULL) {
        return false;
    }
    size_t room = 0;
    struct value *values = NULL;
    int code = SQLITE_DONE;
    while (rows->rows < rows_max && (code = checked(sqlite3_step(handle))) == SQLITE_ROW) {
        if (rows->rows == room) {
            room = room == 0 ? 32 : room * 2;
            values =
                grow(arena, values, rows->rows * statement->columns, room * statement->columns);
        }
        copy_row(handle, statement->columns, arena, values + rows->rows * statement->columns);
        rows->rows++;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        set_error(sqlite, error, code);
    }
    release(handle);
    rows->values = values;
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

void store_sqlite_interrupt(struct store_sqlite *sqlite)
{
    sqlite3_interrupt(sqlite->database);
}

/* Writing. */

static const struct statement BEGIN = {"BEGIN IMMEDIATE", 0, 0};
static const struct statement COMMIT = {"COMMIT", 0, 0};
static const struct statement ROLLBACK = {"ROLLBACK", 0, 0};
static const struct statement SAVEPOINT = {"SAVEPOINT change", 0, 0};
static const struct statement RELEASE = {"RELEASE change", 0, 0};
static const struct statement ROLLBACK_TO = {"ROLLBACK TO change", 0, 0};

static bool in_transaction(const struct store_sqlite *sqlite)
{
    return sqlite3_get_autocommit(sqlite->database) == 0;
}

void store_sqlite_roll_back(struct store_sqlite *sqlite)
{
    struct error ignored;
    if (in_transaction(sqlite)) {
        run(sqlite, &ROLLBACK, NULL, &ignored);
    }
}

/* Errors that say nothing about the statement, but that the disk or the file is in trouble. */
static bool is_trouble(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return true;
    default:
        return false;
    }
}

/* The steps of one change, until one does not hold. Returns the SQLite code. */
static int run_steps(struct store_sqlite *sqlite, const struct store_change *change,
                     struct store_sqlite_outcome *outcome)
{
    for (size_t i = 0; i < change->count; i++) {
        const struct store_step *step = &change->steps[i];
        int code = run(sqlite, step->statement, step->parameters, &outcome->error);
        bool held =
            code == SQLITE_DONE &&
            (step->rows_expected < 0 || sqlite3_changes64(sqlite->database) == step->rows_expected);
        if (held) {
            continue;
        }
        bool conflict = code == SQLITE_DONE || (code & 0xff) == SQLITE_CONSTRAINT;
        outcome->answer = conflict ? STORE_CONFLICT : STORE_FAILED;
        outcome->failed_step = (int)i;
        return conflict ? SQLITE_DONE : code;
    }
    outcome->answer = STORE_DONE;
    outcome->failed_step = -1;
    return SQLITE_DONE;
}

/* One change in its savepoint. False: the transaction cannot go on; `outcome` has the error. */
static bool run_change(struct store_sqlite *sqlite, const struct store_change *change,
                       struct store_sqlite_outcome *outcome)
{
    if (run(sqlite, &SAVEPOINT, NULL, &outcome->error) != SQLITE_DONE) {
        return false;
    }
    int code = run_steps(sqlite, change, outcome);
    if (is_trouble(code) || !in_transaction(sqlite)) {
        return false;
    }
    struct error error;
    bool undone =
        outcome->answer == STORE_DONE || run(sqlite, &ROLLBACK_TO, NULL, &error) == SQLITE_DONE;
    if (!undone || run(sqlite, &RELEASE, NULL, &error) != SQLITE_DONE) {
        outcome->error = error;
        return false;
    }
    return true;
}

static void answer_all(struct store_sqlite_outcome *outcomes, size_t count, enum store_answer from,
                       enum store_answer to, const struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (outcomes[i].answer == from) {
            outcomes[i] =
                (struct store_sqlite_outcome){.answer = to, .failed_step = -1, .error = *error};
        }
    }
}

/* What a failed COMMIT means. In WAL mode the last thing written is the frame that makes the
 * transaction valid: when a write did not succeed, no recovery will find it. After a failed sync,
 * or an error we do not know, the frame may be on the disk. */
static enum store_answer judge_failed_commit(int code)
{
    bool not_there = (code & 0xff) == SQLITE_FULL || (code & 0xff) == SQLITE_BUSY ||
                     (code & 0xff) == SQLITE_CONSTRAINT || code == SQLITE_IOERR_WRITE;
    return not_there ? STORE_FAILED : STORE_UNKNOWN;
}

static bool commit(struct store_sqlite *sqlite, struct store_sqlite_outcome *outcomes, size_t count)
{
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        done += outcomes[i].answer == STORE_DONE;
    }
    if (done == 0) {
        store_sqlite_roll_back(sqlite);
        return false;
    }
    struct error error;
    int code = run(sqlite, &COMMIT, NULL, &error);
    if (code == SQLITE_DONE) {
        return true;
    }
    store_sqlite_roll_back(sqlite);
    answer_all(outcomes, count, STORE_DONE, judge_failed_commit(code), &error);
    return false;
}

bool store_sqlite_commit(struct store_sqlite *sqlite, struct store_change *const *changes,
                         struct store_sqlite_outcome *outcomes, size_t count)
{
    struct error error;
    memset(outcomes, 0, count * sizeof *outcomes);
    if (run(sqlite, &BEGIN, NULL, &error) != SQLITE_DONE) {
        answer_all(outcomes, count, STORE_UNKNOWN, STORE_FAILED, &error);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!run_change(sqlite, changes[i], &outcomes[i])) {
            error = outcomes[i].error;
            store_sqlite_roll_back(sqlite);
            outcomes[i].answer = STORE_UNKNOWN;
            answer_all(outcomes, count, STORE_UNKNOWN, STORE_FAILED, &error);
            answer_all(outcomes, count, STORE_DONE, STORE_FAILED, &error);
            return false;
        }
    }
    return commit(sqlite, outcomes, count);
}

void store_sqlite_checkpoint(struct store_sqlite *sqlite)
{
    if (sqlite->log_pages > LOG_PAGES) {
        sqlite3_wal_checkpoint_v2(sqlite->database, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        sqlite->log_pages = 0;
    }
}
