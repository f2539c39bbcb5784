/* test_provider.c - which provider speaks for whom, and which settings are refused at start. */
#include "token/provider.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static char **list_of(const char *one, const char *two)
{
    char **texts = memory_new(3, sizeof *texts);
    texts[0] = one == NULL ? NULL : memory_text(one);
    texts[1] = two == NULL ? NULL : memory_text(two);
    return texts;
}

/* Userinfo alone, as docker-mailserver has it. */
static void fill(struct provider *provider, const char *name, const char *domain,
                 const char *domain_too)
{
    *provider = (struct provider){.connect_ms = 2000, .total_ms = 5000, .requests_max = 10};
    provider->name = memory_text(name);
    provider->userinfo = memory_text("https://id.example.com/userinfo");
    provider->username_claim = memory_text("email");
    provider->subject_claim = memory_text("sub");
    provider->domains = list_of(domain, domain_too);
}

static struct provider_set *set_of(size_t count)
{
    struct provider_set *set = MEMORY_NEW(struct provider_set);
    set->providers = memory_new(count + 1, sizeof *set->providers);
    set->count = count;
    return set;
}

static struct provider_set *two(void)
{
    struct provider_set *set = set_of(2);
    fill(&set->providers[0], "work", "example.com", "example.org");
    fill(&set->providers[1], "home", "example.net", NULL);
    return set;
}

static void set_text(char **text, const char *value)
{
    memory_free(*text);
    *text = value == NULL ? NULL : memory_text(value);
}

/* An issuer, for the provider's first domain. */
static void fill_issuer(struct provider *provider, const char *name, const char *issuer,
                        const char *domain)
{
    fill(provider, name, domain, NULL);
    memory_free(provider->userinfo);
    provider->userinfo = NULL;
    provider->issuers = list_of(issuer, NULL);
    provider->clients = list_of("thunderbird", NULL);
    provider->algorithms = list_of("RS256", "EdDSA");
    provider->leeway_s = 30;
    provider->cache_ms = 60 * 1000;
    provider->keys_refresh_ms = 10 * 60 * 1000;
    provider->keys_cooldown_ms = 10 * 1000;
    provider->keys_max_age_ms = 24 * 60 * 60 * 1000;
}

static struct provider_set *one(void)
{
    struct provider_set *set = set_of(1);
    fill_issuer(&set->providers[0], "work", "https://id.example.com/realms/work", "example.com");
    return set;
}

static struct provider_set *two_issuers(const char *issuer, const char *domain)
{
    struct provider_set *set = set_of(2);
    fill_issuer(&set->providers[0], "work", "https://id.example.com/realms/work", "example.com");
    fill_issuer(&set->providers[1], "home", issuer, domain);
    return set;
}

static void set_list(char ***list, const char *first, const char *second)
{
    for (char **text = *list; text != NULL && *text != NULL; text++) {
        memory_free(*text);
    }
    memory_free(*list);
    *list = first == NULL ? NULL : list_of(first, second);
}

/* Whether the set passes; `says` must be part of the error if not. Frees the set. */
static void check(struct provider_set *set, const char *says)
{
    struct error error = {0};
    bool passed = provider_set_check(set, &error);
    if (says == NULL && !passed) {
        fail_msg("refused: %s", error.text);
    }
    if (says != NULL && (passed || strstr(error.text, says) == NULL)) {
        fail_msg("expected \"%s\", got \"%s\"", says, error.text);
    }
    provider_set_free(set);
}

static void test_set(void **state)
{
    (void)state;
    check(set_of(0), NULL);
    check(two(), NULL);

    struct provider_set *set = set_of(1);
    fill(&set->providers[0], "work", NULL, NULL);
    check(set, NULL);

    set = two();
    set_text(&set->providers[1].name, "work");
    check(set, "two of this name");
    set = two();
    set_text(&set->providers[1].domains[0], "example.org");
    check(set, "belongs to provider \"work\" already");
    set = two();
    set_text(&set->providers[1].domains[0], NULL);
    check(set, "domains must be given");
    set = two();
    set_text(&set->providers[0].domains[0], "Example.com");
    check(set, "is written \"example.com\"");
    set = two();
    set_text(&set->providers[0].domains[0], "exa mple.com");
    check(set, "provider \"work\": domains");
}

static void test_settings(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",    "a b",  "a\"b",
        "a/b", "a\nb", "1234567890123456789012345678901234567890123456789012345678901234"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct provider_set *set = two();
        set_text(&set->providers[1].name, names[i]);
        check(set, "a name is 1 to 63");
    }
    struct provider_set *set = two();
    set->providers[0].total_ms = PROVIDER_TOTAL_MS_MAX + 1;
    check(set, "total timeout");
    set = two();
    set->providers[0].connect_ms = 0;
    check(set, "connect timeout");
    set = two();
    set->providers[0].connect_ms = 5001;
    check(set, "connect timeout");
    set = two();
    set->providers[0].requests_max = 0;
    check(set, "requests at once");
    set = two();
    set_text(&set->providers[0].username_claim, "");
    check(set, "username claim");
    set = two();
    set->providers[0].scope = memory_text("openid email");
    set->providers[0].configuration_url = memory_text("https://id.example.com/.well-known/x");
    check(set, NULL);
    set = two();
    set->providers[0].scope = memory_text("openid\nemail");
    check(set, "scope");
    set = two();
    set->providers[0].configuration_url = memory_text("https://id.example.com/\xc3\xa9");
    check(set, "configuration URL");
}

static void test_shown(void **state)
{
    (void)state;
    char *shown = provider_shown("https://u:p4ss@id.example.com:8443/x?key=geheim");
    assert_string_equal(shown, "https://id.example.com:8443/x");
    memory_free(shown);
    assert_null(provider_shown("https://a@b@id.example.com/"));
    assert_null(provider_shown(NULL));
}

/* -- settings, one row a change of a good provider -- */

typedef void change_fn(struct provider *provider, const char *value);

#define TEXT_CHANGE(name, field)                                   \
    static void name(struct provider *provider, const char *value) \
    {                                                              \
        set_text(&provider->field, value);                         \
    }
#define LIST_CHANGE(name, field)                                   \
    static void name(struct provider *provider, const char *value) \
    {                                                              \
        set_list(&provider->field, value, NULL);                   \
    }
TEXT_CHANGE(userinfo, userinfo)
TEXT_CHANGE(tokeninfo, tokeninfo)
TEXT_CHANGE(jwks, jwks)
TEXT_CHANGE(connect_to, connect_to)
TEXT_CHANGE(claim, username_claim)
TEXT_CHANGE(subject, subject_claim)
TEXT_CHANGE(template, username_template)
LIST_CHANGE(issuer, issuers)
LIST_CHANGE(audiences, audiences)
LIST_CHANGE(clients, clients)
LIST_CHANGE(scopes, scopes)
LIST_CHANGE(scope_smtp, scopes_of[PROVIDER_SMTP])
LIST_CHANGE(algorithms, algorithms)
LIST_CHANGE(hosted, hosted_domains)

static void check_way(struct provider *provider, const char *value)
{
    provider->check = (enum provider_check)value[0] - '0';
}

static void any_client(struct provider *provider, const char *value)
{
    set_list(&provider->clients, value, NULL);
    provider->any_client = true;
}

static void id_tokens(struct provider *provider, const char *value)
{
    set_list(&provider->clients, value, NULL);
    provider->id_tokens = true;
    provider->any_client = value == NULL;
}

/* id, secret, URL, authentication: divided by "|", which stands for nothing when it is doubled. */
static void introspection(struct provider *provider, const char *value)
{
    struct span rest = span_of(value), part;
    char **texts[] = {&provider->introspection.id, &provider->introspection.secret,
                      &provider->introspection.url};
    for (size_t i = 0; i < 3 && span_cut(&rest, '|', &part); i++) {
        char text[200];
        assert_true(span_fits(part, text, sizeof text));
        set_text(texts[i], span_empty(part) ? NULL : text);
    }
    provider->introspection.auth =
        span_empty(rest) ? PROVIDER_AUTH_BASIC : (enum provider_auth)(span_at(rest, 0) - '0');
    provider->introspection.used = true;
}

static const struct {
    change_fn *change;
    const char *value, *says; /* NULL: passes */
} CHANGES[] = {
    {issuer, "https://id.example.com/realms/other", NULL},
    {issuer, "https://id.example.com/", NULL},
    {issuer, "http://127.0.0.1:8080/realms/work", NULL},
    {issuer, "http://keycloak:8080/realms/work", NULL},
    {issuer, "http://id.example.com/", "plain http to id.example.com"},
    {issuer, "https://id.example.com/?realm=1", "an issuer has no \"?\""},
    {issuer, "https://id.example.com/?", "an issuer has no \"?\""},
    {issuer, "https://id.example.com/#a", "an issuer has no \"?\""},
    {issuer, "https://u:p4ss@id.example.com/", "an issuer has no user"},
    {issuer, "id.example.com", "issuer is no URL"},
    {issuer, "", "issuer is no URL"},
    {issuer, NULL, "issuer or userinfo is missing"},
    {userinfo, "https://u:p4ss@id.example.com/u?x", NULL},
    {userinfo, "ftp://id.example.com/", "userinfo is no URL"},
    {userinfo, "http://u:p4ss@id.example.com/", "userinfo: plain http to id.example.com"},
    {tokeninfo, "http://8.8.8.8/", "tokeninfo: plain http"},
    {jwks, "https://keys.example.com/jwks", NULL},
    {jwks, "file:///etc/passwd", "jwks is no URL"},
    {connect_to, "10.0.0.1:443", NULL},
    {connect_to, "[fd00::1]:443", NULL},
    {connect_to, "keycloak:8443", NULL},
    {connect_to, "keycloak", "connect_to is \"host:port\""},
    {connect_to, "keycloak:", "connect_to is"},
    {connect_to, "keycloak:0", "connect_to is"},
    {connect_to, ":443", "connect_to is"},
    {connect_to, "fd00::1:443", "connect_to is"},
    {connect_to, "u@keycloak:443", "connect_to is"},
    {connect_to, "keycloak:443/", "connect_to is"},
    {connect_to, "keycloak:443?", "connect_to is"},
    {connect_to, "https://keycloak:443", "connect_to is"},
    {claim, "", "username claim is empty"},
    {claim, NULL, "username claim is empty"},
    {claim, "a\nb", "username_claim holds a control byte"},
    {subject, "", "subject claim is empty"},
    {subject, "oid", NULL},
    {template, "%s@example.com", NULL},
    {template, "mail-%s@example.com", NULL},
    {template, "%s.example.com", NULL},
    {template, "%s@example.org", "\"example.org\", which is not among domains"},
    {template, "", "username_template"},
    {template, "%s", "needs a domain"},
    {template, "%s@", "needs a domain"},
    {template, "%s@exa mple.com", "needs a domain"},
    {template, "%sexample.com", "needs a domain"},
    {template, "alice@example.com", "needs one %s"},
    {template, "%s.%s@example.com", "needs one %s"},
    {template, "%n%s@example.com", "needs one %s"},
    {template, "%d@example.com", "needs one %s"},
    {template, "%s@example.com%", "needs one %s"},
    {template, "%s\n@example.com", "control byte"},
    {audiences, "https://mail.example.com", NULL},
    {audiences, "", "audiences holds an empty text"},
    {clients, "", "clients holds an empty text"},
    {clients, "a\tb", "clients holds a control byte"},
    {clients, "\xff", "no valid UTF-8"},
    {clients, NULL, "any application got"},
    {any_client, NULL, NULL},
    {any_client, "thunderbird", "exclude each other"},
    {id_tokens, "thunderbird", NULL},
    {id_tokens, NULL, "id_tokens needs audiences or clients"},
    {scopes, "mail", NULL},
    {scopes, "openid mail", "is not one scope"},
    {scopes, "", "is not one scope"},
    {scope_smtp, "a\"b", "scope_smtp: "},
    {algorithms, "Ed25519", NULL},
    {algorithms, "none", "algorithms: \"none\""},
    {algorithms, "HS256", "algorithms: \"HS256\""},
    {algorithms, "rs256", "algorithms: \"rs256\""},
    {algorithms, NULL, "algorithms is empty"},
    {hosted, "example.com", NULL},
    {hosted, "Example.com", "hosted_domains: \"Example.com\" is written"},
    {introspection, "postern|secret", NULL},
    {introspection, "postern|secret|https://id.example.com/introspect", NULL},
    {introspection, "postern|secret|http://id.example.com/introspect", "introspection: url: plain"},
    {introspection, "|secret", "introspection: id is missing"},
    {introspection, "postern|", "secret_file is missing"},
    {introspection, "|secret||3", NULL},
    {introspection, "postern|||3", "secret_file is missing"},
    {introspection, "|||4", NULL},
    {check_way, "1", NULL},
    {check_way, "2", NULL},
    {check_way, "3", "introspection { id = "},
    {check_way, "4", NULL},
    {check_way, "5", "tokeninfo is missing"},
};

static void test_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CHANGES / sizeof *CHANGES; i++) {
        struct provider_set *set = one();
        struct error error = {0};
        CHANGES[i].change(&set->providers[0], CHANGES[i].value);
        bool passed = provider_set_check(set, &error);
        const char *says = CHANGES[i].says;
        if (passed != (says == NULL) || (!passed && strstr(error.text, says) == NULL)) {
            fail_msg("%zu, \"%s\": %s", i, CHANGES[i].value, passed ? "passed" : error.text);
        }
        if (!passed && strstr(error.text, "p4ss") != NULL) {
            fail_msg("%zu: the error shows the password", i);
        }
        provider_set_free(set);
    }
}

/* Userinfo alone cannot say for whom a token was issued. */
static void test_only_userinfo(void **state)
{
    (void)state;
    static change_fn *const NEVER[] = {audiences, clients, scopes, scope_smtp};
    for (size_t i = 0; i < sizeof NEVER / sizeof *NEVER; i++) {
        for (int way = 0; way < 2; way++) {
            struct provider_set *set = two();
            NEVER[i](&set->providers[0], "mail");
            set->providers[0].check = way == 0 ? PROVIDER_CHECK_AUTO : PROVIDER_CHECK_USERINFO;
            check(set, "can never match");
        }
    }
    struct provider_set *set = two();
    introspection(&set->providers[0], "postern|secret|https://id.example.com/introspect");
    check(set, "any application got");
    set = two();
    introspection(&set->providers[0], "postern|secret|https://id.example.com/introspect");
    clients(&set->providers[0], "thunderbird");
    check(set, NULL);
    set = two();
    introspection(&set->providers[0], "postern|secret");
    clients(&set->providers[0], "thunderbird");
    check(set, "introspection: url is missing");
    set = two();
    set->providers[0].check = PROVIDER_CHECK_JWT;
    check(set, "issuer is missing");
    set = two();
    set->providers[0].id_tokens = true;
    check(set, "id_tokens needs an issuer");
    set = two();
    set->providers[0].shared = true;
    check(set, "shared needs an issuer");
    set = two();
    connect_to(&set->providers[0], "10.0.0.1:443");
    check(set, "there is no issuer");
    set = two();
    jwks(&set->providers[0], "https://id.example.com/jwks");
    check(set, "jwks needs an issuer");
}

/* Several providers: whose domain, whose issuer. */
static void test_sharing(void **state)
{
    (void)state;
    static const char OTHER[] = "https://id.example.com/realms/home";
    check(two_issuers(OTHER, "example.net"), NULL);
    check(two_issuers(OTHER, "example.com"), "belongs to provider \"work\" already");
    for (unsigned who = 0; who < 4; who++) {
        struct provider_set *set = two_issuers(OTHER, "example.com");
        set->providers[0].shared = (who & 1) != 0;
        set->providers[1].shared = (who & 2) != 0;
        check(set, who == 3 ? NULL : "write shared = yes in both");
    }
    /* Byte for byte: another spelling is another issuer. */
    check(two_issuers("https://id.example.com/realms/work/", "example.net"), NULL);
    check(two_issuers("https://id.example.com/realms/work", "example.net"),
          "issuer \"https://id.example.com/realms/work\" belongs to provider \"work\"");
    struct provider_set *set = one();
    set_list(&set->providers[0].issuers, OTHER, OTHER);
    check(set, "stands there twice");

    set = one();
    set_list(&set->providers[0].issuers, NULL, NULL);
    set->providers[0].issuers = memory_new(PROVIDER_ISSUERS_MAX + 2, sizeof(char *));
    for (size_t i = 0; i <= PROVIDER_ISSUERS_MAX; i++) {
        char text[64];
        snprintf(text, sizeof text, "https://id.example.com/%zu", i);
        set->providers[0].issuers[i] = memory_text(text);
    }
    check(set, "more than 16 issuers");
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        int64_t good, bad;
        const char *says;
    } NUMBERS[] = {
        {offsetof(struct provider, leeway_s), 60, 61, "leeway must be"},
        {offsetof(struct provider, leeway_s), 0, -1, "leeway must be"},
        {offsetof(struct provider, cache_ms), 3600 * 1000, 3600 * 1000 + 1, "cache_lifetime"},
        {offsetof(struct provider, cache_ms), 0, -1, "cache_lifetime"},
        {offsetof(struct provider, refused_ms), 0, -1, "refused_lifetime"},
        {offsetof(struct provider, recheck_ms), 0, -1, "recheck"},
        {offsetof(struct provider, max_age_s), 0, -1, "max_token_age"},
        {offsetof(struct provider, keys_refresh_ms), 1, 0, "keys_refresh"},
        {offsetof(struct provider, keys_cooldown_ms), 1, 0, "keys_cooldown"},
        {offsetof(struct provider, keys_max_age_ms), 600 * 1000, 600 * 1000 - 1, "keys_max_age"},
        {offsetof(struct provider, total_ms), PROVIDER_TOTAL_MS_MAX, PROVIDER_TOTAL_MS_MAX + 1,
         "total timeout"},
        {offsetof(struct provider, connect_ms), 5000, 5001, "connect timeout"},
        {offsetof(struct provider, connect_ms), 1, 0, "connect timeout"},
    };
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
        struct provider_set *good = one(), *bad = one();
        memcpy((char *)good->providers + NUMBERS[i].offset, &NUMBERS[i].good, sizeof(int64_t));
        memcpy((char *)bad->providers + NUMBERS[i].offset, &NUMBERS[i].bad, sizeof(int64_t));
        check(good, NULL);
        check(bad, NUMBERS[i].says);
    }
    struct provider_set *set = one();
    set->providers[0].outage = PROVIDER_OUTAGE_CACHED;
    check(set, "outage_lifetime");
}

static void test_find(void **state)
{
    (void)state;
    struct provider_set *set = two();
    const struct provider *work = &set->providers[0], *home = &set->providers[1];
    assert_ptr_equal(provider_set_find(set, SPAN_LITERAL("example.com"), NULL), work);
    assert_ptr_equal(provider_set_find(set, SPAN_LITERAL("example.org"), NULL), work);
    assert_ptr_equal(provider_set_find(set, SPAN_LITERAL("example.net"), NULL), home);
    assert_null(provider_set_find(set, SPAN_LITERAL("other.example"), NULL));
    assert_null(provider_set_find(set, SPAN_LITERAL("sub.example.com"), NULL));
    assert_null(provider_set_find(set, SPAN_LITERAL(""), NULL));
    assert_false(provider_speaks_for(work, SPAN_LITERAL("example.net")));
    assert_false(provider_speaks_for(work, SPAN_LITERAL("")));
    provider_set_free(set);

    set = set_of(1);
    fill(&set->providers[0], "only", NULL, NULL);
    assert_non_null(provider_set_find(set, SPAN_LITERAL(""), NULL));
    assert_non_null(provider_set_find(set, SPAN_LITERAL("any.example"), NULL));
    provider_set_free(set);

    set = set_of(1);
    fill(&set->providers[0], "only", "example.com", NULL);
    assert_non_null(provider_set_find(set, SPAN_LITERAL(""), NULL));
    assert_null(provider_set_find(set, SPAN_LITERAL("any.example"), NULL));
    provider_set_free(set);

    set = two_issuers("https://id.example.com/realms/home", "example.com");
    bool several = false;
    assert_null(provider_set_find(set, SPAN_LITERAL("example.com"), &several));
    assert_true(several);
    assert_null(provider_set_find(set, SPAN_LITERAL("example.net"), &several));
    assert_false(several);
    size_t index = 9;
    assert_ptr_equal(
        provider_set_issuer(set, SPAN_LITERAL("https://id.example.com/realms/home"), &index),
        &set->providers[1]);
    assert_int_equal(index, 0);
    assert_null(
        provider_set_issuer(set, SPAN_LITERAL("https://id.example.com/realms/home/"), &index));
    provider_set_free(set);

    set = set_of(0);
    assert_null(provider_set_find(set, SPAN_LITERAL(""), NULL));
    assert_null(provider_set_find(set, SPAN_LITERAL("example.com"), NULL));
    provider_set_free(set);
    provider_set_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),           cmocka_unit_test(test_settings),
        cmocka_unit_test(test_shown),         cmocka_unit_test(test_changes),
        cmocka_unit_test(test_only_userinfo), cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_numbers),       cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests_name("provider", tests, NULL, NULL);
}
