/* stream_tls.h - the TLS of one connection, server side: bytes of the wire in, bytes of the peer out, and back.
 *
 * A filter without a socket, for net/stream. TLS 1.2 and 1.3, forward secrecy and AEAD only, no renegotiation, no
 * compression, no resumption; ALPN answers http/1.1 and ends a handshake that offers only other protocols
 * (RFC 7301, 3.2). */
#ifndef NET_STREAM_TLS_H
#define NET_STREAM_TLS_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

/* Who a listener is: its certificate with the chain, and the key. Counted: connections keep the one that they
 * began with when the listener gets another. */
struct stream_tls_identity;
/* From PEM texts: the server's own certificate first, then the rest of its chain. NULL and an error that says what is
 * wrong: no certificate, no key (or one with a password), a key that is not the certificate's. */
struct stream_tls_identity *stream_tls_identity_new(struct span certificates, struct span key,
                                                    struct error *error);
struct stream_tls_identity *stream_tls_identity_keep(struct stream_tls_identity *identity);
void stream_tls_identity_free(struct stream_tls_identity *identity); /* takes NULL */

struct stream_tls;
struct stream_tls *stream_tls_new(struct stream_tls_identity *identity);
void stream_tls_free(struct stream_tls *tls); /* takes NULL */

/* What came over the wire; then stream_tls_read() until it has no more. */
void stream_tls_receive(struct stream_tls *tls, struct span bytes);
enum stream_tls_answer {
    STREAM_TLS_BROKEN, /* not TLS, or not ours; an alert may wait in stream_tls_take() */
    STREAM_TLS_CLOSED, /* the peer said goodbye */
    STREAM_TLS_MORE,   /* nothing whole is left: more has to come over the wire */
    STREAM_TLS_BYTES,  /* `length` bytes are in `room` */
};
enum stream_tls_answer stream_tls_read(struct stream_tls *tls, char *room, size_t size,
                                       size_t *length);
/* What the peer shall get. Only after the handshake: before it nothing is known of the peer, and bytes are lost. */
void stream_tls_write(struct stream_tls *tls, struct span bytes);
void stream_tls_close(
    struct stream_tls *tls); /* says goodbye: the peer knows that nothing is missing */
/* Appends what is to go over the wire by now. */
void stream_tls_take(struct stream_tls *tls, struct buffer *out);
bool stream_tls_ready(const struct stream_tls *tls); /* the handshake is over */

#endif
