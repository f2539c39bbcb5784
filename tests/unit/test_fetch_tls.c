/* test_fetch_tls.c - whom a fetch trusts, and what it says about those it does not. */
#include "with_net.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "net/fetch.h"

static struct loop *loop;
static struct fetch_client *client;
static char directory[] = "/tmp/fetch-XXXXXX";
static char ca_path[64], other_ca_path[64], weak_ca_path[64];
static EVP_PKEY *key, *weak_key;
static X509 *good, *expired, *other_host, *weak;

/* -- certificates: each its own authority -- */

static X509 *make_certificate(const char *host, long days, EVP_PKEY *own)
{
    X509 *made = X509_new();
    X509_NAME *name = X509_get_subject_name(made);
    char names[128];
    snprintf(names, sizeof names, "DNS:%s", host);
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), days + 100);
    X509_gmtime_adj(X509_getm_notBefore(made), -86400L * 30);
    X509_gmtime_adj(X509_getm_notAfter(made), 86400L * days);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1, 0);
    X509_set_issuer_name(made, name);
    X509_set_pubkey(made, own);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    X509_add_ext(made, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(made, own, EVP_sha256()) > 0);
    return made;
}

static void write_certificates(const char *path, X509 *one, X509 *two)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    PEM_write_X509(file, one);
    if (two != NULL) {
        PEM_write_X509(file, two);
    }
    fclose(file);
}

static int make_all(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* the provider's TLS library writes with write() */
    assert_non_null(mkdtemp(directory));
    snprintf(ca_path, sizeof ca_path, "%s/ca.pem", directory);
    snprintf(weak_ca_path, sizeof weak_ca_path, "%s/weak.pem", directory);
    snprintf(other_ca_path, sizeof other_ca_path, "%s/other.pem", directory);
    key = EVP_EC_gen("P-256");
    assert_non_null(key);
    good = make_certificate("localhost", 10, key);
    expired = make_certificate("localhost", -1, key);
    other_host = make_certificate("elsewhere.test", 10, key);
    weak_key = EVP_RSA_gen(1024);
    assert_non_null(weak_key);
    weak = make_certificate("localhost", 20, weak_key);
    write_certificates(ca_path, good, expired);
    write_certificates(weak_ca_path, weak, NULL);
    write_certificates(other_ca_path, other_host, NULL);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    X509_free(good);
    X509_free(expired);
    X509_free(other_host);
    X509_free(weak);
    EVP_PKEY_free(key);
    EVP_PKEY_free(weak_key);
    unlink(ca_path);
    unlink(other_ca_path);
    unlink(weak_ca_path);
    rmdir(directory);
    return 0;
}

/* -- a provider: one connection after the other -- */

static struct provider {
    int fd;
    unsigned port;
    SSL_CTX *context;
    pthread_t thread;
    void (*script)(SSL *tls);
    atomic_int connections, requests;
    sem_t go;
} provider;

static void *serve(void *unused)
{
    (void)unused;
    for (int fd = accept(provider.fd, NULL, NULL); fd >= 0; fd = accept(provider.fd, NULL, NULL)) {
        SSL *tls = SSL_new(provider.context);
        SSL_set_fd(tls, fd);
        atomic_fetch_add(&provider.connections, 1);
        if (SSL_accept(tls) == 1) {
            provider.script(tls);
        }
        SSL_free(tls);
        close(fd);
    }
    return NULL;
}

static void start(X509 *certificate, int newest_version, void (*script)(SSL *))
{
    memset(&provider, 0, sizeof provider);
    provider.script = script;
    provider.fd = net_listen(&provider.port);
    provider.context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(provider.context, 0); /* so that it would speak TLS 1.1 */
    SSL_CTX_set_max_proto_version(provider.context, newest_version);
    assert_int_equal(SSL_CTX_use_certificate(provider.context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(provider.context, certificate == weak ? weak_key : key),
                     1);
    sem_init(&provider.go, 0, 0);
    pthread_create(&provider.thread, NULL, serve, NULL);
    loop = loop_new();
    client = fetch_client_new(loop, 1, "postern-test/1");
}

static void stop(void)
{
    fetch_client_free(client);
    loop_free(loop);
    shutdown(provider.fd, SHUT_RDWR);
    pthread_join(provider.thread, NULL);
    close(provider.fd);
    SSL_CTX_free(provider.context);
    sem_destroy(&provider.go);
}

static bool read_request(SSL *tls, char *head, int size)
{
    int length = 0;
    head[0] = '\0';
    while (strstr(head, "\r\n\r\n") == NULL) {
        int got = SSL_read(tls, head + length, size - 1 - length);
        if (got <= 0) {
            return false;
        }
        length += got;
        head[length] = '\0';
    }
    atomic_fetch_add(&provider.requests, 1);
    return true;
}

/* One record. */
static void say(SSL *tls, const char *text)
{
    (void)SSL_write(tls, text, (int)strlen(text));
}

/* -- a user -- */

struct result {
    int calls, status;
    int64_t certificate_end;
    char body[100], failure[400];
};

static void on_answer(const struct fetch_answer *answer, void *context)
{
    struct result *result = context;
    result->calls++;
    result->status = answer->status;
    result->certificate_end = answer->certificate_end;
    span_fits(answer->body, result->body, sizeof result->body);
    span_fits(span_of(answer->failure), result->failure, sizeof result->failure);
}

static void ask(const char *path, const char *ca_file, struct result *result)
{
    char url[128];
    snprintf(url, sizeof url, "https://localhost:%u%s", provider.port, path);
    struct fetch_request request = {
        .url = url, .ca_file = ca_file, .connect_ms = 10000, .total_ms = 15000, .body_max = 99};
    *result = (struct result){0};
    fetch_start(client, &request, on_answer, result);
}

static struct result asked(const char *path, const char *ca_file)
{
    struct result result;
    ask(path, ca_file, &result);
    TURN_UNTIL(loop, result.calls == 1);
    return result;
}

#define BOB     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbob"
#define MALLORY "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nmallory"

static void answers(SSL *tls)
{
    char head[4096];
    while (read_request(tls, head, sizeof head)) {
        say(tls, BOB);
    }
}

static void test_private_authority(void **state)
{
    (void)state;
    start(good, TLS1_3_VERSION, answers);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(asked("/", ca_path).body, "bob");
    }
    assert_int_equal(provider.connections, 1); /* kept, session tickets and all */
    stop();
    start(good, TLS1_2_VERSION, answers);
    assert_string_equal(asked("/", ca_path).body, "bob");
    assert_string_equal(asked("/", ca_path).body, "bob");
    assert_int_equal(provider.connections, 1);
    stop();
}

static void test_not_trusted(void **state)
{
    static const struct {
        X509 **certificate;
        const char *ca_file;
        int newest_version;
        const char *failure; /* a part of it */
    } cases[] = {
        {&good, NULL, TLS1_3_VERSION, "TLS: self-signed certificate"},
        {&good, other_ca_path, TLS1_3_VERSION, "TLS: self-signed certificate"},
        {&expired, ca_path, TLS1_3_VERSION, "TLS: certificate has expired"},
        {&other_host, other_ca_path, TLS1_3_VERSION,
         "TLS: SSL: no alternative certificate subject name matches target host name 'localhost'"},
        {&good, ca_path, TLS1_1_VERSION, "TLS: "},
        {&good, ca_path, TLS1_VERSION, "TLS: "},
        {&weak, weak_ca_path, TLS1_3_VERSION, "TLS: EE certificate key too weak"},
        {&good, "/nonexistent/ca.pem", TLS1_3_VERSION,
         "TLS: error setting certificate file: /nonexistent/ca.pem"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start(*cases[i].certificate, cases[i].newest_version, answers);
        struct result result = asked("/secret/path", cases[i].ca_file);
        if (strstr(result.failure, cases[i].failure) != result.failure ||
            strstr(result.failure, "secret") != NULL) {
            fail_msg("%zu: %s", i, result.failure);
        }
        assert_int_equal(provider.requests, 0); /* nothing was told to a stranger */
        stop();
    }
}

/* Where a connection goes is one thing, whose name must be in the certificate another; and the name is
 * what the server hears (SNI). */
static void test_connect_to(void **state)
{
    static const struct {
        const char *url, *failure;
    } cases[] = {
        {"https://localhost/", ""},
        {"https://localhost:4443/", ""},
        {"https://elsewhere.test/",
         "TLS: SSL: no alternative certificate subject name matches target host name "
         "'elsewhere.test'"},
    };
    char where[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start(good, TLS1_3_VERSION, answers);
        snprintf(where, sizeof where, "127.0.0.1:%u", provider.port);
        struct fetch_request request = {.url = cases[i].url,
                                        .ca_file = ca_path,
                                        .connect_to = where,
                                        .connect_ms = 10000,
                                        .total_ms = 15000,
                                        .body_max = 99};
        struct result result = {0};
        fetch_start(client, &request, on_answer, &result);
        TURN_UNTIL(loop, result.calls == 1);
        assert_string_equal(result.failure, cases[i].failure);
        assert_int_equal(provider.requests, cases[i].failure[0] == '\0' ? 1 : 0);
        stop();
    }
}

/* Told once a connection. */
static void test_certificate_end(void **state)
{
    (void)state;
    start(good, TLS1_3_VERSION, answers);
    struct result result = asked("/", ca_path);
    int64_t days = (result.certificate_end - time(NULL) + 3600) / 86400;
    assert_int_equal(days, 10);
    assert_int_equal(asked("/", ca_path).certificate_end, 0);
    stop();
}

/* A connection of those who trust one authority is none for those who trust another. */
static void test_connection_belongs_to_its_authority(void **state)
{
    (void)state;
    start(good, TLS1_3_VERSION, answers);
    assert_string_equal(asked("/", ca_path).body, "bob");
    struct result result = asked("/", other_ca_path);
    assert_string_equal(result.failure, "TLS: self-signed certificate");
    assert_int_equal(provider.requests, 1);
    stop();
}

/* libcurl reads no more than the body: a second answer in the same record is decrypted already and
 * shows on no socket. */
static void answers_twice(SSL *tls)
{
    char head[4096];
    while (read_request(tls, head, sizeof head)) {
        if (strstr(head, "/alice") != NULL) {
            say(tls, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nal");
            sem_wait(&provider.go);
            say(tls, "ice" MALLORY);
        } else {
            say(tls, BOB);
        }
    }
}

static void test_second_answer_in_one_record(void **state)
{
    struct result alice;
    (void)state;
    start(good, TLS1_3_VERSION, answers_twice);
    ask("/alice", ca_path, &alice);
    TURN_UNTIL(loop, provider.requests == 1);
    for (int i = 0; i < 10; i++) {
        loop_turn(loop, 10); /* likely the head is read by then; the outcome is the same if not */
    }
    sem_post(&provider.go);
    TURN_UNTIL(loop, alice.calls == 1);
    assert_string_equal(alice.body, "alice");
    assert_string_equal(asked("/bob", ca_path).body, "bob");
    assert_int_equal(provider.connections, 2);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_private_authority),
        cmocka_unit_test(test_not_trusted),
        cmocka_unit_test(test_connect_to),
        cmocka_unit_test(test_certificate_end),
        cmocka_unit_test(test_connection_belongs_to_its_authority),
        cmocka_unit_test(test_second_answer_in_one_record),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
