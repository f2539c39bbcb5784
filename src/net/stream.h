/* stream.h - one connection: bytes in, bytes out, nothing known of their meaning.
 *
 * Input is handed over as it comes; what the owner does not consume is kept and offered again with
 * what follows. Output is collected and written once a turn. Reading stops while more than
 * STREAM_OUTPUT_PAUSE bytes wait to be written, and while the owner holds it (stream_hold). Beyond
 * STREAM_OUTPUT_MAX waiting bytes the connection counts as broken. Input may hold secrets: it is
 * wiped as it goes. Sockets only; the loop's thread only. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/span.h"
#include "net/loop.h"
#include "net/stream_tls.h"

#include <sys/types.h>

enum { STREAM_OUTPUT_PAUSE = 64 * 1024, STREAM_OUTPUT_MAX = 16 * 1024 * 1024 };

enum stream_end {
    STREAM_CLOSED,   /* the peer closed */
    STREAM_BROKEN,   /* read or write error */
    STREAM_TOO_LONG, /* input_max bytes without the owner consuming any */
};

struct stream;

struct stream_events {
    /* New input. Returns how many bytes of it were used up: the rest comes again, together with what
     * arrives next; called again at once while it uses some and some is left. May free the stream. */
    size_t (*input)(struct span bytes, void *context);
    /* The connection is over; called once; the owner frees the stream, now or later. */
    void (*end)(enum stream_end end, void *context);
};

/* Takes over the descriptor (made non-blocking, close-on-exec). `input_max` bounds unconsumed input. */
struct stream *stream_new(struct loop *loop, int fd, size_t input_max,
                          const struct stream_events *events, void *context);
/* Speaks TLS from the first byte on, as the server `identity`: right after stream_new(). `input` and stream_write()
 * mean the bytes inside; before the handshake is over there is no input, and what is written is lost. A peer that
 * breaks the rules ends it (STREAM_BROKEN), after an alert. The owner limits how long a handshake takes. */
void stream_secure(struct stream *stream, struct stream_tls_identity *identity);
bool stream_secured(const struct stream *stream); /* TLS, and the handshake is over */
/* closes at once; takes NULL; safe inside its own callbacks */
void stream_free(struct stream *stream);
/* copies; after finish or end it does nothing */
void stream_write(struct stream *stream, struct span bytes);
/* Stops reading, writes what is left (for at most 5 s), waits for the peer to close (TCP only; at most
 * 1 s, so that its unread bytes do not reset the connection), closes, then calls `end` with STREAM_CLOSED. */
void stream_finish(struct stream *stream);
/* stops reading (and `input` calls), e.g. at 1,000 open requests */
void stream_hold(struct stream *stream);
void stream_release(struct stream *stream); /* reads on; kept input is offered again, later */
size_t stream_waiting(const struct stream *stream); /* bytes of output not yet written */

/* Who is at the other end of a UNIX socket (SO_PEERCRED at accept). pid is 0 when unknown. */
struct stream_peer {
    bool known;
    uid_t uid;
    gid_t gid;
    pid_t pid;
};
struct stream_peer stream_peer(const struct stream *stream);
/* Whether that process may call itself `pid`: by our count of processes, or by the one of a PID namespace that
 * it lives in (containers). true when it cannot be told: unknown, gone, or /proc is not to be read. */
bool stream_peer_is(const struct stream_peer *peer, uint64_t pid);

#endif
