/* with_auth.h - for tests: all sockets of the auth protocol, before a login that is made up. */
#ifndef TESTS_WITH_AUTH_H
#define TESTS_WITH_AUTH_H

#include "with_mail.h"

#include "auth/login.h"
#include "mail/auth_server.h"
#include "mail/auth_token.h"
#include "mail/master_server.h"

#define HELLO_ID "11111111-1111-4111-8111-111111111111"
#define ERROR_JSON                                                                       \
    "{\"status\":\"invalid_token\",\"scope\":\"openid email\",\"openid-configuration\":" \
    "\"https://idp.example.com/.well-known/openid-configuration\"}"
#define ERROR_JSON_XOAUTH2 "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}"
/* user=hello@example.com, auth=Bearer … */
#define GOOD "dXNlcj1oZWxsb0BleGFtcGxlLmNvbQFhdXRoPUJlYXJlciBETVNfWVdOalpYTnpYM1J2YTJWdQEB"

/* -- a login that answers on the next turn, or when the test says so -- */

struct login {
    struct loop_later later;
    struct login_service *service;
    login_fn *fn;
    void *context;
    enum sasl_mechanism mechanism;
    struct sasl_credential credential;
    struct login_outcome outcome;
    char user[SASL_USER_MAX + 1];
    bool challenged; /* with the error JSON */
    struct login *next;
};

static struct login *logins; /* under way, newest first */
static size_t logins_started, logins_cancelled;
static bool logins_stall, logins_unavailable;
static enum login_hint logins_hint;
static struct login_request last_request;

static inline void login_forget(struct login *login)
{
    struct login **place = &logins;
    while (*place != login) {
        place = &(*place)->next;
    }
    *place = login->next;
    loop_later_cancel(&login->later);
    sasl_done(&login->credential);
    memory_free(login);
}

static inline void login_answer(void *context)
{
    struct login *login = context;
    struct login_outcome outcome = login->outcome;
    char user[SASL_USER_MAX + 1];
    memcpy(user, login->user, sizeof user);
    outcome.user = span_of(user);
    outcome.account_id = SPAN_LITERAL(HELLO_ID);
    login_fn *fn = login->fn;
    void *with = login->context;
    if (outcome.answer != LOGIN_CHALLENGE) {
        login_forget(login);
    }
    fn(&outcome, with);
}

static inline bool credential_good(const struct sasl_credential *credential)
{
    struct span secret = secret_reveal(&credential->secret);
    return credential->kind == SASL_TOKEN ? span_is(secret, "DMS_YWNjZXNzX3Rva2Vu")
                                          : span_is(secret, "app-pass-1");
}

static inline void login_judge(struct login *login, struct span response)
{
    memset(&login->outcome, 0, sizeof login->outcome);
    if (login->challenged) {
        login->outcome.answer = LOGIN_REFUSED;
        return;
    }
    enum sasl_answer answer = sasl_read(login->mechanism, response, false, &login->credential);
    if (answer == SASL_CONTINUE) {
        login->outcome.answer = LOGIN_CHALLENGE;
        login->outcome.challenge = SPAN_LITERAL("Password:");
    } else if (answer != SASL_COMPLETE) {
        login->outcome.hint = LOGIN_HINT_INVALID_BASE64;
    } else if (credential_good(&login->credential)) {
        login->outcome.answer = LOGIN_ACCEPTED;
    } else if (login->credential.kind == SASL_TOKEN) {
        login->outcome.answer = LOGIN_CHALLENGE;
        login->outcome.challenge =
            span_of(login->mechanism == SASL_XOAUTH2 ? ERROR_JSON_XOAUTH2 : ERROR_JSON);
        login->challenged = true;
    }
    if (answer == SASL_COMPLETE || answer == SASL_CONTINUE) {
        memcpy(login->user, login->credential.user, sizeof login->user);
    }
}

static inline void login_schedule(struct login *login)
{
    if (logins_unavailable) {
        login->outcome.answer = LOGIN_UNAVAILABLE;
    } else if (logins_hint != LOGIN_HINT_NONE) {
        login->outcome = (struct login_outcome){.answer = LOGIN_REFUSED, .hint = logins_hint};
    }
    if (!logins_stall) {
        loop_later(with_mail_loop, &login->later);
    }
}

struct login *login_start(struct login_service *service, const struct login_request *request,
                          login_fn *fn, void *context)
{
    struct login *login = MEMORY_NEW(struct login);
    login->service = service;
    login->fn = fn;
    login->context = context;
    login->mechanism = request->mechanism;
    login->next = logins;
    logins = login;
    logins_started++;
    last_request = *request;
    last_request.protocol = last_request.client = last_request.response = (struct span){0};
    loop_later_init(&login->later, login_answer, login);
    if (request->has_response) {
        login_judge(login, request->response);
    } else {
        login->outcome.answer = LOGIN_CHALLENGE;
    }
    login_schedule(login);
    return login;
}

void login_continue(struct login *login, struct span response)
{
    login_judge(login, response);
    login_schedule(login);
}

void login_cancel(struct login *login)
{
    if (login != NULL) {
        logins_cancelled++;
        login_forget(login);
    }
}

/* -- four sockets -- */

static struct login_service service;
static struct pending_login_table *pending;
static struct secret token_key;
static struct auth_server *dovecot, *postfix, *tokens;
static struct master_server *master, *userdb;
static struct with_mail_place dovecot_place, postfix_place, token_place, master_place, userdb_place;
static struct auth_server_settings auth_settings;
static size_t pending_max;

static inline struct auth_server *open_auth(enum auth_server_kind kind, const char *name,
                                            struct with_mail_place *place)
{
    auth_settings.kind = kind;
    auth_settings.name = name;
    int fd = with_mail_listen(place);
    return auth_server_new(with_mail_loop, fd, &auth_settings, &service, pending, &with_mail_log);
}

static inline struct master_server *open_master(enum master_server_kind kind,
                                                struct with_mail_place *place)
{
    const struct master_server_settings settings = {.kind = kind,
                                                    .name = "master",
                                                    .server_pid = 4711,
                                                    .root_uid = getuid(),
                                                    .dovecot_uid = -1,
                                                    .mail_uid = -1,
                                                    .connections_max = 100,
                                                    .handshakes_max = 100,
                                                    .handshake_ms = 60000,
                                                    .token_key = &token_key};
    int fd = with_mail_listen(place);
    return master_server_new(with_mail_loop, fd, &settings, NULL, NULL, pending, &with_mail_log);
}

static inline void open_all(void)
{
    char key[AUTH_TOKEN_KEY_SIZE];
    memset(key, 'k', sizeof key);
    token_key = secret_new(span_bytes(key, sizeof key));
    pending =
        pending_login_new(with_mail_loop, &(struct pending_login_settings){pending_max, 60000});
    auth_settings.token_key = &token_key;
    dovecot = open_auth(AUTH_SERVER_DOVECOT, "login", &dovecot_place);
    postfix = open_auth(AUTH_SERVER_POSTFIX, "auth", &postfix_place);
    tokens = open_auth(AUTH_SERVER_TOKEN, "tokenlogin", &token_place);
    master = open_master(MASTER_SERVER_MASTER, &master_place);
    userdb = open_master(MASTER_SERVER_USERDB, &userdb_place);
}

static inline int start(void **state)
{
    (void)state;
    with_mail_start();
    service = (struct login_service){.loop = with_mail_loop, .settings = {.passwords = true}};
    logins_stall = logins_unavailable = false;
    logins_hint = LOGIN_HINT_NONE;
    logins_started = logins_cancelled = 0;
    pending_max = 10000;
    auth_settings = (struct auth_server_settings){.server_pid = 4711,
                                                  .root_uid = getuid(),
                                                  .connections_max = 2000,
                                                  .handshakes_max = 50,
                                                  .handshake_ms = 60000,
                                                  .requests_max = 1000};
    open_all();
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    auth_server_free(dovecot);
    auth_server_free(postfix);
    auth_server_free(tokens);
    master_server_free(master);
    master_server_free(userdb);
    pending_login_free(pending);
    secret_done(&token_key);
    assert_null(logins); /* none outlives its door */
    with_mail_stop();
    return 0;
}

/* The same again, with other settings. */
static inline void reopen(void)
{
    stop(NULL);
    with_mail_start();
    logins_started = 0;
    open_all();
}

/* -- peers -- */

static char cookie[64]; /* of the connection greeted last */

static const char *const MECHANISMS[] = {"MECH\tPLAIN\tplaintext", "MECH\tLOGIN\tplaintext",
                                         "MECH\tOAUTHBEARER\tplaintext",
                                         "MECH\tXOAUTH2\tplaintext"};

static inline void greeted(struct with_mail_peer *peer, size_t left_out)
{
    assert_string_equal(with_mail_line(peer), "VERSION\t1\t2");
    for (size_t i = left_out; i < 4; i++) {
        assert_string_equal(with_mail_line(peer), MECHANISMS[i]);
    }
    assert_string_equal(with_mail_line(peer), "SPID\t4711");
    assert_int_equal(strncmp(with_mail_line(peer), "CUID\t", 5), 0);
    const char *line = with_mail_line(peer);
    assert_int_equal(strncmp(line, "COOKIE\t", 7), 0);
    assert_int_equal(strlen(line), 7 + 32);
    snprintf(cookie, sizeof cookie, "%s", line + 7);
    assert_string_equal(with_mail_line(peer), "DONE");
}

static inline struct with_mail_peer *join(const struct with_mail_place *place, int minor)
{
    char hello[64];
    struct with_mail_peer *peer = with_mail_connect(place);
    greeted(peer, 0);
    snprintf(hello, sizeof hello, "VERSION\t1\t%d\nCPID\t%d\n", minor, 1000 + minor);
    with_mail_say(peer, hello);
    return peer;
}

static inline const char *ask(struct with_mail_peer *peer, const char *line)
{
    with_mail_say(peer, line);
    with_mail_say(peer, "\n");
    return with_mail_line(peer);
}
/* As a transcript calls it: login, client, userdb or master, and a number. */
static inline struct with_mail_peer *join_as(const char *name, bool handshake)
{
    struct with_mail_peer *peer;
    if (strncmp(name, "login", 5) == 0 || strncmp(name, "client", 6) == 0) {
        peer = with_mail_connect(name[0] == 'l' ? &dovecot_place : &postfix_place);
        greeted(peer, 0);
    } else {
        peer = with_mail_connect(name[0] == 'm' ? &master_place : &userdb_place);
        assert_string_equal(with_mail_line(peer), "VERSION\t1\t1");
        assert_string_equal(with_mail_line(peer), "SPID\t4711");
    }
    if (handshake) {
        with_mail_say(peer, "VERSION\t1\t0\nCPID\t1\n");
    }
    return peer;
}

#endif
