/* doctor_doveconf.h - Dovecot's configuration as doveconf prints it. */
#ifndef CLI_DOCTOR_DOVECONF_H
#define CLI_DOCTOR_DOVECONF_H

#include "base/span.h"

/* The next line "name = value" of what is left, at any depth; `depth` counts the blocks around it and begins at 0. Comments
 * are no lines. */
bool doctor_doveconf_next(struct span *rest, size_t *depth, struct span *name, struct span *value);
/* A setting outside any block; empty when there is none. */
struct span doctor_doveconf_value(struct span doveconf, const char *wanted);

#endif
