/* http_server.c - HTTP/1.1 on a listening socket: our strict subset (wire/http.h) over net/stream. */
#include "net/http_server.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "net/http_answer.h"
#include "net/http_body.h"
#include "net/socket_address.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    REFUSAL_MAX = 4 * 1024, /* the body of one */
    REFUSED_MAX = 32,       /* connections beyond the limit that are told so at once */
    HANDSHAKE_MS = 10 * 1000,
    HANDSHAKES_PER_S = 200, /* a flood of them shall leave the processor to others */
    INPUT_SPARE = 1024, /* above the longest head: the parser is asked before the stream gives up */
};

enum connection_state {
    CONNECTION_GREETING,  /* TLS: the handshake, or nothing since */
    CONNECTION_IDLE,      /* no byte of a request yet */
    CONNECTION_READING,   /* a part of its head */
    CONNECTION_RECEIVING, /* a part of its body */
    CONNECTION_ANSWERING, /* the exchange is with the handler */
    CONNECTION_CLOSING,   /* the last answer is on its way */
};

struct connection {
    struct http_server *server;
    /* In server->first; of those in one state the one that has been in it for longest comes first. */
    struct connection *next, *previous;
    enum connection_state state;
    struct stream *stream;
    struct loop_timer *timer; /* handshake, idle_ms or request_ms */
    struct http_exchange *exchange;
    size_t seen; /* bytes of a head that were looked at already */
    struct ip_address address;
    bool remote;  /* it has an address */
    bool refused; /* one beyond the limit */
};

struct http_exchange {
    struct connection *connection;
    struct buffer head; /* `http` looks into it */
    struct http_body body;
    struct http_request http;
    struct arena arena;
    char address[IP_ADDRESS_TEXT_MAX];
    bool handed; /* to the handler, which owes an answer */
    void *data;
};

struct http_server {
    struct loop *loop;
    struct listener *listener; /* NULL when draining */
    struct http_server_settings settings;
    struct http_limits limits;
    struct http_server_handler handler;
    void *context;
    struct stream_tls_identity *identity; /* NULL: plain */
    struct http_body_budget budget;
    struct connection *first, *last;
    size_t count, refused_count, busy;
    uint64_t refusals[HTTP_REFUSED_COUNT];
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
    struct connection *connection = exchange->connection;
    connection->server->busy -= exchange->handed;
    connection->exchange = NULL;
    buffer_wipe(&exchange->head);
    http_body_done(&exchange->body);
    arena_done(&exchange->arena);
    memory_free(exchange);
}

/* Closes at once. A handler that still owes an answer hears of it. */
static void drop(struct connection *connection)
{
    struct http_server *server = connection->server;
    if (connection->exchange != NULL) {
        if (connection->exchange->handed) {
            server->handler.gone(connection->exchange, server->context);
        }
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

/* The timer runs from here, and the connection is the newest in its state. */
static void enter(struct connection *connection, enum connection_state state, int64_t ms)
{
    connection->state = state;
    loop_timer_set(connection->timer, ms);
    remove_connection(connection);
    append_connection(connection);
}

static void become_idle(struct connection *connection)
{
    enter(connection, CONNECTION_IDLE, connection->server->settings.idle_ms);
}

/* Its last answer goes out before it is closed. */
static void finish(struct connection *connection)
{
    connection->state = CONNECTION_CLOSING;
    loop_timer_clear(connection->timer);
    stream_finish(connection->stream);
}

/* What closing this one would cost: nothing, a request that is not whole, an answer on its way; -1: it stays. */
static int cost(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_GREETING:
        return 0;
    case CONNECTION_IDLE:
        return stream_waiting(connection->stream) > 0 ? 2 : 0;
    case CONNECTION_READING:
    case CONNECTION_RECEIVING:
        return 1;
    case CONNECTION_CLOSING:
        return connection->refused ? -1 : 2;
    case CONNECTION_ANSWERING:
        return -1;
    }
    return -1;
}

/* Idle ones first. Then those that send without an end: a thousand of them, a byte now and then, shall not keep out
 * one that sends a request in one piece. */
static bool make_room(struct http_server *server)
{
    struct connection *least = NULL;
    for (struct connection *one = server->first; one != NULL; one = one->next) {
        if (cost(one) >= 0 && (least == NULL || cost(one) < cost(least))) {
            least = one;
        }
        if (least != NULL && cost(least) == 0) {
            break;
        }
    }
    if (least != NULL) {
        server->refusals[HTTP_REFUSED_CONNECTIONS] += cost(least) > 0;
        drop(least);
    }
    return least != NULL;
}

/* -- answers -- */

static void send_reply(struct connection *connection, const struct http_reply *reply)
{
    http_answer_send(reply, connection->stream);
    if (!reply->keep_alive) {
        finish(connection);
    }
}

/* The answer to what is no request, or not one for now: nothing behind it can be trusted to be one. */
static void refuse(struct connection *connection, enum http_refused kind, struct span path,
                   const struct http_refusal *refusal)
{
    struct http_server *server = connection->server;
    const struct http_server_handler *handler = &server->handler;
    CLEANUP(buffer_done) struct buffer body = buffer_limited(REFUSAL_MAX);
    const char *type =
        handler->refusal == NULL
            ? http_refused_write(refusal->text, &body)
            : handler->refusal(path, refusal->status, refusal->text, &body, server->context);
    bool later = refusal->status == 429 || refusal->status == 503;
    const struct http_header headers[] = {
        {SPAN_LITERAL("Content-Type"), span_of(type)},
        {SPAN_LITERAL("Cache-Control"), SPAN_LITERAL("no-store")},
        {SPAN_LITERAL("Retry-After"), SPAN_LITERAL(HTTP_SERVER_RETRY_S)},
    };
    struct http_reply reply = {
        .status = refusal->status,
        .headers = headers,
        .headers_count = later ? 3 : 2,
        .body = buffer_span(&body),
    };
    server->refusals[kind]++;
    send_reply(connection, &reply);
    if (connection->exchange != NULL) {
        free_exchange(connection->exchange);
    }
}

void http_server_answer(struct http_exchange *exchange, const struct http_server_answer *answer)
{
    struct connection *connection = exchange->connection;
    struct http_server *server = connection->server;
    struct http_header headers[HTTP_SERVER_HEADERS_MAX + 2];
    size_t count = answer->headers_count;
    bool bodiless = answer->status == 204 || answer->status == 304;
    assert(count <= HTTP_SERVER_HEADERS_MAX && exchange->handed);
    memcpy(headers, answer->headers, count * sizeof headers[0]);
    headers[count++] =
        (struct http_header){SPAN_LITERAL("Cache-Control"), SPAN_LITERAL("no-store")};
    if (answer->content_type != NULL && !bodiless) {
        headers[count++] =
            (struct http_header){SPAN_LITERAL("Content-Type"), span_of(answer->content_type)};
    }
    struct http_reply reply = {
        .status = answer->status,
        .headers = headers,
        .headers_count = count,
        .body = bodiless ? (struct span){0} : answer->body,
        .head_only = span_is(exchange->http.method, "HEAD"),
        .keep_alive = exchange->http.keep_alive && server->listener != NULL,
    };
    /* The body may be a view into the request. */
    send_reply(connection, &reply);
    free_exchange(exchange);
    if (reply.keep_alive) {
        become_idle(connection);
        stream_release(connection->stream);
    }
}

void http_server_reply(struct http_exchange *exchange, int status, const char *content_type,
                       struct span body)
{
    const struct http_server_answer answer = {
        .status = (unsigned)status, .content_type = content_type, .body = body};
    http_server_answer(exchange, &answer);
}

void http_server_keep(struct http_exchange *exchange, void *data)
{
    exchange->data = data;
}

void *http_server_kept(const struct http_exchange *exchange)
{
    return exchange->data;
}

const struct http_request *http_server_asked(const struct http_exchange *exchange)
{
    return &exchange->http;
}

struct arena *http_server_arena(struct http_exchange *exchange)
{
    return &exchange->arena;
}

/* -- requests -- */

/* The handler may take its time: it looks at a copy of the request. */
static struct http_exchange *new_exchange(struct connection *connection, struct span head)
{
    struct http_server *server = connection->server;
    struct http_exchange *exchange = MEMORY_NEW(struct http_exchange);
    struct http_refusal refusal;
    exchange->connection = connection;
    exchange->head = buffer_limited(head.length);
    buffer_add(&exchange->head, head);
    enum http_answer answer =
        http_request_head(buffer_span(&exchange->head), &server->limits, &exchange->http, &refusal);
    assert(answer == HTTP_COMPLETE);
    (void)answer;
    http_body_init(&exchange->body, &exchange->http, server->limits.body_max, &server->budget);
    connection->exchange = exchange;
    return exchange;
}

static void hand_over(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct http_exchange *exchange = connection->exchange;
    exchange->http.body = buffer_span(&exchange->body.bytes);
    struct http_server_request request = {
        .http = &exchange->http,
        .peer = stream_peer(connection->stream),
        .secured = stream_secured(connection->stream),
    };
    if (connection->remote) {
        request.address = ip_address_print(&connection->address, exchange->address);
    }
    connection->state = CONNECTION_ANSWERING;
    loop_timer_clear(connection->timer);
    exchange->handed = true;
    server->busy++;
    server->handler.request(exchange, &request, server->context); /* may reply, or free it all */
}

/* The time of a request runs from its first byte. */
static void await_rest(struct connection *connection, enum connection_state state)
{
    if (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_GREETING) {
        enter(connection, state, connection->server->settings.request_ms);
    }
    connection->state = state;
}

/* The head is there: its body follows, or it is whole. */
static void begin(struct connection *connection, struct span head, bool more_came)
{
    const struct http_request *http = &new_exchange(connection, head)->http;
    connection->seen = 0;
    if (http->body_length == 0 && !http->chunked) {
        hand_over(connection);
        return;
    }
    await_rest(connection, CONNECTION_RECEIVING);
    if (http->expects_continue && !more_came) {
        stream_write(connection->stream, SPAN_LITERAL("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

static size_t read_head(struct connection *connection, struct span bytes)
{
    const struct http_limits *limits = &connection->server->limits;
    /* A head that drips is parsed again when a line of it ends, not for each byte: it has few lines. */
    bool line = span_has(span_from(bytes, connection->seen), '\n');
    connection->seen = bytes.length;
    if (!line && bytes.length <= limits->head_max) {
        await_rest(connection, CONNECTION_READING);
        return 0;
    }
    struct http_request http;
    struct http_refusal refusal = {0};
    switch (http_request_head(bytes, limits, &http, &refusal)) {
    case HTTP_REFUSED:
        refuse(connection, http_refused_kind(refusal.status),
               span_empty(http.path) ? http_refused_path(bytes) : http.path, &refusal);
        return bytes.length;
    case HTTP_MORE:
        await_rest(connection, CONNECTION_READING);
        return 0;
    case HTTP_COMPLETE:
        begin(connection, span_first(bytes, http.consumed), bytes.length > http.consumed);
        return http.consumed;
    }
    return 0;
}

static size_t read_body(struct connection *connection, struct span bytes)
{
    struct http_exchange *exchange = connection->exchange;
    struct http_refusal refusal = {0};
    size_t used;
    switch (http_body_take(&exchange->body, bytes, &used, &refusal)) {
    case HTTP_REFUSED:
        refuse(connection, http_refused_kind(refusal.status), exchange->http.path, &refusal);
        return bytes.length;
    case HTTP_MORE:
        return used;
    case HTTP_COMPLETE:
        hand_over(connection);
        return used;
    }
    return used;
}

static size_t on_input(struct span bytes, void *context)
{
    struct connection *connection = context;
    switch (connection->state) {
    case CONNECTION_ANSWERING:
        stream_hold(connection->stream); /* the next request waits for this one's answer */
        return 0;
    case CONNECTION_RECEIVING:
        return read_body(connection, bytes);
    case CONNECTION_CLOSING:
        return bytes.length;
    case CONNECTION_GREETING:
    case CONNECTION_IDLE:
    case CONNECTION_READING:
        return read_head(connection, bytes);
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
    static const struct http_refusal late = {408, "the request did not arrive in time"};
    struct connection *connection = context;
    bool began =
        connection->state == CONNECTION_READING || connection->state == CONNECTION_RECEIVING;
    if (began) {
        struct span path =
            connection->exchange == NULL ? (struct span){0} : connection->exchange->http.path;
        refuse(connection, HTTP_REFUSED_TIME, path, &late);
    } else if (connection->state == CONNECTION_GREETING && stream_secured(connection->stream)) {
        become_idle(connection);
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
    connection->remote = socket_address_peer(fd, &connection->address);
    connection->timer = loop_timer_new(server->loop, on_timer, connection);
    connection->stream =
        stream_new(server->loop, fd, server->limits.head_max + INPUT_SPARE, &events, connection);
    append_connection(connection);
    if (server->identity != NULL) {
        stream_secure(connection->stream, server->identity);
        enter(connection, CONNECTION_GREETING, HANDSHAKE_MS);
    } else {
        become_idle(connection);
    }
    return connection;
}

/* Whether its address has as many connections as it may. Some look through all of them: they are not many, and one
 * more table would be one more thing to fill. */
static bool has_enough(const struct http_server *server, int fd)
{
    struct ip_address address;
    size_t count = 0, max = server->settings.address_connections_max;
    if (max == 0 || server->count < max || !socket_address_peer(fd, &address) ||
        (server->handler.trusted != NULL && server->handler.trusted(&address, server->context))) {
        return false;
    }
    for (const struct connection *one = server->first; one != NULL && count < max;
         one = one->next) {
        count += one->remote && !one->refused && ip_address_same_client(&address, &one->address);
    }
    return count >= max;
}

/* With TLS the answer would cost a handshake, which is what a flood is after. */
static void turn_away(struct http_server *server, int fd, enum http_refused kind,
                      const struct http_refusal *refusal)
{
    if (server->refused_count == REFUSED_MAX || server->identity != NULL) {
        server->refusals[kind]++;
        close(fd);
        return;
    }
    struct connection *connection = new_connection(server, fd);
    connection->refused = true;
    server->refused_count++;
    refuse(connection, kind, (struct span){0}, refusal);
}

static void on_connection(int fd, void *context)
{
    static const struct http_refusal crowded = {503, "too many connections"},
                                     greedy = {429, "too many connections from this address"};
    struct http_server *server = context;
    if (has_enough(server, fd)) {
        turn_away(server, fd, HTTP_REFUSED_ADDRESS, &greedy);
    } else if (server->count < server->settings.connections_max || make_room(server)) {
        new_connection(server, fd);
        server->count++;
    } else {
        turn_away(server, fd, HTTP_REFUSED_CONNECTIONS, &crowded);
    }
}

struct http_server *http_server_new(struct loop *loop, int fd,
                                    const struct http_server_settings *settings,
                                    const struct http_server_handler *handler, void *context)
{
    struct http_server *server = MEMORY_NEW(struct http_server);
    server->loop = loop;
    server->handler = *handler;
    server->context = context;
    http_server_configure(server, settings);
    server->listener = listener_new(loop, fd, on_connection, server);
    return server;
}

void http_server_configure(struct http_server *server, const struct http_server_settings *settings)
{
    assert(settings->connections_max > 0);
    server->settings = *settings;
    server->limits = (struct http_limits){
        .head_max = HTTP_SERVER_HEAD_MAX,
        .headers_max = HTTP_HEADERS_MAX,
        .body_max = settings->body_max,
        .chunked = settings->chunked,
    };
    server->budget.max = settings->bodies_max;
}

void http_server_secure(struct http_server *server, struct stream_tls_identity *identity)
{
    if (identity != NULL) {
        stream_tls_identity_keep(identity);
    }
    stream_tls_identity_free(server->identity);
    server->identity = identity;
    listener_limit(server->listener, identity != NULL ? HANDSHAKES_PER_S : 0);
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
    stream_tls_identity_free(server->identity);
    memory_free(server);
}

void http_server_drain(struct http_server *server)
{
    listener_free(server->listener);
    server->listener = NULL;
    for (struct connection *one = server->first, *next; one != NULL; one = next) {
        next = one->next;
        bool idle = one->state == CONNECTION_IDLE || one->state == CONNECTION_GREETING;
        if (idle && stream_waiting(one->stream) > 0) {
            finish(one);
        } else if (idle) {
            drop(one);
        }
    }
}

size_t http_server_busy(const struct http_server *server)
{
    return server->busy;
}

size_t http_server_leaving(const struct http_server *server)
{
    size_t count = 0;
    for (const struct connection *one = server->first; one != NULL; one = one->next) {
        count += one->state == CONNECTION_CLOSING && stream_waiting(one->stream) > 0;
    }
    return count;
}

size_t http_server_connections(const struct http_server *server)
{
    return server->count;
}

uint64_t http_server_refused(const struct http_server *server, enum http_refused kind)
{
    return server->refusals[kind];
}
