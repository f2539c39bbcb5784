/* ip_address.c - IP addresses and networks: parsed, compared, shown. */
#include "wire/ip_address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

enum { ALL_BITS = 128, V4_BITS = 32, CLIENT_BITS = 64, PORT_MAX = 65535, LOOPBACK_NET = 127 };

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
static const struct ip_address loopback = {{[15] = 1}};

bool ip_address_parse(struct span text, struct ip_address *address)
{
    char copy[IP_ADDRESS_TEXT_MAX];
    *address = (struct ip_address){0};
    if (span_has(text, '\0') || !span_fits(text, copy, sizeof copy)) {
        return false;
    }
    if (inet_pton(AF_INET, copy, address->bytes + sizeof mapped) == 1) {
        memcpy(address->bytes, mapped, sizeof mapped);
        return true;
    }
    return inet_pton(AF_INET6, copy, address->bytes) == 1;
}

/* Brackets belong to IPv6, and only there (RFC 3986, 3.2.2). */
bool ip_address_parse_port(struct span text, struct ip_address *address, unsigned *port)
{
    size_t colon = span_find_last(text, ':');
    struct span host = span_first(text, colon);
    uint64_t number;
    bool bracketed = span_starts(host, "[") && span_ends(host, "]");
    if (bracketed) {
        host = span_first(span_from(host, 1), host.length - 2);
    }
    if (bracketed != span_has(host, ':') || !ip_address_parse(host, address) ||
        !span_number(span_from(text, colon + 1), PORT_MAX, &number) || number == 0) {
        return false;
    }
    *port = (unsigned)number;
    return true;
}

bool ip_address_is_v4(const struct ip_address *address)
{
    return memcmp(address->bytes, mapped, sizeof mapped) == 0;
}

bool ip_address_is_loopback(const struct ip_address *address)
{
    return ip_address_is_v4(address) ? address->bytes[sizeof mapped] == LOOPBACK_NET
                                     : ip_address_equal(address, &loopback);
}

bool ip_address_equal(const struct ip_address *a, const struct ip_address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool ip_address_same_client(const struct ip_address *a, const struct ip_address *b)
{
    struct ip_address_range client = {*a, ip_address_is_v4(a) ? ALL_BITS : CLIENT_BITS};
    return ip_address_range_holds(&client, b);
}

struct span ip_address_print(const struct ip_address *address, char text[IP_ADDRESS_TEXT_MAX])
{
    bool v4 = ip_address_is_v4(address);
    const char *printed =
        inet_ntop(v4 ? AF_INET : AF_INET6, address->bytes + (v4 ? sizeof mapped : 0), text,
                  IP_ADDRESS_TEXT_MAX);
    assert(printed != NULL);
    return span_of(printed);
}

bool ip_address_range_parse(struct span text, struct ip_address_range *range)
{
    size_t slash = span_find(text, '/');
    if (!ip_address_parse(span_first(text, slash), &range->address)) {
        return false;
    }
    unsigned all = span_has(text, ':') ? ALL_BITS : V4_BITS;
    uint64_t bits = all;
    if (slash < text.length && !span_number(span_from(text, slash + 1), all, &bits)) {
        return false;
    }
    range->bits = (unsigned)bits + (ALL_BITS - all);
    return true;
}

bool ip_address_range_holds(const struct ip_address_range *range, const struct ip_address *address)
{
    unsigned bytes = range->bits / 8, rest = range->bits % 8;
    unsigned mask = 0xff00U >> rest & 0xffU;
    return memcmp(range->address.bytes, address->bytes, bytes) == 0 &&
           (rest == 0 || ((range->address.bytes[bytes] ^ address->bytes[bytes]) & mask) == 0);
}
