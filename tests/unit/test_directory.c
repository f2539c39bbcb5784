/* test_directory.c - what an address leads to, for logins and for mail. */
#include "with_accounts.h"

#include <time.h>

static enum directory_answer log_in(struct with_accounts *with, const char *text,
                                    char account[ADDRESS_MAX + 1])
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct address name;
    struct account_rows_found found = {0};
    account[0] = '\0';
    if (!directory_login_name(with->directory, span_of(text), &name)) {
        return DIRECTORY_NONE;
    }
    enum directory_answer answer = directory_login(with->directory, &name, &arena, &found);
    if (answer == DIRECTORY_FOUND) {
        strcpy(account, found.account.primary.text);
    }
    return answer;
}

static void expect_login(struct with_accounts *with, const char *text, const char *expected)
{
    char account[ADDRESS_MAX + 1];
    enum directory_answer answer = log_in(with, text, account);
    assert_string_equal(account, expected == NULL ? "" : expected);
    assert_int_equal(answer, expected == NULL ? DIRECTORY_NONE : DIRECTORY_FOUND);
}

static void expect_recipient(struct with_accounts *with, const char *text, const char *expected,
                             const char *expected_tag)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found = {0};
    struct span tag;
    enum directory_answer answer =
        directory_recipient(with->directory, span_of(text), &arena, &found, &tag);
    assert_int_equal(answer, expected == NULL ? DIRECTORY_NONE : DIRECTORY_FOUND);
    assert_true(span_is(tag, expected_tag));
    if (expected != NULL) {
        assert_string_equal(found.account.primary.text, expected);
    }
}

/* ann@ has the alias al@ and the former name old@; bob@ takes what is left over; eve@ is gone, dan@ disabled. */
static void people(struct with_accounts *with)
{
    static const struct {
        enum change_kind kind;
        const char *address, *target;
    } steps[] = {
        {CHANGE_DOMAIN_ADD, "example.com", ""},
        {CHANGE_ACCOUNT_ADD, "old@example.com", ""},
        {CHANGE_ACCOUNT_RENAME, "old@example.com", "ann@example.com"},
        {CHANGE_ALIAS_ADD, "al@example.com", "ann@example.com"},
        {CHANGE_ACCOUNT_ADD, "bob@example.com", ""},
        {CHANGE_ALIAS_ADD, "@example.com", "bob@example.com"},
        {CHANGE_ACCOUNT_ADD, "eve@example.com", ""},
        {CHANGE_ACCOUNT_DELETE, "eve@example.com", ""},
        {CHANGE_ACCOUNT_ADD, "dan@example.com", ""},
        {CHANGE_ACCOUNT_DISABLE, "dan@example.com", ""},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(with_accounts_do(with, steps[i].kind, steps[i].address, steps[i].target),
                         CHANGE_DONE);
    }
}

static void test_logins(void **state)
{
    struct with_accounts *with = *state;
    people(with);
    expect_login(with, "ann@example.com", "ann@example.com");
    expect_login(with, "ANN@Example.COM", "ann@example.com");
    expect_login(with, "ann", "ann@example.com");
    expect_login(with, "al@example.com", "ann@example.com");
    expect_login(with, "old@example.com", "ann@example.com");
    expect_login(with, "dan@example.com", "dan@example.com");
    expect_login(with, "eve@example.com", NULL);
    expect_login(with, "ann+x@example.com", NULL);
    expect_login(with, "nobody@example.com", NULL);
    expect_login(with, "@example.com", NULL);
    expect_login(with, "ann@example.org", NULL);
    expect_login(with, "", NULL);
    struct address pattern = {.text = "@example.com"};
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found;
    assert_int_equal(directory_login(with->directory, &pattern, &arena, &found), DIRECTORY_NONE);
    assert_true(directory_login_name(with->directory, SPAN_LITERAL("x"), NULL));
    assert_false(directory_login_name(with->directory, SPAN_LITERAL("x y"), NULL));
}

static void test_recipients(void **state)
{
    struct with_accounts *with = *state;
    people(with);
    expect_recipient(with, "Ann@example.com", "ann@example.com", "");
    expect_recipient(with, "ann+lists@example.com", "ann@example.com", "+lists");
    expect_recipient(with, "ann+a+b@example.com", "ann@example.com", "+a+b");
    expect_recipient(with, "al+x@example.com", "ann@example.com", "+x");
    expect_recipient(with, "old@example.com", "ann@example.com", "");
    expect_recipient(with, "dan@example.com", "dan@example.com", "");
    expect_recipient(with, "anyone@example.com", "bob@example.com", "");
    expect_recipient(with, "anyone+x@example.com", "bob@example.com", "");
    expect_recipient(with, "eve@example.com", NULL, "");
    expect_recipient(with, "eve+x@example.com", NULL, "");
    expect_recipient(with, "ann@example.org", NULL, "");
    expect_recipient(with, "@example.com", NULL, "");
    expect_recipient(with, "ann", NULL, "");
    expect_recipient(with, "", NULL, "");
    expect_recipient(with, "a b@example.com", NULL, "");
}

static void test_own_address_with_a_tag_beats_the_tag(void **state)
{
    struct with_accounts *with = *state;
    people(with);
    assert_int_equal(
        with_accounts_do(with, CHANGE_ALIAS_ADD, "ann+work@example.com", "bob@example.com"),
        CHANGE_DONE);
    expect_recipient(with, "ann+work@example.com", "bob@example.com", "");
    expect_recipient(with, "ann+home@example.com", "ann@example.com", "+home");
}

static void test_domains(void **state)
{
    struct with_accounts *with = *state;
    people(with);
    assert_int_equal(directory_domain(with->directory, SPAN_LITERAL("example.com")),
                     DIRECTORY_FOUND);
    assert_int_equal(directory_domain(with->directory, SPAN_LITERAL("EXAMPLE.com")),
                     DIRECTORY_FOUND);
    assert_int_equal(directory_domain(with->directory, SPAN_LITERAL("example.org")),
                     DIRECTORY_NONE);
    assert_int_equal(directory_domain(with->directory, SPAN_LITERAL("..")), DIRECTORY_NONE);
}

static void test_mailboxes_follow_account_and_settings(void **state)
{
    struct with_accounts *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct account account = {.id = "id-1", .quota_bytes = -1};
    struct directory_mailbox mailbox;
    directory_mailbox(with->directory, &account, &arena, &mailbox);
    assert_true(span_is(mailbox.home, "/var/vmail/id-1"));
    assert_int_equal(mailbox.uid, 5000);
    assert_int_equal(mailbox.gid, 5001);
    assert_int_equal(mailbox.quota_bytes, 1000);
    account.quota_bytes = 0;
    account.home = SPAN_LITERAL("/srv/x");
    char root[] = "/other", domain[] = "example.net";
    const struct directory_settings settings = {
        .mail_root = root, .default_domain = domain, .quota_bytes = 2000};
    directory_configure(with->directory, &settings);
    directory_mailbox(with->directory, &account, &arena, &mailbox);
    assert_true(span_is(mailbox.home, "/srv/x"));
    assert_int_equal(mailbox.quota_bytes, 0);
    account.quota_bytes = -1;
    directory_mailbox(with->directory, &account, &arena, &mailbox);
    assert_int_equal(mailbox.quota_bytes, 2000);
}

static void test_no_delimiter_no_tags(void **state)
{
    struct with_accounts *with = *state;
    people(with);
    assert_int_equal(with_accounts_do(with, CHANGE_ALIAS_DELETE, "@example.com", ""), CHANGE_DONE);
    expect_recipient(with, "ann+x@example.com", "ann@example.com", "+x");
    char root[] = "/var/vmail";
    const struct directory_settings settings = {.mail_root = root};
    directory_configure(with->directory, &settings);
    expect_recipient(with, "ann+x@example.com", NULL, "");
    assert_false(directory_login_name(with->directory, SPAN_LITERAL("ann"), NULL));
}

/* Rows as provisioning writes them. */
static void add_rows(struct with_accounts *with)
{
    static const struct {
        const char *id, *primary;
        enum account_kind kind;
    } accounts[] = {
        {"11111111-1111-4111-8111-111111111111", "list@example.com", ACCOUNT_GROUP},
        {"22222222-2222-4222-8222-222222222222", "team@example.com", ACCOUNT_SHARED},
        {"33333333-3333-4333-8333-333333333333", "mira@example.com", ACCOUNT_PERSON},
    };
    static const struct {
        const char *address, *account_id;
        enum address_kind kind;
        int64_t age;
    } addresses[] = {
        {"all@example.com", "11111111-1111-4111-8111-111111111111", ADDRESS_PROVISIONED, 0},
        {"desk@example.com", "22222222-2222-4222-8222-222222222222", ADDRESS_ALIAS, 0},
        {"m.voss@example.com", "33333333-3333-4333-8333-333333333333", ADDRESS_PROVISIONED, 0},
        {"sign.in@example.com", "33333333-3333-4333-8333-333333333333", ADDRESS_LOGIN, 0},
        {"young@example.com", "33333333-3333-4333-8333-333333333333", ADDRESS_RENAMED, 999},
        {"aged@example.com", "33333333-3333-4333-8333-333333333333", ADDRESS_RENAMED, 1001},
    };
    struct store_change *change = store_change_new();
    int64_t now = time(NULL);
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        struct error error;
        struct account account = {
            .state = ACCOUNT_ACTIVE, .kind = accounts[i].kind, .retention_days = -1};
        strcpy(account.id, accounts[i].id);
        assert_true(address_parse(span_of(accounts[i].primary), &account.primary, &error));
        account_rows_add_account(change, &account);
        account_rows_add_address(change, span_of(accounts[i].primary), span_of(accounts[i].id),
                                 ADDRESS_PRIMARY, now);
    }
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        account_rows_add_address(change, span_of(addresses[i].address),
                                 span_of(addresses[i].account_id), addresses[i].kind,
                                 now - addresses[i].age);
    }
    assert_int_equal(with_store_write(&with->store, change), STORE_DONE);
    directory_forget_all(with->directory);
}

static void test_kinds_of_accounts_and_addresses(void **state)
{
    struct with_accounts *with = *state;
    people(with);
    add_rows(with);
    for (int again = 0; again < 2; again++) { /* from the database, then as it is remembered */
        expect_login(with, "list@example.com", NULL);
        expect_login(with, "all@example.com", NULL);
        expect_login(with, "team@example.com", NULL);
        expect_login(with, "desk@example.com", NULL);
        expect_login(with, "m.voss@example.com", "mira@example.com");
        expect_login(with, "sign.in", "mira@example.com");
        expect_login(with, "young@example.com", "mira@example.com");
        expect_login(with, "aged@example.com", "mira@example.com"); /* 0: for ever */
        expect_recipient(with, "list@example.com", "list@example.com", "");
        expect_recipient(with, "all+x@example.com", "list@example.com", "+x");
        expect_recipient(with, "desk@example.com", "team@example.com", "");
        expect_recipient(with, "m.voss+x@example.com", "mira@example.com", "+x");
        expect_recipient(with, "aged@example.com", "mira@example.com", "");
        /* Not even by the catch-all. */
        expect_recipient(with, "sign.in@example.com", NULL, "");
        expect_recipient(with, "sign.in+x@example.com", NULL, "");
    }
    char root[] = "/var/vmail", domain[] = "example.com";
    const struct directory_settings settings = {.default_domain = domain,
                                                .mail_root = root,
                                                .delimiter = '+',
                                                .rename_login_s = 1000,
                                                .cache_bytes = 1 << 20};
    directory_configure(with->directory, &settings);
    expect_login(with, "young@example.com", "mira@example.com");
    expect_login(with, "aged@example.com", NULL);
    expect_recipient(with, "aged@example.com", "mira@example.com", "");
    expect_login(with, "m.voss@example.com", "mira@example.com");
}

/* Trouble of ours must never look like "no such address". */
static void test_trouble_is_not_absence(void **state)
{
    struct with_accounts *with = *state;
    people(with);
    /* A table that is gone stands for a database that cannot be read. */
    static const struct statement drop = {"ALTER TABLE address RENAME TO elsewhere", 0, 0};
    struct store_change *change = store_change_new();
    store_change_add(change, &drop, NULL, -1);
    assert_int_equal(with_store_write(&with->store, change), STORE_DONE);
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found;
    struct span tag;
    char account[ADDRESS_MAX + 1];
    assert_int_equal(
        directory_recipient(with->directory, SPAN_LITERAL("ann@example.com"), &arena, &found, &tag),
        DIRECTORY_UNAVAILABLE);
    assert_int_equal(log_in(with, "ann@example.com", account), DIRECTORY_UNAVAILABLE);
    assert_int_equal(directory_domain(with->directory, SPAN_LITERAL("example.com")),
                     DIRECTORY_FOUND);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_DISABLE, "ann@example.com", ""),
                     CHANGE_FAILED);
    with_accounts_problem(with, "cannot be read");
}

#define CASE(test) \
    cmocka_unit_test_setup_teardown(test, with_accounts_setup, with_accounts_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_logins),
        CASE(test_recipients),
        CASE(test_own_address_with_a_tag_beats_the_tag),
        CASE(test_domains),
        CASE(test_mailboxes_follow_account_and_settings),
        CASE(test_no_delimiter_no_tags),
        CASE(test_kinds_of_accounts_and_addresses),
        CASE(test_trouble_is_not_absence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
