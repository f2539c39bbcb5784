/* stack_check.h - the mail servers' configuration, judged by their own tools. */
#ifndef CONFIG_STACK_CHECK_H
#define CONFIG_STACK_CHECK_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

/* What stack_files_render() wrote to `root`, by `postconf`, `postfix check` and `doveconf`. Complaints of theirs are
 * part of the error. Only for root: `postfix check` looks at owners. May take some seconds. */
bool stack_check(const char *root, struct error *error);

/* Whether Dovecot's own auth service is switched off: every listener of `service auth` that `doveconf`, reading the
 * file `config`, lists has mode 0 (a network listener: port 0). The error names the first that is not. */
enum stack_check_dovecot {
    STACK_CHECK_FAILED, /* doveconf cannot read it: the error says why */
    STACK_CHECK_ON,     /* it would start, and take the sockets */
    STACK_CHECK_OFF,
    STACK_CHECK_ABSENT, /* Dovecot is not installed */
};
enum stack_check_dovecot stack_check_dovecot(const char *config, struct error *error);
/* The judgement alone, of doveconf's output. */
enum stack_check_dovecot stack_check_listeners(struct span doveconf, struct error *error);

#endif
