/* test_scim_date.c - dateTimes: what is one, when it is, and how two compare. */
#include "vectors.h"

#include "document/scim_date.h"

#include <time.h>

static const struct {
    const char *text;
    int64_t seconds;
    int32_t nanoseconds;
} DATES[] = {
    {"1970-01-01T00:00:00Z", 0, 0},
    {"1970-01-01T00:00:00", 0, 0},
    {"1970-01-01t00:00:01z", 1, 0},
    {"1969-12-31T23:59:59Z", -1, 0},
    {"2026-11-24T03:05:57Z", 1795489557, 0},
    {"2026-11-23T20:05:57.8617979-07:00", 1795489557, 861797900},
    {"2026-11-24T08:35:57.5+05:30", 1795489557, 500000000},
    {"2026-11-24T03:05:57.000000001Z", 1795489557, 1},
    {"2026-11-24T03:05:57.9999999999999Z", 1795489557, 999999999},
    {"2000-02-29T00:00:00Z", 951782400, 0},
    {"2024-02-29T00:00:00Z", 1709164800, 0},
    {"2024-03-01T00:00:00Z", 1709251200, 0},
    {"2024-12-31T23:59:60Z", 1735689600, 0},
    {"0001-01-01T00:00:00Z", INT64_C(-62135596800), 0},
    {"9999-12-31T23:59:59Z", INT64_C(253402300799), 0},
    {"1970-01-01T00:00:00-14:00", 50400, 0},
    {"1970-01-31T00:00:00+14:59", 2592000 - 53940, 0},
};

static const char *const WRONG[] = {
    "",
    "2026",
    "2026-11-24",
    "2026-11-24T",
    "2026-11-24 03:05:57Z",
    "2026-11-24T03:05Z",
    "2026-11-24T03:05:57ZZ",
    "2026-11-24T03:05:57.Z",
    "2026-11-24T03:05:57.",
    "2026-11-24T03:05:57,5Z",
    "2026-11-24T03:05:57+1:00",
    "2026-11-24T03:05:57+0100",
    "2026-11-24T03:05:57+15:00",
    "2026-11-24T03:05:57+01:60",
    "2026-11-24T03:05:57+01:00Z",
    "2026-11-24T24:00:00Z",
    "2026-11-24T03:60:00Z",
    "2026-11-24T03:05:61Z",
    "2026-00-24T03:05:57Z",
    "2026-13-24T03:05:57Z",
    "2026-11-00T03:05:57Z",
    "2026-11-31T03:05:57Z",
    "2026-12-32T03:05:57Z",
    "2026-02-29T03:05:57Z",
    "1900-02-29T03:05:57Z",
    "0000-01-01T00:00:00Z",
    "-2026-11-24T03:05:57Z",
    "26-11-24T03:05:57Z",
    "2026-1-24T03:05:57Z",
    "2026-11-24T3:05:57Z",
    " 2026-11-24T03:05:57Z",
    "2026-11-24T03:05:57Z ",
    "2026/11/24T03:05:57Z",
    "yesterday",
};

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof DATES / sizeof *DATES; i++) {
        struct scim_date date;
        if (!scim_date_read(span_of(DATES[i].text), &date) || date.seconds != DATES[i].seconds ||
            date.nanoseconds != DATES[i].nanoseconds) {
            fail_msg("%s: %lld.%d", DATES[i].text, (long long)date.seconds, date.nanoseconds);
        }
    }
}

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        struct scim_date date;
        if (scim_date_read(span_of(WRONG[i]), &date)) {
            fail_msg("taken: %s", WRONG[i]);
        }
    }
}

/* Every day of 400 years, as the C library counts them. */
static void test_days(void **state)
{
    (void)state;
    for (int64_t day = -100000; day < 46097; day++) {
        char text[64];
        struct tm parts;
        struct scim_date date;
        time_t seconds = (time_t)(day * 86400 + 3723);
        assert_non_null(gmtime_r(&seconds, &parts));
        assert_true(strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0);
        if (!scim_date_read(span_of(text), &date) || date.seconds != seconds) {
            fail_msg("%s: %lld", text, (long long)date.seconds);
        }
    }
}

static void test_compare(void **state)
{
    (void)state;
    const struct scim_date early = {1, 5}, later = {1, 6}, last = {2, 0};
    assert_int_equal(scim_date_compare(early, early), 0);
    assert_true(scim_date_compare(early, later) < 0 && scim_date_compare(later, early) > 0);
    assert_true(scim_date_compare(later, last) < 0 && scim_date_compare(last, later) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
