/* test_auth_transcripts.c - what was recorded of Dovecot, Postfix and doveadm, said again. */
#include "with_auth.h"

struct conversation {
    struct {
        char name[32];
        char cookie[64];
        struct with_mail_peer *peer;
    } peers[4];
    size_t count;
};

static void replace(char *text, size_t size, const char *what, const char *with)
{
    char *at = strstr(text, what);
    if (at != NULL) {
        char rest[4096];
        snprintf(rest, sizeof rest, "%s", at + strlen(what));
        snprintf(at, size - (size_t)(at - text), "%s%s", with, rest);
    }
}

static struct with_mail_peer *peer_called(struct conversation *talk, const char *name,
                                          const char *text)
{
    for (size_t i = 0; i < talk->count; i++) {
        if (strcmp(talk->peers[i].name, name) == 0) {
            return talk->peers[i].peer;
        }
    }
    assert_true(talk->count < 4);
    snprintf(talk->peers[talk->count].name, sizeof talk->peers[0].name, "%s", name);
    struct with_mail_peer *peer = join_as(name, strncmp(text, "VERSION", 7) != 0);
    snprintf(talk->peers[talk->count].cookie, sizeof talk->peers[0].cookie, "%s", cookie);
    talk->peers[talk->count++].peer = peer;
    return peer;
}

static void said(struct conversation *talk, const char *name, bool by_client, char *text)
{
    char pid[16], full[8192];
    struct with_mail_peer *peer = peer_called(talk, name, text);
    snprintf(full, sizeof full, "%s", text);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    replace(full, sizeof full, "<pid>", pid);
    replace(full, sizeof full, "<cookie>", talk->peers[0].cookie);
    if (by_client) {
        with_mail_say(peer, full);
        with_mail_say(peer, "\n");
        return;
    }
    char heard[8192];
    snprintf(heard, sizeof heard, "%s", with_mail_line(peer));
    char *token = strstr(heard, "auth_token=");
    if (token != NULL) {
        assert_int_equal(strlen(token), strlen("auth_token=") + AUTH_TOKEN_SIZE);
        snprintf(token, sizeof heard - (size_t)(token - heard), "auth_token=<token>");
    }
    assert_string_equal(heard, full);
}

/* Nothing more may be said than was recorded. */
static void conversation_end(struct conversation *talk)
{
    for (size_t i = 0; i < talk->count; i++) {
        assert_int_equal(with_mail_quiet(talk->peers[i].peer), 0);
        assert_false(talk->peers[i].peer->closed);
        with_mail_leave(talk->peers[i].peer);
    }
    memset(talk, 0, sizeof *talk);
}

static void test_recorded_conversations(void **state)
{
    (void)state;
    char path[512], line[8192];
    struct conversation talk = {0};
    size_t count = 0;
    snprintf(path, sizeof path, "%s/auth_transcripts.txt", getenv("VECTORS"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '[') {
            conversation_end(&talk);
            count++;
        } else if (line[0] != '#' && line[0] != '\0') {
            char *name = strtok(line, " "), *who = strtok(NULL, " "), *text = strtok(NULL, "");
            said(&talk, name, who[0] == 'C', text);
        }
    }
    conversation_end(&talk);
    fclose(file);
    assert_int_equal(count, 58);
    assert_int_equal(with_mail_logged("peer_refused"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_recorded_conversations, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
