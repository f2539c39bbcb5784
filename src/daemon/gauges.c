/* gauges.c - what the modules of the worker know about themselves, as metrics. */
#include "daemon/gauges.h"

#include <assert.h>

static const char *const door_label[] = {"door", NULL};
static const char *const queue_label[] = {"queue", NULL};
static const char *const reason_label[] = {"reason", NULL};
static const char *const answer_label[] = {"answer", NULL};

/* -- doors -- */

static size_t auth_connections(const void *server)
{
    return auth_server_connections(server);
}

static size_t auth_requests(const void *server)
{
    return auth_server_requests(server);
}

static size_t master_connections(const void *server)
{
    return master_server_connections(server);
}

static size_t map_connections(const void *server)
{
    return map_server_connections(server);
}

static size_t policy_connections(const void *server)
{
    return policy_server_connections(server);
}

static size_t admin_requests(const void *server)
{
    return admin_api_busy(server);
}

static size_t internal_requests(const void *server)
{
    return internal_http_busy(server);
}

static void add_door(struct gauges *gauges, const struct gauges_door *door)
{
    if (door->server != NULL) {
        assert(gauges->doors_count < GAUGES_DOORS_MAX);
        gauges->doors[gauges->doors_count++] = *door;
    }
}

void gauges_auth(struct gauges *gauges, const char *name, const struct auth_server *server)
{
    add_door(gauges, &(struct gauges_door){name, auth_connections, auth_requests, server});
}

void gauges_master(struct gauges *gauges, const char *name, const struct master_server *server)
{
    add_door(gauges, &(struct gauges_door){name, master_connections, NULL, server});
}

void gauges_map(struct gauges *gauges, const char *name, const struct map_server *server)
{
    add_door(gauges, &(struct gauges_door){name, map_connections, NULL, server});
}

void gauges_policy(struct gauges *gauges, const char *name, const struct policy_server *server)
{
    add_door(gauges, &(struct gauges_door){name, policy_connections, NULL, server});
}

void gauges_admin(struct gauges *gauges, const char *name, const struct admin_api *server)
{
    add_door(gauges, &(struct gauges_door){name, NULL, admin_requests, server});
}

void gauges_internal(struct gauges *gauges, const char *name, const struct internal_http *server)
{
    add_door(gauges, &(struct gauges_door){name, NULL, internal_requests, server});
}

static size_t public_connections(const void *server)
{
    return public_http_connections(server);
}

static size_t public_requests(const void *server)
{
    return public_http_busy(server);
}

void gauges_public(struct gauges *gauges, const char *name, const struct public_http *server)
{
    add_door(gauges, &(struct gauges_door){name, public_connections, public_requests, server});
    gauges->public = server;
}

/* -- what is said -- */

static void say(struct metrics_family *family, const char *label, double value)
{
    metrics_gauge_say(family, &label, value);
}

static void say_connections(struct metrics_family *family, void *context)
{
    const struct gauges *gauges = context;
    for (size_t i = 0; i < gauges->doors_count; i++) {
        const struct gauges_door *door = &gauges->doors[i];
        if (door->connections != NULL) {
            say(family, door->name, (double)door->connections(door->server));
        }
    }
}

static void say_requests(struct metrics_family *family, void *context)
{
    const struct gauges *gauges = context;
    for (size_t i = 0; i < gauges->doors_count; i++) {
        const struct gauges_door *door = &gauges->doors[i];
        if (door->requests != NULL) {
            say(family, door->name, (double)door->requests(door->server));
        }
    }
}

static void say_queues(struct metrics_family *family, void *context)
{
    const struct gauges *gauges = context;
    say(family, "logins", (double)gauges->login->running);
    say(family, "pending_logins", (double)pending_login_count(gauges->pending));
    say(family, "fetches", (double)fetch_running(gauges->fetches));
    say(family, "passwords", (double)password_checks_waiting(gauges->passwords));
    say(family, "store_writes", (double)store_writes_waiting(gauges->store));
    say(family, "store_reads", (double)store_reads_waiting(gauges->store));
    if (gauges->scim != NULL) {
        say(family, "scim_lists", (double)scim_routes_waiting(gauges->scim));
    }
}

static void say_throttled(struct metrics_family *family, void *context)
{
    const struct gauges *gauges = context;
    metrics_gauge_say(family, NULL, (double)throttle_entries(gauges->throttle));
}

static void say_accounts_asked(struct metrics_family *family, void *context)
{
    const struct gauges *gauges = context;
    const struct account_cache *cache = directory_cache(gauges->directory);
    say(family, "hit", (double)account_cache_hits(cache));
    say(family, "miss", (double)account_cache_misses(cache));
}

static void say_accounts_kept(struct metrics_family *family, void *context)
{
    const struct gauges *gauges = context;
    metrics_gauge_say(family, NULL,
                      (double)account_cache_count(directory_cache(gauges->directory)));
}

static void say_accounts_bytes(struct metrics_family *family, void *context)
{
    const struct gauges *gauges = context;
    metrics_gauge_say(family, NULL,
                      (double)account_cache_bytes(directory_cache(gauges->directory)));
}

static void say_commits(struct metrics_family *family, void *context)
{
    const struct gauges *gauges = context;
    metrics_gauge_say(family, NULL, (double)store_commits(gauges->store));
}

static void say_failures(struct metrics_family *family, void *context)
{
    const struct gauges *gauges = context;
    metrics_gauge_say(family, NULL, (double)store_failures(gauges->store));
}

static void say_dropped(struct metrics_family *family, void *context)
{
    const struct gauges *gauges = context;
    metrics_gauge_say(family, NULL, (double)logging_dropped(gauges->logging));
}

static void say_refused(struct metrics_family *family, void *context)
{
    const struct gauges *gauges = context;
    for (int kind = 0; gauges->public != NULL && kind < HTTP_REFUSED_COUNT; kind++) {
        say(family, http_refused_name(kind), (double)public_http_refused(gauges->public, kind));
    }
}

static const struct row {
    const char *name, *help;
    const char *const *labels;
    metrics_gauge_fn *fn;
    bool total;
} rows[] = {
    {"postern_connections", "Open connections.", door_label, say_connections, false},
    {"postern_requests", "Requests under way.", door_label, say_requests, false},
    {"postern_queue_length", "What waits, or is under way.", queue_label, say_queues, false},
    {"postern_throttle_entries", "Client addresses that were refused something.", NULL,
     say_throttled, false},
    {"postern_account_cache_lookups_total", "Accounts looked for in memory.", answer_label,
     say_accounts_asked, true},
    {"postern_account_cache_entries", "Addresses remembered.", NULL, say_accounts_kept, false},
    {"postern_account_cache_bytes", "Memory of the addresses remembered.", NULL, say_accounts_bytes,
     false},
    {"postern_store_commits_total", "Commits to the database.", NULL, say_commits, true},
    {"postern_store_failures_total", "Look-ups that the database could not answer.", NULL,
     say_failures, true},
    {"postern_public_refused_total", "Connections and requests that no door saw.", reason_label,
     say_refused, true},
    {"postern_log_dropped_total", "Log lines that could not be written in time.", NULL, say_dropped,
     true},
};

void gauges_add(const struct gauges *gauges, struct metrics *metrics)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        void *context = (void *)(uintptr_t)gauges; /* only looked at */
        if (row->total) {
            metrics_total(metrics, row->name, row->help, row->labels, row->fn, context);
        } else {
            metrics_gauge(metrics, row->name, row->help, row->labels, row->fn, context);
        }
    }
}
