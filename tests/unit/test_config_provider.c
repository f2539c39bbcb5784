/* test_config_provider.c - one provider's block: every setting there and back, its secrets, what it leaves open. */
#include "with_config.h"

#include "config/config_table.h"

#define ISSUER "issuer = { 'https://a.example' } clients = { c } "

static char secret[96];

static int provider_setup(void **state)
{
    group_setup(state);
    snprintf(secret, sizeof(secret), "%s/secret", directory);
    return 0;
}

static int provider_teardown(void **state)
{
    unlink(secret);
    return group_teardown(state);
}

static const struct provider *first(const struct config *config)
{
    return &config->providers->providers[0];
}

/* What the worker reads of what the parent prints. */
static void there_and_back(const struct config *config, struct config *again)
{
    CLEANUP(buffer_wipe) struct buffer text = buffer_limited(CONFIG_TEXT_MAX);
    CLEANUP(buffer_wipe) struct buffer text_again = buffer_limited(CONFIG_TEXT_MAX);
    struct error error;
    config_print(config, &text);
    if (!config_read(buffer_span(&text), again, &error)) {
        fail_msg("%s", error.text);
    }
    config_print(again, &text_again);
    assert_true(span_equal(buffer_span(&text), buffer_span(&text_again)));
}

/* ---- every setting ---- */

#define EVERYTHING                                                                                \
    "provider all {\n"                                                                            \
    "  issuer = { 'https://a.example/', 'https://b.example/x' }  domains = { a.example }\n"       \
    "  shared = yes  check = jwt_userinfo  access_token_mark = typ_bearer  id_tokens = yes\n"     \
    "  audiences = { 'a b', 'c\\'d' }  clients = { c1, c2 }  any_client = no\n"                   \
    "  scopes = { s1, s2 }  scope_imap = { i }  scope_pop3 = { p }  scope_smtp = { m, n }\n"      \
    "  scope_sieve = { v }  algorithms = { ES256, Ed25519 }  leeway = 1m  max_token_age = 2h\n"   \
    "  username_claim = 'a.b c'  username_template = '%s@a.example'  subject_claim = oid\n"       \
    "  email_verified = if_present  hosted_domains = { h.example }  bind = no\n"                  \
    "  userinfo = 'https://u:p@a.example/u'  tokeninfo = 'https://a.example/t'\n"                 \
    "  jwks = 'https://a.example/k'  connect_to = '10.0.0.1:8443'  ca_file = '/x/ca.pem'\n"       \
    "  connect_timeout = 1s  timeout = 2s  requests = 3  queue = 4  outage = cached\n"            \
    "  outage_lifetime = 5m  cache_lifetime = 6s  refused_lifetime = 7s  recheck = 8s\n"          \
    "  keys_refresh = 9m  keys_cooldown = 10s  keys_max_age = 11h  scope = 'x y'\n"               \
    "  configuration_url = 'https://a.example/c'\n"                                               \
    "  introspection { url = 'https://a.example/i'  id = me  secret = 's\\\\e\\'c'  auth = post " \
    "}\n"                                                                                         \
    "}\n"

static void assert_everything(const struct provider *provider)
{
    assert_string_equal(provider->issuers[1], "https://b.example/x");
    assert_null(provider->issuers[2]);
    assert_true(provider->shared);
    assert_int_equal(provider->check, PROVIDER_CHECK_JWT_USERINFO);
    assert_int_equal(provider->mark, PROVIDER_MARK_TYP_BEARER);
    assert_true(provider->id_tokens);
    assert_string_equal(provider->audiences[0], "a b");
    assert_string_equal(provider->audiences[1], "c'd");
    assert_string_equal(provider->clients[1], "c2");
    assert_string_equal(provider->scopes[1], "s2");
    assert_string_equal(provider->scopes_of[PROVIDER_IMAP][0], "i");
    assert_string_equal(provider->scopes_of[PROVIDER_POP3][0], "p");
    assert_string_equal(provider->scopes_of[PROVIDER_SMTP][1], "n");
    assert_string_equal(provider->scopes_of[PROVIDER_SIEVE][0], "v");
    assert_string_equal(provider->algorithms[1], "Ed25519");
    assert_null(provider->algorithms[2]);
    assert_int_equal(provider->leeway_s, 60);
    assert_int_equal(provider->max_age_s, 7200);
    assert_string_equal(provider->username_claim, "a.b c");
    assert_string_equal(provider->username_template, "%s@a.example");
    assert_string_equal(provider->subject_claim, "oid");
    assert_int_equal(provider->email_verified, PROVIDER_EMAIL_IF_PRESENT);
    assert_string_equal(provider->hosted_domains[0], "h.example");
    assert_false(provider->binds);
}

static void assert_ways(const struct provider *provider)
{
    assert_string_equal(provider->userinfo, "https://u:p@a.example/u");
    assert_string_equal(provider->tokeninfo, "https://a.example/t");
    assert_string_equal(provider->jwks, "https://a.example/k");
    assert_string_equal(provider->connect_to, "10.0.0.1:8443");
    assert_string_equal(provider->ca_file, "/x/ca.pem");
    assert_int_equal(provider->connect_ms, 1000);
    assert_int_equal(provider->total_ms, 2000);
    assert_int_equal(provider->requests_max, 3);
    assert_int_equal(provider->queue_max, 4);
    assert_int_equal(provider->outage, PROVIDER_OUTAGE_CACHED);
    assert_int_equal(provider->outage_ms, 5 * 60 * 1000);
    assert_int_equal(provider->cache_ms, 6000);
    assert_int_equal(provider->refused_ms, 7000);
    assert_int_equal(provider->recheck_ms, 8000);
    assert_int_equal(provider->keys_refresh_ms, 9 * 60 * 1000);
    assert_int_equal(provider->keys_cooldown_ms, 10000);
    assert_int_equal(provider->keys_max_age_ms, 11 * 3600 * 1000);
    assert_string_equal(provider->scope, "x y");
    assert_string_equal(provider->configuration_url, "https://a.example/c");
    assert_string_equal(provider->shown, "https://a.example/");
    assert_string_equal(provider->introspection.url, "https://a.example/i");
    assert_string_equal(provider->introspection.id, "me");
    assert_string_equal(provider->introspection.secret, "s\\e'c");
    assert_int_equal(provider->introspection.auth, PROVIDER_AUTH_POST);
    assert_true(provider->introspection.used);
}

static void test_everything(void **state)
{
    (void)state;
    struct config config, again;
    load_good(EVERYTHING, NULL, &config);
    assert_everything(first(&config));
    assert_ways(first(&config));
    there_and_back(&config, &again);
    assert_everything(first(&again));
    assert_ways(first(&again));
    config_free(&config);
    config_free(&again);
}

/* Each of them has another value than its default there: no setting is left out above. */
static void test_everything_is_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_table_count; i++) {
        const struct config_table_setting *setting = &config_table[i];
        bool elsewhere =
            strcmp(setting->name, "preset") == 0 || strcmp(setting->name, "tenant") == 0;
        if (config_table_is_provider(setting) && !config_table_is_file(setting) && !elsewhere) {
            char wanted[64];
            snprintf(wanted, sizeof(wanted), " %s = ", setting->name);
            assert_holds(EVERYTHING, wanted);
        }
    }
}

static void test_defaults(void **state)
{
    (void)state;
    struct config config;
    load_good("provider a { " ISSUER "}\n", NULL, &config);
    const struct provider *provider = first(&config);
    assert_int_equal(provider->check, PROVIDER_CHECK_AUTO);
    assert_int_equal(provider->leeway_s, 30);
    assert_int_equal(provider->max_age_s, 0);
    assert_int_equal(provider->requests_max, 64);
    assert_int_equal(provider->queue_max, 1000);
    assert_int_equal(provider->outage, PROVIDER_OUTAGE_REFUSE);
    assert_int_equal(provider->cache_ms, 60000);
    assert_int_equal(provider->refused_ms, 5000);
    assert_int_equal(provider->recheck_ms, 0);
    assert_int_equal(provider->keys_refresh_ms, 600000);
    assert_int_equal(provider->keys_cooldown_ms, 10000);
    assert_int_equal(provider->keys_max_age_ms, 24 * 3600 * 1000);
    assert_string_equal(provider->algorithms[0], "RS256");
    assert_string_equal(provider->algorithms[10], "Ed25519");
    assert_null(provider->algorithms[11]);
    assert_string_equal(provider->subject_claim, "sub");
    assert_string_equal(provider->configuration_url,
                        "https://a.example/.well-known/openid-configuration");
    assert_false(provider->introspection.used);
    assert_false(provider->any_client);
    assert_null(config.warnings[0]);
    config_free(&config);
}

/* ---- the environment ---- */

static void test_environment(void **state)
{
    (void)state;
    struct config config;
    struct error error;
    const char *env[] = {"POSTERN_PROVIDER_ISSUER=https://a.example, https://b.example",
                         "POSTERN_PROVIDER_CLIENTS=c",
                         "POSTERN_PROVIDER_INTROSPECTION_ID=me",
                         "POSTERN_PROVIDER_INTROSPECTION_SECRET=se cret",
                         "POSTERN_PROVIDER_INTROSPECTION_AUTH=post",
                         "POSTERN_TOKENS_CACHE=1M",
                         "POSTERN_TOKENS_THREADS=3",
                         "POSTERN_ACCOUNTS_CACHE=2M",
                         "POSTERN_HTTP_INTERNAL=127.0.0.1:8026",
                         "POSTERN_HTTP_INTERNAL_SECRET=s",
                         NULL};
    if (!config_load(NULL, env, &config, &error)) {
        fail_msg("%s", error.text);
    }
    assert_string_equal(first(&config)->issuers[1], "https://b.example");
    assert_string_equal(first(&config)->introspection.id, "me");
    assert_string_equal(first(&config)->introspection.secret, "se cret");
    assert_int_equal(first(&config)->introspection.auth, PROVIDER_AUTH_POST);
    assert_true(config.tokens.cache_bytes == 1024 * 1024);
    assert_int_equal(config.tokens.threads, 3);
    assert_true(config.account_cache_bytes == 2 * 1024 * 1024);
    assert_string_equal(config.http.internal, "127.0.0.1:8026");
    assert_string_equal(config.http.internal_secret, "s");
    assert_null(config.warnings[0]);
    config_free(&config);
}

static void test_tokens(void **state)
{
    (void)state;
    struct config config, again;
    load_good("", NULL, &config);
    assert_true(config.tokens.cache_bytes == 32 * 1024 * 1024);
    assert_true(config.account_cache_bytes == 16 * 1024 * 1024);
    assert_int_equal(config.tokens.signatures_max, 10000);
    assert_int_equal(config.tokens.checks_max, 5000);
    assert_true(config.tokens.threads <= 64);
    assert_null(config.http.internal);
    there_and_back(&config, &again);
    assert_int_equal(again.tokens.threads, config.tokens.threads);
    assert_true(again.tokens.cache_bytes == config.tokens.cache_bytes);
    config_free(&config);
    config_free(&again);
}

/* ---- secrets ---- */

/* A provider whose introspection says `setting = "the secret's file"`. */
static void load_with_secret(const char *setting, struct config *config)
{
    char text[1024];
    snprintf(text, sizeof(text), "provider a { " ISSUER "introspection { id = i  %s = '%s' } }\n",
             setting, secret);
    load_good(text, NULL, config);
}

static void test_secret_file(void **state)
{
    (void)state;
    struct config config, again;
    file_write(secret, "p\xc3\xa4ss: w'\\rd\r\nnot this\n", 0600);
    load_with_secret("secret_file", &config);
    assert_string_equal(first(&config)->introspection.secret, "p\xc3\xa4ss: w'\\rd");
    there_and_back(&config, &again);
    assert_string_equal(first(&again)->introspection.secret, "p\xc3\xa4ss: w'\\rd");
    config_free(&config);
    config_free(&again);
}

static void test_internal_secret_file(void **state)
{
    (void)state;
    struct config config, again;
    file_write(secret, "between us\n", 0600);
    char text[256];
    snprintf(text, sizeof(text), "http { internal = 'unix:/run/x'  internal_secret_file = '%s' }\n",
             secret);
    load_good(text, NULL, &config);
    assert_string_equal(config.http.internal_secret, "between us");
    there_and_back(&config, &again);
    assert_string_equal(again.http.internal_secret, "between us");
    assert_null(again.http.internal_secret_file);
    config_free(&config);
    config_free(&again);
}

#define PEM "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49'\\\n-----END PRIVATE KEY-----\n"

static void test_key_file(void **state)
{
    (void)state;
    struct config config, again;
    file_write(secret, PEM, 0600);
    load_with_secret("key_file", &config);
    assert_string_equal(first(&config)->introspection.secret, PEM);
    assert_int_equal(first(&config)->introspection.auth, PROVIDER_AUTH_KEY);
    there_and_back(&config, &again);
    assert_string_equal(first(&again)->introspection.secret, PEM);
    assert_int_equal(first(&again)->introspection.auth, PROVIDER_AUTH_KEY);
    config_free(&config);
    config_free(&again);
}

/* 16 KiB are a key, one byte more is none. */
static void test_key_file_length(void **state)
{
    (void)state;
    static char key[16 * 1024 + 2];
    char text[512];
    struct config config;
    struct error error;
    memset(key, 'x', sizeof(key) - 1);
    memcpy(key, "-----BEGIN ", 11);
    file_write(secret, key, 0600);
    snprintf(text, sizeof(text),
             "provider a { " ISSUER "introspection { id = i  key_file = '%s' } }\n", secret);
    file_write(path, text, 0600);
    assert_false(config_load(path, NULL, &config, &error));
    assert_holds(error.text, "is longer than 16384 bytes");
    key[sizeof(key) - 2] = '\0';
    file_write(secret, key, 0600);
    load_good(text, NULL, &config);
    assert_int_equal(strlen(first(&config)->introspection.secret), 16 * 1024);
    config_free(&config);
}

static const struct {
    const char *content;
    mode_t mode;
    const char *setting, *says;
} bad_files[] = {
    {"secret\n", 0644, "secret_file", "holds a secret and others can read it: chmod o-rwx it"},
    {"secret\n", 0602, "secret_file", "can be changed by everybody"},
    {"", 0600, "secret_file", "it is empty"},
    {"\nsecret\n", 0600, "secret_file", "its first line is empty"},
    {"a\x01z\n", 0600, "secret_file", "control character"},
    {"secret\n", 0600, "key_file", "auth = key takes a private key"},
    {"secret\n", 0600, "auth = post key_file", "key_file goes with auth = key"},
    {PEM, 0600, "auth = key secret_file", ""},
    {"secret\n", 0600, "secret = x secret_file", "secret and secret_file exclude each other"},
    {"secret\n", 0600, "secret = x key_file", "secret and key_file exclude each other"},
    {"a b\n", 0600, "auth = bearer secret_file", "a bearer token has no blanks"},
};

static void test_bad_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
        char text[512];
        struct config config;
        struct error error;
        file_write(secret, bad_files[i].content, bad_files[i].mode);
        snprintf(text, sizeof(text),
                 "provider a { " ISSUER "introspection { id = i  %s = '%s' } }\n",
                 bad_files[i].setting, secret);
        file_write(path, text, 0600);
        bool good = config_load(path, NULL, &config, &error);
        if (good) {
            config_free(&config);
        }
        /* The first line of a key is no key: whoever asks the provider says so. */
        assert_int_equal(good, bad_files[i].says[0] == '\0');
        assert_true(good || strstr(error.text, bad_files[i].says) != NULL);
        assert_true(good || strstr(error.text, "postern.conf:1: provider \"a\": ") != NULL);
    }
}

/* An id and a secret in the URL are what admins write; in the log there is neither. */
static void test_secret_in_url(void **state)
{
    (void)state;
    struct config config;
    load_good("provider a { clients = { c } introspection { url = "
              "'https://cl%69ent:s%3Acret%@a.example/introspect/?x=y' } }\n",
              NULL, &config);
    assert_string_equal(first(&config)->introspection.url, "https://a.example/introspect/?x=y");
    assert_string_equal(first(&config)->introspection.id, "client");
    assert_string_equal(first(&config)->introspection.secret, "s:cret%");
    assert_string_equal(first(&config)->shown, "https://a.example/introspect/");
    assert_true(first(&config)->introspection.used);
    config_free(&config);
}

/* No list of settings and no message repeats a secret. */
static void test_not_shown(void **state)
{
    (void)state;
    struct config config;
    struct error error;
    load_good(EVERYTHING, NULL, &config);
    CLEANUP(buffer_done) struct buffer text = buffer_limited(CONFIG_TEXT_MAX);
    config_describe(&text);
    assert_int_equal(span_search(buffer_span(&text), SPAN_LITERAL("s\\e'c")), text.length);
    for (size_t i = 0; config.warnings[i] != NULL; i++) {
        assert_null(strstr(config.warnings[i], "s\\e'c"));
    }
    config_free(&config);
    assert_false(load("provider a { " ISSUER "introspection { id = i secret = hushhush } }\n", NULL,
                      &config, &error));
    assert_holds(error.text, "introspection.secret stands in it and others can read");
    assert_null(strstr(error.text, "hushhush"));
    assert_false(load("http { internal_secret = hushhush }\n", NULL, &config, &error));
    assert_holds(error.text, "http.internal_secret: others can read");
    assert_null(strstr(error.text, "hushhush"));
    assert_false(load("provider a { " ISSUER "introspection { url = 'https://i:hushhush@a.example' "
                      "} }\n",
                      NULL, &config, &error));
    assert_holds(error.text, "introspection.url has a password in it");
    assert_null(strstr(error.text, "hushhush"));
}

/* ---- what it leaves open ---- */

static const struct {
    const char *block, *says; /* NULL: nothing */
} open[] = {
    {"userinfo = 'https://a.example'", "userinfo does not say for which application"},
    {"preset = authentik userinfo = 'https://a.example'",
     "tokens of all the provider's applications"},
    {"preset = keycloak userinfo = 'https://a.example'",
     "tokens of all the provider's applications"},
    {"userinfo = 'https://a.example' check = userinfo",
     "tokens of all the provider's applications"},
    {"issuer = 'https://a.example' any_client = yes", "any_client = yes: tokens of all"},
    {"preset = google domains = { a.example } any_client = yes", "any_client = yes: tokens of all"},
    {ISSUER, NULL},
    {ISSUER "userinfo = 'https://a.example'", NULL},
    {ISSUER "check = userinfo", NULL},
    {"clients = { c } introspection { url = 'https://i:s@a.example' }", NULL},
};

static void test_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        char text[512];
        struct config config, again;
        snprintf(text, sizeof(text), "provider a { %s }\n", open[i].block);
        load_good(text, NULL, &config);
        assert_int_equal(first(&config)->any_client, open[i].says != NULL);
        if (open[i].says == NULL) {
            assert_null(config.warnings[0]);
        } else {
            assert_holds(config.warnings[0], "provider \"a\": ");
            assert_holds(config.warnings[0], open[i].says);
            assert_null(config.warnings[1]);
            assert_true(strlen(config.warnings[0]) <= LOG_VALUE_MAX);
        }
        there_and_back(&config, &again);
        assert_null(again.warnings[0]); /* the parent says it */
        config_free(&config);
        config_free(&again);
    }
}

/* ---- bad ones: the text, and what the error must say ---- */

static const struct {
    const char *text, *says;
} bad[] = {
    {"\n\nprovider a {\n  domains = { a.example }\n\n}\n", ":4: provider \"a\": issuer is missing"},
    {"provider a {\n" ISSUER "\n  introspection {\n    idd = x\n  }\n}\n",
     ":4: no such option 'idd'"},
    {"provider a {\n" ISSUER "\n  introspection {\n    auth = x\n  }\n}\n",
     ":4: provider.introspection.auth: \"x\" is not one of basic|post|key|bearer|none"},
    {"introspection { id = x }\n", "no such option 'introspection'"},
    {"provider a { " ISSUER "introspection { } }\n", "introspection: id is missing"},
    {"provider a { " ISSUER "introspection { id = i } }\n",
     "introspection: secret_file is missing"},
    {"provider a { " ISSUER "introspection { id = i auth = bearer } }\n", "secret_file is missing"},
    {"provider a { " ISSUER "introspection { id = i auth = key } }\n", "takes a private key"},
    {"provider a { " ISSUER "check = introspection }\n", "check = introspection needs a section"},
    {"provider a { clients = { c } introspection { id = i secret = s } }\n", "issuer is missing"},
    {"provider a { " ISSUER "introspection { id = j secret = s url = 'https://i:s@a.example' } }\n",
     "url has a user in it, and id or secret is there too"},
    {"provider a { " ISSUER "introspection { url = 'https://i:s%0a@a.example' } }\n",
     "several lines"},
    {"provider a { issuer = 'https://a.example' }\n", "write clients = "},
    {"provider a { issuer = 'a.example' clients = { c } }\n",
     ":1: provider.issuer: it does not begin with https://"},
    {"provider a { issuer = 'https://u:p@a.example' clients = { c } }\n", "an issuer has no user"},
    {"provider a { issuer = 'http://auth.example.com' clients = { c } }\n", "plain http"},
    {"provider a { " ISSUER "algorithms = { RS256, HS256 } }\n",
     ":1: provider.algorithms: \"HS256\" is not one of RS256|"},
    {"provider a { " ISSUER "algorithms = { none } }\n", "\"none\" is not one of"},
    {"provider a { " ISSUER "algorithms = { } }\n", "algorithms is empty"},
    {"provider a { " ISSUER "leeway = 61s }\n", "provider.leeway: 61s is out of range"},
    {"provider a { " ISSUER "leeway = 500ms }\n",
     "is not a duration; write it like 8s, 10m, 1h or 30d"},
    {"provider a { " ISSUER "username_template = 'x' }\n", "username_template"},
    {"provider a { " ISSUER "jwks = 'https://u:p@a.example' }\n", "jwks is read by everybody"},
    {"provider a { " ISSUER "check = tokeninfo }\n", "tokeninfo is missing"},
    {"provider a { " ISSUER "domains = { a.example } }\nprovider b { issuer = 'https://b.example' "
     "clients = { c } domains = { A.example } }\n",
     ":2: provider \"b\": domain \"a.example\" belongs to provider \"a\" already"},
    {"provider a { " ISSUER "domains = { a.example } }\nprovider b { " ISSUER
     "domains = { b.example } }\n",
     ":2: provider \"b\": "},
    {"provider a { userinfo = 'https://a.example' any_client = no clients = { c } }\n",
     "userinfo does not say for whom"},
    {"tokens { cache = 1 }\n", "tokens.cache: 1 is out of range"},
    {"tokens { cache = none }\n", "tokens.cache: none is out of range"},
    {"tokens { threads = all }\n", "tokens.threads: \"all\" is not a number from 0 to 64"},
    {"tokens { checks = 0 }\n", "tokens.checks: \"0\" is not a number"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct config config;
        struct error error;
        file_write(path, bad[i].text, 0600);
        if (config_load(path, NULL, &config, &error)) {
            fail_msg("accepted: %s", bad[i].text);
        }
        assert_holds(error.text, path);
        assert_holds(error.text, bad[i].says);
        assert_null(config.run_directory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_everything_is_all),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_secret_file),
        cmocka_unit_test(test_internal_secret_file),
        cmocka_unit_test(test_key_file),
        cmocka_unit_test(test_key_file_length),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_secret_in_url),
        cmocka_unit_test(test_not_shown),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, provider_setup, provider_teardown);
}
