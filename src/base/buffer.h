/* buffer.h - bytes that we build, with a limit from birth.
 *
 * Whatever would go beyond the limit is left out as a whole and `full` stays set: build
 * first, ask buffer_full() once at the end. The contents are not NUL-terminated. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/span.h"

struct buffer {
    char *at;
    size_t length;
    size_t room;
    size_t limit;
    bool full;
};

struct buffer buffer_limited(size_t limit); /* allocates nothing yet */
void buffer_done(struct buffer *buffer);    /* frees; for CLEANUP() */
void buffer_wipe(struct buffer *buffer);    /* zeroes, then frees: for what held a secret */
void buffer_clear(struct buffer *buffer);   /* keeps the room, forgets contents and `full` */
void buffer_add(struct buffer *buffer, struct span span);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_byte(struct buffer *buffer, char byte);
void buffer_add_number(struct buffer *buffer, int64_t number);
void buffer_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Room for `length` more bytes to be written to directly, then taken in with buffer_took().
 * NULL when that would pass the limit. */
char *buffer_room(struct buffer *buffer, size_t length);
void buffer_took(struct buffer *buffer, size_t length);
void buffer_drop(struct buffer *buffer, size_t length); /* forgets the first `length` bytes */
struct span buffer_span(const struct buffer *buffer);
bool buffer_full(const struct buffer *buffer);

#endif
