/* fetch_memory.h - memory for libcurl: there or the end of the process, and wiped when it goes, as
 * tokens pass through it. Like malloc, calloc, realloc and free, but that none returns NULL. */
#ifndef NET_FETCH_MEMORY_H
#define NET_FETCH_MEMORY_H

#include <stddef.h>

void *fetch_memory_new(size_t size);
void *fetch_memory_zeroed(size_t count, size_t size);
void *fetch_memory_resize(void *old, size_t size);
void fetch_memory_free(void *old);

#endif
