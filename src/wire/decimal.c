/* decimal.c - numbers as JSON writes them: taken apart, bounded, and rounded down to whole ones. */
#include "wire/decimal.h"

enum {
    INTEGER_DIGITS = 19, /* of the greatest 64-bit number */
    MAGNITUDE_MAX = 308, /* below 10^308 every number is a finite double */
    EXPONENT_MAX = 100000,
};

static const int64_t FLOOR_MAX = INT64_C(1) << 53;
static const char INTEGER_MOST[] = "9223372036854775807", INTEGER_LEAST[] = "9223372036854775808";

static struct span take_digits(struct span *rest)
{
    size_t count = 0;
    while (count < rest->length && rest->at[count] >= '0' && rest->at[count] <= '9') {
        count++;
    }
    struct span digits = span_first(*rest, count);
    *rest = span_from(*rest, count);
    return digits;
}

static bool take_byte(struct span *rest, char byte)
{
    bool there = rest->length > 0 && span_lower(rest->at[0]) == byte;
    *rest = span_from(*rest, there);
    return there;
}

static bool take_exponent(struct span *rest, int64_t *exponent)
{
    bool negative = take_byte(rest, '-');
    if (!negative) {
        take_byte(rest, '+');
    }
    struct span digits = take_digits(rest);
    for (size_t i = 0; i < digits.length; i++) {
        *exponent = *exponent * 10 + (digits.at[i] - '0');
        *exponent = *exponent < EXPONENT_MAX ? *exponent : EXPONENT_MAX;
    }
    *exponent = negative ? -*exponent : *exponent;
    return !span_empty(digits);
}

bool decimal_parse(struct span text, struct decimal *decimal)
{
    *decimal = (struct decimal){.negative = take_byte(&text, '-')};
    decimal->whole = take_digits(&text);
    decimal->integer = span_empty(text);
    if (span_empty(decimal->whole) || (decimal->whole.length > 1 && decimal->whole.at[0] == '0')) {
        return false;
    }
    if (take_byte(&text, '.')) {
        decimal->fraction = take_digits(&text);
        if (span_empty(decimal->fraction)) {
            return false;
        }
    }
    if (take_byte(&text, 'e') && !take_exponent(&text, &decimal->exponent)) {
        return false;
    }
    return span_empty(text);
}

bool decimal_bounded(const struct decimal *decimal)
{
    struct span whole = decimal->whole;
    if (!decimal->integer) {
        int64_t digits = span_is(whole, "0") ? 0 : (int64_t)whole.length;
        return digits + decimal->exponent <= MAGNITUDE_MAX;
    }
    const char *greatest = decimal->negative ? INTEGER_LEAST : INTEGER_MOST;
    return whole.length < INTEGER_DIGITS ||
           (whole.length == INTEGER_DIGITS && span_compare(whole, span_of(greatest)) <= 0);
}

/* The digit at `index` of the number without its point; zeros behind its last. */
static int digit_at(const struct decimal *decimal, size_t index)
{
    int digit = index < decimal->whole.length
                    ? span_at(decimal->whole, index)
                    : span_at(decimal->fraction, index - decimal->whole.length);
    return digit < 0 ? 0 : digit - '0';
}

bool decimal_floor(const struct decimal *decimal, int64_t *number)
{
    int64_t before_point = (int64_t)decimal->whole.length + decimal->exponent, sum = 0;
    for (int64_t i = 0; i < before_point && !decimal->negative; i++) {
        sum = sum * 10 + digit_at(decimal, (size_t)i);
        if (sum > FLOOR_MAX) {
            return false;
        }
    }
    *number = sum;
    return !decimal->negative;
}
