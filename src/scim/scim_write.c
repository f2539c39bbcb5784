/* scim_write.c - what all writing calls do. */
#include "scim/scim_write.h"

#include "base/memory.h"

static enum resource_type type_of(enum scim_schema_resource resource)
{
    return resource == SCIM_SCHEMA_USERS ? RESOURCE_USER : RESOURCE_GROUP;
}

static bool is_ours(const struct scim_call *call, const struct resource *resource)
{
    return resource->gone == 0 && resource->type == type_of(call->resource) &&
           span_is(span_of(resource->client_id), call->client.id);
}

static void refuse_unknown(struct scim_call *call)
{
    scim_call_refuse_with(call, 404, SCIM_ERROR_NO_TYPE, "there is no %s with this id",
                          call->resource == SCIM_SCHEMA_USERS ? "user" : "group");
}

bool scim_write_find(struct scim_call *call, struct resource *resource)
{
    enum store_now now = uuid_valid(call->id) ? resource_by_id(call->door->services.store, call->id,
                                                               &call->arena, resource)
                                              : STORE_NONE;
    switch (now) {
    case STORE_ASK:
        scim_call_unavailable(call);
        return false;
    case STORE_NONE:
        refuse_unknown(call);
        return false;
    case STORE_ROW:
        break;
    }
    if (!is_ours(call, resource)) {
        refuse_unknown(call);
        return false;
    }
    return true;
}

static void refuse_version(struct scim_call *call)
{
    scim_call_refuse_with(call, 412, SCIM_ERROR_NO_TYPE,
                          "If-Match: the resource has another version by now");
}

bool scim_write_condition(struct scim_call *call, const struct resource *resource)
{
    if (span_empty(call->if_match) || scim_call_tags_hold(call->if_match, resource->version)) {
        return true;
    }
    refuse_version(call);
    return false;
}

struct json *scim_write_stored(struct scim_call *call, const struct resource *resource)
{
    struct error error;
    struct json *document = json_parse(resource->document, RESOURCE_DOCUMENT_MAX, &error);
    if (document == NULL) {
        call->reason = "stored_document_broken";
        scim_call_unavailable(call);
    }
    return document;
}

bool scim_write_text(struct scim_call *call, const struct json *document, struct span *text)
{
    CLEANUP(buffer_done) struct buffer written = buffer_limited(SCIM_RESOURCE_DOCUMENT_MAX);
    json_write(document, &written);
    if (buffer_full(&written)) {
        scim_call_refuse_with(call, 400, SCIM_ERROR_INVALID_VALUE,
                              "the resource is larger than %d bytes", SCIM_RESOURCE_DOCUMENT_MAX);
        return false;
    }
    *text = span_copy(&call->arena, buffer_span(&written));
    return true;
}

/* A problem names its attribute. */
static void refuse_problem(struct scim_call *call, int status, enum scim_error_type type,
                           const struct change_result *result)
{
    const char *problem = result->problem == NULL ? "refused" : result->problem;
    if (result->attribute == NULL || span_starts(span_of(problem), result->attribute)) {
        scim_call_refuse_with(call, status, type, "%s", problem);
    } else {
        scim_call_refuse_with(call, status, type, "%s: %s", result->attribute, problem);
    }
}

void scim_write_refused(struct scim_call *call, const struct change_result *result)
{
    switch (result->answer) {
    case CHANGE_INVALID:
        refuse_problem(call, 400, SCIM_ERROR_INVALID_VALUE, result);
        return;
    case CHANGE_EXISTS:
        refuse_problem(call, 409, SCIM_ERROR_UNIQUENESS, result);
        return;
    case CHANGE_REFUSED: /* by a right that the token lacks, or a rule of the house */
        refuse_problem(call, 403, SCIM_ERROR_NO_TYPE, result);
        return;
    case CHANGE_NOT_FOUND:
        refuse_unknown(call);
        return;
    case CHANGE_STALE:
        if (!span_empty(call->if_match)) {
            refuse_version(call);
            return;
        }
        call->reason = "stale";
        break;
    case CHANGE_FAILED:
    case CHANGE_DONE:
    case CHANGE_SAME:
        break;
    }
    scim_call_unavailable(call);
}

/* -- DELETE -- */

struct deletion {
    struct scim_call *call;
    struct change_run *run;
};

static void free_deletion(void *task)
{
    struct deletion *deletion = task;
    change_forget(deletion->run);
    memory_free(deletion);
}

static void on_deleted(const struct change_result *result, void *context)
{
    struct deletion *deletion = context;
    deletion->run = NULL;
    if (result->answer == CHANGE_DONE || result->answer == CHANGE_SAME) {
        scim_call_end(deletion->call, &(struct scim_reply){.status = 204});
    } else {
        scim_write_refused(deletion->call, result);
    }
}

void scim_write_delete(struct scim_call *call)
{
    struct resource resource;
    if (!scim_write_find(call, &resource) || !scim_write_condition(call, &resource)) {
        return;
    }
    struct deletion *deletion = MEMORY_NEW(struct deletion);
    deletion->call = call;
    call->task = deletion;
    call->task_free = free_deletion;
    const struct change change = {
        .kind = call->resource == SCIM_SCHEMA_USERS ? CHANGE_USER_DEPROVISION
                                                    : CHANGE_GROUP_DEPROVISION,
        .actor = call->actor,
        .account_id = call->id,
        .client = &call->client,
        .version_read = span_empty(call->if_match) ? 0 : resource.version,
    };
    deletion->run = change_start(call->door->services.changes, &change, on_deleted, deletion);
}
