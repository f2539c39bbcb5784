/* rsa_rules.c - which RSA keys are strong enough to believe. */
#include "token/rsa_rules.h"

#include <stdint.h>

enum { MODULUS_BITS_MIN = 2048, MODULUS_BITS_MAX = 8192, EXPONENT_MIN = 65537 };

unsigned rsa_rules_bits(struct span number)
{
    unsigned bits = 0;
    for (int top = span_at(number, 0); top > 0; top >>= 1) {
        bits++;
    }
    return number.length == 0 ? 0 : (unsigned)(number.length - 1) * 8 + bits;
}

static bool is_even(struct span number)
{
    return (span_at(number, number.length - 1) & 1) == 0;
}

static unsigned modulo(struct span number, unsigned by)
{
    unsigned rest = 0;
    for (size_t i = 0; i < number.length; i++) {
        rest = (rest * 256 + (unsigned)span_at(number, i)) % by;
    }
    return rest;
}

static bool is_power_of_65537(unsigned rest, unsigned prime)
{
    unsigned power = 1;
    do {
        if (power == rest) {
            return true;
        }
        power = power * (65537 % prime) % prime;
    } while (power != 1);
    return false;
}

static const unsigned char small_primes[] = {
    3,  5,  7,  11, 13, 17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
    73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
};

/* CVE-2017-15361 (Nemec and others, "The Return of Coppersmith's Attack", 3.3): the faulty library made primes
 * k * M + 65537^a mod M, M the product of the first primes, so the modulus is a power of 65537 modulo each of those.
 * Another modulus is so modulo all of these by a chance of 2^-27. OpenSSL does not look. */
static bool is_roca(struct span modulus)
{
    for (size_t i = 0; i < sizeof small_primes; i++) {
        if (!is_power_of_65537(modulo(modulus, small_primes[i]), small_primes[i])) {
            return false;
        }
    }
    return true;
}

static bool has_small_factor(struct span modulus)
{
    for (size_t i = 0; i < sizeof small_primes; i++) {
        if (modulo(modulus, small_primes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool exponent_good(struct span exponent, struct error *error)
{
    if (rsa_rules_bits(exponent) > 64) {
        return error_set(error, "RSA exponent of %u bits: more than 64", rsa_rules_bits(exponent));
    }
    uint64_t number = 0;
    for (size_t i = 0; i < exponent.length; i++) {
        number = number << 8 | (uint64_t)span_at(exponent, i);
    }
    if (number < EXPONENT_MIN || number % 2 == 0) {
        return error_set(error, "RSA exponent %llu: even, or below 65537",
                         (unsigned long long)number);
    }
    return true;
}

static bool modulus_good(struct span modulus, struct error *error)
{
    unsigned bits = rsa_rules_bits(modulus);
    if (bits < MODULUS_BITS_MIN || bits > MODULUS_BITS_MAX) {
        return error_set(error, "RSA key of %u bits: from %d to %d are accepted", bits,
                         MODULUS_BITS_MIN, MODULUS_BITS_MAX);
    }
    if (is_even(modulus) || has_small_factor(modulus)) {
        return error_set(error, "RSA modulus with a small factor: no key");
    }
    if (is_roca(modulus)) {
        return error_set(error, "RSA key of a faulty generator (ROCA, CVE-2017-15361): its "
                                "private key can be computed");
    }
    return true;
}

bool rsa_rules_meet(struct span modulus, struct span exponent, struct error *error)
{
    return modulus_good(modulus, error) && exponent_good(exponent, error);
}
