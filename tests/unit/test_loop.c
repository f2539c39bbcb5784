/* test_loop.c - turns of the loop: what runs when, once, and never after a cancel. */
#include "with_net.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

static struct loop *loop;
static char story[256];

static int set_up(void **state)
{
    (void)state;
    loop = loop_new();
    story[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void tell(const char *word)
{
    size_t length = strlen(story);
    snprintf(story + length, sizeof story - length, "%s", word);
}

/* -- later -- */

static void on_word(void *context)
{
    tell(context);
}

struct again {
    struct loop_later later;
    int left;
};

static void on_again(void *context)
{
    struct again *again = context;
    tell("a");
    again->left--;
    if (again->left > 0) {
        loop_later(loop, &again->later);
    }
}

static void test_later_order(void **state)
{
    struct loop_later a, b, flush;
    (void)state;
    loop_later_init(&a, on_word, (char[]){"a"});
    loop_later_init(&b, on_word, (char[]){"b"});
    loop_later_init(&flush, on_word, (char[]){"f"});
    loop_later_at_flush(loop, &flush);
    loop_later(loop, &a);
    loop_later(loop, &b);
    loop_later(loop, &a); /* twice is once */
    assert_string_equal(story, "");
    loop_turn(loop, 60000); /* does not wait: there is something to do */
    assert_string_equal(story, "abf");
    loop_turn(loop, 0);
    assert_string_equal(story, "abf");
    loop_later(loop, &a); /* may be queued again */
    loop_turn(loop, 0);
    assert_string_equal(story, "abfa");
}

static void test_later_is_a_snapshot(void **state)
{
    struct again again = {.left = 3};
    (void)state;
    loop_later_init(&again.later, on_again, &again);
    loop_later(loop, &again.later);
    loop_turn(loop, 0);
    assert_string_equal(story, "a");
    loop_turn(loop, 60000);
    assert_string_equal(story, "aa");
    loop_turn(loop, 60000);
    loop_turn(loop, 0);
    assert_string_equal(story, "aaa");
}

static struct loop_later victim;

static void on_cancelling(void *context)
{
    (void)context;
    tell("c");
    loop_later_cancel(&victim);
}

static void test_later_cancel(void **state)
{
    struct loop_later first, last;
    (void)state;
    loop_later_init(&first, on_cancelling, NULL);
    loop_later_init(&victim, on_word, (char[]){"v"});
    loop_later_init(&last, on_word, (char[]){"l"});
    loop_later_cancel(&victim); /* not queued: nothing happens */
    loop_later(loop, &victim);
    loop_later_cancel(&victim);
    loop_later(loop, &first);
    loop_later(loop, &victim); /* cancelled by the one before, in the same pass */
    loop_later(loop, &last);
    loop_turn(loop, 0);
    assert_string_equal(story, "cl");
}

/* -- timers -- */

struct alarm {
    struct loop_timer *timer;
    struct moment set;
    int64_t delay_ms;
    int fired;
};

static void on_alarm(void *context)
{
    struct alarm *alarm = context;
    alarm->fired++;
    assert_true(moment_since(loop_now(loop), alarm->set) >= alarm->delay_ms);
    assert_false(loop_timer_pending(alarm->timer));
    loop_timer_free(alarm->timer); /* safe here */
    alarm->timer = NULL;
}

static void test_timers_are_never_early(void **state)
{
    enum { COUNT = 40 };
    struct alarm alarms[COUNT] = {0};
    int fired = 0;
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        loop_turn(loop, 1);
        alarms[i] =
            (struct alarm){loop_timer_new(loop, on_alarm, &alarms[i]), loop_now(loop), i % 13, 0};
        loop_timer_set(alarms[i].timer, alarms[i].delay_ms);
        assert_true(loop_timer_pending(alarms[i].timer));
    }
    for (int i = 0; i < COUNT; i++) {
        TURN_UNTIL(loop, alarms[i].fired == 1);
        fired += alarms[i].fired;
    }
    assert_int_equal(fired, COUNT);
}

static void test_timer_set_and_clear(void **state)
{
    (void)state;
    struct loop_timer *timer = loop_timer_new(loop, on_word, (char[]){"t"});
    assert_false(loop_timer_pending(timer));
    loop_timer_set(timer, 60000);
    loop_timer_set(timer, 1); /* replaces */
    TURN_UNTIL(loop, story[0] != '\0');
    assert_false(loop_timer_pending(timer));
    loop_timer_set(timer, 0);
    loop_timer_clear(timer);
    struct loop_timer *other = loop_timer_new(loop, on_word, (char[]){"o"});
    loop_timer_set(other, 5);
    TURN_UNTIL(loop, story[1] != '\0');
    assert_string_equal(story, "to");
    loop_timer_free(timer);
    loop_timer_free(other);
    loop_timer_free(NULL);
}

/* -- descriptors -- */

static struct loop_watch *watches[2];

static void on_ready(int fd, int events, void *context)
{
    (void)fd;
    assert_int_equal(events, LOOP_READ);
    tell(context);
}

static void test_watch(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct loop_watch *watch = loop_watch_new(loop, ends[0], LOOP_READ, on_ready, (char[]){"r"});
    net_turns(loop, 3);
    assert_string_equal(story, "");
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_turn(loop, 1000);
    assert_string_equal(story, "r");
    loop_watch_set(watch, 0);
    net_turns(loop, 3);
    assert_string_equal(story, "r");
    loop_watch_set(watch, LOOP_READ);
    loop_turn(loop, 1000);
    assert_string_equal(story, "rr");
    loop_watch_free(watch);
    net_turns(loop, 3);
    assert_string_equal(story, "rr");
    close(ends[0]);
    close(ends[1]);
}

static void on_freeing(int fd, int events, void *context)
{
    (void)fd;
    (void)events;
    (void)context;
    tell("f");
    loop_watch_free(watches[0]);
    loop_watch_free(watches[1]);
}

/* Both are ready in one turn; whichever comes first frees both, and the other does not run. */
static void test_watch_freed_by_callback(void **state)
{
    int ends[2][2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe2(ends[i], O_CLOEXEC), 0);
        assert_int_equal(write(ends[i][1], "x", 1), 1);
        watches[i] = loop_watch_new(loop, ends[i][0], LOOP_READ, on_freeing, NULL);
    }
    loop_turn(loop, 1000);
    net_turns(loop, 3);
    assert_string_equal(story, "f");
    for (int i = 0; i < 2; i++) {
        close(ends[i][0]);
        close(ends[i][1]);
    }
}

static int seen_events;

static void on_events(int fd, int events, void *context)
{
    (void)fd;
    (void)context;
    seen_events |= events;
}

static void test_watch_both(void **state)
{
    int ends[2];
    (void)state;
    seen_events = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct loop_watch *watch = loop_watch_new(loop, ends[0], LOOP_WRITE, on_events, NULL);
    loop_turn(loop, 1000);
    assert_int_equal(seen_events, LOOP_WRITE);
    assert_true(net_send(ends[1], "x"));
    loop_watch_set(watch, LOOP_READ | LOOP_WRITE);
    loop_turn(loop, 1000);
    assert_int_equal(seen_events, LOOP_READ | LOOP_WRITE);
    loop_watch_free(watch);
    close(ends[0]);
    close(ends[1]);
}

/* -- clocks, signals, running -- */

static struct moment first_now;

static void on_clock(void *context)
{
    struct timespec spec;
    (void)context;
    if (first_now.ms == 0) {
        first_now = loop_now(loop);
        do { /* until the real clock has moved on */
            clock_gettime(CLOCK_MONOTONIC, &spec);
        } while ((int64_t)spec.tv_sec * 1000 + spec.tv_nsec / 1000000 <= first_now.ms + 1);
    }
    assert_int_equal(loop_now(loop).ms, first_now.ms);
    tell("n");
}

static void test_clocks_stand_still_within_a_turn(void **state)
{
    struct loop_later one, two;
    (void)state;
    loop_later_init(&one, on_clock, NULL);
    loop_later_init(&two, on_clock, NULL);
    loop_later(loop, &one);
    loop_later_at_flush(loop, &two);
    first_now.ms = 0;
    loop_turn(loop, 0);
    assert_string_equal(story, "nn");
    loop_turn(loop, 0);
    assert_true(loop_now(loop).ms > first_now.ms);
    assert_true(llabs(loop_wall(loop) - (int64_t)time(NULL)) <= 2);
    assert_int_equal(loop_wall_ms(loop) / 1000, loop_wall(loop));
}

static void on_signal(int number, void *context)
{
    (void)context;
    assert_int_equal(number, SIGUSR1);
    tell("s");
}

static void test_signal(void **state)
{
    (void)state;
    struct loop_signal *signal = loop_signal_new(loop, SIGUSR1, on_signal, NULL);
    raise(SIGUSR1);
    assert_string_equal(story, ""); /* only in the loop */
    TURN_UNTIL(loop, story[0] != '\0');
    assert_string_equal(story, "s");
    loop_signal_free(signal);
}

static struct loop_later last_words;

static void on_stop(void *context)
{
    (void)context;
    loop_stop(loop);
    loop_later_at_flush(loop, &last_words);
}

static void test_stop_finishes_the_turn(void **state)
{
    (void)state;
    loop_later_init(&last_words, on_word, (char[]){"bye"});
    struct loop_timer *timer = loop_timer_new(loop, on_stop, NULL);
    loop_timer_set(timer, 1);
    loop_run(loop);
    assert_string_equal(story, "bye");
    loop_stop(loop);
    loop_run(loop); /* stopped before it ran: returns at once */
    loop_timer_free(timer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_later_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_later_is_a_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_later_cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timers_are_never_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timer_set_and_clear, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_watch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_watch_freed_by_callback, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_watch_both, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clocks_stand_still_within_a_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop_finishes_the_turn, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
