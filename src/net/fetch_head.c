/* fetch_head.c - what the head of an answer says about how long it may be kept (RFC 9111, 5.2). */
#include "net/fetch_head.h"

/* RFC 9111, 5.2: both the token and the quoted form are to be understood; 1.2.2: too large is "for ever". */
static bool read_seconds(struct span text, int64_t *seconds)
{
    uint64_t number = 0;
    if (text.length >= 2 && span_at(text, 0) == '"' && span_ends(text, "\"")) {
        text = span_from(span_first(text, text.length - 1), 1);
    }
    while (text.length > 1 && span_at(text, 0) == '0') {
        text = span_from(text, 1);
    }
    for (size_t i = 0; i < text.length; i++) {
        if (span_at(text, i) < '0' || span_at(text, i) > '9') {
            return false;
        }
    }
    if (span_empty(text)) {
        return false;
    }
    *seconds =
        span_number(text, FETCH_HEAD_AGE_MAX, &number) ? (int64_t)number : FETCH_HEAD_AGE_MAX;
    return true;
}

/* no-cache="field" is about single fields only, but asks for care all the same. */
static int64_t directive_age(struct span directive)
{
    size_t equals = span_find(directive, '=');
    struct span name = span_trim(span_first(directive, equals));
    int64_t seconds = -1;
    if (span_is_fold(name, "no-store") || span_is_fold(name, "no-cache")) {
        return 0;
    }
    if (equals < directive.length && span_is_fold(name, "max-age")) {
        (void)read_seconds(span_trim(span_from(directive, equals + 1)), &seconds);
    }
    return seconds;
}

int64_t fetch_head_max_age(struct span cache_control, int64_t so_far)
{
    struct span directive;
    while (span_cut(&cache_control, ',', &directive)) {
        int64_t age = directive_age(directive);
        if (age >= 0 && (so_far < 0 || age < so_far)) {
            so_far = age;
        }
    }
    return so_far;
}
