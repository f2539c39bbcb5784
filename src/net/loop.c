/* loop.c - the one event loop: descriptors, timers, signals, and what is put off until later. */
#include "net/loop.h"

#include <assert.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#include "base/memory.h"

struct loop {
    struct event_base *base;
    struct event wait_over; /* ends the wait of loop_turn() */
    struct moment now;
    int64_t wall_ms;
    bool clocks_read; /* in this turn */
    bool stopping;
    bool turning;
    struct loop_later later, flush; /* heads of circular lists; a queued node has a `next` */
};

/* Reading and writing are watched by an event each, so that a change costs one epoll_ctl(). */
struct loop_watch {
    struct loop *loop;
    int fd;
    int events;
    loop_watch_fn *fn;
    void *context;
    struct event read, write;
};

struct loop_timer {
    struct loop *loop;
    struct moment due;
    loop_timer_fn *fn;
    void *context;
    struct event event;
};

struct loop_signal {
    struct loop *loop;
    loop_signal_fn *fn;
    void *context;
    struct event event;
};

static void must(bool held, const char *what)
{
    if (!held) {
        fprintf(stderr, "posternd: %s failed in the event loop\n", what);
        abort();
    }
}

static void add_event(struct event *event, const struct timeval *delay)
{
    must(event_add(event, delay) == 0, "event_add");
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec spec;
    must(clock_gettime(clock, &spec) == 0, "clock_gettime");
    return (int64_t)spec.tv_sec * 1000 + spec.tv_nsec / 1000000;
}

/* The clocks are read where the turn first does something: after its wait. */
static void read_clocks(struct loop *loop)
{
    if (loop->clocks_read) {
        return;
    }
    loop->clocks_read = true;
    loop->now.ms = clock_ms(CLOCK_MONOTONIC);
    loop->wall_ms = clock_ms(CLOCK_REALTIME);
}

static struct timeval delay_of(int64_t ms)
{
    return (struct timeval){.tv_sec = (time_t)(ms / 1000),
                            .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

static void on_wait_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    read_clocks(context);
}

static void *new_memory(size_t size)
{
    return memory_new(1, size);
}

struct loop *loop_new(void)
{
    event_set_mem_functions(new_memory, memory_resize, memory_free);
    struct event_config *config = event_config_new();
    must(config != NULL, "event_config_new");
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
    struct loop *loop = MEMORY_NEW(struct loop);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    must(loop->base != NULL, "event_base_new");
    must(evtimer_assign(&loop->wait_over, loop->base, on_wait_over, loop) == 0, "event_assign");
    loop->later.next = loop->later.previous = &loop->later;
    loop->flush.next = loop->flush.previous = &loop->flush;
    read_clocks(loop);
    return loop;
}

/* -- later -- */

static void unlink_later(struct loop_later *later)
{
    later->previous->next = later->next;
    later->next->previous = later->previous;
    later->next = later->previous = NULL;
}

static void append_later(struct loop_later *head, struct loop_later *later)
{
    if (later->next != NULL) {
        return;
    }
    later->next = head;
    later->previous = head->previous;
    head->previous->next = later;
    head->previous = later;
}

void loop_later_init(struct loop_later *later, loop_later_fn *fn, void *context)
{
    *later = (struct loop_later){.fn = fn, .context = context};
}

void loop_later(struct loop *loop, struct loop_later *later)
{
    append_later(&loop->later, later);
}

void loop_later_at_flush(struct loop *loop, struct loop_later *later)
{
    append_later(&loop->flush, later);
}

void loop_later_cancel(struct loop_later *later)
{
    if (later->next != NULL) {
        unlink_later(later);
    }
}

static bool queued(const struct loop_later *head)
{
    return head->next != head;
}

/* Runs what is on the list now. The nodes hang on a head of their own meanwhile, from which a
 * cancel takes them like from any other. */
static void drain(struct loop_later *head)
{
    if (!queued(head)) {
        return;
    }
    struct loop_later snapshot = {.next = head->next, .previous = head->previous};
    snapshot.next->previous = snapshot.previous->next = &snapshot;
    head->next = head->previous = head;
    while (queued(&snapshot)) {
        struct loop_later *later = snapshot.next;
        unlink_later(later);
        later->fn(later->context);
    }
}

/* Owners that outlive the loop may still cancel what they had queued. */
static void forget(struct loop_later *head)
{
    struct loop_later *later = head->next;
    while (later != head) {
        struct loop_later *next = later->next;
        later->next = later->previous = NULL;
        later = next;
    }
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    assert(!loop->turning);
    forget(&loop->later);
    forget(&loop->flush);
    event_base_free(loop->base);
    memory_free(loop);
}

/* -- turns -- */

static void turn(struct loop *loop, bool wait)
{
    assert(!loop->turning);
    loop->turning = true;
    loop->clocks_read = false;
    wait = wait && !queued(&loop->later) && !queued(&loop->flush);
    int how = wait ? EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY : EVLOOP_ONCE | EVLOOP_NONBLOCK;
    must(event_base_loop(loop->base, how) >= 0, "event_base_loop");
    read_clocks(loop);
    drain(&loop->later);
    drain(&loop->flush);
    loop->turning = false;
}

void loop_run(struct loop *loop)
{
    while (!loop->stopping) {
        turn(loop, true);
    }
    loop->stopping = false;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}

void loop_turn(struct loop *loop, int64_t wait_ms)
{
    if (wait_ms > 0) {
        struct timeval delay = delay_of(wait_ms);
        add_event(&loop->wait_over, &delay);
    }
    turn(loop, wait_ms > 0);
    event_del(&loop->wait_over);
}

struct moment loop_now(const struct loop *loop)
{
    return loop->now;
}

int64_t loop_wall(const struct loop *loop)
{
    return loop->wall_ms / 1000;
}

int64_t loop_wall_ms(const struct loop *loop)
{
    return loop->wall_ms;
}

/* -- descriptors -- */

static void on_ready(evutil_socket_t fd, short what, void *context)
{
    struct loop_watch *watch = context;
    int events = (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0);
    read_clocks(watch->loop);
    watch->fn(fd, events, watch->context); /* may free the watch */
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, int events, loop_watch_fn *fn,
                                  void *context)
{
    struct loop_watch *watch = MEMORY_NEW(struct loop_watch);
    *watch = (struct loop_watch){.loop = loop, .fd = fd, .fn = fn, .context = context};
    int failed =
        event_assign(&watch->read, loop->base, fd, EV_READ | EV_PERSIST, on_ready, watch) |
        event_assign(&watch->write, loop->base, fd, EV_WRITE | EV_PERSIST, on_ready, watch);
    must(failed == 0, "event_assign");
    loop_watch_set(watch, events);
    return watch;
}

static void watch_one(struct loop_watch *watch, int which, struct event *event, int events)
{
    if ((events & which) != 0 && (watch->events & which) == 0) {
        add_event(event, NULL);
    } else if ((events & which) == 0 && (watch->events & which) != 0) {
        event_del(event);
    }
}

void loop_watch_set(struct loop_watch *watch, int events)
{
    watch_one(watch, LOOP_READ, &watch->read, events);
    watch_one(watch, LOOP_WRITE, &watch->write, events);
    watch->events = events;
}

void loop_watch_free(struct loop_watch *watch)
{
    if (watch != NULL) {
        loop_watch_set(watch, 0);
        memory_free(watch);
    }
}

/* -- timers -- */

static void arm(struct loop_timer *timer, int64_t delay_ms)
{
    struct timeval delay = delay_of(delay_ms > 0 ? delay_ms : 0);
    add_event(&timer->event, &delay);
}

/* libevent's clock is the kernel's coarse one, a tick behind ours: whoever asks loop_now() in the
 * callback must find the time reached. */
static void on_due(evutil_socket_t fd, short what, void *context)
{
    struct loop_timer *timer = context;
    (void)fd;
    (void)what;
    read_clocks(timer->loop);
    if (!moment_reached(timer->loop->now, timer->due)) {
        arm(timer, moment_since(timer->due, timer->loop->now));
        return;
    }
    timer->fn(timer->context); /* may free the timer */
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *fn, void *context)
{
    struct loop_timer *timer = MEMORY_NEW(struct loop_timer);
    *timer = (struct loop_timer){.loop = loop, .fn = fn, .context = context};
    must(evtimer_assign(&timer->event, loop->base, on_due, timer) == 0, "event_assign");
    return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms)
{
    timer->due = moment_after(timer->loop->now, delay_ms);
    arm(timer, delay_ms);
}

void loop_timer_clear(struct loop_timer *timer)
{
    event_del(&timer->event);
}

bool loop_timer_pending(const struct loop_timer *timer)
{
    return event_pending(&timer->event, EV_TIMEOUT, NULL) != 0;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer != NULL) {
        event_del(&timer->event);
        memory_free(timer);
    }
}

/* -- signals -- */

static void on_signal(evutil_socket_t number, short what, void *context)
{
    struct loop_signal *signal = context;
    (void)what;
    read_clocks(signal->loop);
    signal->fn(number, signal->context);
}

struct loop_signal *loop_signal_new(struct loop *loop, int number, loop_signal_fn *fn,
                                    void *context)
{
    struct loop_signal *signal = MEMORY_NEW(struct loop_signal);
    *signal = (struct loop_signal){.loop = loop, .fn = fn, .context = context};
    must(evsignal_assign(&signal->event, loop->base, number, on_signal, signal) == 0,
         "event_assign");
    add_event(&signal->event, NULL);
    return signal;
}

void loop_signal_free(struct loop_signal *signal)
{
    if (signal != NULL) {
        event_del(&signal->event);
        memory_free(signal);
    }
}
