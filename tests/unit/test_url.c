/* test_url.c - absolute URLs: vectors/url.txt, origins, and which addresses are public. */
#include "vectors.h"

#include "wire/url.h"

#include <arpa/inet.h>

static void run_url(const struct vector *vector)
{
    CLEANUP(buffer_done) struct buffer shown = buffer_limited(SIZE_MAX / 2);
    struct span text = vector->column[1];
    struct url url;
    bool read = url_parse(text, &url);
    vector_must(vector, url_show(text, &shown) == read, "shown, but no URL");
    vector_same(vector, buffer_span(&shown), vector->column[2]);
    if (read) {
        vector_must(vector, url.https == (span_lower(text.at[4]) == 's'), "https");
        vector_must(vector, url_stays_at_home(&url) == span_is(vector->column[3], "1"), "home");
        vector_same(vector, url.host, vector->column[4]);
        vector_same(vector, url.port, vector->column[5]);
        vector_same(vector, url.path, vector->column[6]);
        vector_same(vector, url.query, vector->column[7]);
        vector_must(vector, url.user_info == span_is(vector->column[8], "1"), "user-info");
    }
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("url.txt", 80, run_url);
}

static void test_origins(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } PAIRS[] = {
        {"https://a.example/x", "https://a.example/y?z", true},
        {"https://a.example", "https://A.EXAMPLE:443/", true},
        {"http://a.test:80/", "http://a.test/", true},
        {"https://u:p@a.example/", "https://a.example/", true},
        {"https://[2001:db8::A]/", "https://[2001:db8::a]:443/", true},
        {"https://a.example/", "http://a.example/", false},
        {"https://a.example:80/", "http://a.example:80/", false},
        {"https://a.example/", "https://a.example:8443/", false},
        {"https://a.example/", "https://b.example/", false},
        {"https://a.example/", "https://a.example.evil.example/", false},
        {"https://a.example/", "https://a.example./", false},
    };
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++) {
        struct url a, b;
        assert_true(url_parse(span_of(PAIRS[i].a), &a) && url_parse(span_of(PAIRS[i].b), &b));
        if (url_same_origin(&a, &b) != PAIRS[i].same || url_same_origin(&b, &a) != PAIRS[i].same) {
            fail_msg("%s and %s", PAIRS[i].a, PAIRS[i].b);
        }
    }
}

/* The first and the last of every range, and their neighbours. */
static const struct {
    const char *address;
    bool open;
} ADDRESSES[] = {
    {"0.0.0.0", false},
    {"0.255.255.255", false},
    {"1.0.0.0", true},
    {"8.8.8.8", true},
    {"9.255.255.255", true},
    {"10.0.0.0", false},
    {"10.255.255.255", false},
    {"11.0.0.0", true},
    {"100.63.255.255", true},
    {"100.64.0.0", false},
    {"100.127.255.255", false},
    {"100.128.0.0", true},
    {"126.255.255.255", true},
    {"127.0.0.1", false},
    {"127.255.255.255", false},
    {"128.0.0.0", true},
    {"169.253.255.255", true},
    {"169.254.169.254", false},
    {"169.255.0.0", true},
    {"172.15.255.255", true},
    {"172.16.0.0", false},
    {"172.31.255.255", false},
    {"172.32.0.0", true},
    {"192.0.0.8", false},
    {"192.0.1.0", true},
    {"192.0.2.1", false},
    {"192.0.3.0", true},
    {"192.88.99.1", false},
    {"192.167.255.255", true},
    {"192.168.0.0", false},
    {"192.168.255.255", false},
    {"192.169.0.0", true},
    {"198.17.255.255", true},
    {"198.18.0.0", false},
    {"198.19.255.255", false},
    {"198.20.0.0", true},
    {"198.51.100.7", false},
    {"203.0.113.7", false},
    {"203.0.114.0", true},
    {"223.255.255.255", true},
    {"224.0.0.1", false},
    {"239.255.255.255", false},
    {"240.0.0.0", false},
    {"255.255.255.255", false},
    {"::", false},
    {"::1", false},
    {"::2", false},
    {"::127.0.0.1", false},
    {"::10.0.0.1", false},
    {"::8.8.8.8", true},
    {"::ffff:127.0.0.1", false},
    {"::ffff:169.254.169.254", false},
    {"::ffff:0.0.0.0", false},
    {"::ffff:8.8.8.8", true},
    {"::fffe:8.8.8.8", false},
    {"::ffff:0:8.8.8.8", false},
    {"64:ff9b::10.0.0.1", false},
    {"64:ff9b::169.254.169.254", false},
    {"64:ff9b::8.8.8.8", true},
    {"64:ff9b:1::8.8.8.8", false},
    {"100::1", false},
    {"1fff:ffff::1", false},
    {"2000::1", true},
    {"2001::1", false},
    {"2001:0:4136:e378:8000:63bf:3fff:fdd2", false},
    {"2001:2::1", false},
    {"2001:10::1", false},
    {"2001:20::1", false},
    {"2001:1ff:ffff::1", false},
    {"2001:200::1", true},
    {"2001:4860:4860::8888", true},
    {"2001:db7:ffff::1", true},
    {"2001:db8::1", false},
    {"2001:db9::1", true},
    {"2002:7f00:1::1", false},
    {"2002:a9fe:a9fe::", false},
    {"2002:0a00:0001::1", false},
    {"2002:a01:203::1", false},
    {"2002:808:808::1", true},
    {"2003::1", true},
    {"3ffe:ffff::1", true},
    {"3fff::1", false},
    {"3fff:0fff::1", false},
    {"3fff:1000::1", true},
    {"3fff:ffff::1", true},
    {"4000::1", false},
    {"5f00::1", false},
    {"fc00::1", false},
    {"fd12:3456::1", false},
    {"fe80::1", false},
    {"fec0::1", false},
    {"ff02::1", false},
    {"ffff::1", false},
};

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ADDRESSES / sizeof *ADDRESSES; i++) {
        const char *address = ADDRESSES[i].address;
        int family = strchr(address, ':') == NULL ? AF_INET : AF_INET6;
        size_t length = family == AF_INET ? 4 : 16;
        unsigned char *bytes = memory_new(length, 1);
        assert_int_equal(inet_pton(family, address, bytes), 1);
        if (url_public_address(bytes, length) != ADDRESSES[i].open) {
            fail_msg("%s", address);
        }
        memory_free(bytes);
    }
    unsigned char bytes[32] = {8, 8, 8, 8};
    assert_false(url_public_address(bytes, 0));
    assert_false(url_public_address(bytes, 3));
    assert_false(url_public_address(bytes, 32));
    bytes[0] = 0x2a;
    assert_true(url_public_address(bytes, 16));
    assert_false(url_public_address(bytes, 15));
    assert_false(url_public_address(bytes, 32));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
