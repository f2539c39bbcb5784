/* gate.c - how much one provider is asked, and whether it is asked at all. */
#include "token/gate.h"

#include "base/memory.h"

#include <assert.h>

struct gate {
    struct loop *loop;
    const struct log *log;
    char *name, *shown; /* of the provider, for log lines */
    size_t inside_max, waiting_max;
    struct gate_turn *first, *last; /* who waits, in order, and who is being called */
    size_t inside, waiting;
    struct loop_later later; /* calls those whose turn came */
    enum gate_state state;
    unsigned failures;      /* in a row */
    struct moment probe_at; /* shut: when the next one may try */
    bool trouble;
    struct moment since;
    uint64_t asked, failed;
};

static void on_later(void *context);

void gate_configure(struct gate *gate, const struct provider *provider)
{
    memory_free(gate->name);
    memory_free(gate->shown);
    gate->name = memory_text(provider->name);
    gate->shown = provider->shown == NULL ? NULL : memory_text(provider->shown);
    gate->inside_max = provider->requests_max;
    gate->waiting_max = provider->queue_max;
}

struct gate *gate_new(struct loop *loop, const struct log *log, const struct provider *provider)
{
    struct gate *gate = MEMORY_NEW(struct gate);
    gate->loop = loop;
    gate->log = log;
    loop_later_init(&gate->later, on_later, gate);
    gate_configure(gate, provider);
    return gate;
}

void gate_free(struct gate *gate)
{
    if (gate == NULL) {
        return;
    }
    assert(gate->inside == 0 && gate->first == NULL);
    loop_later_cancel(&gate->later);
    memory_free(gate->name);
    memory_free(gate->shown);
    memory_free(gate);
}

void gate_turn_init(struct gate_turn *turn, gate_turn_fn *fn, void *context)
{
    *turn = (struct gate_turn){.fn = fn, .context = context};
}

/* -- the line in front of it -- */

static void append(struct gate *gate, struct gate_turn *turn)
{
    turn->next = NULL;
    turn->previous = gate->last;
    if (gate->last != NULL) {
        gate->last->next = turn;
    } else {
        gate->first = turn;
    }
    gate->last = turn;
}

static void take_out(struct gate_turn *turn)
{
    struct gate *gate = turn->gate;
    if (turn->previous != NULL) {
        turn->previous->next = turn->next;
    } else {
        gate->first = turn->next;
    }
    if (turn->next != NULL) {
        turn->next->previous = turn->previous;
    } else {
        gate->last = turn->previous;
    }
}

static void call(struct gate_turn *turn, enum gate_answer answer)
{
    struct gate *gate = turn->gate;
    gate->waiting--;
    gate->inside += answer == GATE_GO ? 1 : 0;
    gate->asked += answer == GATE_GO ? 1 : 0;
    turn->state = GATE_TURN_CALLED;
    turn->answer = answer;
    loop_later(gate->loop, &gate->later);
}

static void call_next(struct gate *gate)
{
    struct gate_turn *turn = gate->first;
    while (turn != NULL && gate->inside < gate->inside_max) {
        if (turn->state == GATE_TURN_WAITS) {
            call(turn, GATE_GO);
        }
        turn = turn->next;
    }
}

static void send_all_away(struct gate *gate)
{
    for (struct gate_turn *turn = gate->first; turn != NULL; turn = turn->next) {
        if (turn->state == GATE_TURN_WAITS) {
            call(turn, GATE_CLOSED);
        }
    }
}

/* Each fn() may cancel others, so the list is looked at afresh; those called are its front. */
static void on_later(void *context)
{
    struct gate *gate = context;
    while (gate->first != NULL && gate->first->state == GATE_TURN_CALLED) {
        struct gate_turn *turn = gate->first;
        take_out(turn);
        turn->state = turn->answer == GATE_GO ? GATE_TURN_INSIDE : GATE_TURN_NONE;
        turn->fn(turn->answer, turn->context);
    }
}

/* -- in and out -- */

static enum gate_answer go(struct gate *gate, struct gate_turn *turn)
{
    turn->state = GATE_TURN_INSIDE;
    gate->inside++;
    gate->asked++;
    return GATE_GO;
}

enum gate_answer gate_enter(struct gate *gate, struct gate_turn *turn)
{
    assert(turn->state == GATE_TURN_NONE);
    turn->gate = gate;
    if (gate->state == GATE_SHUT) {
        struct moment now = loop_now(gate->loop);
        if (!moment_reached(now, gate->probe_at) || gate->inside >= gate->inside_max) {
            return GATE_CLOSED;
        }
        gate->probe_at = moment_after(now, GATE_PAUSE_MS);
        return go(gate, turn);
    }
    if (gate->inside < gate->inside_max && gate->waiting == 0) {
        return go(gate, turn);
    }
    if (gate->waiting >= gate->waiting_max) {
        return GATE_FULL;
    }
    turn->state = GATE_TURN_WAITS;
    gate->waiting++;
    append(gate, turn);
    return GATE_WAIT;
}

static void leave(struct gate_turn *turn)
{
    assert(turn->state == GATE_TURN_INSIDE && turn->gate->inside > 0);
    turn->gate->inside--;
    turn->state = GATE_TURN_NONE;
}

/* Who answers is there. What one token, or one person's claims, are answered badly for, however often they come,
 * shuts nobody else out. */
static bool is_outage(const struct verdict *verdict)
{
    enum { TOO_MANY_REQUESTS = 429, SERVER_ERROR = 500 };
    return verdict->status == 0 || verdict->status == TOO_MANY_REQUESTS ||
           verdict->status >= SERVER_ERROR;
}

static void count_failure(struct gate *gate, const struct verdict *verdict)
{
    gate->failed++;
    if (!is_outage(verdict)) {
        gate->failures = 0;
        gate->state = GATE_OPEN;
        return;
    }
    gate->failures++;
    if (gate->failures >= GATE_FAILURES && gate->state == GATE_OPEN) {
        gate->state = GATE_SHUT;
        gate->probe_at = moment_after(loop_now(gate->loop), GATE_PAUSE_MS);
        send_all_away(gate);
    }
}

static void note_failure(struct gate *gate, const struct verdict *verdict, struct span login_id)
{
    count_failure(gate, verdict);
    if (gate->trouble) {
        return;
    }
    gate->trouble = true;
    gate->since = loop_now(gate->loop);
    log_warning(
        gate->log, "provider_unavailable", log_text("provider", gate->name),
        log_text("url", gate->shown), log_text("reason", verdict_reason_name(verdict->reason)),
        verdict->status == 0 ? log_text("status", NULL) : log_number("status", verdict->status),
        log_text("detail", verdict->detail), log_span("login", login_id));
}

static void note_health(struct gate *gate)
{
    bool was_shut = gate->state == GATE_SHUT;
    gate->failures = 0;
    gate->state = GATE_OPEN;
    if (was_shut) {
        memory_trim(); /* of all who had to wait */
    }
    if (!gate->trouble) {
        return;
    }
    gate->trouble = false;
    int64_t ms = moment_since(loop_now(gate->loop), gate->since);
    log_info(gate->log, "provider_recovered", log_text("provider", gate->name),
             log_number("seconds", ms / 1000));
}

void gate_leave(struct gate_turn *turn, const struct verdict *verdict, struct span login_id)
{
    struct gate *gate = turn->gate;
    leave(turn);
    if (verdict->answer == VERDICT_UNAVAILABLE) {
        note_failure(gate, verdict, login_id);
    } else {
        note_health(gate);
    }
    if (gate->state == GATE_OPEN) {
        call_next(gate);
    }
}

void gate_cancel(struct gate_turn *turn)
{
    struct gate *gate = turn->gate;
    switch (turn->state) {
    case GATE_TURN_NONE:
        return;
    case GATE_TURN_WAITS:
        gate->waiting--;
        take_out(turn);
        turn->state = GATE_TURN_NONE;
        return;
    case GATE_TURN_CALLED:
        take_out(turn);
        if (turn->answer != GATE_GO) {
            turn->state = GATE_TURN_NONE;
            return;
        }
        turn->state = GATE_TURN_INSIDE;
        break;
    case GATE_TURN_INSIDE:
        break;
    }
    leave(turn);
    if (gate->state == GATE_OPEN) {
        call_next(gate);
    }
}

/* -- for metrics -- */

enum gate_state gate_state(const struct gate *gate)
{
    return gate->state;
}

size_t gate_inside(const struct gate *gate)
{
    return gate->inside;
}

size_t gate_waiting(const struct gate *gate)
{
    return gate->waiting;
}

uint64_t gate_asked(const struct gate *gate)
{
    return gate->asked;
}

uint64_t gate_failed(const struct gate *gate)
{
    return gate->failed;
}
