/* test_fold.c - texts as they are compared when case does not matter. */
#include "vectors.h"

#include "wire/fold.h"

static void test_fold(void **state)
{
    (void)state;
    static const struct {
        const char *text, *lower, *plain;
    } cases[] = {
        {"", "", ""},
        {"Mira.VOSS@Example.com", "mira.voss@example.com", "mira.voss@example.com"},
        {"Z\xc3\x9cRICH", "z\xc3\xbcrich", "zurich"},
        {"Zu\xcc\x88rich", "z\xc3\xbcrich", "zurich"}, /* the mark on its own */
        {"Stra\xc3\x9f"
         "e",
         "stra\xc3\x9f"
         "e",
         "stra\xc3\x9f"
         "e"},                      /* not "ss" */
        {"\xe2\x84\xaa", "k", "k"}, /* KELVIN SIGN */
        {"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac"},
        {"\xc3\x9c\xff", "\xc3\x9c\xff", "\xc3\x9c\xff"}, /* no UTF-8: as it is */
        {"\xed\xa0\x80", "\xed\xa0\x80", "\xed\xa0\x80"}, /* a surrogate */
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span lower = fold_lower(span_of(cases[i].text), &arena);
        assert_true(span_is(lower, cases[i].lower));
        assert_true(span_equal(fold_lower(lower, &arena), lower));
        assert_true(span_is(fold_plain(span_of(cases[i].text), &arena), cases[i].plain));
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
