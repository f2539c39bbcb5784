/* scim_show.c - the answer that is one resource: read, made or changed. */
#include "scim/scim_show.h"

#include "base/memory.h"
#include "scim/scim_batch.h"

struct show {
    struct scim_call *call;
    struct scim_page *page;
    struct scim_batch *batch;
    int status;
};

static void free_show(void *task)
{
    struct show *show = task;
    scim_batch_cancel(show->batch);
    scim_page_drop(show->page);
    memory_free(show);
}

static void answer(struct scim_call *call, int status, const struct resource *resource,
                   struct span body)
{
    struct scim_reply reply = {
        .status = status,
        .body = body,
        .location = scim_call_location(call, call->resource, span_of(resource->id)),
        .version = resource->version,
    };
    scim_call_end(call, &reply);
}

static void on_rendered(enum scim_batch_answer batch_answer, void *context)
{
    struct show *show = context;
    struct scim_page *page = show->page;
    show->batch = NULL;
    if (batch_answer != SCIM_BATCH_DONE || page->broken) {
        scim_call_unavailable(show->call);
    } else if (page->cut) {
        scim_call_refuse_with(show->call, 400, SCIM_ERROR_TOO_MANY,
                              "members: more than fit into one answer: ask with "
                              "excludedAttributes=members");
    } else {
        answer(show->call, show->status, &page->rows[0].resource, buffer_span(&page->out));
    }
}

void scim_show_start(struct scim_call *call, const struct resource *resource, int status)
{
    if (call->exchange == NULL) {
        answer(call, status, resource, (struct span){0});
        return;
    }
    struct show *show = MEMORY_NEW(struct show);
    show->call = call;
    show->status = status;
    show->page = scim_page_new(call->page_query);
    show->page->single = true;
    show->page->matched = true;
    show->page->take = 1;
    scim_page_add(show->page, resource);
    if (call->task_free != NULL) {
        call->task_free(call->task);
    }
    call->task = show;
    call->task_free = free_show;
    show->batch = scim_batch_start(call, show->page, on_rendered, show);
}
