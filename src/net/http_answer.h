/* http_answer.h - an answer of HTTP/1.1 on its way into a stream. */
#ifndef NET_HTTP_ANSWER_H
#define NET_HTTP_ANSWER_H

#include "net/stream.h"
#include "wire/http.h"

/* Head and body, both copied. Headers that would not be read back as what they are, are a bug of the caller (asserted). */
void http_answer_send(const struct http_reply *reply, struct stream *stream);

#endif
