/* test_map_server.c - domains, mailboxes, aliases and senders, as Postfix asks for them. */
#include "with_mail.h"

#include "mail/map_server.h"

#define GROUP_A     "55555555-5555-4555-8555-555555555555"
#define GROUP_B     "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
#define GROUP_EMPTY "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee"
#define TEAM        "66666666-6666-4666-8666-666666666666"
#define KEY_A       "0123456789abcdef0123456789abcdea"
#define KEY_B       "0123456789abcdef0123456789abcdeb"

static struct map_server *server;
static struct with_mail_place place;

static int start(void **state)
{
    (void)state;
    const struct map_server_settings settings = {
        .name = "map", .connections_max = 4, .answer_ms = 30};
    with_mail_start();
    with_mail_list_count = 3;
    with_groups_start();
    with_groups_add(GROUP_A, "list@example.com", KEY_A, GROUP_ROWS_ANYONE);
    with_groups_add(GROUP_B, NULL, KEY_B, GROUP_ROWS_ANYONE);
    with_groups_add(GROUP_EMPTY, NULL, "0123456789abcdef0123456789abcdec", GROUP_ROWS_ANYONE);
    with_groups_add(TEAM, "team@example.com", "0123456789abcdef0123456789abcded",
                    GROUP_ROWS_ANYONE);
    with_groups_join(GROUP_A, GROUP_ROWS_ACCOUNT, "hello@example.com", 10);
    with_groups_join(GROUP_A, GROUP_ROWS_ACCOUNT, "refuses@example.com", 25)->target.receives =
        false;
    with_groups_join(GROUP_A, GROUP_ROWS_GROUP, GROUP_B, 30);
    with_groups_join(GROUP_A, GROUP_ROWS_GROUP, GROUP_EMPTY, 35);
    with_groups_join(GROUP_A, GROUP_ROWS_EXTERNAL, "outside@example.net", 40);
    with_groups_join(GROUP_B, GROUP_ROWS_ACCOUNT, "off@example.com", 10);
    with_groups_shares[with_groups_shares_count++] =
        (struct with_groups_share){"team@example.com", "hello@example.com", GROUP_ROWS_FULL};
    with_groups_shares[with_groups_shares_count++] =
        (struct with_groups_share){"team@example.com", "off@example.com", GROUP_ROWS_LOOK};
    with_groups_shares[with_groups_shares_count++] =
        (struct with_groups_share){"zoo@example.com", "quota@example.com", GROUP_ROWS_FULL};
    int fd = with_mail_listen(&place);
    server = map_server_new(with_mail_loop, fd, &settings, NULL, NULL, &with_mail_log);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    map_server_free(server);
    with_mail_stop();
    return 0;
}

static void ask(struct with_mail_peer *peer, const char *query)
{
    char request[4096];
    snprintf(request, sizeof request, "%zu:%s,", strlen(query), query);
    with_mail_say(peer, request);
}

static void hears(struct with_mail_peer *peer, const char *answer)
{
    char reply[4096];
    snprintf(reply, sizeof reply, "%zu:%s,", strlen(answer), answer);
    assert_string_equal(with_mail_bytes(peer, strlen(reply)), reply);
}

static const struct {
    const char *query, *answer;
} CASES[] = {
    {"domains example.com", "OK 1"},
    {"domains EXAMPLE.com", "OK 1"},
    {"domains example.net", "NOTFOUND "},
    {"domains hello@example.com", "NOTFOUND "},
    {"domains ", "NOTFOUND "},
    {"mailboxes hello@example.com", "OK 1"},
    {"mailboxes HELLO@example.com", "OK 1"}, /* cleanup does not fold */
    {"mailboxes hello+tag@example.com", "OK 1"},
    {"mailboxes off@example.com", "OK 1"}, /* disabled: mail still arrives */
    {"mailboxes alias@example.com", "OK 1"},
    {"mailboxes nobody@example.com", "NOTFOUND "},
    {"mailboxes gone@example.com", "NOTFOUND "},
    {"mailboxes hello", "NOTFOUND "},
    {"mailboxes @example.com", "NOTFOUND "},
    {"mailboxes \"; drop\"@example.com", "NOTFOUND "},
    {"aliases hello@example.com", "NOTFOUND "},
    {"aliases hello+tag@example.com", "NOTFOUND "},
    {"aliases alias@example.com", "OK hello@example.com"},
    {"aliases Alias@EXAMPLE.com", "OK hello@example.com"},
    {"aliases alias+tag@example.com", "OK hello+tag@example.com"},
    {"aliases former@example.com", "OK hello@example.com"},
    {"aliases any.body@catch.example.com", "OK hello@example.com"},
    {"aliases any.body+tag@catch.example.com", "OK hello@example.com"},
    {"aliases nobody@example.com", "NOTFOUND "},
    {"aliases example.com", "NOTFOUND "},
    {"senders hello@example.com", "OK hello@example.com,former@example.com"},
    {"senders Hello+x@example.com", "OK hello@example.com,former@example.com"},
    {"senders former@example.com", "OK hello@example.com,former@example.com"},
    {"senders alias@example.com", "OK hello@example.com,former@example.com"},
    {"senders x@catch.example.com", "OK hello@example.com,former@example.com"},
    {"senders nobody@example.com", "NOTFOUND "},
    {"senders root@example.net", "NOTFOUND "},
    {"senders ", "NOTFOUND "},
    /* Groups: their members, in the one map alone. */
    {"mailboxes list@example.com", "NOTFOUND "},
    {"aliases list@example.com",
     "OK hello@example.com,outside@example.net," KEY_B ".0-65535@example.com"},
    {"aliases ALL+tag@example.com",
     "OK hello@example.com,outside@example.net," KEY_B ".0-65535@example.com"},
    {"aliases " KEY_B ".0-65535@example.com", "OK off@example.com"},
    {"aliases 0123456789ABCDEF0123456789ABCDEB.0-65535@EXAMPLE.COM", "OK off@example.com"},
    {"aliases " KEY_A ".0-20@example.com", "OK hello@example.com"},
    {"aliases " KEY_A ".21-65535@example.com",
     "OK outside@example.net," KEY_B ".0-65535@example.com"},
    {"aliases " KEY_A ".25-29@example.com", "TEMP accounts are not available now"},
    {"mailboxes " KEY_A ".0-65535@example.com", "NOTFOUND "},
    {"domains " KEY_A ".0-65535@example.com", "NOTFOUND "},
    {"aliases " KEY_A ".0-65535+x@example.com", "NOTFOUND "}, /* a tag makes it no part */
    {"aliases " KEY_A ".0-65535@example.net", "NOTFOUND "},   /* nor is it one elsewhere */
    {"aliases " KEY_A ".0-65536@example.com", "NOTFOUND "},
    {"aliases " KEY_A ".9-8@example.com", "NOTFOUND "},
    {"aliases " KEY_A ".00-8@example.com", "NOTFOUND "},
    {"aliases " KEY_A ".0@example.com", "NOTFOUND "},
    {"aliases " KEY_A "@example.com", "NOTFOUND "},
    {"aliases 0123456789abcdef0123456789abcde9.0-65535@example.com", "NOTFOUND "},
    {"senders list@example.com", "NOTFOUND "},
    /* Shared mailboxes: they have one, and whoever has all rights sends as them. */
    {"mailboxes team@example.com", "OK 1"},
    {"aliases team@example.com", "NOTFOUND "},
    {"aliases desk@example.com", "OK team@example.com"},
    {"senders team@example.com", "OK hello@example.com"},
    {"senders Desk+x@example.com", "OK hello@example.com"},
    {"senders sent.as@example.com", "OK u00077@example.com"},
    /* Forwards. */
    {"mailboxes passes@example.com", "OK 1"},
    {"aliases passes@example.com", "OK x@example.net,y@example.net"},
    {"aliases passes.too@example.com", "OK passes@example.com"},
    {"aliases passes+tag@example.com", "OK x@example.net,y@example.net"},
    {"aliases copies@example.com", "OK x@example.net,copies@example.com"},
    {"aliases Copies+tag@example.com", "OK x@example.net,copies+tag@example.com"},
    {"mailboxes suspended@example.com", "OK 1"},
    {"aliases suspended@example.com", "NOTFOUND "},
    {"aliases moved@example.com", "OK x@example.net"},
    {"mailboxes nobox@example.com", "NOTFOUND "},
    {"aliases nobox@example.com", "NOTFOUND "},
    {"mailboxes relay@example.com", "NOTFOUND "},
    {"aliases relay@example.com", "OK x@example.net"},
    {"mailboxes lost@example.com", "NOTFOUND "},
    {"aliases lost@example.com", "NOTFOUND "},
    /* The policy service says why. */
    {"mailboxes refuses@example.com", "NOTFOUND "},
    {"aliases refuses@example.com", "NOTFOUND "},
    {"aliases refuses.too@example.com", "NOTFOUND "},
    {"groups hello@example.com", "PERM no such map"},
};

static void test_answers(void **state)
{
    (void)state;
    struct with_mail_peer *peer = with_mail_connect(&place);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        ask(peer, CASES[i].query);
        hears(peer, CASES[i].answer);
    }
    with_mail_leave(peer);
}

static void test_trouble_is_never_notfound(void **state)
{
    (void)state;
    struct with_mail_peer *peer = with_mail_connect(&place);
    with_mail_trouble = true;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0] - 1; i++) {
        ask(peer, CASES[i].query);
        hears(peer, "TEMP accounts are not available now");
    }
    with_mail_trouble = false;
    with_mail_read_fails = true;
    ask(peer, "senders hello@example.com");
    hears(peer, "TEMP accounts are not available now");
    with_mail_read_fails = false;
    ask(peer, "senders hello@example.com");
    hears(peer, "OK hello@example.com,former@example.com");
    with_mail_leave(peer);
}

static void test_a_store_that_hangs(void **state)
{
    (void)state;
    struct with_mail_peer *peer = with_mail_connect(&place);
    with_mail_read_stalls = true;
    ask(peer, "senders hello@example.com");
    ask(peer, "mailboxes hello@example.com"); /* waits for its turn */
    hears(peer, "TEMP accounts are not available now");
    hears(peer, "OK 1");
    assert_int_equal(with_mail_cancels, 1);
    ask(peer, "aliases list@example.com");
    hears(peer, "TEMP accounts are not available now");
    assert_int_equal(with_mail_cancels, 2);
    assert_int_equal(with_mail_logged("lookup_failed map=aliases"), 1);
    with_mail_read_stalls = false;
    ask(peer, "aliases list@example.com");
    hears(peer, "OK hello@example.com,outside@example.net," KEY_B ".0-65535@example.com");
    with_mail_read_fails = true;
    ask(peer, "aliases list@example.com");
    hears(peer, "TEMP accounts are not available now");
    with_mail_read_fails = false;
    with_groups_trouble = true;
    static const char *const NEED_GROUPS[] = {"aliases list@example.com",
                                              "aliases " KEY_A ".0-65535@example.com"};
    for (size_t i = 0; i < sizeof NEED_GROUPS / sizeof NEED_GROUPS[0]; i++) {
        ask(peer, NEED_GROUPS[i]);
        hears(peer, "TEMP accounts are not available now");
    }
    with_mail_leave(peer);
}

static void test_peer_leaves_while_we_ask(void **state)
{
    (void)state;
    struct with_mail_peer *peer = with_mail_connect(&place);
    with_mail_read_stalls = true;
    ask(peer, "senders hello@example.com");
    while (with_mail_reads == 0) {
        loop_turn(with_mail_loop, 100);
    }
    struct with_mail_peer *other = with_mail_connect(&place);
    with_mail_leave(peer);
    while (with_mail_cancels == 0) {
        loop_turn(with_mail_loop, 100);
    }
    ask(other, "aliases list@example.com");
    while (with_mail_reads == 1) {
        loop_turn(with_mail_loop, 100);
    }
    map_server_free(server); /* as when the peer was dropped */
    server = NULL;
    assert_int_equal(with_mail_cancels, 2);
    with_mail_leave(other);
}

static void test_many_former_names(void **state)
{
    (void)state;
    struct with_mail_peer *peer = with_mail_connect(&place);
    with_mail_list_count = 450; /* three pages */
    ask(peer, "senders hello@example.com");
    const char *head = "8532:OK hello@example.com,former@example.com,r00003@example.com,";
    assert_string_equal(with_mail_bytes(peer, strlen(head)), head);
    assert_int_equal(strlen(with_mail_bytes(peer, 8532 + 6 - strlen(head))),
                     8532 + 6 - strlen(head));
    assert_int_equal(with_mail_reads, 3 + 1);
    with_mail_list_count = 10000; /* more than Postfix takes: the last ones are left out */
    ask(peer, "senders hello@example.com");
    head = "99998:OK hello@example.com,former@example.com,r00003@example.com,";
    assert_string_equal(with_mail_bytes(peer, strlen(head)), head);
    with_mail_leave(peer);
}

static void test_bytes_one_by_one(void **state)
{
    (void)state;
    static const char REQUEST[] = "29:mailboxes nobody@example.com ,";
    static const char TWO[] = "19:domains example.com,19:domains example.net,";
    struct with_mail_peer *peer = with_mail_connect(&place);
    for (size_t i = 0; i < sizeof REQUEST - 1; i++) {
        assert_int_equal(with_mail_quiet(peer), 0);
        with_mail_say_bytes(peer, REQUEST + i, 1);
    }
    hears(peer, "NOTFOUND ");
    with_mail_say(peer, TWO);
    hears(peer, "OK 1");
    hears(peer, "NOTFOUND ");
    with_mail_leave(peer);
}

static void test_nonsense_ends_the_connection(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "x:domains a,", "8:domains a;", "999999:", "3:abc,", "0:,", "GET / HTTP/1.1\r\n"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct with_mail_peer *peer = with_mail_connect(&place);
        with_mail_say(peer, BAD[i]);
        assert_string_equal(with_mail_line(peer), "(closed)");
        with_mail_leave(peer);
    }
    assert_int_equal(with_mail_logged("peer_refused"), 1);
}

static void test_drain_answers_first(void **state)
{
    (void)state;
    struct with_mail_peer *busy = with_mail_connect(&place), *idle = with_mail_connect(&place);
    ask(idle, "domains example.com");
    hears(idle, "OK 1");
    with_mail_read_stalls = true;
    ask(busy, "senders hello@example.com");
    while (with_mail_reads == 0) {
        loop_turn(with_mail_loop, 100);
    }
    map_server_drain(server);
    assert_string_equal(with_mail_line(idle), "(closed)");
    hears(busy, "TEMP accounts are not available now");
    assert_string_equal(with_mail_line(busy), "(closed)");
    with_mail_leave(busy);
    with_mail_leave(idle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, start, stop),
        cmocka_unit_test_setup_teardown(test_trouble_is_never_notfound, start, stop),
        cmocka_unit_test_setup_teardown(test_a_store_that_hangs, start, stop),
        cmocka_unit_test_setup_teardown(test_peer_leaves_while_we_ask, start, stop),
        cmocka_unit_test_setup_teardown(test_many_former_names, start, stop),
        cmocka_unit_test_setup_teardown(test_bytes_one_by_one, start, stop),
        cmocka_unit_test_setup_teardown(test_nonsense_ends_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(test_drain_answers_first, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
