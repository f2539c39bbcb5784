/* test_metrics.c - what Prometheus reads, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/metrics.h"

#include <stdio.h>
#include <string.h>

static const char *const two_labels[] = {"who", "what", NULL};

static void expect(struct metrics *metrics, const char *expected)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(METRICS_TEXT_MAX);
    metrics_write(metrics, &text);
    buffer_add_byte(&text, '\0');
    assert_false(buffer_full(&text));
    assert_string_equal(text.at, expected);
}

static void test_counters(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    expect(metrics, "");
    struct metrics_family *later = metrics_counter(metrics, "z_total", "Last.", NULL);
    struct metrics_family *first = metrics_counter(metrics, "a_total", "First.", two_labels);
    metrics_count(later, NULL, 3);
    metrics_count(first, (const char *const[]){"b", "x"}, 1);
    metrics_count(first, (const char *const[]){"a", "y"}, 1);
    metrics_count(first, (const char *const[]){"a", NULL}, 1);
    metrics_count(first, (const char *const[]){"b", "x"}, 1);
    struct metrics_series *kept = metrics_series(first, (const char *const[]){"a", "y"});
    metrics_series_count(kept, UINT64_C(1) << 60);
    expect(metrics, "# HELP a_total First.\n# TYPE a_total counter\n"
                    "a_total{who=\"a\",what=\"\"} 1\n"
                    "a_total{who=\"a\",what=\"y\"} 1152921504606846977\n"
                    "a_total{who=\"b\",what=\"x\"} 2\n"
                    "# HELP z_total Last.\n# TYPE z_total counter\nz_total 3\n");
    metrics_free(metrics);
}

static void test_zero_without_labels(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    metrics_counter(metrics, "a_total", "A.", NULL);
    metrics_counter(metrics, "b_total", "No series yet.", two_labels);
    expect(metrics, "# HELP a_total A.\n# TYPE a_total counter\na_total 0\n");
    metrics_free(metrics);
}

static void test_nobody_counts(void **state)
{
    (void)state;
    metrics_count(NULL, NULL, 1);
    metrics_observe(NULL, NULL, 1);
    assert_null(metrics_series(NULL, NULL));
    metrics_series_count(NULL, 1);
    metrics_series_observe(NULL, 1);
    metrics_free(NULL);
}

static void test_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *value, *written;
    } cases[] = {
        {"plain", "plain"},
        {"a\"b", "a\\\"b"},
        {"a\\b", "a\\\\b"},
        {"a\nb", "a\\nb"},
        {"\"} 1\nforged 7", "\\\"} 1\\nforged 7"},
        {"j\xc3\xbcrgen", "j\xc3\xbcrgen"},
        {"\xff", "invalid"},
        {"\xc3", "invalid"},
    };
    static const char *const label[] = {"l", NULL};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[200];
        struct metrics *metrics = metrics_new();
        struct metrics_family *family = metrics_counter(metrics, "n", "A \"b\" \\ c\nd", label);
        metrics_count(family, &cases[i].value, 1);
        snprintf(expected, sizeof expected,
                 "# HELP n A \"b\" \\\\ c\\nd\n# TYPE n counter\nn{l=\"%s\"} 1\n",
                 cases[i].written);
        expect(metrics, expected);
        metrics_free(metrics);
    }
}

static void test_histograms(void **state)
{
    (void)state;
    static const double bounds[] = {0.005, 0.1, 2.5};
    static const char *const label[] = {"mechanism", NULL};
    struct metrics *metrics = metrics_new();
    struct metrics_family *family =
        metrics_histogram(metrics, "t_seconds", "Time.", label, bounds, 3);
    static const double times[] = {0, 0.005, 0.25, 2.5, 2.75, 100};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        metrics_observe(family, (const char *const[]){"PLAIN"}, times[i]);
    }
    expect(metrics, "# HELP t_seconds Time.\n# TYPE t_seconds histogram\n"
                    "t_seconds_bucket{mechanism=\"PLAIN\",le=\"0.005\"} 2\n"
                    "t_seconds_bucket{mechanism=\"PLAIN\",le=\"0.1\"} 2\n"
                    "t_seconds_bucket{mechanism=\"PLAIN\",le=\"2.5\"} 4\n"
                    "t_seconds_bucket{mechanism=\"PLAIN\",le=\"+Inf\"} 6\n"
                    "t_seconds_sum{mechanism=\"PLAIN\"} 105.505\n"
                    "t_seconds_count{mechanism=\"PLAIN\"} 6\n");
    metrics_free(metrics);
}

static void say(struct metrics_family *family, void *context)
{
    int *looks = context;
    ++*looks;
    metrics_gauge_say(family, (const char *const[]){"a", "x"}, *looks);
    if (*looks == 1) {
        metrics_gauge_say(family, (const char *const[]){"b", "y"}, 0.5);
    }
}

static void say_total(struct metrics_family *family, void *context)
{
    (void)context;
    metrics_gauge_say(family, NULL, 9007199254740991.0 / 16);
}

/* Asked anew each time: what is no longer said is no longer there. */
static void test_gauges(void **state)
{
    (void)state;
    int looks = 0;
    struct metrics *metrics = metrics_new();
    metrics_gauge(metrics, "g", "G.", two_labels, say, &looks);
    metrics_total(metrics, "t_total", "T.", NULL, say_total, NULL);
    expect(metrics, "# HELP g G.\n# TYPE g gauge\ng{who=\"a\",what=\"x\"} 1\n"
                    "g{who=\"b\",what=\"y\"} 0.5\n"
                    "# HELP t_total T.\n# TYPE t_total counter\nt_total 562949953421312\n");
    expect(metrics, "# HELP g G.\n# TYPE g gauge\ng{who=\"a\",what=\"x\"} 2\n"
                    "# HELP t_total T.\n# TYPE t_total counter\nt_total 562949953421312\n");
    metrics_free(metrics);
}

/* However many values come, there are METRICS_SERIES_MAX lines, and no count is lost. */
static void test_bounded(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metrics_family *family = metrics_counter(metrics, "n_total", "N.", two_labels);
    for (int i = 0; i < METRICS_SERIES_MAX + 500; i++) {
        char value[20];
        snprintf(value, sizeof value, "%d", i);
        metrics_count(family, (const char *const[]){value, "x"}, 1);
    }
    CLEANUP(buffer_done) struct buffer text = buffer_limited(METRICS_TEXT_MAX);
    metrics_write(metrics, &text);
    size_t lines = 0;
    struct span rest = buffer_span(&text), line;
    bool other = false;
    while (span_cut(&rest, '\n', &line)) {
        lines += span_starts(line, "n_total{");
        other |= span_is(line, "n_total{who=\"other\",what=\"other\"} 501");
    }
    assert_int_equal(lines, METRICS_SERIES_MAX);
    assert_true(other);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters),      cmocka_unit_test(test_zero_without_labels),
        cmocka_unit_test(test_nobody_counts), cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_histograms),    cmocka_unit_test(test_gauges),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
