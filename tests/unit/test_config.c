/* test_config.c - what postern.conf and the environment become, and every way to get them wrong. */
#include "with_config.h"

#include "config/config_table.h"

#define PROVIDER "provider \"work\" {\n  userinfo = \"https://auth.example.com/userinfo\"\n}\n"

/* ---- good ones ---- */

static void test_defaults(void **state)
{
    (void)state;
    struct config config;
    load_good(PROVIDER, NULL, &config);
    assert_string_equal(config.run_directory, "/run/postern");
    assert_string_equal(config.user.name, "postern");
    assert_int_equal(config.log, CONFIG_LOG_SYSLOG);
    assert_int_equal(config.log_level, LOG_LEVEL_INFO);
    assert_null(config.directory.default_domain);
    assert_int_equal(config.directory.mail_uid, 5000);
    assert_int_equal(config.directory.quota_bytes, 0);
    assert_int_equal(config.directory.delimiter, '+');
    assert_int_equal(config.login.turn_ms, 8000);
    assert_int_equal(config.login.refusal_delay_ms, 2000);
    assert_true(config.login.passwords);
    assert_false(config.login.cleartext);
    assert_int_equal(config.passwords.threads, 1);
    assert_int_equal(config.worker.heartbeat_timeout_ms, 5000);
    assert_null(config.throttle.trusted);
    assert_int_equal(config.providers->count, 1);
    const struct provider *provider = &config.providers->providers[0];
    assert_string_equal(provider->name, "work");
    assert_string_equal(provider->username_claim, "email");
    assert_string_equal(provider->shown, "https://auth.example.com/userinfo");
    assert_int_equal(provider->email_verified, PROVIDER_EMAIL_REQUIRE);
    assert_true(provider->binds);
    assert_null(provider->domains);
    assert_null(provider->ca_file);
    assert_true(provider->any_client);
    assert_holds(config.warnings[0], "provider \"work\": userinfo does not say for which");
    assert_holds(config.warnings[0], "tokens of all the provider's applications sign in");
    assert_true(strlen(config.warnings[0]) <= LOG_VALUE_MAX);
    assert_null(config.warnings[1]);
    config_free(&config);
}

static void test_values(void **state)
{
    (void)state;
    struct config config;
    load_good("user = 64901\n"
              "default_domain = \"Example.COM\"\n"
              "log = stderr   # a comment\n"
              "provider \"a\" {\n"
              "  userinfo = 'http://127.0.0.1:8080/userinfo'\n"
              "  domains = { \"Example.com\", \"b\xc3\xbc"
              "cher.example\" }\n"
              "  email_verified = if_present\n"
              "  timeout = 500ms  connect_timeout = 100ms\n"
              "}\n"
              "provider b { userinfo = \"https://b.example\" domains = { example.org } scope = "
              "\"\" bind = no }\n"
              "login { deadline = 1s  refusal_delay = 0\n"
              "  trusted_addresses = { \"192.0.2.1\", \"2001:db8::/32\" } }\n"
              "mail { quota = 2G  recipient_delimiter = \"\"  format = mdbox }\n",
              NULL, &config);
    assert_int_equal(config.user.number, 64901);
    assert_int_equal(config.group.number, 64901);
    assert_string_equal(config.directory.default_domain, "example.com");
    assert_int_equal(config.log, CONFIG_LOG_STDERR);
    const struct provider *provider = &config.providers->providers[0];
    assert_string_equal(provider->domains[0], "example.com");
    assert_string_equal(provider->domains[1], "xn--bcher-kva.example");
    assert_null(provider->domains[2]);
    assert_int_equal(provider->email_verified, PROVIDER_EMAIL_IF_PRESENT);
    assert_int_equal(provider->total_ms, 500);
    assert_null(config.providers->providers[1].scope);
    assert_false(config.providers->providers[1].binds);
    assert_int_equal(config.login.turn_ms, 1000);
    assert_int_equal(config.login.refusal_delay_ms, 0);
    assert_string_equal(config.throttle.trusted[1], "2001:db8::/32");
    assert_true(config.directory.quota_bytes == 2LL * 1024 * 1024 * 1024);
    assert_int_equal(config.directory.delimiter, 0);
    assert_int_equal(config.mail_format, CONFIG_FORMAT_MDBOX);
    config_free(&config);
}

/* What the worker reads is what the parent read, to the last byte. */
static void test_print_and_read_back(void **state)
{
    (void)state;
    struct config config, again;
    struct error error;
    load_good("log = stderr\n"
              "provider \"a\" { userinfo = 'https://u:it\\'s@h.example/x?${HOME}' domains = { "
              "a.example, b.example } }\n"
              "mail { quota = 7 recipient_delimiter = \"'\" }\n"
              "stack { dovecot_listen = \"127.0.0.1, \\\\ ::1\" }\n",
              NULL, &config);
    CLEANUP(buffer_done) struct buffer text = buffer_limited(CONFIG_TEXT_MAX);
    CLEANUP(buffer_done) struct buffer text_again = buffer_limited(CONFIG_TEXT_MAX);
    config_print(&config, &text);
    if (!config_read(buffer_span(&text), &again, &error)) {
        fail_msg("%s", error.text);
    }
    assert_string_equal(again.providers->providers[0].userinfo,
                        "https://u:it's@h.example/x?${HOME}");
    config_print(&again, &text_again);
    assert_true(span_equal(buffer_span(&text), buffer_span(&text_again)));
    config_free(&config);
    config_free(&again);
}

static void test_include(void **state)
{
    (void)state;
    char other[96], text[256];
    struct config config;
    struct error error;
    snprintf(other, sizeof(other), "%s/other.conf", directory);
    file_write(other, "provider \"work\" { userinfo = \"https://u:p@auth.example.com/\" }\n", 0600);
    snprintf(text, sizeof(text), "log = stderr\ninclude(\"%s\")\n", other);
    file_write(path, text, 0600);
    assert_true(config_load(path, NULL, &config, &error));
    assert_int_equal(config.providers->count, 1);
    config_free(&config);
    assert_int_equal(chmod(other, 0644), 0);
    assert_false(config_load(path, NULL, &config, &error));
    assert_holds(error.text, "others can read");
    assert_int_equal(unlink(other), 0);
}

/* What is wrong in an included file is said of that file; what follows it, of the first. */
static void test_include_bad(void **state)
{
    (void)state;
    static const struct {
        const char *other, *behind, *says;
    } cases[] = {
        {"# a\n# b\nlogg = x\n", "", "/other.conf:3: no such option 'logg'"},
        {"# a\n# b\n\n", "# c\nlogg = x\n", "/postern.conf:4: no such option 'logg'"},
        {"login {\n", "}\n", "/other.conf: a section is not closed"},
        {"log = 'stderr\n", "'\n", "/other.conf"},
        {"log = stderr /*\n", "*/\n", "/other.conf"},
        {"log = stderr\n", "/* more\n", "/postern.conf"},
        {"provider a {\n\n domains = { a.example }\n}\n", "",
         "/other.conf:3: provider \"a\": issuer"},
        {NULL, "", "/postern.conf:2: /nonexistent/other.conf: No such file"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char other[96], text[256];
        struct config config;
        struct error error;
        snprintf(other, sizeof(other), "%s/other.conf",
                 cases[i].other == NULL ? "/nonexistent" : directory);
        if (cases[i].other != NULL) {
            file_write(other, cases[i].other, 0600);
        }
        snprintf(text, sizeof(text), "# first\ninclude(\"%s\")\n%s", other, cases[i].behind);
        file_write(path, text, 0600);
        assert_false(config_load(path, NULL, &config, &error));
        assert_holds(error.text, cases[i].says);
        unlink(other);
    }
}

static void test_include_itself(void **state)
{
    (void)state;
    char text[128];
    struct config config;
    struct error error;
    snprintf(text, sizeof(text), "include(\"%s\")\n", path);
    file_write(path, text, 0600);
    assert_false(config_load(path, NULL, &config, &error));
    assert_holds(error.text, "files include one another more than 8 deep");
}

/* ---- bad ones: the text, and what the error must say ---- */

static const struct {
    const char *text, *says;
} bad[] = {
    {"logg = stderr\n", ":1: no such option 'logg'; `posternd --settings`"},
    {"login {\n\n  deadine = 8s\n}\n", ":3: no such option 'deadine'"},
    {"logins { }\n", ":1: no such option 'logins'"},
    {"# one\n  # two # '\n\nlog = stderr # three\n/* four\n\" */ // five\nlogg = stderr\n",
     ":7: no such option 'logg'"},
    {"login { # it's one\n # two\n\n  deadline = 8\n}\n", ":4: login.deadline: \"8\" is not"},
    {"log = file\n", ":1: log: \"file\" is not one of syslog|stderr"},
    {"\nlogin {\n  deadline = 8 \n}\n",
     ":3: login.deadline: \"8\" is not a duration; write it like 500ms, 8s, 10m, 1h or 30d"},
    {"login { deadline = 8sec }\n", "login.deadline: \"8sec\" is not a duration"},
    {"login { deadline = 20s }\n", "login.deadline: 20s is out of range; write 100ms to 9500ms"},
    {"login { deadline = 99999999999h }\n", "is not a duration"},
    {"login { deadline = -1s }\n", "is not a duration"},
    {"login { passwords = maybe }\n", "login.passwords: \"maybe\" is neither yes nor no"},
    {"login { throttle_free = many }\n",
     "login.throttle_free: \"many\" is not a number from 0 to 100000"},
    {"login { throttle_free = 100001 }\n", "is not a number from 0 to 100000"},
    {"login { hash_threads = 0 }\n", "login.hash_threads: \"0\" is not a number from 1 to 64"},
    {"login { refusal_delay = 8s }\n", "login.refusal_delay must be shorter than login.deadline"},
    {"login { trusted_addresses = { \"192.0.2.300\" } }\n",
     "login.trusted_addresses: \"192.0.2.300\" is no address"},
    {"mail { quota = lots }\n",
     "mail.quota: \"lots\" is not a size; write it like 500M, 5G or none"},
    {"mail { recipient_delimiter = \"+-\" }\n",
     "mail.recipient_delimiter: \"+-\" is not one character"},
    {"mail { uid = \"no-such-user-here\" }\n",
     "mail.uid: \"no-such-user-here\" is root or no user of this system"},
    {"mail { uid = 0 }\n", "mail.uid: \"0\" is root or no user"},
    {"mail { gid = 0 }\n", "mail.gid: \"0\" is root or no group"},
    {"mail { uid = 12x }\n", "mail.uid: \"12x\" is neither a name nor a number"},
    {"user = root\n", "user: the worker never runs as root"},
    {"run_directory = \"run\"\n", "run_directory: \"run\" is not an absolute path"},
    {"run_directory = \"/run/../etc\"\n", "is not an absolute path"},
    {"run_directory = \"\"\n", "run_directory must not be empty"},
    {"run_directory = "
     "\"/0123456789012345678901234567890123456789012345678901234567890123456789\"\n",
     "run_directory: the value has 71 characters; 60 is the limit"},
    {"default_domain = \"example..com\"\n", ":1: default_domain: "},
    {"accounts { store = \"mysql:x\" }\n",
     "accounts.store: \"mysql:x\" is no database; write sqlite:/PATH"},
    {"worker { heartbeat = 4s }\n",
     "worker.heartbeat_timeout must be at least twice worker.heartbeat"},
    {"worker { backoff_max = 0 }\n",
     "worker.backoff_max must not be shorter than worker.backoff_min"},
    {"stack { port_imap = 70000 }\n", "stack.port_imap: \"70000\" is not a number from 1 to 65535"},
    {"stack { hostname = \"a\nb\" }\n", "the value has a control character in it"},
    {"stack { hostname = \"a\xff\" }\n", "the value is not UTF-8"},
    {"log stderr\n", ":1: "},
    {"login { deadline = 8s\n", ": a section is not closed; write } at its end"},
    {"provider \"a\" {\n  userinfo = \"https://a.example\"\n", "a section is not closed"},
    {"log = stderr /* more\n", ""},
    {"log = 'stderr\n", ""},
    {"log = \"stderr\n", ""},
    {"login { deadline = 8s } }\n", ":1: "},
    {"provider { userinfo = \"https://a.example\" }\n", ":1: "},
    {"provider \"Work\" { userinfo = \"https://a.example\" }\n", "a provider's name is 1 to 63"},
    {"provider \"a\" { userinfo = \"https://a.example\" }\nprovider \"a\" { userinfo = "
     "\"https://a.example\" }\n",
     ":2: "},
    {"provider \"a\" { }\n", ":1: provider \"a\": issuer is missing; write issuer = "},
    {"provider \"a\" { userinfo = \"ftp://a.example\" }\n",
     ":1: provider.userinfo: it does not begin with https://"},
    {"provider \"a\" { userinfo = \"https://a.example/ x\" }\n", "it has a blank"},
    {"provider \"a\" { userinfo = \"http://auth.example.com/\" }\n", "plain http"},
    {"provider \"a\" { userinfo = \"https://user:pw@a.example\" }\n",
     "userinfo has a password in it and others can read"},
    {"provider \"a\" { userinfo = \"https://a.example\" configuration_url = "
     "\"https://x:y@a.example\" }\n",
     "configuration_url is shown to clients"},
    {"provider \"a\" { userinfo = \"https://a.example\" userinfo_file = \"/etc/x\" }\n",
     "exclude each other"},
    {"provider \"a\" { userinfo_file = \"/nonexistent\" }\n", "/nonexistent: No such file"},
    {"provider \"a\" { userinfo = \"https://a.example\" email_verified = no }\n",
     "provider.email_verified: \"no\" is not one of"},
    {"provider \"a\" { userinfo = \"https://a.example\" domains = { \"-\" } }\n",
     ":1: provider.domains: "},
    {"provider \"a\" { userinfo = \"https://a.example\" timeout = 1s }\n", "timeout"},
    {"provider \"a\" { userinfo = \"https://a.example\" }\nprovider \"b\" { userinfo = "
     "\"https://b.example\" }\n",
     "domains must be given"},
    {"provider \"a\" { userinfo = \"https://a.example\" domains = { x.example } }\n"
     "provider \"b\" { userinfo = \"https://b.example\" domains = { X.example } }\n",
     "belongs to"},
    {"login { passwords = no }\n", "nobody could sign in"},
    {"include(\"other.conf\")\n", "include takes one absolute path"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct config config;
        struct error error;
        if (load(bad[i].text, NULL, &config, &error)) {
            fail_msg("accepted: %s", bad[i].text);
        }
        assert_holds(error.text, path);
        assert_holds(error.text, bad[i].says);
        assert_null(strstr(error.text, "pw@"));
        assert_null(config.run_directory);
    }
}

static void test_no_file(void **state)
{
    (void)state;
    struct config config;
    struct error error;
    assert_false(config_load("/nonexistent/postern.conf", NULL, &config, &error));
    assert_string_equal(error.text, "/nonexistent/postern.conf: No such file or directory");
    assert_false(config_load("/tmp", NULL, &config, &error));
    assert_string_equal(error.text, "/tmp is not a file");
    assert_false(config_read(span_bytes("log = stderr\n\0", 14), &config, &error));
    assert_holds(error.text, "NUL byte");
}

/* ---- the environment ---- */

static void test_environment(void **state)
{
    (void)state;
    const char *env[] = {"PATH=/bin",
                         "POSTERN_LOGIN_DEADLINE=3s",
                         "POSTERN_LOG=stderr",
                         "POSTERN_PROVIDER_DOMAINS=a.example, b.example",
                         "POSTERN_SOCKET=/x",
                         "POSTERN_LOGIN_DEDLINE=3s",
                         NULL};
    struct config config;
    load_good("login { deadline = 5s }\n" PROVIDER, env, &config);
    assert_int_equal(config.login.turn_ms, 3000);
    assert_int_equal(config.log, CONFIG_LOG_STDERR);
    assert_string_equal(config.providers->providers[0].domains[1], "b.example");
    assert_holds(config.warnings[0], "POSTERN_LOGIN_DEDLINE names no setting");
    assert_null(config.warnings[2]);
    config_free(&config);
}

/* Every setting can be reached by the environment, under one name only. */
static void test_environment_bad(void **state)
{
    (void)state;
    struct config config;
    struct error error;
    const char *duration[] = {"POSTERN_LOGIN_DEADLINE=soon", NULL};
    assert_false(load(PROVIDER, duration, &config, &error));
    assert_string_equal(error.text,
                        "environment variable POSTERN_LOGIN_DEADLINE: \"soon\" is not a "
                        "duration; write it like 500ms, 8s, 10m, 1h or 30d");
    const char *which[] = {"POSTERN_PROVIDER_SCOPE=x", NULL};
    assert_false(load("provider a { userinfo = 'https://a.example' domains = { a.example } }\n"
                      "provider b { userinfo = 'https://b.example' domains = { b.example } }\n",
                      which, &config, &error));
    assert_holds(error.text, "POSTERN_PROVIDER_SCOPE: with 2 provider blocks");
}

static void test_environment_alone(void **state)
{
    (void)state;
    const char *env[] = {"POSTERN_PROVIDER_USERINFO=https://u:p@a.example/userinfo?x=1",
                         "POSTERN_USER=64901", NULL};
    struct config config;
    struct error error;
    assert_true(config_load(NULL, env, &config, &error));
    const struct provider *provider = &config.providers->providers[0];
    assert_string_equal(provider->name, "default");
    assert_int_equal(provider->email_verified, PROVIDER_EMAIL_REQUIRE);
    assert_string_equal(provider->shown, "https://a.example/userinfo");
    config_free(&config);
}

static void test_docker_mailserver(void **state)
{
    (void)state;
    const char *env[] = {
        "ENABLE_OAUTH2=1", "ACCOUNT_PROVISIONER=FILE",
        "OAUTH2_INTROSPECTION_URL=https://auth.example.com/application/o/userinfo/", NULL};
    struct config config;
    struct error error;
    assert_true(config_load(NULL, env, &config, &error));
    const struct provider *provider = &config.providers->providers[0];
    assert_int_equal(config.providers->count, 1);
    assert_string_equal(provider->userinfo, "https://auth.example.com/application/o/userinfo/");
    assert_string_equal(provider->username_claim, "email");
    assert_int_equal(provider->email_verified, PROVIDER_EMAIL_TRUST);
    assert_false(provider->binds);
    assert_holds(config.warnings[0], "tokens of all its applications");
    assert_holds(config.warnings[0], "trusted even when it has not verified them");
    assert_holds(config.warnings[0], "whoever is given an address there later");
    assert_true(strlen(config.warnings[0]) <= LOG_VALUE_MAX); /* else the log would cut it */
    config_free(&config);
}

static void test_docker_mailserver_off(void **state)
{
    (void)state;
    struct config config;
    const char *off[] = {"ENABLE_OAUTH2=0", "OAUTH2_INTROSPECTION_URL=https://a.example/", NULL};
    load_good("", off, &config);
    assert_int_equal(config.providers->count, 0);
    assert_holds(config.warnings[0], "ignored because ENABLE_OAUTH2 is 0");
    config_free(&config);
    const char *both[] = {"OAUTH2_INTROSPECTION_URL=https://a.example/", NULL};
    load_good(PROVIDER, both, &config);
    assert_string_equal(config.providers->providers[0].name, "work");
    assert_holds(config.warnings[0], "ignored because there is a provider block");
    config_free(&config);
}

static void test_docker_mailserver_bad(void **state)
{
    (void)state;
    static const struct {
        const char *env[3];
        const char *says;
    } cases[] = {
        {{"ACCOUNT_PROVISIONER=LDAP", NULL},
         "ACCOUNT_PROVISIONER: accounts cannot come from \"LDAP\" yet"},
        {{"ACCOUNT_PROVISIONER=OIDC", NULL}, "accounts cannot come from \"OIDC\" yet"},
        {{"ENABLE_OAUTH2=1", NULL}, "set OAUTH2_INTROSPECTION_URL"},
        {{"OAUTH2_INTROSPECTION_URL=auth.example.com", NULL},
         "OAUTH2_INTROSPECTION_URL: it does not begin with https://"},
        {{"ENABLE_OAUTH2=1", "OAUTH2_INTROSPECTION_URL=", NULL}, "set OAUTH2_INTROSPECTION_URL"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config config;
        struct error error;
        assert_false(load("", cases[i].env, &config, &error));
        assert_holds(error.text, cases[i].says);
    }
}

/* ---- secrets ---- */

static void test_secret_file(void **state)
{
    (void)state;
    char secret[96], text[256];
    struct config config;
    struct error error;
    snprintf(secret, sizeof(secret), "%s/url", directory);
    snprintf(text, sizeof(text), "provider \"a\" { userinfo_file = \"%s\" }\n", secret);
    file_write(secret, "https://id:pass-word@a.example:8443/userinfo?key=1\n", 0640);
    load_good(text, NULL, &config);
    assert_string_equal(config.providers->providers[0].userinfo,
                        "https://id:pass-word@a.example:8443/userinfo?key=1");
    assert_string_equal(config.providers->providers[0].shown, "https://a.example:8443/userinfo");
    config_free(&config);
    assert_int_equal(chmod(secret, 0644), 0);
    assert_false(load(text, NULL, &config, &error));
    assert_holds(error.text, "holds a secret and others can read it: chmod o-rwx it");
    assert_int_equal(chmod(secret, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(secret, 64901, 64901), 0);
        assert_false(load(text, NULL, &config, &error));
        assert_holds(error.text, "belongs to another user, who could change it: chown root it");
        assert_int_equal(chown(secret, 0, 0), 0);
    }
    file_write(secret, "a.example pass-word\n", 0600);
    assert_false(load(text, NULL, &config, &error));
    assert_holds(error.text, "/url: it does not begin with https://");
    assert_null(strstr(error.text, "pass-word"));
    assert_int_equal(unlink(secret), 0);
}

/* Whoever can change a file with settings decides who reads whose mail. */
static void test_file_of_everybody(void **state)
{
    (void)state;
    char included[96], text[256];
    struct config config;
    struct error error;
    file_write(path, PROVIDER, 0666);
    assert_false(config_load(path, NULL, &config, &error));
    assert_holds(error.text, "can be changed by everybody: chmod o-w it");
    snprintf(included, sizeof(included), "%s/more.conf", directory);
    snprintf(text, sizeof(text), "include(\"%s\")\n" PROVIDER, included);
    file_write(included, "default_domain = \"a.example\"\n", 0644);
    load_good(text, NULL, &config);
    config_free(&config);
    assert_int_equal(chmod(included, 0666), 0);
    assert_false(load(text, NULL, &config, &error));
    assert_holds(error.text, "can be changed by everybody: chmod o-w it");
    assert_int_equal(unlink(included), 0);
}

static void test_userinfo_in_private_file(void **state)
{
    (void)state;
    struct config config;
    struct error error;
    file_write(path, "provider a { userinfo = 'https://u:p@a.example/' }\n", 0640);
    assert_true(config_load(path, NULL, &config, &error));
    assert_string_equal(config.providers->providers[0].shown, "https://a.example/");
    config_free(&config);
}

/* ---- the rest ---- */

/* After a reload the old store stays, the new deadline is taken. */
static void test_keep(void **state)
{
    (void)state;
    struct config running, wanted;
    load_good("accounts { store = \"sqlite:/old/x.db\" }\n" PROVIDER, NULL, &running);
    load_good("accounts { store = \"sqlite:/new/x.db\" }\nmail { uid = 6000 quota = 1G }\n"
              "login { deadline = 4s }\n" PROVIDER,
              NULL, &wanted);
    CLEANUP(buffer_done) struct buffer changed = buffer_limited(1000);
    config_keep(&wanted, &running, &changed);
    assert_true(span_is(buffer_span(&changed), "accounts.store mail.uid"));
    assert_string_equal(wanted.store, "sqlite:/old/x.db");
    assert_int_equal(wanted.directory.mail_uid, 5000);
    assert_int_equal(wanted.login.turn_ms, 4000);
    assert_string_equal(running.store, "sqlite:/new/x.db");
    buffer_clear(&changed);
    config_keep(&wanted, &wanted, &changed);
    assert_int_equal(changed.length, 0);
    config_free(&wanted);
    config_free(&running);
}

/* The settings that are described are those of the table, with defaults that can be read. */
static void test_describe(void **state)
{
    (void)state;
    CLEANUP(buffer_done) struct buffer text = buffer_limited(CONFIG_TEXT_MAX);
    config_describe(&text);
    struct span rest = buffer_span(&text), line;
    size_t count = 0;
    while (span_cut(&rest, '\n', &line) && !span_empty(line)) {
        struct span field;
        size_t fields = 0;
        while (span_cut(&line, '\t', &field)) {
            fields++;
        }
        assert_int_equal(fields, 4);
        count++;
    }
    assert_int_equal(count, config_table_count);
    assert_true(span_search(buffer_span(&text), SPAN_LITERAL("\nlogin.deadline\tduration\t8s\t")) <
                text.length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_print_and_read_back),
        cmocka_unit_test(test_include),
        cmocka_unit_test(test_include_bad),
        cmocka_unit_test(test_include_itself),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_environment_bad),
        cmocka_unit_test(test_environment_alone),
        cmocka_unit_test(test_docker_mailserver),
        cmocka_unit_test(test_docker_mailserver_off),
        cmocka_unit_test(test_docker_mailserver_bad),
        cmocka_unit_test(test_secret_file),
        cmocka_unit_test(test_file_of_everybody),
        cmocka_unit_test(test_userinfo_in_private_file),
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_describe),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
