/* test_auth_server.c - the auth protocol's client side: dialects, answers, rights, bounds, the end. */
#include "with_auth.h"

/* -- dialects -- */

static void test_mechanisms_without_passwords(void **state)
{
    (void)state;
    service.settings.passwords = false;
    struct with_mail_peer *peer = with_mail_connect(&dovecot_place);
    greeted(peer, 2);
    with_mail_leave(peer);
}

static void test_cookies_differ(void **state)
{
    (void)state;
    char first[64];
    struct with_mail_peer *one = join(&dovecot_place, 2);
    memcpy(first, cookie, sizeof first);
    struct with_mail_peer *two = join(&dovecot_place, 2);
    assert_string_not_equal(first, cookie);
    with_mail_leave(one);
    with_mail_leave(two);
}

static void test_cancel(void **state)
{
    (void)state;
    struct with_mail_peer *old = join(&dovecot_place, 2), *new = join(&dovecot_place, 4);
    logins_stall = true;
    with_mail_say(old, "AUTH\t1\tXOAUTH2\tservice=imap\tresp=" GOOD "\nCANCEL\t1\n");
    assert_string_equal(ask(new, "AUTH\t1\tXOAUTH2\tprotocol=imap\tresp=" GOOD "\nCANCEL\t1"),
                        "CANCELLED\t1");
    assert_int_equal(with_mail_quiet(old), 0);
    assert_int_equal(logins_cancelled, 2);
    logins_stall = false;
    assert_string_equal(ask(old, "AUTH\t1\tXOAUTH2\tservice=imap\tresp=" GOOD),
                        "OK\t1\tuser=hello@example.com");
    assert_int_equal(pending_login_count(pending), 1);
    assert_string_equal(ask(new, "CANCEL\t1"), "CANCELLED\t1");
    assert_int_equal(pending_login_count(pending), 1); /* the id of another connection */
    with_mail_say(old, "CANCEL\t1\n");
    with_mail_quiet(old);
    assert_int_equal(pending_login_count(pending), 0);
    with_mail_leave(old);
    with_mail_leave(new);
}

/* `resp=` and nothing behind it: none from clients before minor 2, an empty one from later ones. */
static void test_empty_response(void **state)
{
    (void)state;
    struct with_mail_peer *pfx = join(&postfix_place, 0), *dct = join(&dovecot_place, 2);
    assert_string_equal(ask(pfx, "AUTH\t1\tXOAUTH2\tservice=smtp\tnologin\tresp="), "CONT\t1\t");
    assert_false(last_request.has_response);
    assert_string_equal(ask(pfx, "CONT\t1\t" GOOD), "OK\t1\tuser=hello@example.com");
    assert_string_equal(ask(pfx, "AUTH\t2\tXOAUTH2\tservice=smtp\tnologin\tresp=="),
                        "FAIL\t2\tcode=invalid_base64\treason=Invalid base64 data");
    assert_true(last_request.has_response);
    (void)ask(dct, "AUTH\t1\tXOAUTH2\tservice=imap\tresp=");
    assert_true(last_request.has_response);
    with_mail_leave(pfx);
    with_mail_leave(dct);
}

static void test_what_login_is_told(void **state)
{
    (void)state;
    struct with_mail_peer *pfx = join(&postfix_place, 0), *dct = join(&dovecot_place, 3);
    (void)ask(pfx, "AUTH\t1\tXOAUTH2\tservice=smtp\tnologin\tresp=" GOOD);
    assert_true(last_request.line_limit);
    assert_false(last_request.secured);
    (void)ask(pfx, "AUTH\t2\tplain\tservice=smtp\tsecured\tresp=" GOOD);
    assert_true(last_request.secured);
    assert_int_equal(last_request.mechanism, SASL_PLAIN);
    (void)ask(pfx, "AUTH\t3\tPLAIN\tservice=doveadm\tresp=" GOOD);
    assert_true(last_request.secured); /* root on a UNIX socket */
    assert_false(last_request.line_limit);
    (void)ask(dct, "AUTH\t1\tNOSUCH\tprotocol=imap\tsecured=tls\tresp=" GOOD);
    assert_int_equal(last_request.mechanism, SASL_UNKNOWN);
    assert_true(last_request.secured);
    assert_false(last_request.line_limit);
    with_mail_leave(pfx);
    with_mail_leave(dct);
}

static void test_nologin_leaves_nothing_pending(void **state)
{
    (void)state;
    struct with_mail_peer *pfx = join(&postfix_place, 0), *dct = join(&dovecot_place, 2);
    assert_string_equal(ask(pfx, "AUTH\t1\tXOAUTH2\tservice=smtp\tresp=" GOOD),
                        "OK\t1\tuser=hello@example.com");
    assert_string_equal(ask(dct, "AUTH\t1\tXOAUTH2\tservice=imap\tnologin\tresp=" GOOD),
                        "OK\t1\tuser=hello@example.com");
    assert_int_equal(pending_login_count(pending), 0);
    with_mail_leave(pfx);
    with_mail_leave(dct);
}

static void test_pending_ends_with_the_connection(void **state)
{
    (void)state;
    struct with_mail_peer *peer = join(&dovecot_place, 2);
    assert_string_equal(ask(peer, "AUTH\t1\tXOAUTH2\tservice=imap\tresp=" GOOD),
                        "OK\t1\tuser=hello@example.com");
    assert_int_equal(pending_login_count(pending), 1);
    with_mail_leave(peer);
    while (pending_login_count(pending) > 0) {
        loop_turn(with_mail_loop, 100);
    }
}

/* -- answers -- */

static void test_temporary_failures(void **state)
{
    (void)state;
    struct with_mail_peer *pfx = join(&postfix_place, 0), *dct = join(&dovecot_place, 2);
    logins_unavailable = true;
    assert_string_equal(ask(dct, "AUTH\t1\tXOAUTH2\tservice=imap\tresp=" GOOD),
                        "FAIL\t1\tcode=temp_fail");
    assert_string_equal(ask(dct, "AUTH\t2\tXOAUTH2\tservice=doveadm\tresp=" GOOD),
                        "FAIL\t2\tcode=temp_fail");
    assert_string_equal(ask(pfx, "AUTH\t1\tXOAUTH2\tservice=doveadm\tresp=" GOOD),
                        "FAIL\t1\tcode=temp_fail");
    assert_string_equal(ask(pfx, "AUTH\t2\tXOAUTH2\tservice=smtp\tnologin\tresp=" GOOD),
                        "(closed)");
    with_mail_leave(pfx);
    logins_unavailable = false;
    pfx = join(&postfix_place, 0); /* Postfix connects again by itself */
    assert_string_equal(ask(pfx, "AUTH\t1\tXOAUTH2\tservice=smtp\tnologin\tresp=" GOOD),
                        "OK\t1\tuser=hello@example.com");
    assert_int_equal(with_mail_logged("peer_refused"), 0);
    with_mail_leave(pfx);
    with_mail_leave(dct);
}

static void test_too_many_pending_is_temporary(void **state)
{
    (void)state;
    pending_max = 1;
    reopen();
    struct with_mail_peer *peer = join(&dovecot_place, 2);
    assert_string_equal(ask(peer, "AUTH\t1\tXOAUTH2\tservice=imap\tresp=" GOOD),
                        "OK\t1\tuser=hello@example.com");
    assert_string_equal(ask(peer, "AUTH\t2\tXOAUTH2\tservice=imap\tresp=" GOOD),
                        "FAIL\t2\tcode=temp_fail");
    with_mail_leave(peer);
}

static const struct {
    enum login_hint hint;
    const char *answer;
} HINTS[] = {
    {LOGIN_HINT_TRUNCATED,
     "FAIL\t1\treason=initial response was cut at the mail server's line_length_limit; "
     "its administrator should raise it"},
    {LOGIN_HINT_TOO_LONG, "FAIL\t1\treason=credential too long"},
    {LOGIN_HINT_INVALID_BASE64, "FAIL\t1\tcode=invalid_base64\treason=Invalid base64 data"},
    {LOGIN_HINT_NEEDS_TLS, "FAIL\t1\treason=sign-in needs an encrypted connection"},
    {LOGIN_HINT_MECHANISM, "FAIL\t1\treason=authentication mechanism not supported"},
};

static void test_hints(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof HINTS / sizeof HINTS[0]; i++) {
        struct with_mail_peer *peer = join(&postfix_place, 0);
        logins_hint = HINTS[i].hint;
        const char *heard = ask(peer, "AUTH\t1\tXOAUTH2\tservice=smtp\tresp=x");
        assert_string_equal(heard, HINTS[i].answer);
        with_mail_leave(peer);
    }
}

/* -- who may do what -- */

static const struct {
    bool postfix;
    const char *service;
    bool root, served;
} SERVICES[] = {
    {false, "service=imap", false, true},     {false, "protocol=imap", false, true},
    {false, "service=pop3", false, true},     {false, "service=sieve", false, true},
    {false, "service=smtp", true, false},     {false, "protocol=smtp", true, false},
    {false, "service=SMTP", true, false},     {false, "secured", true, false},
    {false, "service=doveadm", false, false}, {false, "service=doveadm", true, true},
    {true, "service=smtp", false, true},      {true, "service=imap", true, false},
    {true, "service=doveadm", false, false},  {true, "service=doveadm", true, true},
    {true, "nologin", true, false},
};

static void test_services(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SERVICES / sizeof SERVICES[0]; i++) {
        char line[200];
        auth_settings.root_uid = SERVICES[i].root ? getuid() : getuid() + 1;
        reopen();
        struct with_mail_peer *peer =
            join(SERVICES[i].postfix ? &postfix_place : &dovecot_place, 2);
        snprintf(line, sizeof line, "AUTH\t1\tXOAUTH2\t%s\tresp=" GOOD, SERVICES[i].service);
        assert_string_equal(ask(peer, line),
                            SERVICES[i].served ? "OK\t1\tuser=hello@example.com" : "FAIL\t1");
        assert_int_equal(logins_started, SERVICES[i].served ? 1 : 0);
        assert_int_equal(with_mail_logged("peer_refused"), SERVICES[i].served ? 0 : 1);
        with_mail_leave(peer);
    }
}

static void test_protocol_errors_end_the_connection(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "VERSION\t2\t0\n",
        "AUTH\t1\tPLAIN\tservice=imap\n", /* before the handshake */
        "CPID\t1\nAUTH\t1\tPLAIN\tservice=imap\n",
        "VERSION\t1\t2\nCPID\t1\nAUTH\tx\tPLAIN\n",
        "VERSION\t1\t2\nCPID\t1\nAUTH\t1\n",
        "VERSION\t1\t2\nCPID\t1\nUSER\t1\thello@example.com\n",
        "VERSION\t1\t2\nCPID\t1\nREQUEST\t1\t2\t3\tabababababababababababababababab\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\nAUTH\t1\tPLAIN\n",
    };
    logins_stall = true;
    for (size_t i = 0; i < 3 * sizeof BAD / sizeof BAD[0]; i++) {
        struct with_mail_peer *peer = with_mail_connect(&dovecot_place);
        greeted(peer, 0);
        with_mail_say(peer, BAD[i % (sizeof BAD / sizeof BAD[0])]);
        assert_string_equal(with_mail_line(peer), "(closed)");
        with_mail_leave(peer);
    }
    struct with_mail_peer *peer = join(&dovecot_place, 2);
    with_mail_say(peer, "FUTURE\t1\nAUTH\t1\tPLAIN\tservice=imap\nCONT\t9\tAAAA\nCANCEL\t8\n");
    assert_int_equal(with_mail_quiet(peer), 0);
    assert_false(peer->closed);
    with_mail_say(peer, "AUTH\t1\tPLAIN\tservice=imap\n"); /* an id twice */
    assert_string_equal(with_mail_line(peer), "(closed)");
    assert_int_equal(logins_cancelled, 1);
    with_mail_leave(peer);
    size_t said = with_mail_logged("peer_refused");
    assert_true(said > 1 &&
                said <= 8); /* one a reason and minute, and not more than eight in all */
}

static void test_lines_are_bounded(void **state)
{
    (void)state;
    struct with_mail_peer *peer = join(&dovecot_place, 2);
    size_t length = DOVECOT_LINE_MAX - 100;
    char *long_line = memory_new(1, DOVECOT_LINE_MAX + 100);
    memset(long_line, 'A', DOVECOT_LINE_MAX + 50);
    int head = snprintf(long_line, 100, "AUTH\t1\tXOAUTH2\tservice=imap\tresp=");
    long_line[head] = 'A';
    long_line[length] = '\n';
    with_mail_say_bytes(peer, long_line, length + 1);
    assert_int_equal(strncmp(with_mail_line(peer), "FAIL\t1", 6), 0);
    long_line[length] = 'A';
    with_mail_say_bytes(peer, long_line, DOVECOT_LINE_MAX + 50);
    assert_string_equal(with_mail_line(peer), "(closed)");
    assert_int_equal(with_mail_logged("AAAA"), 0);
    memory_free(long_line);
    with_mail_leave(peer);
}

/* -- many at once -- */

static void test_a_new_auth_of_postfix_ends_the_older(void **state)
{
    (void)state;
    struct with_mail_peer *peer = join(&postfix_place, 0);
    logins_stall = true;
    with_mail_say(peer, "AUTH\t1\tXOAUTH2\tservice=smtp\tnologin\tresp=" GOOD "\n");
    assert_int_equal(with_mail_quiet(peer), 0);
    logins_stall = false;
    assert_string_equal(ask(peer, "AUTH\t2\tXOAUTH2\tservice=smtp\tnologin\tresp=" GOOD),
                        "OK\t2\tuser=hello@example.com");
    assert_int_equal(logins_cancelled, 1);
    with_mail_leave(peer);
}

/* A thousand are open, each answered out of order; what comes beyond fails for now, as what lies behind it
 * may be the CONT or CANCEL that makes room. */
static void test_a_thousand_open_requests(void **state)
{
    (void)state;
    struct with_mail_peer *peer = join(&dovecot_place, 2);
    char line[200];
    logins_stall = true;
    for (unsigned id = 1; id <= 1100; id++) {
        snprintf(line, sizeof line, "AUTH\t%u\tXOAUTH2\tservice=imap\tresp=" GOOD "\n", id);
        with_mail_say(peer, line);
    }
    for (unsigned id = 1001; id <= 1100; id++) {
        snprintf(line, sizeof line, "FAIL\t%u\tcode=temp_fail", id);
        assert_string_equal(with_mail_line(peer), line);
    }
    assert_int_equal(logins_started, 1000);
    with_mail_say(peer, "CANCEL\t3\nAUTH\t1101\tXOAUTH2\tservice=imap\tresp=" GOOD "\n");
    assert_int_equal(with_mail_quiet(peer), 0);
    assert_int_equal(logins_started, 1001);
    assert_int_equal(auth_server_requests(dovecot), 1000);
    logins_stall = false;
    for (struct login *login = logins; login != NULL; login = login->next) {
        loop_later(with_mail_loop, &login->later); /* the newest first */
    }
    bool seen[1102] = {[3] = true};
    for (int i = 0; i < 1000; i++) {
        const char *heard = with_mail_line(peer);
        assert_int_equal(strncmp(heard, "OK\t", 3), 0);
        unsigned id = (unsigned)strtoul(heard + 3, NULL, 10);
        assert_true(id >= 1 && (id <= 1000 || id == 1101) && !seen[id]);
        seen[id] = true;
        assert_true(i > 0 || id == 1101);
    }
    assert_int_equal(auth_server_requests(dovecot), 0);
    with_mail_leave(peer);
}

static void test_bytes_one_by_one(void **state)
{
    (void)state;
    static const char ALL[] =
        "VERSION\t1\t0\nCPID\t7\nAUTH\t1\tXOAUTH2\tservice=smtp\tresp=" GOOD "\n";
    struct with_mail_peer *peer = with_mail_connect(&postfix_place);
    greeted(peer, 0);
    for (size_t i = 0; i < sizeof ALL - 1; i++) {
        assert_int_equal(with_mail_quiet(peer), 0);
        with_mail_say_bytes(peer, ALL + i, 1);
    }
    assert_string_equal(with_mail_line(peer), "OK\t1\tuser=hello@example.com");
    with_mail_leave(peer);
}

/* 1,000 that never finish keep nobody out, and nobody who has finished is dropped for them. */
static void test_unfinished_handshakes(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    struct with_mail_peer *old = join(&dovecot_place, 2);
    assert_string_equal(ask(old, "AUTH\t1\tXOAUTH2\tservice=imap\tresp=" GOOD),
                        "OK\t1\tuser=hello@example.com");
    int *fds = memory_new(MANY, sizeof *fds);
    for (int i = 0; i < MANY; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fds[i], (const struct sockaddr *)(const void *)&dovecot_place.name,
                                 dovecot_place.size),
                         0);
        if (i % 2 == 0) {
            assert_int_equal(send(fds[i], "VERSION\t1\t2\n", 12, MSG_NOSIGNAL), 12);
        }
        loop_turn(with_mail_loop, 0);
    }
    struct with_mail_peer *new = join(&dovecot_place, 2);
    assert_string_equal(ask(new, "AUTH\t1\tXOAUTH2\tservice=imap\tresp=" GOOD),
                        "OK\t1\tuser=hello@example.com");
    assert_string_equal(ask(old, "AUTH\t2\tXOAUTH2\tservice=imap\tresp=" GOOD),
                        "OK\t2\tuser=hello@example.com");
    assert_true(auth_server_connections(dovecot) <= 50 + 2);
    assert_int_equal(with_mail_logged("peer_refused"), 1);
    for (int i = 0; i < MANY; i++) {
        close(fds[i]);
    }
    memory_free(fds);
    with_mail_leave(old);
    with_mail_leave(new);
}

static void test_handshake_has_its_time(void **state)
{
    (void)state;
    auth_settings.handshake_ms = 20;
    struct with_mail_place place;
    struct auth_server *quick = open_auth(AUTH_SERVER_DOVECOT, "login", &place);
    struct with_mail_peer *silent = with_mail_connect(&place), *good = join(&place, 2);
    greeted(silent, 0);
    assert_string_equal(with_mail_line(silent), "(closed)");
    assert_string_equal(ask(good, "AUTH\t1\tXOAUTH2\tservice=imap\tresp=" GOOD),
                        "OK\t1\tuser=hello@example.com");
    with_mail_leave(silent);
    with_mail_leave(good);
    auth_server_free(quick);
}

/* -- the end -- */

static void test_drain_finishes_what_is_open(void **state)
{
    (void)state;
    struct with_mail_peer *idle = join(&dovecot_place, 2), *busy = join(&dovecot_place, 2),
                          *asker = NULL;
    char line[200], busy_cookie[64];
    memcpy(busy_cookie, cookie, sizeof busy_cookie);
    logins_stall = true;
    with_mail_say(busy, "AUTH\t1\tXOAUTH2\tservice=imap\tresp=" GOOD "\n");
    assert_int_equal(with_mail_quiet(busy), 0);
    assert_int_equal(with_mail_quiet(idle), 0);
    auth_server_drain(dovecot);
    assert_string_equal(with_mail_line(idle), "(closed)");
    loop_later(with_mail_loop, &logins->later);
    assert_string_equal(with_mail_line(busy), "OK\t1\tuser=hello@example.com");
    assert_string_equal(with_mail_line(busy), "(closed)");
    assert_int_equal(auth_server_requests(dovecot), 0);
    /* The login still gets its answer on auth-master. */
    asker = join_as("master", false);
    with_mail_say(asker, "VERSION\t1\t1\n");
    snprintf(line, sizeof line, "REQUEST\t9\t1\t1\t%s", busy_cookie);
    assert_int_equal(strncmp(ask(asker, line), "USER\t9\t", 7), 0);
    with_mail_leave(idle);
    with_mail_leave(busy);
    with_mail_leave(asker);
}

static void test_abandon_answers_what_is_open(void **state)
{
    (void)state;
    struct with_mail_peer *dct = join(&dovecot_place, 2), *pfx = join(&postfix_place, 0);
    logins_stall = true;
    with_mail_say(dct, "AUTH\t1\tXOAUTH2\tservice=imap\tresp=" GOOD
                       "\nAUTH\t2\tXOAUTH2\tservice=imap\tresp=" GOOD "\n");
    with_mail_say(pfx, "AUTH\t1\tXOAUTH2\tservice=smtp\tresp=" GOOD "\n");
    while (logins_started < 3) {
        loop_turn(with_mail_loop, 100);
    }
    auth_server_drain(dovecot);
    auth_server_abandon(dovecot);
    auth_server_abandon(postfix);
    assert_string_equal(with_mail_line(dct), "FAIL\t2\tcode=temp_fail");
    assert_string_equal(with_mail_line(dct), "FAIL\t1\tcode=temp_fail");
    assert_string_equal(with_mail_line(dct), "(closed)");
    assert_string_equal(with_mail_line(pfx), "(closed)");
    with_mail_leave(dct);
    with_mail_leave(pfx);
    while (auth_server_connections(dovecot) + auth_server_connections(postfix) > 0) {
        loop_turn(with_mail_loop, 100);
    }
    assert_int_equal(logins_cancelled, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mechanisms_without_passwords, start, stop),
        cmocka_unit_test_setup_teardown(test_cookies_differ, start, stop),
        cmocka_unit_test_setup_teardown(test_cancel, start, stop),
        cmocka_unit_test_setup_teardown(test_empty_response, start, stop),
        cmocka_unit_test_setup_teardown(test_what_login_is_told, start, stop),
        cmocka_unit_test_setup_teardown(test_nologin_leaves_nothing_pending, start, stop),
        cmocka_unit_test_setup_teardown(test_pending_ends_with_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(test_temporary_failures, start, stop),
        cmocka_unit_test_setup_teardown(test_too_many_pending_is_temporary, start, stop),
        cmocka_unit_test_setup_teardown(test_hints, start, stop),
        cmocka_unit_test_setup_teardown(test_services, start, stop),
        cmocka_unit_test_setup_teardown(test_protocol_errors_end_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(test_lines_are_bounded, start, stop),
        cmocka_unit_test_setup_teardown(test_a_new_auth_of_postfix_ends_the_older, start, stop),
        cmocka_unit_test_setup_teardown(test_a_thousand_open_requests, start, stop),
        cmocka_unit_test_setup_teardown(test_bytes_one_by_one, start, stop),
        cmocka_unit_test_setup_teardown(test_unfinished_handshakes, start, stop),
        cmocka_unit_test_setup_teardown(test_handshake_has_its_time, start, stop),
        cmocka_unit_test_setup_teardown(test_drain_finishes_what_is_open, start, stop),
        cmocka_unit_test_setup_teardown(test_abandon_answers_what_is_open, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
