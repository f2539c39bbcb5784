/* http_chunk.h - bodies that come in chunks (RFC 9112, 7.1), strictly: bytes in, the body's bytes out.
 *
 * What two readers could understand differently is refused: bare CR or LF, blanks, extensions, trailers, sizes
 * of more than 8 digits. Keeps no bytes: it can be asked as they arrive. Pure. */
#ifndef WIRE_HTTP_CHUNK_H
#define WIRE_HTTP_CHUNK_H

#include "wire/http.h"

enum http_chunk_state {
    HTTP_CHUNK_SIZE,     /* its hexadecimal digits */
    HTTP_CHUNK_SIZE_END, /* LF behind them */
    HTTP_CHUNK_DATA,
    HTTP_CHUNK_DATA_CR,
    HTTP_CHUNK_DATA_LF,
    HTTP_CHUNK_LAST_CR, /* the empty line behind the last one */
    HTTP_CHUNK_LAST_LF,
};

/* Ready when zeroed. */
struct http_chunk {
    enum http_chunk_state state;
    unsigned digits;
    uint64_t left; /* bytes of this chunk that did not come yet */
};

/* Reads on: `*used` bytes of `bytes` are done with, and `*data`, a view into them, is the next part of the body
 * (may be empty). HTTP_MORE: call again, with what is left of `bytes` or, when that is nothing, with what comes
 * next. HTTP_COMPLETE: the body is whole, the rest of `bytes` is not part of it. HTTP_REFUSED: `refusal` says why. */
enum http_answer http_chunk_read(struct http_chunk *chunk, struct span bytes, size_t *used,
                                 struct span *data, struct http_refusal *refusal);

#endif
