/* fetch_request.c - what a fetch asks: the request, copied, and the lines of its head. */
#include "net/fetch_request.h"

#include "base/memory.h"
#include "base/text.h"

#include <assert.h>
#include <string.h>

static char *optional(const char *text)
{
    return text != NULL ? memory_text(text) : NULL;
}

static char *finished(struct buffer *buffer)
{
    buffer_add_byte(buffer, '\0');
    assert(!buffer_full(buffer));
    char *text = memory_text(buffer->at);
    buffer_done(buffer);
    return text;
}

static char *connect_to(const char *where)
{
    struct buffer text = buffer_limited(strlen(where) + 3);
    buffer_add_text(&text, "::");
    buffer_add_text(&text, where);
    return finished(&text);
}

/* libcurl tells connections apart by most of this, but that is its business; here it is a rule. None
 * of the texts has a line feed. */
static char *purpose(const struct fetch_request *request)
{
    struct span ca_file = span_of(request->ca_file), where = span_of(request->connect_to);
    struct buffer text = buffer_limited(ca_file.length + where.length + 4);
    buffer_add_byte(&text, request->public_only ? 'P' : 'A');
    buffer_add(&text, ca_file);
    buffer_add_byte(&text, '\n');
    buffer_add(&text, where);
    return finished(&text);
}

static void add_line(struct fetch_request_copy *copy, const char *name, struct span value)
{
    assert(copy->count < FETCH_REQUEST_LINES);
    copy->starts[copy->count] = copy->text.length;
    copy->count++;
    buffer_add_text(&copy->text, name);
    buffer_add(&copy->text, value);
    buffer_add_byte(&copy->text, '\0');
}

static bool one_line(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (span_at(text, i) < ' ' || span_at(text, i) > '~') {
            return false;
        }
    }
    return !span_empty(text);
}

static void add_authorization(struct fetch_request_copy *copy, const struct fetch_request *request)
{
    assert(request->bearer == NULL || request->authorization == NULL);
    if (request->bearer != NULL) {
        struct span token = secret_reveal(request->bearer);
        assert(text_b64token(token));
        add_line(copy, "Authorization: Bearer ", token);
    }
    if (request->authorization != NULL) {
        struct span value = secret_reveal(request->authorization);
        assert(one_line(value));
        add_line(copy, "Authorization: ", value);
    }
}

static void add_lines(struct fetch_request_copy *copy, const struct fetch_request *request)
{
    copy->text = buffer_limited(SECRET_MAX + 1024);
    add_line(copy,
             "Accept: ", span_of(request->accept != NULL ? request->accept : "application/json"));
    add_authorization(copy, request);
    if (copy->post) {
        assert(request->body_type != NULL && one_line(span_of(request->body_type)));
        add_line(copy, "Content-Type: ", span_of(request->body_type));
    }
    assert(!buffer_full(&copy->text));
}

void fetch_request_copy(struct fetch_request_copy *copy, const struct fetch_request *request)
{
    assert(request->body_max > 0 && request->connect_ms > 0 && request->total_ms > 0);
    assert(request->body.length <= SECRET_MAX);
    *copy = (struct fetch_request_copy){
        .url = memory_text(request->url),
        .ca_file = optional(request->ca_file),
        .connect_to = request->connect_to != NULL ? connect_to(request->connect_to) : NULL,
        .purpose = purpose(request),
        .public_only = request->public_only,
        .post = request->body.at != NULL,
        .body = buffer_limited(SECRET_MAX + 1),
        .connect_ms = request->connect_ms,
        .total_ms = request->total_ms,
        .body_max = request->body_max,
    };
    if (copy->post) {
        (void)buffer_room(&copy->body, request->body.length + 1);
        buffer_add(&copy->body, request->body);
    }
    add_lines(copy, request);
}

char *fetch_request_line(const struct fetch_request_copy *copy, size_t index)
{
    return index < copy->count ? copy->text.at + copy->starts[index] : NULL;
}

void fetch_request_wipe(struct fetch_request_copy *copy)
{
    buffer_wipe(&copy->text);
    buffer_wipe(&copy->body);
    copy->count = 0;
}

void fetch_request_done(struct fetch_request_copy *copy)
{
    fetch_request_wipe(copy);
    secret_wipe(copy->url, strlen(copy->url)); /* user-info */
    memory_free(copy->url);
    memory_free(copy->ca_file);
    memory_free(copy->connect_to);
    memory_free(copy->purpose);
}
