/* admin_api.c - the routes of the admin socket, and who may call them. */
#include "admin/admin_api.h"

#include "admin/admin_audit.h"
#include "admin/admin_call.h"
#include "admin/admin_changes.h"
#include "admin/admin_client_changes.h"
#include "admin/admin_clients.h"
#include "admin/admin_deleted.h"
#include "admin/admin_group_changes.h"
#include "admin/admin_groups.h"
#include "admin/admin_providers.h"
#include "admin/admin_tokens.h"
#include "admin/admin_views.h"
#include "base/memory.h"

enum { CONNECTIONS_MAX = 256, REQUEST_MS = 30 * 1000, IDLE_MS = 60 * 1000 };

/* Both are the superuser's today; what a weaker right may do is decided here when there is one. */
enum right { RIGHT_NONE, RIGHT_READ, RIGHT_CHANGE };

static const struct route {
    const char *method;
    const char *path; /* "{}" stands for one segment */
    enum right right;
    admin_call_fn *handle;
} ROUTES[] = {
    {"GET", "/v1/domains", RIGHT_READ, admin_views_domains},
    {"POST", "/v1/domains", RIGHT_CHANGE, admin_changes_domain_add},
    {"DELETE", "/v1/domains/{}", RIGHT_CHANGE, admin_changes_domain_delete},
    {"GET", "/v1/accounts", RIGHT_READ, admin_views_accounts},
    {"POST", "/v1/accounts", RIGHT_CHANGE, admin_changes_account_add},
    {"GET", "/v1/accounts/{}", RIGHT_READ, admin_views_show},
    {"PATCH", "/v1/accounts/{}", RIGHT_CHANGE, admin_changes_account_set},
    {"DELETE", "/v1/accounts/{}", RIGHT_CHANGE, admin_changes_account_delete},
    {"POST", "/v1/accounts/{}/disable", RIGHT_CHANGE, admin_changes_account_disable},
    {"POST", "/v1/accounts/{}/enable", RIGHT_CHANGE, admin_changes_account_enable},
    {"POST", "/v1/accounts/{}/rename", RIGHT_CHANGE, admin_changes_account_rename},
    {"POST", "/v1/accounts/{}/unbind", RIGHT_CHANGE, admin_changes_account_unbind},
    {"GET", "/v1/accounts/{}/source", RIGHT_READ, admin_views_source},
    {"GET", "/v1/groups", RIGHT_READ, admin_groups_list},
    {"POST", "/v1/groups", RIGHT_CHANGE, admin_group_changes_add},
    {"GET", "/v1/groups/{}", RIGHT_READ, admin_groups_show},
    {"DELETE", "/v1/groups/{}", RIGHT_CHANGE, admin_group_changes_delete},
    {"GET", "/v1/groups/{}/source", RIGHT_READ, admin_groups_source},
    {"GET", "/v1/groups/{}/members", RIGHT_READ, admin_groups_members},
    {"POST", "/v1/groups/{}/members", RIGHT_CHANGE, admin_group_changes_member},
    {"GET", "/v1/aliases", RIGHT_READ, admin_views_aliases},
    {"POST", "/v1/aliases", RIGHT_CHANGE, admin_changes_alias_add},
    {"DELETE", "/v1/aliases/{}", RIGHT_CHANGE, admin_changes_alias_delete},
    {"GET", "/v1/clients", RIGHT_READ, admin_clients_list},
    {"POST", "/v1/clients", RIGHT_CHANGE, admin_client_changes_add},
    {"GET", "/v1/clients/{}", RIGHT_READ, admin_clients_show},
    {"PATCH", "/v1/clients/{}", RIGHT_CHANGE, admin_client_changes_set},
    {"DELETE", "/v1/clients/{}", RIGHT_CHANGE, admin_client_changes_delete},
    {"POST", "/v1/clients/{}/rotate", RIGHT_CHANGE, admin_client_changes_rotate},
    {"POST", "/v1/clients/{}/release", RIGHT_CHANGE, admin_client_changes_release},
    {"GET", "/v1/audit", RIGHT_READ, admin_audit_list},
    {"GET", "/v1/deleted", RIGHT_READ, admin_deleted_list},
    {"GET", "/v1/deleted/{}", RIGHT_READ, admin_deleted_show},
    {"POST", "/v1/deleted/{}/purge", RIGHT_CHANGE, admin_deleted_purge},
    {"GET", "/v1/providers", RIGHT_READ, admin_providers_list},
    {"GET", "/v1/providers/{}/test", RIGHT_READ, admin_providers_test},
    {"POST", "/v1/token/check", RIGHT_READ, admin_tokens_check},
};

struct admin_api {
    struct admin_services services;
    char *public_url; /* our copy */
    struct http_server *server;
};

static enum right right_of(const struct stream_peer *peer)
{
    return peer->known && peer->uid == 0 ? RIGHT_CHANGE : RIGHT_NONE;
}

/* Whether `path` has the form of `pattern`; `name` gets what stands for "{}". */
static bool matches(struct span pattern, struct span path, struct span *name)
{
    struct span want, have;
    while (span_cut(&pattern, '/', &want)) {
        if (!span_cut(&path, '/', &have)) {
            return false;
        }
        if (span_is(want, "{}") && !span_empty(have)) {
            *name = have;
        } else if (!span_equal(want, have)) {
            return false;
        }
    }
    return path.at == NULL;
}

/* The route, or NULL and the status that says why there is none. */
static const struct route *find_route(const struct http_request *http, struct span *name,
                                      int *status)
{
    *status = 404;
    for (size_t i = 0; i < sizeof ROUTES / sizeof *ROUTES; i++) {
        if (!matches(span_of(ROUTES[i].path), http->path, name)) {
            continue;
        }
        if (span_is(http->method, ROUTES[i].method)) {
            return &ROUTES[i];
        }
        *status = 405;
    }
    return NULL;
}

/* The body, when there is one, as a JSON object. false: the call has been refused. */
static bool read_body(struct admin_call *call, struct span body)
{
    struct error error;
    if (span_empty(body)) {
        return true;
    }
    call->body = json_parse(body, ADMIN_CALL_BODY_MAX, &error);
    if (call->body == NULL) {
        admin_call_refuse(call, 400, "invalid", error.text); /* the call is gone */
        return false;
    }
    return true;
}

static void dispatch(struct admin_call *call, const struct http_server_request *request)
{
    int status;
    struct span name = {0};
    const struct route *route = find_route(request->http, &name, &status);
    if (route == NULL) {
        admin_call_refuse(call, status, "invalid",
                          "the daemon does not know this call: is `postern` of the same version?");
    } else if (right_of(&request->peer) < route->right) {
        admin_call_refuse(call, 403, "refused", "only root may administer accounts");
    } else if (!http_decode(name, false, &call->arena, &call->name)) {
        admin_call_refuse(call, 400, "invalid", "the path is not well-formed");
    } else if (read_body(call, request->http->body)) {
        route->handle(call);
    }
}

static void on_request(struct http_exchange *exchange, const struct http_server_request *request,
                       void *context)
{
    struct admin_api *api = context;
    struct admin_call *call = MEMORY_NEW(struct admin_call);
    call->services = &api->services;
    call->exchange = exchange;
    call->actor = span_of(arena_format(&call->arena, "uid:%lld", (long long)request->peer.uid));
    call->query = span_copy(&call->arena, request->http->query);
    http_server_keep(exchange, call);
    dispatch(call, request);
}

static void on_gone(struct http_exchange *exchange, void *context)
{
    (void)context;
    admin_call_free(http_server_kept(exchange));
}

struct admin_api *admin_api_new(int fd, const struct admin_services *services)
{
    static const struct http_server_handler HANDLER = {on_request, on_gone};
    static const struct http_server_settings SETTINGS = {CONNECTIONS_MAX, ADMIN_CALL_BODY_MAX,
                                                         REQUEST_MS, IDLE_MS};
    struct admin_api *api = MEMORY_NEW(struct admin_api);
    api->services = *services;
    admin_api_configure(api, services->public_url);
    api->server = http_server_new(services->loop, fd, &SETTINGS, &HANDLER, api);
    return api;
}

void admin_api_configure(struct admin_api *api, const char *public_url)
{
    memory_free(api->public_url);
    api->public_url = public_url != NULL ? memory_text(public_url) : NULL;
    api->services.public_url = api->public_url;
}

void admin_api_drain(struct admin_api *api)
{
    http_server_drain(api->server);
}

size_t admin_api_busy(const struct admin_api *api)
{
    return http_server_busy(api->server);
}

void admin_api_free(struct admin_api *api)
{
    http_server_free(api->server);
    memory_free(api->public_url);
    memory_free(api);
}
