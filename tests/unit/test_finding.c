/* test_finding.c - lists of findings: what they keep, and what they make of text from outside. */
#include "base/finding.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_levels(void **state)
{
    (void)state;
    CLEANUP(finding_list_done) struct finding_list list = finding_list_empty();
    assert_int_equal(finding_worst(&list), FINDING_GOOD);
    finding_good(&list, "a-good", "saw %d", 1);
    finding_skipped(&list, "a-skip", "not %s", "asked");
    assert_int_equal(finding_worst(&list), FINDING_SKIPPED);
    finding_bad(&list, "a-bad", "do this", "saw %s", "that");
    finding_warning(&list, "a-warning", "do that", "saw this");
    assert_int_equal(finding_worst(&list), FINDING_BAD);
    assert_int_equal(list.count, 4);
    assert_string_equal(list.items[0].text, "saw 1");
    assert_null(list.items[0].remedy);
    assert_null(list.items[1].remedy);
    assert_string_equal(list.items[2].code, "a-bad");
    assert_string_equal(list.items[2].text, "saw that");
    assert_string_equal(list.items[2].remedy, "do this");
    assert_string_equal(list.items[3].remedy, "do that");
    assert_string_equal(finding_level_name(list.items[0].level), "ok");
    assert_string_equal(finding_level_name(list.items[1].level), "skipped");
    assert_string_equal(finding_level_name(list.items[2].level), "bad");
    assert_string_equal(finding_level_name(list.items[3].level), "warning");
}

static void test_nobody_asked(void **state)
{
    (void)state;
    finding_good(NULL, "a", "b");
    finding_skipped(NULL, "a", "b");
    finding_warning(NULL, "a", "b", "c");
    finding_bad(NULL, "a", "b", "c");
    assert_int_equal(finding_worst(NULL), FINDING_GOOD);
}

/* What came from outside, and what is kept of it. */
static const struct {
    const char *text, *kept;
} LINES[] = {
    {"", ""},
    {"plain \"text\" with \\ and =", "plain \"text\" with \\ and ="},
    {"a\nb\r\tc", "a\\x0ab\\x0d\\x09c"},
    {"\x1b[31mred\x7f", "\\x1b[31mred\\x7f"},
    {"gr\xc3\xbc\xc3\x9f dich", "gr\xc3\xbc\xc3\x9f dich"},
    {"c1 \xc2\x9b"
     "31m, \xc2\xa0 stays",
     "c1 \\xc2\\x9b31m, \xc2\xa0 stays"},
    {"latin \xfc", "latin \\xfc"},
    {"cut \xe2\x82", "cut \\xe2\\x82"},
    {"surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80"},
    {"\xf0\x9f\x93\xac mail", "\xf0\x9f\x93\xac mail"},
};

static void test_escapes(void **state)
{
    (void)state;
    CLEANUP(finding_list_done) struct finding_list list = finding_list_empty();
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        finding_bad(&list, "a", LINES[i].text, "%s", LINES[i].text);
        assert_string_equal(list.items[i].text, LINES[i].kept);
        assert_string_equal(list.items[i].remedy, LINES[i].kept);
    }
}

static void test_cuts(void **state)
{
    (void)state;
    char text[1000];
    for (size_t length = 390; length < 410; length++) {
        CLEANUP(finding_list_done) struct finding_list list = finding_list_empty();
        memset(text, 'x', length);
        text[length] = '\0';
        finding_bad(&list, "a", text, "%s", text);
        bool fits = length <= FINDING_TEXT_MAX - 3;
        assert_int_equal(strlen(list.items[0].text), fits ? length : FINDING_TEXT_MAX);
        assert_int_equal(strstr(list.items[0].text, "...") != NULL, !fits);
        assert_string_equal(list.items[0].text, list.items[0].remedy);
    }
}

static void test_cuts_between_characters(void **state)
{
    (void)state;
    char text[1000];
    for (size_t offset = 0; offset < 3; offset++) {
        CLEANUP(finding_list_done) struct finding_list list = finding_list_empty();
        memset(text, 'x', offset);
        for (size_t at = offset; at < 600; at += 3) {
            memcpy(text + at, "\xe2\x82\xac", 4);
        }
        finding_bad(&list, "a", text, "%s", text);
        size_t length = strlen(list.items[0].text);
        assert_in_range(length, FINDING_TEXT_MAX - 3, FINDING_TEXT_MAX);
        assert_string_equal(list.items[0].text + length - 6, "\xe2\x82\xac...");
        assert_string_equal(list.items[0].text, list.items[0].remedy);
        assert_null(strstr(list.items[0].text, "\\x"));
    }
}

static void test_bounded(void **state)
{
    (void)state;
    CLEANUP(finding_list_done) struct finding_list list = finding_list_empty();
    for (int i = 0; i < FINDING_COUNT_MAX + 10; i++) {
        finding_good(&list, "a", "%d", i);
    }
    assert_int_equal(list.count, FINDING_COUNT_MAX);
    finding_list_done(&list);
    assert_int_equal(list.count, 0);
    assert_null(list.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),  cmocka_unit_test(test_nobody_asked),
        cmocka_unit_test(test_escapes), cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_bounded), cmocka_unit_test(test_cuts_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
