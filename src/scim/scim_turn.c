/* scim_turn.c - who may read everything now: one list at a time for each client, a few in all; others wait. */
#include "scim/scim_turn.h"

#include "base/memory.h"

#include <assert.h>

struct scim_turn {
    struct scim_turns *turns;
    struct scim_turn *next, *previous; /* in order of arrival */
    char client_id[UUID_SIZE];
    bool running;
    scim_turn_fn *fn;
    void *context;
    struct loop_later later;
};

struct scim_turns {
    struct loop *loop;
    struct scim_turn *first, *last;
    size_t count, running;
};

struct scim_turns *scim_turns_new(struct loop *loop)
{
    struct scim_turns *turns = MEMORY_NEW(struct scim_turns);
    turns->loop = loop;
    return turns;
}

void scim_turns_free(struct scim_turns *turns)
{
    assert(turns == NULL || turns->count == 0);
    memory_free(turns);
}

static bool client_runs(const struct scim_turns *turns, struct span client_id)
{
    for (const struct scim_turn *turn = turns->first; turn != NULL; turn = turn->next) {
        if (turn->running && span_is(client_id, turn->client_id)) {
            return true;
        }
    }
    return false;
}

static size_t client_count(const struct scim_turns *turns, struct span client_id)
{
    size_t count = 0;
    for (const struct scim_turn *turn = turns->first; turn != NULL; turn = turn->next) {
        count += span_is(client_id, turn->client_id);
    }
    return count;
}

static void give(struct scim_turns *turns)
{
    struct scim_turn *turn = turns->first;
    for (; turn != NULL && turns->running < SCIM_TURNS_RUNNING_MAX; turn = turn->next) {
        if (!turn->running && !client_runs(turns, span_of(turn->client_id))) {
            turn->running = true;
            turns->running++;
            loop_later(turns->loop, &turn->later);
        }
    }
}

static void on_turn(void *context)
{
    struct scim_turn *turn = context;
    turn->fn(turn->context);
}

struct scim_turn *scim_turn_start(struct scim_turns *turns, struct span client_id, scim_turn_fn *fn,
                                  void *context)
{
    if (turns->count - turns->running >= SCIM_TURNS_WAITING_MAX ||
        client_count(turns, client_id) >= SCIM_TURNS_CLIENT_MAX) {
        return NULL;
    }
    struct scim_turn *turn = MEMORY_NEW(struct scim_turn);
    turn->turns = turns;
    turn->fn = fn;
    turn->context = context;
    turn->previous = turns->last;
    (void)span_fits(client_id, turn->client_id, sizeof turn->client_id);
    loop_later_init(&turn->later, on_turn, turn);
    *(turns->last == NULL ? &turns->first : &turns->last->next) = turn;
    turns->last = turn;
    turns->count++;
    give(turns);
    return turn;
}

void scim_turn_end(struct scim_turn *turn)
{
    if (turn == NULL) {
        return;
    }
    struct scim_turns *turns = turn->turns;
    loop_later_cancel(&turn->later);
    *(turn->previous == NULL ? &turns->first : &turn->previous->next) = turn->next;
    *(turn->next == NULL ? &turns->last : &turn->next->previous) = turn->previous;
    turns->count--;
    turns->running -= turn->running;
    memory_free(turn);
    give(turns);
}

size_t scim_turns_waiting(const struct scim_turns *turns)
{
    return turns->count - turns->running;
}
