/* test_verifier.c - what /introspect and /userinfo take, whom they answer, and what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "mail/verifier.h"

#include <stdio.h>
#include <string.h>

#define SECRET      "s3cret-of-ours"
#define BASIC       "Authorization: Basic ZG92ZWNvdDpzM2NyZXQtb2Ytb3Vycw==\r\n" /* dovecot:SECRET */
#define BASIC_WRONG "Authorization: Basic ZG92ZWNvdDpzM2NyZXQtb2Ytb3VyeA==\r\n"

/* -- net/http_server.h -- */

struct http_exchange {
    int status, replies;
    char body[2000];
    void *data;
};

void http_server_reply(struct http_exchange *exchange, int status, const char *content_type,
                       struct span body)
{
    assert_string_equal(content_type, "application/json");
    exchange->status = status;
    exchange->replies++;
    assert_true(span_fits(body, exchange->body, sizeof exchange->body));
}

void http_server_keep(struct http_exchange *exchange, void *data)
{
    exchange->data = data;
}

void *http_server_kept(const struct http_exchange *exchange)
{
    return exchange->data;
}

/* -- auth/login.h -- */

struct login {
    login_fn *fn;
    void *context;
};

static struct {
    struct login *login;
    int started, cancelled;
    char token[70000], protocol[80], client[80], server[80], session[80], way[20];
} asked;

struct login *login_start(struct login_service *service, const struct login_request *request,
                          login_fn *fn, void *context)
{
    assert_null(service);
    assert_null(asked.login);
    asked.login = MEMORY_NEW(struct login);
    *asked.login = (struct login){fn, context};
    asked.started++;
    assert_true(span_fits(secret_reveal(request->token), asked.token, sizeof asked.token));
    assert_true(span_fits(request->protocol, asked.protocol, sizeof asked.protocol));
    assert_true(span_fits(request->client, asked.client, sizeof asked.client));
    assert_true(span_fits(request->server, asked.server, sizeof asked.server));
    assert_true(span_fits(request->session, asked.session, sizeof asked.session));
    snprintf(asked.way, sizeof asked.way, "%s", request->way);
    return asked.login;
}

void login_cancel(struct login *login)
{
    assert_ptr_equal(login, asked.login);
    asked.cancelled++;
    memory_free(login);
    asked.login = NULL;
}

static void answer(enum login_answer what)
{
    struct login *login = asked.login;
    struct login_outcome outcome = {.answer = what,
                                    .user = SPAN_LITERAL("alice@example.com"),
                                    .account_id = SPAN_LITERAL("id-of-alice")};
    assert_non_null(login);
    asked.login = NULL;
    login->fn(&outcome, login->context);
    memory_free(login);
}

/* -- one question -- */

static struct verifier *verifier;
static struct http_exchange exchange;

static bool ask(const char *text)
{
    static const struct http_limits limits = {100000, 64, 100000};
    struct http_request http;
    struct http_refusal refusal;
    struct http_server_request request = {.http = &http};
    exchange = (struct http_exchange){0};
    if (http_request_parse(span_of(text), &limits, &http, &refusal) != HTTP_COMPLETE) {
        fail_msg("no request: %s", text);
    }
    return verifier_request(verifier, &exchange, &request);
}

static bool get(const char *target, const char *headers)
{
    char text[4000];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", target, headers);
    return ask(text);
}

static bool post(const char *target, const char *headers, const char *body)
{
    char text[4000];
    snprintf(text, sizeof text,
             "POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Type: "
             "application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n%s",
             target, headers, strlen(body), body);
    return ask(text);
}

static void expect(int status, const char *body)
{
    assert_int_equal(exchange.replies, 1);
    assert_int_equal(exchange.status, status);
    assert_string_equal(exchange.body, body);
    assert_int_equal(verifier_requests(verifier), 0);
}

static int setup(void **state)
{
    (void)state;
    struct secret secret = secret_new(SPAN_LITERAL(SECRET));
    memset(&asked, 0, sizeof asked);
    verifier = verifier_new(NULL, &secret);
    secret_done(&secret);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    verifier_free(verifier);
    assert_null(asked.login);
    return 0;
}

#define REFUSED "{\"active\":false}"
#define ACTIVE                                                                             \
    "{\"active\":true,\"username\":\"alice@example.com\",\"email\":\"alice@example.com\"," \
    "\"sub\":\"id-of-alice\",\"token_type\":\"Bearer\"}"
#define CLAIMS                                                                         \
    "{\"sub\":\"id-of-alice\",\"email\":\"alice@example.com\",\"preferred_username\":" \
    "\"alice@example.com\",\"email_verified\":true,\"active\":true}"

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        const char *target, *body;
        enum login_answer answer;
        int status;
    } cases[] = {
        {"/" SECRET "/introspect?token=T", ACTIVE, LOGIN_ACCEPTED, 200},
        {"/" SECRET "/introspect?token=T", REFUSED, LOGIN_REFUSED, 200},
        {"/" SECRET "/introspect?token=T", "{\"error\":\"temporarily_unavailable\"}",
         LOGIN_UNAVAILABLE, 503},
        {"/" SECRET "/userinfo?access_token=T", CLAIMS, LOGIN_ACCEPTED, 200},
        {"/" SECRET "/userinfo?access_token=T", REFUSED, LOGIN_REFUSED, 401},
        {"/" SECRET "/userinfo?access_token=T", "{\"error\":\"temporarily_unavailable\"}",
         LOGIN_UNAVAILABLE, 503},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(get(cases[i].target, ""));
        assert_int_equal(verifier_requests(verifier), 1);
        assert_string_equal(asked.way, i < 3 ? "INTROSPECT" : "USERINFO");
        answer(cases[i].answer);
        expect(cases[i].status, cases[i].body);
    }
}

/* Wherever Dovecot puts it. */
static void test_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *query, *headers, *body, *token;
    } cases[] = {
        {"?token=abc", "", NULL, "abc"},
        {"?token=a%2Bb%3d&client_id=x&client_secret=y", "", NULL, "a+b="},
        {"?client_id=token&access_token=abc", "", NULL, "abc"},
        {"", "Authorization: Bearer abc\r\n", NULL, "abc"},
        {"", "Authorization: bearer  abc\r\n", NULL, "abc"},
        {"?token=abc", "Authorization: Bearer abc\r\n", NULL, "abc"}, /* tokeninfo */
        {"", "", "token=abc&client_id=&client_secret=", "abc"},
        {"", "", "client_id=x&token=abc%2e", "abc."},
        {"", BASIC, "token=abc", "abc"},
        /* none, or nobody can say which */
        {"", "", NULL, ""},
        {"?", "", NULL, ""},
        {"?token=", "", NULL, ""},
        {"?token", "", NULL, ""},
        {"?token=a&token=b", "", NULL, ""},
        {"?token=a", "Authorization: Bearer b\r\n", NULL, ""},
        {"?token=a", "", "token=b", ""},
        {"", "", "token=a%zz", ""},
        {"", "", "token=a%0", ""},
        {"", "", "token=a%00", ""},
        {"", "Authorization: Bearer\r\n", NULL, ""},
        {"", "Authorization: DPoP abc\r\n", NULL, ""},
        {"?token=a+b", "", NULL, "a b"}, /* a blank: no token's character */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char target[300];
        snprintf(target, sizeof target, "/" SECRET "/introspect%s", cases[i].query);
        assert_true(cases[i].body == NULL ? get(target, cases[i].headers)
                                          : post(target, cases[i].headers, cases[i].body));
        if (strcmp(asked.token, cases[i].token) != 0) {
            fail_msg("case %zu: \"%s\"", i, asked.token);
        }
        answer(LOGIN_REFUSED);
        expect(200, REFUSED);
    }
    assert_true(post("/introspect", BASIC, "token=abc"));
    answer(LOGIN_REFUSED);
    expect(200, REFUSED);
}

/* Who does not know the secret hears what everybody hears of any path. */
static void test_secret(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/introspect?token=T",
        "/userinfo",
        "/wrong/introspect?token=T",
        "/s3cret-of-our/introspect",
        "/s3cret-of-ours1/introspect",
        "/S3cret-of-ours/introspect",
        "//introspect",
        "/" SECRET,
        "/" SECRET "/",
        "/" SECRET "/introspect/",
        "/" SECRET "/introspect/x",
        "/" SECRET "/metrics",
        "/" SECRET "/" SECRET "/introspect",
        "/",
        "/introspect/" SECRET,
    };
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        if (get(targets[i], "") || get(targets[i], BASIC_WRONG)) {
            fail_msg("%s", targets[i]);
        }
    }
    static const char *const headers[] = {
        "Authorization: Basic \r\n", "Authorization: Basic czNjcmV0LW9mLW91cnM=\r\n", /* no name */
        "Authorization: Basic ====\r\n", "Authorization: Bearer " SECRET "\r\n"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        assert_false(get("/introspect?token=T", headers[i]));
    }
    assert_int_equal(asked.started, 0);
    assert_int_equal(exchange.replies, 0);
    assert_true(get("/s3cret%2Dof-ours/introspect?token=T", ""));
    answer(LOGIN_REFUSED);
    assert_true(get("/introspect?token=T", BASIC));
    answer(LOGIN_REFUSED);
}

static void test_no_secret_no_door(void **state)
{
    (void)state;
    static const struct secret none = {0};
    verifier_configure(verifier, &none);
    assert_false(get("/" SECRET "/introspect", ""));
    assert_false(get("//introspect", ""));
    assert_false(get("/introspect", "Authorization: Basic Og==\r\n")); /* ":" */
    struct secret other = secret_new(SPAN_LITERAL("other"));
    verifier_configure(verifier, &other);
    secret_done(&other);
    assert_false(get("/" SECRET "/introspect", ""));
    assert_true(get("/other/introspect", ""));
    answer(LOGIN_REFUSED);
}

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *headers, *protocol, *client, *server, *session;
    } cases[] = {
        {"", "", "", "", ""},
        {"X-Dovecot-Auth-Service: imap\r\nX-Dovecot-Auth-Local: 192.0.2.1:143\r\n"
         "X-Dovecot-Auth-Remote: 198.51.100.7:5123\r\nX-Dovecot-Auth-Session: a/b+c\r\n",
         "imap", "198.51.100.7", "192.0.2.1", "a/b+c"},
        {"x-dovecot-auth-remote: [2001:db8::7]:5123\r\nx-dovecot-auth-local: [::1]:993\r\n", "",
         "2001:db8::7", "::1", ""},
        {"X-Dovecot-Auth-Remote: 198.51.100.7\r\n", "", "198.51.100.7", "", ""},
        {"X-Dovecot-Auth-Protocol: pop3\r\n", "pop3", "", "", ""},
        {"X-Dovecot-Auth-Service: a b\r\n", "", "", "", ""},
        {"X-Dovecot-Auth-Remote: "
         "0123456789012345678901234567890123456789012345678901234567890123456789\r\n",
         "", "", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(get("/" SECRET "/userinfo?token=T", cases[i].headers));
        assert_string_equal(asked.protocol, cases[i].protocol);
        assert_string_equal(asked.client, cases[i].client);
        assert_string_equal(asked.server, cases[i].server);
        assert_string_equal(asked.session, cases[i].session);
        answer(LOGIN_REFUSED);
    }
}

static void test_other_methods(void **state)
{
    (void)state;
    static const char *const methods[] = {"HEAD", "PUT", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "%s /" SECRET "/introspect?token=T HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 methods[i]);
        assert_true(ask(text));
        expect(405, "{\"error\":\"GET or POST\"}");
    }
    assert_int_equal(asked.started, 0);
}

static void test_leaves(void **state)
{
    (void)state;
    assert_true(get("/" SECRET "/introspect?token=T", ""));
    verifier_gone(verifier, &exchange);
    assert_int_equal(asked.cancelled, 1);
    assert_int_equal(verifier_requests(verifier), 0);
    assert_true(get("/" SECRET "/introspect?token=T", "")); /* freed with it: teardown */
    verifier_free(verifier);
    assert_int_equal(asked.cancelled, 2);
    verifier_gone(NULL, &exchange);
    verifier = NULL;
}

int main(void)
{
    assert_true(secret_init());
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_answers), CASE(test_tokens),
        CASE(test_secret),  CASE(test_no_secret_no_door),
        CASE(test_headers), CASE(test_other_methods),
        CASE(test_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
