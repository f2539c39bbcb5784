/* memory.c - heap memory that is there or ends the process. */
#include "base/memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *present(void *memory)
{
    if (memory == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *memory_new(size_t count, size_t size)
{
    return present(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *memory_resize(void *old, size_t size)
{
    return present(realloc(old, size > 0 ? size : 1));
}

char *memory_text(const char *text)
{
    return present(strdup(text));
}

void memory_free(void *old)
{
    free(old);
}

void memory_trim(void)
{
    (void)malloc_trim(0);
}
