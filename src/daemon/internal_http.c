/* internal_http.c - the internal HTTP listener: metrics, health, and the verifier's paths. */
#include "daemon/internal_http.h"

#include "account/account_rows.h"
#include "base/memory.h"

enum {
    CONNECTIONS_MAX = 500,
    BODY_MAX = 64 * 1024,
    REQUEST_MS = 10 * 1000,
    IDLE_MS = 60 * 1000,
};

struct internal_http {
    struct http_server *server;
    struct metrics *metrics;
    struct store *store;
    struct verifier *verifier;
    bool draining;
};

static void reply_json(struct http_exchange *exchange, int status, struct span body)
{
    http_server_reply(exchange, status, "application/json", body);
}

static void show_metrics(struct internal_http *http, struct http_exchange *exchange)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(METRICS_TEXT_MAX);
    metrics_write(http->metrics, &text);
    if (buffer_full(&text)) {
        reply_json(exchange, 500, SPAN_LITERAL("{\"error\":\"too many series\"}"));
        return;
    }
    http_server_reply(exchange, 200, "text/plain; version=0.0.4; charset=utf-8",
                      buffer_span(&text));
}

/* A look-up of a domain that nobody has: it reads the database, whatever is remembered. */
static void show_health(struct internal_http *http, struct http_exchange *exchange)
{
    if (http->draining) {
        reply_json(exchange, 503, SPAN_LITERAL("{\"status\":\"draining\"}"));
    } else if (account_rows_domain(http->store, SPAN_LITERAL("invalid")) == STORE_ASK) {
        reply_json(exchange, 503, SPAN_LITERAL("{\"status\":\"store\"}"));
    } else {
        reply_json(exchange, 200, SPAN_LITERAL("{\"status\":\"ok\"}"));
    }
}

static void on_request(struct http_exchange *exchange, const struct http_server_request *request,
                       void *context)
{
    static const struct {
        const char *path;
        void (*show)(struct internal_http *http, struct http_exchange *exchange);
    } open[] = {{"/metrics", show_metrics}, {"/healthz", show_health}};
    struct internal_http *http = context;
    bool reads = span_is(request->http->method, "GET") || span_is(request->http->method, "HEAD");
    for (size_t i = 0; reads && i < sizeof open / sizeof *open; i++) {
        if (span_is(request->http->path, open[i].path)) {
            open[i].show(http, exchange);
            return;
        }
    }
    if (http->draining) {
        show_health(http, exchange);
    } else if (!verifier_request(http->verifier, exchange, request)) {
        reply_json(exchange, 404, SPAN_LITERAL("{\"error\":\"not found\"}"));
    }
}

static void on_gone(struct http_exchange *exchange, void *context)
{
    struct internal_http *http = context;
    verifier_gone(http->verifier, exchange);
}

struct internal_http *internal_http_new(struct loop *loop, int fd, struct metrics *metrics,
                                        struct store *store, struct login_service *service,
                                        const struct secret *secret)
{
    static const struct http_server_handler handler = {on_request, on_gone};
    static const struct http_server_settings settings = {CONNECTIONS_MAX, BODY_MAX, REQUEST_MS,
                                                         IDLE_MS};
    struct internal_http *http = MEMORY_NEW(struct internal_http);
    http->metrics = metrics;
    http->store = store;
    http->verifier = verifier_new(service, secret);
    http->server = http_server_new(loop, fd, &settings, &handler, http);
    return http;
}

void internal_http_configure(struct internal_http *http, const struct secret *secret)
{
    verifier_configure(http->verifier, secret);
}

void internal_http_drain(struct internal_http *http)
{
    http->draining = true;
}

size_t internal_http_busy(const struct internal_http *http)
{
    return http_server_busy(http->server);
}

void internal_http_free(struct internal_http *http)
{
    if (http == NULL) {
        return;
    }
    http_server_free(http->server);
    verifier_free(http->verifier);
    memory_free(http);
}
