/* fuzz_uri.c - any bytes as request targets: what is taken resolves to nothing but itself. */
#include "fuzz.h"

#include "wire/uri.h"

/* A decoder that knows nothing of ours: no segment may turn out to be a step, a slash or a control byte. */
static void check_segment(struct span segment)
{
    char decoded[4] = {0};
    size_t length = 0;
    while (!span_empty(segment)) {
        int byte = uri_escaped(segment);
        segment = span_from(segment, byte < 0 ? 1 : 3);
        assert(byte < 0 || (byte >= ' ' && byte != 0x7f && byte != '/' && byte != '\\'));
        if (length < sizeof decoded - 1) {
            decoded[length] = byte < 0 ? 'x' : (char)byte;
        }
        length++;
    }
    assert(length != 1 || decoded[0] != '.');
    assert(length != 2 || strcmp(decoded, "..") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span target = span_bytes(data, size), path, query, segment;
    uri_escaped(target);
    if (!uri_split(target, &path, &query)) {
        return 0;
    }
    bool marked = path.length < target.length;
    assert(span_at(path, 0) == '/' && path.length + marked + query.length == target.length);
    assert(span_equal(query, span_from(target, path.length + marked)));
    for (size_t i = 0; i < target.length; i++) {
        assert(span_at(target, i) > ' ' && span_at(target, i) < 0x7f);
    }
    assert(!span_has(target, '#') && !span_has(target, '\\') && !span_has(target, '"'));
    while (span_cut(&path, '/', &segment)) {
        assert(!span_is(segment, ".") && !span_is(segment, ".."));
        check_segment(segment);
    }
    return 0;
}
