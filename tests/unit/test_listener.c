/* test_listener.c - accepting: in portions, with pauses, and when descriptors run out. */
#include "with_net.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "net/listener.h"

enum { MANY = 150 };

static struct loop *loop;
static struct listener *listener;
static unsigned port;
static int accepted[MANY], accepted_count;
static int clients[MANY], clients_count;

static void on_connection(int fd, void *context)
{
    assert_ptr_equal(context, &accepted);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    accepted[accepted_count] = fd;
    accepted_count++;
}

static int set_up(void **state)
{
    (void)state;
    accepted_count = clients_count = 0;
    loop = loop_new();
    listener = listener_new(loop, net_listen(&port), on_connection, &accepted);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    listener_free(listener);
    loop_free(loop);
    for (int i = 0; i < accepted_count; i++) {
        close(accepted[i]);
    }
    for (int i = 0; i < clients_count; i++) {
        close(clients[i]);
    }
    return 0;
}

static void connect_some(int count)
{
    for (int i = 0; i < count; i++) {
        clients[clients_count] = net_connect(port);
        clients_count++;
    }
}

/* 50 a second are five in a tenth of one; the others come later, all of them. */
static void test_limit(void **state)
{
    (void)state;
    listener_limit(listener, 50);
    connect_some(12);
    struct moment begin = loop_now(loop);
    TURN_UNTIL(loop, accepted_count > 0);
    net_turns(loop, 20);
    assert_true(accepted_count == 5 || moment_since(loop_now(loop), begin) >= 100);
    TURN_UNTIL(loop, accepted_count == 12);
    assert_true(moment_since(loop_now(loop), begin) >= 200);
    listener_limit(listener, 0);
    connect_some(60);
    begin = loop_now(loop);
    TURN_UNTIL(loop, accepted_count == 72);
    listener_limit(NULL, 1);
}

static void test_at_most_64_a_turn(void **state)
{
    (void)state;
    connect_some(MANY);
    loop_turn(loop, 1000);
    assert_int_equal(accepted_count, 64);
    loop_turn(loop, 1000);
    assert_int_equal(accepted_count, 128);
    TURN_UNTIL(loop, accepted_count == MANY);
}

static void test_pause(void **state)
{
    (void)state;
    listener_pause(listener);
    connect_some(3);
    net_turns(loop, 5);
    assert_int_equal(accepted_count, 0);
    listener_resume(listener);
    TURN_UNTIL(loop, accepted_count == 3);
}

static void on_pausing_connection(int fd, void *context)
{
    struct listener **own = context;
    close(fd);
    listener_pause(*own);
}

static void test_pause_in_callback(void **state)
{
    unsigned other_port;
    struct listener *other;
    (void)state;
    other = listener_new(loop, net_listen(&other_port), on_pausing_connection, &other);
    int one = net_connect(other_port), two = net_connect(other_port);
    char byte;
    TURN_UNTIL(loop, recv(one, &byte, 1, MSG_DONTWAIT) == 0);
    net_turns(loop, 5);
    assert_int_equal(recv(two, &byte, 1, MSG_DONTWAIT), -1); /* waits in the backlog */
    listener_resume(other);
    TURN_UNTIL(loop, recv(two, &byte, 1, MSG_DONTWAIT) == 0);
    close(one);
    close(two);
    listener_free(other);
}

static int freeings;

static void on_freeing_connection(int fd, void *context)
{
    struct listener **own = context;
    close(fd);
    freeings++;
    listener_free(*own);
}

static void test_free_in_callback(void **state)
{
    unsigned other_port;
    struct listener *other;
    (void)state;
    freeings = 0;
    other = listener_new(loop, net_listen(&other_port), on_freeing_connection, &other);
    int one = net_connect(other_port), two = net_connect(other_port);
    TURN_UNTIL(loop, freeings > 0);
    net_turns(loop, 5);
    assert_int_equal(freeings, 1);
    close(one);
    close(two);
}

/* No descriptor left: nothing is accepted and nothing lost, and the loop does not spin. */
static void test_out_of_descriptors(void **state)
{
    struct rlimit before, tight;
    (void)state;
    connect_some(2);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(0);
    close(next);
    tight = before;
    tight.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    struct moment start = loop_now(loop);
    loop_turn(loop, 1000);
    assert_int_equal(accepted_count, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    net_turns(loop, 5);
    if (moment_since(loop_now(loop), start) < 100) {
        assert_int_equal(accepted_count, 0); /* it pauses */
    }
    TURN_UNTIL(loop, accepted_count == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_at_most_64_a_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pause, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pause_in_callback, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_free_in_callback, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_descriptors, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
