/* test_span.c - views, buffers, numbers, secrets and digests of base/. */
#include "base/arena.h"
#include "base/buffer.h"
#include "base/digest.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/span.h"
#include "base/text.h"
#include "base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_cut(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *pieces[4];
    } CASES[] = {
        {"a,b", {"a", "b"}}, {"", {""}}, {"a,", {"a", ""}}, {",", {"", ""}}, {"abc", {"abc"}}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct span rest = span_of(CASES[i].text), piece;
        size_t count = 0;
        while (span_cut(&rest, ',', &piece)) {
            assert_non_null(CASES[i].pieces[count]);
            assert_true(span_is(piece, CASES[i].pieces[count]));
            count++;
        }
        assert_null(CASES[i].pieces[count]);
    }
}

static void test_number(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        bool good;
        uint64_t number;
    } CASES[] = {
        {"0", 10, true, 0},
        {"10", 10, true, 10},
        {"11", 10, false, 0},
        {"", 10, false, 0},
        {"01", 10, false, 0},
        {"-1", 10, false, 0},
        {"+1", 10, false, 0},
        {" 1", 10, false, 0},
        {"1a", 10, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999", UINT64_MAX, false, 0},
        {"184467440737095516150", UINT64_MAX, false, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        uint64_t number = 0;
        assert_int_equal(span_number(span_of(CASES[i].text), CASES[i].max, &number), CASES[i].good);
        assert_true(number == CASES[i].number);
    }
}

static void test_search(void **state)
{
    (void)state;
    struct span text = SPAN_LITERAL("user@Example.com");
    assert_int_equal(span_find(text, '@'), 4);
    assert_int_equal(span_find(text, '#'), text.length);
    assert_int_equal(span_find_last(text, 'e'), 11);
    assert_int_equal(span_search(text, SPAN_LITERAL("Ex")), 5);
    assert_int_equal(span_search(text, SPAN_LITERAL("no")), text.length);
    assert_true(span_is_fold(text, "USER@EXAMPLE.COM"));
    assert_false(span_is(text, "USER@EXAMPLE.COM"));
    assert_true(span_starts(text, "user@"));
    assert_true(span_ends(text, ".com"));
    assert_false(span_ends(text, "user@Example.com."));
    assert_int_equal(span_at(text, 400), -1);
    assert_int_equal(span_from(text, 400).length, 0);
    assert_true(span_is(span_trim(SPAN_LITERAL(" \ta b\t ")), "a b"));
    assert_true(span_compare(SPAN_LITERAL("a"), SPAN_LITERAL("ab")) < 0);
    assert_int_equal(span_find((struct span){0}, 'x'), 0);
}

static void test_buffer_limit(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer buffer = buffer_limited(5);
    buffer_add_text(&buffer, "abc");
    buffer_add_text(&buffer, "def");
    assert_true(buffer_full(&buffer));
    assert_true(span_is(buffer_span(&buffer), "abc"));
    buffer_clear(&buffer);
    buffer_format(&buffer, "%d-%s", 12, "x");
    assert_true(span_is(buffer_span(&buffer), "12-x"));
    buffer_drop(&buffer, 3);
    buffer_add_number(&buffer, -7);
    assert_true(span_is(buffer_span(&buffer), "x-7"));
}

static void test_arena(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *kept = span_text(&arena, SPAN_LITERAL("kept"));
    for (size_t size = 0; size < 9000; size += 77) {
        char *piece = arena_new(&arena, size + 1);
        assert_int_equal(piece[size], 0);
        memset(piece, 0xff, size + 1);
    }
    assert_string_equal(kept, "kept");
    assert_string_equal(arena_format(&arena, "%s-%d", "x", 3), "x-3");
    arena_done(&arena);
    assert_null(arena.newest);
}

static void test_secret(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 's', sizeof text);
    struct secret secret = secret_new(span_bytes(text, sizeof text));
    struct secret copy = secret_copy(&secret), other = secret_new(SPAN_LITERAL("other"));
    assert_true(secret_equal(&secret, &copy));
    assert_false(secret_equal(&secret, &other));
    const char *where = copy.at;
    secret_done(&copy);
    assert_true(secret_empty(&copy));
    /* What was freed is wiped: but for the link of the free list nothing of it is left. */
    assert_null(memchr(where + sizeof(void *), 's', sizeof text - sizeof(void *)));
    secret_done(&secret);
    secret_done(&other);
}

static void test_digest(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer hex = buffer_limited(100);
    struct digest digest = digest_sha256(SPAN_LITERAL("abc"));
    text_hex_encode(span_bytes(digest.bytes, DIGEST_SIZE), &hex);
    assert_true(span_is(buffer_span(&hex),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    buffer_clear(&hex);
    digest = digest_hmac(SPAN_LITERAL("Jefe"),
                         SPAN_LITERAL("what do ya want for nothing?")); /* RFC 4231, case 2 */
    text_hex_encode(span_bytes(digest.bytes, DIGEST_SIZE), &hex);
    assert_true(span_is(buffer_span(&hex),
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    struct span ab_c[] = {SPAN_LITERAL("ab"), SPAN_LITERAL("c")},
                a_bc[] = {SPAN_LITERAL("a"), SPAN_LITERAL("bc")};
    struct digest one = digest_parts(ab_c, 2), two = digest_parts(a_bc, 2),
                  again = digest_parts(ab_c, 2);
    assert_false(digest_equal(&one, &two));
    assert_true(digest_equal(&one, &again));
}

static void test_uuid(void **state)
{
    (void)state;
    char one[UUID_SIZE], two[UUID_SIZE];
    uuid_new(one);
    uuid_new(two);
    assert_true(uuid_valid(span_of(one)));
    assert_string_not_equal(one, two);
    assert_int_equal(one[14], '4');
    assert_false(uuid_valid(SPAN_LITERAL("../../../../etc/passwd")));
    assert_false(uuid_valid(SPAN_LITERAL("0d4f8f7e-3c55-4e0a-9a5b-7c1d2e3f405G")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),    cmocka_unit_test(test_number),
        cmocka_unit_test(test_search), cmocka_unit_test(test_buffer_limit),
        cmocka_unit_test(test_arena),  cmocka_unit_test(test_secret),
        cmocka_unit_test(test_digest), cmocka_unit_test(test_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
