/* fake_loop.h - net/loop.h without an event loop: time stands still until the test moves it.
 *
 * Linked instead of net/loop.c by being included; offers clocks, timers and the later list. */
#ifndef UNIT_FAKE_LOOP_H
#define UNIT_FAKE_LOOP_H

#include "base/memory.h"
#include "net/loop.h"

#include <stddef.h>

struct loop {
    struct moment now;
    int64_t wall_ms;
    struct loop_later later; /* head of a circular list */
    struct loop_timer *timers;
};

struct loop_timer {
    struct loop *loop;
    struct loop_timer *next;
    struct moment due;
    bool pending;
    loop_timer_fn *fn;
    void *context;
};

static inline void fake_loop_init(struct loop *loop)
{
    *loop = (struct loop){.now = {1000000}, .wall_ms = 1790000000000};
    loop->later.next = loop->later.previous = &loop->later;
}

struct moment loop_now(const struct loop *loop)
{
    return loop->now;
}

int64_t loop_wall(const struct loop *loop)
{
    return loop->wall_ms / 1000;
}

void loop_later_init(struct loop_later *later, loop_later_fn *fn, void *context)
{
    *later = (struct loop_later){.fn = fn, .context = context};
}

void loop_later(struct loop *loop, struct loop_later *later)
{
    if (later->next == NULL) {
        later->next = &loop->later;
        later->previous = loop->later.previous;
        loop->later.previous->next = later;
        loop->later.previous = later;
    }
}

void loop_later_cancel(struct loop_later *later)
{
    if (later->next != NULL) {
        later->previous->next = later->next;
        later->next->previous = later->previous;
        later->next = later->previous = NULL;
    }
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *fn, void *context)
{
    struct loop_timer *timer = MEMORY_NEW(struct loop_timer);
    *timer = (struct loop_timer){.loop = loop, .next = loop->timers, .fn = fn, .context = context};
    loop->timers = timer;
    return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms)
{
    timer->due = moment_after(timer->loop->now, delay_ms > 0 ? delay_ms : 0);
    timer->pending = true;
}

void loop_timer_clear(struct loop_timer *timer)
{
    timer->pending = false;
}

bool loop_timer_pending(const struct loop_timer *timer)
{
    return timer->pending;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer == NULL) {
        return;
    }
    struct loop_timer **link = &timer->loop->timers;
    while (*link != timer) {
        link = &(*link)->next;
    }
    *link = timer->next;
    memory_free(timer);
}

/* Runs the oldest entry of the later list; false when there is none. */
static inline bool fake_loop_run_later(struct loop *loop)
{
    struct loop_later *later = loop->later.next;
    if (later == &loop->later) {
        return false;
    }
    loop_later_cancel(later);
    later->fn(later->context);
    return true;
}

/* The timer that fires next, or NULL. */
static inline struct loop_timer *fake_loop_next_timer(const struct loop *loop)
{
    struct loop_timer *first = NULL;
    for (struct loop_timer *timer = loop->timers; timer != NULL; timer = timer->next) {
        if (timer->pending && (first == NULL || timer->due.ms < first->due.ms)) {
            first = timer;
        }
    }
    return first;
}

/* Moves time to where the next timer fires, and fires it; false when there is none. */
static inline bool fake_loop_fire(struct loop *loop)
{
    struct loop_timer *timer = fake_loop_next_timer(loop);
    if (timer == NULL) {
        return false;
    }
    if (timer->due.ms > loop->now.ms) {
        loop->wall_ms += timer->due.ms - loop->now.ms;
        loop->now = timer->due;
    }
    timer->pending = false;
    timer->fn(timer->context);
    return true;
}

#endif
