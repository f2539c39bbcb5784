/* store_change.c - what a change consists of: steps, with copies of all they need. */
#include "store/store_change.h"

#include "base/memory.h"

#include <assert.h>

struct store_change *store_change_new(void)
{
    return MEMORY_NEW(struct store_change);
}

const struct value *store_change_copy(struct arena *arena, const struct statement *statement,
                                      const struct value *parameters)
{
    assert(statement->parameters <= STORE_PARAMETERS_MAX);
    struct value *copies = arena_new(arena, sizeof *copies * (statement->parameters + 1));
    for (unsigned i = 0; i < statement->parameters; i++) {
        copies[i] = parameters[i];
        if (parameters[i].type == STORE_TEXT) {
            assert(parameters[i].text.length <= STORE_VALUE_MAX);
            copies[i].text = span_copy(arena, parameters[i].text);
        }
    }
    return copies;
}

void store_change_add(struct store_change *change, const struct statement *statement,
                      const struct value *parameters, int64_t rows_expected)
{
    assert(statement->columns == 0);
    if (change->count == change->room) {
        change->room = change->room == 0 ? 8 : change->room * 2;
        change->steps = memory_resize(change->steps, change->room * sizeof *change->steps);
    }
    change->steps[change->count++] = (struct store_step){
        .statement = statement,
        .parameters = store_change_copy(&change->arena, statement, parameters),
        .rows_expected = rows_expected,
    };
}

int store_change_steps(const struct store_change *change)
{
    return (int)change->count;
}

void store_change_free(struct store_change *change)
{
    if (change == NULL) {
        return;
    }
    arena_done(&change->arena);
    memory_free(change->steps);
    memory_free(change);
}
