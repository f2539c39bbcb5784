/* test_text.c - encodings and character classes. */
#include "base/memory.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4648, section 10, and what strictness refuses. NULL: refused. */
static const struct {
    const char *text, *bytes;
} BASE64[] = {
    {"", ""},
    {"Zg==", "f"},
    {"Zm8=", "fo"},
    {"Zm9v", "foo"},
    {"Zm9vYg==", "foob"},
    {"Zm9vYmE=", "fooba"},
    {"Zm9vYmFy", "foobar"},
    {"Zg=", NULL},
    {"Zg", NULL},
    {"Zh==", NULL},
    {"Zm9=", NULL},
    {"Z===", NULL},
    {"====", NULL},
    {"Zm9v\n", NULL},
    {"Zm 9v", NULL},
    {"Zm9vZg==Zg==", NULL},
    {"-_8=", NULL},
    {"!!!!", NULL},
    {"Zg==Zm9v", NULL},
    {"=m9v", NULL},
};

static void test_base64_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BASE64 / sizeof *BASE64; i++) {
        CLEANUP(buffer_done) struct buffer out = buffer_limited(100);
        bool good = text_base64_decode(span_of(BASE64[i].text), &out);
        assert_int_equal(good, BASE64[i].bytes != NULL);
        assert_true(span_is(buffer_span(&out), good ? BASE64[i].bytes : ""));
    }
}

static void test_base64_round_trip(void **state)
{
    (void)state;
    char bytes[256];
    for (size_t length = 0; length < sizeof bytes; length++) {
        bytes[length] = (char)(length * 7 + 3);
        CLEANUP(buffer_done) struct buffer text = buffer_limited(400), back = buffer_limited(400);
        text_base64_encode(span_bytes(bytes, length), &text);
        assert_true(text_base64_decode(buffer_span(&text), &back));
        assert_true(span_equal(buffer_span(&back), span_bytes(bytes, length)));
    }
}

static void test_base64_limit(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(2);
    assert_false(text_base64_decode(span_of("Zm9v"), &out));
    assert_int_equal(out.length, 0);
}

static const struct {
    const char *text;
    bool good;
} UTF8[] = {
    {"", true},
    {"abc", true},
    {"\xc3\xa4", true},
    {"\xe2\x82\xac", true},
    {"\xf0\x9f\x93\xa7", true},
    {"\xc3", false},
    {"\xc0\x80", false},
    {"\xc1\xbf", false},
    {"\xe0\x80\x80", false},
    {"\xed\xa0\x80", false},
    {"\xf0\x80\x80\x80", false},
    {"\xf4\x90\x80\x80", false},
    {"\xf5\x80\x80\x80", false},
    {"\x80", false},
    {"\xe2\x82", false},
    {"\xe2(\xa1", false},
    {"\xf4\x8f\xbf\xbf", true},
    {"\xff", false},
};

static void test_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof UTF8 / sizeof *UTF8; i++) {
        assert_int_equal(text_utf8(span_of(UTF8[i].text)), UTF8[i].good);
    }
    assert_false(text_utf8(SPAN_LITERAL("a\0b")));
}

static void test_front(void **state)
{
    (void)state;
    struct span text = SPAN_LITERAL("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    static const size_t LENGTHS[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        assert_int_equal(text_front(text, i).length, LENGTHS[i]);
    }
    assert_true(span_empty(text_front((struct span){0}, 5)));
}

static void test_b64token(void **state)
{
    (void)state;
    static const char *const GOOD[] = {"a", "DMS_YWNjZXNzX3Rva2Vu", "a.b-c_d~e+f/g==", "0="};
    static const char *const BAD[] = {"",     "=",        "a b", "a\r", "a\n", "a=b",
                                      "a\tb", "\xc3\xa4", "a:b", "a\"", "a,b"};
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        assert_true(text_b64token(span_of(GOOD[i])));
    }
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_false(text_b64token(span_of(BAD[i])));
    }
    assert_false(text_b64token(SPAN_LITERAL("a\0b")));
}

static void test_hex_and_printable(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(8);
    text_hex_encode(SPAN_LITERAL("\x00\xfe\x1f"), &out);
    assert_true(span_is(buffer_span(&out), "00fe1f"));
    text_hex_encode(SPAN_LITERAL("ab"), &out);
    assert_true(buffer_full(&out));
    assert_true(text_printable_ascii(span_of("!~")));
    assert_false(text_printable_ascii(span_of("")));
    assert_false(text_printable_ascii(span_of("a b")));
    assert_false(text_printable_ascii(span_of("\x7f")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_decode),
        cmocka_unit_test(test_base64_round_trip),
        cmocka_unit_test(test_base64_limit),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_front),
        cmocka_unit_test(test_b64token),
        cmocka_unit_test(test_hex_and_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
