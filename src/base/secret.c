/* secret.c - bytes that must not show.
 *
 * Secrets live in regions of their own, left out of core files (MADV_DONTDUMP) and of children
 * (MADV_WIPEONFORK). A region is cut into blocks of one power of two; freed blocks are wiped and
 * reused. Regions are never given back: their number is bounded by the logins in flight. */
#include "base/secret.h"

#include "base/memory.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SMALLEST_BITS = 6, LARGEST_BITS = 18, REGION_BYTES = 1024 * 1024 };

struct block {
    struct block *next;
};

static struct block *free_blocks[LARGEST_BITS + 1];

static unsigned bits_for(size_t size)
{
    unsigned bits = SMALLEST_BITS;
    while (((size_t)1 << bits) < size) {
        bits++;
    }
    assert(bits <= LARGEST_BITS);
    return bits;
}

static void map_region(unsigned bits)
{
    char *region =
        mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED) {
        fputs("out of memory for secrets\n", stderr);
        abort();
    }
    /* Older kernels lack one or the other; RLIMIT_CORE 0 still holds then. */
    (void)madvise(region, REGION_BYTES, MADV_DONTDUMP);
    (void)madvise(region, REGION_BYTES, MADV_WIPEONFORK);
    size_t size = (size_t)1 << bits;
    for (size_t at = 0; at < REGION_BYTES; at += size) {
        struct block *block = (struct block *)(void *)(region + at);
        block->next = free_blocks[bits];
        free_blocks[bits] = block;
    }
}

static char *take(size_t size)
{
    unsigned bits = bits_for(size);
    if (free_blocks[bits] == NULL) {
        map_region(bits);
    }
    struct block *block = free_blocks[bits];
    free_blocks[bits] = block->next;
    return (char *)block;
}

bool secret_init(void)
{
    return sodium_init() >= 0;
}

struct secret secret_new(struct span bytes)
{
    assert(bytes.length <= SECRET_MAX);
    if (bytes.length == 0) {
        return (struct secret){0};
    }
    struct secret secret = {take(bytes.length + 1), bytes.length};
    memcpy(secret.at, bytes.at, bytes.length);
    secret.at[bytes.length] = '\0';
    return secret;
}

struct secret secret_copy(const struct secret *secret)
{
    return secret_new(secret_reveal(secret));
}

void secret_done(struct secret *secret)
{
    if (secret->at != NULL) {
        unsigned bits = bits_for(secret->length + 1);
        sodium_memzero(secret->at, secret->length);
        struct block *block = (struct block *)(void *)secret->at;
        block->next = free_blocks[bits];
        free_blocks[bits] = block;
    }
    *secret = (struct secret){0};
}

bool secret_empty(const struct secret *secret)
{
    return secret->length == 0;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
    return secret_equal_span(secret_reveal(a), secret_reveal(b));
}

bool secret_equal_span(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || sodium_memcmp(a.at, b.at, a.length) == 0);
}

struct span secret_reveal(const struct secret *secret)
{
    return (struct span){secret->at, secret->length};
}

void secret_wipe(void *at, size_t length)
{
    if (length > 0) {
        sodium_memzero(at, length);
    }
}

/* A system call each would be the dearest part of a remembered login: small requests are served from a stock. What was
 * handed out is wiped. */
void secret_random(void *at, size_t length)
{
    static unsigned char stock[512];
    static size_t left;
    if (length > sizeof stock / 8) {
        randombytes_buf(at, length);
        return;
    }
    if (left < length) {
        randombytes_buf(stock, sizeof stock);
        left = sizeof stock;
    }
    left -= length;
    memcpy(at, stock + left, length);
    sodium_memzero(stock + left, length);
}
