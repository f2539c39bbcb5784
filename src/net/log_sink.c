/* log_sink.c - where log lines go: stderr (also journald's) or syslog, never waiting. */
#include "net/log_sink.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum {
    PIPE_BYTES = 4096, /* PIPE_BUF: a pipe that polls writable takes as much at once */
    RETRY_MS = 10, /* a syslog socket may hold no more than 10 lines (net.unix.max_dgram_qlen) */
};

struct log_sink {
    struct loop *loop;
    struct loop_later flush;
    struct loop_timer *retry;
    /* Sends from the front of `lines`; how many bytes are done with, 0 when it would have to wait. */
    size_t (*send)(struct log_sink *sink, struct span lines);
    void (*head)(struct log_sink *sink, enum log_level level);
    struct buffer waiting; /* finished lines, each with its "\n" */
    uint64_t dropped;
    uint64_t unreported; /* of them */
    bool is_socket;      /* stderr */
    size_t piece_max;    /* stderr: bytes of one write */
    int fd;              /* syslog; -1 while it is away */
    struct sockaddr_un address;
    char ident[64];
    time_t stamped; /* the second that `stamp` tells */
    char stamp[32];
};

static int severity(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return LOG_ERR;
    case LOG_LEVEL_WARNING:
        return LOG_WARNING;
    case LOG_LEVEL_INFO:
        return LOG_INFO;
    case LOG_LEVEL_DEBUG:
        return LOG_DEBUG;
    }
    return LOG_ERR;
}

/* -- any sink -- */

static bool add_line(struct log_sink *sink, enum log_level level, struct span line)
{
    line = span_first(line, LOG_LINE_MAX);
    if (sink->waiting.length + line.length + PIPE_BYTES / 2 > LOG_SINK_WAITING_MAX) {
        return false;
    }
    sink->head(sink, level);
    buffer_add(&sink->waiting, line);
    buffer_add_byte(&sink->waiting, '\n');
    return true;
}

static void report_dropped(struct log_sink *sink)
{
    char text[64];
    int length =
        snprintf(text, sizeof text, "log_dropped count=%llu", (unsigned long long)sink->unreported);
    if (add_line(sink, LOG_LEVEL_WARNING, span_bytes(text, (size_t)length))) {
        sink->unreported = 0;
    }
}

void log_sink_flush(struct log_sink *sink)
{
    while (sink->waiting.length > 0) {
        size_t sent = sink->send(sink, buffer_span(&sink->waiting));
        if (sent == 0) {
            loop_timer_set(sink->retry, RETRY_MS);
            break;
        }
        buffer_drop(&sink->waiting, sent);
        if (sink->unreported > 0) {
            report_dropped(sink);
        }
    }
}

static void on_flush(void *context)
{
    log_sink_flush(context);
}

void log_sink_write(enum log_level level, struct span line, void *context)
{
    struct log_sink *sink = context;
    if (!add_line(sink, level, line)) {
        sink->dropped++;
        sink->unreported++;
    }
    /* What does not take lines is not asked again at every turn. */
    if (!loop_timer_pending(sink->retry)) {
        loop_later_at_flush(sink->loop, &sink->flush);
    }
}

uint64_t log_sink_dropped(const struct log_sink *sink)
{
    return sink->dropped;
}

static struct log_sink *sink_new(struct loop *loop)
{
    struct log_sink *sink = MEMORY_NEW(struct log_sink);
    sink->loop = loop;
    sink->fd = -1;
    sink->waiting = buffer_limited(LOG_SINK_WAITING_MAX);
    sink->retry = loop_timer_new(loop, on_flush, sink);
    loop_later_init(&sink->flush, on_flush, sink);
    return sink;
}

void log_sink_free(struct log_sink *sink)
{
    if (sink == NULL) {
        return;
    }
    log_sink_flush(sink);
    loop_later_cancel(&sink->flush);
    loop_timer_free(sink->retry);
    if (sink->fd >= 0) {
        close(sink->fd);
    }
    buffer_done(&sink->waiting);
    memory_free(sink);
}

/* -- standard error -- */

/* The calendar is asked once a second, not for every line. `tell` writes the stamp of that second. */
static const char *stamp(struct log_sink *sink,
                         void (*tell)(time_t second, char *text, size_t size))
{
    time_t second = (time_t)loop_wall(sink->loop);
    if (sink->stamp[0] == '\0' || second != sink->stamped) {
        tell(second, sink->stamp, sizeof sink->stamp);
        sink->stamped = second;
    }
    return sink->stamp;
}

/* sd-daemon(3): journald takes the priority from the front of the line. */
static void head_journal(struct log_sink *sink, enum log_level level)
{
    buffer_format(&sink->waiting, "<%d>", severity(level));
}

static void tell_iso(time_t second, char *text, size_t size)
{
    struct tm when;
    gmtime_r(&second, &when);
    strftime(text, size, "%Y-%m-%dT%H:%M:%S", &when);
}

static void head_plain(struct log_sink *sink, enum log_level level)
{
    (void)level;
    buffer_format(&sink->waiting, "%s.%03dZ ", stamp(sink, tell_iso),
                  (int)(loop_wall_ms(sink->loop) % 1000));
}

/* Whole lines only, so that what others write to the same pipe falls between them. */
static struct span piece_of(const struct log_sink *sink, struct span lines)
{
    struct span piece = span_first(lines, sink->piece_max);
    size_t end = span_find_last(piece, '\n');
    return end < piece.length ? span_first(piece, end + 1) : piece;
}

/* The descriptor is shared with others (a shell, the parent): O_NONBLOCK would be theirs too. So a
 * socket is asked not to wait, a pipe or terminal is offered what it is sure to take, and a file
 * does not wait. */
static size_t send_stderr(struct log_sink *sink, struct span lines)
{
    ssize_t length = 0;
    if (sink->is_socket) {
        length = send(STDERR_FILENO, lines.at, lines.length, MSG_DONTWAIT | MSG_NOSIGNAL);
        return length > 0 ? (size_t)length : 0;
    }
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&ready, 1, 0) == 1 && (ready.revents & (POLLERR | POLLNVAL)) == 0) {
        struct span piece = piece_of(sink, lines);
        length = write(STDERR_FILENO, piece.at, piece.length);
    }
    return length > 0 ? (size_t)length : 0;
}

struct log_sink *log_sink_new_stderr(struct loop *loop, bool journal)
{
    struct log_sink *sink = sink_new(loop);
    struct stat what = {0};
    (void)fstat(STDERR_FILENO, &what);
    sink->is_socket = S_ISSOCK(what.st_mode);
    sink->piece_max = S_ISREG(what.st_mode) ? LOG_SINK_WAITING_MAX : PIPE_BYTES;
    sink->send = send_stderr;
    sink->head = journal ? head_journal : head_plain;
    return sink;
}

/* -- syslog -- */

/* RFC 3164, 4.1: <PRI>Mmm dd hh:mm:ss TAG[PID]: in local time; the host is the receiver's to add. */
static void tell_local(time_t second, char *text, size_t size)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm when;
    localtime_r(&second, &when);
    snprintf(text, size, "%s %2d %02d:%02d:%02d", months[when.tm_mon], when.tm_mday, when.tm_hour,
             when.tm_min, when.tm_sec);
}

static void head_syslog(struct log_sink *sink, enum log_level level)
{
    buffer_format(&sink->waiting, "<%d>%s %s[%d]: ", LOG_MAIL | severity(level),
                  stamp(sink, tell_local), sink->ident, (int)getpid());
}

static void reconnect(struct log_sink *sink)
{
    if (sink->fd >= 0) {
        close(sink->fd);
    }
    sink->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&sink->address;
    if (sink->fd >= 0 && connect(sink->fd, address, sizeof sink->address) != 0) {
        close(sink->fd);
        sink->fd = -1;
    }
}

static bool send_datagram(struct log_sink *sink, struct span line)
{
    return sink->fd >= 0 && send(sink->fd, line.at, line.length, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* A restarted syslogd is a new socket behind the old path: one more try there. */
static bool send_line(struct log_sink *sink, struct span line)
{
    if (send_datagram(sink, line)) {
        return true;
    }
    if (sink->fd >= 0 && (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)) {
        return false;
    }
    reconnect(sink);
    return send_datagram(sink, line);
}

static size_t send_syslog(struct log_sink *sink, struct span lines)
{
    struct span rest = lines, line;
    size_t sent = 0;
    while (rest.length > 0 && span_cut(&rest, '\n', &line) && send_line(sink, line)) {
        sent += line.length + 1;
    }
    return sent;
}

struct log_sink *log_sink_new_syslog(struct loop *loop, const char *path, const char *ident)
{
    struct log_sink *sink = sink_new(loop);
    sink->send = send_syslog;
    sink->head = head_syslog;
    sink->address.sun_family = AF_UNIX;
    bool fits = span_fits(span_of(path), sink->address.sun_path, sizeof sink->address.sun_path) &&
                span_fits(span_of(ident), sink->ident, sizeof sink->ident);
    assert(fits);
    (void)fits;
    tzset();
    reconnect(sink);
    return sink;
}
