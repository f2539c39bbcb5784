/* scim_call.c - one request's life: what came, who asks, how it ends. */
#include "scim/scim_call.h"

#include "base/memory.h"
#include "net/http_server.h"
#include "scim/scim_body.h"

#include <stdarg.h>
#include <stdio.h>

enum { HEADER_VALUE_MAX = 64, NAMES_MAX = 200 };

struct scim_call *scim_call_new(struct scim_door *door)
{
    struct scim_call *call = MEMORY_NEW(struct scim_call);
    call->door = door;
    call->began = loop_now(door->services.loop);
    call->start_index = 1;
    call->count = -1;
    door->calls++;
    return call;
}

void scim_call_free(struct scim_call *call)
{
    if (call->task_free != NULL) {
        call->task_free(call->task);
    }
    call->door->calls--;
    scim_body_wipe(call->body);
    json_wipe(call->document, "password");
    json_free(call->body);
    json_free(call->document);
    scim_page_query_drop(call->page_query);
    arena_done(&call->arena);
    memory_free(call);
}

/* -- endings -- */

/* Who puts the secret where it does not belong, does not find it in the log. */
static struct span without_secret(struct span text)
{
    return span_first(text, span_search(text, SPAN_LITERAL("psc_")));
}

/* The names of the query's parameters: their values may be about people. */
static struct span parameter_names(struct scim_call *call)
{
    CLEANUP(buffer_done) struct buffer names = buffer_limited(NAMES_MAX);
    struct span rest = call->query, name, value;
    while (http_query_next(&rest, &call->arena, &name, &value) == HTTP_QUERY_PAIR) {
        buffer_add_text(&names, names.length > 0 ? "," : "");
        buffer_add(&names, without_secret(name));
    }
    return span_copy(&call->arena, buffer_span(&names));
}

static const char *method_label(struct span method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (span_is(method, known[i])) {
            return known[i];
        }
    }
    return "other";
}

static void record(struct scim_call *call, const struct scim_reply *reply)
{
    struct scim_door *door = call->door;
    const char *reason = call->reason;
    if (reason == NULL && reply->error != NULL) {
        reason = scim_error_type_name(reply->error->type);
    }
    const char *labels[] = {method_label(call->method),
                            arena_format(&call->arena, "%d", reply->status)};
    metrics_count(door->counts, labels, 1);
    int64_t ms = moment_since(loop_now(door->services.loop), call->began);
    if (call->quiet) {
        return;
    }
    log_info(door->services.log, "scim_request", log_span("client", call->client.name),
             log_span("method", call->method), log_span("path", without_secret(call->path)),
             log_span("query", parameter_names(call)), log_number("status", reply->status),
             log_text("reason", reason), log_number("ms", ms),
             log_span("rip", call->client_address));
}

static void add_header(struct http_server_answer *answer, const char *name, struct span value)
{
    answer->headers[answer->headers_count++] = (struct http_header){span_of(name), value};
}

static void send_reply(struct scim_call *call, const struct scim_reply *reply)
{
    char tag[HEADER_VALUE_MAX];
    struct http_server_answer answer = {
        .status = (unsigned)reply->status,
        .content_type = span_empty(reply->body) ? NULL : SCIM_ERROR_CONTENT_TYPE,
        .body = reply->body,
    };
    if (!span_empty(reply->location)) {
        add_header(&answer, "Location", reply->location);
    }
    if (reply->version > 0) {
        scim_resource_tag(reply->version, tag);
        add_header(&answer, "ETag", span_of(tag));
    }
    if (reply->retry_after_s > 0) {
        add_header(&answer, "Retry-After",
                   span_of(arena_format(&call->arena, "%d", reply->retry_after_s)));
    }
    if (reply->allow != NULL) {
        add_header(&answer, "Allow", span_of(reply->allow));
    }
    if (reply->challenge) {
        add_header(&answer, "WWW-Authenticate", SPAN_LITERAL("Bearer realm=\"scim\""));
    }
    http_server_answer(call->exchange, &answer);
}

void scim_call_end(struct scim_call *call, const struct scim_reply *reply)
{
    if (call->exchange == NULL) {
        call->ended(reply, call->owner);
    } else {
        record(call, reply);
        send_reply(call, reply);
    }
    scim_call_free(call);
}

void scim_call_answer(struct scim_call *call, int status, struct json *taken)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(SCIM_PAGE_TEXT_MAX);
    json_write(taken, &text);
    json_free(taken);
    if (buffer_full(&text)) {
        scim_call_refuse_with(call, 400, SCIM_ERROR_TOO_MANY, "the answer is too large");
        return;
    }
    scim_call_end(call, &(struct scim_reply){.status = status, .body = buffer_span(&text)});
}

static void refuse(struct scim_call *call, struct scim_reply *reply, const struct scim_error *error)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(SCIM_PAGE_TEXT_MAX);
    scim_error_write(error->status, error->type, error->detail.text, &text);
    reply->status = error->status;
    reply->body = buffer_span(&text);
    reply->error = error;
    scim_call_end(call, reply);
}

void scim_call_refuse(struct scim_call *call, const struct scim_error *error)
{
    struct scim_reply reply = {.challenge = error->status == 401};
    refuse(call, &reply, error);
}

void scim_call_refuse_with(struct scim_call *call, int status, enum scim_error_type type,
                           const char *format, ...)
{
    struct scim_error error = {.status = status, .type = type};
    va_list arguments;
    va_start(arguments, format);
    error_set_all(&error.detail, format, arguments);
    va_end(arguments);
    scim_call_refuse(call, &error);
}

void scim_call_slow_down(struct scim_call *call, int64_t rest_ms, const char *detail)
{
    struct scim_reply reply = {.retry_after_s = (int)(rest_ms / 1000) + 1};
    struct scim_error error;
    scim_error_set(&error, 429, SCIM_ERROR_NO_TYPE, "%s", detail);
    refuse(call, &reply, &error);
}

void scim_call_wrong_method(struct scim_call *call, const char *allow)
{
    struct scim_reply reply = {.allow = allow};
    struct scim_error error;
    scim_error_set(&error, 405, SCIM_ERROR_NO_TYPE, "here only %s can be used", allow);
    refuse(call, &reply, &error);
}

void scim_call_unavailable(struct scim_call *call)
{
    struct scim_reply reply = {.retry_after_s = SCIM_CALL_RETRY_S};
    struct scim_error error;
    scim_error_set(&error, 503, SCIM_ERROR_NO_TYPE,
                   "the accounts cannot be read or changed at the moment: try again");
    call->reason = call->reason != NULL ? call->reason : "unavailable";
    refuse(call, &reply, &error);
}

/* -- what came -- */

static bool read_number(const char *name, struct span text, int64_t *number,
                        struct scim_error *error)
{
    bool negative = span_starts(text, "-");
    struct span digits = span_from(text, negative ? 1 : 0);
    uint64_t value;
    while (digits.length > 1 && span_at(digits, 0) == '0') {
        digits = span_from(digits, 1);
    }
    if (!span_number(digits, INT32_MAX, &value)) {
        return scim_error_set(error, 400, SCIM_ERROR_INVALID_VALUE, "%s: not an integer", name);
    }
    *number = negative ? 0 : (int64_t)value;
    return true;
}

static bool read_parameter(struct scim_call *call, struct span name, struct span value,
                           struct scim_error *error)
{
    struct scim_page_asked *asked = &call->asked;
    if (span_is_fold(name, "attributes")) {
        asked->attributes = value;
    } else if (span_is_fold(name, "excludedAttributes")) {
        asked->excluded = value;
    } else if (span_is_fold(name, "filter")) {
        asked->filter = value;
        asked->filtered = true;
    } else if (span_is_fold(name, "sortBy")) {
        asked->sort_by = value;
    } else if (span_is_fold(name, "sortOrder")) {
        asked->descending = span_is_fold(value, "descending");
    } else if (span_is_fold(name, "startIndex")) {
        return read_number("startIndex", value, &call->start_index, error);
    } else if (span_is_fold(name, "count")) {
        return read_number("count", value, &call->count, error);
    }
    return true; /* N5: others are ignored */
}

bool scim_call_read_query(struct scim_call *call, struct scim_error *error)
{
    struct span rest = call->query, name, value;
    for (;;) {
        switch (http_query_next(&rest, &call->arena, &name, &value)) {
        case HTTP_QUERY_END:
            return true;
        case HTTP_QUERY_BAD:
            return scim_error_set(error, 400, SCIM_ERROR_INVALID_SYNTAX,
                                  "the query is not well-formed");
        case HTTP_QUERY_PAIR:
            if (!read_parameter(call, name, value, error)) {
                return false;
            }
        }
    }
}

/* RFC 9110, 8.8.3: a weak tag and a strong one of the same text are the same weakly. */
static struct span opaque(struct span tag)
{
    return span_starts(tag, "W/") ? span_from(tag, 2) : tag;
}

bool scim_call_tags_hold(struct span tags, int64_t version)
{
    char text[HEADER_VALUE_MAX];
    scim_resource_tag(version, text);
    struct span own = opaque(span_of(text)), tag;
    while (span_cut(&tags, ',', &tag)) {
        tag = span_trim(tag);
        if (span_is(tag, "*") || span_equal(opaque(tag), own)) {
            return true;
        }
    }
    return false;
}

struct span scim_call_location(struct scim_call *call, enum scim_schema_resource resource,
                               struct span id)
{
    const char *endpoint = resource == SCIM_SCHEMA_USERS ? "/Users/" : "/Groups/";
    return span_of(arena_format(&call->arena, "%.*s%s%.*s", (int)call->base.length, call->base.at,
                                endpoint, (int)id.length, id.at));
}
