/* finding.h - what a check of a token, a provider or a whole system found: for `postern token check`,
 * `postern provider test` and `postern doctor`.
 *
 * Each has a stable code (listed in docs/findings.md), one line of what was seen and what was expected, and
 * one line of remedy. Texts may quote what came from outside: control bytes and what is not UTF-8 are escaped here,
 * and lines are cut at FINDING_TEXT_MAX. No token and no secret is ever part of one. */
#ifndef BASE_FINDING_H
#define BASE_FINDING_H

#include <stdbool.h>
#include <stddef.h>

enum finding_level {
    FINDING_GOOD,    /* checked and as it should be */
    FINDING_SKIPPED, /* could not be checked, or does not apply: `text` says why */
    FINDING_WARNING, /* works, but leaves something open */
    FINDING_BAD,     /* keeps people out, or lets the wrong ones in */
};

enum { FINDING_TEXT_MAX = 400, FINDING_COUNT_MAX = 500 };

struct finding {
    enum finding_level level;
    const char *code; /* a literal: "token-expired" */
    char *text;       /* what was seen, what was expected */
    char *remedy;     /* what to do, down to the value to paste; NULL for GOOD and SKIPPED */
};

struct finding_list {
    struct finding *items;
    size_t count;
};

struct finding_list finding_list_empty(void);
void finding_list_done(struct finding_list *list); /* for CLEANUP() */
/* Beyond FINDING_COUNT_MAX nothing is added. A NULL `list` is fine everywhere: nobody asked. */
void finding_good(struct finding_list *list, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void finding_skipped(struct finding_list *list, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* `remedy` is a finished text; `format` makes the text. */
void finding_warning(struct finding_list *list, const char *code, const char *remedy,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
void finding_bad(struct finding_list *list, const char *code, const char *remedy,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
enum finding_level finding_worst(const struct finding_list *list);
const char *finding_level_name(enum finding_level level); /* "ok", "skipped", "warning", "bad" */

#endif
