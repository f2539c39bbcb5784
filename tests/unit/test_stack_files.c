/* test_stack_files.c - templates, and what is rendered from a configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "config/config.h"
#include "config/stack_files.h"

static const struct stack_files_variable variables[] = {
    {"NAME", "mail.example.com"},
    {"PORT_25", "25"},
    {"EMPTY", NULL},
    {"BLANK", ""},
    {"YES", "yes"},
    {"BAD", "a\nb"},
};

static bool expand(const char *text, struct buffer *out, struct error *error)
{
    return stack_files_expand("t", span_of(text), variables,
                              sizeof(variables) / sizeof(variables[0]), out, error);
}

static const struct {
    const char *text, *becomes;
} good[] = {
    {"", ""},
    {"a\n", "a\n"},
    {"a", "a\n"},
    {"\n\n", "\n\n"},
    {"x = @NAME@:@PORT_25@ @EMPTY@.\n", "x = mail.example.com:25 .\n"},
    {"@NAME@@NAME@\n", "mail.example.commail.example.com\n"},
    {"user@example.com @ @lower@ @@ @NAME\n", "user@example.com @ @lower@ @@ @NAME\n"},
    {"# comment @NAME@\n", "# comment @NAME@\n"},
    {"@# dropped @UNKNOWN@\nkept\n", "kept\n"},
    {"@if YES@\nin @NAME@\n@end@\nout\n", "in mail.example.com\nout\n"},
    {"@if EMPTY@\nin\n# comment\n@end@\nout\n", "out\n"},
    {"@if BLANK@\n@UNKNOWN@\n@end@\n", ""},
    {" @if YES@\n", " @if YES@\n"},
};

static void test_expand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CLEANUP(buffer_done) struct buffer out = buffer_limited(1000);
        struct error error;
        if (!expand(good[i].text, &out, &error)) {
            fail_msg("%s: %s", good[i].text, error.text);
        }
        if (!span_is(buffer_span(&out), good[i].becomes)) {
            fail_msg("%s became %.*s", good[i].text, (int)out.length, out.at);
        }
    }
}

static const struct {
    const char *text, *says;
} bad[] = {
    {"a\n@UNKNOWN@\n", "t, line 2: there is no variable UNKNOWN"},
    {"@if UNKNOWN@\n@end@\n", "t, line 1: there is no variable UNKNOWN"},
    {"@if YES@\n", "t: an @if without @end@"},
    {"@end@\n", "t, line 1: @end@ without @if"},
    {"@if YES@\n@if YES@\n@end@\n@end@\n", "t, line 2: @if inside an @if"},
    {"@BAD@\n", "t: the value of BAD has a line end in it"},
};

static void test_expand_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CLEANUP(buffer_done) struct buffer out = buffer_limited(1000);
        struct error error;
        assert_false(expand(bad[i].text, &out, &error));
        assert_string_equal(error.text, bad[i].says);
    }
    CLEANUP(buffer_done) struct buffer small = buffer_limited(8);
    struct error error;
    assert_false(expand("@NAME@\n", &small, &error));
    assert_string_equal(error.text, "t: it becomes too long");
}

/* ---- the real templates ---- */

#define TRIAL                                          \
    "provider a { userinfo = 'https://a.example/' }\n" \
    "stack { hostname = mail.example.com tls_cert = /etc/x/cert.pem tls_key = /etc/x/key.pem\n"

static char root[64];

static void file_read(const char *name, struct buffer *text)
{
    char path[128], bytes[4096];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    for (size_t count; (count = fread(bytes, 1, sizeof(bytes), file)) > 0;) {
        buffer_add(text, span_bytes(bytes, count));
    }
    fclose(file);
    assert_int_equal(unlink(path), 0);
}

static bool render(const char *text, struct error *error)
{
    struct config config;
    if (!config_read(span_of(text), &config, error)) {
        fail_msg("%s", error->text);
    }
    bool good_one = stack_files_render(&config, root, error);
    config_free(&config);
    return good_one;
}

static void assert_line(const struct buffer *text, const char *line)
{
    struct span rest = buffer_span(text), next;
    while (span_cut(&rest, '\n', &next)) {
        if (span_is(next, line)) {
            return;
        }
    }
    fail_msg("there is no line \"%s\"", line);
}

static void assert_no(const struct buffer *text, const char *part)
{
    if (span_search(buffer_span(text), span_of(part)) < text->length) {
        fail_msg("there is \"%s\"", part);
    }
}

static void files_read(struct buffer *main_cf, struct buffer *master_cf, struct buffer *dovecot)
{
    *main_cf = buffer_limited(100000);
    *master_cf = buffer_limited(100000);
    *dovecot = buffer_limited(100000);
    file_read("postfix/main.cf", main_cf);
    file_read("postfix/master.cf", master_cf);
    file_read("dovecot.conf", dovecot);
}

static void test_public(void **state)
{
    (void)state;
    struct error error;
    assert_true(render(TRIAL "}\n", &error));
    CLEANUP(buffer_done) struct buffer main_cf = {0};
    CLEANUP(buffer_done) struct buffer master_cf = {0};
    CLEANUP(buffer_done) struct buffer dovecot = {0};
    files_read(&main_cf, &master_cf, &dovecot);
    assert_line(&main_cf, "myhostname = mail.example.com");
    assert_line(&main_cf, "queue_directory = /var/spool/postfix");
    assert_line(&main_cf, "smtpd_tls_cert_file = /etc/x/cert.pem");
    assert_line(&main_cf, "inet_interfaces = all");
    assert_line(&main_cf, "message_size_limit = 52428800");
    assert_no(&main_cf, "maillog_file");
    assert_no(&main_cf, "loopback-only");
    assert_line(&master_cf, "  -o smtpd_tls_security_level=encrypt");
    assert_line(&dovecot, "base_dir = /run/dovecot");
    assert_line(&dovecot, "mail_location = maildir:~/Maildir");
    assert_line(&dovecot, "first_valid_uid = 5000");
    assert_line(&dovecot, "ssl_key = </etc/x/key.pem");
    assert_line(&dovecot, "ssl = required");
    assert_no(&dovecot, "inet_listener sieves");
}

static void test_trial(void **state)
{
    (void)state;
    struct error error;
    assert_true(render(
        TRIAL " public = no chroot = no port_smtp = 10025 port_imap = 10143 port_sieves = 15190\n"
              " postfix_log = /x/log/mail.log dovecot_log_chroot = /x/logroot }\n"
              "mail { uid = 6000 format = mdbox }\n"
              "postfix { queue_directory = /x/spool }\n",
        &error));
    CLEANUP(buffer_done) struct buffer main_cf = {0};
    CLEANUP(buffer_done) struct buffer master_cf = {0};
    CLEANUP(buffer_done) struct buffer dovecot = {0};
    files_read(&main_cf, &master_cf, &dovecot);
    assert_line(&main_cf, "inet_interfaces = loopback-only");
    assert_line(&main_cf, "maillog_file = /x/log/mail.log");
    assert_line(&main_cf, "maillog_file_prefixes = /x/log, /var, /dev/stdout");
    assert_no(&main_cf, "inet_interfaces = all");
    assert_line(&master_cf, "10025       inet  n       -      n      -      -       smtpd");
    assert_no(&master_cf, "smtpd_tls_security_level=encrypt");
    assert_line(&dovecot, "    port = 10143");
    assert_line(&dovecot, "    port = 15190");
    assert_line(&dovecot, "mail_location = mdbox:~/mdbox");
    assert_line(&dovecot, "last_valid_uid = 6000");
    assert_line(&dovecot, "  unix_listener /x/spool/private/dovecot-lmtp {");
    assert_line(&dovecot, "  chroot = /x/logroot");
    assert_no(&dovecot, "@");
}

static void test_missing(void **state)
{
    (void)state;
    struct error error;
    assert_false(render("", &error));
    assert_string_equal(error.text,
                        "stack.hostname is missing; write it like \"mail.example.com\"");
    assert_false(render(TRIAL "}\npostfix { queue_directory = '' }\n", &error));
    assert_string_equal(error.text,
                        "postfix.queue_directory is missing; write it like \"/var/spool/postfix\"");
}

/* What was there before is replaced as a whole; nothing half-written stays. */
static void test_again(void **state)
{
    (void)state;
    struct error error;
    struct stat status;
    char path[128];
    assert_true(render(TRIAL "}\n", &error));
    assert_true(render(TRIAL " message_size = 1M }\n", &error));
    snprintf(path, sizeof(path), "%s/postfix/main.cf.new", root);
    assert_int_equal(stat(path, &status), -1);
    CLEANUP(buffer_done) struct buffer main_cf = {0};
    CLEANUP(buffer_done) struct buffer master_cf = {0};
    CLEANUP(buffer_done) struct buffer dovecot = {0};
    files_read(&main_cf, &master_cf, &dovecot);
    assert_line(&main_cf, "message_size_limit = 1048576");
    assert_no(&main_cf, "52428800");
}

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/ps-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int teardown(void **state)
{
    char path[128];
    (void)state;
    snprintf(path, sizeof(path), "%s/postfix", root);
    rmdir(path);
    return rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expand),
        cmocka_unit_test(test_expand_bad),
        cmocka_unit_test_setup_teardown(test_public, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trial, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
