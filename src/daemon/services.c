/* services.c - everything that the worker runs: the modules, built in order from a configuration, and taken down in reverse. */
#include "daemon/services.h"

#include "account/password.h"
#include "admin/admin_api.h"
#include "auth/change.h"
#include "auth/directory.h"
#include "auth/login.h"
#include "auth/throttle.h"
#include "base/memory.h"
#include "daemon/gauges.h"
#include "daemon/internal_http.h"
#include "daemon/public_http.h"
#include "daemon/public_socket.h"
#include "mail/auth_server.h"
#include "mail/map_server.h"
#include "mail/master_server.h"
#include "mail/pending_login.h"
#include "mail/policy_server.h"
#include "mail/shared_files.h"
#include "net/fetch.h"
#include "scim/scim_routes.h"
#include "store/store.h"
#include "token/token_check.h"
#include "token/token_metrics.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* Each kind of connection has its share of the descriptors (worker.c raises their number to hold all). */
enum {
    AUTH_CONNECTIONS_MAX = 2000,
    AUTH_HANDSHAKES_MAX = 500,
    HANDSHAKE_MS = 30 * 1000,
    AUTH_REQUESTS_MAX = 1000,
    MASTER_CONNECTIONS_MAX = 1000,
    MASTER_HANDSHAKES_MAX = 500,
    POSTFIX_CONNECTIONS_MAX = 1000,
    MAP_ANSWER_MS = 5 * 1000,
    SHARED_WAIT_MS = 200,
    SHARED_BYTES_MAX = 64 * 1024 * 1024,
    PENDING_MAX = 10000,
    PENDING_MS = 155 * 1000,
    STORE_WAIT_MS = 15 * 1000,
    REPORT_EVERY_MS = 60 * 1000,
};

static const struct auth_door {
    enum sockets_name socket;
    enum auth_server_kind kind;
} auth_doors[] = {
    {SOCKETS_LOGIN, AUTH_SERVER_DOVECOT},        {SOCKETS_TOKENLOGIN, AUTH_SERVER_TOKEN},
    {SOCKETS_AUTH_LOGIN, AUTH_SERVER_DOVECOT},   {SOCKETS_AUTH_CLIENT, AUTH_SERVER_DOVECOT},
    {SOCKETS_POSTFIX_AUTH, AUTH_SERVER_POSTFIX},
};

static const struct master_door {
    enum sockets_name socket;
    enum master_server_kind kind;
} master_doors[] = {
    {SOCKETS_AUTH_USERDB, MASTER_SERVER_USERDB},
    {SOCKETS_AUTH_MASTER, MASTER_SERVER_MASTER},
};

enum {
    AUTH_DOORS = sizeof(auth_doors) / sizeof(auth_doors[0]),
    MASTER_DOORS = sizeof(master_doors) / sizeof(master_doors[0]),
};

struct services {
    struct store *store;
    struct fetch_client *fetches;
    struct token_checks *tokens;
    struct password_checks *passwords;
    struct directory *directory;
    struct throttle *throttle;
    struct changes *changes;
    struct resource_index *index;
    struct login_service login;
    struct pending_login_table *pending;
    struct auth_server *auth[AUTH_DOORS];
    struct master_server *master[MASTER_DOORS];
    struct map_server *map;
    struct policy_server *policy;
    struct admin_api *admin;
    struct internal_http *internal;
    struct public_http *public;
    struct scim_routes *scim; /* NULL: no public listener */
    struct metrics *metrics;
    struct gauges gauges;
    struct moment reported;
    uint64_t failures_reported;  /* of the store's look-ups */
    struct shared_files *shared; /* for Dovecot */
};

/* ---- building ---- */

static void open_auth_doors(struct services *services, const struct services_inputs *inputs)
{
    for (size_t i = 0; i < AUTH_DOORS; i++) {
        const struct auth_door *door = &auth_doors[i];
        struct auth_server_settings settings = {.kind = door->kind,
                                                .name = sockets_name(door->socket),
                                                .server_pid = (uint32_t)getpid(),
                                                .root_uid = 0,
                                                .connections_max = AUTH_CONNECTIONS_MAX,
                                                .handshakes_max = AUTH_HANDSHAKES_MAX,
                                                .handshake_ms = HANDSHAKE_MS,
                                                .requests_max = AUTH_REQUESTS_MAX,
                                                .token_key = inputs->token_key};
        bool requests_follow = door->kind != AUTH_SERVER_POSTFIX;
        if (inputs->fds[door->socket] >= 0) {
            services->auth[i] = auth_server_new(
                inputs->loop, inputs->fds[door->socket], &settings, &services->login,
                requests_follow ? services->pending : NULL, inputs->log);
        }
    }
}

static void open_master_doors(struct services *services, const struct services_inputs *inputs)
{
    for (size_t i = 0; i < MASTER_DOORS; i++) {
        const struct master_door *door = &master_doors[i];
        struct master_server_settings settings = {.kind = door->kind,
                                                  .name = sockets_name(door->socket),
                                                  .server_pid = (uint32_t)getpid(),
                                                  .root_uid = 0,
                                                  .dovecot_uid =
                                                      inputs->config->dovecot.user.number,
                                                  .mail_uid = inputs->config->mail_user.number,
                                                  .connections_max = MASTER_CONNECTIONS_MAX,
                                                  .handshakes_max = MASTER_HANDSHAKES_MAX,
                                                  .handshake_ms = HANDSHAKE_MS,
                                                  .token_key = inputs->token_key};
        if (inputs->fds[door->socket] >= 0) {
            services->master[i] = master_server_new(inputs->loop, inputs->fds[door->socket],
                                                    &settings, services->directory, services->store,
                                                    services->pending, inputs->log);
        }
    }
}

static void open_shared_files(struct services *services, const struct services_inputs *inputs)
{
    char path[PATH_MAX];
    const struct shared_files_settings settings = {
        .directory = path, .wait_ms = SHARED_WAIT_MS, .bytes_max = SHARED_BYTES_MAX};
    snprintf(path, sizeof path, "%s/shared", inputs->config->run_directory);
    services->shared = shared_files_new(inputs->loop, inputs->log, services->store, &settings);
    changes_on_groups(services->changes, shared_files_touch, services->shared);
}

static void open_other_doors(struct services *services, const struct services_inputs *inputs)
{
    const int *fds = inputs->fds;
    if (fds[SOCKETS_POSTFIX_MAP] >= 0) {
        struct map_server_settings settings = {sockets_name(SOCKETS_POSTFIX_MAP),
                                               POSTFIX_CONNECTIONS_MAX, MAP_ANSWER_MS};
        services->map = map_server_new(inputs->loop, fds[SOCKETS_POSTFIX_MAP], &settings,
                                       services->directory, services->store, inputs->log);
    }
    if (fds[SOCKETS_POSTFIX_POLICY] >= 0) {
        struct policy_server_settings settings = {sockets_name(SOCKETS_POSTFIX_POLICY),
                                                  POSTFIX_CONNECTIONS_MAX};
        services->policy = policy_server_new(inputs->loop, fds[SOCKETS_POSTFIX_POLICY], &settings,
                                             services->directory, services->store, inputs->log);
    }
    if (fds[SOCKETS_ADMIN] >= 0) {
        const struct admin_services admin = {.loop = inputs->loop,
                                             .log = inputs->log,
                                             .store = services->store,
                                             .changes = services->changes,
                                             .directory = services->directory,
                                             .passwords = services->passwords,
                                             .tokens = services->tokens,
                                             .public_url = inputs->config->http.public_url};
        services->admin = admin_api_new(fds[SOCKETS_ADMIN], &admin);
    }
}

/* The caller's to wipe. */
static struct secret internal_secret(const struct config *config)
{
    return secret_new(span_of(config->http.internal_secret));
}

static void open_internal(struct services *services, const struct services_inputs *inputs)
{
    int fd = inputs->fds[SOCKETS_INTERNAL];
    CLEANUP(secret_done) struct secret secret = internal_secret(inputs->config);
    if (fd >= 0) {
        services->internal = internal_http_new(inputs->loop, fd, services->metrics, services->store,
                                               &services->login, &secret);
    }
}

static bool on_scim_request(void *door, struct http_exchange *exchange,
                            const struct http_front_request *request)
{
    scim_routes_request(door, exchange, request);
    return true;
}

static void on_scim_gone(void *door, struct http_exchange *exchange)
{
    scim_routes_gone(door, exchange);
}

static struct scim_settings scim_settings(const struct config *config)
{
    struct scim_settings settings = config->scim;
    settings.public_url = config->http.public_url;
    settings.body_max = config->http.body;
    return settings;
}

static void mount_scim(struct services *services, const struct services_inputs *inputs)
{
    const struct scim_services scim = {.loop = inputs->loop,
                                       .log = inputs->log,
                                       .store = services->store,
                                       .changes = services->changes,
                                       .index = services->index,
                                       .passwords = services->passwords,
                                       .metrics = services->metrics};
    const struct scim_settings settings = scim_settings(inputs->config);
    services->scim = scim_routes_new(&scim, &settings);
    const struct public_http_mount mount = {.prefix = SCIM_ROUTES_PREFIX,
                                            .request = on_scim_request,
                                            .gone = on_scim_gone,
                                            .refusal = scim_routes_refusal,
                                            .door = services->scim};
    public_http_mount(services->public, &mount);
}

/* A socket that the parent bound when there was a certificate is not served without one. */
static void open_public(struct services *services, const struct services_inputs *inputs)
{
    int fd = inputs->fds[SOCKETS_PUBLIC];
    const struct config_http *config = &inputs->config->http;
    if (fd >= 0 && !public_socket_fits(config, fd)) {
        log_error(inputs->log, "public_closed",
                  log_text("reason", "http.public_tls_cert_file is not set any more"));
        close(fd);
    } else if (fd >= 0) {
        services->public = public_http_new(inputs->loop, fd, config);
        mount_scim(services, inputs);
    }
}

static void add_gauges(struct services *services, const struct services_inputs *inputs)
{
    struct gauges *gauges = &services->gauges;
    *gauges = (struct gauges){.login = &services->login,
                              .pending = services->pending,
                              .passwords = services->passwords,
                              .throttle = services->throttle,
                              .directory = services->directory,
                              .store = services->store,
                              .fetches = services->fetches,
                              .scim = services->scim,
                              .logging = inputs->logging};
    for (size_t i = 0; i < AUTH_DOORS; i++) {
        gauges_auth(gauges, sockets_name(auth_doors[i].socket), services->auth[i]);
    }
    for (size_t i = 0; i < MASTER_DOORS; i++) {
        gauges_master(gauges, sockets_name(master_doors[i].socket), services->master[i]);
    }
    gauges_map(gauges, sockets_name(SOCKETS_POSTFIX_MAP), services->map);
    gauges_policy(gauges, sockets_name(SOCKETS_POSTFIX_POLICY), services->policy);
    gauges_admin(gauges, sockets_name(SOCKETS_ADMIN), services->admin);
    gauges_internal(gauges, sockets_name(SOCKETS_INTERNAL), services->internal);
    gauges_public(gauges, sockets_name(SOCKETS_PUBLIC), services->public);
    gauges_add(gauges, services->metrics);
    token_metrics_add(services->tokens, services->metrics);
}

static struct directory_settings directory_settings(const struct config *config)
{
    struct directory_settings settings = config->directory;
    settings.cache_bytes = config->account_cache_bytes;
    return settings;
}

static void close_sockets(const int *fds)
{
    for (size_t i = 0; i < SOCKETS_COUNT; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

struct services *services_new(const struct services_inputs *inputs, struct error *error)
{
    struct loop *loop = inputs->loop;
    struct config *config = inputs->config;
    struct store *store = store_open(loop, config->store, STORE_WAIT_MS, error);
    if (store == NULL) {
        close_sockets(inputs->fds);
        return NULL;
    }
    struct services *services = MEMORY_NEW(struct services);
    services->store = store;
    services->fetches =
        fetch_client_new(loop, config->worker.fetches_max, "postern/" POSTERN_VERSION);
    services->tokens = token_checks_new(loop, inputs->log, services->fetches, &config->tokens,
                                        config_take_providers(config));
    services->passwords = password_checks_new(loop, &config->passwords);
    const struct directory_settings directory = directory_settings(config);
    services->directory = directory_new(store, &directory);
    services->throttle = throttle_new(&config->throttle);
    services->changes = changes_new(loop, inputs->log, store, services->directory);
    services->index = resource_index_new(store);
    changes_set_index(services->changes, services->index);
    changes_configure(services->changes, &config->changes);
    services->metrics = metrics_new();
    services->pending =
        pending_login_new(loop, &(struct pending_login_settings){PENDING_MAX, PENDING_MS});
    services->login = (struct login_service){.loop = loop,
                                             .log = inputs->log,
                                             .tokens = services->tokens,
                                             .passwords = services->passwords,
                                             .directory = services->directory,
                                             .throttle = services->throttle,
                                             .changes = services->changes,
                                             .counts = login_record_families(services->metrics),
                                             .settings = config->login};
    open_shared_files(services, inputs);
    open_auth_doors(services, inputs);
    open_master_doors(services, inputs);
    open_other_doors(services, inputs);
    open_internal(services, inputs);
    open_public(services, inputs);
    add_gauges(services, inputs);
    return services;
}

void services_configure(struct services *services, struct config *config)
{
    token_checks_configure(services->tokens, &config->tokens, config_take_providers(config));
    const struct directory_settings directory = directory_settings(config);
    directory_configure(services->directory, &directory);
    throttle_configure(services->throttle, &config->throttle);
    changes_configure(services->changes, &config->changes);
    services->login.settings = config->login;
    if (services->admin != NULL) {
        admin_api_configure(services->admin, config->http.public_url);
    }
    if (services->internal != NULL) {
        CLEANUP(secret_done) struct secret secret = internal_secret(config);
        internal_http_configure(services->internal, &secret);
    }
    if (services->public != NULL) {
        const struct scim_settings scim = scim_settings(config);
        public_http_configure(services->public, &config->http);
        scim_routes_configure(services->scim, &scim);
    }
}

/* ---- taking down ---- */

void services_report(struct services *services)
{
    struct moment now = loop_now(services->login.loop);
    uint64_t failures = store_failures(services->store);
    bool first = services->failures_reported == 0;
    if (failures == services->failures_reported ||
        (!first && moment_since(now, services->reported) < REPORT_EVERY_MS)) {
        return;
    }
    log_error(services->login.log, "store_unavailable",
              log_number("count", (int64_t)(failures - services->failures_reported)),
              log_text("detail", store_failure(services->store)));
    services->failures_reported = failures;
    services->reported = now;
}

void services_drain(struct services *services)
{
    for (size_t i = 0; i < AUTH_DOORS; i++) {
        if (services->auth[i] != NULL) {
            auth_server_drain(services->auth[i]);
        }
    }
    if (services->admin != NULL) {
        admin_api_drain(services->admin);
    }
    if (services->internal != NULL) {
        internal_http_drain(services->internal);
    }
    if (services->public != NULL) {
        public_http_drain(services->public);
    }
}

bool services_busy(const struct services *services)
{
    size_t waiting = pending_login_count(services->pending);
    for (size_t i = 0; i < AUTH_DOORS; i++) {
        waiting += services->auth[i] == NULL ? 0 : auth_server_requests(services->auth[i]);
    }
    waiting += services->internal == NULL ? 0 : internal_http_busy(services->internal);
    if (services->public != NULL) {
        waiting += public_http_busy(services->public) + public_http_leaving(services->public);
    }
    return waiting > 0 || (services->admin != NULL && admin_api_busy(services->admin) > 0);
}

void services_abandon(struct services *services)
{
    services->login.stopping = true;
    for (size_t i = 0; i < AUTH_DOORS; i++) {
        if (services->auth[i] != NULL) {
            auth_server_abandon(services->auth[i]);
        }
    }
    for (size_t i = 0; i < MASTER_DOORS; i++) {
        if (services->master[i] != NULL) {
            master_server_drain(services->master[i]);
        }
    }
    if (services->map != NULL) {
        map_server_drain(services->map);
    }
    if (services->policy != NULL) {
        policy_server_drain(services->policy);
    }
}

bool services_leaving(const struct services *services)
{
    size_t count = 0;
    for (size_t i = 0; i < AUTH_DOORS; i++) {
        count += services->auth[i] == NULL ? 0 : auth_server_connections(services->auth[i]);
    }
    for (size_t i = 0; i < MASTER_DOORS; i++) {
        count += services->master[i] == NULL ? 0 : master_server_connections(services->master[i]);
    }
    count += services->map == NULL ? 0 : map_server_connections(services->map);
    count += services->policy == NULL ? 0 : policy_server_connections(services->policy);
    return count > 0;
}

void services_free(struct services *services)
{
    if (services == NULL) {
        return;
    }
    if (services->admin != NULL) {
        admin_api_free(services->admin);
    }
    internal_http_free(services->internal);
    public_http_free(services->public);
    scim_routes_free(services->scim);
    policy_server_free(services->policy);
    map_server_free(services->map);
    for (size_t i = 0; i < MASTER_DOORS; i++) {
        master_server_free(services->master[i]);
    }
    for (size_t i = 0; i < AUTH_DOORS; i++) {
        auth_server_free(services->auth[i]);
    }
    pending_login_free(services->pending);
    token_checks_free(services->tokens);
    fetch_client_free(services->fetches);
    changes_free(services->changes);
    shared_files_free(services->shared);
    resource_index_free(services->index);
    throttle_free(services->throttle);
    password_checks_free(services->passwords);
    directory_free(services->directory);
    store_close(services->store);
    metrics_free(services->metrics);
    memory_free(services);
}
