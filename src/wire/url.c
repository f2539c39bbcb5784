/* url.c - absolute http and https URLs: taken apart, shown without their secrets, and where they lead. */
#include "wire/url.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>

/* -- taking apart -- */

static bool all_of(struct span text, const char *bytes)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = span_lower(text.at[i]);
        if (byte == '\0' || strchr(bytes, byte) == NULL) {
            return false;
        }
    }
    return text.length > 0;
}

static bool port_valid(struct span port)
{
    uint64_t number;
    return span_number(port, 65535, &number) && number > 0;
}

static bool read_ipv6(struct span host, unsigned char at[16])
{
    char text[64];
    struct span inside = span_from(span_first(host, host.length - 1), 1);
    return span_fits(inside, text, sizeof text) && inet_pton(AF_INET6, text, at) == 1;
}

/* "host", "host:port", "[v6]", "[v6]:port" */
static bool split_host(struct span authority, struct url *url)
{
    unsigned char at[16];
    bool bracket = span_at(authority, 0) == '[';
    size_t end = span_find(authority, bracket ? ']' : ':') + bracket;
    struct span rest = span_from(authority, end);
    url->host = span_first(authority, end);
    url->port = span_from(rest, 1);
    if (bracket ? end > authority.length || !read_ipv6(url->host, at)
                : !all_of(url->host, "abcdefghijklmnopqrstuvwxyz0123456789.-_")) {
        return false;
    }
    return span_empty(rest) || (span_at(rest, 0) == ':' && port_valid(url->port));
}

bool url_parse(struct span text, struct url *url)
{
    *url = (struct url){0};
    url->https = span_starts_fold(text, "https://");
    if (text.length > URL_MAX || !text_printable_ascii(text) || span_has(text, '\\') ||
        span_has(text, '#') || !(url->https || span_starts_fold(text, "http://"))) {
        return false;
    }
    struct span rest = span_from(text, span_find(text, '/') + 2);
    size_t mark = span_find(rest, '?');
    url->query = span_from(rest, mark + 1);
    rest = span_first(rest, mark);
    size_t slash = span_find(rest, '/');
    struct span authority = span_first(rest, slash);
    url->path = span_from(rest, slash);
    size_t at = span_find(authority, '@');
    url->user_info = at < authority.length;
    /* A second "@" is no byte of a host. */
    return split_host(url->user_info ? span_from(authority, at + 1) : authority, url);
}

bool url_show(struct span text, struct buffer *out)
{
    struct url url;
    if (!url_parse(text, &url)) {
        return false;
    }
    buffer_add(out, span_first(text, span_find(text, '/')));
    buffer_add_text(out, "//");
    buffer_add(out, url.host);
    buffer_add_text(out, span_empty(url.port) ? "" : ":");
    buffer_add(out, url.port);
    buffer_add(out, url.path);
    return true;
}

static struct span port_of(const struct url *url)
{
    return !span_empty(url->port) ? url->port : span_of(url->https ? "443" : "80");
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return a->https == b->https && span_equal_fold(a->host, b->host) &&
           span_equal(port_of(a), port_of(b));
}

/* -- addresses -- */

struct range {
    unsigned char bytes[16];
    unsigned bits;
};

static bool in_range(const unsigned char *at, const struct range *range)
{
    size_t whole = range->bits / 8;
    unsigned mask = 0xff00U >> range->bits % 8 & 0xff;
    return memcmp(at, range->bytes, whole) == 0 &&
           (mask == 0 || (at[whole] & mask) == range->bytes[whole]);
}

static bool in_any(const unsigned char *at, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (in_range(at, &ranges[i])) {
            return true;
        }
    }
    return false;
}

#define IN_ANY(at, ranges) in_any(at, ranges, sizeof(ranges) / sizeof *(ranges))

/* IANA's registries of special-purpose addresses (RFC 6890), and multicast. */
static const struct range NOT_PUBLIC_4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* shared */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local, and clouds' metadata */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays, deprecated */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, and broadcast */
};

/* Global unicast is 2000::/3; in it: */
static const struct range GLOBAL_6 = {{0x20}, 3};
static const struct range NOT_PUBLIC_6[] = {
    {{0x20, 0x01}, 23},             /* protocol assignments: Teredo, benchmarks, ORCHID … */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation, RFC 9637 */
};

/* IPv4 within IPv6, and at which byte. */
static const struct {
    struct range range;
    size_t at;
} WITHIN[] = {
    {{{[10] = 0xff, [11] = 0xff}, 96}, 12}, /* ::ffff:0:0/96, mapped */
    {{{0}, 96}, 12},                        /* ::/96, compatible; also :: and ::1 */
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},   /* 64:ff9b::/96, NAT64 */
    {{{0x20, 0x02}, 16}, 2},                /* 2002::/16, 6to4 */
};

static bool public_ipv4(const unsigned char *at)
{
    return !IN_ANY(at, NOT_PUBLIC_4);
}

static bool public_ipv6(const unsigned char *at)
{
    for (size_t i = 0; i < sizeof WITHIN / sizeof *WITHIN; i++) {
        if (in_range(at, &WITHIN[i].range)) {
            return public_ipv4(&at[WITHIN[i].at]);
        }
    }
    return in_range(at, &GLOBAL_6) && !IN_ANY(at, NOT_PUBLIC_6);
}

bool url_public_address(const unsigned char *bytes, size_t length)
{
    return length == 4 ? public_ipv4(bytes) : length == 16 && public_ipv6(bytes);
}

/* -- plain http -- */

static const struct range HOME_4[] = {
    {{127}, 8}, {{10}, 8}, {{172, 16}, 12}, {{192, 168}, 16}, {{169, 254}, 16}, {{100, 64}, 10},
};
static const struct range HOME_6[] = {
    {{[15] = 1}, 128},  /* loopback */
    {{0xfc}, 7},        /* unique local */
    {{0xfe, 0x80}, 10}, /* link-local */
};

static bool home_ipv6(const unsigned char *at)
{
    return IN_ANY(at, HOME_6) ||
           (in_range(at, &WITHIN[0].range) && IN_ANY(&at[WITHIN[0].at], HOME_4));
}

/* Names that no public DNS answers: of one label, or below a name kept for such use (RFC 6761, 6762,
 * 8375, and ICANN's .internal). What begins its last label with a digit might be read as a number,
 * that is as an IPv4 address, and is none of them. */
static bool home_name(struct span host)
{
    static const char *const below[] = {".localhost", ".test",  ".internal",
                                        ".home.arpa", ".local", ".lan"};
    size_t dot = span_find_last(host, '.');
    struct span last = dot < host.length ? span_from(host, dot + 1) : host;
    if (!all_of(span_first(last, 1), "abcdefghijklmnopqrstuvwxyz")) {
        return false;
    }
    if (dot == host.length) {
        return true;
    }
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        struct span end = span_of(below[i]);
        if (host.length > end.length &&
            span_equal_fold(span_from(host, host.length - end.length), end)) {
            return true;
        }
    }
    return false;
}

bool url_stays_at_home(const struct url *url)
{
    char text[64];
    unsigned char at[16];
    if (span_at(url->host, 0) == '[') {
        return read_ipv6(url->host, at) && home_ipv6(at);
    }
    if (span_fits(url->host, text, sizeof text) && inet_pton(AF_INET, text, at) == 1) {
        return IN_ANY(at, HOME_4);
    }
    return home_name(url->host);
}
