/* fetch_memory.c - memory for libcurl: there or the end of the process, and wiped when it goes. */
#include "net/fetch_memory.h"

#include "base/memory.h"
#include "base/secret.h"

#include <malloc.h>
#include <string.h>

void *fetch_memory_new(size_t size)
{
    return memory_resize(NULL, size);
}

void *fetch_memory_zeroed(size_t count, size_t size)
{
    return memory_new(count, size);
}

void fetch_memory_free(void *old)
{
    if (old != NULL) {
        secret_wipe(old, malloc_usable_size(old));
        memory_free(old);
    }
}

void *fetch_memory_resize(void *old, size_t size)
{
    void *grown = memory_resize(NULL, size);
    if (old != NULL) {
        size_t kept = malloc_usable_size(old);
        memcpy(grown, old, kept < size ? kept : size);
        fetch_memory_free(old);
    }
    return grown;
}
