/* scim_bulk.c - /Bulk: many operations in one request. */
#include "scim/scim_bulk.h"

#include "base/memory.h"
#include "scim/scim_reference.h"

#include <stdlib.h>

enum operation_state { OPERATION_WAITS, OPERATION_DONE, OPERATION_FAILED };

struct operation {
    enum operation_state state;
    struct span method, bulk_id, path;
    const struct json *data;
    struct span version;      /* an entity tag */
    struct operation **needs; /* those that it refers to */
    size_t needs_count, needs_room;
    bool unresolved; /* it refers to what no operation makes */
    struct span id;  /* of what it made */
    struct json *result;
};

struct bulk {
    struct scim_call *call;
    struct operation *operations;
    struct operation **by_bulk_id; /* sorted; those that have one */
    size_t count, by_bulk_id_count;
    size_t first;                  /* all before it are done */
    size_t failures, failures_max; /* failures_max 0: any number */
    struct operation *running;
    struct scim_call *child;
    struct loop_later later;
};

static void free_bulk(void *task)
{
    struct bulk *bulk = task;
    loop_later_cancel(&bulk->later);
    if (bulk->child != NULL) {
        scim_call_free(bulk->child);
    }
    for (size_t i = 0; i < bulk->count; i++) {
        memory_free(bulk->operations[i].needs);
        json_free(bulk->operations[i].result);
    }
    memory_free(bulk->operations);
    memory_free(bulk->by_bulk_id);
    memory_free(bulk);
}

/* -- references -- */

static int compare(const void *left, const void *right)
{
    const struct operation *const *a = left, *const *b = right;
    return span_compare((*a)->bulk_id, (*b)->bulk_id);
}

static struct operation *find(const struct bulk *bulk, struct span bulk_id)
{
    const struct operation wanted = {.bulk_id = bulk_id}, *key = &wanted;
    struct operation **found = bulk->by_bulk_id_count == 0
                                   ? NULL
                                   : bsearch(&key, bulk->by_bulk_id, bulk->by_bulk_id_count,
                                             sizeof(struct operation *), compare);
    return found == NULL ? NULL : *found;
}

static void need(struct operation *operation, struct operation *needed)
{
    if (operation->needs_count > 0 && operation->needs[operation->needs_count - 1] == needed) {
        return;
    }
    if (operation->needs_count == operation->needs_room) {
        operation->needs_room = operation->needs_room == 0 ? 4 : operation->needs_room * 2;
        operation->needs =
            memory_resize(operation->needs, operation->needs_room * sizeof(struct operation *));
    }
    operation->needs[operation->needs_count++] = needed;
}

/* First only to know what is needed: nothing is replaced. */
static struct span note_need(struct span bulk_id, bool whole, void *context)
{
    struct bulk *bulk = context;
    struct operation *needed = find(bulk, bulk_id);
    if (needed != NULL) {
        need(bulk->running, needed);
    } else if (whole) {
        bulk->running->unresolved = true;
    }
    return (struct span){0};
}

static struct span use_id(struct span bulk_id, bool whole, void *context)
{
    const struct operation *needed = find(context, bulk_id);
    (void)whole;
    return needed == NULL ? (struct span){0} : needed->id;
}

static void note_needs(struct bulk *bulk)
{
    for (size_t i = 0; i < bulk->count; i++) {
        struct operation *operation = &bulk->operations[i];
        struct arena arena = {0};
        bulk->running = operation;
        (void)scim_reference_text(operation->path, &arena, note_need, bulk);
        /* Nothing is replaced, so nothing changes in it. */
        scim_reference_replace((struct json *)(uintptr_t)operation->data, &arena, note_need, bulk);
        arena_done(&arena);
    }
    bulk->running = NULL;
}

/* -- results -- */

static struct span location_of(const struct bulk *bulk, const struct operation *operation)
{
    const struct span base = bulk->call->base;
    return span_of(arena_format(&bulk->call->arena, "%.*s%.*s", (int)base.length, base.at,
                                (int)operation->path.length, operation->path.at));
}

/* RFC 7644, 3.7.3: `status` is a string; a location but for what a POST did not make. */
static void finish(struct bulk *bulk, struct operation *operation, const struct scim_reply *reply)
{
    bool failed = reply->status >= 300, post = span_is(operation->method, "POST");
    struct json *result = json_new_object();
    char tag[64];
    json_put_text(result, "method", operation->method);
    if (!span_empty(operation->bulk_id)) {
        json_put_text(result, "bulkId", operation->bulk_id);
    }
    if (!post) {
        json_put_text(result, "location", location_of(bulk, operation));
    } else if (!failed) {
        json_put_text(result, "location", reply->location);
        operation->id =
            span_copy(&bulk->call->arena,
                      span_from(reply->location, span_find_last(reply->location, '/') + 1));
    }
    if (reply->version > 0) {
        scim_resource_tag(reply->version, tag);
        json_put_text(result, "version", span_of(tag));
    }
    json_put_text(result, "status", span_of(arena_format(&bulk->call->arena, "%d", reply->status)));
    if (reply->error != NULL) {
        json_put(result, "response", scim_error_json(reply->error));
    }
    operation->result = result;
    operation->state = failed ? OPERATION_FAILED : OPERATION_DONE;
    bulk->failures += failed;
}

static void fail(struct bulk *bulk, struct operation *operation, int status, const char *detail)
{
    struct scim_error error;
    scim_error_set(&error, status, SCIM_ERROR_INVALID_VALUE, "%s", detail);
    finish(bulk, operation, &(struct scim_reply){.status = status, .error = &error});
}

static void answer(struct bulk *bulk)
{
    struct json *body = json_new_object(), *schemas = json_new_array(), *list = json_new_array();
    json_append_text(schemas, SPAN_LITERAL(SCIM_SCHEMA_BULK_RESPONSE));
    json_put(body, "schemas", schemas);
    for (size_t i = 0; i < bulk->count; i++) {
        if (bulk->operations[i].result != NULL) {
            json_append(list, bulk->operations[i].result);
            bulk->operations[i].result = NULL;
        }
    }
    json_put(body, "Operations", list);
    scim_call_answer(bulk->call, 200, body);
}

/* -- one after the other -- */

static void again(struct bulk *bulk)
{
    loop_later(bulk->call->door->services.loop, &bulk->later);
}

static void on_ended(const struct scim_reply *reply, void *owner)
{
    struct bulk *bulk = owner;
    bulk->child = NULL;
    finish(bulk, bulk->running, reply);
    again(bulk);
}

static void start(struct bulk *bulk, struct operation *operation)
{
    const struct scim_call *call = bulk->call;
    struct scim_call *child = scim_call_new(call->door);
    bulk->running = operation;
    bulk->child = child;
    child->ended = on_ended;
    child->owner = bulk;
    child->client_address = call->client_address;
    child->client = call->client;
    child->actor = call->actor;
    child->base = call->base;
    child->method = operation->method;
    operation->path = scim_reference_text(operation->path, &bulk->call->arena, use_id, bulk);
    child->path = operation->path;
    child->if_match = operation->version;
    if (operation->data != NULL) {
        child->body = json_clone(operation->data);
        scim_reference_replace(child->body, &child->arena, use_id, bulk);
    }
    scim_routes_operation(child);
}

enum readiness { READINESS_NOT_YET, READINESS_NEVER, READINESS_NOW };

static enum readiness readiness(const struct operation *operation)
{
    enum readiness ready = operation->unresolved ? READINESS_NEVER : READINESS_NOW;
    for (size_t i = 0; i < operation->needs_count && ready != READINESS_NEVER; i++) {
        switch (operation->needs[i]->state) {
        case OPERATION_WAITS:
            ready = READINESS_NOT_YET;
            break;
        case OPERATION_FAILED:
            ready = READINESS_NEVER;
            break;
        case OPERATION_DONE:
            break;
        }
    }
    return ready;
}

/* The first that can go, or else the first that waits; NULL: all are done. */
static struct operation *next(struct bulk *bulk, enum readiness *ready)
{
    struct operation *waiting = NULL;
    *ready = READINESS_NOT_YET;
    while (bulk->first < bulk->count && bulk->operations[bulk->first].state != OPERATION_WAITS) {
        bulk->first++;
    }
    for (size_t i = bulk->first; i < bulk->count; i++) {
        struct operation *operation = &bulk->operations[i];
        if (operation->state != OPERATION_WAITS) {
            continue;
        }
        waiting = waiting == NULL ? operation : waiting;
        *ready = readiness(operation);
        if (*ready != READINESS_NOT_YET) {
            return operation;
        }
    }
    return waiting;
}

static void step(void *context)
{
    struct bulk *bulk = context;
    enum readiness ready;
    struct operation *operation = next(bulk, &ready);
    if (operation == NULL || (bulk->failures_max > 0 && bulk->failures >= bulk->failures_max)) {
        answer(bulk);
        return;
    }
    switch (ready) {
    case READINESS_NOW:
        start(bulk, operation);
        return;
    case READINESS_NEVER:
        fail(bulk, operation, 409, "bulkId: it refers to what was not made by this request");
        break;
    case READINESS_NOT_YET: /* whatever waits, waits for another that does */
        fail(bulk, operation, 409, "bulkId: it refers to itself by way of others");
        break;
    }
    again(bulk);
}

/* -- the request -- */

static const char *read_operation(struct scim_call *call, const struct json *given,
                                  struct operation *operation)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    struct span method, path;
    (void)json_text(given, "method", &method);
    (void)json_text(given, "path", &path);
    (void)json_text(given, "bulkId", &operation->bulk_id);
    (void)json_text(given, "version", &operation->version);
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        if (span_is_fold(method, methods[i])) {
            operation->method = span_of(methods[i]);
        }
    }
    if (span_empty(operation->method)) {
        return "method: must be POST, PUT, PATCH or DELETE";
    }
    if (span_at(path, 0) != '/') {
        return "path: must be like /Users or /Users/{id}";
    }
    if (span_is(operation->method, "POST") && span_empty(operation->bulk_id)) {
        return "bulkId: a POST must have one";
    }
    operation->path = span_copy(&call->arena, path);
    operation->data = json_member(given, "data");
    return NULL;
}

static bool read_operations(struct bulk *bulk, const struct json *list)
{
    for (size_t i = 0; i < bulk->count; i++) {
        struct operation *operation = &bulk->operations[i];
        const char *problem = read_operation(bulk->call, json_item(list, i), operation);
        if (problem != NULL) {
            scim_call_refuse_with(bulk->call, 400, SCIM_ERROR_INVALID_SYNTAX,
                                  "Operations: number %zu: %s", i + 1, problem);
            return false;
        }
        if (!span_empty(operation->bulk_id) && span_is(operation->method, "POST")) {
            bulk->by_bulk_id[bulk->by_bulk_id_count++] = operation;
        }
    }
    return true;
}

static bool sort_bulk_ids(struct bulk *bulk)
{
    if (bulk->by_bulk_id_count == 0) {
        return true;
    }
    qsort(bulk->by_bulk_id, bulk->by_bulk_id_count, sizeof(struct operation *), compare);
    for (size_t i = 1; i < bulk->by_bulk_id_count; i++) {
        if (span_equal(bulk->by_bulk_id[i]->bulk_id, bulk->by_bulk_id[i - 1]->bulk_id)) {
            scim_call_refuse_with(bulk->call, 400, SCIM_ERROR_INVALID_VALUE,
                                  "bulkId: two operations have the same");
            return false;
        }
    }
    return true;
}

static bool within_limits(struct scim_call *call, const struct json *list)
{
    size_t most = call->door->settings.bulk_max;
    if (json_kind(list) != JSON_KIND_ARRAY || json_size(list) == 0) {
        scim_call_refuse_with(call, 400, SCIM_ERROR_INVALID_SYNTAX,
                              "Operations: must be a list of operations");
        return false;
    }
    if (json_size(list) > most) {
        scim_call_refuse_with(call, 413, SCIM_ERROR_TOO_MANY,
                              "Operations: more than maxOperations (%zu)", most);
        return false;
    }
    return true;
}

void scim_bulk_post(struct scim_call *call)
{
    const struct json *list = json_member(call->body, "Operations");
    int64_t failures;
    if (!within_limits(call, list)) {
        return;
    }
    struct bulk *bulk = MEMORY_NEW(struct bulk);
    bulk->call = call;
    bulk->count = json_size(list);
    bulk->operations = memory_new(bulk->count, sizeof(*bulk->operations));
    bulk->by_bulk_id = memory_new(bulk->count, sizeof(struct operation *));
    loop_later_init(&bulk->later, step, bulk);
    call->task = bulk;
    call->task_free = free_bulk;
    if (json_number(call->body, "failOnErrors", &failures) && failures > 0) {
        bulk->failures_max = (size_t)failures;
    }
    if (read_operations(bulk, list) && sort_bulk_ids(bulk)) {
        note_needs(bulk);
        again(bulk);
    }
}
