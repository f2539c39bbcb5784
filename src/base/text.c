/* text.c - encodings and character classes of the texts that protocols carry. */
#include "base/text.h"

#include <stdint.h>

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char HEX[] = "0123456789abcdef";

/* What each byte stands for in base64, and one more: 0 is none. */
static const unsigned char base64_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

static int base64_value(int byte)
{
    return (int)base64_values[byte] - 1;
}

static size_t base64_padding(struct span text)
{
    size_t padding = 0;
    while (padding < 2 && padding < text.length && text.at[text.length - 1 - padding] == '=') {
        padding++;
    }
    return padding;
}

/* Decodes the last `digits` (2 or 3) digits; false when one is none, or spare bits are set. */
static bool base64_rest(struct span digits, char *out)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < digits.length ? base64_value((unsigned char)digits.at[i]) : 0;
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
    }
    for (size_t i = 0; i < 3; i++) {
        char byte = (char)(bits >> (16 - 8 * i) & 0xff);
        if (i < digits.length - 1) {
            out[i] = byte;
        } else if (byte != 0) {
            return false;
        }
    }
    return true;
}

/* Whole groups of four: a token of some kilobytes goes through here at every login. */
static bool base64_groups(const unsigned char *in, size_t groups, char *out)
{
    bool good = true;
    for (size_t i = 0; i < groups; i++, in += 4, out += 3) {
        uint32_t a = base64_values[in[0]], b = base64_values[in[1]], c = base64_values[in[2]],
                 d = base64_values[in[3]];
        uint32_t bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        good &= a != 0 && b != 0 && c != 0 && d != 0;
        out[0] = (char)(bits >> 16 & 0xff);
        out[1] = (char)(bits >> 8 & 0xff);
        out[2] = (char)(bits & 0xff);
    }
    return good;
}

bool text_base64_decode(struct span text, struct buffer *out)
{
    if (text.length % 4 != 0) {
        return false;
    }
    size_t padding = base64_padding(text), size = text.length / 4 * 3 - padding;
    char *room = buffer_room(out, size);
    if (room == NULL) {
        return false;
    }
    size_t groups = (text.length - padding) / 4;
    struct span rest = span_from(span_first(text, text.length - padding), groups * 4);
    if (!base64_groups((const unsigned char *)text.at, groups, room) ||
        (!span_empty(rest) && !base64_rest(rest, room + groups * 3))) {
        return false;
    }
    buffer_took(out, size);
    return true;
}

void text_base64_encode(struct span bytes, struct buffer *out)
{
    char *room = buffer_room(out, (bytes.length + 2) / 3 * 4);
    size_t done = 0;
    if (room == NULL) {
        return;
    }
    for (size_t i = 0; i < bytes.length; i += 3) {
        size_t have = bytes.length - i;
        uint32_t bits = (uint32_t)(unsigned char)bytes.at[i] << 16;
        bits |= have > 1 ? (uint32_t)(unsigned char)bytes.at[i + 1] << 8 : 0;
        bits |= have > 2 ? (uint32_t)(unsigned char)bytes.at[i + 2] : 0;
        room[done++] = BASE64[bits >> 18];
        room[done++] = BASE64[bits >> 12 & 63];
        room[done++] = have > 1 ? BASE64[bits >> 6 & 63] : '=';
        room[done++] = have > 2 ? BASE64[bits & 63] : '=';
    }
    buffer_took(out, done);
}

void text_hex_encode(struct span bytes, struct buffer *out)
{
    char *room = buffer_room(out, bytes.length * 2);
    if (room == NULL) {
        return;
    }
    for (size_t i = 0; i < bytes.length; i++) {
        room[2 * i] = HEX[(unsigned char)bytes.at[i] >> 4];
        room[2 * i + 1] = HEX[(unsigned char)bytes.at[i] & 15];
    }
    buffer_took(out, bytes.length * 2);
}

/* The length of the UTF-8 sequence at the front, 0 when it is not one (RFC 3629). */
static size_t utf8_sequence(struct span text)
{
    int first = span_at(text, 0);
    size_t length = first < 0x80   ? 1
                    : first < 0xc2 ? 0
                    : first < 0xe0 ? 2
                    : first < 0xf0 ? 3
                    : first < 0xf5 ? 4
                                   : 0;
    if (length > 1) {
        int second = span_at(text, 1);
        int least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        int most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (second < least || second > most) {
            return 0;
        }
    }
    for (size_t i = 2; i < length; i++) {
        if ((span_at(text, i) & 0xc0) != 0x80 || span_at(text, i) < 0) {
            return 0;
        }
    }
    return length;
}

bool text_utf8(struct span text)
{
    while (!span_empty(text)) {
        size_t length = utf8_sequence(text);
        if (length == 0 || text.at[0] == '\0') {
            return false;
        }
        text = span_from(text, length);
    }
    return true;
}

struct span text_front(struct span text, size_t length)
{
    while (length > 0 && length < text.length && (span_at(text, length) & 0xc0) == 0x80) {
        length--;
    }
    return span_first(text, length);
}

bool text_printable_ascii(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < 0x21 || text.at[i] > 0x7e) {
            return false;
        }
    }
    return text.length > 0;
}

static bool b64token_byte(unsigned char byte)
{
    static const bool others[256] = {['-'] = true, ['.'] = true, ['_'] = true, ['~'] = true};
    return (base64_values[byte] != 0) | others[byte];
}

bool text_b64token(struct span text)
{
    size_t i = 0;
    while (i < text.length && b64token_byte((unsigned char)text.at[i])) {
        i++;
    }
    if (i == 0) {
        return false;
    }
    while (i < text.length && text.at[i] == '=') {
        i++;
    }
    return i == text.length;
}

int text_hex_digit(int byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    if (byte >= 'a' && byte <= 'f') {
        return byte - 'a' + 10;
    }
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}
