/* fuzz_address.c - any bytes as an address: a normal form is its own, and holds nothing refused. */
#include "fuzz.h"

#include "base/text.h"
#include "wire/address.h"

static void check_normal(const struct address *address)
{
    struct address again;
    struct error error;
    struct span text = address_span(address);
    assert(text_utf8(text) && text.length <= ADDRESS_MAX);
    assert(address_parse_pattern(text, &again, &error) && address_equal(address, &again));
    for (size_t i = 0; i < text.length; i++) {
        int byte = span_at(text, i);
        assert(byte > ' ' && byte != 0x7f && strchr("\"\\/%|,:;<>()[]", byte) == NULL);
        assert(byte < 'A' || byte > 'Z');
    }
    assert(span_find(text, '@') == address->local_length &&
           span_find_last(text, '@') == address->local_length);
    assert(text_printable_ascii(address_domain(address)));
    assert(span_search(text, SPAN_LITERAL("..")) == text.length);
}

static void check_tag(const struct address *address, char delimiter)
{
    struct address base, again;
    struct span tag;
    struct error error;
    if (address_strip_tag(address, delimiter, &base, &tag)) {
        assert(span_at(tag, 0) == (unsigned char)delimiter);
        assert(base.local_length + tag.length == address->local_length);
        assert(address_parse(address_span(&base), &again, &error) && address_equal(&base, &again));
        assert(span_equal(address_domain(&base), address_domain(address)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address address, pattern, login;
    char domain[ADDRESS_DOMAIN_MAX + 1], again[ADDRESS_DOMAIN_MAX + 1];
    struct error error;
    struct span text = span_bytes(data, size);
    bool plain = address_parse(text, &address, &error);
    bool any = address_parse_pattern(text, &pattern, &error);
    if (plain) {
        assert(any && address_equal(&address, &pattern));
        check_tag(&address, '+');
        check_tag(&address, '-');
    }
    if (any) {
        check_normal(&pattern);
    }
    if (address_parse_login(text, SPAN_LITERAL("Example.ORG"), &login, &error)) {
        check_normal(&login);
        assert(span_has(text, '@') ? address_equal(&login, &address)
                                   : span_is(address_domain(&login), "example.org"));
    }
    assert(address_parse_login(text, (struct span){0}, &login, &error) == plain);
    if (address_parse_domain(text, domain, &error)) {
        assert(address_parse_domain(span_of(domain), again, &error) && strcmp(domain, again) == 0);
    }
    return 0;
}
