/* uuid.c - identifiers that are never reused (RFC 9562, version 4). */
#include "base/uuid.h"

#include "base/secret.h"

#include <stdio.h>

void uuid_new(char text[UUID_SIZE])
{
    unsigned char b[16];
    secret_random(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(text, UUID_SIZE,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}

static bool hex_or_dash(int byte, size_t index)
{
    if (index == 8 || index == 13 || index == 18 || index == 23) {
        return byte == '-';
    }
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
}

bool uuid_valid(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!hex_or_dash(span_at(text, i), i)) {
            return false;
        }
    }
    return text.length == UUID_SIZE - 1;
}
