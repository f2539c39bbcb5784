/* gate.h - how much one provider is asked, and whether it is asked at all.
 *
 * At most `requests_max` questions are under way; up to `queue_max` wait behind them in order; beyond that GATE_FULL.
 * The circuit breaker: after GATE_FAILURES failed answers in a row (no connection, timeout, 5xx, 429) the gate shuts: whoever
 * comes or waits is sent away, but for one probe every GATE_PAUSE_MS, however many of the earlier ones still
 * hang: the first other answer opens the gate again. An outage is one log line when it begins (`provider_unavailable`)
 * and one when it ends (`provider_recovered`). */
#ifndef TOKEN_GATE_H
#define TOKEN_GATE_H

#include "base/log.h"
#include "net/loop.h"
#include "token/verdict.h"

enum { GATE_FAILURES = 5, GATE_PAUSE_MS = 1000 };

struct gate;

enum gate_answer {
    GATE_CLOSED, /* the breaker is open */
    GATE_FULL,
    GATE_WAIT, /* the turn's fn() will run: later, at most once */
    GATE_GO,   /* ask now, then gate_leave() */
};

enum gate_state { GATE_OPEN, GATE_SHUT };

/* GATE_GO: it is your turn, ask now; GATE_CLOSED: the provider went away meanwhile. */
typedef void gate_turn_fn(enum gate_answer answer, void *context);

enum gate_turn_state { GATE_TURN_NONE, GATE_TURN_WAITS, GATE_TURN_CALLED, GATE_TURN_INSIDE };

/* One who asks: embedded in its owner. */
struct gate_turn {
    gate_turn_fn *fn;
    void *context;
    enum gate_turn_state state;
    enum gate_answer answer; /* of one that is called */
    struct gate *gate;
    struct gate_turn *next, *previous; /* of the gate's list */
};

struct gate *gate_new(struct loop *loop, const struct log *log, const struct provider *provider);
void gate_free(struct gate *gate); /* nobody inside or waiting: asserted. Takes NULL */
/* A reload: new limits, the same state of health. What is needed of `provider` is copied. */
void gate_configure(struct gate *gate, const struct provider *provider);

void gate_turn_init(struct gate_turn *turn, gate_turn_fn *fn, void *context);
enum gate_answer gate_enter(struct gate *gate, struct gate_turn *turn);
/* What came of it: an answer of any kind is health, VERDICT_UNAVAILABLE is not. `login_id` for the log line. */
void gate_leave(struct gate_turn *turn, const struct verdict *verdict, struct span login_id);
/* Given up before or after its turn came: says nothing about health. Also when it never entered. */
void gate_cancel(struct gate_turn *turn);

enum gate_state gate_state(const struct gate *gate);
size_t gate_inside(const struct gate *gate);
size_t gate_waiting(const struct gate *gate);
uint64_t gate_asked(const struct gate *gate); /* since it began */
uint64_t gate_failed(const struct gate *gate);

#endif
