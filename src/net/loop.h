/* loop.h - the one event loop: descriptors, timers, signals, and what is put off until later.
 *
 * All state of the worker belongs to the loop's thread, so there are no locks. A turn of the loop:
 * wait, read the clocks once, run the callbacks of ready descriptors and timers, then the `later` list
 * (a snapshot: what is added meanwhile waits for the next turn), then the `flush` list, where each
 * stream that has output writes once. The only file that knows libevent. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/moment.h"

struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *loop);
void loop_run(struct loop *loop); /* until loop_stop(); the turn is finished first */
void loop_stop(struct loop *loop);
/* One turn, waiting at most `wait_ms` (0: not at all). For tests. */
void loop_turn(struct loop *loop, int64_t wait_ms);

/* The clocks as of the start of this turn. */
struct moment loop_now(const struct loop *loop);
int64_t loop_wall(const struct loop *loop); /* seconds since 1970 */
int64_t loop_wall_ms(const struct loop *loop);

/* Descriptors. `events` is a set of LOOP_READ and LOOP_WRITE; the descriptor stays the caller's. */
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
struct loop_watch;
typedef void loop_watch_fn(int fd, int events, void *context);
struct loop_watch *loop_watch_new(struct loop *loop, int fd, int events, loop_watch_fn *fn,
                                  void *context);
void loop_watch_set(struct loop_watch *watch, int events); /* 0 pauses it */
void loop_watch_free(struct loop_watch *watch); /* takes NULL; safe inside its own callback */

/* Timers fire once for each loop_timer_set(). */
struct loop_timer;
typedef void loop_timer_fn(void *context);
struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *fn, void *context);
void loop_timer_set(struct loop_timer *timer, int64_t delay_ms); /* replaces what was set */
void loop_timer_clear(struct loop_timer *timer);
bool loop_timer_pending(const struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* takes NULL; safe inside its own callback */

/* Signals reach only the loop. */
struct loop_signal;
typedef void loop_signal_fn(int number, void *context);
struct loop_signal *loop_signal_new(struct loop *loop, int number, loop_signal_fn *fn,
                                    void *context);
void loop_signal_free(struct loop_signal *signal);

/* Work put off: embedded in its owner, runs once on the next pass of its list, never before the
 * call that queued it returned, never after loop_later_cancel(). Queueing twice queues once. */
typedef void loop_later_fn(void *context);
struct loop_later {
    loop_later_fn *fn;
    void *context;
    struct loop_later *next, *previous; /* the loop's */
};
void loop_later_init(struct loop_later *later, loop_later_fn *fn, void *context);
void loop_later(struct loop *loop, struct loop_later *later);
/* the end of this turn; for streams and sinks */
void loop_later_at_flush(struct loop *loop, struct loop_later *later);
void loop_later_cancel(struct loop_later *later); /* also when it is not queued */

#endif
