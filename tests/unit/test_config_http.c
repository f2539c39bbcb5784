/* test_config_http.c - the public listener's settings: where, under which name, believed by whom, and what is refused. */
#include "with_config.h"

#define PUBLIC(more) "http { public = '127.0.0.1:8025'\n" more "\n}\n"

static const struct {
    const char *text, *url, *warning;
} GOOD[] = {
    {"", NULL, NULL},
    {PUBLIC(""), "http://127.0.0.1:8025", NULL},
    {"http { public = '[::1]:8025' }\n", "http://[::1]:8025", NULL},
    {"http { public = '127.9.9.9:1' }\n", "http://127.9.9.9:1", NULL},
    {"http { public = 'unix:/run/x/y' }\n", "http://localhost", "http.public_url is empty"},
    {PUBLIC("public_url = 'https://mail.example.com'"), "https://mail.example.com", NULL},
    {PUBLIC("public_url = 'https://mail.example.com/'"), "https://mail.example.com", NULL},
    {PUBLIC("public_url = 'https://mail.example.com/postern//'"),
     "https://mail.example.com/postern", NULL},
    {"http { public = 'unix:/run/x/y'  public_url = 'https://m.example:8443/a' }\n",
     "https://m.example:8443/a", NULL},
};

static bool warns(const struct config *config, const char *part)
{
    for (size_t i = 0; config->warnings[i] != NULL; i++) {
        if (strstr(config->warnings[i], part) != NULL) {
            return true;
        }
    }
    return false;
}

static void test_url(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        struct config config;
        load_good(GOOD[i].text, NULL, &config);
        if (GOOD[i].url == NULL) {
            assert_null(config.http.public_url);
        } else {
            assert_string_equal(config.http.public_url, GOOD[i].url);
        }
        assert_int_equal(warns(&config, "public_url"), GOOD[i].warning != NULL);
        config_free(&config);
    }
}

/* What the parent prints the worker reads, to the letter. */
static void test_there_and_back(void **state)
{
    (void)state;
    struct config config, again;
    struct error error;
    CLEANUP(buffer_wipe) struct buffer text = buffer_limited(CONFIG_TEXT_MAX);
    load_good(PUBLIC("trusted_proxies = {'10.0.0.0/8', '::1'}  connections = 7  body = 1M\n"
                     "connections_per_address = 0  request_timeout = 5s"),
              NULL, &config);
    config_print(&config, &text);
    assert_true(config_read(buffer_span(&text), &again, &error));
    assert_string_equal(again.http.public, "127.0.0.1:8025");
    assert_string_equal(again.http.public_url, "http://127.0.0.1:8025");
    assert_string_equal(again.http.trusted_proxies[1], "::1");
    assert_null(again.http.trusted_proxies[2]);
    assert_int_equal(again.http.connections, 7);
    assert_int_equal(again.http.connections_per_address, 0);
    assert_int_equal(again.http.body, 1024 * 1024);
    assert_int_equal(again.http.request_timeout_ms, 5000);
    config_free(&config);
    config_free(&again);
}

static const struct {
    const char *text, *error;
} BAD[] = {
    {"http { public = 'localhost:8025' }\n", "neither an address with a port"},
    {"http { public = '127.0.0.1' }\n", "neither an address with a port"},
    {"http { public = '8025' }\n", "neither an address with a port"},
    {"http { public = 'unix:relative' }\n", "neither an address with a port"},
    {"http { public = '0.0.0.0:443' }\n",
     "public_tls_cert_file and public_tls_key_file, or listen on 127.0.0.1:443"},
    {"http { public = '[::]:443' }\n", "is no loopback address"},
    {"http { public = '[::ffff:192.0.2.1]:443' }\n", "is no loopback address"},
    {PUBLIC("trusted_proxies = {'10.0.0.0/8', 'front.example'}"),
     "\"front.example\" is no address"},
    {PUBLIC("trusted_proxies = {'10.0.0.0/33'}"), "is no address or network"},
    {PUBLIC("public_url = 'mail.example.com'"), "http.public_url"},
    {PUBLIC("public_url = 'https://u:p@mail.example.com'"), "http.public_url"},
    {PUBLIC("public_url = 'https://mail.example.com/?a=b'"), "http.public_url"},
    {PUBLIC("public_tls_cert = 'x'"), "belong together"},
    {PUBLIC("public_tls_key = 'hushhush'"), "belong together"},
    {PUBLIC("public_tls_cert = 'x' public_tls_key = 'hushhush'"), "no certificate"},
    {PUBLIC("connections = 0"), "http.connections"},
    {PUBLIC("body = 1K"), "http.body"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct config config;
        struct error error;
        file_write(path, BAD[i].text, 0600);
        if (config_load(path, NULL, &config, &error)) {
            fail_msg("%s is taken", BAD[i].text);
        }
        assert_holds(error.text, BAD[i].error);
        assert_null(strstr(error.text, "hushhush"));
    }
}

/* A key in a file that everybody can read is no secret any more. */
static void test_key_for_all(void **state)
{
    (void)state;
    struct config config;
    struct error error;
    assert_false(load(PUBLIC("public_tls_key = 'hushhush'"), NULL, &config, &error));
    assert_holds(error.text, "http.public_tls_key: others can read");
    assert_null(strstr(error.text, "hushhush"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_key_for_all),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
