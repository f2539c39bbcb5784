/* claims_words.c - what a token and the settings say, in words short enough for a finding. */
#include "token/claims_words.h"

#include "base/buffer.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { SHOWN_MAX = 120, SHOWN_ITEMS_MAX = 4, PASTE_MAX = 200, PASTE_LINE_MAX = 280 };

struct claims_words claims_words_value(struct span value)
{
    struct claims_words words;
    bool cut = value.length > SHOWN_MAX;
    snprintf(words.text, sizeof words.text, "\"%.*s\"%s", (int)(cut ? SHOWN_MAX : value.length),
             value.length == 0 ? "" : value.at, cut ? "..." : "");
    return words;
}

struct claims_words claims_words_text(const struct claims_text *said)
{
    switch (said->presence) {
    case CLAIMS_ABSENT:
        return (struct claims_words){"nothing"};
    case CLAIMS_BAD:
        return (struct claims_words){
            "something unusable (empty, no string, or with control characters)"};
    case CLAIMS_THERE:
        break;
    }
    return claims_words_value(said->text);
}

/* "a", "b" and 3 more */
static void add_shown(struct buffer *out, size_t index, struct span item)
{
    if (index < SHOWN_ITEMS_MAX) {
        buffer_add_text(out, index == 0 ? "" : ", ");
        buffer_add_text(out, claims_words_value(item).text);
    }
}

static struct claims_words end_shown(struct buffer *out, size_t count)
{
    struct claims_words words;
    if (count > SHOWN_ITEMS_MAX) {
        buffer_format(out, " and %zu more", count - SHOWN_ITEMS_MAX);
    }
    snprintf(words.text, sizeof words.text, "%.*s", (int)out->length,
             out->at == NULL ? "" : out->at);
    buffer_done(out);
    return words;
}

struct claims_words claims_words_list(const struct claims_list *list)
{
    struct buffer out = buffer_limited(CLAIMS_WORDS_SIZE - 1);
    if (list->presence == CLAIMS_ABSENT) {
        return (struct claims_words){"nothing"};
    }
    if (list->presence == CLAIMS_BAD) {
        return (struct claims_words){"something unusable (empty, or not only strings)"};
    }
    for (size_t i = 0; i < list->count; i++) {
        add_shown(&out, i, list->items[i]);
    }
    return end_shown(&out, list->count);
}

struct claims_words claims_words_setting(char *const *list)
{
    struct buffer out = buffer_limited(CLAIMS_WORDS_SIZE - 1);
    size_t count = 0;
    for (; list != NULL && list[count] != NULL; count++) {
        add_shown(&out, count, span_of(list[count]));
    }
    return end_shown(&out, count);
}

/* "90 s", "12 min", "3 h", "2 days" */
struct claims_words claims_words_time(int64_t seconds)
{
    struct claims_words words;
    int64_t length = seconds < 0 ? -seconds : seconds;
    static const struct {
        int64_t from, unit;
        const char *name;
    } UNITS[] = {{172800, 86400, "days"}, {7200, 3600, "h"}, {120, 60, "min"}, {0, 1, "s"}};
    size_t i = 0;
    while (length < UNITS[i].from) {
        i++;
    }
    snprintf(words.text, sizeof words.text, "%" PRId64 " %s", length / UNITS[i].unit,
             UNITS[i].name);
    return words;
}

/* A value from a token that an admin may paste between quotes: nothing in it ends the quotes or hides. */
static bool can_paste(struct span value)
{
    return value.length <= PASTE_MAX && text_printable_ascii(value) && !span_has(value, '"') &&
           !span_has(value, '\\') && !span_has(value, '$');
}

/* `audiences = { "what is set", "what was seen" }`, or words where the value is none to paste. */
struct claims_words claims_words_paste(const char *name, char *const *set, struct span value)
{
    struct claims_words words;
    struct buffer line = buffer_limited(CLAIMS_WORDS_SIZE - 1);
    for (size_t i = 0; set != NULL && set[i] != NULL; i++) {
        buffer_format(&line, " \"%s\",", set[i]);
    }
    if (!can_paste(value)) {
        snprintf(words.text, sizeof words.text, "add the value to %s of this provider", name);
    } else if (buffer_full(&line) || line.length + value.length > PASTE_LINE_MAX) {
        snprintf(words.text, sizeof words.text, "add \"%.*s\" to %s", (int)value.length, value.at,
                 name);
    } else {
        snprintf(words.text, sizeof words.text, "%s = {%.*s \"%.*s\" }", name, (int)line.length,
                 line.at == NULL ? "" : line.at, (int)value.length, value.at);
    }
    buffer_done(&line);
    return words;
}

struct claims_words claims_words_format(const char *format, ...)
{
    struct claims_words words;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words.text, sizeof words.text, format, arguments);
    va_end(arguments);
    return words;
}
