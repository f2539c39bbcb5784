/* migrate.h - the schema, in numbered steps: schema/0001-….sql, embedded at build time.
 *
 * A step once released is never edited. Each runs in one transaction together with its number in
 * the table `migration`. A database newer than the program is refused. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/store_sqlite.h"

#include <stddef.h>

struct migration {
    int number;
    const char *name; /* "0001-accounts" */
    const char *sql;
};

/* All steps, ascending, numbered from 1 without gaps; `count` gets how many. */
const struct migration *migrate_steps(size_t *count);
/* Runs the steps that a database lacks. `now` is wall seconds. */
bool migrate_run(struct store_sqlite *writer, const struct migration *steps, size_t count,
                 int64_t now, struct error *error);

#endif
