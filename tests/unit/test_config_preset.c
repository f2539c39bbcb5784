/* test_config_preset.c - what a small block with a preset becomes; the blocks of docs/providers.md. */
#include "with_config.h"

#include "base/buffer.h"
#include "base/span.h"

static char secret[96];

static int preset_setup(void **state)
{
    group_setup(state);
    snprintf(secret, sizeof(secret), "%s/secret", directory);
    file_write(secret, "p%ss:word\n", 0600);
    return 0;
}

static int preset_teardown(void **state)
{
    unlink(secret);
    return group_teardown(state);
}

/* The items with a blank behind each. */
static void assert_list(char *const *list, const char *wanted)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(4096);
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        buffer_add_text(&text, list[i]);
        buffer_add_byte(&text, ' ');
    }
    buffer_add_byte(&text, '\0');
    assert_string_equal(text.at, wanted);
}

/* SECRET stands for the path of a secret's file. */
static void replaced(const char *text, const char *what, const char *with, struct buffer *out)
{
    struct span rest = span_of(text), wanted = span_of(what);
    size_t at;
    while ((at = span_search(rest, wanted)) < rest.length) {
        buffer_add(out, span_first(rest, at));
        buffer_add_text(out, with);
        rest = span_from(rest, at + wanted.length);
    }
    buffer_add(out, rest);
    buffer_add_byte(out, '\0');
    assert_false(buffer_full(out));
}

/* ---- each preset's smallest block ---- */

static const struct {
    const char *name, *block;
    enum provider_check check;
    enum provider_mark mark;
    enum provider_email_verified verified;
    const char *claim, *subject, *issuers, *clients, *audiences, *hosted, *scope, *url;
    bool introspects;
} smallest[] = {
    {"authentik",
     "provider \"authentik\" { preset = \"authentik\"\n"
     "  issuer  = { \"https://auth.example.com/application/o/mail/\", "
     "\"https://auth.example.com/application/o/webmail/\" }\n"
     "  clients = { \"ID1\", \"ID2\" }           domains = { \"example.com\" } }\n",
     PROVIDER_CHECK_AUTO, PROVIDER_MARK_UID, PROVIDER_EMAIL_TRUST, "email", "sub",
     "https://auth.example.com/application/o/mail/ "
     "https://auth.example.com/application/o/webmail/ ",
     "ID1 ID2 ", "", "", "openid email",
     "https://auth.example.com/application/o/mail/.well-known/openid-configuration", false},
    {"keycloak",
     "provider \"keycloak\"  { preset = \"keycloak\"  issuer = { "
     "\"https://kc.example.com/realms/acme\" }\n"
     "  clients = { \"thunderbird\", \"roundcube\" }  domains = { \"example.com\" } }\n",
     PROVIDER_CHECK_AUTO, PROVIDER_MARK_TYP_BEARER, PROVIDER_EMAIL_REQUIRE, "email", "sub",
     "https://kc.example.com/realms/acme ", "thunderbird roundcube ", "", "", "openid email",
     "https://kc.example.com/realms/acme/.well-known/openid-configuration", false},
    {"entra",
     "provider \"entra\"     { preset = \"entra\"     tenant = \"GUID\"   audiences = { "
     "\"API-APP-GUID\" }  domains = { \"example.com\" } }\n",
     PROVIDER_CHECK_JWT, PROVIDER_MARK_SCP, PROVIDER_EMAIL_TRUST, "preferred_username upn", "oid",
     "https://login.microsoftonline.com/GUID/v2.0 https://sts.windows.net/GUID/ ", "",
     "API-APP-GUID api://API-APP-GUID ", "", "api://API-APP-GUID/.default openid offline_access",
     "https://login.microsoftonline.com/GUID/v2.0/.well-known/openid-configuration", false},
    {"google",
     "provider \"google\"    { preset = \"google\"    clients = { "
     "\"X.apps.googleusercontent.com\" }      domains = { \"example.com\" } }\n",
     PROVIDER_CHECK_TOKENINFO, PROVIDER_MARK_NONE, PROVIDER_EMAIL_REQUIRE, "email", "sub",
     "https://accounts.google.com ", "X.apps.googleusercontent.com ", "", "example.com ",
     "openid email", "https://accounts.google.com/.well-known/openid-configuration", false},
    {"kanidm",
     "provider \"kanidm\"    { preset = \"kanidm\"    issuer = { "
     "\"https://idm.example.com/oauth2/openid/mail\" }  domains = { \"example.com\" } }\n",
     PROVIDER_CHECK_JWT_USERINFO, PROVIDER_MARK_AT_JWT, PROVIDER_EMAIL_REQUIRE, "email", "sub",
     "https://idm.example.com/oauth2/openid/mail ", "mail ", "", "", "openid email",
     "https://idm.example.com/oauth2/openid/mail/.well-known/openid-configuration", false},
    {"authelia",
     "provider \"authelia\"  { preset = \"authelia\"  issuer = { \"https://auth.example.com\" }  "
     "clients = { \"roundcube\" }  domains = { \"example.com\" }\n"
     "  introspection { id = \"postern\"  secret_file = \"SECRET\" } }\n",
     PROVIDER_CHECK_INTROSPECTION, PROVIDER_MARK_NONE, PROVIDER_EMAIL_REQUIRE, "email", "sub",
     "https://auth.example.com ", "roundcube ", "", "", "openid email",
     "https://auth.example.com/.well-known/openid-configuration", true},
    {"zitadel",
     "provider \"zitadel\"   { preset = \"zitadel\"   issuer = { \"https://acme.zitadel.cloud\" }  "
     "clients = { \"APP-ID\" }   domains = { \"example.com\" }\n"
     "  introspection { id = \"API-APP\"  secret_file = \"SECRET\" } }\n",
     PROVIDER_CHECK_INTROSPECTION, PROVIDER_MARK_NONE, PROVIDER_EMAIL_REQUIRE, "email", "sub",
     "https://acme.zitadel.cloud ", "APP-ID ", "", "", "openid email",
     "https://acme.zitadel.cloud/.well-known/openid-configuration", true},
};

static void assert_smallest(size_t i, const struct provider *provider)
{
    assert_string_equal(provider->name, smallest[i].name);
    assert_string_equal(provider->preset, smallest[i].name);
    assert_int_equal(provider->check, smallest[i].check);
    assert_int_equal(provider->mark, smallest[i].mark);
    assert_int_equal(provider->email_verified, smallest[i].verified);
    assert_string_equal(provider->username_claim, smallest[i].claim);
    assert_string_equal(provider->subject_claim, smallest[i].subject);
    assert_list(provider->issuers, smallest[i].issuers);
    assert_list(provider->clients, smallest[i].clients);
    assert_list(provider->audiences, smallest[i].audiences);
    assert_list(provider->hosted_domains, smallest[i].hosted);
    assert_list(provider->domains, "example.com ");
    assert_string_equal(provider->scope, smallest[i].scope);
    assert_string_equal(provider->configuration_url, smallest[i].url);
    assert_int_equal(provider->introspection.used, smallest[i].introspects);
    assert_true(span_starts(span_of(smallest[i].issuers), provider->shown));
    assert_true(provider->binds);
    assert_false(provider->any_client);
    assert_false(provider->id_tokens);
    if (smallest[i].introspects) {
        assert_string_equal(provider->introspection.secret, "p%ss:word");
        assert_int_equal(provider->introspection.auth, PROVIDER_AUTH_BASIC);
    }
}

/* And the worker, which reads what the parent prints, has the same. */
static void test_smallest(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(smallest) / sizeof(smallest[0]); i++) {
        struct config config, again;
        struct error error;
        CLEANUP(buffer_done) struct buffer block = buffer_limited(8192);
        CLEANUP(buffer_done) struct buffer text = buffer_limited(CONFIG_TEXT_MAX);
        replaced(smallest[i].block, "SECRET", secret, &block);
        load_good(block.at, NULL, &config);
        assert_smallest(i, &config.providers->providers[0]);
        assert_null(config.warnings[0]);
        config_print(&config, &text);
        if (!config_read(buffer_span(&text), &again, &error)) {
            fail_msg("%s", error.text);
        }
        assert_smallest(i, &again.providers->providers[0]);
        assert_null(again.warnings[0]);
        config_free(&config);
        config_free(&again);
    }
}

/* ---- what a block says stands over its preset ---- */

static void test_over(void **state)
{
    (void)state;
    struct config config;
    load_good(
        "provider k { email_verified = trust  check = introspection  access_token_mark = none\n"
        "  preset = keycloak  issuer = \"https://kc.example.com/realms/a\"\n"
        "  introspection { id = a secret = b }  clients = { c } configuration_url = \"\" }\n",
        NULL, &config);
    const struct provider *provider = &config.providers->providers[0];
    assert_int_equal(provider->email_verified, PROVIDER_EMAIL_TRUST);
    assert_int_equal(provider->check, PROVIDER_CHECK_INTROSPECTION);
    assert_int_equal(provider->mark, PROVIDER_MARK_NONE);
    assert_null(provider->configuration_url);
    config_free(&config);
}

static void test_over_by_environment(void **state)
{
    (void)state;
    struct config config;
    struct error error;
    const char *env[] = {"POSTERN_PROVIDER_PRESET=authentik",
                         "POSTERN_PROVIDER_EMAIL_VERIFIED=require",
                         "POSTERN_PROVIDER_ISSUER=https://a.example/application/o/mail/",
                         "POSTERN_PROVIDER_CLIENTS=one, two", NULL};
    assert_true(config_load(NULL, env, &config, &error));
    const struct provider *provider = &config.providers->providers[0];
    assert_int_equal(provider->mark, PROVIDER_MARK_UID);
    assert_int_equal(provider->email_verified, PROVIDER_EMAIL_REQUIRE);
    assert_list(provider->clients, "one two ");
    config_free(&config);
}

static void test_entra_variants(void **state)
{
    (void)state;
    struct config config;
    load_good("provider e { preset = entra  tenant = 72f988bf-86f1-41af-91ab-2d7cd011db47\n"
              "  audiences = { 'api://mail', '11111111-2222-3333-4444-555555555555', "
              "'api://11111111-2222-3333-4444-555555555555' }  domains = { a.example } }\n",
              NULL, &config);
    const struct provider *provider = &config.providers->providers[0];
    assert_list(provider->audiences, "api://mail 11111111-2222-3333-4444-555555555555 "
                                     "api://11111111-2222-3333-4444-555555555555 ");
    assert_string_equal(provider->scope, "api://mail/.default openid offline_access");
    config_free(&config);
    /* A national cloud, with an issuer of its own. */
    load_good("provider e { preset = entra  issuer = 'https://login.microsoftonline.us/x/v2.0'\n"
              "  audiences = { a }  scope = '' }\n",
              NULL, &config);
    assert_list(config.providers->providers[0].issuers, "https://login.microsoftonline.us/x/v2.0 ");
    assert_null(config.providers->providers[0].scope);
    config_free(&config);
}

/* Several clients of Kanidm; and one that is told apart by its audience. */
static void test_kanidm_clients(void **state)
{
    (void)state;
    struct config config;
    load_good("provider k { preset = kanidm issuer = { 'https://i.example/oauth2/openid/mail', "
              "'https://i.example/oauth2/openid/web', 'https://j.example/oauth2/openid/mail' } }\n",
              NULL, &config);
    assert_list(config.providers->providers[0].clients, "mail web ");
    config_free(&config);
    load_good("provider k { preset = kanidm issuer = 'https://i.example/oauth2/openid/mail' "
              "audiences = { other } }\n",
              NULL, &config);
    assert_list(config.providers->providers[0].clients, "");
    config_free(&config);
}

static void test_google_without_hd(void **state)
{
    (void)state;
    struct config config;
    load_good("provider g { preset = google  clients = { c }  hosted_domains = { } }\n", NULL,
              &config);
    assert_list(config.providers->providers[0].hosted_domains, "");
    assert_holds(config.warnings[0], "hosted_domains is empty");
    config_free(&config);
}

/* ---- blocks that lack something, or say two things ---- */

#define ISSUER "issuer = { 'https://a.example' } "

static const struct {
    const char *block, *says;
} bad[] = {
    {"preset = okta " ISSUER, ":1: provider.preset: \"okta\" is not one of authentik|"},
    {"preset = authentik clients = { c }", "issuer is missing; write it like issuer = { "
                                           "\"https://auth.example.com/application/o/mail/\""},
    {"preset = authentik " ISSUER, "write clients = "},
    {"preset = keycloak clients = { c }", "https://kc.example.com/realms/acme"},
    {"preset = keycloak audiences = { account } " ISSUER,
     "\"account\" is in the tokens of all clients"},
    {"preset = entra audiences = { a }", "tenant is missing"},
    {"preset = entra tenant = common audiences = { a }", "stands for everybody's directory"},
    {"preset = entra tenant = organizations audiences = { a }", "stands for everybody's"},
    {"preset = entra tenant = 'contoso.onmicrosoft.com' audiences = { a }", "is no id"},
    {"preset = entra tenant = 'a/../b' audiences = { a }", "is no id"},
    {"preset = entra tenant = t " ISSUER " audiences = { a }", "write one of the two"},
    {"preset = entra tenant = t clients = { c }", "audiences is missing"},
    {"tenant = t " ISSUER " clients = { c }", "tenant belongs to preset = \"entra\""},
    {"preset = keycloak tenant = t " ISSUER " clients = { c }", "tenant belongs to preset"},
    {"preset = google clients = { c }", "domains is missing"},
    {"preset = google domains = { a.example }", "write clients = "},
    {"preset = kanidm", "https://idm.example.com/oauth2/openid/mail"},
    {"preset = kanidm issuer = { 'https://a.example/oauth2/openid/mail/' }",
     "does not end in a client's name"},
    {"preset = authelia clients = { c } " ISSUER, "a section is missing: introspection {"},
    {"preset = zitadel clients = { c } " ISSUER, "a section is missing: introspection {"},
    {"preset = zitadel audiences = { a } introspection { id = i secret = s } " ISSUER,
     "every client may ask for any project's audience"},
    {"preset = google clients = { c } domains = { a.example } shared = yes",
     "shared = yes and check = tokeninfo exclude each other"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct config config;
        struct error error;
        CLEANUP(buffer_done) struct buffer text = buffer_limited(4096);
        buffer_format(&text, "provider p { %s }\n%c", bad[i].block, '\0');
        file_write(path, text.at, 0600);
        if (config_load(path, NULL, &config, &error)) {
            fail_msg("accepted: %s", bad[i].block);
        }
        assert_holds(error.text, bad[i].says);
        assert_holds(error.text, "postern.conf:1: ");
    }
}

/* ---- docs/providers.md ---- */

/* Each of its secrets' files is ours. */
static void load_block(struct span block)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(8192);
    struct span kept = SPAN_LITERAL("\"/etc/postern/");
    size_t at;
    while ((at = span_search(block, kept)) < block.length) {
        buffer_add(&text, span_first(block, at + 1));
        buffer_add_text(&text, secret);
        block = span_from(block, at + 1);
        block = span_from(block, span_find(block, '"'));
    }
    buffer_add(&text, block);
    buffer_add_text(&text, "\n");
    buffer_add_byte(&text, '\0');
    struct config config;
    load_good(text.at, NULL, &config);
    assert_int_equal(config.providers->count, 1);
    bool open = config.providers->providers[0].any_client;
    assert_int_equal(open, config.warnings[0] != NULL);
    config_free(&config);
}

static void test_page(void **state)
{
    (void)state;
    static char page[256 * 1024];
    char name[512];
    snprintf(name, sizeof(name), "%s/../../docs/providers.md", getenv("VECTORS"));
    FILE *file = fopen(name, "re");
    assert_non_null(file);
    assert_true(fread(page, 1, sizeof(page) - 1, file) > 0);
    fclose(file);
    struct span rest = span_of(page), fence = SPAN_LITERAL("\n```postern\n");
    size_t count = 0, at;
    while ((at = span_search(rest, fence)) < rest.length) {
        rest = span_from(rest, at + fence.length);
        size_t end = span_search(rest, SPAN_LITERAL("\n```\n"));
        assert_true(end < rest.length);
        load_block(span_first(rest, end));
        count++;
    }
    assert_true(count >= sizeof(smallest) / sizeof(smallest[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_over),
        cmocka_unit_test(test_over_by_environment),
        cmocka_unit_test(test_entra_variants),
        cmocka_unit_test(test_kanidm_clients),
        cmocka_unit_test(test_google_without_hd),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_page),
    };
    return cmocka_run_group_tests(tests, preset_setup, preset_teardown);
}
