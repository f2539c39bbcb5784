/* test_scim_limits.c - windows of a minute, kinds and keys apart, a table that is full. */
#include "scim/scim_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static size_t count(struct scim_limits *limits, enum scim_limits_kind kind, const char *key,
                    int64_t ms)
{
    int64_t rest;
    size_t so_far = scim_limits_count(limits, kind, span_of(key), (struct moment){ms}, &rest);
    assert_in_range(rest, 1, SCIM_LIMITS_WINDOW_MS);
    return so_far;
}

static void test_window(void **state)
{
    (void)state;
    struct scim_limits *limits = scim_limits_new();
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED, "192.0.2.1", 1000), 1);
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED, "192.0.2.1", 30 * 1000), 2);
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED, "192.0.2.1", 60999), 3);
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED, "192.0.2.1", 61000), 1);
    scim_limits_free(limits);
}

static void test_rest(void **state)
{
    (void)state;
    int64_t rest;
    struct scim_limits *limits = scim_limits_new();
    scim_limits_count(limits, SCIM_LIMITS_NOTES, SPAN_LITERAL("a"), (struct moment){500}, &rest);
    assert_int_equal(rest, SCIM_LIMITS_WINDOW_MS);
    scim_limits_count(limits, SCIM_LIMITS_NOTES, SPAN_LITERAL("a"), (struct moment){20500}, &rest);
    assert_int_equal(rest, SCIM_LIMITS_WINDOW_MS - 20000);
    scim_limits_free(limits);
}

static void test_apart(void **state)
{
    (void)state;
    struct scim_limits *limits = scim_limits_new();
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED, "a", 0), 1);
    assert_int_equal(count(limits, SCIM_LIMITS_REQUESTS, "a", 0), 1);
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED, "b", 0), 1);
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED, "", 0), 1);
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED, "a", 0), 2);
    /* Longer keys are their beginnings. */
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED,
                           "0123456789012345678901234567890123456789012345678901", 0),
                     1);
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED,
                           "0123456789012345678901234567890123456789012345678902", 0),
                     2);
    scim_limits_free(limits);
}

/* Many others push out whoever is the oldest, and the table does not grow. */
static void test_full(void **state)
{
    (void)state;
    char key[32];
    struct scim_limits *limits = scim_limits_new();
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED, "first", 0), 1);
    for (int i = 0; i < 100000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(count(limits, SCIM_LIMITS_REFUSED, key, 1 + i / 10), 1);
    }
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED, "first", 20000), 1);
    assert_int_equal(count(limits, SCIM_LIMITS_REFUSED, "k99999", 20000), 2);
    scim_limits_free(limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_apart),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
