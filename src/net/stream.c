/* stream.c - one connection: bytes in, bytes out, nothing known of their meaning. */
#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/secret.h"

enum {
    READ_BYTES = 64 * 1024,
    WRITE_BYTES = 64 * 1024, /* at once: whoever else waits for the loop comes in between */
    PLAIN_BYTES = 16 * 1024,
    FINISH_MS = 5000,
    LINGER_MS = 1000,
};

enum stream_state {
    STREAM_OPEN,
    STREAM_FINISHING, /* writes what is left */
    STREAM_LINGERING, /* all written: waits for the peer to close */
    STREAM_ENDED,     /* end() was called, or will be by whoever set this */
};

struct stream {
    struct loop *loop;
    int fd;
    struct loop_watch *watch;
    struct stream_events events;
    void *context;
    size_t input_max;
    enum stream_state state;
    bool held;      /* by the owner */
    bool unoffered; /* `in` has bytes that the owner has not seen since a pause */
    bool blocked;   /* the rest of the output waits for the socket, or for its turn */
    bool freed;     /* by the owner, while `depth` callbacks of ours are below it */
    unsigned depth;
    struct buffer in; /* what the owner left over */
    struct buffer out;
    size_t sent; /* bytes of `out` that are gone already */
    struct loop_later offer, flush;
    struct loop_timer *deadline; /* of finishing */
    struct stream_peer peer;
    struct stream_tls *tls; /* NULL: plain */
};

/* All streams of a thread read into this; only what is left over is copied. */
static _Thread_local char landing[READ_BYTES];

static bool paused(const struct stream *stream)
{
    return stream->held || stream_waiting(stream) > STREAM_OUTPUT_PAUSE;
}

static bool may_offer(const struct stream *stream)
{
    return !stream->freed && stream->state == STREAM_OPEN && !paused(stream);
}

static void update_watch(struct stream *stream)
{
    bool reads = (may_offer(stream) && !stream->unoffered) || stream->state == STREAM_LINGERING;
    loop_watch_set(stream->watch, (reads ? LOOP_READ : 0) | (stream->blocked ? LOOP_WRITE : 0));
}

/* -- the end -- */

static void shut(struct stream *stream)
{
    if (stream->fd < 0) {
        return;
    }
    loop_watch_free(stream->watch);
    loop_timer_free(stream->deadline);
    loop_later_cancel(&stream->offer);
    loop_later_cancel(&stream->flush);
    close(stream->fd);
    stream->watch = NULL;
    stream->deadline = NULL;
    stream->fd = -1;
}

static void wipe(struct stream *stream)
{
    stream_tls_free(stream->tls);
    stream->tls = NULL;
    buffer_wipe(&stream->in);
    buffer_wipe(&stream->out);
    stream->sent = 0;
}

static void leave(struct stream *stream)
{
    stream->depth--;
    if (stream->depth == 0 && stream->freed) {
        wipe(stream);
        memory_free(stream);
    }
}

/* Not while the owner is inside input(): it may still look at the bytes. */
static void end(struct stream *stream, enum stream_end how)
{
    if (stream->state != STREAM_OPEN) {
        how = STREAM_CLOSED;
    }
    stream->state = STREAM_ENDED;
    shut(stream);
    wipe(stream);
    stream->events.end(how, stream->context);
}

void stream_free(struct stream *stream)
{
    if (stream == NULL) {
        return;
    }
    assert(!stream->freed);
    shut(stream);
    stream->freed = true;
    stream->depth++;
    leave(stream);
}

static bool send_some(struct stream *stream);

/* -- input -- */

/* Hands `bytes` to the owner for as long as it takes some. Returns how many were used up;
 * `*too_long` when a full input_max did not suffice it. */
static size_t offer(struct stream *stream, struct span bytes, bool *too_long)
{
    size_t used = 0;
    stream->unoffered = false;
    while (used < bytes.length) {
        if (!may_offer(stream)) {
            stream->unoffered = true;
            break;
        }
        struct span slice = span_first(span_from(bytes, used), stream->input_max);
        size_t taken = stream->events.input(slice, stream->context);
        assert(taken <= slice.length);
        used += taken;
        if (taken == 0) {
            *too_long = slice.length == stream->input_max;
            break;
        }
    }
    return used;
}

/* Keeps what the owner left of `bytes`, unless it is done with the stream. */
static void settle(struct stream *stream, bool too_long)
{
    if (stream->freed || stream->state == STREAM_ENDED) {
        return;
    }
    if (stream->state != STREAM_OPEN) {
        buffer_wipe(&stream->in);
    } else if (too_long && !stream->held) {
        end(stream, STREAM_TOO_LONG);
        return;
    }
    update_watch(stream);
}

static void offer_kept(struct stream *stream)
{
    bool too_long = false;
    size_t used = offer(stream, buffer_span(&stream->in), &too_long);
    if (!stream->freed) {
        buffer_drop(&stream->in, used);
        if (stream->in.length == 0) {
            buffer_wipe(&stream->in);
        }
    }
    settle(stream, too_long);
}

static void offer_landed(struct stream *stream, struct span bytes)
{
    bool too_long = false;
    size_t used = offer(stream, bytes, &too_long);
    if (!stream->freed) {
        buffer_add(&stream->in, span_from(bytes, used));
    }
    settle(stream, too_long);
}

static void take_input(struct stream *stream, struct span bytes)
{
    if (stream->in.length == 0) {
        offer_landed(stream, bytes);
    } else {
        buffer_add(&stream->in, bytes);
        offer_kept(stream);
    }
}

/* What TLS has to say goes out with the rest of the turn. */
static void push_secured(struct stream *stream)
{
    size_t before = stream->out.length;
    stream_tls_take(stream->tls, &stream->out);
    if ((stream->out.length > before && !stream->blocked) || buffer_full(&stream->out)) {
        loop_later_at_flush(stream->loop, &stream->flush);
    }
}

/* An alert tells the peer why; whether it arrives is not waited for. */
static void end_secured(struct stream *stream, enum stream_tls_answer answer)
{
    stream_tls_take(stream->tls, &stream->out);
    (void)send_some(stream);
    end(stream, answer == STREAM_TLS_CLOSED ? STREAM_CLOSED : STREAM_BROKEN);
}

/* All of it is decrypted at once, as plain bytes are all taken from the socket. */
static void decrypt(struct stream *stream, struct span bytes)
{
    char plain[PLAIN_BYTES];
    size_t length = 0;
    enum stream_tls_answer answer = STREAM_TLS_BYTES;
    stream_tls_receive(stream->tls, bytes);
    while (answer == STREAM_TLS_BYTES && !stream->freed && stream->state == STREAM_OPEN) {
        answer = stream_tls_read(stream->tls, plain, sizeof plain, &length);
        if (answer == STREAM_TLS_BYTES) {
            take_input(stream, span_bytes(plain, length));
        }
    }
    secret_wipe(plain, sizeof plain);
    if (answer == STREAM_TLS_BROKEN || answer == STREAM_TLS_CLOSED) {
        end_secured(stream, answer);
    }
}

/* In pieces of a record's size: what TLS keeps of a connection grows with them. */
static void take_secured(struct stream *stream, struct span bytes)
{
    while (!span_empty(bytes) && !stream->freed && stream->state == STREAM_OPEN) {
        decrypt(stream, span_first(bytes, PLAIN_BYTES));
        bytes = span_from(bytes, PLAIN_BYTES);
    }
    if (!stream->freed && stream->state == STREAM_OPEN) {
        push_secured(stream);
    }
}

static void read_some(struct stream *stream)
{
    ssize_t length = recv(stream->fd, landing, sizeof landing, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (length <= 0) {
        end(stream, length == 0 ? STREAM_CLOSED : STREAM_BROKEN);
        return;
    }
    struct span bytes = span_bytes(landing, (size_t)length);
    if (stream->state == STREAM_OPEN && stream->tls != NULL) {
        take_secured(stream, bytes);
    } else if (stream->state == STREAM_OPEN) {
        take_input(stream, bytes);
    } /* else lingering: nobody wants it any more */
    secret_wipe(landing, bytes.length);
}

/* Kept input that the owner has not seen is offered before more is read. */
static void on_offer(void *context)
{
    struct stream *stream = context;
    if (may_offer(stream) && stream->unoffered) {
        stream->depth++;
        offer_kept(stream);
        leave(stream);
    }
}

/* -- output -- */

size_t stream_waiting(const struct stream *stream)
{
    return stream->out.length - stream->sent;
}

/* False when the connection is broken. */
static bool send_some(struct stream *stream)
{
    struct span rest = span_from(buffer_span(&stream->out), stream->sent);
    if (rest.length == 0) {
        return true;
    }
    size_t most = rest.length < WRITE_BYTES ? rest.length : WRITE_BYTES;
    ssize_t length = send(stream->fd, rest.at, most, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (length < 0) {
        stream->blocked = errno == EAGAIN || errno == EINTR;
        return stream->blocked;
    }
    stream->sent += (size_t)length;
    stream->blocked = stream_waiting(stream) > 0;
    if (!stream->blocked) {
        buffer_wipe(&stream->out);
        stream->sent = 0;
    } else if (stream->sent > stream->out.length / 2) {
        buffer_drop(&stream->out, stream->sent);
        stream->sent = 0;
    }
    return true;
}

/* RFC 9112, 9.6: closing while the peer still sends would reset the connection, and what we just
 * wrote could be lost with it. Not so on a UNIX socket, which is closed at once: a peer that writes
 * must learn that nobody reads. Postfix takes a half-closed auth connection for a good one, and every
 * login it sends there would fail. */
static void linger(struct stream *stream)
{
    stream->state = STREAM_LINGERING;
    shutdown(stream->fd, SHUT_WR);
    loop_timer_set(stream->deadline, LINGER_MS);
}

static void write_some(struct stream *stream)
{
    if (buffer_full(&stream->out) || !send_some(stream)) {
        end(stream, STREAM_BROKEN);
        return;
    }
    if (stream->state == STREAM_FINISHING && stream_waiting(stream) == 0) {
        if (stream->peer.known) {
            end(stream, STREAM_CLOSED);
            return;
        }
        linger(stream);
    }
    if (stream->unoffered && !paused(stream)) {
        loop_later(stream->loop, &stream->offer);
    }
    update_watch(stream);
}

static void on_flush(void *context)
{
    struct stream *stream = context;
    stream->depth++;
    write_some(stream);
    leave(stream);
}

/* In pieces of a record's size: the memory that TLS once needed for what goes out stays with the connection. */
static void write_secured(struct stream *stream, struct span bytes)
{
    while (!span_empty(bytes) && !buffer_full(&stream->out)) {
        stream_tls_write(stream->tls, span_first(bytes, PLAIN_BYTES));
        push_secured(stream);
        bytes = span_from(bytes, PLAIN_BYTES);
    }
}

void stream_write(struct stream *stream, struct span bytes)
{
    if (stream->freed || stream->state != STREAM_OPEN) {
        return;
    }
    if (stream->tls != NULL) {
        write_secured(stream, bytes);
        return;
    }
    buffer_add(&stream->out, bytes);
    if (!stream->blocked || buffer_full(&stream->out)) {
        loop_later_at_flush(stream->loop, &stream->flush);
    }
}

static void on_deadline(void *context)
{
    struct stream *stream = context;
    stream->depth++;
    end(stream, STREAM_CLOSED);
    leave(stream);
}

void stream_finish(struct stream *stream)
{
    if (stream->freed || stream->state != STREAM_OPEN) {
        return;
    }
    if (stream->tls != NULL) {
        stream_tls_close(stream->tls);
        push_secured(stream);
    }
    stream->state = STREAM_FINISHING;
    stream->deadline = loop_timer_new(stream->loop, on_deadline, stream);
    loop_timer_set(stream->deadline, FINISH_MS);
    if (!stream->blocked) {
        loop_later_at_flush(stream->loop, &stream->flush);
    }
    update_watch(stream);
}

/* -- the connection -- */

static void on_ready(int fd, int events, void *context)
{
    struct stream *stream = context;
    (void)fd;
    stream->depth++;
    if ((events & LOOP_WRITE) != 0) {
        stream->blocked = false;
        write_some(stream);
    }
    if ((events & LOOP_READ) != 0 && !stream->freed && stream->state != STREAM_ENDED) {
        read_some(stream);
    }
    leave(stream);
}

static struct stream_peer peer_of(int fd)
{
    struct ucred who = {.uid = (uid_t)-1};
    socklen_t size = sizeof who;
    /* A TCP socket answers too: with the uid -1. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 || who.uid == (uid_t)-1) {
        return (struct stream_peer){0};
    }
    return (struct stream_peer){true, who.uid, who.gid, who.pid};
}

struct stream *stream_new(struct loop *loop, int fd, size_t input_max,
                          const struct stream_events *events, void *context)
{
    assert(input_max > 0);
    struct stream *stream = MEMORY_NEW(struct stream);
    *stream = (struct stream){
        .loop = loop,
        .fd = fd,
        .events = *events,
        .context = context,
        .input_max = input_max,
        .in = buffer_limited(input_max + READ_BYTES),
        .out = buffer_limited(STREAM_OUTPUT_MAX),
        .peer = peer_of(fd),
    };
    int flags = fcntl(fd, F_GETFL);
    assert(flags >= 0);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    /* We write once a turn: nothing is gained by the kernel's waiting for more. */
    int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    loop_later_init(&stream->offer, on_offer, stream);
    loop_later_init(&stream->flush, on_flush, stream);
    stream->watch = loop_watch_new(loop, fd, LOOP_READ, on_ready, stream);
    return stream;
}

void stream_secure(struct stream *stream, struct stream_tls_identity *identity)
{
    stream->tls = stream_tls_new(identity);
    /* What was kept of the last record comes on top of what is read. */
    stream->in.limit += READ_BYTES;
}

bool stream_secured(const struct stream *stream)
{
    return stream->tls != NULL && stream_tls_ready(stream->tls);
}

void stream_hold(struct stream *stream)
{
    stream->held = true;
    if (stream->fd >= 0) {
        update_watch(stream);
    }
}

void stream_release(struct stream *stream)
{
    stream->held = false;
    if (stream->fd < 0) {
        return;
    }
    if (stream->in.length > 0) {
        stream->unoffered = true;
        loop_later(stream->loop, &stream->offer);
    }
    update_watch(stream);
}

struct stream_peer stream_peer(const struct stream *stream)
{
    return stream->peer;
}

/* "NSpid:\t4711\t17": its pid in each namespace, ours first (proc(5)). */
static bool has_pid(struct span names, uint64_t pid)
{
    struct span name;
    uint64_t number;
    while (span_cut(&names, '\t', &name)) {
        if (span_number(name, UINT32_MAX, &number) && number == pid) {
            return true;
        }
    }
    return false;
}

/* Only a process of another namespace gets here: not on the path of an ordinary login. */
static bool is_in_namespace(pid_t peer, uint64_t pid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%ld/status", (long)peer);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0) {
        close(fd);
    }
    struct span rest = span_bytes(text, size > 0 ? (size_t)size : 0), line;
    while (size > 0 && span_cut(&rest, '\n', &line)) {
        if (span_starts(line, "NSpid:\t")) {
            return has_pid(span_from(line, 7), pid);
        }
    }
    return true;
}

bool stream_peer_is(const struct stream_peer *peer, uint64_t pid)
{
    return !peer->known || peer->pid <= 0 || (uint64_t)peer->pid == pid ||
           is_in_namespace(peer->pid, pid);
}
