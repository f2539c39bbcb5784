/* memory.h - heap memory that is there or ends the process.
 *
 * Running out of memory is not an error anyone handles: it aborts with a line on
 * stderr. Every size that comes from outside is bounded by its reader before it
 * reaches these functions. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Zeroed memory for `count` things of `size` bytes. Never NULL. Give back with memory_free(). */
void *memory_new(size_t count, size_t size);
/* `old` (or NULL) grown or shrunk to `size` bytes; what is added is not zeroed. Never NULL. */
void *memory_resize(void *old, size_t size);
/* A NUL-terminated copy of `text`. */
char *memory_text(const char *text);
/* Takes NULL. */
void memory_free(void *old);

/* Gives what is free back to the system: after a crowd has left. May take some milliseconds. */
void memory_trim(void);

/* One zeroed `type` on the heap. */
#define MEMORY_NEW(type) ((type *)memory_new(1, sizeof(type)))

/* Calls `done(&variable)` when the variable goes out of scope. */
#define CLEANUP(done) __attribute__((cleanup(done)))

#endif
