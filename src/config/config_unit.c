/* config_unit.c - durations as people write them, and how many processors there are. */
#include "config/config_unit.h"

#include <sched.h>

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}};

/* Up to a day in hours, as people say it. */
void config_unit_print(int64_t ms, struct buffer *text)
{
    size_t best = 0, count = sizeof(units) / sizeof(units[0]);
    for (size_t i = 0; i < count; i++) {
        bool fits = ms > 0 && ms % units[i].ms == 0;
        if (fits && (i + 1 < count || ms > units[i].ms)) {
            best = i;
        }
    }
    buffer_add_number(text, ms / units[best].ms);
    buffer_add_text(text, units[best].name);
}

bool config_unit_duration(struct span text, int64_t *ms)
{
    size_t digits = 0;
    while (span_at(text, digits) >= '0' && span_at(text, digits) <= '9') {
        digits++;
    }
    uint64_t number;
    if (!span_number(span_first(text, digits), INT32_MAX, &number)) {
        return false;
    }
    struct span unit = span_from(text, digits);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (span_is(unit, units[i].name)) {
            *ms = (int64_t)number * units[i].ms;
            return true;
        }
    }
    *ms = 0;
    return number == 0 && span_empty(unit);
}

int64_t config_unit_spare_processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) != 0) {
        return 0;
    }
    return CPU_COUNT(&set) > 1 ? CPU_COUNT(&set) - 1 : 0;
}
