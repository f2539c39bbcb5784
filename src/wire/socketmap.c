/* socketmap.c - Postfix's socketmap protocol: netstrings in, netstrings out. */
#include "wire/socketmap.h"

#include "base/text.h"

#include <assert.h>

enum { CONTENT_MAX = SOCKETMAP_NAME_MAX + 1 + SOCKETMAP_KEY_MAX, LENGTH_DIGITS_MAX = 4 };

_Static_assert(CONTENT_MAX <= 9999, "the length of a request has four digits");

static bool name_valid(struct span name)
{
    if (span_empty(name) || name.length > SOCKETMAP_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.length; i++) {
        char byte = span_lower(name.at[i]);
        bool word = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
        if (!word && byte != '-' && byte != '_') {
            return false;
        }
    }
    return true;
}

static enum socketmap_answer read_contents(struct span contents, struct socketmap_request *request)
{
    size_t blank = span_find(contents, ' ');
    request->name = span_first(contents, blank);
    request->key = span_from(contents, blank + 1);
    if (blank == contents.length || !name_valid(request->name) ||
        request->key.length > SOCKETMAP_KEY_MAX) {
        return SOCKETMAP_BAD;
    }
    return SOCKETMAP_REQUEST;
}

enum socketmap_answer socketmap_parse(struct span bytes, struct socketmap_request *request)
{
    *request = (struct socketmap_request){0};
    struct span head = span_first(bytes, LENGTH_DIGITS_MAX + 1);
    size_t colon = span_find(head, ':');
    uint64_t length;
    if (span_empty(bytes)) {
        return SOCKETMAP_MORE;
    }
    if (!span_number(span_first(head, colon), CONTENT_MAX, &length) || colon > LENGTH_DIGITS_MAX) {
        return SOCKETMAP_BAD;
    }
    struct span contents = span_from(bytes, colon + 1);
    if (colon == head.length || contents.length < length + 1) {
        return SOCKETMAP_MORE;
    }
    if (span_at(contents, length) != ',') {
        return SOCKETMAP_BAD;
    }
    enum socketmap_answer answer = read_contents(span_first(contents, length), request);
    request->consumed = colon + 1 + length + 1;
    return answer;
}

static bool has_controls(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (byte < ' ' || byte == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool write_reply(struct buffer *out, const char *status, struct span data)
{
    size_t start = out->length;
    buffer_add_number(out, (int64_t)(span_of(status).length + data.length));
    buffer_add_byte(out, ':');
    buffer_add_text(out, status);
    buffer_add(out, data);
    buffer_add_byte(out, ',');
    if (buffer_full(out)) {
        out->length = start;
        return false;
    }
    return true;
}

bool socketmap_ok(struct buffer *out, struct span value)
{
    assert(!span_empty(value));
    if (value.length > SOCKETMAP_REPLY_MAX - 3) {
        return socketmap_temporary(out, "the answer is longer than Postfix takes");
    }
    if (has_controls(value)) {
        return socketmap_temporary(out, "the answer holds control bytes");
    }
    return write_reply(out, "OK ", value);
}

bool socketmap_notfound(struct buffer *out)
{
    return write_reply(out, "NOTFOUND ", (struct span){0});
}

bool socketmap_temporary(struct buffer *out, const char *reason)
{
    assert(!has_controls(span_of(reason)));
    return write_reply(out, "TEMP ", span_of(reason));
}

bool socketmap_permanent(struct buffer *out, const char *reason)
{
    assert(!has_controls(span_of(reason)));
    return write_reply(out, "PERM ", span_of(reason));
}
