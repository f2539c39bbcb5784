/* public_http.c - the public HTTP listener: what identity providers reach. */
#include "daemon/public_http.h"

#include "base/memory.h"

#include <assert.h>

enum { IDLE_MS = 60 * 1000, BODIES_MAX = 64 * 1024 * 1024 };

struct public_http {
    struct http_server *server;
    struct http_front *front;
    struct public_http_mount mounts[PUBLIC_HTTP_MOUNTS_MAX];
    size_t count;
};

/* "/scim/v2" and "/scim/v2/Users", not "/scim/v20". Dot segments and encoded slashes never get here (wire/uri.h). */
static bool is_below(struct span path, const char *prefix)
{
    return span_starts(path, prefix) &&
           (path.length == span_of(prefix).length || span_at(path, span_of(prefix).length) == '/');
}

static const struct public_http_mount *find(const struct public_http *http, struct span path)
{
    for (size_t i = 0; i < http->count; i++) {
        if (is_below(path, http->mounts[i].prefix)) {
            return &http->mounts[i];
        }
    }
    return NULL;
}

static const char *write_refusal(const struct public_http_mount *mount, unsigned status,
                                 const char *text, struct buffer *body)
{
    return mount != NULL && mount->refusal != NULL ? mount->refusal(status, text, body)
                                                   : http_refused_write(text, body);
}

static const char *on_refusal(struct span path, unsigned status, const char *text,
                              struct buffer *body, void *context)
{
    return write_refusal(find(context, path), status, text, body);
}

static void on_request(struct http_exchange *exchange, const struct http_server_request *request,
                       void *context)
{
    struct public_http *http = context;
    const struct public_http_mount *mount = find(http, request->http->path);
    struct arena *arena = http_server_arena(exchange);
    if (mount != NULL) {
        /* The door may look at it later. */
        struct http_server_request *server = arena_new(arena, sizeof *server);
        struct http_front_request *front = arena_new(arena, sizeof *front);
        *server = *request;
        *front = http_front_read(http->front, server, arena);
        if (mount->request(mount->door, exchange, front)) {
            return;
        }
    }
    CLEANUP(buffer_done) struct buffer body = buffer_limited(1024);
    const char *type = write_refusal(mount, 404, "not found", &body);
    http_server_reply(exchange, 404, type, buffer_span(&body));
}

static void on_gone(struct http_exchange *exchange, void *context)
{
    const struct public_http_mount *mount = find(context, http_server_asked(exchange)->path);
    if (mount != NULL) {
        mount->gone(mount->door, exchange);
    }
}

static bool on_trusted(const struct ip_address *address, void *context)
{
    const struct public_http *http = context;
    return http_front_trusts(http->front, address);
}

static struct http_server_settings server_settings(const struct config_http *config)
{
    size_t bodies = 4 * config->body;
    return (struct http_server_settings){
        .connections_max = config->connections,
        .body_max = config->body,
        .request_ms = config->request_timeout_ms,
        .idle_ms = IDLE_MS,
        .chunked = true,
        .address_connections_max = config->connections_per_address,
        .bodies_max = bodies > BODIES_MAX ? bodies : BODIES_MAX,
    };
}

/* The texts were checked with the configuration: they make an identity. */
static void secure(struct public_http *http, const struct config_http *config)
{
    struct error error;
    if (config->public_tls_cert == NULL) {
        return;
    }
    struct stream_tls_identity *identity = stream_tls_identity_new(
        span_of(config->public_tls_cert), span_of(config->public_tls_key), &error);
    assert(identity != NULL);
    http_server_secure(http->server, identity);
    stream_tls_identity_free(identity);
}

struct public_http *public_http_new(struct loop *loop, int fd, const struct config_http *config)
{
    static const struct http_server_handler handler = {on_request, on_gone, on_refusal, on_trusted};
    const struct http_server_settings settings = server_settings(config);
    struct public_http *http = MEMORY_NEW(struct public_http);
    http->front = http_front_new(config->trusted_proxies);
    http->server = http_server_new(loop, fd, &settings, &handler, http);
    secure(http, config);
    return http;
}

void public_http_mount(struct public_http *http, const struct public_http_mount *mount)
{
    assert(http->count < PUBLIC_HTTP_MOUNTS_MAX);
    http->mounts[http->count++] = *mount;
}

void public_http_configure(struct public_http *http, const struct config_http *config)
{
    const struct http_server_settings settings = server_settings(config);
    http_front_free(http->front);
    http->front = http_front_new(config->trusted_proxies);
    http_server_configure(http->server, &settings);
    secure(http, config);
}

void public_http_drain(struct public_http *http)
{
    http_server_drain(http->server);
}

size_t public_http_busy(const struct public_http *http)
{
    return http_server_busy(http->server);
}

size_t public_http_leaving(const struct public_http *http)
{
    return http_server_leaving(http->server);
}

size_t public_http_connections(const struct public_http *http)
{
    return http_server_connections(http->server);
}

uint64_t public_http_refused(const struct public_http *http, enum http_refused kind)
{
    return http_server_refused(http->server, kind);
}

void public_http_free(struct public_http *http)
{
    if (http != NULL) {
        http_server_free(http->server);
        http_front_free(http->front);
        memory_free(http);
    }
}
