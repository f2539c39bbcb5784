/* http_front.c - what stands in front of the public listener, and whom it speaks for. */
#include "net/http_front.h"

#include "base/memory.h"

enum { TRUSTED_MAX = 1000 };

struct http_front {
    struct ip_address_range *trusted;
    size_t count;
};

struct http_front *http_front_new(char *const *trusted)
{
    struct http_front *front = MEMORY_NEW(struct http_front);
    size_t count = 0;
    while (trusted != NULL && trusted[count] != NULL && count < TRUSTED_MAX) {
        count++;
    }
    front->trusted = memory_new(count + 1, sizeof *front->trusted);
    for (size_t i = 0; i < count; i++) {
        front->count += ip_address_range_parse(span_of(trusted[i]), &front->trusted[front->count]);
    }
    return front;
}

void http_front_free(struct http_front *front)
{
    if (front != NULL) {
        memory_free(front->trusted);
        memory_free(front);
    }
}

bool http_front_valid(struct span text)
{
    struct ip_address_range range;
    return ip_address_range_parse(text, &range);
}

bool http_front_trusts(const struct http_front *front, const struct ip_address *address)
{
    for (size_t i = 0; i < front->count; i++) {
        if (ip_address_range_holds(&front->trusted[i], address)) {
            return true;
        }
    }
    return false;
}

/* ---- hops, from the nearest to the farthest ---- */

/* Takes the last element of a list off its end; false when it is used up. */
static bool cut_last(struct span *rest, struct span *item)
{
    if (rest->at == NULL) {
        return false;
    }
    size_t comma = span_find_last(*rest, ',');
    bool more = comma < rest->length;
    *item = span_trim(more ? span_from(*rest, comma + 1) : *rest);
    *rest = more ? span_first(*rest, comma) : (struct span){0};
    return true;
}

static struct span unquoted(struct span text)
{
    bool quoted = text.length >= 2 && span_starts(text, "\"") && span_ends(text, "\"");
    return quoted ? span_first(span_from(text, 1), text.length - 2) : text;
}

/* "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711". */
static bool read_hop(struct span text, struct ip_address *address)
{
    unsigned port;
    bool bracketed = span_starts(text, "[") && span_ends(text, "]");
    if (bracketed) {
        text = span_first(span_from(text, 1), text.length - 2);
        return span_has(text, ':') && ip_address_parse(text, address);
    }
    return ip_address_parse(text, address) || ip_address_parse_port(text, address, &port);
}

/* The parameter of an element of Forwarded (RFC 7239, 4): `for=192.0.2.1;proto=https`. */
static struct span parameter(struct span element, const char *name)
{
    struct span pair;
    while (span_cut(&element, ';', &pair)) {
        size_t equals = span_find(pair, '=');
        if (span_is_fold(span_trim(span_first(pair, equals)), name)) {
            return unquoted(span_trim(span_from(pair, equals + 1)));
        }
    }
    return (struct span){0};
}

enum walk { WALK_BAD, WALK_ON, WALK_FOUND };

/* One hop more: on through those that are trusted. */
static enum walk step(const struct http_front *front, struct span text, struct ip_address *client)
{
    struct ip_address hop;
    if (!read_hop(text, &hop)) {
        return WALK_BAD;
    }
    *client = hop;
    return http_front_trusts(front, &hop) ? WALK_ON : WALK_FOUND;
}

/* Several lines of one header are one list (RFC 9110, 5.2). True: `client` is who asks. Where all hops are
 * trusted it is the farthest. */
static bool walk(const struct http_front *front, const struct http_request *http, const char *name,
                 bool forwarded, struct ip_address *client)
{
    enum walk now = WALK_ON;
    bool any = false;
    for (size_t i = http->headers_count; i > 0 && now == WALK_ON; i--) {
        const struct http_header *header = &http->headers[i - 1];
        struct span rest = header->value, item;
        if (!span_is_fold(header->name, name)) {
            continue;
        }
        while (now == WALK_ON && cut_last(&rest, &item)) {
            now = step(front, forwarded ? parameter(item, "for") : item, client);
            any = true;
        }
    }
    return any && now != WALK_BAD;
}

static bool has(const struct http_request *http, const char *name)
{
    struct span value;
    return http_find(http->headers, http->headers_count, name, &value);
}

static bool find_client(const struct http_front *front, const struct http_request *http,
                        struct ip_address *client)
{
    return has(http, "X-Forwarded-For") ? walk(front, http, "X-Forwarded-For", false, client)
                                        : walk(front, http, "Forwarded", true, client);
}

/* What the nearest front says of the connection that it ended. */
static bool front_secured(const struct http_request *http)
{
    struct span value, last = {0};
    if (http_find(http->headers, http->headers_count, "X-Forwarded-Proto", &value)) {
        return span_is_fold(value, "https");
    }
    for (size_t i = 0; i < http->headers_count; i++) {
        if (span_is_fold(http->headers[i].name, "Forwarded")) {
            last = http->headers[i].value;
        }
    }
    return cut_last(&last, &value) && span_is_fold(parameter(value, "proto"), "https");
}

struct http_front_request http_front_read(const struct http_front *front,
                                          const struct http_server_request *request,
                                          struct arena *arena)
{
    struct http_front_request read = {request, request->address, request->secured};
    struct ip_address address;
    bool local = span_empty(request->address);
    if (!local &&
        !(ip_address_parse(request->address, &address) && http_front_trusts(front, &address))) {
        return read;
    }
    if (find_client(front, request->http, &address)) {
        char *text = arena_new(arena, IP_ADDRESS_TEXT_MAX);
        read.client = ip_address_print(&address, text);
    }
    read.secured = read.secured || front_secured(request->http);
    return read;
}
