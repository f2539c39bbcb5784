/* store_change.h - the inside of a change: its steps, for the engine that carries them out. */
#ifndef STORE_STORE_CHANGE_H
#define STORE_STORE_CHANGE_H

#include "store/store.h"

struct store_step {
    const struct statement *statement;
    const struct value *parameters;
    int64_t rows_expected; /* -1: any */
};

struct store_change {
    struct arena arena; /* copies of the parameters */
    struct store_step *steps;
    size_t count, room;
};

/* Copies of the parameters of one statement, in `arena`. */
const struct value *store_change_copy(struct arena *arena, const struct statement *statement,
                                      const struct value *parameters);

#endif
