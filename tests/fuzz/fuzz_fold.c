/* fuzz_fold.c - any text, folded: UTF-8 stays UTF-8, and a folded text is its own form. */
#include "fuzz.h"

#include "base/text.h"
#include "wire/fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct span text = span_bytes(data, size);
    struct span lower = fold_lower(text, &arena), plain = fold_plain(text, &arena);
    assert(!text_utf8(text) || (text_utf8(lower) && text_utf8(plain)));
    assert(span_equal(fold_lower(lower, &arena), lower));
    assert(span_equal(fold_plain(plain, &arena), plain));
    arena_done(&arena);
    return 0;
}
