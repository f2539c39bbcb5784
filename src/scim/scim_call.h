/* scim_call.h - one request's life: what came, who asks, how it ends. Internal to scim/.
 *
 * An operation of a Bulk request is a call of its own, without an exchange: its end is told to the Bulk. A handler leads to
 * exactly one of the endings below, now or later; what it needs until then is its task, which is freed with the call. */
#ifndef SCIM_SCIM_CALL_H
#define SCIM_SCIM_CALL_H

#include "account/client.h"
#include "scim/scim_limits.h"
#include "scim/scim_page.h"
#include "scim/scim_routes.h"
#include "scim/scim_turn.h"

enum { SCIM_CALL_RETRY_S = 5 };

/* What all calls share. */
struct scim_door {
    struct scim_services services;
    struct scim_settings settings;
    char *public_url; /* without a slash at its end */
    struct scim_limits *limits;
    struct scim_turns *turns;
    struct pool *pool;
    struct metrics_family *counts;
    size_t calls;
};

struct scim_call;
struct scim_route;
struct scim_reply {
    int status;
    struct span body;
    struct span location; /* of what was made or shown; a URL */
    int64_t version;      /* of it; 0: no entity tag */
    int retry_after_s;    /* 0: none is told */
    const char *allow;    /* with 405 */
    bool challenge;       /* with 401 */
    const struct scim_error *error;
};
/* The call is gone after it. `reply` is valid during the callback. */
typedef void scim_call_ended_fn(const struct scim_reply *reply, void *owner);

struct scim_call {
    struct scim_door *door;
    struct http_exchange *exchange; /* NULL: an operation of a Bulk request */
    scim_call_ended_fn *ended;      /* then this is told */
    void *owner;
    struct moment began;
    struct arena arena;
    struct span client_address; /* as text */
    struct client client;       /* zeroed until it has proved itself */
    struct span actor;          /* "scim:NAME" */
    struct span method, path, query, base;
    const char *reason; /* why it was refused, a literal, for the log */
    bool quiet;         /* one of very many: it has no line of its own */
    enum scim_schema_resource resource;
    struct span id; /* the {} of the path; empty when it has none */
    struct span content_type;
    struct span if_match, if_none_match; /* lists of entity tags; empty: not given */
    struct json *body;                   /* of POST, PUT, PATCH */
    struct json *document;               /* scim_body.h */
    const struct scim_route *route;      /* of the table in scim_routes.c */
    struct scim_page_asked asked;
    int64_t start_index, count;         /* count: -1 when not given */
    struct scim_page_query *page_query; /* of calls about a type: read before anything is changed */
    void *task;
    void (*task_free)(void *task);
};

struct scim_call *scim_call_new(struct scim_door *door);
void scim_call_free(struct scim_call *call); /* nobody is answered: the client is gone */

/* The endings. */
void scim_call_end(struct scim_call *call, const struct scim_reply *reply);
void scim_call_answer(struct scim_call *call, int status, struct json *taken);
void scim_call_refuse(struct scim_call *call, const struct scim_error *error);
void scim_call_refuse_with(struct scim_call *call, int status, enum scim_error_type type,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));
void scim_call_slow_down(struct scim_call *call, int64_t rest_ms, const char *detail); /* 429 */
void scim_call_wrong_method(struct scim_call *call, const char *allow);                /* 405 */
void scim_call_unavailable(struct scim_call *call); /* 503: the store, a queue */

/* Reads the query's parameters into `asked`, `start_index`, `count`. false: `error` is filled. */
bool scim_call_read_query(struct scim_call *call, struct scim_error *error);
/* A list of entity tags (RFC 7644, 3.14; weak comparison) has "*" or this version. */
bool scim_call_tags_hold(struct span tags, int64_t version);
/* "<base>/Users/<id>", in the arena. */
struct span scim_call_location(struct scim_call *call, enum scim_schema_resource resource,
                               struct span id);

#endif
