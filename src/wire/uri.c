/* uri.c - the targets of HTTP requests: path and query, strictly. */
#include "wire/uri.h"

#include "base/text.h"

#include <string.h>

int uri_escaped(struct span text)
{
    int high = text_hex_digit(span_at(text, 1)), low = text_hex_digit(span_at(text, 2));
    return span_at(text, 0) != '%' || high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* RFC 3986, 3.3 and 3.4, as they stand in origin-form; escapes are whole and hide no control byte. */
static bool is_uri_text(struct span text, const char *more)
{
    for (size_t i = 0; i < text.length; i++) {
        int byte = span_at(text, i);
        char letter = span_lower((char)byte);
        bool plain = (letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9') ||
                     (byte > 0 && byte < 0x80 && strchr(more, byte) != NULL);
        if (byte == '%') {
            int escaped = uri_escaped(span_from(text, i));
            plain = escaped >= ' ' && escaped != 0x7f;
        }
        if (!plain) {
            return false;
        }
    }
    return true;
}

/* "." and ".." in any spelling: a front that resolves them would reach another path than we do. */
static bool is_dot_segment(struct span segment)
{
    size_t dots = 0;
    while (!span_empty(segment)) {
        bool escaped = uri_escaped(segment) == '.';
        if (span_at(segment, 0) != '.' && !escaped) {
            return false;
        }
        segment = span_from(segment, escaped ? 3 : 1);
        dots++;
    }
    return dots == 1 || dots == 2;
}

static bool is_path(struct span path)
{
    struct span rest = path, segment;
    if (span_at(path, 0) != '/' || !is_uri_text(path, "-._~!$&'()*+,;=:@/%")) {
        return false;
    }
    for (size_t i = 0; i < path.length; i++) {
        int escaped = uri_escaped(span_from(path, i));
        if (escaped == '/' || escaped == '\\') {
            return false;
        }
    }
    while (span_cut(&rest, '/', &segment)) {
        if (is_dot_segment(segment)) {
            return false;
        }
    }
    return true;
}

bool uri_split(struct span target, struct span *path, struct span *query)
{
    size_t mark = span_find(target, '?');
    *path = span_first(target, mark);
    *query = span_from(target, mark + 1);
    return is_path(*path) && is_uri_text(*query, "-._~!$&'()*+,;=:@/?%");
}
