/* test_log.c - one event is one line, whatever is in it. */
#include "base/log.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char last[LOG_LINE_MAX + 1];
static int lines;

static void keep(enum log_level level, struct span line, void *context)
{
    (void)level;
    (void)context;
    assert_true(span_fits(line, last, sizeof last));
    lines++;
}

static const struct log LOG = {.sink = keep, .level = LOG_LEVEL_INFO};

static const struct {
    struct span value;
    const char *line;
} VALUES[] = {
    {SPAN_LITERAL("plain"), "event k=plain"},
    {SPAN_LITERAL("two words"), "event k=\"two words\""},
    {SPAN_LITERAL("a\nlogin_accepted user=x"), "event k=\"a\\x0alogin_accepted user=x\""},
    {SPAN_LITERAL("a\"b\\c"), "event k=\"a\\x22b\\x5cc\""},
    {SPAN_LITERAL("\x00\x1f\x7f\xff"), "event k=\"\\x00\\x1f\\x7f\\xff\""},
    {SPAN_LITERAL("rip=192.0.2.1"), "event k=\"rip=192.0.2.1\""},
    {SPAN_LITERAL(""), "event"},
    {SPAN_LITERAL("\r\t"), "event k=\"\\x0d\\x09\""},
};

static void test_escaping(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof VALUES / sizeof *VALUES; i++) {
        log_info(&LOG, "event", log_span("k", VALUES[i].value));
        assert_string_equal(last, VALUES[i].line);
    }
}

static void test_long_values_are_cut(void **state)
{
    (void)state;
    char text[LOG_VALUE_MAX + 100];
    memset(text, 'x', sizeof text);
    log_info(&LOG, "event", log_span("k", span_bytes(text, sizeof text)));
    assert_int_equal(strlen(last), strlen("event k=") + LOG_VALUE_MAX + strlen("..."));
    memset(text, '\n', sizeof text);
    for (int i = 0; i < 4; i++) {
        log_info(&LOG, "event", log_span("a", span_bytes(text, sizeof text)),
                 log_span("b", span_bytes(text, sizeof text)));
        assert_null(strchr(last, '\n'));
    }
}

static void test_levels_and_numbers(void **state)
{
    (void)state;
    lines = 0;
    log_debug(&LOG, "event", log_number("n", 1));
    assert_int_equal(lines, 0);
    log_error(&LOG, "event", log_number("n", -5), log_text("t", NULL), log_text("u", "v"));
    assert_string_equal(last, "event n=-5 u=v");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escaping),
        cmocka_unit_test(test_long_values_are_cut),
        cmocka_unit_test(test_levels_and_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
