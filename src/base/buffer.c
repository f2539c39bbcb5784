/* buffer.c - bytes that we build, with a limit from birth. */
#include "base/buffer.h"

#include "base/memory.h"
#include "base/secret.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct buffer buffer_limited(size_t limit)
{
    return (struct buffer){.limit = limit};
}

void buffer_done(struct buffer *buffer)
{
    memory_free(buffer->at);
    *buffer = (struct buffer){.limit = buffer->limit};
}

void buffer_wipe(struct buffer *buffer)
{
    if (buffer->at != NULL) {
        secret_wipe(buffer->at, buffer->room);
    }
    buffer_done(buffer);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->full = false;
}

/* Growing copies by hand and wipes the old room: a buffer may be holding a secret. */
static void grow(struct buffer *buffer, size_t need)
{
    size_t room = buffer->room == 0 ? 128 : buffer->room;
    while (room < need) {
        room *= 2;
    }
    room = room < buffer->limit ? room : buffer->limit;
    char *at = memory_resize(NULL, room);
    if (buffer->at != NULL) {
        memcpy(at, buffer->at, buffer->length);
        secret_wipe(buffer->at, buffer->room);
        memory_free(buffer->at);
    }
    buffer->at = at;
    buffer->room = room;
}

char *buffer_room(struct buffer *buffer, size_t length)
{
    if (length > buffer->limit - buffer->length) {
        buffer->full = true;
        return NULL;
    }
    if (buffer->at == NULL || length > buffer->room - buffer->length) {
        grow(buffer, buffer->length + length);
    }
    return buffer->at + buffer->length;
}

void buffer_took(struct buffer *buffer, size_t length)
{
    assert(length <= buffer->room - buffer->length);
    buffer->length += length;
}

void buffer_add(struct buffer *buffer, struct span span)
{
    if (span.length == 0) {
        return;
    }
    char *room = buffer_room(buffer, span.length);
    if (room != NULL) {
        memcpy(room, span.at, span.length);
        buffer->length += span.length;
    }
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, span_of(text));
}

void buffer_add_byte(struct buffer *buffer, char byte)
{
    buffer_add(buffer, (struct span){&byte, 1});
}

void buffer_add_number(struct buffer *buffer, int64_t number)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%lld", (long long)number);
    buffer_add(buffer, (struct span){text, (size_t)length});
}

/* Into a small piece of the stack first, where most of it fits. */
void buffer_format(struct buffer *buffer, const char *format, ...)
{
    char small[128], *text = small;
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    assert(length >= 0);
    size_t size = (size_t)length + 1;
    if (size > sizeof small) {
        text = memory_new(size, 1);
        vsnprintf(text, size, format, again);
        secret_wipe(small, sizeof small);
    }
    va_end(again);
    buffer_add(buffer, span_bytes(text, size - 1));
    secret_wipe(text, size - 1);
    if (text != small) {
        memory_free(text);
    }
}

void buffer_drop(struct buffer *buffer, size_t length)
{
    assert(length <= buffer->length);
    if (length > 0) {
        memmove(buffer->at, buffer->at + length, buffer->length - length);
        buffer->length -= length;
    }
}

struct span buffer_span(const struct buffer *buffer)
{
    return (struct span){buffer->at, buffer->length};
}

bool buffer_full(const struct buffer *buffer)
{
    return buffer->full;
}
