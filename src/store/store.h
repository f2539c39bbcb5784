/* store.h - rows, durable. Knows statements and values, never what they mean.
 *
 * One text for every engine: parameters are $1, $2, … in order. Three ways in:
 *   store_lookup()      on the loop, at once: unique-key look-ups only.
 *   store_read_start()  many rows (lists, counts), in another thread: answers later.
 *   store_write_start() one change: all of its steps or none, durable before anyone hears.
 * SQLite (store_sqlite.c): three connections, a thread each (loop, reader, writer); the writer takes
 * all changes that queued during the last fsync, each in a savepoint of its own, commits once, then
 * reports each. One process only: the owner of the database holds a lock file (see store_open). */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/span.h"
#include "net/loop.h"
#include "store/value.h"

enum {
    STORE_COLUMNS_MAX = 32,
    STORE_PARAMETERS_MAX = 32,
    STORE_VALUE_MAX = 1024 * 1024,
    STORE_QUEUE_MAX = 10000,
};

/* Static: `static const struct statement FIND = { "SELECT …", 2, 5 };`, prepared once per connection. */
struct statement {
    const char *sql;
    unsigned parameters;
    unsigned columns; /* of a result row; 0 for changes */
};

enum store_now {
    STORE_ASK, /* cannot say without waiting, or the store is in trouble: treat as temporary */
    STORE_NONE,
    STORE_ROW,
};
enum store_answer {
    STORE_UNKNOWN, /* lost in COMMIT: it may or may not be there */
    STORE_FAILED,  /* not done (disk full, I/O error, closed): nothing of it is there */
    /* not done: a step touched another number of rows than expected, or a uniqueness rule held */
    STORE_CONFLICT,
    STORE_DONE, /* durable */
};

struct store;

/* Opens (creating) "sqlite:PATH", whose directory must exist, and brings its schema up to date by the
 * numbered migrations (store/migrate.h). Takes the lock PATH.lock (flock) first and fails, naming the
 * holder, when another process has it. `wait_ms` is how long to wait for the lock. */
struct store *store_open(struct loop *loop, const char *where, int64_t wait_ms,
                         struct error *error);
/* Finishes queued changes, then closes; reads are dropped. Callbacks no longer run; what they would
 * have cleaned up is the caller's. Never from within a callback of the store. */
void store_close(struct store *store); /* takes NULL */
/* Why the last look-up said STORE_ASK, in one line for the log; "" when none did. */
const char *store_failure(const struct store *store);
/* How many look-ups said STORE_ASK since it was opened. */
uint64_t store_failures(const struct store *store);
/* How many commits were made since it was opened: changes share them. */
uint64_t store_commits(const struct store *store);
size_t store_writes_waiting(const struct store *store); /* changes in the queue */
size_t store_reads_waiting(const struct store *store);

/* `row` gets statement->columns values; texts live in `arena`. */
enum store_now store_lookup(struct store *store, const struct statement *statement,
                            const struct value *parameters, struct arena *arena, struct value *row);

/* Rows of one read: row r, column c is values[r * columns + c]; valid during the callback. At most
 * `rows_max`. `failure` is NULL or says what went wrong (then there are no rows). */
struct store_read;
struct store_rows {
    const char *failure;
    size_t rows, columns;
    const struct value *values;
};
typedef void store_read_fn(const struct store_rows *rows, void *context);
struct store_read *store_read_start(struct store *store, const struct statement *statement,
                                    const struct value *parameters, size_t rows_max,
                                    store_read_fn *fn, void *context);
void store_read_cancel(struct store_read *read); /* takes NULL */

/* A change: steps in order, each with the number of rows it must touch (-1: any). Owns copies. */
struct store_change;
struct store_change *store_change_new(void);
void store_change_add(struct store_change *change, const struct statement *statement,
                      const struct value *parameters, int64_t rows_expected);
int store_change_steps(
    const struct store_change *change);              /* so many were added: the index of the next */
void store_change_free(struct store_change *change); /* only when it was not started; takes NULL */

/* `failed_step` is the index of the step that did not hold (STORE_CONFLICT), else -1. */
struct store_result {
    enum store_answer answer;
    int failed_step;
    const char *failure; /* STORE_FAILED, STORE_UNKNOWN: one line for the log */
};
struct store_write;
typedef void store_write_fn(const struct store_result *result, void *context);
/* Takes the change. With STORE_QUEUE_MAX waiting it answers STORE_FAILED, later. */
struct store_write *store_write_start(struct store *store, struct store_change *taken,
                                      store_write_fn *fn, void *context);
/* the answer is dropped; the change still commits */
void store_write_forget(struct store_write *write);

#endif
