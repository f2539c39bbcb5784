/* test_policy_server.c - whether an authenticated sender may still send, as Postfix asks it. */
#include "with_mail.h"

#include "mail/policy_server.h"

#define LIST "55555555-5555-4555-8555-555555555555"
#define KEY  "0123456789abcdef0123456789abcdea"

static struct policy_server *server;
static struct with_mail_place place;

static int start(void **state)
{
    (void)state;
    const struct policy_server_settings settings = {.name = "policy", .connections_max = 4};
    with_mail_start();
    with_groups_start();
    with_groups_add(LIST, "list@example.com", KEY, GROUP_ROWS_MEMBERS);
    with_groups_add("66666666-6666-4666-8666-666666666666", "team@example.com",
                    "0123456789abcdef0123456789abcdeb", GROUP_ROWS_INTERNAL);
    with_groups_join(LIST, GROUP_ROWS_ACCOUNT, "hello@example.com", 10);
    with_groups_join(LIST, GROUP_ROWS_ACCOUNT, "quota@example.com", 20)->role = GROUP_ROWS_OWNER;
    int fd = with_mail_listen(&place);
    server = policy_server_new(with_mail_loop, fd, &settings, NULL, NULL, &with_mail_log);
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
    /* What may be used, beside the mailbox. */
    {"protocol_state=RCPT\nsender=reader@example.com\nrecipient=x@example.net\nsasl_username="
     "reader@example.com\n",
     "action=421 4.7.0 This account may not send mail by SMTP"},
    /* Whatever is no person signs nobody in. */
    {"protocol_state=RCPT\nsender=team@example.com\nrecipient=x@example.net\nsasl_username=team@"
     "example.com\n",
     "action=421 4.7.0 This account may no longer send mail"},
    {"protocol_state=RCPT\nsender=list@example.com\nrecipient=x@example.net\nsasl_username=list@"
     "example.com\n",
     "action=421 4.7.0 This account may no longer send mail"},
    /* Ended with reject: for everybody, by each address. */
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=refuses@example.com\n",
     "action=550 5.2.1 This mailbox is disabled and takes no mail"},
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=Refuses.Too+tag@example.com\nsasl_"
     "username=hello@example.com\n",
     "action=550 5.2.1 This mailbox is disabled and takes no mail"},
    {"protocol_state=DATA\nsender=a@example.net\nrecipient=refuses@example.com\n", "action=DUNNO"},
    /* To be forwarded, and nowhere to go. */
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=lost@example.com\n",
     "action=550 5.2.1 This mailbox is disabled and takes no mail"},
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=moved@example.com\n",
     "action=DUNNO"},
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=off@example.com\n", "action=DUNNO"},
    /* A list of its members. */
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=list@example.com\n",
     "action=550 5.7.1 Only members may write to this address: sign in to the submission service "
     "as a member, or ask an owner to be added"},
    /* What MAIL FROM says proves nothing. */
    {"protocol_state=RCPT\nsender=quota@example.com\nrecipient=list@example.com\n",
     "action=550 5.7.1 Only members may write to this address: sign in to the submission service "
     "as a member, or ask an owner to be added"},
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=ALL+x@example.com\n",
     "action=550 5.7.1 Only members may write to this address: sign in to the submission service "
     "as a member, or ask an owner to be added"},
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=list@example.com\nsasl_username="
     "hello@example.com\n",
     "action=DUNNO"},
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=all@example.com\nsasl_username="
     "former@example.com\n",
     "action=DUNNO"},
    /* No member, but an owner. */
    {"protocol_state=RCPT\nsender=quota@example.com\nrecipient=list@example.com\nsasl_username="
     "quota@example.com\n",
     "action=DUNNO"},
    /* Neither. */
    {"protocol_state=RCPT\nsender=copies@example.com\nrecipient=list@example.com\nsasl_username="
     "copies@example.com\n",
     "action=550 5.7.1 Only members may write to this address: sign in to the submission service "
     "as a member, or ask an owner to be added"},
    /* A shared mailbox that is for people of this server. */
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=team@example.com\n",
     "action=550 5.7.1 Only people of this mail server may write to this address: sign in to its "
     "submission service and send again"},
    {"protocol_state=RCPT\nsender=copies@example.com\nrecipient=desk@example.com\nsasl_username="
     "copies@example.com\n",
     "action=DUNNO"},
    /* What Postfix alone makes use of. */
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=0123456789ABCDEF0123456789abcdea.0-"
     "65535@example.com\n",
     "action=550 5.1.1 No such address"},
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=0123456789abcdef0123456789abcdea.7-"
     "9@example.org\nsasl_username=hello@example.com\n",
     "action=550 5.1.1 No such address"},
    {"protocol_state=RCPT\nsender=hello@example.com\nrecipient=0123456789abcdef0123456789abcde9.0-"
     "65535@example.com\n",
     "action=DUNNO"},
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
    assert_string_equal(with_mail_line(peer),
                        "action=DEFER_IF_PERMIT Temporary failure, try again later");
    assert_string_equal(with_mail_line(peer), "");
    ask(peer, "protocol_state=DATA\nsender=a@example.net\nrecipient=hello@example.com\n");
    assert_string_equal(with_mail_line(peer), "action=DUNNO");
    assert_string_equal(with_mail_line(peer), "");
    with_mail_trouble = false;
    with_groups_trouble = true;
    static const char *const NEED_GROUPS[] = {
        "protocol_state=RCPT\nsender=a@example.net\nrecipient=list@example.com\n",
        "protocol_state=RCPT\nsender=a@example.net\nrecipient=" KEY ".0-65535@example.com\n",
        ("protocol_state=RCPT\nsender=a@example.net\nrecipient=list@example.com\n"
         "sasl_username=hello@example.com\n"),
    };
    for (size_t i = 0; i < sizeof NEED_GROUPS / sizeof NEED_GROUPS[0]; i++) {
        ask(peer, NEED_GROUPS[i]);
        assert_string_equal(with_mail_line(peer),
                            "action=DEFER_IF_PERMIT Temporary failure, try again later");
        assert_string_equal(with_mail_line(peer), "");
    }
    with_mail_leave(peer);
}

/* Each kind of sender that a group may have, and each kind of person who writes to it. */
static void test_who_may_write_to_a_group(void **state)
{
    (void)state;
    static const char *const PEOPLE[] = {"", "copies@example.com", "hello@example.com",
                                         "quota@example.com"};
    static const char *const MAY[] = {[GROUP_ROWS_ANYONE] = "yyyy",
                                      [GROUP_ROWS_INTERNAL] = "nyyy",
                                      [GROUP_ROWS_MEMBERS] = "nnyy",
                                      [GROUP_ROWS_OWNERS] = "nnny"};
    struct with_mail_peer *peer = with_mail_connect(&place);
    for (size_t kind = 0; kind < sizeof MAY / sizeof MAY[0]; kind++) {
        with_groups_groups[0].senders = (enum group_rows_senders)kind;
        for (size_t who = 0; who < sizeof PEOPLE / sizeof PEOPLE[0]; who++) {
            char attributes[256];
            snprintf(attributes, sizeof attributes,
                     "protocol_state=RCPT\nsender=a@example.net\nrecipient=list@example.com\n"
                     "sasl_username=%s\n",
                     PEOPLE[who]);
            ask(peer, attributes);
            const char *action = with_mail_line(peer);
            bool passes = strcmp(action, "action=DUNNO") == 0;
            assert_int_equal(passes, MAY[kind][who] == 'y');
            assert_true(passes || strncmp(action, "action=550 5.7.1 Only ", 22) == 0);
            assert_string_equal(with_mail_line(peer), "");
        }
    }
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
        cmocka_unit_test_setup_teardown(test_who_may_write_to_a_group, start, stop),
        cmocka_unit_test_setup_teardown(test_bytes_one_by_one, start, stop),
        cmocka_unit_test_setup_teardown(test_nonsense_ends_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(test_endless_request, start, stop),
        cmocka_unit_test_setup_teardown(test_idle_connections_make_room, start, stop),
        cmocka_unit_test_setup_teardown(test_drain, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
