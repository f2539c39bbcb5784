/* test_config_comment.c - what is a comment in postern.conf, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/config_comment.h"

static const struct {
    const char *text, *becomes;
} cases[] = {
    {"", ""},
    {"a = b\n", "a = b\n"},
    {"# c\na\n", "   \na\n"},
    {"## 'c\na#b\n", "     \na  \n"},
    {"// c 'x\na", "       \na"},
    {"/// c\n", "     \n"},
    {"a /* b\n# ' */ c", "a     \n       c"},
    {"/**/a", "    a"},
    {"/*/ a */b", "        b"},
    {"/* a", "/* a"},
    {"/* a *", "/* a *"},
    {"\"#\" '#' # c", "\"#\" '#'    "},
    {"'a\\'# b' # c", "'a\\'# b'    "},
    {"\"a\\\"# b\" # c", "\"a\\\"# b\"    "},
    {"\"a\\\\\" # c", "\"a\\\\\"    "},
    {"'a\n# b' # c", "'a\n# b'    "},
    {"\"it's\" # c", "\"it's\"    "},
    {"url = https://a/*b # c\n", "url = https://a/*b    \n"},
    {"a=b//c\n", "a=b//c\n"},
    {"a=//c\n", "a=   \n"},
    {"{//c\n}", "{   \n}"},
    {"a / b", "a / b"},
    {"'open # c", "'open # c"},
    {"'open\\", "'open\\"},
    {"/", "/"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t length = strlen(cases[i].text);
        char *text = memory_new(length + 1, 1); /* its exact length: a read beyond it is seen */
        memcpy(text, cases[i].text, length);
        char *exact = memory_resize(text, length > 0 ? length : 1);
        config_comment_blank(exact, length);
        assert_memory_equal(exact, cases[i].becomes, length);
        assert_int_equal(strlen(cases[i].becomes), length);
        memory_free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
