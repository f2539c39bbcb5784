/* test_error.c - one line for an admin, cut at its size but never within a character. */
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

#include <string.h>

static void test_set(void **state)
{
    (void)state;
    struct error error;
    assert_false(error_set(&error, "%s: %d", "here", 7));
    assert_string_equal(error.text, "here: 7");
    assert_false(error_prefix(&error, "%s: ", "there"));
    assert_string_equal(error.text, "there: here: 7");
}

/* Errors about addresses go out as JSON, which takes UTF-8 only. */
static void test_cut(void **state)
{
    (void)state;
    static const char *const letters[] = {"e", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x93\xa7"};
    for (size_t i = 0; i < 4; i++) {
        char text[2 * ERROR_MAX + 8] = "";
        while (strlen(text) < ERROR_MAX + 4) {
            strcat(text, letters[i]);
        }
        for (int before = 0; before < 4; before++) {
            struct error error;
            error_set(&error, "%.*s%s", before, "abcd", text);
            assert_true(text_utf8(span_of(error.text)));
            assert_in_range(strlen(error.text), ERROR_MAX - 8, ERROR_MAX - 1);
            error_prefix(&error, "%.*s", before + 1, "abcde");
            assert_true(text_utf8(span_of(error.text)));
            assert_in_range(strlen(error.text), ERROR_MAX - 8, ERROR_MAX - 1);
            error_prefix(&error, "%.*s%s", before, "abcd", text);
            assert_true(text_utf8(span_of(error.text)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
