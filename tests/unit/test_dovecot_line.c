/* test_dovecot_line.c - the auth protocol: vectors/dovecot_line.txt (2.3, 2.4, Postfix, doveadm), and our answers. */
#include "vectors.h"

#include "base/arena.h"
#include "base/text.h"
#include "wire/dovecot_line.h"

static void show_text(struct buffer *out, const char *name, struct span value)
{
    if (!span_empty(value)) {
        buffer_format(out, " %s=", name);
        buffer_add(out, value);
    }
}

static void show_number(struct buffer *out, const char *name, uint32_t number)
{
    if (number != 0) {
        buffer_format(out, " %s=%u", name, number);
    }
}

static void show_flag(struct buffer *out, const char *name, bool flag)
{
    buffer_add_text(out, flag ? " " : "");
    buffer_add_text(out, flag ? name : "");
}

static void show_parameters(struct buffer *out, const struct dovecot_line *line)
{
    show_text(out, "mechanism", line->mechanism);
    show_text(out, "user", line->user);
    show_text(out, "service", line->service);
    show_text(out, "session", line->session);
    show_text(out, "lip", line->lip);
    show_text(out, "rip", line->rip);
    show_number(out, "lport", line->lport);
    show_number(out, "rport", line->rport);
    show_text(out, "local_name", line->local_name);
    show_text(out, "client_id", line->client_id);
    show_flag(out, "secured", line->secured);
    show_flag(out, "tls", line->secured_tls);
    show_flag(out, "nologin", line->nologin);
    show_flag(out, "no-penalty", line->no_penalty);
    show_flag(out, "debug", line->debug);
    show_flag(out, "final-resp-ok", line->final_resp_ok);
    show_flag(out, "client-cert", line->valid_client_cert);
}

static void show_request(struct buffer *out, const struct dovecot_line *line)
{
    if (line->command == DOVECOT_LINE_REQUEST) {
        show_number(out, "auth_id", line->auth_id);
        buffer_add_text(out, " cookie=");
        text_hex_encode(span_bytes(line->cookie, sizeof line->cookie), out);
        show_number(out, "session_pid", line->session_pid);
        show_flag(out, "auth-token", line->request_auth_token);
    }
}

/* Everything the struct says: what a line did not say is not shown. "responds" is for clients of
 * minor version 0 and 2. */
static void show(struct buffer *out, const struct dovecot_line *line)
{
    static const char *const NAMES[] = {"?",    "version", "cpid",       "auth",
                                        "cont", "cancel",  "request",    "user",
                                        "pass", "list",    "cache-flush"};
    buffer_add_text(out, NAMES[line->command]);
    show_number(out, "id", line->id);
    show_number(out, "major", line->major);
    show_number(out, "minor", line->minor);
    show_number(out, "pid", line->client_pid);
    show_parameters(out, line);
    show_request(out, line);
    if (line->has_response) {
        buffer_format(out, " responds=%d,%d:", dovecot_line_responds(line, 0),
                      dovecot_line_responds(line, 2));
        buffer_add(out, line->response);
    }
}

/* id, line, what it says; or "-" and the error. */
static void run_line(const struct vector *vector)
{
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(buffer_done) struct buffer shown = buffer_limited(1024 * 1024);
    struct dovecot_line line;
    struct error error = {"no error"};
    if (!dovecot_line_parse(vector->column[1], &arena, &line, &error)) {
        vector_same(vector, span_of(error.text), vector->column[3]);
        return;
    }
    show(&shown, &line);
    vector_same(vector, buffer_span(&shown), vector->column[2]);
    vector_must(vector, span_equal(line.name, span_first(vector->column[1], line.name.length)),
                "its name");
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("dovecot_line.txt", 60, run_line);
}

static void must(struct buffer *out, bool written, const char *expected)
{
    assert_true(written);
    if (!span_is(buffer_span(out), expected)) {
        fail_msg("got \"%.*s\", expected \"%s\"", (int)out->length, out->at, expected);
    }
    buffer_clear(out);
}

static void test_hellos(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(4096);
    static const struct dovecot_line_mechanism MECHANISMS[] = {{"PLAIN", "plaintext"},
                                                               {"OAUTHBEARER", "plaintext"}};
    struct dovecot_line_hello hello = {MECHANISMS, 2, 8874, 27, {0xe8, 0x04, 0x96, [15] = 0x3f}};
    must(&out, dovecot_line_client_hello(&out, &hello),
         "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tOAUTHBEARER\tplaintext\nSPID\t8874\nCUID\t27"
         "\n"
         "COOKIE\te804960000000000000000000000003f\nDONE\n");
    must(&out, dovecot_line_master_hello(&out, 8874), "VERSION\t1\t1\nSPID\t8874\n");
    static const struct dovecot_line_mechanism TOKEN[] = {{"DOVECOT-TOKEN", "private"}};
    hello = (struct dovecot_line_hello){TOKEN, 1, 1, 2, {0}};
    must(&out, dovecot_line_client_hello(&out, &hello),
         "VERSION\t1\t2\nMECH\tDOVECOT-"
         "TOKEN\tprivate\nSPID\t1\nCUID\t2\nCOOKIE\t00000000000000000000000000000000\nDONE\n");
}

static void test_client_answers(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(4096);
    const struct dovecot_line_field fields[] = {{"original_user", SPAN_LITERAL("H@e"), false},
                                                {"nologin", {0}, true}};
    struct span user = SPAN_LITERAL("hello@example.com"), none = {0};
    must(&out, dovecot_line_ok(&out, 1, user, NULL, 0), "OK\t1\tuser=hello@example.com\n");
    must(&out, dovecot_line_ok(&out, 4294967295, user, fields, 2),
         "OK\t4294967295\tuser=hello@example.com\toriginal_user=H@e\tnologin\n");
    must(&out, dovecot_line_cont(&out, 2, none), "CONT\t2\t\n");
    must(&out, dovecot_line_cont(&out, 2, SPAN_LITERAL("Password:")), "CONT\t2\tUGFzc3dvcmQ6\n");
    must(&out, dovecot_line_fail(&out, 4, user, NULL, NULL), "FAIL\t4\tuser=hello@example.com\n");
    must(&out, dovecot_line_fail(&out, 4, none, "temp_fail", NULL), "FAIL\t4\tcode=temp_fail\n");
    must(&out, dovecot_line_fail(&out, 4, user, "user_disabled", "[CONTACTADMIN] locked"),
         "FAIL\t4\tuser=hello@example.com\tcode=user_disabled\treason=[CONTACTADMIN] locked\n");
    must(&out, dovecot_line_fail(&out, 4, none, NULL, NULL), "FAIL\t4\n");
    must(&out, dovecot_line_cancelled(&out, 9), "CANCELLED\t9\n");
}

static void test_master_answers(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(4096);
    struct span user = SPAN_LITERAL("hello@example.com");
    const struct dovecot_line_field fields[] = {
        {"uid", SPAN_LITERAL("5000"), false},
        {"home", SPAN_LITERAL("/var/mail/home"), false},
        {"quota/User quota/quota_storage_size", SPAN_LITERAL("1G"), false},
    };
    must(&out, dovecot_line_user(&out, 3, user, fields, 3),
         "USER\t3\thello@example.com\tuid=5000\thome=/var/mail/home\tquota/User "
         "quota/quota_storage_size=1G\n");
    must(&out, dovecot_line_notfound(&out, 1), "NOTFOUND\t1\n");
    must(&out, dovecot_line_master_fail(&out, 1, NULL), "FAIL\t1\n");
    must(&out, dovecot_line_master_fail(&out, 1, "later"), "FAIL\t1\treason=later\n");
    must(&out, dovecot_line_pass(&out, 1, user, NULL, 0), "PASS\t1\tuser=hello@example.com\n");
    must(&out, dovecot_line_list(&out, 1, user), "LIST\t1\thello@example.com\n");
    must(&out, dovecot_line_done(&out, 1, true), "DONE\t1\t\n");
    must(&out, dovecot_line_done(&out, 1, false), "DONE\t1\tfail\n");
    must(&out, dovecot_line_flushed(&out, 1, 0), "OK\t1\t0\n");
}

/* Attack 24 of the list: a value that holds TAB, LF, NUL or \001 stays one value. */
static void test_injection(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(4096);
    struct span evil = SPAN_LITERAL("a\tuser=root\nOK\t1\r\1\0b");
    const struct dovecot_line_field fields[] = {{"home", evil, false}};
    const char *escaped = "a\001tuser=root\001nOK\001t1\001r\0011\0010b";
    char expected[256];
    snprintf(expected, sizeof expected, "OK\t1\tuser=%s\thome=%s\n", escaped, escaped);
    must(&out, dovecot_line_ok(&out, 1, evil, fields, 1), expected);
    snprintf(expected, sizeof expected, "USER\t1\t%s\thome=%s\n", escaped, escaped);
    must(&out, dovecot_line_user(&out, 1, evil, fields, 1), expected);
    snprintf(expected, sizeof expected, "LIST\t1\t%s\n", escaped);
    must(&out, dovecot_line_list(&out, 1, evil), expected);
    must(&out, dovecot_line_fail(&out, 1, (struct span){0}, NULL, "a\tb\n"),
         "FAIL\t1\treason=a\001tb\001n\n");
    dovecot_line_user(&out, 1, evil, NULL, 0);
    CLEANUP(arena_done) struct arena arena = {0};
    struct dovecot_line line;
    struct error error;
    assert_true(
        dovecot_line_parse(span_first(buffer_span(&out), out.length - 1), &arena, &line, &error));
    assert_true(span_equal(line.user, evil));
}

/* Beyond a limit there is no half line, and what was there before stays. */
static void test_limits(void **state)
{
    (void)state;
    static char text[20000];
    memset(text, 'x', sizeof text);
    CLEANUP(buffer_done) struct buffer out = buffer_limited(100000);
    assert_true(dovecot_line_notfound(&out, 1));
    /* "OK\t1\tuser=" and "\n" are 11 bytes, "LIST\t1\t" and "\n" are 8. */
    assert_true(dovecot_line_ok(&out, 1, span_bytes(text, DOVECOT_LINE_CLIENT_MAX - 11), NULL, 0));
    assert_true(dovecot_line_list(&out, 1, span_bytes(text, DOVECOT_LINE_MASTER_MAX - 8)));
    size_t length = out.length;
    assert_int_equal(length, 11 + DOVECOT_LINE_CLIENT_MAX + DOVECOT_LINE_MASTER_MAX);
    assert_false(dovecot_line_ok(&out, 1, span_bytes(text, DOVECOT_LINE_CLIENT_MAX - 10), NULL, 0));
    assert_false(dovecot_line_list(&out, 1, span_bytes(text, DOVECOT_LINE_MASTER_MAX - 7)));
    assert_false(dovecot_line_user(&out, 1, span_bytes(text, sizeof text), NULL, 0));
    assert_false(dovecot_line_cont(&out, 1, span_bytes(text, 12280)));
    assert_int_equal(out.length, length);
    CLEANUP(buffer_done) struct buffer small = buffer_limited(20);
    assert_true(dovecot_line_notfound(&small, 1));
    assert_false(dovecot_line_notfound(&small, 22));
    assert_true(span_is(buffer_span(&small), "NOTFOUND\t1\n") && buffer_full(&small));
}

static void test_line_limit(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer text = buffer_limited(DOVECOT_LINE_MAX + 1);
    CLEANUP(arena_done) struct arena arena = {0};
    struct dovecot_line line;
    struct error error;
    buffer_add_text(&text, "AUTH\t1\tXOAUTH2\tservice=smtp\tresp=");
    while (text.length < DOVECOT_LINE_MAX) {
        buffer_add_byte(&text, 'A');
    }
    assert_true(dovecot_line_parse(buffer_span(&text), &arena, &line, &error));
    assert_int_equal(line.response.length, DOVECOT_LINE_MAX - 33);
    assert_ptr_equal(line.response.at, text.at + 33); /* a view: no copy of a secret */
    buffer_add_byte(&text, 'A');
    assert_false(dovecot_line_parse(buffer_span(&text), &arena, &line, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),        cmocka_unit_test(test_hellos),
        cmocka_unit_test(test_client_answers), cmocka_unit_test(test_master_answers),
        cmocka_unit_test(test_injection),      cmocka_unit_test(test_limits),
        cmocka_unit_test(test_line_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
