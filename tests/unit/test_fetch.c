/* test_fetch.c - asking a provider that answers, lies, stalls, drips and dies. */
#include "with_net.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

#include "net/fetch.h"

enum { CONNECTIONS_MAX = 64, HEAD_MAX = 32 * 1024 };
#define PUBLIC "93.184.216.34" /* nothing is sent there: see connect() */

/* A provider in threads of its own: one a connection, each plays the script. */
struct provider {
    int fd;
    unsigned port;
    pthread_t acceptor;
    pthread_t threads[CONNECTIONS_MAX];
    void (*script)(struct provider *provider, int fd, int connection);
    atomic_int connections, requests, open, open_most;
    atomic_int resolved, led; /* names, and connections to PUBLIC */
    sem_t go, gone;           /* posted by the test, by the script */
    char head[HEAD_MAX];
};

struct player {
    struct provider *provider;
    int fd, connection;
};

static void *play(void *context)
{
    struct player *player = context;
    struct provider *provider = player->provider;
    int open = atomic_fetch_add(&provider->open, 1) + 1;
    if (open > atomic_load(&provider->open_most)) {
        atomic_store(&provider->open_most, open);
    }
    provider->script(provider, player->fd, player->connection);
    atomic_fetch_sub(&provider->open, 1);
    close(player->fd);
    free(player);
    return NULL;
}

static void *accept_all(void *context)
{
    struct provider *provider = context;
    for (int fd = accept(provider->fd, NULL, NULL); fd >= 0;
         fd = accept(provider->fd, NULL, NULL)) {
        struct player *player = malloc(sizeof *player);
        int connection = atomic_load(&provider->connections);
        *player = (struct player){provider, fd, connection};
        pthread_create(&provider->threads[connection], NULL, play, player);
        atomic_store(&provider->connections, connection + 1);
    }
    return NULL;
}

/* Its length, where the head says one. */
static size_t body_length(const char *head)
{
    const char *line = strstr(head, "\r\nContent-Length: ");
    return line == NULL ? 0 : strtoul(line + 18, NULL, 10);
}

/* Reads one request, with its body; false when the client closed. */
static bool read_request(struct provider *provider, int fd)
{
    char head[HEAD_MAX] = "";
    size_t length = 0;
    while (strstr(head, "\r\n\r\n") == NULL) {
        ssize_t got = recv(fd, head + length, sizeof head - 1 - length, 0);
        if (got <= 0) {
            return false;
        }
        length += (size_t)got;
        head[length] = '\0';
    }
    size_t whole = (size_t)(strstr(head, "\r\n\r\n") + 4 - head) + body_length(head);
    assert_true(whole < sizeof head);
    while (length < whole) {
        ssize_t got = recv(fd, head + length, whole - length, 0);
        if (got <= 0) {
            return false;
        }
        length += (size_t)got;
        head[length] = '\0';
    }
    memcpy(provider->head, head, length + 1);
    atomic_fetch_add(&provider->requests, 1);
    return true;
}

static void wait_for_close(int fd)
{
    char bytes[512];
    while (recv(fd, bytes, sizeof bytes, 0) > 0) {
    }
}

/* What one fetch came to. */
struct result {
    int calls;
    enum fetch_outcome outcome;
    int status;
    char type[64];
    char body[4096];
    char failure[400];
    int64_t max_age, date, certificate_end;
    bool refused_address;
};

static struct loop *loop;
static struct fetch_client *client;
static struct provider provider;

static void on_answer(const struct fetch_answer *answer, void *context)
{
    struct result *result = context;
    result->calls++;
    result->outcome = answer->outcome;
    result->status = answer->status;
    span_fits(answer->content_type, result->type, sizeof result->type);
    span_fits(answer->body, result->body, sizeof result->body);
    span_fits(span_of(answer->failure), result->failure, sizeof result->failure);
    assert_int_equal(answer->failure != NULL, answer->outcome == FETCH_FAILED);
    result->max_age = answer->max_age;
    result->date = answer->date;
    result->certificate_end = answer->certificate_end;
    result->refused_address = answer->refused_address;
}

static void start(void (*script)(struct provider *, int, int), size_t connections_max)
{
    memset(&provider, 0, sizeof provider);
    provider.script = script;
    provider.fd = net_listen(&provider.port);
    sem_init(&provider.go, 0, 0);
    sem_init(&provider.gone, 0, 0);
    pthread_create(&provider.acceptor, NULL, accept_all, &provider);
    loop = loop_new();
    client = fetch_client_new(loop, connections_max, "postern-test/1");
}

static void stop(void)
{
    fetch_client_free(client);
    loop_free(loop);
    shutdown(provider.fd, SHUT_RDWR);
    pthread_join(provider.acceptor, NULL);
    for (int i = 0; i < provider.connections; i++) {
        pthread_join(provider.threads[i], NULL);
    }
    close(provider.fd);
    sem_destroy(&provider.go);
    sem_destroy(&provider.gone);
}

static struct fetch *ask(const char *path, struct result *result)
{
    char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", provider.port, path);
    struct fetch_request request = {
        .url = url, .connect_ms = 5000, .total_ms = 10000, .body_max = sizeof result->body - 1};
    memset(result, 0, sizeof *result);
    return fetch_start(client, &request, on_answer, result);
}

/* Asks and waits for what comes of it. */
static struct result asked(const char *path)
{
    struct result result;
    assert_non_null(ask(path, &result));
    assert_int_equal(result.calls, 0); /* never before fetch_start() returned */
    TURN_UNTIL(loop, result.calls > 0);
    assert_int_equal(result.calls, 1);
    return result;
}

/* -- answers -- */

static void answers(struct provider *p, int fd, int connection)
{
    (void)connection;
    while (read_request(p, fd) &&
           net_send(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        "Content-Length: 8\r\n\r\n{\"a\": 1}")) {
    }
}

static void test_answer(void **state)
{
    (void)state;
    start(answers, 4);
    struct result result;
    struct secret token = secret_new(SPAN_LITERAL("DMS_YWNjZXNzX3Rva2Vu"));
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/userinfo?x=1", provider.port);
    struct fetch_request request = {
        .url = url, .bearer = &token, .connect_ms = 5000, .total_ms = 10000, .body_max = 8};
    memset(&result, 0, sizeof result);
    fetch_start(client, &request, on_answer, &result);
    secret_done(&token); /* the fetch has its own copy */
    TURN_UNTIL(loop, result.calls == 1);
    assert_int_equal(result.outcome, FETCH_ANSWERED);
    assert_int_equal(result.status, 200);
    assert_string_equal(result.type, "application/json");
    assert_string_equal(result.body, "{\"a\": 1}");
    char expected[512];
    snprintf(expected, sizeof expected,
             "GET /userinfo?x=1 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: postern-test/1\r\n"
             "Accept: application/json\r\nAuthorization: Bearer DMS_YWNjZXNzX3Rva2Vu\r\n\r\n",
             provider.port);
    assert_string_equal(provider.head, expected);
    stop();
}

static const struct fetch_request PLAIN = {.connect_ms = 5000, .total_ms = 10000, .body_max = 4000};

/* As `asked()`, with all that a request can say. */
static struct result asked_so(struct fetch_request request, const char *host, const char *path)
{
    struct result result = {0};
    char url[256];
    snprintf(url, sizeof url, "http://%s:%u%s", host, provider.port, path);
    request.url = url;
    fetch_start(client, &request, on_answer, &result);
    TURN_UNTIL(loop, result.calls > 0);
    return result;
}

/* Twice over one connection, and not kept for a GET behind it. */
static void test_post(void **state)
{
    (void)state;
    start(answers, 4);
    struct secret basic = secret_new(SPAN_LITERAL("Basic bWU6c2VjcmV0"));
    struct fetch_request request = PLAIN;
    char body[] = "token=a%2Bb&token_type_hint=access_token", expected[512];
    request.body = span_of(body);
    request.body_type = "application/x-www-form-urlencoded";
    request.authorization = &basic;
    snprintf(expected, sizeof expected,
             "POST /introspect HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: postern-test/1\r\n"
             "Accept: application/json\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"
             "Content-Type: application/x-www-form-urlencoded\r\n"
             "Content-Length: 40\r\n\r\ntoken=a%%2Bb&token_type_hint=access_token",
             provider.port);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(asked_so(request, "127.0.0.1", "/introspect").body, "{\"a\": 1}");
        assert_string_equal(provider.head, expected);
    }
    asked("/");
    assert_int_equal(strncmp(provider.head, "GET / ", 6), 0);
    assert_null(strstr(provider.head, "Content-"));
    assert_null(strstr(provider.head, "Authorization"));
    char large
        [20000]; /* as large as a token may be: sent at once, without asking (RFC 9110, 10.1.1) */
    memset(large, 'x', sizeof large);
    request.body = (struct span){large, sizeof large};
    assert_int_equal(asked_so(request, "127.0.0.1", "/introspect").status, 200);
    assert_non_null(strstr(provider.head, "\r\nContent-Length: 20000\r\n"));
    assert_null(strstr(provider.head, "Expect"));
    request.body = SPAN_LITERAL("");
    assert_int_equal(asked_so(request, "127.0.0.1", "/introspect").status, 200);
    assert_non_null(strstr(provider.head, "\r\nContent-Length: 0\r\n"));
    assert_int_equal(provider.connections, 1);
    secret_done(&basic);
    stop();
}

/* The caller's bytes are no longer needed once fetch_start() is back. */
static void test_body_is_copied(void **state)
{
    (void)state;
    start(answers, 1);
    struct result first, second = {0};
    char url[128], body[] = "assertion=eyJ";
    ask("/", &first); /* has the only connection */
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", provider.port);
    struct fetch_request request = PLAIN;
    request.url = url;
    request.body = span_of(body);
    request.body_type = "text/plain";
    fetch_start(client, &request, on_answer, &second);
    memset(body, 'x', sizeof body - 1);
    TURN_UNTIL(loop, second.calls == 1);
    assert_true(span_ends(span_of(provider.head), "\r\n\r\nassertion=eyJ"));
    stop();
}

/* The URL's user-info is for those who send no token. */
static void test_user_info(void **state)
{
    (void)state;
    start(answers, 4);
    struct secret token = secret_new(SPAN_LITERAL("abc"));
    char url[128];
    snprintf(url, sizeof url, "http://me:secret@127.0.0.1:%u/", provider.port);
    for (int with_token = 0; with_token < 2; with_token++) {
        struct result result = {0};
        struct fetch_request request = {
            .url = url, .connect_ms = 5000, .total_ms = 10000, .body_max = 100};
        request.bearer = with_token ? &token : NULL;
        fetch_start(client, &request, on_answer, &result);
        TURN_UNTIL(loop, result.calls == 1);
        const char *line = strstr(provider.head, "\r\nAuthorization: ");
        assert_non_null(line);
        const char *expected = with_token ? "Bearer abc\r\n" : "Basic bWU6c2VjcmV0\r\n";
        assert_int_equal(strncmp(line + 17, expected, strlen(expected)), 0);
        assert_null(strstr(line + 2, "\r\nAuthorization: "));
    }
    secret_done(&token);
    stop();
}

static void test_connection_is_kept(void **state)
{
    (void)state;
    start(answers, 4);
    for (int i = 0; i < 20; i++) {
        assert_string_equal(asked("/").body, "{\"a\": 1}");
    }
    assert_int_equal(provider.connections, 1);
    assert_int_equal(provider.requests, 20);
    stop();
}

static void closes_after_each(struct provider *p, int fd, int connection)
{
    (void)connection;
    if (read_request(p, fd)) {
        net_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    shutdown(fd, SHUT_RDWR);
}

/* A provider that closes a kept connection without saying so beforehand. */
static void test_kept_connection_was_closed(void **state)
{
    (void)state;
    start(closes_after_each, 4);
    for (int i = 0; i < 20; i++) {
        struct result result = asked("/");
        assert_string_equal(result.body, "ok");
    }
    assert_int_equal(provider.requests, 20);
    stop();
}

/* -- how long an answer may be kept, and what time it is there -- */

static const char *head_says;

static void says_head(struct provider *p, int fd, int connection)
{
    char head[1000];
    (void)connection;
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n%s\r\n", head_says);
    while (read_request(p, fd) && net_send(fd, head)) {
    }
}

static const struct {
    const char *head;
    int64_t max_age, date;
} HEADS[] = {
    {"", -1, 0},
    {"Cache-Control: max-age=300\r\n", 300, 0},
    {"cache-control: public, MAX-AGE=\"7\" , must-revalidate\r\n", 7, 0},
    {"Cache-Control: max-age=0007\r\n", 7, 0},
    {"Cache-Control: max-age=300\r\nCache-Control: no-store\r\n", 0, 0},
    {"Cache-Control: max-age=300\r\nCache-Control: max-age=60\r\n", 60, 0},
    {"Cache-Control: no-cache, no-store, max-age=9\r\n", 0, 0},
    {"Cache-Control: private\r\n", -1, 0},
    {"Cache-Control: max-age=-5\r\n", -1, 0},
    {"Cache-Control: max-age=\r\n", -1, 0},
    {"Cache-Control: max-age=\"\r\n", -1, 0},
    {"Cache-Control: max-age=1x\r\n", -1, 0},
    {"Cache-Control: s-maxage=5, max-age\r\n", -1, 0},
    {"Cache-Control: max-age=99999999999999999999999\r\n", 31536000, 0},
    {"Cache-Control: ,,=,max-age=5,\r\n", 5, 0},
    {"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", -1, 784111777},
    {"Date: yesterday\r\n", -1, 0},
};

static void test_head(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof HEADS / sizeof HEADS[0]; i++) {
        head_says = HEADS[i].head;
        start(says_head, 1);
        struct result result = asked("/");
        if (result.max_age != HEADS[i].max_age || result.date != HEADS[i].date) {
            fail_msg("%s: %lld %lld", head_says, (long long)result.max_age, (long long)result.date);
        }
        assert_int_equal(result.certificate_end, 0);
        stop();
    }
}

/* -- where to -- */

static void test_connect_to(void **state)
{
    char where[64], expected[64];
    (void)state;
    start(answers, 4);
    struct fetch_request request = PLAIN;
    snprintf(where, sizeof where, "127.0.0.1:%u", provider.port);
    request.connect_to = where;
    request.url = "http://idp.example.test/userinfo";
    for (int i = 0; i < 2; i++) {
        struct result result = {0};
        fetch_start(client, &request, on_answer, &result);
        TURN_UNTIL(loop, result.calls == 1);
        assert_string_equal(result.body, "{\"a\": 1}");
        assert_non_null(strstr(provider.head, "\r\nHost: idp.example.test\r\n"));
    }
    assert_int_equal(provider.connections, 1);
    /* What was reached in this way is not what the name leads to. */
    snprintf(expected, sizeof expected, "localhost:%u", provider.port);
    assert_int_equal(asked_so(request, "localhost", "/").status, 200);
    request.connect_to = NULL;
    assert_int_equal(asked_so(request, "localhost", "/").status, 200);
    assert_int_equal(provider.connections, 3);
    assert_non_null(strstr(provider.head, expected));
    stop();
}

static void test_connect_to_nobody(void **state)
{
    (void)state;
    start(answers, 4);
    struct fetch_request request = PLAIN;
    unsigned port;
    int fd = net_listen(&port);
    close(fd);
    char where[64];
    snprintf(where, sizeof where, "127.0.0.1:%u", port);
    assert_int_equal(asked_so(request, "127.0.0.1", "/").status, 200);
    request.connect_to = where; /* the kept connection is none for this */
    assert_string_equal(asked_so(request, "127.0.0.1", "/").failure,
                        "could not connect: Connection refused");
    assert_int_equal(provider.requests, 1);
    stop();
}

/* Attack list 34. Names that a test cannot resolve come from getaddrinfo() below. */
static const char *const PRIVATE_HOSTS[][2] = {
    {"127.0.0.1", "127.0.0.1"},
    {"127.1", "127.0.0.1"},
    {"2130706433", "127.0.0.1"},
    {"0x7f.1", "127.0.0.1"},
    {"017700000001", "127.0.0.1"},
    {"0.0.0.0", "0.0.0.0"},
    {"0", "0.0.0.0"},
    {"169.254.169.254", "169.254.169.254"},
    {"10.1.2.3", "10.1.2.3"},
    {"[::1]", "::1"},
    {"[::]", "::"},
    {"[::ffff:127.0.0.1]", "::ffff:127.0.0.1"},
    {"[::ffff:7f00:1]", "::ffff:127.0.0.1"},
    {"[fe80::1]", "fe80::1"},
    {"[fd00::1]", "fd00::1"},
    {"loopback.test", "127.0.0.1"},
    {"LOOPBACK.test", "127.0.0.1"},
};

static void test_private_addresses(void **state)
{
    (void)state;
    start(answers, 4);
    struct fetch_request request = PLAIN;
    request.public_only = true;
    for (size_t i = 0; i < sizeof PRIVATE_HOSTS / sizeof PRIVATE_HOSTS[0]; i++) {
        struct result result = asked_so(request, PRIVATE_HOSTS[i][0], "/latest/meta-data");
        char expected[200];
        snprintf(expected, sizeof expected,
                 " leads to a private address (%s), which only an address that you typed may",
                 PRIVATE_HOSTS[i][1]);
        if (!result.refused_address || strstr(result.failure, expected) == NULL) {
            fail_msg("%s: %s", PRIVATE_HOSTS[i][0], result.failure);
        }
        assert_null(strstr(result.failure, "meta-data"));
        assert_int_equal(result.status, 0);
    }
    assert_int_equal(provider.connections, 0);
    stop();
}

/* A connection that was opened without the filter is none for a request with it: not to the same
 * name, and not through `connect_to`. */
static void test_filter_and_kept_connection(void **state)
{
    char where[64];
    (void)state;
    start(answers, 4);
    struct fetch_request request = PLAIN;
    snprintf(where, sizeof where, "127.0.0.1:%u", provider.port);
    for (int i = 0; i < 2; i++) {
        request.connect_to = i == 0 ? NULL : where;
        request.public_only = false;
        assert_int_equal(asked_so(request, "loopback.test", "/").status, 200);
        request.public_only = true;
        struct result result = asked_so(request, "loopback.test", "/");
        assert_true(result.refused_address);
    }
    assert_int_equal(provider.requests, 2);
    stop();
}

/* A name with a private and a public address reaches the public one alone; what was opened under the
 * filter is kept for others with it. connect() below leads 93.184.216.34 to the provider. */
static void test_public_addresses(void **state)
{
    (void)state;
    start(answers, 4);
    struct fetch_request request = PLAIN;
    request.public_only = true;
    for (int i = 0; i < 3; i++) {
        struct result result = asked_so(request, "both.test", "/");
        assert_string_equal(result.failure, "");
        assert_string_equal(result.body, "{\"a\": 1}");
        assert_false(result.refused_address);
    }
    assert_int_equal(provider.connections, 1);
    assert_int_equal(provider.led, 1);
    stop();
}

/* One name, asked twice: public at first, then it leads home (DNS rebinding). A client remembers what a
 * name led to, so each has its own. */
static void test_rebinding(void **state)
{
    (void)state;
    start(answers, 4);
    struct fetch_request request = PLAIN;
    request.public_only = true;
    assert_int_equal(asked_so(request, "rebind.test", "/").status, 200);
    fetch_client_free(client);
    client = fetch_client_new(loop, 4, "postern-test/1");
    struct result result = asked_so(request, "rebind.test", "/");
    assert_string_equal(result.failure,
                        "rebind.test leads to a private address (127.0.0.1), which only an address "
                        "that you typed may");
    assert_int_equal(provider.requests, 1);
    stop();
}

static void redirects(struct provider *p, int fd, int connection)
{
    (void)connection;
    while (read_request(p, fd)) {
        net_send(fd, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    }
}

static void test_redirects_are_not_followed(void **state)
{
    (void)state;
    start(redirects, 4);
    struct result result = asked("/");
    assert_int_equal(result.outcome, FETCH_ANSWERED);
    assert_int_equal(result.status, 302);
    assert_int_equal(provider.requests, 1);
    stop();
}

static void compresses(struct provider *p, int fd, int connection)
{
    (void)connection;
    while (read_request(p, fd)) {
        net_send(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb");
    }
}

static void test_nothing_is_decoded(void **state)
{
    (void)state;
    start(compresses, 4);
    assert_string_equal(asked("/").body, "bomb");
    assert_null(strstr(provider.head, "Accept-Encoding"));
    stop();
}

static void test_environment_is_ignored(void **state)
{
    (void)state;
    start(answers, 4);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    assert_int_equal(asked("/").outcome, FETCH_ANSWERED);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    stop();
}

/* -- no usable answer -- */

static void sends_too_much(struct provider *p, int fd, int connection)
{
    (void)connection;
    if (read_request(p, fd)) {
        net_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while (net_send(fd, "8\r\nabcdefgh\r\n")) {
        }
    }
}

static void announces_too_much(struct provider *p, int fd, int connection)
{
    (void)connection;
    if (read_request(p, fd)) {
        net_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
    }
    wait_for_close(fd);
}

static void sends_endless_head(struct provider *p, int fd, int connection)
{
    (void)connection;
    if (read_request(p, fd)) {
        net_send(fd, "HTTP/1.1 200 OK\r\n");
        while (net_send(fd, "X-Filler: abcdefghijklmnopqrstuvwxyz0123456789\r\n")) {
        }
    }
}

static void sends_endless_interim(struct provider *p, int fd, int connection)
{
    (void)connection;
    if (read_request(p, fd)) {
        while (net_send(fd, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")) {
        }
    }
}

static void speaks_no_http(struct provider *p, int fd, int connection)
{
    (void)connection;
    if (read_request(p, fd)) {
        net_send(fd, "* OK IMAP4rev1 ready\r\n");
    }
}

static void says_nothing(struct provider *p, int fd, int connection)
{
    (void)connection;
    (void)read_request(p, fd);
}

static void breaks_off(struct provider *p, int fd, int connection)
{
    (void)connection;
    if (read_request(p, fd)) {
        net_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"sub\":");
    }
}

static const struct {
    void (*script)(struct provider *, int, int);
    const char *failure;
} FAILURES[] = {
    {sends_too_much, "the answer is larger than 4095 bytes"},
    {announces_too_much, "the answer is larger than 4095 bytes"},
    {sends_endless_head, "the head of the answer is larger than 65536 bytes"},
    {sends_endless_interim, "the head of the answer is larger than 65536 bytes"},
    {speaks_no_http, "Received HTTP/0.9 when not allowed"},
    {says_nothing, "connection closed without an answer"},
    {breaks_off, "connection closed in the middle of the answer"},
};

static void refuses_at_length(struct provider *p, int fd, int connection)
{
    (void)connection;
    if (read_request(p, fd)) {
        net_send(fd, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 1000000\r\n\r\n");
    }
}

/* A no stays a no, however long its page is. */
static void test_status_of_a_failure(void **state)
{
    (void)state;
    start(refuses_at_length, 4);
    struct result result = asked("/");
    assert_int_equal(result.outcome, FETCH_FAILED);
    assert_int_equal(result.status, 401);
    stop();
}

static void test_unusable_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof FAILURES / sizeof FAILURES[0]; i++) {
        start(FAILURES[i].script, 4);
        struct result result = asked("/secret/path?query");
        assert_int_equal(result.outcome, FETCH_FAILED);
        assert_string_equal(result.failure, FAILURES[i].failure);
        stop();
    }
}

static void test_nobody_listens(void **state)
{
    (void)state;
    start(answers, 4);
    struct result result = {0};
    unsigned port;
    int fd = net_listen(&port);
    close(fd);
    char url[128];
    snprintf(url, sizeof url, "http://user:password@127.0.0.1:%u/path", port);
    struct fetch_request request = {
        .url = url, .connect_ms = 5000, .total_ms = 5000, .body_max = 100};
    fetch_start(client, &request, on_answer, &result);
    assert_int_equal(result.calls, 0);
    TURN_UNTIL(loop, result.calls == 1);
    assert_string_equal(result.failure, "could not connect: Connection refused");
    stop();
}

static void test_only_http(void **state)
{
    static const char *const urls[] = {"file:///etc/passwd",
                                       "gopher://127.0.0.1/",
                                       "ftp://127.0.0.1/",
                                       "http://127.0.0.1:99999/",
                                       "http://",
                                       "",
                                       "http://a b/"};
    (void)state;
    start(answers, 4);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct result result = {0};
        struct fetch_request request = {
            .url = urls[i], .connect_ms = 5000, .total_ms = 5000, .body_max = 100};
        fetch_start(client, &request, on_answer, &result);
        assert_int_equal(result.calls, 0);
        TURN_UNTIL(loop, result.calls == 1);
        assert_int_equal(result.outcome, FETCH_FAILED);
        assert_null(strstr(result.failure, "passwd"));
        assert_true(result.failure[0] != '\0');
    }
    stop();
}

/* -- time -- */

static void stalls(struct provider *p, int fd, int connection)
{
    (void)connection;
    (void)read_request(p, fd);
    net_send(fd, "HTTP/1.1 200 OK\r\n");
    wait_for_close(fd);
}

static void test_total_timeout(void **state)
{
    (void)state;
    start(stalls, 4);
    struct result result = {0};
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", provider.port);
    struct fetch_request request = {
        .url = url, .connect_ms = 5000, .total_ms = 150, .body_max = 100};
    fetch_start(client, &request, on_answer, &result);
    TURN_UNTIL(loop, result.calls == 1);
    assert_string_equal(result.failure, "timed out after 150 ms");
    stop();
}

/* The second one waits for the only connection, and its time runs. */
static void test_waiting_times_out(void **state)
{
    (void)state;
    start(stalls, 1);
    struct result first, second = {0};
    ask("/", &first);
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", provider.port);
    struct fetch_request request = {
        .url = url, .connect_ms = 5000, .total_ms = 100, .body_max = 100};
    fetch_start(client, &request, on_answer, &second);
    TURN_UNTIL(loop, second.calls == 1);
    assert_string_equal(second.failure, "timed out after 100 ms");
    assert_int_equal(first.calls, 0);
    assert_int_equal(fetch_running(client), 1);
    assert_true(provider.connections <= 1);
    stop();
    assert_int_equal(first.calls, 0); /* fetch_client_free() cancels */
}

/* Resolving "slow.test" takes until the test lets go. libcurl's calls come here as well. */
static sem_t resolving, resolve;

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    typedef int next_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    next_fn *next;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&next, &symbol, sizeof next);
    if (node != NULL && strcasecmp(node, "loopback.test") == 0) {
        return next("127.0.0.1", service, hints, found);
    }
    if (node != NULL && strcmp(node, "rebind.test") == 0) {
        bool again = atomic_fetch_add(&provider.resolved, 1) > 0;
        return next(again ? "127.0.0.1" : PUBLIC, service, hints, found);
    }
    if (node != NULL && strcmp(node, "both.test") == 0) {
        int failed = next("127.0.0.1", service, hints, found);
        return failed != 0 ? failed : next(PUBLIC, service, hints, &(*found)->ai_next);
    }
    if (node != NULL && strcmp(node, "slow.test") == 0) {
        sem_post(&resolving);
        sem_wait(&resolve);
        return EAI_NONAME;
    }
    return next(node, service, hints, found);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    typedef int next_fn(int, const struct sockaddr *, socklen_t);
    next_fn *next;
    void *symbol = dlsym(RTLD_NEXT, "connect");
    memcpy(&next, &symbol, sizeof next);
    struct sockaddr_in led;
    if (address->sa_family == AF_INET) {
        memcpy(&led, address, sizeof led);
        if (led.sin_addr.s_addr == inet_addr(PUBLIC)) {
            led.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            atomic_fetch_add(&provider.led, 1);
            return next(fd, (struct sockaddr *)(void *)&led, sizeof led);
        }
    }
    return next(fd, address, size);
}

static int value(sem_t *semaphore)
{
    int value = 0;
    sem_getvalue(semaphore, &value);
    return value;
}

/* Neither waiting for a name server nor giving up on one holds up the loop. */
static void test_slow_name_server(void **state)
{
    (void)state;
    start(answers, 4);
    sem_init(&resolving, 0, 0);
    sem_init(&resolve, 0, 0);
    struct result slow = {0}, gone = {0};
    struct fetch_request request = {
        .url = "http://slow.test/", .connect_ms = 200, .total_ms = 10000, .body_max = 100};
    fetch_start(client, &request, on_answer, &slow);
    request.connect_ms = 10000;
    struct fetch *cancelled = fetch_start(client, &request, on_answer, &gone);
    TURN_UNTIL(loop, value(&resolving) == 2);
    assert_int_equal(asked("/").status == 0, 0);
    fetch_cancel(cancelled);
    TURN_UNTIL(loop, slow.calls == 1);
    assert_string_equal(slow.failure, "the host name was not resolved within 200 ms");
    assert_int_equal(gone.calls, 0);
    stop();
    sem_post(&resolve);
    sem_post(&resolve);
}

/* -- cancel -- */

static void test_cancel(void **state)
{
    (void)state;
    start(stalls, 2);
    struct result results[4];
    struct fetch *fetches[4];
    for (int i = 0; i < 4; i++) {
        fetches[i] = ask("/", &results[i]);
    }
    fetch_cancel(fetches[3]); /* still waiting */
    TURN_UNTIL(loop, provider.requests == 2);
    fetch_cancel(fetches[0]); /* under way: the third takes its place */
    TURN_UNTIL(loop, provider.requests == 3);
    fetch_cancel(fetches[2]);
    fetch_cancel(fetches[1]);
    fetch_cancel(NULL);
    net_turns(loop, 5);
    assert_int_equal(fetch_running(client), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(results[i].calls, 0);
    }
    stop();
}

static void test_connections_are_bounded(void **state)
{
    (void)state;
    start(answers, 3);
    struct result results[30];
    int calls = 0;
    for (int i = 0; i < 30; i++) {
        ask("/", &results[i]);
    }
    assert_int_equal(fetch_running(client), 30);
    TURN_UNTIL(loop, fetch_running(client) == 0);
    for (int i = 0; i < 30; i++) {
        calls += results[i].calls;
        assert_string_equal(results[i].body, "{\"a\": 1}");
    }
    assert_int_equal(calls, 30);
    assert_true(provider.open_most <= 3);
    stop();
}

static void free_client(const struct fetch_answer *answer, void *context)
{
    bool *called = context;
    (void)answer;
    *called = true;
    fetch_client_free(client);
    client = NULL;
}

static void test_client_freed_by_callback(void **state)
{
    (void)state;
    start(answers, 1);
    bool called = false;
    struct result never;
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", provider.port);
    struct fetch_request request = {
        .url = url, .connect_ms = 5000, .total_ms = 5000, .body_max = 100};
    fetch_start(client, &request, free_client, &called);
    ask("/", &never);
    TURN_UNTIL(loop, called);
    assert_int_equal(never.calls, 0);
    stop();
}

/* -- two answers to one request: the next user must not get the second -- */

#define ALICE   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nalice"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nalice\r\n0\r\n\r\n"
#define MALLORY "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nmallory"
#define BOB     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbob"

static const struct {
    const char *at_once;   /* answers /alice */
    const char *when_idle; /* follows when the client has had its answer */
    int connections;       /* that alice and bob need together */
} TWICE[] = {
    {ALICE, "", 1}, /* an honest provider */
    {ALICE MALLORY, "", 2},
    {ALICE, MALLORY, 2},
    {ALICE "HTTP/1.1 200 OK\r\nContent-", "Length: 7\r\n\r\nmallory", 2},
    {CHUNKED, MALLORY, 2},
    {CHUNKED "HTTP/1.1 200 OK\r\nContent-", "Length: 7\r\n\r\nmallory", 2},
    {"HTTP/1.1 204 No Content\r\n\r\n", MALLORY, 2},
    /* Read together with the end of the answer, libcurl throws the rest away and goes on. */
    {CHUNKED MALLORY, "", 1},
    {"HTTP/1.1 204 No Content\r\n\r\n" MALLORY, "", 1},
};
static size_t twice;

static void answers_twice(struct provider *p, int fd, int connection)
{
    (void)connection;
    while (read_request(p, fd)) {
        if (strstr(p->head, "/alice") == NULL) {
            net_send(fd, BOB);
            continue;
        }
        net_send(fd, TWICE[twice].at_once);
        sem_wait(&p->go);
        net_send(fd, TWICE[twice].when_idle);
        sem_post(&p->gone);
    }
}

static void test_two_answers(void **state)
{
    (void)state;
    for (twice = 0; twice < sizeof TWICE / sizeof TWICE[0]; twice++) {
        start(answers_twice, 1);
        assert_int_equal(asked("/alice").outcome, FETCH_ANSWERED);
        sem_post(&provider.go);
        sem_wait(&provider.gone);
        assert_string_equal(asked("/bob").body, "bob");
        assert_int_equal(provider.connections, TWICE[twice].connections);
        stop();
    }
}

/* The head has arrived, then the body and a second answer come in one piece: libcurl reads no more
 * than the body, the second answer stays in the socket. */
static void answers_twice_behind_head(struct provider *p, int fd, int connection)
{
    (void)connection;
    while (read_request(p, fd)) {
        if (strstr(p->head, "/alice") == NULL) {
            net_send(fd, BOB);
            continue;
        }
        net_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nal");
        sem_wait(&p->go);
        net_send(fd, "ice" MALLORY);
    }
}

static void test_second_answer_behind_body(void **state)
{
    (void)state;
    start(answers_twice_behind_head, 1);
    struct result alice;
    ask("/alice", &alice);
    TURN_UNTIL(loop, provider.requests == 1);
    net_turns(loop, 20);
    sem_post(&provider.go);
    TURN_UNTIL(loop, alice.calls == 1);
    assert_string_equal(alice.body, "alice");
    assert_string_equal(asked("/bob").body, "bob");
    assert_int_equal(provider.connections, 2);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_user_info),
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_body_is_copied),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_connect_to),
        cmocka_unit_test(test_connect_to_nobody),
        cmocka_unit_test(test_private_addresses),
        cmocka_unit_test(test_filter_and_kept_connection),
        cmocka_unit_test(test_public_addresses),
        cmocka_unit_test(test_rebinding),
        cmocka_unit_test(test_connection_is_kept),
        cmocka_unit_test(test_kept_connection_was_closed),
        cmocka_unit_test(test_redirects_are_not_followed),
        cmocka_unit_test(test_nothing_is_decoded),
        cmocka_unit_test(test_environment_is_ignored),
        cmocka_unit_test(test_unusable_answers),
        cmocka_unit_test(test_status_of_a_failure),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_only_http),
        cmocka_unit_test(test_total_timeout),
        cmocka_unit_test(test_waiting_times_out),
        cmocka_unit_test(test_slow_name_server),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_connections_are_bounded),
        cmocka_unit_test(test_client_freed_by_callback),
        cmocka_unit_test(test_two_answers),
        cmocka_unit_test(test_second_answer_behind_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
