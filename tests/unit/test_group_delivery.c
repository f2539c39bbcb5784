/* test_group_delivery.c - whom mail to a group goes to, expanded as Postfix does it: part by part. */
#include "with_mail.h"

#include "mail/group_delivery.h"

#define GROUP     "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
#define INNER     "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
#define DEEP      "cccccccc-cccc-4ccc-8ccc-cccccccccccc"
#define KEY_GROUP "0123456789abcdef0123456789abcdea"
#define KEY_INNER "0123456789abcdef0123456789abcdeb"
#define KEY_DEEP  "0123456789abcdef0123456789abcdec"

enum { VALUE_MAX = 99997, ADDRESSES_MAX = 20000 };

static int start(void **state)
{
    (void)state;
    with_mail_start();
    with_groups_start();
    with_groups_add(GROUP, "list@example.com", KEY_GROUP, GROUP_ROWS_ANYONE);
    with_groups_add(INNER, NULL, KEY_INNER, GROUP_ROWS_ANYONE);
    with_groups_add(DEEP, NULL, KEY_DEEP, GROUP_ROWS_ANYONE);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    with_mail_stop();
    return 0;
}

/* -- one question -- */

static struct {
    bool told;
    enum group_delivery_answer answer;
    char addresses[VALUE_MAX + 1];
} reply;

static void on_reply(enum group_delivery_answer answer, struct span addresses, void *context)
{
    (void)context;
    assert_false(reply.told);
    reply.told = true;
    reply.answer = answer;
    assert_true(span_fits(addresses, reply.addresses, sizeof reply.addresses));
}

static struct group_delivery *begin(struct span key, unsigned first, unsigned last,
                                    const char *domain, size_t bytes_max)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct group_rows_group group;
    memset(&reply, 0, sizeof reply);
    assert_int_equal(group_rows_by_part_key(NULL, key, &arena, &group), STORE_ROW);
    const struct group_delivery_question question = {.group = &group,
                                                     .first = first,
                                                     .last = last,
                                                     .domain = span_of(domain),
                                                     .bytes_max = bytes_max};
    struct group_delivery *delivery = group_delivery_start(&question, on_reply, NULL);
    assert_false(reply.told);
    return delivery;
}

static enum group_delivery_answer ask_in(struct span key, unsigned first, unsigned last,
                                         const char *domain, size_t bytes_max)
{
    (void)begin(key, first, last, domain, bytes_max);
    while (!reply.told) {
        loop_turn(with_mail_loop, 1);
    }
    return reply.answer;
}

static enum group_delivery_answer ask(const char *key, unsigned first, unsigned last)
{
    return ask_in(span_of(key), first, last, "example.com", VALUE_MAX);
}

/* -- as Postfix expands -- */

static char *queue[ADDRESSES_MAX];
static size_t queue_count, final_count, expansions;
static void (*between)(void); /* what happens before each part is asked for */

static void take(void)
{
    struct span rest = span_of(reply.addresses), word;
    size_t count = 0;
    while (span_cut(&rest, ',', &word)) {
        CLEANUP(arena_done) struct arena arena = {0};
        assert_true(queue_count < ADDRESSES_MAX);
        queue[queue_count++] = memory_text(span_text(&arena, word));
        count++;
    }
    assert_true(count <= GROUP_DELIVERY_MEMBERS_MAX);
}

static size_t copies(const char *address)
{
    size_t count = 0;
    for (size_t i = 0; i < queue_count; i++) {
        count += strcmp(queue[i], address) == 0 ? 1 : 0;
    }
    return count;
}

/* Everything that mail to the group leads to; parts stay in the queue, too. */
static void expand(void)
{
    for (size_t i = 0; i < queue_count; i++) {
        memory_free(queue[i]);
    }
    queue_count = final_count = expansions = 0;
    assert_int_equal(ask(KEY_GROUP, 0, GROUP_ROWS_SLOTS - 1), GROUP_DELIVERY_ADDRESSES);
    take();
    for (size_t i = 0; i < queue_count; i++) {
        struct address address;
        struct error error;
        struct group_delivery_part part;
        assert_true(address_parse(span_of(queue[i]), &address, &error));
        if (!group_delivery_parse(&address, &part)) {
            final_count++;
            continue;
        }
        if (between != NULL) {
            between();
        }
        expansions++;
        assert_int_equal(ask(part.key, part.first, part.last), GROUP_DELIVERY_ADDRESSES);
        take();
    }
}

static void forget(void)
{
    for (size_t i = 0; i < queue_count; i++) {
        memory_free(queue[i]);
    }
    queue_count = 0;
    between = NULL;
}

static void join_many(const char *group, const char *prefix, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char address[64];
        snprintf(address, sizeof address, "%s%05u@example.com", prefix, i);
        with_groups_join(group, GROUP_ROWS_ACCOUNT, address,
                         (unsigned)((uint64_t)i * GROUP_ROWS_SLOTS / count));
    }
}

static void expect_each_once(const char *prefix, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char address[64];
        snprintf(address, sizeof address, "%s%05u@example.com", prefix, i);
        if (copies(address) != 1) {
            fail_msg("%s: %zu copies", address, copies(address));
        }
    }
}

static void test_small_ones_are_their_members(void **state)
{
    (void)state;
    join_many(GROUP, "m", 400);
    expand();
    assert_int_equal(expansions, 0);
    assert_int_equal(final_count, 400);
    expect_each_once("m", 400);
    forget();
}

static void test_ten_thousand(void **state)
{
    (void)state;
    join_many(GROUP, "m", 10000);
    expand();
    assert_int_equal(final_count, 10000);
    assert_true(expansions >= 10000 / GROUP_DELIVERY_MEMBERS_MAX && expansions < 100);
    expect_each_once("m", 10000);
    forget();
}

/* All in one part of the slots: cut again and again. */
static void test_crowded_slots(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        char address[64];
        snprintf(address, sizeof address, "m%05u@example.com", i);
        with_groups_join(GROUP, GROUP_ROWS_ACCOUNT, address, 4000 + i / 100);
    }
    expand();
    assert_int_equal(final_count, 3000);
    expect_each_once("m", 3000);
    forget();
}

/* What cannot be cut is an error, not a wrong answer. */
static void test_one_slot(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 401; i++) {
        char address[64];
        snprintf(address, sizeof address, "m%05u@example.com", i);
        with_groups_join(GROUP, GROUP_ROWS_ACCOUNT, address, 77);
    }
    assert_int_equal(ask(KEY_GROUP, 77, 77), GROUP_DELIVERY_TROUBLE);
}

static void test_addresses_too_long_for_one_reply(void **state)
{
    (void)state;
    join_many(GROUP, "m", 300);
    assert_int_equal(ask_in(SPAN_LITERAL(KEY_GROUP), 0, 65535, "example.com", 2000),
                     GROUP_DELIVERY_ADDRESSES);
    assert_string_equal(reply.addresses,
                        KEY_GROUP ".0-32767@example.com," KEY_GROUP ".32768-65535@example.com");
    assert_int_equal(ask_in(SPAN_LITERAL(KEY_GROUP), 0, 65535, "example.com", 60),
                     GROUP_DELIVERY_TROUBLE);
    char longest[ADDRESS_DOMAIN_MAX + 1];
    memset(longest, 'd', ADDRESS_DOMAIN_MAX);
    longest[ADDRESS_DOMAIN_MAX] = '\0';
    for (size_t i = 60; i < ADDRESS_DOMAIN_MAX - 1; i += 60) {
        longest[i] = '.';
    }
    with_groups_start();
    with_groups_add(GROUP, "list@example.com", KEY_GROUP, GROUP_ROWS_ANYONE);
    join_many(GROUP, "m", 18000);
    assert_int_equal(ask_in(SPAN_LITERAL(KEY_GROUP), 0, 65535, longest, VALUE_MAX),
                     GROUP_DELIVERY_ADDRESSES);
    assert_true(strlen(reply.addresses) > 20000);
}

static void test_nested(void **state)
{
    (void)state;
    join_many(GROUP, "m", 900);
    with_groups_join(GROUP, GROUP_ROWS_GROUP, INNER, 65535);
    with_groups_join(INNER, GROUP_ROWS_ACCOUNT, "inner@example.com", 1);
    with_groups_join(INNER, GROUP_ROWS_GROUP, DEEP, 2);
    join_many(DEEP, "d", 700);
    expand();
    assert_int_equal(final_count, 900 + 1 + 700);
    expect_each_once("m", 900);
    expect_each_once("d", 700);
    assert_int_equal(copies(KEY_INNER ".0-65535@example.com"), 1);
    forget();
}

/* What leads nowhere is not named: it would bounce. */
static void test_nobody_there(void **state)
{
    (void)state;
    assert_int_equal(ask(KEY_GROUP, 0, 65535), GROUP_DELIVERY_NOBODY);
    with_groups_join(GROUP, GROUP_ROWS_GROUP, INNER, 1);
    with_groups_join(INNER, GROUP_ROWS_GROUP, DEEP, 1);
    assert_int_equal(ask(KEY_GROUP, 0, 65535), GROUP_DELIVERY_NOBODY);
    struct with_groups_member *last =
        with_groups_join(DEEP, GROUP_ROWS_ACCOUNT, "one@example.com", 1);
    last->target.receives = false;
    assert_int_equal(ask(KEY_GROUP, 0, 65535), GROUP_DELIVERY_NOBODY);
    last->target.receives = true;
    assert_int_equal(ask(KEY_GROUP, 0, 65535), GROUP_DELIVERY_ADDRESSES);
    assert_string_equal(reply.addresses, KEY_INNER ".0-65535@example.com");
}

/* Behind a thousand that take nothing, in the last of many slots. */
static void test_somebody_at_the_end(void **state)
{
    (void)state;
    join_many(GROUP, "m", 1000);
    for (size_t i = 0; i < with_groups_members_count; i++) {
        with_groups_members[i].target.receives = false;
    }
    assert_int_equal(ask(KEY_GROUP, 0, 65535), GROUP_DELIVERY_NOBODY);
    with_groups_join(GROUP, GROUP_ROWS_EXTERNAL, "far@example.net", 65535);
    expand();
    assert_int_equal(final_count, 1);
    assert_int_equal(expansions, 1);
    assert_int_equal(copies("far@example.net"), 1);
    forget();
}

/* The table forbids them; should there be one, nothing spins. */
static void test_a_cycle(void **state)
{
    (void)state;
    with_groups_join(GROUP, GROUP_ROWS_GROUP, INNER, 1);
    with_groups_join(INNER, GROUP_ROWS_GROUP, DEEP, 1);
    with_groups_join(DEEP, GROUP_ROWS_GROUP, INNER, 1);
    assert_int_equal(ask(KEY_GROUP, 0, 65535), GROUP_DELIVERY_NOBODY);
}

/* Every odd one leaves, some at each step, and as many come: who stays gets one copy. */
static unsigned changes;
static void change_some(void)
{
    for (unsigned i = 0; i < 100; i++, changes++) {
        struct with_groups_member *member = &with_groups_members[(changes * 2 + 1) % 5000];
        bool there = member->group[0] == 'a';
        member->group = there ? "elsewhere" : GROUP;
    }
}

static void test_members_come_and_go_meanwhile(void **state)
{
    (void)state;
    join_many(GROUP, "m", 5000);
    changes = 0;
    between = change_some;
    expand();
    assert_true(changes > 1000);
    for (unsigned i = 0; i < 5000; i++) {
        char address[64];
        snprintf(address, sizeof address, "m%05u@example.com", i);
        size_t count = copies(address);
        assert_true(i % 2 == 0 ? count == 1 : count <= 1);
    }
    forget();
}

/* -- trouble -- */

static void test_trouble(void **state)
{
    (void)state;
    join_many(GROUP, "m", 401);
    with_mail_read_fails = true;
    assert_int_equal(ask(KEY_GROUP, 0, 65535), GROUP_DELIVERY_TROUBLE);
    with_mail_read_fails = false;
    struct group_delivery *delivery =
        begin(SPAN_LITERAL(KEY_GROUP), 0, 65535, "example.com", VALUE_MAX);
    with_groups_trouble = true; /* when it is cut */
    while (!reply.told) {
        loop_turn(with_mail_loop, 1);
    }
    assert_int_equal(reply.answer, GROUP_DELIVERY_TROUBLE);
    with_groups_trouble = false;
    delivery = begin(SPAN_LITERAL(KEY_GROUP), 0, 65535, "example.com", VALUE_MAX);
    group_delivery_cancel(delivery);
    assert_int_equal(with_mail_cancels, 1);
    loop_turn(with_mail_loop, 0);
    assert_false(reply.told);
    group_delivery_cancel(NULL);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool part;
        unsigned first, last;
    } cases[] = {
        {KEY_GROUP ".0-65535@example.com", true, 0, 65535},
        {KEY_GROUP ".7-7@example.org", true, 7, 7},
        {"0123456789ABCDEF0123456789ABCDEA.12-345@Example.com", true, 12, 345},
        {KEY_GROUP ".8-7@example.com", false, 0, 0},
        {KEY_GROUP ".0-65536@example.com", false, 0, 0},
        {KEY_GROUP ".01-2@example.com", false, 0, 0},
        {KEY_GROUP ".1-@example.com", false, 0, 0},
        {KEY_GROUP ".-1@example.com", false, 0, 0},
        {KEY_GROUP ".1@example.com", false, 0, 0},
        {KEY_GROUP ".1-2-3@example.com", false, 0, 0},
        {KEY_GROUP ".1-2+tag@example.com", false, 0, 0},
        {KEY_GROUP "1-2@example.com", false, 0, 0},
        {KEY_GROUP "@example.com", false, 0, 0},
        {"g123456789abcdef0123456789abcdea.1-2@example.com", false, 0, 0},
        {"123456789abcdef0123456789abcdea.1-2@example.com", false, 0, 0},
        {"hello@example.com", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct address address;
        struct error error;
        struct group_delivery_part part = {0};
        assert_true(address_parse(span_of(cases[i].address), &address, &error));
        assert_int_equal(group_delivery_parse(&address, &part), cases[i].part);
        if (cases[i].part) {
            assert_string_equal(part.key, KEY_GROUP);
            assert_int_equal(part.first, cases[i].first);
            assert_int_equal(part.last, cases[i].last);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_small_ones_are_their_members, start, stop),
        cmocka_unit_test_setup_teardown(test_ten_thousand, start, stop),
        cmocka_unit_test_setup_teardown(test_crowded_slots, start, stop),
        cmocka_unit_test_setup_teardown(test_one_slot, start, stop),
        cmocka_unit_test_setup_teardown(test_addresses_too_long_for_one_reply, start, stop),
        cmocka_unit_test_setup_teardown(test_nested, start, stop),
        cmocka_unit_test_setup_teardown(test_nobody_there, start, stop),
        cmocka_unit_test_setup_teardown(test_somebody_at_the_end, start, stop),
        cmocka_unit_test_setup_teardown(test_a_cycle, start, stop),
        cmocka_unit_test_setup_teardown(test_members_come_and_go_meanwhile, start, stop),
        cmocka_unit_test_setup_teardown(test_trouble, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
