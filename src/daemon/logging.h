/* logging.h - the log of one process, as the configuration wants it. */
#ifndef DAEMON_LOGGING_H
#define DAEMON_LOGGING_H

#include "base/log.h"
#include "config/config.h"
#include "net/loop.h"

struct logging;

/* `foreground`: to standard error in any case. `journal`: standard error is the journal's. */
struct logging *logging_new(struct loop *loop, const struct config *config, bool foreground,
                            bool journal);
const struct log *logging_log(const struct logging *logging);
void logging_set_level(struct logging *logging, enum log_level level);
/* Whether lines go to where `fprintf(stderr)` goes. */
bool logging_is_stderr(const struct logging *logging);
uint64_t logging_dropped(const struct logging *logging); /* lines that did not fit */
void logging_free(struct logging *logging); /* writes what waits, as far as it goes; takes NULL */

#endif
