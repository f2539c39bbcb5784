/* stack_files.h - the configuration of Postfix and Dovecot, rendered from postern.conf into a directory.
 *
 * The templates (share/stack/ in the sources) are part of the program. @NAME@ is replaced by a variable's
 * value; lines between `@if NAME@` and `@end@` stay when it is not empty; lines that begin with `@#` are
 * dropped. A value with a line end in it, or a variable that nobody knows, is an error. */
#ifndef CONFIG_STACK_FILES_H
#define CONFIG_STACK_FILES_H

#include "config/config.h"

/* Writes <root>/postfix/main.cf, <root>/postfix/master.cf and <root>/dovecot.conf, each at once by a rename;
 * makes <root>/postfix if need be. `root` must exist. */
bool stack_files_render(const struct config *config, const char *root, struct error *error);
/* The rules above alone: `text` with its variables, to `out`. `name` is the template's, for messages. */
struct stack_files_variable {
    const char *name, *value; /* value: NULL is empty */
};
bool stack_files_expand(const char *name, struct span text,
                        const struct stack_files_variable *variables, size_t count,
                        struct buffer *out, struct error *error);

#endif
