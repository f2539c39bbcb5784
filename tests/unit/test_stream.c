/* test_stream.c - one connection: input that is kept, output that waits, and every way it ends. */
#include "with_net.h"

#include <errno.h>
#include <stdio.h>

#include "net/stream.h"

enum { INPUT_MAX = 64 };

static struct loop *loop;
static struct stream *stream;
static int peer;
static int ends;
static enum stream_end last_end;
static char seen[4096]; /* every offer, each behind a "|" */
static size_t consume;  /* the most that the owner takes of an offer; 0: nothing */
static enum { ON_INPUT_NOTHING, ON_INPUT_FREE, ON_INPUT_FINISH, ON_INPUT_HOLD } on_input_do;
static bool free_at_end;

static size_t on_input(struct span bytes, void *context)
{
    assert_ptr_equal(context, &seen);
    assert_true(bytes.length > 0 && bytes.length <= INPUT_MAX);
    size_t length = strlen(seen);
    snprintf(seen + length, sizeof seen - length, "|%.*s", (int)bytes.length, bytes.at);
    switch (on_input_do) {
    case ON_INPUT_NOTHING:
        break;
    case ON_INPUT_FREE:
        stream_free(stream);
        stream = NULL;
        assert_true(bytes.at[0] != '\0'); /* still there */
        break;
    case ON_INPUT_FINISH:
        stream_write(stream, SPAN_LITERAL("bye"));
        stream_finish(stream);
        stream_write(stream, SPAN_LITERAL("too late"));
        break;
    case ON_INPUT_HOLD:
        stream_hold(stream);
        break;
    }
    return bytes.length < consume ? bytes.length : consume;
}

static void on_end(enum stream_end end, void *context)
{
    assert_ptr_equal(context, &seen);
    ends++;
    last_end = end;
    if (free_at_end) {
        stream_free(stream);
        stream = NULL;
    }
}

static const struct stream_events EVENTS = {on_input, on_end};

static void set_up_with(int type)
{
    int both[2];
    assert_int_equal(socketpair(AF_UNIX, type, 0, both), 0);
    loop = loop_new();
    stream = stream_new(loop, both[0], INPUT_MAX, &EVENTS, &seen);
    peer = both[1];
    ends = 0;
    seen[0] = '\0';
    consume = INPUT_MAX;
    on_input_do = ON_INPUT_NOTHING;
    free_at_end = false;
}

static int set_up(void **state)
{
    (void)state;
    set_up_with(SOCK_STREAM);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stream_free(stream);
    loop_free(loop);
    if (peer >= 0) {
        close(peer);
    }
    return 0;
}

static void close_peer(void)
{
    close(peer);
    peer = -1;
}

/* -- input -- */

static void test_input_is_kept(void **state)
{
    (void)state;
    consume = 0;
    net_send(peer, "one ");
    TURN_UNTIL(loop, strcmp(seen, "|one ") == 0);
    net_turns(loop, 3);
    assert_string_equal(seen, "|one "); /* the same is not offered without news */
    net_send(peer, "two");
    TURN_UNTIL(loop, strcmp(seen, "|one |one two") == 0);
    consume = 4;
    net_send(peer, "!");
    TURN_UNTIL(loop, strcmp(seen, "|one |one two|one two!|two!") == 0);
    net_send(peer, "x");
    TURN_UNTIL(loop, strstr(seen, "|two!|x") != NULL);
    assert_int_equal(ends, 0);
}

static void test_called_again_while_it_uses_some(void **state)
{
    (void)state;
    consume = 1;
    net_send(peer, "abc");
    TURN_UNTIL(loop, strcmp(seen, "|abc|bc|c") == 0);
}

/* 64 bytes that the owner does not use end the connection, 63 do not. */
static void test_too_long(void **state)
{
    char line[INPUT_MAX] = "";
    (void)state;
    consume = 0;
    memset(line, 'x', INPUT_MAX - 1);
    net_send(peer, line);
    TURN_UNTIL(loop, seen[0] != '\0');
    net_turns(loop, 3);
    assert_int_equal(ends, 0);
    net_send(peer, "y");
    TURN_UNTIL(loop, ends == 1);
    assert_int_equal(last_end, STREAM_TOO_LONG);
}

/* What the owner does use may be any amount. */
static void test_much_input(void **state)
{
    char line[1001] = "";
    (void)state;
    memset(line, 'x', sizeof line - 1);
    net_send(peer, line);
    TURN_UNTIL(loop, strlen(seen) == 1000 + 16);
    assert_int_equal(ends, 0);
}

static void test_free_in_input(void **state)
{
    (void)state;
    on_input_do = ON_INPUT_FREE;
    consume = 1;
    net_send(peer, "abc");
    TURN_UNTIL(loop, seen[0] != '\0');
    net_turns(loop, 3);
    assert_string_equal(seen, "|abc");
    assert_int_equal(ends, 0);
    char byte;
    assert_int_equal(recv(peer, &byte, 1, 0), 0);
}

static void test_hold(void **state)
{
    (void)state;
    on_input_do = ON_INPUT_HOLD;
    consume = 1;
    net_send(peer, "abc");
    TURN_UNTIL(loop, strcmp(seen, "|abc") == 0);
    net_send(peer, "d");
    net_turns(loop, 5);
    assert_string_equal(seen, "|abc");
    on_input_do = ON_INPUT_NOTHING;
    stream_release(stream);
    assert_string_equal(seen, "|abc"); /* later, not now */
    loop_turn(loop, 0);
    assert_true(strncmp(seen, "|abc|bc|c", 9) == 0);
    TURN_UNTIL(loop, strcmp(seen, "|abc|bc|c|d") == 0);
}

/* The owner holds because it cannot take more now: a full input is no offence then. */
static void test_hold_with_full_input(void **state)
{
    char line[3 * INPUT_MAX + 1] = "";
    (void)state;
    memset(line, 'x', sizeof line - 1);
    on_input_do = ON_INPUT_HOLD;
    consume = 0;
    net_send(peer, line);
    TURN_UNTIL(loop, seen[0] != '\0');
    net_turns(loop, 3);
    assert_int_equal(ends, 0);
    on_input_do = ON_INPUT_NOTHING;
    consume = INPUT_MAX;
    stream_release(stream);
    TURN_UNTIL(loop, strlen(seen) == 4 * (1 + INPUT_MAX));
}

/* -- output -- */

/* Each send() on a SOCK_SEQPACKET is a packet. */
static void test_one_write_a_turn(void **state)
{
    char bytes[256] = "";
    (void)state;
    set_up_with(SOCK_SEQPACKET);
    for (int i = 0; i < 10; i++) {
        stream_write(stream, SPAN_LITERAL("line\n"));
    }
    assert_int_equal(stream_waiting(stream), 50);
    assert_int_equal(recv(peer, bytes, sizeof bytes, MSG_DONTWAIT), -1);
    loop_turn(loop, 0);
    assert_int_equal(recv(peer, bytes, sizeof bytes, MSG_DONTWAIT), 50);
    assert_int_equal(stream_waiting(stream), 0);
    tear_down(state);
}

static void write_much(size_t length)
{
    char *bytes = malloc(length);
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (char)('a' + i % 23);
    }
    stream_write(stream, span_bytes(bytes, length));
    free(bytes);
}

/* Reads what is there; checks that it is what write_much() wrote. */
static size_t read_much(size_t from)
{
    char bytes[10000];
    ssize_t length = recv(peer, bytes, sizeof bytes, MSG_DONTWAIT);
    for (ssize_t i = 0; i < length; i++) {
        assert_int_equal(bytes[i], 'a' + (from + (size_t)i) % 23);
    }
    return length > 0 ? (size_t)length : 0;
}

static void test_reading_pauses_while_output_waits(void **state)
{
    enum { MUCH = 3000000 };
    size_t got = 0;
    (void)state;
    write_much(MUCH);
    net_turns(loop, 3);
    assert_true(stream_waiting(stream) > STREAM_OUTPUT_PAUSE);
    net_send(peer, "more?");
    net_turns(loop, 5);
    assert_string_equal(seen, "");
    while (stream_waiting(stream) > STREAM_OUTPUT_PAUSE) {
        assert_string_equal(seen, "");
        got += read_much(got);
        loop_turn(loop, 0);
    }
    TURN_UNTIL(loop, strcmp(seen, "|more?") == 0);
    while (got < MUCH) {
        got += read_much(got);
        loop_turn(loop, 0);
    }
    assert_int_equal(stream_waiting(stream), 0);
    assert_int_equal(ends, 0);
}

/* One offer leads to more output than may wait: the rest of the same read is not offered before
 * that is gone. */
static size_t on_input_answering(struct span bytes, void *context)
{
    (void)on_input(bytes, context);
    write_much(23 * 20000);
    return 1;
}

static void test_offers_pause_while_output_waits(void **state)
{
    static const struct stream_events events = {on_input_answering, on_end};
    int both[2];
    size_t got = 0;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
    stream_free(stream);
    close(peer);
    stream = stream_new(loop, both[0], INPUT_MAX, &events, &seen);
    peer = both[1];
    net_send(peer, "ab");
    TURN_UNTIL(loop, strcmp(seen, "|ab") == 0);
    net_turns(loop, 5);
    assert_string_equal(seen, "|ab");
    while (got < 2 * 23 * 20000) {
        got += read_much(got);
        loop_turn(loop, 0);
    }
    assert_string_equal(seen, "|ab|b");
}

static void test_output_is_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 17; i++) {
        write_much(1024 * 1024);
    }
    assert_int_equal(ends, 0); /* never inside stream_write() */
    TURN_UNTIL(loop, ends == 1);
    assert_int_equal(last_end, STREAM_BROKEN);
}

/* -- ends -- */

static void test_peer_closes(void **state)
{
    (void)state;
    free_at_end = true;
    net_send(peer, "last words");
    close_peer();
    TURN_UNTIL(loop, ends == 1);
    assert_int_equal(last_end, STREAM_CLOSED);
    assert_string_equal(seen, "|last words");
    net_turns(loop, 3);
    assert_int_equal(ends, 1);
}

static void test_write_fails(void **state)
{
    (void)state;
    stream_hold(stream);
    close_peer();
    stream_write(stream, SPAN_LITERAL("anyone?"));
    TURN_UNTIL(loop, ends == 1);
    assert_int_equal(last_end, STREAM_BROKEN);
    stream_write(stream, SPAN_LITERAL("after the end: nothing"));
    stream_finish(stream);
    stream_release(stream);
    stream_hold(stream);
    assert_int_equal(stream_waiting(stream), 0);
    net_turns(loop, 3);
    assert_int_equal(ends, 1);
}

static void test_connection_reset(void **state)
{
    (void)state;
    unsigned port;
    int listening = net_listen(&port), client = net_connect(port);
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    stream_free(stream);
    stream = stream_new(loop, accept(listening, NULL, NULL), INPUT_MAX, &EVENTS, &seen);
    setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(client);
    close(listening);
    TURN_UNTIL(loop, ends == 1);
    assert_int_equal(last_end, STREAM_BROKEN);
    assert_false(stream_peer(stream).known); /* TCP says nothing of its user */
}

static void test_finish_writes_what_is_left(void **state)
{
    enum { MUCH = 2000000 };
    size_t got = 0;
    (void)state;
    free_at_end = true;
    write_much(MUCH);
    stream_finish(stream);
    net_send(peer, "not heard any more");
    while (got < MUCH) {
        got += read_much(got);
        loop_turn(loop, 0);
    }
    TURN_UNTIL(loop, ends == 1);
    assert_int_equal(last_end, STREAM_CLOSED);
    assert_string_equal(seen, "");
}

/* Postfix writes its next login into a connection that is only half closed, and it is lost. */
static void test_finish_leaves_no_half_open_socket(void **state)
{
    (void)state;
    stream_write(stream, SPAN_LITERAL("bye"));
    stream_finish(stream);
    TURN_UNTIL(loop, ends == 1);
    assert_int_equal(send(peer, "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    char bytes[8];
    assert_int_equal(recv(peer, bytes, sizeof bytes, MSG_DONTWAIT), 3);
}

static void test_finish_waits_for_a_peer_of_tcp(void **state)
{
    (void)state;
    unsigned port;
    int listening = net_listen(&port), client = net_connect(port);
    stream_free(stream);
    stream = stream_new(loop, accept(listening, NULL, NULL), INPUT_MAX, &EVENTS, &seen);
    close(listening);
    stream_write(stream, SPAN_LITERAL("bye"));
    stream_finish(stream);
    char bytes[8];
    TURN_UNTIL(loop, recv(client, bytes, sizeof bytes, MSG_DONTWAIT) == 3);
    TURN_UNTIL(loop, recv(client, bytes, sizeof bytes, MSG_DONTWAIT) == 0);
    assert_int_equal(ends, 0);
    close(client);
    TURN_UNTIL(loop, ends == 1);
    assert_int_equal(last_end, STREAM_CLOSED);
}

static void test_finish_in_input(void **state)
{
    char bytes[64] = "";
    (void)state;
    on_input_do = ON_INPUT_FINISH;
    consume = 1;
    net_send(peer, "abc");
    TURN_UNTIL(loop, recv(peer, bytes, sizeof bytes - 1, MSG_DONTWAIT) == 3);
    assert_string_equal(bytes, "bye");
    assert_string_equal(seen, "|abc");
    TURN_UNTIL(loop, ends == 1);
    assert_int_equal(last_end, STREAM_CLOSED);
}

static void test_peer(void **state)
{
    (void)state;
    struct stream_peer who = stream_peer(stream);
    assert_true(who.known);
    assert_int_equal(who.uid, getuid());
    assert_int_equal(who.gid, getgid());
    assert_int_equal(who.pid, getpid());
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_input_is_kept),
        CASE(test_called_again_while_it_uses_some),
        CASE(test_too_long),
        CASE(test_much_input),
        CASE(test_free_in_input),
        CASE(test_hold),
        CASE(test_hold_with_full_input),
        cmocka_unit_test(test_one_write_a_turn),
        CASE(test_reading_pauses_while_output_waits),
        CASE(test_offers_pause_while_output_waits),
        CASE(test_output_is_bounded),
        CASE(test_peer_closes),
        CASE(test_write_fails),
        CASE(test_connection_reset),
        CASE(test_finish_writes_what_is_left),
        CASE(test_finish_leaves_no_half_open_socket),
        CASE(test_finish_waits_for_a_peer_of_tcp),
        CASE(test_finish_in_input),
        CASE(test_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
