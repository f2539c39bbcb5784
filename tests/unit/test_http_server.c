/* test_http_server.c - requests over real sockets: whole, in pieces, too many, too slow, and clients that leave. */
#include "with_http_server.h"

/* -- requests and replies -- */

static void test_request_and_reply(void **state)
{
    struct client client = client_new();
    (void)state;
    net_send(client.fd, GET("/metrics"));
    TURN_UNTIL(loop, client_reads(&client) && span_ends(span_of(client.got), "/metrics"));
    assert_int_equal(strncmp(client.got, "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_non_null(strstr(client.got, "\r\nContent-Length: 8\r\n"));
    assert_non_null(strstr(client.got, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(client.got, "\r\nCache-Control: no-store\r\n"));
    assert_string_equal(last_method, "GET");
    assert_int_equal(http_server_busy(server), 0);
    close(client.fd);
}

static void test_keep_alive_and_pipeline(void **state)
{
    struct client client = client_new();
    (void)state;
    net_send(client.fd, GET("/one"));
    client_expects(&client, "HTTP/1.1 200 ", "/one");
    net_send(client.fd, GET("/two") GET("/three") GET("/four"));
    client_expects(&client, "HTTP/1.1 200 ", "/four");
    assert_int_equal(requests, 4);
    net_send(client.fd, "GET /five HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" GET("/six"));
    client_expects(&client, "HTTP/1.1 200 ", "/five");
    client_expects_close(&client);
    assert_int_equal(requests, 5);
}

/* One at a time: the second request is not handed over before the first is answered. */
static void test_answers_later(void **state)
{
    struct client client = client_new();
    (void)state;
    answers_at_once = false;
    net_send(client.fd, GET("/one") GET("/two"));
    TURN_UNTIL(loop, requests == 1);
    net_turns(loop, 5);
    assert_int_equal(requests, 1);
    assert_int_equal(http_server_busy(server), 1);
    assert_ptr_equal(http_server_kept(waiting[0]), &waiting[0]);
    http_server_reply(waiting[0], 201, "application/json", SPAN_LITERAL("{}"));
    TURN_UNTIL(loop, requests == 2);
    client_expects(&client, "HTTP/1.1 201 Created\r\n", "{}");
    http_server_reply(waiting[1], 204, NULL, SPAN_LITERAL(""));
    client_expects(&client, "HTTP/1.1 204 No Content\r\n", "\r\n\r\n");
    close(client.fd);
}

static void test_in_pieces(void **state)
{
    static const char text[] = "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    struct client client = client_new();
    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        assert_int_equal(requests, 0);
        assert_int_equal(send(client.fd, text + i, 1, 0), 1);
        loop_turn(loop, 50);
    }
    client_expects(&client, "HTTP/1.1 200 ", "/x");
    assert_string_equal(last_body, "hello");
    close(client.fd);
}

static void test_head(void **state)
{
    struct client client = client_new();
    (void)state;
    net_send(client.fd, "HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n");
    TURN_UNTIL(loop, client_reads(&client) && span_ends(span_of(client.got), "\r\n\r\n"));
    assert_non_null(strstr(client.got, "\r\nContent-Length: 2\r\n"));
    close(client.fd);
}

static void test_address(void **state)
{
    struct client client = client_new();
    (void)state;
    net_send(client.fd, GET("/x"));
    client_expects(&client, "HTTP/1.1 200 ", "/x");
    assert_string_equal(last_address, "127.0.0.1");
    close(client.fd);
}

/* -- answers with headers of their own -- */

static const struct {
    struct http_server_answer answer;
    const char *head; /* of the request */
    const char *expected;
} ANSWERS[] = {
    {{.status = 201,
      .content_type = "application/scim+json",
      .body = SPAN_LITERAL("{}"),
      .headers = {{SPAN_LITERAL("ETag"), SPAN_LITERAL("W/\"1\"")},
                  {SPAN_LITERAL("Location"), SPAN_LITERAL("https://h/1")}},
      .headers_count = 2},
     "POST",
     "HTTP/1.1 201 Created\r\nETag: W/\"1\"\r\nLocation: https://h/1\r\nCache-Control: no-store\r\n"
     "Content-Type: application/scim+json\r\nContent-Length: 2\r\n\r\n{}"},
    {{.status = 204,
      .content_type = "application/scim+json",
      .body = SPAN_LITERAL("{}"),
      .headers = {{SPAN_LITERAL("ETag"), SPAN_LITERAL("W/\"2\"")}},
      .headers_count = 1},
     "DELETE",
     "HTTP/1.1 204 No Content\r\nETag: W/\"2\"\r\nCache-Control: no-store\r\n\r\n"},
    {{.status = 304, .body = SPAN_LITERAL("{}")},
     "GET",
     "HTTP/1.1 304 Not Modified\r\nCache-Control: no-store\r\n\r\n"},
    {{.status = 200, .content_type = "text/plain", .body = SPAN_LITERAL("hello")},
     "HEAD",
     "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Type: text/plain\r\n"
     "Content-Length: 5\r\n\r\n"},
    {{.status = 401,
      .headers = {{SPAN_LITERAL("WWW-Authenticate"), SPAN_LITERAL("Bearer")}},
      .headers_count = 1},
     "GET",
     "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nCache-Control: no-store\r\n"
     "Content-Length: 0\r\n\r\n"},
};

static void test_answers(void **state)
{
    struct client client = client_new();
    (void)state;
    for (size_t i = 0; i < sizeof ANSWERS / sizeof ANSWERS[0]; i++) {
        special = &ANSWERS[i].answer;
        net_send(client.fd, ANSWERS[i].head);
        net_send(client.fd, " /x HTTP/1.1\r\nHost: x\r\n\r\n");
        TURN_UNTIL(loop, client_reads(&client) && client.length >= strlen(ANSWERS[i].expected));
        assert_string_equal(client.got, ANSWERS[i].expected);
        client.length = 0;
    }
    close(client.fd);
}

/* Headers longer than a usual head. */
static void test_long_header(void **state)
{
    static char location[6001];
    memset(location, 'l', sizeof location - 1);
    const struct http_server_answer answer = {
        .status = 200,
        .body = SPAN_LITERAL("end"),
        .headers = {{SPAN_LITERAL("Location"), span_of(location)}},
        .headers_count = 1};
    struct client client = client_new();
    (void)state;
    special = &answer;
    net_send(client.fd, GET("/x"));
    client_expects(&client, "HTTP/1.1 200 ", "\r\n\r\nend");
    close(client.fd);
}

/* -- refusals: a status, a reason, and the end of the connection -- */

static const struct {
    const char *request, *answer;
} REFUSALS[] = {
    {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
    {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "HTTP/1.1 400 "},
    {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", "HTTP/1.1 400 "},
    {"GET / HTTP/1.1\nHost: x\n\n", "HTTP/1.1 400 "},
    {"\x16\x03\x01\x02", "HTTP/1.1 400 "},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.1 413 "},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 501 "},
    {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505 "},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof REFUSALS / sizeof REFUSALS[0]; i++) {
        struct client client = client_new();
        net_send(client.fd, REFUSALS[i].request);
        net_send(client.fd, GET("/smuggled"));
        TURN_UNTIL(loop, client_reads(&client) && client.closed);
        assert_int_equal(strncmp(client.got, REFUSALS[i].answer, strlen(REFUSALS[i].answer)), 0);
        assert_non_null(strstr(client.got, "\r\nConnection: close\r\n"));
        assert_non_null(strstr(client.got, "\r\n\r\n{\"error\":\""));
        close(client.fd);
    }
    assert_int_equal(requests, 0);
}

static void test_largest_request(void **state)
{
    char head[200], body[BODY_MAX + 1] = "";
    struct client client = client_new();
    (void)state;
    memset(body, 'b', BODY_MAX);
    snprintf(head, sizeof head, "POST /max HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
             BODY_MAX);
    net_send(client.fd, head);
    net_send(client.fd, body);
    client_expects(&client, "HTTP/1.1 200 ", "/max");
    assert_string_equal(last_body, body);
    close(client.fd);
}

static void test_endless_head(void **state)
{
    char line[1024 + 1] = "X-Filler: ";
    struct client client = client_new();
    (void)state;
    memset(line + 10, 'x', 1012);
    strcpy(line + 1022, "\r\n");
    net_send(client.fd, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < HTTP_SERVER_HEAD_MAX / 1024 + 1; i++) {
        net_send(client.fd, line);
        loop_turn(loop, 0);
    }
    TURN_UNTIL(loop, client_reads(&client) && client.closed);
    assert_int_equal(strncmp(client.got, "HTTP/1.1 431 ", 13), 0);
    close(client.fd);
}

/* -- time -- */

static const struct http_server_settings HASTY = {
    .connections_max = CONNECTIONS_MAX, .body_max = 1000000, .request_ms = 100, .idle_ms = 100};

static void test_slow_request(void **state)
{
    (void)state;
    start(&HASTY);
    struct client client = client_new();
    net_send(client.fd, "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    /* Each byte comes in time, the request does not. */
    TURN_UNTIL(loop, (client.closed || net_send(client.fd, "b") || true) && client_reads(&client) &&
                         client.length > 0);
    assert_int_equal(strncmp(client.got, "HTTP/1.1 408 ", 13), 0);
    assert_int_equal(requests, 0);
    close(client.fd);
    tear_down(state);
}

static void test_idle_connection(void **state)
{
    (void)state;
    start(&HASTY);
    struct client client = client_new(), silent = client_new();
    net_send(client.fd, GET("/x"));
    client_expects(&client, "HTTP/1.1 200 ", "/x");
    client_expects_close(&client);
    client_expects_close(&silent);
    tear_down(state);
}

/* An answer may take its time: neither limit is the handler's. */
static void test_slow_answer(void **state)
{
    (void)state;
    start(&HASTY);
    answers_at_once = false;
    struct client client = client_new();
    net_send(client.fd, GET("/x"));
    TURN_UNTIL(loop, requests == 1);
    struct moment begin = loop_now(loop);
    TURN_UNTIL(loop, moment_since(loop_now(loop), begin) > 300);
    http_server_reply(waiting[0], 200, "text/plain", SPAN_LITERAL("at last"));
    client_expects(&client, "HTTP/1.1 200 ", "at last");
    close(client.fd);
    tear_down(state);
}

/* -- many connections -- */

static void test_longest_idle_makes_room(void **state)
{
    struct client clients[CONNECTIONS_MAX], another;
    (void)state;
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        clients[i] = client_new();
        net_send(clients[i].fd, GET("/x"));
        client_expects(&clients[i], "HTTP/1.1 200 ", "/x");
    }
    net_send(clients[0].fd, GET("/again")); /* now the second is idle for longest */
    client_expects(&clients[0], "HTTP/1.1 200 ", "/again");
    another = client_new();
    net_send(another.fd, GET("/new"));
    client_expects(&another, "HTTP/1.1 200 ", "/new");
    client_expects_close(&clients[1]);
    net_send(clients[0].fd, GET("/still"));
    client_expects(&clients[0], "HTTP/1.1 200 ", "/still");
    net_send(clients[2].fd, GET("/there"));
    client_expects(&clients[2], "HTTP/1.1 200 ", "/there");
    close(another.fd);
    close(clients[0].fd);
    close(clients[2].fd);
}

static void test_all_busy(void **state)
{
    struct client clients[CONNECTIONS_MAX], another;
    (void)state;
    answers_at_once = false;
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        clients[i] = client_new();
        net_send(clients[i].fd, GET("/x"));
        TURN_UNTIL(loop, requests == i + 1);
    }
    another = client_new();
    net_send(another.fd, GET("/new"));
    TURN_UNTIL(loop, client_reads(&another) && another.closed);
    assert_int_equal(strncmp(another.got, "HTTP/1.1 503 ", 13), 0);
    close(another.fd);
    assert_int_equal(requests, CONNECTIONS_MAX);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        http_server_reply(waiting[i], 200, "text/plain", SPAN_LITERAL("done"));
        client_expects(&clients[i], "HTTP/1.1 200 ", "done");
        close(clients[i].fd);
    }
}

/* -- leaving -- */

static void test_client_leaves(void **state)
{
    struct client client = client_new();
    (void)state;
    answers_at_once = false;
    net_send(client.fd, GET("/x"));
    TURN_UNTIL(loop, requests == 1);
    close(client.fd);
    TURN_UNTIL(loop, gone == 1);
    assert_null(waiting[0]);
    assert_int_equal(http_server_busy(server), 0);
    net_turns(loop, 3);
    assert_int_equal(gone, 1);
}

static void test_server_is_freed(void **state)
{
    struct client busy = client_new(), idle = client_new();
    (void)state;
    answers_at_once = false;
    net_send(busy.fd, GET("/x"));
    TURN_UNTIL(loop, requests == 1);
    http_server_free(server);
    server = NULL;
    assert_int_equal(gone, 1);
    client_expects_close(&busy);
    close(idle.fd);
}

static void test_server_freed_by_handler(void **state)
{
    struct client client = client_new();
    (void)state;
    frees_server = true;
    net_send(client.fd, GET("/stop") GET("/x"));
    client_expects_close(&client);
    assert_int_equal(requests, 1);
    assert_int_equal(gone, 1);
}

static void test_drain(void **state)
{
    struct client busy = client_new(), idle = client_new();
    (void)state;
    net_send(idle.fd, GET("/idle"));
    client_expects(&idle, "HTTP/1.1 200 ", "/idle");
    answers_at_once = false;
    net_send(busy.fd, GET("/busy"));
    TURN_UNTIL(loop, requests == 2);
    http_server_drain(server);
    http_server_drain(server);
    client_expects_close(&idle);
    net_turns(loop, 3);
    assert_int_equal(http_server_busy(server), 1);
    http_server_reply(waiting[1], 200, "text/plain", SPAN_LITERAL("finished"));
    client_expects(&busy, "HTTP/1.1 200 ", "finished");
    client_expects_close(&busy);
    assert_int_equal(http_server_busy(server), 0);
}

/* Who reads slowly gets all of the last answer: the owner can tell that somebody still waits for it. */
static void test_drain_of_a_large_answer(void **state)
{
    static char large[12 * 1024 * 1024], piece[64 * 1024];
    struct client client = client_new();
    size_t got = 0;
    (void)state;
    answers_at_once = false;
    net_send(client.fd, GET("/large"));
    TURN_UNTIL(loop, requests == 1);
    http_server_reply(waiting[0], 200, "text/plain", span_bytes(large, sizeof large));
    assert_int_equal(http_server_busy(server), 0);
    assert_int_equal(http_server_leaving(server), 0);
    net_turns(loop, 3);
    http_server_drain(server);
    assert_int_equal(http_server_leaving(server), 1);
    for (ssize_t length = 1; length != 0;) {
        loop_turn(loop, 1);
        length = recv(client.fd, piece, sizeof piece, MSG_DONTWAIT);
        got += length > 0 ? (size_t)length : 0;
    }
    assert_true(got > sizeof large);
    assert_int_equal(http_server_leaving(server), 0);
    close(client.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_request_and_reply),
        CASE(test_keep_alive_and_pipeline),
        CASE(test_answers_later),
        CASE(test_in_pieces),
        CASE(test_head),
        CASE(test_address),
        CASE(test_answers),
        CASE(test_long_header),
        CASE(test_refusals),
        CASE(test_largest_request),
        CASE(test_endless_head),
        cmocka_unit_test(test_slow_request),
        cmocka_unit_test(test_idle_connection),
        cmocka_unit_test(test_slow_answer),
        CASE(test_longest_idle_makes_room),
        CASE(test_all_busy),
        CASE(test_client_leaves),
        CASE(test_server_is_freed),
        CASE(test_server_freed_by_handler),
        CASE(test_drain),
        CASE(test_drain_of_a_large_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
