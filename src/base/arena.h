/* arena.h - memory for the length of one request: many small pieces, one release.
 *
 * An arena never fails (memory.h), and its pieces are never freed one by one. Not for secrets. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *newest;
};

/* An arena is ready when zeroed: `struct arena arena = {0}`. */
void *arena_new(struct arena *arena, size_t size); /* zeroed, aligned for anything */
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void arena_done(struct arena *arena); /* releases everything; the arena is empty again */

#endif
