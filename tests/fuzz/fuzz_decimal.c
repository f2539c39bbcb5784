/* fuzz_decimal.c - any bytes as a number: taken apart it is the same text, and the C library reads the same value. */
#include "fuzz.h"

#include "wire/decimal.h"

#include <math.h>
#include <stdlib.h>

static void check_value(const struct decimal *decimal, const char *text)
{
    double real = strtod(text, NULL);
    int64_t number = -1;
    bool whole = decimal_floor(decimal, &number);
    if (decimal_bounded(decimal)) {
        assert(isfinite(real));
    }
    assert(!whole || (!decimal->negative && number >= 0 && number <= INT64_C(1) << 53));
    if (whole) {
        /* strtod() rounds to the nearest double. */
        double difference = real - (double)number;
        assert(difference > -1 && difference < 2);
    } else {
        assert(decimal->negative || real > 9e15);
    }
    if (decimal->integer && decimal_bounded(decimal)) {
        long long integer = strtoll(text, NULL, 10);
        assert(!whole || integer == number);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct span text = span_bytes(data, size);
    struct decimal decimal;
    char *end;
    if (!decimal_parse(text, &decimal)) {
        return 0;
    }
    const char *copy = span_text(&arena, text);
    strtod(copy, &end);
    assert(end == &copy[size]);
    assert(decimal.whole.length + decimal.fraction.length <= size);
    assert(decimal.exponent >= -100000 && decimal.exponent <= 100000);
    check_value(&decimal, copy);
    return 0;
}
