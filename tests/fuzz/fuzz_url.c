/* fuzz_url.c - any bytes as a URL: put together again it is the same, and what is shown holds no secret; any address. */
#include "fuzz.h"

#include "base/text.h"
#include "wire/url.h"

#include <arpa/inet.h>

static void check_parts(struct span text, const struct url *url)
{
    CLEANUP(buffer_done) struct buffer again = buffer_limited(2 * URL_MAX);
    assert(!span_empty(url->host) && text.length <= URL_MAX && text_printable_ascii(text));
    assert(span_empty(url->path) || span_at(url->path, 0) == '/');
    assert(!span_has(url->host, '@') && !span_has(url->host, '/') && !span_has(url->path, '?'));
    buffer_add(&again, span_first(text, span_search(text, SPAN_LITERAL("://")) + 3));
    if (url->user_info) {
        struct span rest = span_from(text, again.length);
        buffer_add(&again, span_first(rest, span_find(rest, '@') + 1));
    }
    buffer_add(&again, url->host);
    buffer_add_text(&again, span_empty(url->port) ? "" : ":");
    buffer_add(&again, url->port);
    buffer_add(&again, url->path);
    assert(span_equal(buffer_span(&again), span_first(text, again.length)));
    struct span query = span_from(text, again.length);
    assert(span_empty(query) || span_at(query, 0) == '?');
    assert(span_equal(span_from(query, 1), url->query));
}

static void check_shown(struct span text, const struct url *url)
{
    CLEANUP(buffer_done) struct buffer shown = buffer_limited(URL_MAX);
    struct url again;
    assert(url_show(text, &shown) && url_parse(buffer_span(&shown), &again));
    assert(!again.user_info && span_empty(again.query) && url_same_origin(url, &again));
    assert(span_equal(again.path, url->path) && span_equal(again.host, url->host));
    assert(url_stays_at_home(url) == url_stays_at_home(&again));
}

/* An address that plain http may go to is never a public one. */
static void check_home(const struct url *url)
{
    char host[64];
    unsigned char at[16];
    bool six = span_at(url->host, 0) == '[';
    struct span inside =
        six ? span_from(span_first(url->host, url->host.length - 1), 1) : url->host;
    if (span_fits(inside, host, sizeof host) &&
        inet_pton(six ? AF_INET6 : AF_INET, host, at) == 1) {
        assert(!url_stays_at_home(url) || !url_public_address(at, six ? 16 : 4));
    } else {
        assert(!six);
    }
}

static void check_address(const uint8_t *data)
{
    unsigned char mapped[16] = {[10] = 0xff, [11] = 0xff};
    memcpy(&mapped[12], data, 4);
    bool open = url_public_address(data, 4);
    assert(url_public_address(mapped, 16) == open);
    assert(!open || (data[0] != 127 && data[0] != 10 && data[0] != 0 && data[0] < 224));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_bytes(data, size);
    struct url url;
    CLEANUP(buffer_done) struct buffer shown = buffer_limited(URL_MAX);
    if (size >= 4) {
        check_address(data);
    }
    if (size == 16) {
        bool open = url_public_address(data, 16);
        assert(!open || data[0] >> 5 == 1 || data[0] == 0);
    }
    if (!url_parse(text, &url)) {
        assert(!url_show(text, &shown) && shown.length == 0);
        return 0;
    }
    check_parts(text, &url);
    check_shown(text, &url);
    check_home(&url);
    return 0;
}
