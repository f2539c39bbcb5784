/* test_master_server.c - REQUEST, USER, PASS and LIST: who asks, and what each may hear. */
#include "with_mail.h"

#include "mail/auth_token.h"
#include "mail/master_server.h"

static struct master_server *server;
static struct pending_login_table *pending;
static struct with_mail_place place;
static struct secret token_key;

static struct master_server_settings settings(enum master_server_kind kind)
{
    return (struct master_server_settings){
        .kind = kind,
        .name = kind == MASTER_SERVER_MASTER ? "auth-master" : "auth-userdb",
        .server_pid = 4711,
        .root_uid = getuid(),
        .dovecot_uid = -1,
        .mail_uid = -1,
        .connections_max = 100,
        .handshakes_max = 100,
        .handshake_ms = 60000,
        .token_key = &token_key,
    };
}

static void start(const struct master_server_settings *with)
{
    with_mail_start();
    char key[AUTH_TOKEN_KEY_SIZE];
    memset(key, 'k', sizeof key);
    token_key = secret_new(span_bytes(key, sizeof key));
    pending = pending_login_new(with_mail_loop, &(struct pending_login_settings){100, 60000});
    int fd = with_mail_listen(&place);
    server = master_server_new(with_mail_loop, fd, with, NULL, NULL, pending, &with_mail_log);
}

static int start_master(void **state)
{
    struct master_server_settings with = settings(MASTER_SERVER_MASTER);
    (void)state;
    start(&with);
    return 0;
}

static int start_userdb(void **state)
{
    struct master_server_settings with = settings(MASTER_SERVER_USERDB);
    (void)state;
    start(&with);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    master_server_free(server);
    pending_login_free(pending);
    secret_done(&token_key);
    with_mail_stop();
    return 0;
}

static struct with_mail_peer *join(const char *version)
{
    struct with_mail_peer *peer = with_mail_connect(&place);
    assert_string_equal(with_mail_line(peer), "VERSION\t1\t1");
    assert_string_equal(with_mail_line(peer), "SPID\t4711");
    with_mail_say(peer, version);
    return peer;
}

static const char *ask(struct with_mail_peer *peer, const char *line)
{
    with_mail_say(peer, line);
    with_mail_say(peer, "\n");
    return with_mail_line(peer);
}

static void add_pending(const char *account_id, uint32_t id)
{
    struct pending_login_key key = {.id = id};
    memset(key.cookie, 0xab, sizeof key.cookie);
    const struct pending_login login = {
        .account_id = span_of(account_id),
        .mechanism = SPAN_LITERAL("XOAUTH2"),
        .service = SPAN_LITERAL("imap"),
        .session = SPAN_LITERAL("s1"),
    };
    assert_true(pending_login_add(pending, &key, &login));
}

#define COOKIE   "abababababababababababababababab"
#define HELLO_ID "11111111-1111-4111-8111-111111111111"

static void test_request_once(void **state)
{
    (void)state;
    struct with_mail_peer *peer = join("VERSION\t1\t1\n");
    add_pending(HELLO_ID, 3);
    assert_string_equal(ask(peer, "REQUEST\t77\t99\t4\t" COOKIE), "FAIL\t77");
    assert_string_equal(ask(peer, "REQUEST\t78\t99\t3\tabababababababababababababababac"),
                        "FAIL\t78");
    assert_string_equal(
        ask(peer, "REQUEST\t79\t99\t3\t" COOKIE),
        "USER\t79\thello@example.com\tuid=5000\tgid=5000\thome=/srv/mail/hello\tauth_mech=XOAUTH2");
    assert_string_equal(ask(peer, "REQUEST\t80\t99\t3\t" COOKIE), "FAIL\t80");
    with_mail_leave(peer);
}

static void test_request_of_another_process(void **state)
{
    (void)state;
    char line[200];
    struct with_mail_peer *peer = join("VERSION\t1\t1\n");
    add_pending(HELLO_ID, 3);
    snprintf(line, sizeof line, "REQUEST\t1\t99\t3\t" COOKIE "\tsession_pid=%d", (int)getpid() + 1);
    assert_string_equal(ask(peer, line), "FAIL\t1");
    add_pending(HELLO_ID, 3);
    snprintf(line, sizeof line, "REQUEST\t2\t99\t3\t" COOKIE "\tsession_pid=%d", (int)getpid());
    assert_int_equal(strncmp(ask(peer, line), "USER\t2\t", 7), 0);
    with_mail_leave(peer);
}

static void test_request_is_always_answered(void **state)
{
    (void)state;
    struct with_mail_peer *peer = join("VERSION\t1\t1\n");
    with_mail_trouble = true;
    add_pending(HELLO_ID, 1);
    assert_string_equal(ask(peer, "REQUEST\t1\t9\t1\t" COOKIE), "FAIL\t1");
    with_mail_trouble = false;
    with_mail_state = ACCOUNT_DISABLED;
    add_pending(HELLO_ID, 2);
    assert_string_equal(ask(peer, "REQUEST\t2\t9\t2\t" COOKIE), "FAIL\t2");
    with_mail_state = ACCOUNT_GONE;
    add_pending(HELLO_ID, 3);
    assert_string_equal(ask(peer, "REQUEST\t3\t9\t3\t" COOKIE), "FAIL\t3");
    add_pending("99999999-9999-4999-8999-999999999999", 4);
    assert_string_equal(ask(peer, "REQUEST\t4\t9\t4\t" COOKIE), "NOTFOUND\t4");
    static const char *const NO_MAILBOX_OF_THEIRS[] = {
        "55555555-5555-4555-8555-555555555555", /* a group */
        "66666666-6666-4666-8666-666666666666", /* a shared mailbox */
        "77777777-7777-4777-8777-777777777776", /* a person without */
    };
    for (uint32_t i = 0; i < 3; i++) {
        char line[64], answer[16];
        snprintf(line, sizeof line, "REQUEST\t%u\t9\t%u\t" COOKIE, i + 5, i + 5);
        snprintf(answer, sizeof answer, "FAIL\t%u", i + 5);
        add_pending(NO_MAILBOX_OF_THEIRS[i], i + 5);
        assert_string_equal(ask(peer, line), answer);
    }
    with_mail_leave(peer);
}

static void test_quota_in_both_dialects(void **state)
{
    (void)state;
    struct with_mail_peer *old = join("VERSION\t1\t0\n"), *new = join("VERSION\t1\t3\n");
    assert_string_equal(ask(old, "USER\t1\tquota@example.com\tservice=lmtp"),
                        "USER\t1\tquota@example.com\tuid=5000\tgid=5000\thome=/srv/mail/"
                        "quota\tquota_rule=*:bytes=5000");
    assert_string_equal(ask(new, "USER\t1\tquota@example.com\tprotocol=lmtp"),
                        "USER\t1\tquota@example.com\tuid=5000\tgid=5000\thome=/srv/mail/"
                        "quota\tquota_storage_size=5000");
    with_mail_leave(old);
    with_mail_leave(new);
}

static const struct {
    const char *line, *answer;
} LOOKUPS[] = {
    {"USER\t1\thello@example.com\tservice=lmtp",
     "USER\t1\thello@example.com\tuid=5000\tgid=5000\thome=/srv/mail/hello"},
    {"USER\t2\tHELLO@Example.com\tservice=lmtp",
     "USER\t2\thello@example.com\tuid=5000\tgid=5000\thome=/srv/mail/hello"},
    {"USER\t3\thello+tag@example.com\tservice=lmtp",
     "USER\t3\thello@example.com\tuid=5000\tgid=5000\thome=/srv/mail/hello"},
    {"USER\t4\talias@example.com\tservice=lmtp",
     "USER\t4\thello@example.com\tuid=5000\tgid=5000\thome=/srv/mail/hello"},
    {"USER\t5\tformer@example.com\tservice=imap",
     "USER\t5\thello@example.com\tuid=5000\tgid=5000\thome=/srv/mail/hello"},
    {"USER\t6\tx@catch.example.com\tprotocol=lmtp",
     "USER\t6\thello@example.com\tuid=5000\tgid=5000\thome=/srv/mail/hello"},
    {"USER\t7\tx@catch.example.com\tservice=doveadm", "NOTFOUND\t7"},
    {"USER\t8\thello\tservice=doveadm",
     "USER\t8\thello@example.com\tuid=5000\tgid=5000\thome=/srv/mail/hello"},
    {"USER\t9\toff@example.com\tservice=lmtp",
     "USER\t9\toff@example.com\tuid=5000\tgid=5000\thome=/srv/mail/"
     "off\tsieve=file:/nonexistent/sieve"},
    {"USER\t23\toff@example.com\tservice=doveadm",
     "USER\t23\toff@example.com\tuid=5000\tgid=5000\thome=/srv/mail/off"},
    {"USER\t10\tnobody@example.com\tservice=lmtp", "NOTFOUND\t10"},
    {"USER\t11\tgone@example.com\tservice=lmtp", "NOTFOUND\t11"},
    {"USER\t12\t@example.com\tservice=lmtp", "NOTFOUND\t12"},
    {"PASS\t13\talias@example.com\tservice=doveadm", "PASS\t13\tuser=hello@example.com"},
    {"PASS\t14\toff@example.com\tservice=doveadm", "FAIL\t14\treason=account is disabled"},
    {"PASS\t15\tnobody@example.com\tservice=doveadm", "NOTFOUND\t15"},
    {"CACHE-FLUSH\t16", "OK\t16\t0"},
    {"USER\t17\tlist@example.com\tservice=lmtp", "NOTFOUND\t17"},
    {"USER\t18\tdesk+x@example.com\tservice=lmtp",
     "USER\t18\tteam@example.com\tuid=5000\tgid=5000\thome=/srv/mail/team"},
    {"USER\t19\tnobox@example.com\tservice=imap", "NOTFOUND\t19"},
    {"USER\t20\trefuses@example.com\tservice=doveadm",
     "USER\t20\trefuses@example.com\tuid=5000\tgid=5000\thome=/srv/mail/refuses"},
    {"PASS\t21\tteam@example.com", "FAIL\t21\treason=nobody signs in to a shared mailbox"},
    {"PASS\t22\tlist@example.com", "NOTFOUND\t22"},
};

static void test_lookups(void **state)
{
    (void)state;
    struct with_mail_peer *peer = join("VERSION\t1\t0\n");
    for (size_t i = 0; i < sizeof LOOKUPS / sizeof LOOKUPS[0]; i++) {
        assert_string_equal(ask(peer, LOOKUPS[i].line), LOOKUPS[i].answer);
    }
    with_mail_trouble = true; /* 451 at lmtp, never 550 */
    assert_string_equal(ask(peer, "USER\t1\thello@example.com\tservice=lmtp"), "FAIL\t1");
    assert_string_equal(ask(peer, "USER\t2\tnobody@example.com\tservice=lmtp"), "FAIL\t2");
    assert_string_equal(ask(peer, "PASS\t3\thello@example.com"), "FAIL\t3");
    with_mail_leave(peer);
}

/* Rights, on auth-userdb: root, dovecot, the mail user, somebody else. On auth-master: root only. */
static void test_rights(void **state)
{
    (void)state;
    enum { ROOT, DOVECOT, MAIL, OTHER, WHO };
    static const struct {
        const char *line;
        bool userdb[WHO], master[WHO];
    } RIGHTS[] = {
        {"USER\t1\thello@example.com", {true, true, true, false}, {true, false, false, false}},
        {"PASS\t1\thello@example.com", {true, false, false, false}, {true, false, false, false}},
        {"LIST\t1\tuser=*", {true, false, false, false}, {true, false, false, false}},
        {"CACHE-FLUSH\t1", {true, false, false, false}, {true, false, false, false}},
        {"REQUEST\t1\t9\t1\t" COOKIE, {false, false, false, false}, {true, false, false, false}},
    };
    for (int who = ROOT; who < WHO; who++) {
        for (int kind = 0; kind < 2; kind++) {
            struct master_server_settings with =
                settings(kind == 0 ? MASTER_SERVER_USERDB : MASTER_SERVER_MASTER);
            with.root_uid = who == ROOT ? getuid() : getuid() + 1;
            with.dovecot_uid = who == DOVECOT ? (int64_t)getuid() : -1;
            with.mail_uid = who == MAIL ? (int64_t)getuid() : -1;
            start(&with);
            for (size_t i = 0; i < sizeof RIGHTS / sizeof RIGHTS[0]; i++) {
                struct with_mail_peer *peer = join("VERSION\t1\t1\n");
                add_pending(HELLO_ID, 1);
                bool may = kind == 0 ? RIGHTS[i].userdb[who] : RIGHTS[i].master[who];
                bool did = strcmp(ask(peer, RIGHTS[i].line), "FAIL\t1") != 0;
                assert_int_equal(did, may);
                with_mail_leave(peer);
            }
            bool refused = who != ROOT || kind == 0;
            assert_int_equal(with_mail_logged("peer_refused"), refused ? 1 : 0);
            stop(NULL);
        }
    }
}

static void test_list_in_pages(void **state)
{
    (void)state;
    static const size_t COUNTS[] = {0, 1, 99, 100, 101, 250, 1000};
    struct with_mail_peer *peer = join("VERSION\t1\t0\n");
    for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) {
        char user[64] = "LIST\t5\thello@example.com";
        with_mail_list_count = COUNTS[i];
        with_mail_reads = 0;
        with_mail_say(peer, "LIST\t5\tuser=*\tservice=doveadm\tdebug\n");
        with_mail_say(peer, "CACHE-FLUSH\t6\n"); /* waits for its turn */
        for (size_t row = 0; row < COUNTS[i]; row++) {
            assert_string_equal(with_mail_line(peer), user);
            snprintf(user, sizeof user, "LIST\t5\tu%05zu@example.com", row + 1);
        }
        assert_string_equal(with_mail_line(peer), "DONE\t5\t");
        assert_string_equal(with_mail_line(peer), "OK\t6\t0");
        assert_int_equal(with_mail_reads, COUNTS[i] / 100 + 1);
    }
    with_mail_leave(peer);
}

static void test_list_that_fails(void **state)
{
    (void)state;
    struct with_mail_peer *peer = join("VERSION\t1\t0\n");
    with_mail_read_fails = true;
    assert_string_equal(ask(peer, "LIST\t5\tuser=*"), "DONE\t5\tfail");
    with_mail_leave(peer);
}

/* doveadm that does not read: no more pages are fetched than the output may hold. */
static void test_list_to_a_slow_peer(void **state)
{
    (void)state;
    struct with_mail_peer *peer = join("VERSION\t1\t0\n");
    with_mail_list_count = 90000;
    with_mail_say(peer, "LIST\t5\tuser=*\n");
    while (with_mail_reads < 20) {
        loop_turn(with_mail_loop, 50);
    }
    for (int i = 0; i < 3000; i++) {
        loop_turn(with_mail_loop, 0);
    }
    size_t held_back = with_mail_reads;
    assert_true(held_back < 300);
    size_t lines = 0;
    while (strcmp(with_mail_line(peer), "DONE\t5\t") != 0) {
        lines++;
    }
    assert_int_equal(lines, 90000);
    with_mail_leave(peer);
}

static void test_peer_leaves_during_list(void **state)
{
    (void)state;
    struct with_mail_peer *peer = join("VERSION\t1\t0\n");
    with_mail_read_stalls = true;
    with_mail_say(peer, "LIST\t5\tuser=*\n");
    while (with_mail_reads == 0) {
        loop_turn(with_mail_loop, 100);
    }
    with_mail_leave(peer);
    master_server_free(server);
    server = NULL;
    assert_int_equal(with_mail_cancels, 1);
}

static void test_handshake(void **state)
{
    (void)state;
    static const char *const BAD[] = {"VERSION\t2\t0\n", "USER\t1\thello@example.com\n",
                                      "VERSION\t1\n", "VERSION\t1\t0\nREQUEST\t1\t2\t3\tnot-hex\n",
                                      "VERSION\t1\t0\nUSER\t1\n"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct with_mail_peer *peer = join(BAD[i]);
        assert_string_equal(with_mail_line(peer), "(closed)");
        with_mail_leave(peer);
    }
    struct with_mail_peer *peer = join("VERSION\t1\t9\nCPID\t5\nCANCEL\t5\nFUTURE\t1\n");
    assert_string_equal(ask(peer, "USER\t1\tnobody@example.com"), "NOTFOUND\t1");
    with_mail_leave(peer);
}

/* What imap gets, imap-urlauth-login can prove. */
static void test_auth_token(void **state)
{
    (void)state;
    char line[200];
    struct with_mail_peer *peer = join("VERSION\t1\t1\n");
    add_pending(HELLO_ID, 3);
    snprintf(line, sizeof line, "REQUEST\t1\t99\t3\t" COOKIE "\tsession_pid=%d\trequest_auth_token",
             (int)getpid());
    const char *answer = ask(peer, line);
    const char *token = strstr(answer, "\tauth_token=");
    assert_non_null(token);
    snprintf(line, sizeof line, "%d", (int)getpid());
    const struct auth_token_claim claim = {SPAN_LITERAL("imap"), span_of(line),
                                           SPAN_LITERAL("hello@example.com"), SPAN_LITERAL("s1")};
    CLEANUP(buffer_done) struct buffer expected = buffer_limited(AUTH_TOKEN_SIZE);
    auth_token_make(&token_key, &claim, &expected);
    assert_true(span_equal(span_of(token + strlen("\tauth_token=")), buffer_span(&expected)));
    with_mail_leave(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_request_once, start_master, stop),
        cmocka_unit_test_setup_teardown(test_request_of_another_process, start_master, stop),
        cmocka_unit_test_setup_teardown(test_request_is_always_answered, start_master, stop),
        cmocka_unit_test_setup_teardown(test_quota_in_both_dialects, start_userdb, stop),
        cmocka_unit_test_setup_teardown(test_lookups, start_userdb, stop),
        cmocka_unit_test(test_rights),
        cmocka_unit_test_setup_teardown(test_list_in_pages, start_userdb, stop),
        cmocka_unit_test_setup_teardown(test_list_that_fails, start_userdb, stop),
        cmocka_unit_test_setup_teardown(test_list_to_a_slow_peer, start_userdb, stop),
        cmocka_unit_test_setup_teardown(test_peer_leaves_during_list, start_userdb, stop),
        cmocka_unit_test_setup_teardown(test_handshake, start_master, stop),
        cmocka_unit_test_setup_teardown(test_auth_token, start_master, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
