/* with_http_server.h - a server with a handler that the test steers, and clients for it. */
#ifndef TESTS_WITH_HTTP_SERVER_H
#define TESTS_WITH_HTTP_SERVER_H

#include "with_net.h"

#include <stdio.h>

#include "net/http_server.h"

enum { CONNECTIONS_MAX = 3, BODY_MAX = 1000, WAITING_MAX = 8 };

static struct loop *loop;
static struct http_server *server;
static unsigned port;

/* The handler of the tests: notes each request, answers at once or leaves it to the test. */
static bool answers_at_once;
static const struct http_server_answer *special; /* what it answers at once, unless NULL */
static char last_address[64];
static bool frees_server;
static struct http_exchange *waiting[WAITING_MAX];
static int requests, gone;
static char last_method[16], last_path[64], last_body[BODY_MAX + 1];
static size_t last_length;

static inline void on_request(struct http_exchange *exchange,
                              const struct http_server_request *request, void *context)
{
    assert_ptr_equal(context, &requests);
    span_fits(request->http->method, last_method, sizeof last_method);
    span_fits(request->http->path, last_path, sizeof last_path);
    last_body[0] = '\0';
    span_fits(request->http->body, last_body, sizeof last_body);
    last_length = request->http->body.length;
    span_fits(request->address, last_address, sizeof last_address);
    assert_ptr_equal(http_server_asked(exchange), request->http);
    http_server_keep(exchange, &waiting[requests % WAITING_MAX]);
    waiting[requests % WAITING_MAX] = exchange;
    requests++;
    if (frees_server) {
        http_server_free(server);
        server = NULL;
    } else if (special != NULL) {
        http_server_answer(exchange, special);
    } else if (answers_at_once) {
        /* A view of the request: good until the reply. */
        http_server_reply(exchange, 200, "text/plain", request->http->path);
    }
}

static inline void on_gone(struct http_exchange *exchange, void *context)
{
    assert_ptr_equal(context, &requests);
    struct http_exchange **slot = http_server_kept(exchange);
    assert_ptr_equal(*slot, exchange);
    *slot = NULL;
    gone++;
}

static inline void start(const struct http_server_settings *settings)
{
    static const struct http_server_handler handler = {on_request, on_gone};
    loop = loop_new();
    server = http_server_new(loop, net_listen(&port), settings, &handler, &requests);
    answers_at_once = true;
    frees_server = false;
    requests = gone = 0;
    special = NULL;
    memset(waiting, 0, sizeof waiting);
}

static inline int set_up(void **state)
{
    static const struct http_server_settings settings = {.connections_max = CONNECTIONS_MAX,
                                                         .body_max = BODY_MAX,
                                                         .request_ms = 30000,
                                                         .idle_ms = 30000};
    (void)state;
    start(&settings);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    http_server_free(server);
    loop_free(loop);
    return 0;
}

/* -- a client -- */

struct client {
    int fd;
    size_t length;
    bool closed;
    char got[8192];
};

static inline struct client client_new(void)
{
    return (struct client){.fd = net_connect(port)};
}

static inline bool client_reads(struct client *client)
{
    ssize_t length = recv(client->fd, client->got + client->length,
                          sizeof client->got - 1 - client->length, MSG_DONTWAIT);
    client->closed = client->closed || length == 0;
    client->length += length > 0 ? (size_t)length : 0;
    client->got[client->length] = '\0';
    return true;
}

/* Waits until the answer ends in `end`, and forgets it. */
static inline void client_expects(struct client *client, const char *start, const char *end)
{
    TURN_UNTIL(loop, client_reads(client) && span_ends(span_of(client->got), end));
    if (strncmp(client->got, start, strlen(start)) != 0) {
        fail_msg("got: %s", client->got);
    }
    client->length = 0;
    client->got[0] = '\0';
}

static inline void client_expects_close(struct client *client)
{
    TURN_UNTIL(loop, client_reads(client) && client->closed);
    assert_int_equal(client->length, 0);
    close(client->fd);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
