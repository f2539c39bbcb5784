/* test_pending_login.c - one REQUEST for each login, and none too late. */
#include "with_mail.h"

#include "mail/pending_login.h"

static struct pending_login_table *table;

static const struct pending_login HELLO = {
    .account_id = {"11111111-1111-4111-8111-111111111111", 36},
    .mechanism = {"OAUTHBEARER", 11},
    .service = {"imap", 4},
    .session = {"s1", 2},
};

static struct pending_login_key key(unsigned char connection, uint32_t id)
{
    struct pending_login_key made = {.id = id};
    memset(made.cookie, connection, sizeof made.cookie);
    return made;
}

static bool add(unsigned char connection, uint32_t id)
{
    struct pending_login_key made = key(connection, id);
    return pending_login_add(table, &made, &HELLO);
}

static bool take(unsigned char connection, uint32_t id)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct pending_login_key made = key(connection, id);
    struct pending_login login;
    if (!pending_login_take(table, &made, &arena, &login)) {
        return false;
    }
    assert_true(span_equal(login.account_id, HELLO.account_id));
    assert_true(span_is(login.mechanism, "OAUTHBEARER"));
    assert_true(span_is(login.service, "imap"));
    assert_true(span_is(login.session, "s1"));
    assert_true(span_empty(login.client_service));
    return true;
}

static void start(size_t entries_max, int64_t lifetime_ms)
{
    with_mail_start();
    table = pending_login_new(with_mail_loop,
                              &(struct pending_login_settings){entries_max, lifetime_ms});
}

static void stop(void)
{
    pending_login_free(table);
    with_mail_stop();
}

static void test_once(void **state)
{
    (void)state;
    start(10, 60000);
    assert_true(add(1, 7));
    assert_int_equal(pending_login_count(table), 1);
    assert_true(take(1, 7));
    assert_false(take(1, 7));
    assert_int_equal(pending_login_count(table), 0);
    stop();
}

static void test_cookie_and_id_must_both_match(void **state)
{
    (void)state;
    start(10, 60000);
    assert_true(add(1, 7));
    assert_false(take(1, 8));
    assert_false(take(1, 7 + 1024)); /* the same bucket */
    assert_false(take(2, 7));
    struct pending_login_key near = key(1, 7);
    near.cookie[DOVECOT_LINE_COOKIE_SIZE - 1] ^= 1; /* the same bucket */
    CLEANUP(arena_done) struct arena arena = {0};
    struct pending_login login;
    assert_false(pending_login_take(table, &near, &arena, &login));
    assert_true(take(1, 7));
    stop();
}

static void test_full_says_no(void **state)
{
    (void)state;
    start(2, 60000);
    assert_true(add(1, 1));
    assert_true(add(1, 2));
    assert_false(add(1, 3));
    assert_true(add(1, 2)); /* replaces itself */
    assert_true(take(1, 1));
    assert_true(add(1, 3));
    assert_true(take(1, 2));
    assert_true(take(1, 3));
    stop();
}

static void test_forget_takes_one_connection(void **state)
{
    (void)state;
    start(10000, 60000);
    for (uint32_t id = 1; id <= 3000; id++) {
        assert_true(add((unsigned char)(id % 3), id));
    }
    struct pending_login_key gone = key(1, 0);
    pending_login_forget(table, gone.cookie);
    assert_int_equal(pending_login_count(table), 2000);
    for (uint32_t id = 1; id <= 3000; id++) {
        assert_int_equal(take((unsigned char)(id % 3), id), id % 3 != 1);
    }
    stop();
}

static void test_remove(void **state)
{
    (void)state;
    start(10, 60000);
    struct pending_login_key second = key(1, 2);
    assert_true(add(1, 1));
    assert_true(add(1, 2));
    assert_true(add(1, 3));
    pending_login_remove(table, &second);
    pending_login_remove(table, &second);
    assert_false(take(1, 2));
    assert_true(take(1, 1));
    assert_true(take(1, 3));
    stop();
}

static void test_ends_with_its_time(void **state)
{
    (void)state;
    start(10, 30);
    assert_true(add(1, 1));
    assert_true(add(2, 1));
    while (pending_login_count(table) > 0) {
        loop_turn(with_mail_loop, 100);
    }
    assert_false(take(1, 1));
    assert_true(add(3, 1)); /* the timer is set again */
    while (pending_login_count(table) > 0) {
        loop_turn(with_mail_loop, 100);
    }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),         cmocka_unit_test(test_cookie_and_id_must_both_match),
        cmocka_unit_test(test_full_says_no), cmocka_unit_test(test_forget_takes_one_connection),
        cmocka_unit_test(test_remove),       cmocka_unit_test(test_ends_with_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
