/* log.c - one event, one line. */
#include "base/log.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <string.h>

struct log_field log_span(const char *name, struct span value)
{
    return (struct log_field){.name = name, .kind = LOG_SPAN, .span = value};
}

struct log_field log_text(const char *name, const char *value)
{
    return log_span(name, span_of(value));
}

struct log_field log_number(const char *name, int64_t value)
{
    return (struct log_field){.name = name, .kind = LOG_NUMBER, .number = value};
}

static bool plain(unsigned char byte)
{
    return byte > 0x20 && byte < 0x7f && byte != '"' && byte != '\\' && byte != '=';
}

static bool needs_quotes(struct span value)
{
    for (size_t i = 0; i < value.length; i++) {
        if (!plain((unsigned char)value.at[i])) {
            return true;
        }
    }
    return false;
}

static void add_byte(struct buffer *line, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    if (byte == ' ' || byte == '=' || plain(byte)) {
        buffer_add_byte(line, (char)byte);
        return;
    }
    char escape[4] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    buffer_add(line, span_bytes(escape, sizeof escape));
}

static void add_escaped(struct buffer *line, struct span value)
{
    for (size_t i = 0; i < value.length; i++) {
        add_byte(line, (unsigned char)value.at[i]);
    }
}

static void add_value(struct buffer *line, struct span value)
{
    bool cut = value.length > LOG_VALUE_MAX;
    value = span_first(value, LOG_VALUE_MAX);
    const char *quote = needs_quotes(value) ? "\"" : "", *more = cut ? "..." : "";
    buffer_add_text(line, quote);
    if (*quote == '\0') {
        buffer_add(line, value);
    } else {
        add_escaped(line, value);
    }
    buffer_add_text(line, more);
    buffer_add_text(line, quote);
}

static void add_field(struct buffer *line, const struct log_field *field)
{
    if (field->kind == LOG_SPAN && span_empty(field->span)) {
        return;
    }
    buffer_add_byte(line, ' ');
    buffer_add_text(line, field->name);
    buffer_add_byte(line, '=');
    if (field->kind == LOG_NUMBER) {
        buffer_add_number(line, field->number);
    } else {
        add_value(line, field->span);
    }
}

void log_write(const struct log *log, enum log_level level, const char *event,
               const struct log_field *fields)
{
    if (level > log->level || log->sink == NULL) {
        return;
    }
    CLEANUP(buffer_done) struct buffer line = buffer_limited(LOG_LINE_MAX);
    buffer_add_text(&line, event);
    for (; fields->kind != LOG_END; fields++) {
        add_field(&line, fields);
    }
    log->sink(level, buffer_span(&line), log->context);
}
