/* http_answer.c - an answer of HTTP/1.1 on its way into a stream. */
#include "net/http_answer.h"

#include <assert.h>

enum { HEAD_MAX = 4 * 1024 }; /* beside the headers that come with it */

void http_answer_send(const struct http_reply *reply, struct stream *stream)
{
    /* The length of the body is told all the same: a large one is copied once, not twice. */
    struct http_reply head = *reply;
    head.head_only = true;
    struct buffer out =
        buffer_limited(HEAD_MAX + http_headers_size(reply->headers, reply->headers_count));
    bool written = http_reply_write(&head, &out);
    assert(written);
    (void)written;
    stream_write(stream, buffer_span(&out));
    buffer_wipe(&out);
    if (!reply->head_only) {
        stream_write(stream, reply->body);
    }
}
