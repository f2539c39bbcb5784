/* error.h - why something failed, in one line for an admin: what, where, and what to do.
 *
 * A "no" is an answer (an enum); a failure is `false` and a filled struct error. Whoever gets an
 * error returns it or logs it, never both. No secret and no token is ever part of one. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

enum { ERROR_MAX = 512 };

struct error {
    char text[ERROR_MAX];
};

/* Fills `error` (cut at its size, between two characters) and returns false, so that a function can `return error_set(…)`. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool error_set_all(struct error *error, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
/* Puts a text in front: "postern.conf: " + what was there. Returns false. */
bool error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
