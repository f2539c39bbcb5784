/* decimal.h - numbers as JSON writes them (RFC 8259, 6), exactly: no floating point, no rounding. Pure. */
#ifndef WIRE_DECIMAL_H
#define WIRE_DECIMAL_H

#include "base/span.h"

/* Views into the text. */
struct decimal {
    struct span whole, fraction; /* digits; `fraction` is empty when there is no point */
    int64_t exponent;            /* a huge one is cut to ±100,000 */
    bool negative;
    bool integer; /* neither point nor exponent */
};

/* The whole text, or false. */
bool decimal_parse(struct span text, struct decimal *decimal);
/* An integer of 64 bits with its sign, or else surely below 10^308: no reader takes it for infinity. */
bool decimal_bounded(const struct decimal *decimal);
/* Rounded down; false for what has a minus sign, and for what is above 2^53. */
bool decimal_floor(const struct decimal *decimal, int64_t *number);

#endif
