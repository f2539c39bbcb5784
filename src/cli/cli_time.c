/* cli_time.c - spans of time and moments, as people write them. */
#include "cli/cli_time.h"

#include "base/span.h"

#include <time.h>

#define SPAN_MAX (INT64_C(36525) * 24 * 3600)

bool cli_time_span(const char *text, int64_t *seconds)
{
    static const struct {
        char name;
        int64_t seconds;
    } UNITS[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 24 * 3600}, {'w', 7 * 24 * 3600}};
    struct span whole = span_of(text);
    uint64_t number;
    if (span_is(whole, "0")) {
        *seconds = 0;
        return true;
    }
    for (size_t i = 0; !span_empty(whole) && i < sizeof UNITS / sizeof *UNITS; i++) {
        if (whole.at[whole.length - 1] == UNITS[i].name &&
            span_number(span_first(whole, whole.length - 1), SPAN_MAX, &number)) {
            *seconds = (int64_t)number * UNITS[i].seconds;
            return *seconds <= SPAN_MAX;
        }
    }
    return false;
}

static bool parse(const char *text, const char *format, int64_t *seconds)
{
    struct tm parts = {.tm_mday = 1};
    const char *end = strptime(text, format, &parts);
    if (end == NULL || *end != '\0' || span_of(text).length > 20) {
        return false;
    }
    *seconds = timegm(&parts);
    return true;
}

bool cli_time_read(const char *text, int64_t *seconds)
{
    return parse(text, "%Y-%m-%dT%H:%M:%SZ", seconds);
}

bool cli_time_since(const char *text, int64_t now, int64_t *seconds)
{
    static const char *const FORMS[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%MZ",
                                        "%Y-%m-%dT%H:%M:%S"};
    int64_t before;
    if (cli_time_span(text, &before)) {
        *seconds = now - before;
        return true;
    }
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        if (parse(text, FORMS[i], seconds)) {
            return true;
        }
    }
    return cli_time_read(text, seconds);
}
