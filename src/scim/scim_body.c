/* scim_body.c - the body of a request as JSON; large ones are read in the pool. */
#include "scim/scim_body.h"

#include "base/memory.h"
#include "net/pool.h"

static void wipe(struct json *body, int levels)
{
    struct json *operations = json_member_edit(body, "Operations");
    json_wipe(body, "password");
    for (size_t i = 0; levels > 0 && i < json_size(operations); i++) {
        struct json *operation = json_item_edit(operations, i);
        json_wipe(operation, "value");
        json_wipe(json_member_edit(operation, "value"), "password");
        wipe(json_member_edit(operation, "data"), levels - 1);
    }
}

void scim_body_wipe(struct json *body)
{
    wipe(body, 2);
}

/* -- in the pool -- */

struct work {
    struct buffer text;
    size_t size_max;
    enum scim_schema_resource resource; /* whose document is to be made; none: of no one */
    struct json *body, *document;
    struct error error;
};

struct reading {
    struct scim_call *call;
    struct pool_job *job;
    scim_body_fn *fn;
};

static void free_reading(void *task)
{
    struct reading *reading = task;
    pool_cancel(reading->job);
    memory_free(reading);
}

/* What the document would be refused for is told when it is read again. */
static void run(void *context)
{
    struct work *work = context;
    struct scim_error refused;
    work->body = json_parse(buffer_span(&work->text), work->size_max, &work->error);
    if (work->body != NULL && work->resource != SCIM_SCHEMA_NO_RESOURCE) {
        work->document = scim_resource_read(work->resource, work->body, &refused);
    }
}

static void drop(void *context)
{
    struct work *work = context;
    scim_body_wipe(work->body);
    json_wipe(work->document, "password");
    json_free(work->body);
    json_free(work->document);
    buffer_wipe(&work->text);
    memory_free(work);
}

static void refuse(struct scim_call *call, const struct error *error)
{
    scim_call_refuse_with(call, 400, SCIM_ERROR_INVALID_SYNTAX, "%s", error->text);
}

static void on_read(void *context, void *owner)
{
    struct work *work = context;
    struct reading *reading = owner;
    struct scim_call *call = reading->call;
    scim_body_fn *fn = reading->fn;
    reading->job = NULL;
    call->task = NULL;
    call->task_free = NULL;
    free_reading(reading);
    if (work->body == NULL) {
        refuse(call, &work->error);
        return;
    }
    call->body = work->body;
    call->document = work->document;
    work->body = work->document = NULL;
    fn(call);
}

static void start(struct scim_call *call, struct span text, bool document, scim_body_fn *fn)
{
    static const struct pool_task TASK = {run, on_read, drop};
    struct work *work = MEMORY_NEW(struct work);
    struct reading *reading = MEMORY_NEW(struct reading);
    work->text = buffer_limited(text.length);
    buffer_add(&work->text, text);
    work->size_max = call->door->settings.body_max;
    work->resource = document ? call->resource : SCIM_SCHEMA_NO_RESOURCE;
    *reading = (struct reading){call, NULL, fn};
    call->task = reading;
    call->task_free = free_reading;
    reading->job = pool_start(call->door->pool, &TASK, work, reading);
    if (reading->job == NULL) {
        drop(work);
        scim_call_unavailable(call);
    }
}

void scim_body_read(struct scim_call *call, struct span text, bool document, scim_body_fn *fn)
{
    struct error error;
    if (text.length > SCIM_BODY_AT_ONCE_MAX) {
        start(call, text, document, fn);
        return;
    }
    call->body = json_parse(text, call->door->settings.body_max, &error);
    if (call->body == NULL) {
        refuse(call, &error);
    } else {
        fn(call);
    }
}

struct json *scim_body_document(struct scim_call *call, struct scim_error *error)
{
    struct json *document = call->document;
    call->document = NULL;
    return document != NULL ? document : scim_resource_read(call->resource, call->body, error);
}
