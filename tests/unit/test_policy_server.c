/* test_policy_server.c - whether an authenticated sender may still send, as Postfix asks it. */
#include "with_mail.h"

#include "mail/policy_server.h"

static struct policy_server *server;
static struct with_mail_place place;

static int start(void **state)
{
    (void)state;
    const struct policy_server_settings settings = {.name = "policy", .connections_max = 4};
    with_mail_start();
    int fd = with_mail_listen(&place);
    server = policy_server_new(with_mail_loop, fd, &settings, NULL, &with_mail_log);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    policy_server_free(server);
    with_mail_stop();
    return 0;
}

static const struct {
    const char *attributes, *action;
} CASES[] = {
    /* Not authenticated: not our question. */
    {"protocol_state=RCPT\nsender=a@example.net\nrecipient=hello@example.com\n", "action=DUNNO"},
    {"protocol_state=RCPT\nsender=\nrecipient=off@example.com\nrecipient_count=0\n",
     "action=DUNNO"},
    {"protocol_state=DATA\nsender=\nrecipient_count=50\nsasl_username=\n", "action=DUNNO"},
    /* Authenticated and active. */
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=x@example.net\nsasl_username=hello@"
     "example.com\n",
     "action=DUNNO"},
    {"protocol_state=DATA\nsender=hello@example.com\nrecipient_count=50\nsasl_username=Hello@"
     "Example.COM\n",
     "action=DUNNO"},
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=x@example.net\nsasl_username="
     "hello\n",
     "action=DUNNO"},
    /* Signed in before the account was renamed. */
    {"protocol_state=RCPT\nsender=former@example.com\nrecipient=x@example.net\nsasl_username="
     "former@example.com\n",
     "action=DUNNO"},
    /* MAIL FROM:<> of an authenticated client. */
    {"protocol_state=RCPT\nsender=\nrecipient=x@example.net\nrecipient_count=0\nsasl_username="
     "hello@example.com\n",
     "action=DUNNO"},
    {"protocol_state=DATA\nsender=\nrecipient_count=1\nsasl_username=hello@example.com\n",
     "action=DUNNO"},
    {"protocol_state=DATA\nsender=\nrecipient_count=2\nsasl_username=hello@example.com\n",
     "action=550 5.7.1 An empty sender address may have one recipient only"},
    {"protocol_state=END-OF-MESSAGE\nsender=\nrecipient_count=3\nsize=10\nsasl_username=hello@"
     "example.com\n",
     "action=550 5.7.1 An empty sender address may have one recipient only"},
    /* Ended: disabled, deleted, never heard of, no name at all. */
    {"protocol_state=RCPT\nsender=off@example.com\nrecipient=x@example.net\nsasl_username=off@"
     "example.com\n",
     "action=421 4.7.0 This account may no longer send mail"},
    {"protocol_state=DATA\nsender=off@example.com\nrecipient_count=1\nsasl_username=off@example."
     "com\n",
     "action=421 4.7.0 This account may no longer send mail"},
    {"protocol_state=DATA\nsender=\nrecipient_count=1\nsasl_username=off@example.com\n",
     "action=421 4.7.0 This account may no longer send mail"},
    {"protocol_state=RCPT\nsender=gone@example.com\nrecipient=x@example.net\nsasl_username=gone@"
     "example.com\n",
     "action=421 4.7.0 This account may no longer send mail"},
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=x@example.net\nsasl_username=a b@\n",
     "action=421 4.7.0 This account may no longer send mail"},
    /* A catch-all and a tag are no login names. */
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=x@example.net\nsasl_username=x@"
     "catch.example.com\n",
     "action=421 4.7.0 This account may no longer send mail"},
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=x@example.net\nsasl_username=hello+"
     "x@example.com\n",
     "action=421 4.7.0 This account may no longer send mail"},
};

static void ask(struct with_mail_peer *peer, const char *attributes)
{
    with_mail_say(peer, "request=smtpd_access_policy\n");
    with_mail_say(peer, attributes);
    with_mail_say(peer, "\n");
}

static void test_actions(void **state)
{
    (void)state;
    struct with_mail_peer *peer = with_mail_connect(&place);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        ask(peer, CASES[i].attributes);
        assert_string_equal(with_mail_line(peer), CASES[i].action);
        assert_string_equal(with_mail_line(peer), "");
    }
    with_mail_leave(peer);
}

static void test_ended_while_connected(void **state)
{
    (void)state;
    const char *attributes = "protocol_state=DATA\nsender=hello@example.com\nrecipient_count=1\n"
                             "client_address=192.0.2.1\nsasl_username=hello@example.com\n";
    struct with_mail_peer *peer = with_mail_connect(&place);
    ask(peer, attributes);
    assert_string_equal(with_mail_line(peer), "action=DUNNO");
    assert_string_equal(with_mail_line(peer), "");
    with_mail_state = ACCOUNT_DISABLED;
    ask(peer, attributes);
    assert_string_equal(with_mail_line(peer),
                        "action=421 4.7.0 This account may no longer send mail");
    assert_string_equal(with_mail_line(peer), "");
    assert_int_equal(with_mail_logged("sending_stopped user=hello@example.com"), 1);
    assert_int_equal(with_mail_logged("rip=192.0.2.1"), 1);
    with_mail_leave(peer);
}

static void test_trouble_is_temporary(void **state)
{
    (void)state;
    struct with_mail_peer *peer = with_mail_connect(&place);
    with_mail_trouble = true;
    ask(peer, "protocol_state=RCPT\nsender=hello@example.com\nsasl_username=hello@example.com\n");
    assert_string_equal(with_mail_line(peer),
                        "action=451 4.3.0 Temporary failure, try again later");
    assert_string_equal(with_mail_line(peer), "");
    ask(peer, "protocol_state=RCPT\nsender=a@example.net\nrecipient=hello@example.com\n");
    assert_string_equal(with_mail_line(peer), "action=DUNNO");
    with_mail_leave(peer);
}

static void test_bytes_one_by_one(void **state)
{
    (void)state;
    static const char REQUEST[] = "request=smtpd_access_policy\nprotocol_state=RCPT\n"
                                  "sasl_username=off@example.com\n\n";
    struct with_mail_peer *peer = with_mail_connect(&place);
    for (size_t i = 0; i < sizeof REQUEST - 1; i++) {
        assert_int_equal(with_mail_quiet(peer), 0);
        with_mail_say_bytes(peer, REQUEST + i, 1);
    }
    assert_string_equal(with_mail_line(peer),
                        "action=421 4.7.0 This account may no longer send mail");
    with_mail_leave(peer);
}

static void test_nonsense_ends_the_connection(void **state)
{
    (void)state;
    static const char *const BAD[] = {"GET / HTTP/1.1\r\n\r\n",
                                      "request=other\nprotocol_state=RCPT\n\n", "\n"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct with_mail_peer *peer = with_mail_connect(&place);
        with_mail_say(peer, BAD[i]);
        assert_string_equal(with_mail_line(peer), "(closed)");
        with_mail_leave(peer);
    }
    assert_int_equal(with_mail_logged("peer_refused"),
                     1); /* and the others within the minute are counted */
    struct with_mail_peer *peer = with_mail_connect(&place);
    ask(peer, "protocol_state=RCPT\n");
    assert_string_equal(with_mail_line(peer), "action=DUNNO");
    with_mail_leave(peer);
}

static void test_endless_request(void **state)
{
    (void)state;
    struct with_mail_peer *peer = with_mail_connect(&place);
    with_mail_say(peer, "request=smtpd_access_policy\n");
    for (int i = 0; i < 200; i++) {
        with_mail_say(peer, "x000000000000000000000000000000000000000000000000000000000000000000000"
                            "000000000000000000=y\n");
    }
    assert_string_equal(with_mail_line(peer), "(closed)");
    with_mail_leave(peer);
}

/* Postfix connects again by itself. */
static void test_idle_connections_make_room(void **state)
{
    (void)state;
    struct with_mail_peer *peers[6];
    for (size_t i = 0; i < 6; i++) {
        peers[i] = with_mail_connect(&place);
        ask(peers[i], "protocol_state=RCPT\n");
        assert_string_equal(with_mail_line(peers[i]), "action=DUNNO");
        assert_string_equal(with_mail_line(peers[i]), "");
    }
    assert_string_equal(with_mail_line(peers[0]), "(closed)");
    assert_string_equal(with_mail_line(peers[1]), "(closed)");
    assert_int_equal(policy_server_connections(server), 4);
    for (size_t i = 2; i < 6; i++) {
        ask(peers[i], "protocol_state=RCPT\n");
        assert_string_equal(with_mail_line(peers[i]), "action=DUNNO");
    }
    for (size_t i = 0; i < 6; i++) {
        with_mail_leave(peers[i]);
    }
}

static void test_drain(void **state)
{
    (void)state;
    struct with_mail_peer *peer = with_mail_connect(&place);
    ask(peer, "protocol_state=RCPT\n");
    assert_string_equal(with_mail_line(peer), "action=DUNNO");
    assert_string_equal(with_mail_line(peer), "");
    policy_server_drain(server);
    assert_string_equal(with_mail_line(peer), "(closed)");
    with_mail_leave(peer);
    while (policy_server_connections(server) > 0) {
        loop_turn(with_mail_loop, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_actions, start, stop),
        cmocka_unit_test_setup_teardown(test_ended_while_connected, start, stop),
        cmocka_unit_test_setup_teardown(test_trouble_is_temporary, start, stop),
        cmocka_unit_test_setup_teardown(test_bytes_one_by_one, start, stop),
        cmocka_unit_test_setup_teardown(test_nonsense_ends_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(test_endless_request, start, stop),
        cmocka_unit_test_setup_teardown(test_idle_connections_make_room, start, stop),
        cmocka_unit_test_setup_teardown(test_drain, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
