/* http.c - a strict subset of HTTP/1.1: messages parsed, decoded and written. */
#include "wire/http.h"

#include "base/arena.h"
#include "base/text.h"
#include "wire/uri.h"

#include <assert.h>
#include <string.h>

/* A head on its way into a struct: both roles share everything behind the first line. */
struct reader {
    struct span bytes, rest; /* the stream; what of it is not read yet */
    const struct http_limits *limits;
    struct http_header *headers; /* HTTP_HEADERS_MAX of them */
    size_t count;
    unsigned minor; /* of the version: 0 or 1 */
    struct http_refusal *refusal;
};

static enum http_answer refuse(struct http_refusal *refusal, unsigned status, const char *text)
{
    *refusal = (struct http_refusal){status, text};
    return HTTP_REFUSED;
}

/* RFC 9110, 5.6.2 */
static bool token_byte(int byte)
{
    char letter = span_lower((char)byte);
    return byte > 0 && byte < 0x80 &&
           ((letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9') ||
            strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!token_byte(span_at(text, i))) {
            return false;
        }
    }
    return !span_empty(text);
}

/* RFC 9110, 5.5: visible bytes, blanks and obs-text. */
static bool is_value(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        int byte = span_at(text, i);
        if ((byte < ' ' && byte != '\t') || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

/* The next line without its CR LF. RFC 9112, 2.2 lets readers take a bare LF for an end; two
 * readers in a row that differ there are how requests are smuggled. */
static enum http_answer next_line(struct reader *reader, struct span *line)
{
    size_t end = span_find(reader->rest, '\n');
    size_t cr = span_find(reader->rest, '\r');
    size_t head = reader->bytes.length - reader->rest.length;
    bool whole = end < reader->rest.length;
    size_t shown = whole ? end : reader->rest.length;
    if (span_has(span_first(reader->rest, shown), '\0')) {
        return refuse(reader->refusal, 400, "NUL in the head");
    }
    if (whole && cr + 1 != end) {
        return refuse(reader->refusal, 400,
                      cr < end ? "bare CR in the head" : "bare LF in the head");
    }
    if (!whole && cr + 1 < reader->rest.length) {
        return refuse(reader->refusal, 400, "bare CR in the head");
    }
    if (head + shown + whole > reader->limits->head_max) {
        return refuse(reader->refusal, head == 0 ? 414 : 431, "head too long");
    }
    if (!whole) {
        return HTTP_MORE;
    }
    *line = span_first(reader->rest, cr);
    reader->rest = span_from(reader->rest, end + 1);
    return HTTP_COMPLETE;
}

bool http_find(const struct http_header *headers, size_t count, const char *name,
               struct span *value)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is_fold(headers[i].name, name)) {
            *value = headers[i].value;
            return true;
        }
    }
    *value = (struct span){0};
    return false;
}

bool http_has_token(const struct http_header *headers, size_t count, const char *name,
                    const char *token)
{
    for (size_t i = 0; i < count; i++) {
        struct span rest = headers[i].value, item;
        while (span_is_fold(headers[i].name, name) && span_cut(&rest, ',', &item)) {
            if (span_is_fold(span_trim(item), token)) {
                return true;
            }
        }
    }
    return false;
}

/* Headers whose value is no list: a second one would be read by some as the first, by others as the
 * last (RFC 9110, 5.3). */
static bool is_single(struct span name)
{
    static const char *const single[] = {
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Content-Type",
        "Content-Encoding",
        "Authorization",
        "Date",
        "Location",
        "User-Agent",
        "Referer",
        "Origin",
        "Cookie",
        "Expect",
        "Content-Range",
        "Retry-After",
        "ETag",
        "Last-Modified",
        "Max-Forwards",
        "From",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "Proxy-Authorization",
    };
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        if (span_is_fold(name, single[i])) {
            return true;
        }
    }
    return false;
}

static enum http_answer add_header(struct reader *reader, struct span line)
{
    size_t colon = span_find(line, ':');
    struct http_header header = {span_first(line, colon), span_trim(span_from(line, colon + 1))};
    if (span_at(line, 0) == ' ' || span_at(line, 0) == '\t') {
        return refuse(reader->refusal, 400, "folded header");
    }
    if (colon == line.length || !is_token(header.name)) {
        return refuse(reader->refusal, 400, "bad header name");
    }
    if (!is_value(header.value)) {
        return refuse(reader->refusal, 400, "control byte in a header");
    }
    for (size_t i = 0; i < reader->count && is_single(header.name); i++) {
        if (span_equal_fold(reader->headers[i].name, header.name)) {
            return refuse(reader->refusal, 400, "header given twice");
        }
    }
    if (reader->count == HTTP_HEADERS_MAX || reader->count >= reader->limits->headers_max) {
        return refuse(reader->refusal, 431, "too many headers");
    }
    reader->headers[reader->count] = header;
    reader->count++;
    return HTTP_COMPLETE;
}

static enum http_answer read_headers(struct reader *reader)
{
    for (;;) {
        struct span line;
        enum http_answer answer = next_line(reader, &line);
        if (answer != HTTP_COMPLETE || span_empty(line)) {
            return answer;
        }
        if (add_header(reader, line) == HTTP_REFUSED) {
            return HTTP_REFUSED;
        }
    }
}

/* RFC 9112, 6.3, without Transfer-Encoding: the length is told, or there is no body. */
static enum http_answer read_length(struct reader *reader, bool required, size_t *body_length)
{
    struct span value;
    uint64_t length = 0;
    if (http_find(reader->headers, reader->count, "Transfer-Encoding", &value)) {
        return refuse(reader->refusal, 501, "Transfer-Encoding is not supported");
    }
    bool told = http_find(reader->headers, reader->count, "Content-Length", &value);
    if (told && !span_number(value, INT64_MAX, &length)) {
        return refuse(reader->refusal, 400, "bad Content-Length");
    }
    if (!told && required) {
        return refuse(reader->refusal, 400, "no Content-Length");
    }
    if (length > reader->limits->body_max) {
        return refuse(reader->refusal, 413, "body too long");
    }
    *body_length = (size_t)length;
    return HTTP_COMPLETE;
}

static enum http_answer read_body(struct reader *reader, bool required, struct span *body)
{
    size_t length;
    enum http_answer answer = read_length(reader, required, &length);
    if (answer != HTTP_COMPLETE) {
        return answer;
    }
    *body = span_first(reader->rest, length);
    return body->length == length ? HTTP_COMPLETE : HTTP_MORE;
}

static bool keeps_alive(const struct reader *reader)
{
    return reader->minor == 1 &&
           !http_has_token(reader->headers, reader->count, "Connection", "close");
}

static size_t consumed(const struct reader *reader, struct span body)
{
    return reader->bytes.length - reader->rest.length + body.length;
}

static bool is_method(struct span method)
{
    for (size_t i = 0; i < method.length; i++) {
        if (method.at[i] < 'A' || method.at[i] > 'Z') {
            return false;
        }
    }
    return !span_empty(method) && method.length <= HTTP_METHOD_MAX;
}

/* "HTTP/1.1" or "HTTP/1.0", exactly. */
static bool read_version(struct reader *reader, struct span version)
{
    reader->minor = span_is(version, "HTTP/1.1") ? 1 : 0;
    return reader->minor == 1 || span_is(version, "HTTP/1.0");
}

static enum http_answer read_request_line(struct reader *reader, struct span line,
                                          struct http_request *request)
{
    struct span rest = line, method, target;
    if (span_empty(line)) {
        return refuse(reader->refusal, 400, "empty line before the request");
    }
    if (!span_cut(&rest, ' ', &method) || !is_method(method)) {
        return refuse(reader->refusal, 400, "bad method");
    }
    if (!span_cut(&rest, ' ', &target) || !uri_split(target, &request->path, &request->query)) {
        return refuse(reader->refusal, 400, "bad target");
    }
    if (!read_version(reader, rest)) {
        bool other = span_starts(rest, "HTTP/") && rest.length == sizeof "HTTP/1.1" - 1;
        return refuse(reader->refusal, other ? 505 : 400, "bad version");
    }
    request->method = method;
    return HTTP_COMPLETE;
}

/* RFC 9110, 7.2: a name or an address, and maybe a port. */
static bool is_host(struct span host)
{
    for (size_t i = 0; i < host.length; i++) {
        int byte = span_at(host, i);
        char letter = span_lower((char)byte);
        bool word = (letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9');
        if (!word && (byte == 0 || byte >= 0x80 || strchr("-._~[]:", byte) == NULL)) {
            return false;
        }
    }
    return !span_empty(host);
}

static enum http_answer judge_host(struct reader *reader, struct http_request *request)
{
    bool named = http_find(reader->headers, reader->count, "Host", &request->host);
    if (named ? !is_host(request->host) : reader->minor == 1) {
        return refuse(reader->refusal, 400, named ? "bad Host" : "no Host");
    }
    return HTTP_COMPLETE;
}

static enum http_answer judge_request(struct reader *reader, struct http_request *request)
{
    struct span value;
    if (judge_host(reader, request) == HTTP_REFUSED) {
        return HTTP_REFUSED;
    }
    if (http_find(reader->headers, reader->count, "Expect", &value)) {
        return refuse(reader->refusal, 417, "Expect is not supported");
    }
    return read_body(reader, false, &request->body);
}

/* RFC 9110, 10.1.1: of an HTTP/1.0 client the expectation is not heard. */
static enum http_answer judge_expectation(struct reader *reader, struct http_request *request)
{
    struct span value;
    if (!http_find(reader->headers, reader->count, "Expect", &value)) {
        return HTTP_COMPLETE;
    }
    if (!span_is_fold(value, "100-continue")) {
        return refuse(reader->refusal, 417, "only 100-continue can be expected");
    }
    request->expects_continue = reader->minor == 1;
    return HTTP_COMPLETE;
}

/* RFC 9112, 6.1 and 6.3: a server may repair a message with both framings; it is an attack, not a slip. */
static enum http_answer judge_framing(struct reader *reader, struct http_request *request)
{
    struct span coding, length;
    bool coded = http_find(reader->headers, reader->count, "Transfer-Encoding", &coding);
    if (!coded || !reader->limits->chunked) {
        return read_length(reader, false, &request->body_length);
    }
    if (http_find(reader->headers, reader->count, "Content-Length", &length)) {
        return refuse(reader->refusal, 400, "Content-Length and Transfer-Encoding");
    }
    if (reader->minor == 0) {
        return refuse(reader->refusal, 400, "Transfer-Encoding in HTTP/1.0");
    }
    if (!span_is_fold(coding, "chunked")) {
        return refuse(reader->refusal, 501, "the only Transfer-Encoding is chunked");
    }
    request->chunked = true;
    return HTTP_COMPLETE;
}

static enum http_answer judge_head(struct reader *reader, struct http_request *request)
{
    bool good = judge_host(reader, request) == HTTP_COMPLETE &&
                judge_framing(reader, request) == HTTP_COMPLETE &&
                judge_expectation(reader, request) == HTTP_COMPLETE;
    return good ? HTTP_COMPLETE : HTTP_REFUSED;
}

typedef enum http_answer judge_fn(struct reader *reader, struct http_request *request);

static enum http_answer parse_request(struct span bytes, const struct http_limits *limits,
                                      judge_fn *judge, struct http_request *request,
                                      struct http_refusal *refusal)
{
    struct reader reader = {bytes, bytes, limits, request->headers, 0, 0, refusal};
    struct span line;
    *request = (struct http_request){0};
    *refusal = (struct http_refusal){0};
    enum http_answer answer = next_line(&reader, &line);
    if (answer == HTTP_COMPLETE) {
        answer = read_request_line(&reader, line, request);
    }
    if (span_empty(request->method)) {
        request->path = request->query = (struct span){0};
    }
    if (answer == HTTP_COMPLETE) {
        answer = read_headers(&reader);
    }
    if (answer == HTTP_COMPLETE) {
        answer = judge(&reader, request);
    }
    request->headers_count = reader.count;
    request->keep_alive = keeps_alive(&reader);
    request->consumed = consumed(&reader, request->body);
    return answer;
}

enum http_answer http_request_parse(struct span bytes, const struct http_limits *limits,
                                    struct http_request *request, struct http_refusal *refusal)
{
    return parse_request(bytes, limits, judge_request, request, refusal);
}

enum http_answer http_request_head(struct span bytes, const struct http_limits *limits,
                                   struct http_request *request, struct http_refusal *refusal)
{
    return parse_request(bytes, limits, judge_head, request, refusal);
}

/* RFC 9112, 4: version SP 3DIGIT SP [reason]. */
static enum http_answer read_status_line(struct reader *reader, struct span line,
                                         struct http_response *response)
{
    struct span rest = line, version, status;
    uint64_t number;
    if (!span_cut(&rest, ' ', &version) || !read_version(reader, version)) {
        return refuse(reader->refusal, 505, "bad version");
    }
    if (!span_cut(&rest, ' ', &status) || !span_number(status, 599, &number) || number < 200 ||
        !is_value(rest)) {
        return refuse(reader->refusal, 400, "bad status line");
    }
    response->status = (unsigned)number;
    return HTTP_COMPLETE;
}

enum http_answer http_response_parse(struct span bytes, const struct http_limits *limits,
                                     struct http_response *response, struct http_refusal *refusal)
{
    struct reader reader = {bytes, bytes, limits, response->headers, 0, 0, refusal};
    struct span line;
    *response = (struct http_response){0};
    *refusal = (struct http_refusal){0};
    enum http_answer answer = next_line(&reader, &line);
    if (answer == HTTP_COMPLETE) {
        answer = read_status_line(&reader, line, response);
    }
    if (answer == HTTP_COMPLETE) {
        answer = read_headers(&reader);
    }
    bool bodiless = response->status == 204 || response->status == 304;
    if (answer == HTTP_COMPLETE && !bodiless) {
        answer = read_body(&reader, true, &response->body);
    }
    response->headers_count = reader.count;
    response->keep_alive = keeps_alive(&reader);
    response->consumed = consumed(&reader, response->body);
    return answer;
}

bool http_decode(struct span text, bool form, struct arena *arena, struct span *decoded)
{
    if (!span_has(text, '%') && !(form && span_has(text, '+'))) {
        *decoded = text;
        return true;
    }
    char *bytes = arena_new(arena, text.length);
    size_t length = 0;
    while (!span_empty(text)) {
        int byte = span_at(text, 0);
        bool escaped = byte == '%';
        byte = escaped ? uri_escaped(text) : form && byte == '+' ? ' ' : byte;
        if (escaped && byte <= 0) {
            return false;
        }
        bytes[length] = (char)byte;
        length++;
        text = span_from(text, escaped ? 3 : 1);
    }
    *decoded = span_bytes(bytes, length);
    return true;
}

void http_encode(struct span bytes, struct buffer *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned byte = (unsigned char)bytes.at[i];
        char letter = span_lower(bytes.at[i]);
        if ((letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9') ||
            (byte != 0 && strchr("-._~", (int)byte) != NULL)) {
            buffer_add_byte(out, bytes.at[i]);
        } else {
            buffer_add(out, span_bytes((char[]){'%', digits[byte >> 4], digits[byte & 15]}, 3));
        }
    }
}

enum http_query_answer http_query_next(struct span *rest, struct arena *arena, struct span *name,
                                       struct span *value)
{
    struct span pair = {0};
    while (span_empty(pair)) {
        if (!span_cut(rest, '&', &pair)) {
            return HTTP_QUERY_END;
        }
    }
    size_t equals = span_find(pair, '=');
    bool decoded = http_decode(span_first(pair, equals), true, arena, name) &&
                   http_decode(span_from(pair, equals + 1), true, arena, value);
    return decoded ? HTTP_QUERY_PAIR : HTTP_QUERY_BAD;
}

/* Written from the struct: a second one among the headers would be a smuggling form of our own. */
static bool is_ours(struct span name)
{
    return span_is_fold(name, "Content-Length") || span_is_fold(name, "Transfer-Encoding") ||
           span_is_fold(name, "Connection") || span_is_fold(name, "Host");
}

static bool add_headers(const struct http_header *headers, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_token(headers[i].name) || !is_value(headers[i].value) || is_ours(headers[i].name)) {
            return false;
        }
        buffer_add(out, headers[i].name);
        buffer_add_text(out, ": ");
        buffer_add(out, headers[i].value);
        buffer_add_text(out, "\r\n");
    }
    return count <= HTTP_HEADERS_MAX - 3;
}

static void add_length(struct buffer *out, size_t length, bool keep_alive)
{
    buffer_add_text(out, "Content-Length: ");
    buffer_add_number(out, (int64_t)length);
    buffer_add_text(out, keep_alive ? "\r\n" : "\r\nConnection: close\r\n");
}

/* The head stays only if it is right and whole. */
static bool finish(struct buffer *out, size_t start, bool right)
{
    if (!right || buffer_full(out)) {
        out->length = start;
        return false;
    }
    return true;
}

size_t http_headers_size(const struct http_header *headers, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += headers[i].name.length + strlen(": \r\n") + headers[i].value.length;
    }
    return size;
}

bool http_reply_write(const struct http_reply *reply, struct buffer *out)
{
    size_t start = out->length;
    bool bodiless = reply->status == 204 || reply->status == 304;
    assert(reply->status >= 200 && reply->status <= 599 && !(bodiless && !span_empty(reply->body)));
    buffer_add_text(out, "HTTP/1.1 ");
    buffer_add_number(out, reply->status);
    buffer_add_byte(out, ' ');
    buffer_add_text(out, http_reason(reply->status));
    buffer_add_text(out, "\r\n");
    bool right = add_headers(reply->headers, reply->headers_count, out);
    if (!bodiless) {
        add_length(out, reply->body.length, reply->keep_alive);
    } else if (!reply->keep_alive) {
        buffer_add_text(out, "Connection: close\r\n");
    }
    buffer_add_text(out, "\r\n");
    if (!reply->head_only) {
        buffer_add(out, reply->body);
    }
    return finish(out, start, right);
}

bool http_call_write(const struct http_call *call, struct buffer *out)
{
    size_t start = out->length;
    struct span path, query;
    bool right = is_method(span_of(call->method)) && uri_split(call->target, &path, &query) &&
                 is_host(call->host);
    buffer_add_text(out, call->method);
    buffer_add_byte(out, ' ');
    buffer_add(out, call->target);
    buffer_add_text(out, " HTTP/1.1\r\nHost: ");
    buffer_add(out, call->host);
    buffer_add_text(out, "\r\n");
    right &= add_headers(call->headers, call->headers_count, out);
    add_length(out, call->body.length, call->keep_alive);
    buffer_add_text(out, "\r\n");
    buffer_add(out, call->body);
    return finish(out, start, right);
}
