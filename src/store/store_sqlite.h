/* store_sqlite.h - one connection to one SQLite database. The only part that knows sqlite3.h.
 *
 * A connection belongs to one thread at a time. The writer is the only one that writes, migrates or
 * checkpoints: versions before 3.51.3 can corrupt a WAL when two processes do (hence the lock of
 * store.c), and a checkpoint elsewhere would make readers wait for the disk. */
#ifndef STORE_STORE_SQLITE_H
#define STORE_STORE_SQLITE_H

#include "store/store_change.h"

enum store_sqlite_role {
    STORE_SQLITE_LOOP,   /* reads; never waits for a lock */
    STORE_SQLITE_READER, /* reads; may wait */
    STORE_SQLITE_WRITER, /* creates the database; opened first and closed last */
};

struct store_sqlite;
struct store_sqlite *store_sqlite_open(const char *path, enum store_sqlite_role role,
                                       struct error *error);
void store_sqlite_close(struct store_sqlite *sqlite); /* takes NULL */
/* Statements without parameters, separated by semicolons: for migrations. */
bool store_sqlite_script(struct store_sqlite *sqlite, const char *script, struct error *error);
bool store_sqlite_run(struct store_sqlite *sqlite, const struct statement *statement,
                      const struct value *parameters, struct error *error);
void store_sqlite_roll_back(struct store_sqlite *sqlite);

enum store_now store_sqlite_lookup(struct store_sqlite *sqlite, const struct statement *statement,
                                   const struct value *parameters, struct arena *arena,
                                   struct value *row);
/* At most `rows_max` rows; they live in `arena`. */
bool store_sqlite_read(struct store_sqlite *sqlite, const struct statement *statement,
                       const struct value *parameters, size_t rows_max, struct arena *arena,
                       struct store_rows *rows, struct error *error);
/* Ends a read that is under way. The one function for any thread, while the connection is open. */
void store_sqlite_interrupt(struct store_sqlite *sqlite);
/* of the last look-up without an answer */
const char *store_sqlite_failure(const struct store_sqlite *sqlite);

/* What became of one change. */
struct store_sqlite_outcome {
    enum store_answer answer;
    int failed_step;    /* -1: none in particular */
    struct error error; /* STORE_FAILED, STORE_UNKNOWN */
};
/* Carries out `count` changes, each in a savepoint of its own, and commits them once. True when
 * there was a commit. */
bool store_sqlite_commit(struct store_sqlite *sqlite, struct store_change *const *changes,
                         struct store_sqlite_outcome *outcomes, size_t count);
/* Moves the log into the database when it has grown. Errors are left for the next time. */
void store_sqlite_checkpoint(struct store_sqlite *sqlite);

#endif
