/* scim_routes.c - the SCIM 2.0 service provider below /scim/v2: routes, rights, limits, the request log. */
#include "scim/scim_routes.h"

#include "base/memory.h"
#include "document/scim_discovery.h"
#include "net/pool.h"
#include "scim/scim_access.h"
#include "scim/scim_body.h"
#include "scim/scim_bulk.h"
#include "scim/scim_call.h"
#include "scim/scim_groups.h"
#include "scim/scim_list.h"
#include "scim/scim_users.h"
#include "scim/scim_write.h"

#include <string.h>

enum { POOL_QUEUE = 1000, POOL_NICE = 10, ALLOW_MAX = 64 };

struct scim_routes {
    struct scim_door door;
};

/* -- discovery (RFC 7644, 4) -- */

static struct scim_discovery_limits discovery_limits(const struct scim_call *call)
{
    const struct scim_settings *settings = &call->door->settings;
    return (struct scim_discovery_limits){
        .list_max = (int64_t)settings->page_max,
        .bulk_max = (int64_t)settings->bulk_max,
        .body_max = (int64_t)settings->body_max,
        .set_password = (call->client.rights & CLIENT_SET_PASSWORD) != 0,
    };
}

/* N8: a filter could hide what a client looks for. */
static void answer_discovery(struct scim_call *call, struct json *taken)
{
    if (call->asked.filtered) {
        json_free(taken);
        scim_call_refuse_with(call, 403, SCIM_ERROR_NO_TYPE,
                              "filter: these lists cannot be filtered");
    } else if (taken == NULL) {
        scim_call_refuse_with(call, 404, SCIM_ERROR_NO_TYPE, "there is none of this name");
    } else {
        scim_call_answer(call, 200, taken);
    }
}

static void show_config(struct scim_call *call)
{
    const struct scim_discovery_limits limits = discovery_limits(call);
    answer_discovery(call, scim_discovery_config(call->base, &limits));
}

static void show_types(struct scim_call *call)
{
    answer_discovery(call, scim_discovery_resource_types(call->base));
}

static void show_type(struct scim_call *call)
{
    answer_discovery(call, scim_discovery_resource_type(call->base, call->id));
}

static void show_schemas(struct scim_call *call)
{
    answer_discovery(call, scim_discovery_schemas(call->base));
}

static void show_schema(struct scim_call *call)
{
    answer_discovery(call, scim_discovery_schema(call->base, call->id));
}

static void refuse_me(struct scim_call *call)
{
    scim_call_refuse_with(call, 501, SCIM_ERROR_NO_TYPE,
                          "a token is a provisioning client's, not a person's: there is no /Me");
}

/* -- the table -- */

enum {
    BOTH = CLIENT_USERS | CLIENT_GROUPS,
    READS = 0,
    WRITES = 1,
    OPEN = 2, /* without a token where scim.public_discovery says so */
    BODY = 4, /* has one: JSON */
    ONE = 8,  /* returns one resource: attributes, excludedAttributes */
};

static const struct scim_route {
    const char *method;
    const char *path; /* "{}" stands for one segment */
    enum scim_schema_resource resource;
    unsigned rights; /* one of them; 0: any client */
    unsigned flags;
    void (*handle)(struct scim_call *call);
} ROUTES[] = {
    {"GET", "/Users", SCIM_SCHEMA_USERS, CLIENT_USERS, READS, scim_list_get},
    {"POST", "/Users", SCIM_SCHEMA_USERS, CLIENT_USERS, WRITES | BODY | ONE, scim_users_post},
    {"POST", "/Users/.search", SCIM_SCHEMA_USERS, CLIENT_USERS, BODY, scim_list_search},
    {"GET", "/Users/{}", SCIM_SCHEMA_USERS, CLIENT_USERS, ONE, scim_users_get},
    {"PUT", "/Users/{}", SCIM_SCHEMA_USERS, CLIENT_USERS, WRITES | BODY | ONE, scim_users_put},
    {"PATCH", "/Users/{}", SCIM_SCHEMA_USERS, CLIENT_USERS, WRITES | BODY | ONE, scim_users_patch},
    {"DELETE", "/Users/{}", SCIM_SCHEMA_USERS, CLIENT_USERS, WRITES, scim_write_delete},
    {"GET", "/Groups", SCIM_SCHEMA_GROUPS, CLIENT_GROUPS, READS, scim_list_get},
    {"POST", "/Groups", SCIM_SCHEMA_GROUPS, CLIENT_GROUPS, WRITES | BODY | ONE, scim_groups_post},
    {"POST", "/Groups/.search", SCIM_SCHEMA_GROUPS, CLIENT_GROUPS, BODY, scim_list_search},
    {"GET", "/Groups/{}", SCIM_SCHEMA_GROUPS, CLIENT_GROUPS, ONE, scim_users_get},
    {"PUT", "/Groups/{}", SCIM_SCHEMA_GROUPS, CLIENT_GROUPS, WRITES | BODY | ONE, scim_groups_put},
    {"PATCH", "/Groups/{}", SCIM_SCHEMA_GROUPS, CLIENT_GROUPS, WRITES | BODY | ONE,
     scim_groups_patch},
    {"DELETE", "/Groups/{}", SCIM_SCHEMA_GROUPS, CLIENT_GROUPS, WRITES, scim_write_delete},
    {"GET", "/", SCIM_SCHEMA_NO_RESOURCE, BOTH, READS, scim_list_get},
    {"POST", "/.search", SCIM_SCHEMA_NO_RESOURCE, BOTH, BODY, scim_list_search},
    {"POST", "/Bulk", SCIM_SCHEMA_NO_RESOURCE, BOTH, WRITES | BODY, scim_bulk_post},
    {"GET", "/ServiceProviderConfig", SCIM_SCHEMA_NO_RESOURCE, 0, OPEN, show_config},
    {"GET", "/ServiceProviderConfigs", SCIM_SCHEMA_NO_RESOURCE, 0, OPEN, show_config},
    {"GET", "/ResourceTypes", SCIM_SCHEMA_NO_RESOURCE, 0, OPEN, show_types},
    {"GET", "/ResourceTypes/{}", SCIM_SCHEMA_NO_RESOURCE, 0, OPEN, show_type},
    {"GET", "/Schemas", SCIM_SCHEMA_NO_RESOURCE, 0, OPEN, show_schemas},
    {"GET", "/Schemas/{}", SCIM_SCHEMA_NO_RESOURCE, 0, OPEN, show_schema},
    {"GET", "/Me", SCIM_SCHEMA_NO_RESOURCE, 0, READS, refuse_me},
    {"POST", "/Me", SCIM_SCHEMA_NO_RESOURCE, 0, READS, refuse_me},
    {"PUT", "/Me", SCIM_SCHEMA_NO_RESOURCE, 0, READS, refuse_me},
    {"PATCH", "/Me", SCIM_SCHEMA_NO_RESOURCE, 0, READS, refuse_me},
    {"DELETE", "/Me", SCIM_SCHEMA_NO_RESOURCE, 0, READS, refuse_me},
};

/* Whether `path` has the form of `pattern`; `id` gets what stands for "{}". */
static bool matches(struct span pattern, struct span path, struct span *id)
{
    struct span want, have;
    *id = (struct span){0};
    while (span_cut(&pattern, '/', &want)) {
        if (!span_cut(&path, '/', &have)) {
            return false;
        }
        if (span_is(want, "{}") && !span_empty(have)) {
            *id = have;
        } else if (!span_equal(want, have)) {
            return false;
        }
    }
    return path.at == NULL;
}

/* "/scim/v2/Users/" is "/Users"; "/scim/v2" is "/". */
static struct span below_prefix(struct span path)
{
    struct span rest = span_from(path, strlen(SCIM_ROUTES_PREFIX));
    while (rest.length > 1 && span_ends(rest, "/")) {
        rest = span_first(rest, rest.length - 1);
    }
    return span_empty(rest) ? SPAN_LITERAL("/") : rest;
}

/* NULL: the call has been refused. HEAD goes where GET goes: the listener leaves the body out. */
static const struct scim_route *find_route(struct scim_call *call, struct span path,
                                           struct span *id)
{
    CLEANUP(buffer_done) struct buffer allow = buffer_limited(ALLOW_MAX);
    const char *method = span_is(call->method, "HEAD") ? "GET" : NULL;
    for (size_t i = 0; i < sizeof ROUTES / sizeof *ROUTES; i++) {
        const struct scim_route *route = &ROUTES[i];
        if (!matches(span_of(route->path), path, id)) {
            continue;
        }
        if (method != NULL ? strcmp(route->method, method) == 0
                           : span_is(call->method, route->method)) {
            return route;
        }
        buffer_format(&allow, "%s%s", allow.length > 0 ? ", " : "", route->method);
    }
    if (allow.length > 0) {
        scim_call_wrong_method(call, span_text(&call->arena, buffer_span(&allow)));
    } else {
        scim_call_refuse_with(call, 404, SCIM_ERROR_NO_TYPE, "there is nothing at this path");
    }
    return NULL;
}

/* -- what a route asks for -- */

/* N2: whatever may be JSON is tried. */
static bool may_be_json(struct span type)
{
    for (size_t i = 0; i < type.length; i++) {
        if (span_starts_fold(span_from(type, i), "json")) {
            return true;
        }
    }
    return span_empty(type);
}

static bool json_expected(struct scim_call *call, struct span body)
{
    if (span_empty(body)) {
        scim_call_refuse_with(call, 400, SCIM_ERROR_INVALID_SYNTAX, "the request has no body");
        return false;
    }
    if (may_be_json(call->content_type)) {
        return true;
    }
    scim_call_refuse_with(call, 415, SCIM_ERROR_NO_TYPE,
                          "Content-Type: send application/scim+json or application/json");
    return false;
}

/* What is to be returned, known before anything is changed. */
static bool read_projection(struct scim_call *call, struct scim_error *error)
{
    struct scim_page_asked asked = call->asked;
    asked.resource = call->resource;
    asked.base = call->base;
    asked.filtered = false; /* RFC 7644, 3.4.1 knows none here */
    asked.sort_by = (struct span){0};
    call->page_query = scim_page_query_new(&asked, error);
    return call->page_query != NULL;
}

static void start(struct scim_call *call)
{
    const struct scim_route *route = call->route;
    struct scim_error error;
    if (!scim_call_read_query(call, &error) ||
        ((route->flags & ONE) != 0 && !read_projection(call, &error))) {
        scim_call_refuse(call, &error);
    } else {
        route->handle(call);
    }
}

static bool take_route(struct scim_call *call, const struct scim_route *route, struct span id)
{
    call->route = route;
    call->resource = route->resource;
    if (!http_decode(id, false, &call->arena, &call->id)) {
        scim_call_refuse_with(call, 400, SCIM_ERROR_INVALID_SYNTAX, "the path is not well-formed");
        return false;
    }
    return true;
}

void scim_routes_operation(struct scim_call *call)
{
    struct span id;
    const struct scim_route *route = find_route(call, call->path, &id);
    if (route == NULL) {
        return;
    }
    if ((route->flags & WRITES) == 0 || route->resource == SCIM_SCHEMA_NO_RESOURCE) {
        scim_call_refuse_with(call, 400, SCIM_ERROR_INVALID_VALUE,
                              "path: no users or groups to be changed");
    } else if ((route->flags & BODY) != 0 && json_kind(call->body) != JSON_KIND_OBJECT) {
        scim_call_refuse_with(call, 400, SCIM_ERROR_INVALID_SYNTAX, "data: must be an object");
    } else if (scim_access_allow(call, route->rights, true) && take_route(call, route, id)) {
        start(call);
    }
}

/* -- requests -- */

/* All lines of a list header as one. */
static struct span header_list(struct scim_call *call, const struct http_request *http,
                               const char *name)
{
    struct span list = {0};
    for (size_t i = 0; i < http->headers_count; i++) {
        const struct http_header *header = &http->headers[i];
        if (!span_is_fold(header->name, name)) {
            continue;
        }
        list = span_empty(list)
                   ? header->value
                   : span_of(arena_format(&call->arena, "%.*s,%.*s", (int)list.length, list.at,
                                          (int)header->value.length, header->value.at));
    }
    return list;
}

static void handle(struct scim_call *call, const struct http_front_request *request)
{
    const struct http_request *http = request->server->http;
    struct span id;
    const struct scim_route *route = NULL;
    bool open = false;
    for (size_t i = 0; i < sizeof ROUTES / sizeof *ROUTES && !open; i++) {
        open = (ROUTES[i].flags & OPEN) != 0 && call->door->settings.public_discovery &&
               matches(span_of(ROUTES[i].path), below_prefix(call->path), &id);
    }
    /* Nobody without a token is told which paths there are. */
    if (!open && !scim_access_check(call, http)) {
        return;
    }
    route = find_route(call, below_prefix(call->path), &id);
    if (route == NULL || !scim_access_allow(call, route->rights, (route->flags & WRITES) != 0) ||
        !take_route(call, route, id)) {
        return;
    }
    if ((route->flags & BODY) == 0) {
        start(call);
    } else if (json_expected(call, http->body)) {
        bool document = (route->flags & ONE) != 0 && !span_is(call->method, "PATCH");
        scim_body_read(call, http->body, document, start);
    }
}

void scim_routes_request(struct scim_routes *routes, struct http_exchange *exchange,
                         const struct http_front_request *request)
{
    const struct http_request *http = request->server->http;
    struct scim_call *call = scim_call_new(&routes->door);
    call->exchange = exchange;
    call->client_address = request->client;
    call->method = http->method;
    call->path = http->path;
    call->query = http->query;
    call->base =
        span_of(arena_format(&call->arena, "%s%s", call->door->public_url, SCIM_ROUTES_PREFIX));
    call->if_match = header_list(call, http, "If-Match");
    call->if_none_match = header_list(call, http, "If-None-Match");
    (void)http_find(http->headers, http->headers_count, "Content-Type", &call->content_type);
    http_server_keep(exchange, call);
    handle(call, request);
}

void scim_routes_gone(struct scim_routes *routes, struct http_exchange *exchange)
{
    (void)routes;
    scim_call_free(http_server_kept(exchange));
}

const char *scim_routes_refusal(unsigned status, const char *text, struct buffer *body)
{
    scim_error_write((int)status, SCIM_ERROR_NO_TYPE, text, body);
    return SCIM_ERROR_CONTENT_TYPE;
}

/* -- the door -- */

static void set(struct scim_door *door, const struct scim_settings *settings)
{
    memory_free(door->public_url);
    door->settings = *settings;
    door->settings.public_url = NULL;
    door->public_url = memory_text(settings->public_url);
    size_t length = strlen(door->public_url);
    while (length > 0 && door->public_url[length - 1] == '/') {
        door->public_url[--length] = '\0';
    }
}

struct scim_routes *scim_routes_new(const struct scim_services *services,
                                    const struct scim_settings *settings)
{
    static const char *const labels[] = {"method", "status", NULL};
    struct scim_routes *routes = MEMORY_NEW(struct scim_routes);
    struct scim_door *door = &routes->door;
    door->services = *services;
    door->limits = scim_limits_new();
    door->turns = scim_turns_new(services->loop);
    door->pool = pool_new(services->loop, 1, POOL_QUEUE, POOL_NICE);
    if (services->metrics != NULL) {
        door->counts = metrics_counter(services->metrics, "postern_scim_requests_total",
                                       "Requests of provisioning clients.", labels);
    }
    set(door, settings);
    return routes;
}

void scim_routes_configure(struct scim_routes *routes, const struct scim_settings *settings)
{
    set(&routes->door, settings);
}

size_t scim_routes_busy(const struct scim_routes *routes)
{
    return routes->door.calls;
}

size_t scim_routes_waiting(const struct scim_routes *routes)
{
    return scim_turns_waiting(routes->door.turns);
}

void scim_routes_free(struct scim_routes *routes)
{
    if (routes == NULL) {
        return;
    }
    pool_free(routes->door.pool);
    scim_turns_free(routes->door.turns);
    scim_limits_free(routes->door.limits);
    memory_free(routes->door.public_url);
    memory_free(routes);
}
