/* log_sink.h - where log lines go: stderr (also journald's) or syslog, never waiting.
 *
 * Lines are collected and leave once a turn: one non-blocking write (stderr; a pipe takes 4 KiB each)
 * or one non-blocking datagram each (syslog, RFC 3164 form, facility mail). What is not taken waits,
 * up to LOG_SINK_WAITING_MAX bytes, and is tried again every 10 ms. What does not fit is dropped and
 * counted; the count is reported as `log_dropped count=N` when lines get through again. */
#ifndef NET_LOG_SINK_H
#define NET_LOG_SINK_H

#include "base/log.h"
#include "net/loop.h"

enum { LOG_SINK_WAITING_MAX = 128 * 1024 };

struct log_sink;

/* To standard error: "<N>" priority prefixes when `journal` (sd-daemon(3)), plain lines with a time stamp otherwise. */
struct log_sink *log_sink_new_stderr(struct loop *loop, bool journal);
/* To the datagram socket at `path` (at most 107 bytes), usually /dev/log; reconnects when it went
 * away. `ident`: at most 63 bytes. */
struct log_sink *log_sink_new_syslog(struct loop *loop, const char *path, const char *ident);
/* For struct log: { .sink = log_sink_write, .context = sink }. */
void log_sink_write(enum log_level level, struct span line, void *context);
/* now, as far as it goes without waiting; before an exit */
void log_sink_flush(struct log_sink *sink);
uint64_t log_sink_dropped(const struct log_sink *sink);
void log_sink_free(struct log_sink *sink);

#endif
