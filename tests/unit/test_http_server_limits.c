/* test_http_server_limits.c - large bodies and how they come, many connections of one client, heads without an end. */
#include "with_http_server.h"

/* -- bodies -- */

#define POST(headers) "POST /body HTTP/1.1\r\nHost: x\r\n" headers "\r\n"
#define CHUNKED       "Transfer-Encoding: chunked\r\n"

static const struct http_server_settings GENEROUS = {.connections_max = CONNECTIONS_MAX,
                                                     .body_max = 4 * 1024 * 1024,
                                                     .request_ms = 30000,
                                                     .idle_ms = 30000,
                                                     .chunked = true,
                                                     .bodies_max = 5 * 1024 * 1024};

static int set_up_generous(void **state)
{
    (void)state;
    start(&GENEROUS);
    return 0;
}

static void test_chunks(void **state)
{
    struct client client = client_new();
    (void)state;
    net_send(client.fd, POST(CHUNKED) "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" GET("/next"));
    client_expects(&client, "HTTP/1.1 200 ", "/next");
    assert_int_equal(requests, 2);
    static const char text[] = POST(CHUNKED) "2\r\nHE\r\n3\r\nLLO\r\n0\r\n\r\n";
    for (size_t i = 0; i < sizeof text - 1; i++) {
        assert_int_equal(requests, 2);
        assert_int_equal(send(client.fd, text + i, 1, 0), 1);
        loop_turn(loop, 50);
    }
    client_expects(&client, "HTTP/1.1 200 ", "/body");
    assert_string_equal(last_body, "HELLO");
    close(client.fd);
}

static void test_continue(void **state)
{
    struct client client = client_new();
    (void)state;
    net_send(client.fd, POST("Expect: 100-continue\r\nContent-Length: 5\r\n"));
    client_expects(&client, "HTTP/1.1 100 Continue\r\n\r\n", "\r\n\r\n");
    net_send(client.fd, "hello");
    client_expects(&client, "HTTP/1.1 200 ", "/body");
    assert_string_equal(last_body, "hello");
    /* It did not wait, or has nothing to send: no interim answer. */
    net_send(client.fd, POST("Expect: 100-continue\r\nContent-Length: 5\r\n") "hello");
    client_expects(&client, "HTTP/1.1 200 ", "/body");
    net_send(client.fd, POST("Expect: 100-continue\r\n"));
    client_expects(&client, "HTTP/1.1 200 ", "/body");
    net_send(client.fd, POST("Expect: 100-continue\r\nContent-Length: 4194305\r\n"));
    TURN_UNTIL(loop, client_reads(&client) && client.closed);
    assert_int_equal(strncmp(client.got, "HTTP/1.1 413 ", 13), 0);
    assert_int_equal(http_server_refused(server, HTTP_REFUSED_SIZE), 1);
    close(client.fd);
}

/* Sends until the whole body is there; true when all of it was taken. */
static bool send_body(struct client *client, size_t size)
{
    static char bytes[64 * 1024];
    size_t sent = 0;
    while (sent < size && client_reads(client) && client->length == 0 && !client->closed) {
        size_t part = size - sent < sizeof bytes ? size - sent : sizeof bytes;
        ssize_t length = send(client->fd, bytes, part, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += length > 0 ? (size_t)length : 0;
        loop_turn(loop, 0);
    }
    return sent == size;
}

static void test_large_body(void **state)
{
    struct client client = client_new();
    (void)state;
    for (int i = 0; i < 3; i++) {
        net_send(client.fd, POST("Content-Length: 4194304\r\n"));
        assert_true(send_body(&client, 4194304));
        client_expects(&client, "HTTP/1.1 200 ", "/body");
        assert_int_equal(last_length, 4194304);
    }
    close(client.fd);
}

/* 5 MiB for all large bodies, also while they wait for their answer; small ones are no part of it. */
static void test_budget(void **state)
{
    struct client clients[3] = {client_new(), client_new(), client_new()};
    (void)state;
    answers_at_once = false;
    net_send(clients[0].fd, POST("Content-Length: 4194304\r\n"));
    assert_true(send_body(&clients[0], 4194304));
    TURN_UNTIL(loop, requests == 1);
    net_send(clients[1].fd, POST("Content-Length: 4194304\r\n"));
    send_body(&clients[1], 4194304);
    TURN_UNTIL(loop, client_reads(&clients[1]) && clients[1].closed);
    assert_int_equal(strncmp(clients[1].got, "HTTP/1.1 503 ", 13), 0);
    assert_non_null(strstr(clients[1].got, "\r\nRetry-After: 5\r\n"));
    assert_int_equal(http_server_refused(server, HTTP_REFUSED_MEMORY), 1);
    net_send(clients[2].fd, POST("Content-Length: 65536\r\n"));
    assert_true(send_body(&clients[2], 65536));
    TURN_UNTIL(loop, requests == 2);
    http_server_reply(waiting[0], 200, "text/plain", SPAN_LITERAL("done"));
    http_server_reply(waiting[1], 200, "text/plain", SPAN_LITERAL("done"));
    client_expects(&clients[0], "HTTP/1.1 200 ", "done");
    client_expects(&clients[2], "HTTP/1.1 200 ", "done");
    net_send(clients[0].fd, POST("Content-Length: 4194304\r\n"));
    assert_true(send_body(&clients[0], 4194304));
    TURN_UNTIL(loop, requests == 3);
    for (int i = 0; i < 3; i++) {
        close(clients[i].fd);
    }
    TURN_UNTIL(loop, gone == 1);
}

/* A reload makes it smaller than what is in use: it is used up, not endless. */
static void test_budget_shrinks(void **state)
{
    struct http_server_settings settings = GENEROUS;
    struct client first = client_new(), second = client_new();
    (void)state;
    answers_at_once = false;
    net_send(first.fd, POST("Content-Length: 4194304\r\n"));
    assert_true(send_body(&first, 4194304));
    TURN_UNTIL(loop, requests == 1);
    settings.bodies_max = 1024 * 1024;
    http_server_configure(server, &settings);
    net_send(second.fd, POST("Content-Length: 4194304\r\n"));
    assert_false(send_body(&second, 4194304));
    TURN_UNTIL(loop, client_reads(&second) && second.closed);
    assert_int_equal(strncmp(second.got, "HTTP/1.1 503 ", 13), 0);
    http_server_reply(waiting[0], 200, "text/plain", SPAN_LITERAL("done"));
    client_expects(&first, "HTTP/1.1 200 ", "done");
    close(first.fd);
    close(second.fd);
}

static void test_leaves_in_body(void **state)
{
    struct client client = client_new();
    (void)state;
    net_send(client.fd, POST("Content-Length: 4194304\r\n") "half");
    TURN_UNTIL(loop, http_server_connections(server) == 1);
    net_turns(loop, 3);
    close(client.fd);
    TURN_UNTIL(loop, http_server_connections(server) == 0);
    assert_int_equal(requests + gone, 0);
}

/* -- one address -- */

static bool all_trusted;

static bool on_trusted(const struct ip_address *address, void *context)
{
    assert_ptr_equal(context, &requests);
    assert_true(ip_address_is_loopback(address));
    return all_trusted;
}

static const char *on_refusal(struct span path, unsigned status, const char *text,
                              struct buffer *body, void *context)
{
    assert_ptr_equal(context, &requests);
    buffer_format(body, "<%u %.*s %s>", status, (int)path.length, path.at, text);
    return "text/x-refusal";
}

static int set_up_greedy(void **state)
{
    static const struct http_server_handler handler = {on_request, on_gone, on_refusal, on_trusted};
    static const struct http_server_settings settings = {.connections_max = 10,
                                                         .body_max = BODY_MAX,
                                                         .request_ms = 30000,
                                                         .idle_ms = 30000,
                                                         .address_connections_max = 2};
    set_up(state);
    http_server_free(server);
    server = http_server_new(loop, net_listen(&port), &settings, &handler, &requests);
    all_trusted = false;
    return 0;
}

static void test_one_address(void **state)
{
    struct client clients[3] = {client_new(), client_new(), client_new()};
    (void)state;
    TURN_UNTIL(loop, client_reads(&clients[2]) && clients[2].closed);
    assert_int_equal(strncmp(clients[2].got, "HTTP/1.1 429 ", 13), 0);
    assert_non_null(strstr(clients[2].got, "\r\nRetry-After: 5\r\n"));
    assert_non_null(strstr(clients[2].got, "\r\nContent-Type: text/x-refusal\r\n"));
    assert_true(span_ends(span_of(clients[2].got),
                          "\r\n\r\n<429  too many connections from this address>"));
    close(clients[2].fd);
    net_send(clients[0].fd, GET("/x"));
    client_expects(&clients[0], "HTTP/1.1 200 ", "/x");
    close(clients[0].fd);
    TURN_UNTIL(loop, http_server_connections(server) == 1);
    clients[0] = client_new();
    net_send(clients[0].fd, GET("/again"));
    client_expects(&clients[0], "HTTP/1.1 200 ", "/again");
    all_trusted = true;
    clients[2] = client_new();
    net_send(clients[2].fd, GET("/front"));
    client_expects(&clients[2], "HTTP/1.1 200 ", "/front");
    assert_int_equal(http_server_refused(server, HTTP_REFUSED_ADDRESS), 1);
    for (int i = 0; i < 3; i++) {
        close(clients[i].fd);
    }
}

/* The owner writes what is said, and knows the path where there is one. */
static void test_own_refusals(void **state)
{
    struct client client = client_new();
    (void)state;
    net_send(client.fd, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n");
    TURN_UNTIL(loop, client_reads(&client) && client.closed);
    assert_true(span_ends(span_of(client.got), "\r\n\r\n<413 /a body too long>"));
    close(client.fd);
}

/* -- senders without an end -- */

static void test_dripping_heads_make_room(void **state)
{
    struct client clients[CONNECTIONS_MAX], another;
    (void)state;
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        clients[i] = client_new();
        net_send(clients[i].fd, "GET /drip");
        TURN_UNTIL(loop, http_server_connections(server) == (size_t)i + 1);
        net_turns(loop, 3);
    }
    another = client_new();
    net_send(another.fd, GET("/new"));
    client_expects(&another, "HTTP/1.1 200 ", "/new");
    client_expects_close(&clients[0]);
    assert_int_equal(http_server_refused(server, HTTP_REFUSED_CONNECTIONS), 1);
    /* Now the other is idle, and goes before those. */
    struct client third = client_new();
    net_send(third.fd, GET("/third"));
    client_expects(&third, "HTTP/1.1 200 ", "/third");
    client_expects_close(&another);
    for (int i = 1; i < CONNECTIONS_MAX; i++) {
        net_send(clients[i].fd, " HTTP/1.1\r\nHost: x\r\n\r\n");
        client_expects(&clients[i], "HTTP/1.1 200 ", "/drip");
        close(clients[i].fd);
    }
    close(third.fd);
}

/* Exchanges under way are never closed for another. */
static void test_waiting_stays(void **state)
{
    struct client busy = client_new(), drips[2] = {client_new(), client_new()}, another;
    (void)state;
    answers_at_once = false;
    net_send(busy.fd, GET("/busy"));
    TURN_UNTIL(loop, requests == 1);
    net_send(drips[0].fd, "GET /drip");
    net_send(drips[1].fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell");
    TURN_UNTIL(loop, http_server_connections(server) == CONNECTIONS_MAX);
    net_turns(loop, 5);
    for (int i = 0; i < 2; i++) {
        another = client_new();
        net_send(another.fd, GET("/another"));
        TURN_UNTIL(loop, requests == 2 + i);
    }
    assert_int_equal(gone, 0);
    http_server_reply(waiting[0], 200, "text/plain", SPAN_LITERAL("done"));
    client_expects(&busy, "HTTP/1.1 200 ", "done");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_chunks, set_up_generous, tear_down),
        cmocka_unit_test_setup_teardown(test_continue, set_up_generous, tear_down),
        cmocka_unit_test_setup_teardown(test_large_body, set_up_generous, tear_down),
        cmocka_unit_test_setup_teardown(test_budget, set_up_generous, tear_down),
        cmocka_unit_test_setup_teardown(test_budget_shrinks, set_up_generous, tear_down),
        cmocka_unit_test_setup_teardown(test_leaves_in_body, set_up_generous, tear_down),
        cmocka_unit_test_setup_teardown(test_one_address, set_up_greedy, tear_down),
        cmocka_unit_test_setup_teardown(test_own_refusals, set_up_greedy, tear_down),
        CASE(test_dripping_heads_make_room),
        CASE(test_waiting_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
