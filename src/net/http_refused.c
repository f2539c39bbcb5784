/* http_refused.c - why a connection or a request was not let in: kinds, for counting, and what is said of it. */
#include "net/http_refused.h"

#include "wire/json.h"

#include <string.h>

enum http_refused http_refused_kind(unsigned status)
{
    switch (status) {
    case 408:
        return HTTP_REFUSED_TIME;
    case 413:
    case 414:
    case 431:
        return HTTP_REFUSED_SIZE;
    case 503:
        return HTTP_REFUSED_MEMORY;
    default:
        return HTTP_REFUSED_FORM;
    }
}

const char *http_refused_name(enum http_refused kind)
{
    static const char *const names[HTTP_REFUSED_COUNT] = {"form",   "connections", "address",
                                                          "memory", "time",        "size"};
    return names[kind];
}

const char *http_refused_write(const char *text, struct buffer *body)
{
    buffer_add_text(body, "{\"error\":");
    json_write_text(span_of(text), body);
    buffer_add_text(body, "}");
    return "application/json";
}

struct span http_refused_path(struct span bytes)
{
    struct span word;
    (void)span_cut(&bytes, ' ', &word);
    size_t length = 0;
    while (length < bytes.length && strchr(" ?\r\n", span_at(bytes, length)) == NULL) {
        length++;
    }
    return span_first(bytes, length);
}
