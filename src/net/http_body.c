/* http_body.c - the body of one request while it arrives: by length or in chunks, within limits. */
#include "net/http_body.h"

void http_body_init(struct http_body *body, const struct http_request *http, size_t max,
                    struct http_body_budget *budget)
{
    *body = (struct http_body){
        .budget = budget,
        .bytes = buffer_limited(http->chunked ? max : http->body_length),
        .length = http->body_length,
        .chunked = http->chunked,
    };
}

void http_body_done(struct http_body *body)
{
    if (body->budget != NULL) {
        body->budget->used -= body->counted;
    }
    buffer_wipe(&body->bytes);
    *body = (struct http_body){0};
}

/* Whether the budget has room for a body of `length` bytes. */
static bool may_hold(struct http_body *body, size_t length)
{
    struct http_body_budget *budget = body->budget;
    size_t large = length > HTTP_BODY_SMALL ? length - HTTP_BODY_SMALL : 0;
    size_t more = large > body->counted ? large - body->counted : 0;
    /* A reload may have made it smaller than what is in use. */
    size_t left = budget->used < budget->max ? budget->max - budget->used : 0;
    if (budget->max > 0 && more > left) {
        return false;
    }
    budget->used += more;
    body->counted += more;
    return true;
}

static bool add(struct http_body *body, struct span part, struct http_refusal *refusal)
{
    if (part.length > body->bytes.limit - body->bytes.length) {
        *refusal = (struct http_refusal){413, "body too long"};
        return false;
    }
    if (!may_hold(body, body->bytes.length + part.length)) {
        *refusal = (struct http_refusal){503, "too many large requests at once; try again"};
        return false;
    }
    buffer_add(&body->bytes, part);
    return true;
}

static enum http_answer take_chunks(struct http_body *body, struct span bytes, size_t *used,
                                    struct http_refusal *refusal)
{
    enum http_answer answer = HTTP_MORE;
    while (answer == HTTP_MORE && *used < bytes.length) {
        struct span part;
        size_t read;
        answer = http_chunk_read(&body->chunk, span_from(bytes, *used), &read, &part, refusal);
        *used += read;
        if (answer == HTTP_MORE && !add(body, part, refusal)) {
            return HTTP_REFUSED;
        }
    }
    return answer;
}

enum http_answer http_body_take(struct http_body *body, struct span bytes, size_t *used,
                                struct http_refusal *refusal)
{
    *used = 0;
    if (body->chunked) {
        return take_chunks(body, bytes, used, refusal);
    }
    struct span part = span_first(bytes, body->length - body->bytes.length);
    *used = part.length;
    if (!add(body, part, refusal)) {
        return HTTP_REFUSED;
    }
    return body->bytes.length == body->length ? HTTP_COMPLETE : HTTP_MORE;
}
