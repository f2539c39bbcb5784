/* http_chunk.c - bodies that come in chunks, strictly: bytes in, the body's bytes out. */
#include "wire/http_chunk.h"

enum { DIGITS_MAX = 8 };

static enum http_answer refuse(struct http_refusal *refusal, const char *text)
{
    *refusal = (struct http_refusal){400, text};
    return HTTP_REFUSED;
}

static int digit_of(int byte)
{
    char letter = span_lower((char)byte);
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static enum http_answer read_size(struct http_chunk *chunk, int byte, struct http_refusal *refusal)
{
    int digit = digit_of(byte);
    if (digit >= 0 && chunk->digits < DIGITS_MAX) {
        chunk->digits++;
        chunk->left = chunk->left << 4 | (unsigned)digit;
        return HTTP_MORE;
    }
    if (byte != '\r' || chunk->digits == 0) {
        /* An extension means nothing to us, and where it ends has been read in two ways before. */
        return refuse(refusal, "bad chunk size");
    }
    chunk->state = HTTP_CHUNK_SIZE_END;
    return HTTP_MORE;
}

/* One byte that is none of the body. */
static enum http_answer read_frame(struct http_chunk *chunk, int byte, struct http_refusal *refusal)
{
    switch (chunk->state) {
    case HTTP_CHUNK_SIZE:
        return read_size(chunk, byte, refusal);
    case HTTP_CHUNK_SIZE_END:
        chunk->state = chunk->left > 0 ? HTTP_CHUNK_DATA : HTTP_CHUNK_LAST_CR;
        return byte == '\n' ? HTTP_MORE : refuse(refusal, "bad chunk size");
    case HTTP_CHUNK_DATA:
    case HTTP_CHUNK_DATA_CR:
        chunk->state = HTTP_CHUNK_DATA_LF;
        return byte == '\r' ? HTTP_MORE : refuse(refusal, "chunk longer than its size");
    case HTTP_CHUNK_DATA_LF:
        *chunk = (struct http_chunk){0};
        return byte == '\n' ? HTTP_MORE : refuse(refusal, "chunk longer than its size");
    case HTTP_CHUNK_LAST_CR:
        chunk->state = HTTP_CHUNK_LAST_LF;
        return byte == '\r' ? HTTP_MORE : refuse(refusal, "trailers are not taken");
    case HTTP_CHUNK_LAST_LF:
        return byte == '\n' ? HTTP_COMPLETE : refuse(refusal, "trailers are not taken");
    }
    return HTTP_REFUSED;
}

enum http_answer http_chunk_read(struct http_chunk *chunk, struct span bytes, size_t *used,
                                 struct span *data, struct http_refusal *refusal)
{
    *used = 0;
    *data = (struct span){0};
    while (*used < bytes.length) {
        if (chunk->state == HTTP_CHUNK_DATA && chunk->left > 0) {
            *data = span_first(span_from(bytes, *used), chunk->left);
            *used += data->length;
            chunk->left -= data->length;
            return HTTP_MORE;
        }
        enum http_answer answer = read_frame(chunk, span_at(bytes, *used), refusal);
        *used += 1;
        if (answer != HTTP_MORE) {
            return answer;
        }
    }
    return HTTP_MORE;
}
