/* jwt.c - signed tokens in compact form, taken apart and decoded; nothing is verified here. */
#include "wire/jwt.h"

enum { NO_DIGIT = 0x80 };

/* -- base64url -- */

#define NO NO_DIGIT
static const unsigned char DIGITS[256] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO, /* - */
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO, /* 0 to 9 */
    NO, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, /* A to O */
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, 63, /* P to Z, _ */
    NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, /* a to o */
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO, /* p to z */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* */
};
#undef NO

static uint32_t digit(struct span text, size_t index)
{
    return DIGITS[(unsigned char)text.at[index]];
}

/* The two or three digits behind the last whole group; spare bits must be zero (RFC 4648, 3.5). */
static bool decode_rest(struct span digits, unsigned char *out)
{
    uint32_t high = digit(digits, 0), middle = digit(digits, 1);
    uint32_t low = digits.length == 3 ? digit(digits, 2) : 0, bad = high | middle | low;
    uint32_t bits = (high & 63) << 12 | (middle & 63) << 6 | (low & 63);
    out[0] = (unsigned char)(bits >> 10);
    if (digits.length == 3) {
        out[1] = (unsigned char)(bits >> 2);
    }
    return (bad & NO_DIGIT) == 0 && (bits & (digits.length == 3 ? 0x3 : 0x3ff)) == 0;
}

bool jwt_base64url_decode(struct span text, void *out, size_t room, size_t *length)
{
    unsigned char *bytes = out;
    size_t rest = text.length % 4, whole = text.length - rest, done = 0;
    uint32_t bad = 0;
    *length = whole / 4 * 3 + (rest == 0 ? 0 : rest - 1);
    if (rest == 1 || *length > room) {
        return false;
    }
    for (size_t i = 0; i < whole; i += 4) {
        uint32_t a = digit(text, i), b = digit(text, i + 1);
        uint32_t c = digit(text, i + 2), d = digit(text, i + 3);
        bad |= a | b | c | d;
        bytes[done++] = (unsigned char)(a << 2 | b >> 4);
        bytes[done++] = (unsigned char)(b << 4 | c >> 2);
        bytes[done++] = (unsigned char)(c << 6 | d);
    }
    return (bad & NO_DIGIT) == 0 &&
           (rest == 0 || decode_rest(span_from(text, whole), &bytes[done]));
}

void jwt_base64url_encode(struct span bytes, struct buffer *out)
{
    static const char LETTERS[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *room = buffer_room(out, (bytes.length * 4 + 2) / 3);
    size_t done = 0;
    unsigned held = 0, bits = 0;
    if (room == NULL) {
        return;
    }
    for (size_t i = 0; i < bytes.length; i++) {
        held = (held << 8 | (unsigned char)bytes.at[i]) & 0xffff;
        for (bits += 8; bits >= 6; bits -= 6) {
            room[done++] = LETTERS[held >> (bits - 6) & 63];
        }
    }
    if (bits > 0) {
        room[done++] = LETTERS[held << (6 - bits) & 63];
    }
    buffer_took(out, done);
}

/* -- tokens -- */

static bool fail(struct jwt *jwt, const char *part, const char *problem)
{
    jwt->part = part;
    jwt->problem = problem;
    jwt->claims.count = 0;
    return false;
}

/* Into `jwt->claims`, which the header passes through first. */
static bool read_object(struct jwt *jwt, const char *part, struct span text, char *bytes,
                        size_t room)
{
    const char *problem;
    size_t length;
    if (text.length > room / 3 * 4 + 4) {
        return fail(jwt, part, "it is too long");
    }
    if (!jwt_base64url_decode(text, bytes, room, &length)) {
        return fail(jwt, part, length > room ? "it is too long" : "it is no base64url");
    }
    return json_view_parse(&jwt->claims, bytes, length, &problem) || fail(jwt, part, problem);
}

/* A header parameter that is text when it is there. */
static bool take_text(const struct jwt *jwt, const char *name, struct span *text)
{
    const struct json_view *view = &jwt->claims;
    const struct json_view_value *value =
        json_view_member(view, json_view_top(view), span_of(name));
    enum json_view_kind kind = json_view_kind(value);
    *text = kind == JSON_VIEW_TEXT ? value->text : (struct span){0};
    return kind == JSON_VIEW_TEXT || kind == JSON_VIEW_ABSENT;
}

static bool read_header(struct jwt *jwt, struct span text)
{
    static const char PART[] = "header";
    if (!read_object(jwt, PART, text, jwt->header_bytes, sizeof jwt->header_bytes)) {
        return false;
    }
    if (!take_text(jwt, "alg", &jwt->algorithm) || span_empty(jwt->algorithm)) {
        return fail(jwt, PART, "alg is missing, empty or no text");
    }
    if (!take_text(jwt, "kid", &jwt->key_id) || jwt->key_id.length > JWT_KEY_ID_MAX) {
        return fail(jwt, PART, "kid is too long or no text");
    }
    if (!take_text(jwt, "typ", &jwt->type) || !take_text(jwt, "cty", &jwt->content_type)) {
        return fail(jwt, PART, "typ or cty is no text");
    }
    const struct json_view_value *top = json_view_top(&jwt->claims);
    jwt->critical = json_view_member(&jwt->claims, top, SPAN_LITERAL("crit")) != NULL;
    return true;
}

static bool read_signature(struct jwt *jwt, struct span text)
{
    size_t length;
    if (!jwt_base64url_decode(text, jwt->signature_bytes, sizeof jwt->signature_bytes, &length)) {
        return fail(jwt, "signature",
                    length > sizeof jwt->signature_bytes ? "it is too long" : "it is no base64url");
    }
    jwt->signature = span_bytes(jwt->signature_bytes, length);
    return true;
}

/* base64url of "{" and whatever follows it. */
static bool begins_like_object(struct span header)
{
    return span_at(header, 0) == 'e' && header.length > 1 && digit(header, 1) >= 48 &&
           digit(header, 1) != NO_DIGIT;
}

enum jwt_shape jwt_read(struct jwt *jwt, struct span token)
{
    struct span header, claims, rest = token;
    jwt->signed_part = jwt->signature = (struct span){0};
    jwt->algorithm = jwt->key_id = jwt->type = jwt->content_type = (struct span){0};
    jwt->critical = false;
    jwt->part = jwt->problem = NULL;
    jwt->claims.count = 0;
    if (!span_cut(&rest, '.', &header) || !span_cut(&rest, '.', &claims) || rest.at == NULL ||
        span_has(rest, '.') || !begins_like_object(header)) {
        return JWT_OPAQUE;
    }
    jwt->signed_part = span_first(token, header.length + 1 + claims.length);
    bool good = read_header(jwt, header) && read_signature(jwt, rest) &&
                read_object(jwt, "claims", claims, jwt->claims_bytes, sizeof jwt->claims_bytes);
    return good ? JWT_GOOD : JWT_MALFORMED;
}
