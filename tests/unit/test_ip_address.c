/* test_ip_address.c - addresses and networks: vectors/ip_address.txt, and what lies in which network. */
#include "vectors.h"

#include "wire/ip_address.h"

/* id, text, what it is: "ADDRESS [loopback]", "ADDRESS port N", "ADDRESS bits N", or "none". */
static void run_text(const struct vector *vector)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(1000);
    struct span text = vector->column[1];
    struct ip_address address;
    struct ip_address_range range;
    char shown[IP_ADDRESS_TEXT_MAX];
    unsigned port;
    if (ip_address_parse(text, &address)) {
        buffer_add(&out, ip_address_print(&address, shown));
        buffer_add_text(&out, ip_address_is_loopback(&address) ? " loopback" : "");
        vector_must(vector, ip_address_range_parse(text, &range) && range.bits == 128,
                    "is a network of one address");
    } else if (ip_address_parse_port(text, &address, &port)) {
        buffer_add(&out, ip_address_print(&address, shown));
        buffer_format(&out, " port %u", port);
    } else if (ip_address_range_parse(text, &range)) {
        buffer_add(&out, ip_address_print(&range.address, shown));
        buffer_format(&out, " bits %u", range.bits);
    } else {
        buffer_add_text(&out, "none");
    }
    vector_same(vector, buffer_span(&out), vector->column[2]);
}

static void test_texts(void **state)
{
    (void)state;
    vectors_run("ip_address.txt", 40, run_text);
}

static struct ip_address parsed(const char *text)
{
    struct ip_address address;
    assert_true(ip_address_parse(span_of(text), &address));
    return address;
}

static const struct {
    const char *range, *address;
    bool holds;
} RANGES[] = {
    {"192.0.2.0/24", "192.0.2.255", true},
    {"192.0.2.0/24", "192.0.3.0", false},
    {"192.0.2.77/24", "192.0.2.1", true},
    {"192.0.2.0/31", "192.0.2.1", true},
    {"192.0.2.0/31", "192.0.2.2", false},
    {"192.0.2.1", "192.0.2.1", true},
    {"192.0.2.1", "::ffff:192.0.2.1", true},
    {"192.0.2.1", "192.0.2.2", false},
    {"0.0.0.0/0", "255.1.2.3", true},
    {"0.0.0.0/0", "::1", false},
    {"::/0", "192.0.2.1", true},
    {"2001:db8::/32", "2001:db8:ffff::1", true},
    {"2001:db8::/32", "2001:db9::1", false},
    {"2001:db8::/33", "2001:db8:8000::", false},
    {"2001:db8::1", "2001:db8::1", true},
    {"10.0.0.0/8", "9.255.255.255", false},
};

static void test_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof RANGES / sizeof RANGES[0]; i++) {
        struct ip_address_range range;
        struct ip_address address = parsed(RANGES[i].address);
        assert_true(ip_address_range_parse(span_of(RANGES[i].range), &range));
        assert_int_equal(ip_address_range_holds(&range, &address), RANGES[i].holds);
    }
}

static void test_same_client(void **state)
{
    (void)state;
    struct ip_address a = parsed("2001:db8::1"), b = parsed("2001:db8::ffff:1"),
                      c = parsed("2001:db8:0:1::1"), d = parsed("192.0.2.1"),
                      e = parsed("192.0.2.2");
    assert_true(ip_address_same_client(&a, &b));
    assert_false(ip_address_same_client(&a, &c));
    assert_true(ip_address_same_client(&d, &d));
    assert_false(ip_address_same_client(&d, &e));
    assert_false(ip_address_same_client(&d, &a));
    assert_false(ip_address_equal(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_ranges),
                                       cmocka_unit_test(test_same_client)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
