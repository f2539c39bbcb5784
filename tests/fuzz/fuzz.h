/* fuzz.h - what the fuzz targets share: the entry point, and text for libraries of ours.
 *
 * A target calls one reader of src/wire/ or src/token/ with any bytes and asserts what must hold for all of them. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/span.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte, for the target to choose by; `rest` is what follows. */
static inline unsigned fuzz_choice(const uint8_t *data, size_t size, struct span *rest)
{
    struct span all = span_bytes(data, size);
    *rest = span_from(all, 1);
    return span_empty(all) ? 0 : (unsigned char)all.at[0];
}

#endif
