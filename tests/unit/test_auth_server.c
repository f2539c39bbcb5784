/* test_auth_server.c - the auth protocol's client side: recorded conversations, dialects, bounds and refusals. */
#include "with_mail.h"

#include "auth/login.h"
#include "base/text.h"
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

static void login_forget(struct login *login)
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

static void login_answer(void *context)
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

static bool credential_good(const struct sasl_credential *credential)
{
    struct span secret = secret_reveal(&credential->secret);
    return credential->kind == SASL_TOKEN ? span_is(secret, "DMS_YWNjZXNzX3Rva2Vu")
                                          : span_is(secret, "app-pass-1");
}

static void login_judge(struct login *login, struct span response)
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

static void login_schedule(struct login *login)
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

static struct auth_server *open_auth(enum auth_server_kind kind, const char *name,
                                     struct with_mail_place *place)
{
    auth_settings.kind = kind;
    auth_settings.name = name;
    int fd = with_mail_listen(place);
    return auth_server_new(with_mail_loop, fd, &auth_settings, &service, pending, &with_mail_log);
}

static struct master_server *open_master(enum master_server_kind kind,
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

static void open_all(void)
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

static int start(void **state)
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

static int stop(void **state)
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
static void reopen(void)
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

static void greeted(struct with_mail_peer *peer, size_t left_out)
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

static struct with_mail_peer *join(const struct with_mail_place *place, int minor)
{
    char hello[64];
    struct with_mail_peer *peer = with_mail_connect(place);
    greeted(peer, 0);
    snprintf(hello, sizeof hello, "VERSION\t1\t%d\nCPID\t%d\n", minor, 1000 + minor);
    with_mail_say(peer, hello);
    return peer;
}

static const char *ask(struct with_mail_peer *peer, const char *line)
{
    with_mail_say(peer, line);
    with_mail_say(peer, "\n");
    return with_mail_line(peer);
}

/* -- recorded conversations -- */

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

static struct with_mail_peer *join_as(const char *name, bool handshake)
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

/* A thousand are open, each answered out of order; what comes beyond waits to be read. */
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
    while (logins_started < 1000) {
        loop_turn(with_mail_loop, 100);
    }
    assert_int_equal(with_mail_quiet(peer), 0);
    assert_int_equal(logins_started, 1000);
    assert_int_equal(auth_server_requests(dovecot), 1000);
    logins_stall = false;
    for (struct login *login = logins; login != NULL; login = login->next) {
        loop_later(with_mail_loop, &login->later); /* the newest first */
    }
    bool seen[1101] = {false};
    for (int i = 0; i < 1100; i++) {
        const char *heard = with_mail_line(peer);
        assert_int_equal(strncmp(heard, "OK\t", 3), 0);
        unsigned id = (unsigned)strtoul(heard + 3, NULL, 10);
        assert_true(id >= 1 && id <= 1100 && !seen[id]);
        seen[id] = true;
        assert_true(i > 0 || id == 1000);
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

/* -- DOVECOT-TOKEN -- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_recorded_conversations, start, stop),
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
        cmocka_unit_test_setup_teardown(test_session_tokens, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
