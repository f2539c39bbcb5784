/* fuzz_jwt.c - any bytes as a signed token: what is taken has one spelling only, and jansson reads it the same. */
#include "fuzz.h"

#include "base/text.h"
#include "wire/json.h"
#include "wire/jwt.h"

static struct jwt jwt;

/* Decoding and encoding is the same text again: no two texts decode to the same bytes. */
static void decode(struct span text, struct buffer *bytes)
{
    CLEANUP(buffer_done) struct buffer again = buffer_limited(text.length);
    size_t length = 0;
    char *room = buffer_room(bytes, text.length + 1);
    assert(jwt_base64url_decode(text, room, text.length + 1, &length));
    buffer_took(bytes, length);
    jwt_base64url_encode(buffer_span(bytes), &again);
    assert(span_equal(buffer_span(&again), text));
    assert(length == 0 || !jwt_base64url_decode(text, room, length - 1, &length));
}

static void check_part(struct span text, bool header)
{
    struct error error;
    struct span algorithm, key_id, type;
    CLEANUP(buffer_done) struct buffer bytes = buffer_limited(text.length + 1);
    decode(text, &bytes);
    CLEANUP(json_cleanup)
    struct json *document = json_parse(buffer_span(&bytes), JSON_SIZE_MAX, &error);
    assert(document != NULL);
    if (header) {
        assert(json_text(document, "alg", &algorithm) && span_equal(algorithm, jwt.algorithm));
        assert(json_text(document, "kid", &key_id) || json_member(document, "kid") == NULL);
        assert(json_text(document, "typ", &type) || json_member(document, "typ") == NULL);
        assert(span_equal(key_id, jwt.key_id) && span_equal(type, jwt.type));
        assert(jwt.critical == (json_member(document, "crit") != NULL));
    } else {
        assert(json_size(document) <= jwt.claims.count - 1);
    }
}

static void check_good(struct span token)
{
    CLEANUP(buffer_done) struct buffer signature = buffer_limited(token.length + 1);
    struct span rest = token, header, claims;
    span_cut(&rest, '.', &header);
    span_cut(&rest, '.', &claims);
    assert(jwt.signed_part.at == token.at &&
           jwt.signed_part.length == header.length + 1 + claims.length);
    assert(jwt.problem == NULL && jwt.part == NULL);
    assert(!span_empty(jwt.algorithm) && jwt.key_id.length <= JWT_KEY_ID_MAX);
    assert(text_utf8(jwt.algorithm) && text_utf8(jwt.key_id) && text_utf8(jwt.type));
    assert(json_view_kind(json_view_top(&jwt.claims)) == JSON_VIEW_OBJECT);
    decode(rest, &signature);
    assert(span_equal(buffer_span(&signature), jwt.signature));
    check_part(header, true);
    check_part(claims, false);
}

static void check_shape(struct span token)
{
    size_t dots = 0;
    for (size_t i = 0; i < token.length; i++) {
        dots += token.at[i] == '.';
    }
    enum jwt_shape shape = jwt_read(&jwt, token);
    assert(dots == 2 || shape == JWT_OPAQUE);
    assert((shape == JWT_MALFORMED) == (jwt.problem != NULL));
    assert((shape == JWT_GOOD) == (json_view_top(&jwt.claims) != NULL));
    if (shape == JWT_GOOD) {
        check_good(token);
    }
}

/* The input as it stands; and its lines as header, claims and signature, which a fuzzer cannot encode. */
static void check_lines(struct span text)
{
    CLEANUP(buffer_done) struct buffer token = buffer_limited(text.length * 2 + 8);
    struct span line;
    for (size_t i = 0; i < 3 && span_cut(&text, '\n', &line); i++) {
        buffer_add_text(&token, i == 0 ? "" : ".");
        jwt_base64url_encode(line, &token);
    }
    check_shape(buffer_span(&token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_shape(span_bytes(data, size));
    check_lines(span_bytes(data, size));
    return 0;
}
