/* finding.c - what a check of a token, a provider or a whole system found. */
#include "base/finding.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

static const char DIGITS[] = "0123456789abcdef", CUT[] = "...";

struct finding_list finding_list_empty(void)
{
    return (struct finding_list){0};
}

void finding_list_done(struct finding_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        memory_free(list->items[i].text);
        memory_free(list->items[i].remedy);
    }
    memory_free(list->items);
    *list = finding_list_empty();
}

/* How many bytes the character at the front has; 0 when these bytes are no character of UTF-8. */
static size_t character(struct span text)
{
    for (size_t length = 1; length <= 4 && length <= text.length; length++) {
        if (text_utf8(span_first(text, length))) {
            return length;
        }
    }
    return 0;
}

/* C0, DEL, and C1 as UTF-8 has them (C2 80 to C2 9F), which move a terminal's cursor as well. */
static bool is_control(struct span text)
{
    int first = span_at(text, 0), second = span_at(text, 1);
    return first < 0x20 || first == 0x7f || (first == 0xc2 && second >= 0x80 && second <= 0x9f);
}

/* Moves one character, or one byte that is none, over; false when there is no more room for it. */
static bool move_one(struct span *rest, struct buffer *line)
{
    size_t length = character(*rest);
    if (length > 0 && !is_control(*rest)) {
        buffer_add(line, span_first(*rest, length));
        *rest = span_from(*rest, length);
    } else {
        unsigned char byte = (unsigned char)rest->at[0];
        char escape[4] = {'\\', 'x', DIGITS[byte >> 4], DIGITS[byte & 15]};
        buffer_add(line, span_bytes(escape, sizeof escape));
        *rest = span_from(*rest, 1);
    }
    return !buffer_full(line);
}

/* One line that is safe to print: text from outside must not steer a terminal. */
static char *safe_line(const char *text)
{
    CLEANUP(buffer_done) struct buffer line = buffer_limited(FINDING_TEXT_MAX - (sizeof CUT - 1));
    struct span rest = span_of(text);
    size_t whole = 0;
    while (!span_empty(rest) && move_one(&rest, &line)) {
        whole = line.length;
    }
    char *safe = memory_new(1, whole + sizeof CUT);
    snprintf(safe, whole + sizeof CUT, "%.*s%s", (int)whole, line.at == NULL ? "" : line.at,
             buffer_full(&line) ? CUT : "");
    return safe;
}

__attribute__((format(printf, 5, 0))) static void add(struct finding_list *list,
                                                      enum finding_level level, const char *code,
                                                      const char *remedy, const char *format,
                                                      va_list arguments)
{
    /* Longer than any line we keep, so that a character that is cut here is never shown. */
    char text[FINDING_TEXT_MAX + 8];
    if (list == NULL || list->count == FINDING_COUNT_MAX) {
        return;
    }
    vsnprintf(text, sizeof text, format, arguments);
    list->items = memory_resize(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] =
        (struct finding){level, code, safe_line(text), remedy == NULL ? NULL : safe_line(remedy)};
}

void finding_good(struct finding_list *list, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(list, FINDING_GOOD, code, NULL, format, arguments);
    va_end(arguments);
}

void finding_skipped(struct finding_list *list, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(list, FINDING_SKIPPED, code, NULL, format, arguments);
    va_end(arguments);
}

void finding_warning(struct finding_list *list, const char *code, const char *remedy,
                     const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(list, FINDING_WARNING, code, remedy, format, arguments);
    va_end(arguments);
}

void finding_bad(struct finding_list *list, const char *code, const char *remedy,
                 const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(list, FINDING_BAD, code, remedy, format, arguments);
    va_end(arguments);
}

enum finding_level finding_worst(const struct finding_list *list)
{
    enum finding_level worst = FINDING_GOOD;
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        worst = list->items[i].level > worst ? list->items[i].level : worst;
    }
    return worst;
}

const char *finding_level_name(enum finding_level level)
{
    static const char *const NAMES[] = {"ok", "skipped", "warning", "bad"};
    return NAMES[level];
}
