/* logging.c - the log of one process, as the configuration wants it. */
#include "daemon/logging.h"

#include "base/memory.h"
#include "net/log_sink.h"

struct logging {
    struct log_sink *sink;
    struct log log;
    bool is_stderr;
};

struct logging *logging_new(struct loop *loop, const struct config *config, bool foreground,
                            bool journal)
{
    struct logging *logging = MEMORY_NEW(struct logging);
    logging->is_stderr = foreground || config->log == CONFIG_LOG_STDERR;
    logging->sink = logging->is_stderr ? log_sink_new_stderr(loop, journal)
                                       : log_sink_new_syslog(loop, config->log_socket, "posternd");
    logging->log = (struct log){log_sink_write, logging->sink, config->log_level};
    return logging;
}

const struct log *logging_log(const struct logging *logging)
{
    return &logging->log;
}

void logging_set_level(struct logging *logging, enum log_level level)
{
    logging->log.level = level;
}

bool logging_is_stderr(const struct logging *logging)
{
    return logging->is_stderr;
}

uint64_t logging_dropped(const struct logging *logging)
{
    return log_sink_dropped(logging->sink);
}

void logging_free(struct logging *logging)
{
    if (logging == NULL) {
        return;
    }
    log_sink_flush(logging->sink);
    log_sink_free(logging->sink);
    memory_free(logging);
}
