/* test_address.c - mail addresses: vectors/address.txt (N1-N8, look-alikes), sub-addresses, parts. */
#include "vectors.h"

#include "wire/address.h"

static bool parse(const struct vector *vector, struct address *address, struct error *error)
{
    struct span kind = vector->column[1], text = vector->column[2];
    if (span_is(kind, "pattern")) {
        return address_parse_pattern(text, address, error);
    }
    if (span_starts(kind, "login:")) {
        return address_parse_login(text, span_from(kind, 6), address, error);
    }
    if (span_is(kind, "domain")) {
        char domain[ADDRESS_DOMAIN_MAX + 1];
        *address = (struct address){0};
        bool good = address_parse_domain(text, domain, error);
        vector_must(vector, good || domain[0] == '\0', "a refused domain left a text");
        memcpy(address->text, domain, strlen(domain));
        return good;
    }
    vector_must(vector, span_is(kind, "address"), "unknown kind of case");
    return address_parse(text, address, error);
}

/* id, kind, text, normal form (or "-" and the error). A normal form is its own normal form. */
static void run_address(const struct vector *vector)
{
    struct address address, again;
    struct error error = {"no error"};
    bool good = parse(vector, &address, &error);
    vector_same(vector, good ? address_span(&address) : span_of(error.text),
                vector->column[good ? 3 : 4]);
    vector_must(vector, good || address.text[0] == '\0', "a refused address left a text");
    if (!good || span_is(vector->column[1], "domain")) {
        return;
    }
    vector_must(vector, address_parse_pattern(address_span(&address), &again, &error),
                "its normal form is refused");
    vector_must(vector, address_equal(&address, &again), "its normal form is no fixed point");
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("address.txt", 100, run_address);
}

static struct address must(const char *text)
{
    struct address address;
    struct error error;
    assert_true(address_parse_pattern(span_of(text), &address, &error));
    return address;
}

static void test_parts(void **state)
{
    (void)state;
    struct address address = must("Hello@Example.COM"), other = must("hello@example.org"),
                   all = must("@example.com");
    assert_true(span_is(address_local(&address), "hello"));
    assert_true(span_is(address_domain(&address), "example.com"));
    assert_true(span_is(address_local(&all), "") && span_is(address_domain(&all), "example.com"));
    assert_false(address_equal(&address, &other));
    assert_true(address_equal(&address, &address));
    struct address zero = {0};
    assert_true(span_empty(address_domain(&zero)) && span_empty(address_local(&zero)));
}

static void test_strip_tag(void **state)
{
    (void)state;
    static const struct {
        const char *text, *base, *tag;
    } CASES[] = {
        {"user+tag@d.example", "user@d.example", "+tag"},
        {"user+a+b@d.example", "user@d.example", "+a+b"},
        {"user+@d.example", "user@d.example", "+"},
        {"u+t@d.example", "u@d.example", "+t"},
        {"user@d.example", NULL, NULL},
        {"+tag@d.example", NULL, NULL},
        {"user-tag@d.example", NULL, NULL},
        {"user.+tag@d.example", NULL, NULL},
        {"@d.example", NULL, NULL},
        {"++tag@d.example", "+@d.example", "+tag"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct address address = must(CASES[i].text), base = {0};
        struct span tag = {0};
        bool stripped = address_strip_tag(&address, '+', &base, &tag);
        assert_int_equal(stripped, CASES[i].base != NULL);
        if (stripped) {
            assert_string_equal(base.text, CASES[i].base);
            assert_true(span_is(tag, CASES[i].tag));
            struct address same = must(base.text);
            assert_true(address_equal(&base, &same));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_strip_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
