/* policy_request.c - Postfix's policy delegation protocol: attributes in, an action out. */
#include "wire/policy_request.h"

#include <assert.h>

/* One attribute that we read, and whether it was there. */
struct attribute {
    const char *name;
    struct span *text; /* where it goes: one of the two */
    uint64_t *number;
};

enum { KNOWN_MAX = 15, NAMES_MAX = POLICY_REQUEST_ATTRIBUTES_MAX };

/* Names so far: an attribute twice would let one reader of ours see another value than the next. */
struct names {
    struct span at[NAMES_MAX];
    size_t count;
};

static bool names_take(struct names *names, struct span name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (span_equal(names->at[i], name)) {
            return false;
        }
    }
    if (span_empty(name) || names->count == NAMES_MAX) {
        return false;
    }
    names->at[names->count] = name;
    names->count++;
    return true;
}

static bool read_value(struct policy_request *request, struct span name, struct span value)
{
    const struct attribute known[KNOWN_MAX] = {
        {"request", &request->request, NULL},
        {"protocol_state", &request->protocol_state, NULL},
        {"protocol_name", &request->protocol_name, NULL},
        {"sender", &request->sender, NULL},
        {"recipient", &request->recipient, NULL},
        {"sasl_method", &request->sasl_method, NULL},
        {"sasl_username", &request->sasl_username, NULL},
        {"client_address", &request->client_address, NULL},
        {"client_name", &request->client_name, NULL},
        {"helo_name", &request->helo_name, NULL},
        {"instance", &request->instance, NULL},
        {"queue_id", &request->queue_id, NULL},
        {"recipient_count", NULL, &request->recipient_count},
        {"size", NULL, &request->size},
        {"server_port", NULL, &request->server_port},
    };
    for (size_t i = 0; i < KNOWN_MAX; i++) {
        if (!span_is(name, known[i].name)) {
            continue;
        }
        if (known[i].text != NULL) {
            *known[i].text = value;
            return true;
        }
        return span_empty(value) || span_number(value, INT64_MAX, known[i].number);
    }
    return true;
}

static bool read_line(struct policy_request *request, struct names *names, struct span line)
{
    size_t equals = span_find(line, '=');
    if (equals == line.length || span_has(line, '\0') || span_has(line, '\r')) {
        return false;
    }
    struct span name = span_first(line, equals);
    return names_take(names, name) && read_value(request, name, span_from(line, equals + 1));
}

static bool complete(const struct policy_request *request)
{
    return span_is(request->request, "smtpd_access_policy") && !span_empty(request->protocol_state);
}

enum policy_request_answer policy_request_parse(struct span bytes, struct policy_request *request)
{
    *request = (struct policy_request){0};
    struct names names = {.count = 0};
    struct span rest = span_first(bytes, POLICY_REQUEST_MAX);
    for (;;) {
        size_t length = span_find(rest, '\n');
        if (length == rest.length) {
            return bytes.length >= POLICY_REQUEST_MAX ? POLICY_REQUEST_BAD : POLICY_REQUEST_MORE;
        }
        struct span line = span_first(rest, length);
        rest = span_from(rest, length + 1);
        if (span_empty(line)) {
            request->consumed = span_first(bytes, POLICY_REQUEST_MAX).length - rest.length;
            return complete(request) ? POLICY_REQUEST_COMPLETE : POLICY_REQUEST_BAD;
        }
        if (!read_line(request, &names, line)) {
            return POLICY_REQUEST_BAD;
        }
    }
}

static bool one_line(const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < ' ' || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

bool policy_request_reply(struct buffer *out, const char *action, const char *text)
{
    assert(action[0] != '\0' && one_line(action) && (text == NULL || one_line(text)));
    size_t start = out->length;
    buffer_add_text(out, "action=");
    buffer_add_text(out, action);
    if (text != NULL) {
        buffer_add_byte(out, ' ');
        buffer_add_text(out, text);
    }
    buffer_add_text(out, "\n\n");
    if (buffer_full(out)) {
        out->length = start;
        return false;
    }
    return true;
}
