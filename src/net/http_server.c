/* http_server.c - HTTP/1.1 on a listening socket: our strict subset (wire/http.h) over net/stream. */
#include "net/http_server.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "wire/json.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

enum {
    REPLY_HEAD_MAX = 4 * 1024,
    REFUSED_MAX = 32, /* connections beyond the limit that are told so at once */
};

enum connection_state {
    CONNECTION_IDLE,      /* no byte of a request yet */
    CONNECTION_READING,   /* a part of one */
    CONNECTION_ANSWERING, /* the exchange is with the handler */
    CONNECTION_CLOSING,   /* the last answer is on its way */
};

struct connection {
    struct http_server *server;
    struct connection *next, *previous; /* in server->first; an idle one: the longest idle first */
    enum connection_state state;
    struct stream *stream;
    struct loop_timer *timer; /* idle_ms or request_ms */
    struct http_exchange *exchange;
    bool refused; /* one beyond the limit */
};

struct http_exchange {
    struct connection *connection;
    struct buffer bytes; /* the request: `http` looks into it */
    struct http_request http;
    void *data;
};

struct http_server {
    struct loop *loop;
    struct listener *listener; /* NULL when draining */
    struct http_server_settings settings;
    struct http_limits limits;
    struct http_server_handler handler;
    void *context;
    struct connection *first, *last;
    size_t count, refused_count, busy;
};

/* -- connections -- */

static void append_connection(struct connection *connection)
{
    struct http_server *server = connection->server;
    connection->next = NULL;
    connection->previous = server->last;
    if (server->last != NULL) {
        server->last->next = connection;
    } else {
        server->first = connection;
    }
    server->last = connection;
}

static void remove_connection(struct connection *connection)
{
    struct http_server *server = connection->server;
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        server->first = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    } else {
        server->last = connection->previous;
    }
}

static void free_exchange(struct http_exchange *exchange)
{
    exchange->connection->exchange = NULL;
    exchange->connection->server->busy--;
    buffer_wipe(&exchange->bytes);
    memory_free(exchange);
}

/* Closes at once. A handler that still owes an answer hears of it. */
static void drop(struct connection *connection)
{
    struct http_server *server = connection->server;
    if (connection->exchange != NULL) {
        server->handler.gone(connection->exchange, server->context);
        free_exchange(connection->exchange);
    }
    remove_connection(connection);
    if (connection->refused) {
        server->refused_count--;
    } else {
        server->count--;
    }
    loop_timer_free(connection->timer);
    stream_free(connection->stream);
    memory_free(connection);
}

static void become_idle(struct connection *connection)
{
    connection->state = CONNECTION_IDLE;
    loop_timer_set(connection->timer, connection->server->settings.idle_ms);
    remove_connection(connection);
    append_connection(connection);
}

static bool drop_longest_idle(struct http_server *server)
{
    struct connection *connection = server->first;
    while (connection != NULL && connection->state != CONNECTION_IDLE) {
        connection = connection->next;
    }
    if (connection != NULL) {
        drop(connection);
    }
    return connection != NULL;
}

/* -- answers -- */

static void send_reply(struct connection *connection, const struct http_reply *reply)
{
    struct buffer out = buffer_limited(REPLY_HEAD_MAX + reply->body.length);
    bool written = http_reply_write(reply, &out);
    assert(written);
    (void)written;
    stream_write(connection->stream, buffer_span(&out));
    buffer_wipe(&out);
    if (!reply->keep_alive) {
        connection->state = CONNECTION_CLOSING;
        loop_timer_clear(connection->timer);
        stream_finish(connection->stream);
    }
}

/* The answer to what is no request: nothing behind it can be trusted to be one. */
static void refuse(struct connection *connection, unsigned status, const char *text)
{
    static const struct http_header headers[] = {
        {SPAN_LITERAL("Content-Type"), SPAN_LITERAL("application/json")},
        {SPAN_LITERAL("Cache-Control"), SPAN_LITERAL("no-store")},
    };
    CLEANUP(buffer_done) struct buffer body = buffer_limited(REPLY_HEAD_MAX);
    buffer_add_text(&body, "{\"error\":");
    json_write_text(span_of(text), &body);
    buffer_add_text(&body, "}");
    struct http_reply reply = {
        .status = status,
        .headers = headers,
        .headers_count = sizeof headers / sizeof headers[0],
        .body = buffer_span(&body),
    };
    send_reply(connection, &reply);
}

void http_server_reply(struct http_exchange *exchange, int status, const char *content_type,
                       struct span body)
{
    struct connection *connection = exchange->connection;
    struct http_server *server = connection->server;
    const struct http_header headers[] = {
        {SPAN_LITERAL("Cache-Control"), SPAN_LITERAL("no-store")},
        {SPAN_LITERAL("Content-Type"), span_of(content_type)},
    };
    struct http_reply reply = {
        .status = (unsigned)status,
        .headers = headers,
        .headers_count = content_type != NULL ? 2 : 1,
        .body = body,
        .head_only = span_is(exchange->http.method, "HEAD"),
        .keep_alive = exchange->http.keep_alive && server->listener != NULL,
    };
    send_reply(connection, &reply);
    free_exchange(exchange);
    if (reply.keep_alive) {
        become_idle(connection);
        stream_release(connection->stream);
    }
}

void http_server_keep(struct http_exchange *exchange, void *data)
{
    exchange->data = data;
}

void *http_server_kept(const struct http_exchange *exchange)
{
    return exchange->data;
}

/* -- requests -- */

/* The handler may take its time: it looks at a copy of the request. */
static struct http_exchange *new_exchange(struct connection *connection, struct span bytes)
{
    struct http_server *server = connection->server;
    struct http_exchange *exchange = MEMORY_NEW(struct http_exchange);
    struct http_refusal refusal;
    exchange->connection = connection;
    exchange->bytes = buffer_limited(bytes.length);
    buffer_add(&exchange->bytes, bytes);
    enum http_answer answer = http_request_parse(buffer_span(&exchange->bytes), &server->limits,
                                                 &exchange->http, &refusal);
    assert(answer == HTTP_COMPLETE);
    (void)answer;
    connection->exchange = exchange;
    connection->state = CONNECTION_ANSWERING;
    loop_timer_clear(connection->timer);
    server->busy++;
    return exchange;
}

static void hand_over(struct connection *connection, struct span bytes)
{
    struct http_server *server = connection->server;
    struct http_exchange *exchange = new_exchange(connection, bytes);
    struct http_server_request request = {
        .http = &exchange->http,
        .peer = stream_peer(connection->stream),
    };
    server->handler.request(exchange, &request, server->context); /* may reply, or free it all */
}

static void await_rest(struct connection *connection)
{
    if (connection->state == CONNECTION_IDLE) {
        connection->state = CONNECTION_READING;
        loop_timer_set(connection->timer, connection->server->settings.request_ms);
    }
}

static size_t on_input(struct span bytes, void *context)
{
    struct connection *connection = context;
    if (connection->state == CONNECTION_ANSWERING) {
        stream_hold(connection->stream); /* the next request waits for this one's answer */
        return 0;
    }
    struct http_request http;
    struct http_refusal refusal = {0};
    enum http_answer answer =
        http_request_parse(bytes, &connection->server->limits, &http, &refusal);
    switch (answer) {
    case HTTP_REFUSED:
        refuse(connection, refusal.status, refusal.text);
        return bytes.length;
    case HTTP_MORE:
        await_rest(connection);
        return 0;
    case HTTP_COMPLETE:
        hand_over(connection, span_first(bytes, http.consumed));
        return http.consumed;
    }
    return 0;
}

static void on_end(enum stream_end end, void *context)
{
    (void)end;
    drop(context);
}

static void on_timer(void *context)
{
    struct connection *connection = context;
    if (connection->state == CONNECTION_READING) {
        refuse(connection, 408, "the request did not arrive in time");
    } else {
        drop(connection);
    }
}

/* -- the server -- */

static struct connection *new_connection(struct http_server *server, int fd)
{
    static const struct stream_events events = {on_input, on_end};
    struct connection *connection = MEMORY_NEW(struct connection);
    connection->server = server;
    connection->timer = loop_timer_new(server->loop, on_timer, connection);
    connection->stream =
        stream_new(server->loop, fd, server->limits.head_max + server->limits.body_max + 1, &events,
                   connection);
    append_connection(connection);
    become_idle(connection);
    return connection;
}

static void on_connection(int fd, void *context)
{
    struct http_server *server = context;
    if (server->count < server->settings.connections_max || drop_longest_idle(server)) {
        new_connection(server, fd);
        server->count++;
    } else if (server->refused_count < REFUSED_MAX) {
        struct connection *connection = new_connection(server, fd);
        connection->refused = true;
        server->refused_count++;
        refuse(connection, 503, "too many connections");
    } else {
        close(fd);
    }
}

struct http_server *http_server_new(struct loop *loop, int fd,
                                    const struct http_server_settings *settings,
                                    const struct http_server_handler *handler, void *context)
{
    assert(settings->connections_max > 0);
    struct http_server *server = MEMORY_NEW(struct http_server);
    server->loop = loop;
    server->settings = *settings;
    server->limits = (struct http_limits){
        .head_max = HTTP_SERVER_HEAD_MAX,
        .headers_max = HTTP_HEADERS_MAX,
        .body_max = settings->body_max,
    };
    server->handler = *handler;
    server->context = context;
    server->listener = listener_new(loop, fd, on_connection, server);
    return server;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    listener_free(server->listener);
    while (server->first != NULL) {
        drop(server->first);
    }
    memory_free(server);
}

void http_server_drain(struct http_server *server)
{
    listener_free(server->listener);
    server->listener = NULL;
    while (drop_longest_idle(server)) {
    }
}

size_t http_server_busy(const struct http_server *server)
{
    return server->busy;
}
