/* http.h - a strict subset of HTTP/1.1 (RFC 9110, RFC 9112) for both roles: bytes in, structs out, and back.
 *
 * What two readers could understand differently is refused, not repaired: bare CR or LF, obs-fold,
 * blanks before ":", control bytes, empty lines in front, any Transfer-Encoding, a second or an odd
 * Content-Length, none or two Hosts, targets in absolute, authority or asterisk form, dot segments,
 * encoded slashes and control bytes, unknown versions. No trailers, no upgrades; chunks (http_chunk.h) and
 * "Expect" only for who reads heads alone. Pure: no clock, no socket; the caller keeps the bytes and asks
 * again when there are more. */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include "base/buffer.h"
#include "base/span.h"

enum { HTTP_HEADERS_MAX = 64, HTTP_METHOD_MAX = 16 };

struct http_limits {
    /* bytes up to and with the empty line: 431 beyond (414 for the request line) */
    size_t head_max;
    size_t headers_max; /* lines, at most HTTP_HEADERS_MAX: 431 beyond */
    size_t body_max;    /* bytes: 413 beyond */
    bool chunked;       /* http_request_head(): bodies may come in chunks; else 501 */
};

enum http_answer {
    HTTP_REFUSED, /* answer with the refusal, then close: what follows cannot be trusted */
    HTTP_MORE,    /* well so far, but not all there */
    HTTP_COMPLETE,
};

struct http_refusal {
    unsigned status;  /* 400, 413, 414, 417, 431, 501 or 505 */
    const char *text; /* what was wrong, a fixed text without client bytes */
};

struct http_header {
    struct span name;  /* as written; compare with http_find() */
    struct span value; /* without the blanks around it */
};

/* All spans are views into the bytes that were parsed. */
struct http_request {
    struct span method; /* a token in upper-case letters: "GET" */
    struct span path;   /* begins with "/"; still percent-encoded: cut at "/", then http_decode() */
    struct span query;  /* behind the "?", without it: for http_query_next() */
    struct span host;   /* empty only for HTTP/1.0 without one */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t headers_count;
    struct span body;
    bool keep_alive; /* the client can take another answer on this connection */
    size_t consumed; /* bytes of the stream that were this request */
    /* http_request_head(): what follows the head, which is not looked at */
    size_t body_length; /* 0 when it is chunked */
    bool chunked;
    bool
        expects_continue; /* RFC 9110, 10.1.1: it waits for "100 Continue" before it sends the body */
};

struct http_response {
    unsigned status; /* 200 … 599: interim answers (1xx) are refused */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t headers_count;
    struct span body;
    bool keep_alive;
    size_t consumed;
};

/* Server: reads one request from the front of `bytes`. On HTTP_REFUSED `refusal` is filled. */
enum http_answer http_request_parse(struct span bytes, const struct http_limits *limits,
                                    struct http_request *request, struct http_refusal *refusal);
/* Server: the same for the head alone: HTTP_COMPLETE when it is there, and `consumed` is its length; the body is
 * the caller's to read. A Content-Length beyond the limit is refused here, before the body comes. A refused
 * request has its method and path when the first line was good, else none. */
enum http_answer http_request_head(struct span bytes, const struct http_limits *limits,
                                   struct http_request *request, struct http_refusal *refusal);
/* Client: reads the answer to a request that was no HEAD. A length is required (but for 204 and 304). */
enum http_answer http_response_parse(struct span bytes, const struct http_limits *limits,
                                     struct http_response *response, struct http_refusal *refusal);

/* The value of a header, found without regard to letter case. false when absent. Headers that may
 * stand once only (Authorization, Content-Type, …) are unique: a second one was refused. Of the
 * others this is the first. */
bool http_find(const struct http_header *headers, size_t count, const char *name,
               struct span *value);
/* Whether the comma-separated list of a header (all its lines) has this token, without regard to case. */
bool http_has_token(const struct http_header *headers, size_t count, const char *name,
                    const char *token);

/* Percent-decodes a path segment (or, with `form`, a form value, where "+" is a blank): a view when
 * there is nothing to decode, else in the arena. false for a broken or a zero escape (%00). */
bool http_decode(struct span text, bool form, struct arena *arena, struct span *decoded);
/* Appends `bytes`, all but unreserved characters (RFC 3986, 2.3) percent-encoded. */
void http_encode(struct span bytes, struct buffer *out);

enum http_query_answer { HTTP_QUERY_BAD, HTTP_QUERY_END, HTTP_QUERY_PAIR };
/* Takes the next name and value off the front of a query or of a form body
 * (application/x-www-form-urlencoded). Begin with `rest` = the whole; a name without "=" has an
 * empty value, empty pairs are skipped. */
enum http_query_answer http_query_next(struct span *rest, struct arena *arena, struct span *name,
                                       struct span *value);

/* Writing. Content-Length, Connection and (requests) Host are written from the struct and may not
 * be among the headers. Nothing is appended, and false returned, when a name, value or target could
 * not be read back as what it is (control bytes above all), or when it passes the limit of `out`. */
struct http_reply {
    unsigned status; /* 200 … 599 */
    const struct http_header *headers;
    size_t headers_count;
    struct span body; /* its length is told even when it is not sent */
    bool head_only;   /* answer to HEAD: no body */
    bool keep_alive;  /* false: "Connection: close" */
};

struct http_call {
    const char *method;
    struct span target; /* path and query, encoded */
    struct span host;
    const struct http_header *headers;
    size_t headers_count;
    struct span body;
    bool keep_alive;
};

/* What these take as lines of a head. */
size_t http_headers_size(const struct http_header *headers, size_t count);
bool http_reply_write(const struct http_reply *reply, struct buffer *out);
bool http_call_write(const struct http_call *call, struct buffer *out);
const char *http_reason(unsigned status); /* "Not Found"; "Status" for what is not in the list */

#endif
