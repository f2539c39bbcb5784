/* test_account.c - names, homes and quotas that are taken and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account/account.h"
#include "base/memory.h"

#include <string.h>

static void test_home_is_own_or_below_the_root(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct account account = {.id = "0f3d1c1e-0000-4000-8000-000000000001"};
    struct span home = account_home(&account, SPAN_LITERAL("/var/vmail"), &arena);
    assert_true(span_is(home, "/var/vmail/0f3d1c1e-0000-4000-8000-000000000001"));
    account.home = SPAN_LITERAL("/srv/mail/ann");
    assert_true(
        span_is(account_home(&account, SPAN_LITERAL("/var/vmail"), &arena), "/srv/mail/ann"));
}

static void test_homes(void **state)
{
    (void)state;
    static const char *const good[] = {"/m", "/var/mail/a.b", "/var/mail/..a",
                                       "/srv/mail/J\xc3\xbcrgen", "/a b"};
    static const char *const bad[] = {
        "",     "/",    "m",      "m/a",  "/m/",       "/m//a", "/../m",        "/m/..",
        "/./m", "/m/.", "/m\n/a", "/m%u", "/m/\xff/a", "//m",   "/m\xc2\x85/a", "/m\x7f"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(account_home_valid(span_of(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(account_home_valid(span_of(bad[i])));
    }
    char longest[ACCOUNT_HOME_MAX + 1];
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    assert_true(account_home_valid(span_bytes(longest, ACCOUNT_HOME_MAX)));
    assert_false(account_home_valid(span_bytes(longest, ACCOUNT_HOME_MAX + 1)));
    assert_false(account_home_valid(span_bytes("/a\0b", 4)));
}

static void test_names(void **state)
{
    (void)state;
    char longest[ACCOUNT_NAME_MAX + 1];
    memset(longest, 'a', sizeof longest);
    assert_true(account_name_valid(span_bytes(longest, ACCOUNT_NAME_MAX)));
    assert_false(account_name_valid(span_bytes(longest, ACCOUNT_NAME_MAX + 1)));
    assert_true(account_name_valid(SPAN_LITERAL("")));
    assert_true(account_name_valid(SPAN_LITERAL("Z\xc3\xb6\xc3\xab \"Z\" O'Neil")));
    assert_false(account_name_valid(SPAN_LITERAL("a\nb")));
    assert_false(account_name_valid(SPAN_LITERAL("a\tb")));
    assert_false(account_name_valid(SPAN_LITERAL("a\xc2\x9b"
                                                 "b")));
    assert_false(account_name_valid(SPAN_LITERAL("\xed\xa0\x80")));
    assert_false(account_name_valid(span_bytes("a\0b", 3)));
}

static void test_quotas(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t quota;
    } good[] = {{"none", 0},
                {"default", -1},
                {"0", 0},
                {"1", 1},
                {"5368709120", INT64_C(5368709120)},
                {"5G", INT64_C(5368709120)},
                {"500M", INT64_C(524288000)},
                {"7k", 7168},
                {"2T", INT64_C(2199023255552)},
                {"9007199254740992", ACCOUNT_QUOTA_MAX},
                {"8192T", ACCOUNT_QUOTA_MAX}};
    static const char *const bad[] = {"",
                                      "G",
                                      "-1",
                                      "+1",
                                      "1.5G",
                                      "5 G",
                                      "5GB",
                                      "5P",
                                      "05",
                                      "0x10",
                                      "None",
                                      "8193T",
                                      "9007199254740993",
                                      "18446744073709551616"};
    int64_t quota = 42;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(account_quota_parse(span_of(good[i].text), &quota));
        assert_true(quota == good[i].quota);
    }
    quota = 42;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(account_quota_parse(span_of(bad[i]), &quota));
        assert_int_equal(quota, 42);
    }
}

static void test_what_nobody_filled_in_is_gone(void **state)
{
    (void)state;
    struct account account = {0};
    assert_int_equal(account.state, ACCOUNT_GONE);
    assert_string_equal(account_state_name(account.state), "deleted");
    assert_string_equal(account_state_name(ACCOUNT_DISABLED), "disabled");
    assert_string_equal(account_state_name(ACCOUNT_ACTIVE), "active");
    assert_string_equal(account_address_kind_name(ADDRESS_HELD), "held");
    assert_string_equal(account_address_kind_name(ADDRESS_PRIMARY), "primary");
    assert_string_equal(account_address_kind_name(ADDRESS_ALIAS), "alias");
    assert_string_equal(account_address_kind_name(ADDRESS_RENAMED), "renamed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_home_is_own_or_below_the_root),
        cmocka_unit_test(test_homes),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_quotas),
        cmocka_unit_test(test_what_nobody_filled_in_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
