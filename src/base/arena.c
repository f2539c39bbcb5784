/* arena.c - memory for the length of one request. */
#include "base/arena.h"

#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The first block suffices most requests, of which many may be open, and comes from the quick free
 * lists of the C library (glibc: up to 1,032 bytes). */
enum { ARENA_FIRST = 960, ARENA_BLOCK = 4000, ARENA_ALIGN = 16 };

struct arena_block {
    struct arena_block *older;
    size_t size, used;
    _Alignas(ARENA_ALIGN) char bytes[];
};

void *arena_new(struct arena *arena, size_t size)
{
    size_t need = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    struct arena_block *block = arena->newest;
    if (block == NULL || block->size - block->used < need) {
        size_t usual = block == NULL ? ARENA_FIRST : ARENA_BLOCK;
        size_t room = need > usual ? need : usual;
        block = memory_resize(NULL, sizeof *block + room);
        block->older = arena->newest;
        block->size = room;
        block->used = 0;
        arena->newest = block;
    }
    char *piece = block->bytes + block->used;
    block->used += need;
    memset(piece, 0, need);
    return piece;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(length >= 0);
    char *text = arena_new(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void arena_done(struct arena *arena)
{
    while (arena->newest != NULL) {
        struct arena_block *block = arena->newest;
        arena->newest = block->older;
        memory_free(block);
    }
}
