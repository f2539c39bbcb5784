/* test_auth_token.c - a session's proof, and the socket where it is shown. */
#include "with_auth.h"

#include "base/text.h"

static void token_message(const char *user, const char *token, char *out, size_t size)
{
    CLEANUP(buffer_done) struct buffer plain = buffer_limited(1000), text = buffer_limited(2000);
    static const char *const HEAD[] = {"imap", "77"};
    for (size_t i = 0; i < 2; i++) {
        buffer_add_text(&plain, HEAD[i]);
        buffer_add_byte(&plain, '\0');
    }
    buffer_add_text(&plain, user);
    buffer_add_byte(&plain, '\0');
    buffer_add_text(&plain, "s1");
    buffer_add_byte(&plain, '\0');
    buffer_add_text(&plain, token);
    text_base64_encode(buffer_span(&plain), &text);
    snprintf(out, size, "AUTH\t1\tDOVECOT-TOKEN\tservice=imap-urlauth\tsecured\tresp=%.*s",
             (int)text.length, text.at);
}

static struct with_mail_peer *join_tokens(void)
{
    struct with_mail_peer *peer = with_mail_connect(&token_place);
    assert_string_equal(with_mail_line(peer), "VERSION\t1\t2");
    assert_string_equal(with_mail_line(peer), "MECH\tDOVECOT-TOKEN\tprivate");
    for (int i = 0; i < 2; i++) {
        (void)with_mail_line(peer);
    }
    snprintf(cookie, sizeof cookie, "%s", with_mail_line(peer) + 7);
    assert_string_equal(with_mail_line(peer), "DONE");
    with_mail_say(peer, "VERSION\t1\t2\nCPID\t5\n");
    return peer;
}

static void test_session_tokens(void **state)
{
    (void)state;
    const struct auth_token_claim claim = {SPAN_LITERAL("imap"), SPAN_LITERAL("77"),
                                           SPAN_LITERAL("hello@example.com"), SPAN_LITERAL("s1")};
    CLEANUP(buffer_done) struct buffer token = buffer_limited(AUTH_TOKEN_SIZE + 1);
    char line[1000];
    auth_token_make(&token_key, &claim, &token);
    buffer_add_byte(&token, '\0');
    struct with_mail_peer *peer = join_tokens();
    token_message("hello@example.com", token.at, line, sizeof line);
    assert_string_equal(ask(peer, line), "OK\t1\tuser=hello@example.com");
    struct with_mail_peer *asker = join_as("master", true);
    snprintf(line, sizeof line, "REQUEST\t4\t5\t1\t%s", cookie);
    assert_string_equal(ask(asker, line),
                        "USER\t4\thello@example.com\tuid=5000\tgid=5000\thome=/srv/mail/hello"
                        "\tauth_mech=DOVECOT-TOKEN\tclient_service=imap");
    token_message("quota@example.com", token.at, line, sizeof line); /* somebody else's */
    assert_string_equal(ask(peer, line), "FAIL\t1");
    token.at[3] ^= 1;
    token_message("hello@example.com", token.at, line, sizeof line);
    assert_string_equal(ask(peer, line), "FAIL\t1");
    token.at[3] ^= 1;
    with_mail_trouble = true;
    token_message("hello@example.com", token.at, line, sizeof line);
    assert_string_equal(ask(peer, line), "FAIL\t1\tcode=temp_fail");
    with_mail_trouble = false;
    with_mail_state = ACCOUNT_DISABLED;
    assert_string_equal(ask(peer, line), "FAIL\t1");
    assert_string_equal(ask(peer, "AUTH\t2\tDOVECOT-TOKEN\tservice=imap-urlauth"), "FAIL\t2");
    assert_string_equal(ask(peer, "AUTH\t3\tPLAIN\tservice=imap\tresp=" GOOD), "FAIL\t3");
    assert_int_equal(with_mail_logged(token.at), 0);
    with_mail_leave(peer);
    with_mail_leave(asker);
}

/* Each field counts, none may be missing, nothing may follow. %s: the token. */
static const struct {
    const char *message;
    size_t nuls; /* that "|" stands for */
    bool good;
} MESSAGES[] = {
    {"imap|77|hello@example.com|s1|%s", 4, true},
    {"pop3|77|hello@example.com|s1|%s", 4, false},
    {"imap|78|hello@example.com|s1|%s", 4, false},
    {"imap|77|alice@example.com|s1|%s", 4, false},
    {"imap|77|hello@example.com|s2|%s", 4, false},
    {"imap|77|hello@example.com||%s", 4, false},
    {"imap|77|hello@example.com|%s", 3, false},
    {"imap|77|hello@example.com|s1|%s|", 5, false},
    {"|77|hello@example.com|s1|%s", 4, false},
    {"imap|77||s1|%s", 4, false},
    {"imap|77hello@example.com||s1|%s", 4, false},
    {"imap|77|hello@example.com|s1|", 4, false},
    {"", 0, false},
};

static void test_messages(void **state)
{
    (void)state;
    const struct auth_token_claim claim = {SPAN_LITERAL("imap"), SPAN_LITERAL("77"),
                                           SPAN_LITERAL("hello@example.com"), SPAN_LITERAL("s1")};
    CLEANUP(buffer_done) struct buffer token = buffer_limited(AUTH_TOKEN_SIZE + 1);
    auth_token_make(&token_key, &claim, &token);
    buffer_add_byte(&token, '\0');
    for (size_t i = 0; i < sizeof MESSAGES / sizeof MESSAGES[0]; i++) {
        CLEANUP(buffer_done)
        struct buffer plain = buffer_limited(1000), text = buffer_limited(2000);
        CLEANUP(arena_done) struct arena arena = {0};
        struct auth_token_claim found = {0};
        const char *at = strstr(MESSAGES[i].message, "%s");
        struct span head = span_of(MESSAGES[i].message);
        buffer_add(&plain,
                   at == NULL ? head : span_first(head, (size_t)(at - MESSAGES[i].message)));
        buffer_add_text(&plain, at == NULL ? "" : token.at);
        buffer_add_text(&plain, at == NULL ? "" : at + 2);
        size_t nuls = 0;
        for (size_t byte = 0; byte < plain.length; byte++) {
            nuls += plain.at[byte] == '|';
            plain.at[byte] = plain.at[byte] == '|' ? '\0' : plain.at[byte];
        }
        assert_int_equal(nuls, MESSAGES[i].nuls);
        text_base64_encode(buffer_span(&plain), &text);
        assert_int_equal(auth_token_read(&token_key, buffer_span(&text), &arena, &found),
                         MESSAGES[i].good);
    }
    CLEANUP(arena_done) struct arena arena = {0};
    struct auth_token_claim found;
    assert_false(auth_token_read(&token_key, span_of("!!!!"), &arena, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_messages, start, stop),
        cmocka_unit_test_setup_teardown(test_session_tokens, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
