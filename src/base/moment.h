/* moment.h - the two kinds of time, told apart by their types.
 *
 * A `struct moment` is monotonic: deadlines, delays, ages. Wall time is a plain int64_t of seconds since
 * 1970: `exp`, `nbf`, what is stored and shown. Neither converts to the other. */
#ifndef BASE_MOMENT_H
#define BASE_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

struct moment {
    int64_t ms;
};

static inline struct moment moment_after(struct moment moment, int64_t ms)
{
    return (struct moment){moment.ms + ms};
}

static inline int64_t moment_since(struct moment now, struct moment then)
{
    return now.ms - then.ms;
}

static inline bool moment_reached(struct moment now, struct moment deadline)
{
    return now.ms >= deadline.ms;
}

static inline struct moment moment_earlier(struct moment a, struct moment b)
{
    return a.ms < b.ms ? a : b;
}

#endif
