/* stack_tool.h - a program of the mail servers (doveconf, postconf …), run to its end: what it said, and how it ended. */
#ifndef CONFIG_STACK_TOOL_H
#define CONFIG_STACK_TOOL_H

#include "base/buffer.h"
#include "base/error.h"

enum { STACK_TOOL_ABSENT = 127 }; /* as a shell says it */

struct stack_tool {
    const char *const *words; /* the program first; NULL-terminated */
    struct buffer said;       /* standard output */
    struct buffer complained; /* standard error */
    int status; /* exit status, STACK_TOOL_ABSENT, or -1: killed by a signal or by us */
};

/* Runs it with an environment of its own, nothing on standard input, and 30 s. false and an error: it could not
 * even be begun with. stack_tool_done() in any case. */
bool stack_tool_run(struct stack_tool *tool, const char *const *words, struct error *error);
/* The first line of what it complained, or of what it said. Returns false. */
bool stack_tool_complain(const struct stack_tool *tool, struct error *error);
void stack_tool_done(struct stack_tool *tool); /* for CLEANUP() */

#endif
