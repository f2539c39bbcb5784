/* test_jwt.c - signed tokens taken apart: vectors/jwt.txt, every byte changed, base64url. */
#include "vectors.h"

#include "wire/jwt.h"

static struct jwt jwt;

/* Everything but what stands between "<" and ">" is taken as it is. */
static void build(struct span pattern, struct buffer *token)
{
    while (!span_empty(pattern)) {
        size_t open = span_find(pattern, '<'), end = span_find(pattern, '>');
        struct span encoded = span_from(span_first(pattern, end), open + 1);
        buffer_add(token, span_first(pattern, open));
        jwt_base64url_encode(encoded, token);
        pattern = span_from(pattern, open < pattern.length ? end + 1 : open);
    }
}

static void describe(enum jwt_shape shape, struct buffer *out)
{
    switch (shape) {
    case JWT_OPAQUE:
        buffer_add_text(out, "opaque");
        break;
    case JWT_MALFORMED:
        buffer_format(out, "malformed %s: %s", jwt.part, jwt.problem);
        break;
    case JWT_GOOD:
        buffer_add_text(out, "good alg=");
        buffer_add(out, jwt.algorithm);
        buffer_add_text(out, " kid=");
        buffer_add(out, jwt.key_id);
        buffer_add_text(out, " typ=");
        buffer_add(out, jwt.type);
        buffer_add_text(out, " cty=");
        buffer_add(out, jwt.content_type);
        buffer_format(out, " crit=%d signature=%zu claims=%zu", jwt.critical, jwt.signature.length,
                      jwt.claims.count);
        break;
    }
}

static void run_token(const struct vector *vector)
{
    CLEANUP(buffer_done) struct buffer token = buffer_limited(SIZE_MAX / 2);
    CLEANUP(buffer_done) struct buffer got = buffer_limited(SIZE_MAX / 2);
    build(vector->column[1], &token);
    memset(&jwt, 0x5a, sizeof jwt); /* it need not be zeroed */
    enum jwt_shape shape = jwt_read(&jwt, buffer_span(&token));
    describe(shape, &got);
    vector_same(vector, buffer_span(&got), vector->column[2]);
    vector_must(vector, (shape == JWT_MALFORMED) == (jwt.problem != NULL), "problem");
    vector_must(vector, (shape == JWT_GOOD) == (json_view_top(&jwt.claims) != NULL), "claims");
    if (shape == JWT_GOOD) {
        struct span whole = buffer_span(&token);
        vector_same(vector, jwt.signed_part, span_first(whole, span_find_last(whole, '.')));
    }
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("jwt.txt", 90, run_token);
}

/* RFC 7515, A.1. */
static const char EXAMPLE[] =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0"
    "dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/* J2: no byte beside the alphabet may stand anywhere, and what is still good differs from what it was. */
static void test_every_byte(void **state)
{
    (void)state;
    char token[sizeof EXAMPLE];
    unsigned char signature[32];
    assert_int_equal(jwt_read(&jwt, span_of(EXAMPLE)), JWT_GOOD);
    memcpy(signature, jwt.signature.at, sizeof signature);
    size_t behind = strlen(EXAMPLE) - 43;
    for (size_t at = 0; at < strlen(EXAMPLE); at++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(token, EXAMPLE, sizeof EXAMPLE);
            token[at] = (char)byte;
            if (token[at] == EXAMPLE[at]) {
                continue;
            }
            enum jwt_shape shape = jwt_read(&jwt, span_bytes(token, strlen(EXAMPLE)));
            bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                          (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
            assert_true(letter || shape != JWT_GOOD);
            assert_true(shape != JWT_GOOD || at < behind ||
                        memcmp(signature, jwt.signature.at, sizeof signature) != 0);
        }
    }
}

/* Attack 11: what is too long is not even decoded. */
static void test_huge(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer token = buffer_limited(SIZE_MAX / 2);
    char *room = buffer_room(&token, 10 * 1024 * 1024);
    memset(room, 'x', 10 * 1024 * 1024);
    room[0] = 'e';
    room[1] = 'y';
    buffer_took(&token, 10 * 1024 * 1024);
    assert_int_equal(jwt_read(&jwt, buffer_span(&token)), JWT_OPAQUE);
    buffer_add_text(&token, ".e30.AA");
    assert_int_equal(jwt_read(&jwt, buffer_span(&token)), JWT_MALFORMED);
    assert_string_equal(jwt.problem, "it is too long");
}

static const struct {
    const char *bytes, *text;
} CODES[] = {
    /* RFC 4648, 10 */
    {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
    {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"},
    {"\xff", "_w"},
};

static void test_base64url(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++) {
        CLEANUP(buffer_done) struct buffer text = buffer_limited(100);
        char bytes[16];
        size_t length = 99;
        jwt_base64url_encode(span_of(CODES[i].bytes), &text);
        assert_true(span_is(buffer_span(&text), CODES[i].text));
        assert_true(jwt_base64url_decode(span_of(CODES[i].text), bytes, sizeof bytes, &length));
        assert_true(span_is(span_bytes(bytes, length), CODES[i].bytes));
        /* Room for one byte less. */
        assert_true(length == 0 ||
                    !jwt_base64url_decode(span_of(CODES[i].text), bytes, length - 1, &length));
    }
    CLEANUP(buffer_done) struct buffer small = buffer_limited(3);
    jwt_base64url_encode(SPAN_LITERAL("foo"), &small);
    assert_true(small.length == 0 && buffer_full(&small));
}

static void test_base64url_lengths(void **state)
{
    (void)state;
    unsigned char bytes[70], again[70];
    size_t got;
    for (size_t length = 0; length <= sizeof bytes; length++) {
        CLEANUP(buffer_done) struct buffer text = buffer_limited(100);
        for (size_t i = 0; i < length; i++) {
            bytes[i] = (unsigned char)(i * 89 + length * 7 + 3);
        }
        jwt_base64url_encode(span_bytes(bytes, length), &text);
        assert_true(jwt_base64url_decode(buffer_span(&text), again, length, &got));
        assert_true(got == length && memcmp(bytes, again, length) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_huge),
        cmocka_unit_test(test_base64url),
        cmocka_unit_test(test_base64url_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
