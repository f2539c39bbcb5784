/* doctor_doveconf.c - Dovecot's configuration as doveconf prints it. */
#include "cli/doctor_doveconf.h"

bool doctor_doveconf_next(struct span *rest, size_t *depth, struct span *name, struct span *value)
{
    struct span line;
    while (!span_empty(*rest) && span_cut(rest, '\n', &line)) {
        line = span_trim(line);
        size_t equals = span_find(line, '=');
        if (span_ends(line, "{")) {
            (*depth)++;
        } else if (span_is(line, "}")) {
            *depth -= *depth > 0 ? 1 : 0;
        } else if (equals < line.length && span_at(line, 0) != '#') {
            *name = span_trim(span_first(line, equals));
            *value = span_trim(span_from(line, equals + 1));
            return true;
        }
    }
    return false;
}

struct span doctor_doveconf_value(struct span doveconf, const char *wanted)
{
    struct span name, value;
    size_t depth = 0;
    while (doctor_doveconf_next(&doveconf, &depth, &name, &value)) {
        if (depth == 0 && span_is(name, wanted)) {
            return value;
        }
    }
    return (struct span){0};
}
