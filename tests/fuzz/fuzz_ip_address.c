/* fuzz_ip_address.c - any text as an address, with a port, as a network: what is taken, printed, reads the same. */
#include "fuzz.h"

#include "wire/ip_address.h"

static void same(const struct ip_address *address)
{
    char text[IP_ADDRESS_TEXT_MAX];
    struct ip_address again;
    struct ip_address_range range;
    struct span printed = ip_address_print(address, text);
    assert(ip_address_parse(printed, &again) && ip_address_equal(address, &again));
    assert(ip_address_same_client(address, &again));
    assert(ip_address_range_parse(printed, &range) && ip_address_range_holds(&range, address));
    assert(ip_address_is_v4(address) == !span_has(printed, ':'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_bytes(data, size);
    struct ip_address address;
    struct ip_address_range range;
    unsigned port = 0;
    if (ip_address_parse(text, &address)) {
        same(&address);
        assert(!span_has(text, '/') && !span_has(text, '[') && !span_has(text, '\0'));
    }
    if (ip_address_parse_port(text, &address, &port)) {
        same(&address);
        assert(port > 0 && port <= 65535);
    }
    if (ip_address_range_parse(text, &range)) {
        same(&range.address);
        assert(range.bits <= 128 && ip_address_range_holds(&range, &range.address));
    }
    return 0;
}
