/* log.h - one event, one line: `event key=value key="value with blanks"`.
 *
 * The event has a fixed name; what varies is a field. Values are escaped here and nowhere else:
 * control bytes, quotes, backslashes and bytes above 0x7e become \xHH inside quotes, values are cut
 * at LOG_VALUE_MAX. A line is at most LOG_LINE_MAX bytes, without its end. The loop's thread only. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/span.h"

enum { LOG_VALUE_MAX = 320, LOG_LINE_MAX = 2000 };

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Takes a finished line; `line` is valid during the call. */
typedef void log_sink_fn(enum log_level level, struct span line, void *context);

struct log {
    log_sink_fn *sink;
    void *context;
    enum log_level level; /* lines above it are not written */
};

enum log_kind { LOG_END, LOG_SPAN, LOG_NUMBER };

struct log_field {
    const char *name; /* a literal: letters, digits, "_" */
    enum log_kind kind;
    struct span span;
    int64_t number;
};

struct log_field log_span(const char *name, struct span value); /* left out when empty */
struct log_field log_text(const char *name, const char *value); /* NULL or "" is left out */
struct log_field log_number(const char *name, int64_t value);

/* At least one field each. */
#define log_error(log, event, ...) \
    log_write((log), LOG_LEVEL_ERROR, (event), LOG_FIELDS(__VA_ARGS__))
#define log_warning(log, event, ...) \
    log_write((log), LOG_LEVEL_WARNING, (event), LOG_FIELDS(__VA_ARGS__))
#define log_info(log, event, ...) log_write((log), LOG_LEVEL_INFO, (event), LOG_FIELDS(__VA_ARGS__))
#define log_debug(log, event, ...) \
    log_write((log), LOG_LEVEL_DEBUG, (event), LOG_FIELDS(__VA_ARGS__))

#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {0}})
void log_write(const struct log *log, enum log_level level, const char *event,
               const struct log_field *fields);

#endif
