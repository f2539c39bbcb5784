/* migrate.h - the schema, in numbered steps: schema/0001-….sql, embedded at build time.
 *
 * A step once released is never edited. Each runs in one transaction together with its number in
 * the table `migration`. A database newer than the program is refused. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include <stddef.h>

struct migration {
    int number;
    const char *name;       /* "0001-accounts" */
    const char *sql;
};

/* All steps, ascending; `count` gets how many. */
const struct migration *migrate_steps(size_t *count);

#endif
