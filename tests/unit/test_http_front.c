/* test_http_front.c - whose request it is: vectors/http_front.txt. */
#include "vectors.h"

#include "net/http_front.h"

static char loopback[] = "127.0.0.1", private[] = "10.0.0.0/8", fronts[] = "2001:db8:f::/48",
            nonsense[] = "nonsense";
static char *const TRUSTED[] = {loopback, private, fronts, nonsense, NULL};

/* id, the peer ("unix": none), header lines, the client ("-": not known), "secured" or "plain". */
static void run_front(const struct vector *vector)
{
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(buffer_done) struct buffer bytes = buffer_limited(100000);
    static const struct http_limits limits = {32768, HTTP_HEADERS_MAX, 0, false};
    static struct http_request http;
    struct http_refusal refusal;
    struct http_front *front = http_front_new(TRUSTED);
    bool local = span_is(vector->column[1], "unix");
    struct http_server_request server = {.http = &http,
                                         .address = local ? (struct span){0} : vector->column[1]};
    buffer_add_text(&bytes, "GET / HTTP/1.1\r\nHost: a\r\n");
    buffer_add(&bytes, vector->column[2]);
    buffer_add_text(&bytes, "\r\n");
    vector_must(vector,
                http_request_parse(buffer_span(&bytes), &limits, &http, &refusal) == HTTP_COMPLETE,
                "is a request");
    struct http_front_request read = http_front_read(front, &server, &arena);
    vector_must(vector, read.server == &server, "is about the same request");
    vector_same(vector, read.client, vector->column[3]);
    vector_same(vector, read.secured ? SPAN_LITERAL("secured") : SPAN_LITERAL("plain"),
                vector->column[4]);
    server.secured = true;
    vector_must(vector, http_front_read(front, &server, &arena).secured, "is secured by ourselves");
    http_front_free(front);
}

static void test_clients(void **state)
{
    (void)state;
    vectors_run("http_front.txt", 35, run_front);
}

static void test_nobody_trusted(void **state)
{
    (void)state;
    struct http_front *front = http_front_new(NULL);
    struct ip_address address;
    assert_true(ip_address_parse(SPAN_LITERAL("127.0.0.1"), &address));
    assert_false(http_front_trusts(front, &address));
    http_front_free(front);
    http_front_free(NULL);
    assert_true(http_front_valid(SPAN_LITERAL("2001:db8::/32")));
    assert_false(http_front_valid(SPAN_LITERAL("localhost")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clients),
                                       cmocka_unit_test(test_nobody_trusted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
