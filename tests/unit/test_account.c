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

static void test_services(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        unsigned service;
    } cases[] = {{"imap", ACCOUNT_IMAP},
                 {"pop3", ACCOUNT_POP3},
                 {"POP", ACCOUNT_POP3},
                 {"smtp", ACCOUNT_SMTP},
                 {"submission", ACCOUNT_SMTP},
                 {"sieve", ACCOUNT_SIEVE},
                 {"ManageSieve", ACCOUNT_SIEVE},
                 {"jmap", ACCOUNT_JMAP},
                 {"webmail", ACCOUNT_WEBMAIL},
                 {"dav", ACCOUNT_DAV},
                 {"", 0},
                 {"imaps", 0},
                 {"ima", 0}};
    static const struct {
        unsigned services;
        const char *text;
    } written[] = {{0, ""},
                   {ACCOUNT_SMTP | ACCOUNT_IMAP, "imap smtp"},
                   {ACCOUNT_DAV, "dav"},
                   {127, "imap pop3 smtp managesieve jmap webmail dav"},
                   {128, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(account_service_parse(span_of(cases[i].word)), cases[i].service);
    }
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        CLEANUP(buffer_done) struct buffer out = buffer_limited(100);
        account_services_write(written[i].services, &out);
        assert_true(span_is(buffer_span(&out), written[i].text));
    }
}

static void test_on_disable(void **state)
{
    (void)state;
    enum account_on_disable what = ACCOUNT_REJECT;
    assert_true(account_on_disable_parse(SPAN_LITERAL("Deliver"), &what));
    assert_int_equal(what, ACCOUNT_DELIVER);
    assert_true(account_on_disable_parse(SPAN_LITERAL("reject"), &what));
    assert_int_equal(what, ACCOUNT_REJECT);
    assert_true(account_on_disable_parse(SPAN_LITERAL("forward"), &what));
    assert_int_equal(what, ACCOUNT_FORWARD);
    assert_false(account_on_disable_parse(SPAN_LITERAL("drop"), &what));
    assert_false(account_on_disable_parse(SPAN_LITERAL(""), &what));
    assert_int_equal(what, ACCOUNT_FORWARD);
    assert_string_equal(account_on_disable_name(ACCOUNT_FORWARD), "forward");
    assert_string_equal(account_kind_name(ACCOUNT_PERSON), "person");
    assert_string_equal(account_kind_name(ACCOUNT_GROUP), "group");
    assert_string_equal(account_kind_name(ACCOUNT_SHARED), "shared");
    assert_string_equal(account_address_kind_name(ADDRESS_PROVISIONED), "provisioned");
    assert_string_equal(account_address_kind_name(ADDRESS_LOGIN), "login");
}

static void test_who_receives(void **state)
{
    (void)state;
    static const struct {
        enum account_state state;
        enum account_on_disable on_disable;
        bool no_mailbox, forwards, receives;
    } cases[] = {
        {ACCOUNT_ACTIVE, ACCOUNT_REJECT, false, false, true},
        {ACCOUNT_ACTIVE, ACCOUNT_DELIVER, true, false, false},
        {ACCOUNT_ACTIVE, ACCOUNT_DELIVER, true, true, true},
        {ACCOUNT_DISABLED, ACCOUNT_DELIVER, false, false, true},
        {ACCOUNT_DISABLED, ACCOUNT_DELIVER, true, true, false},
        {ACCOUNT_DISABLED, ACCOUNT_REJECT, false, true, false},
        {ACCOUNT_DISABLED, ACCOUNT_FORWARD, false, true, true},
        {ACCOUNT_DISABLED, ACCOUNT_FORWARD, true, true, true},
        {ACCOUNT_DISABLED, ACCOUNT_FORWARD, false, false, false},
        {ACCOUNT_GONE, ACCOUNT_DELIVER, false, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct account account = {.state = cases[i].state,
                                  .on_disable = cases[i].on_disable,
                                  .no_mailbox = cases[i].no_mailbox};
        account.forward_to = cases[i].forwards ? SPAN_LITERAL("x@y.example") : (struct span){0};
        assert_true(account_receives(&account) == cases[i].receives);
        account.kind = ACCOUNT_GROUP;
        assert_true(account_receives(&account) == (cases[i].state != ACCOUNT_GONE));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_home_is_own_or_below_the_root),
        cmocka_unit_test(test_homes),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_quotas),
        cmocka_unit_test(test_what_nobody_filled_in_is_gone),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_on_disable),
        cmocka_unit_test(test_who_receives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
