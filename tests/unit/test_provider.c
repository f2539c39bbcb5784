/* test_provider.c - which provider speaks for whom, and which settings are refused at start. */
#include "token/provider.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static char **domains_of(const char *one, const char *two)
{
    char **domains = memory_new(3, sizeof *domains);
    domains[0] = one == NULL ? NULL : memory_text(one);
    domains[1] = two == NULL ? NULL : memory_text(two);
    return domains;
}

static void fill(struct provider *provider, const char *name, const char *domain,
                 const char *domain_too)
{
    *provider = (struct provider){.connect_ms = 2000, .total_ms = 5000, .requests_max = 10};
    provider->name = memory_text(name);
    provider->userinfo = memory_text("https://id.example.com/userinfo");
    provider->username_claim = memory_text("email");
    provider->domains = domains_of(domain, domain_too);
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
    check(set, "provider \"work\": domain");
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

/* `shown` is what logs may hold; NULL: the URL is refused. `home`: plain http may be used. */
static const struct {
    const char *url, *shown;
    bool home;
} urls[] = {
    {"https://id.example.com/userinfo", "https://id.example.com/userinfo", true},
    {"https://u:p4ss@id.example.com/x?key=geheim", "https://id.example.com/x", true},
    {"https://id.example.com:8443/a/b", "https://id.example.com:8443/a/b", true},
    {"HTTPS://ID.example.com", "HTTPS://ID.example.com", true},
    {"https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443/x", true},
    {"https://id.example.com?x=/y", "https://id.example.com", true},
    {"http://id.example.com/userinfo", "http://id.example.com/userinfo", false},
    {"http://8.8.8.8/userinfo", "http://8.8.8.8/userinfo", false},
    {"http://134744072/userinfo", "http://134744072/userinfo", false},
    {"http://0x8.0x8.0x8.0x8/userinfo", "http://0x8.0x8.0x8.0x8/userinfo", false},
    {"http://0x08080808/userinfo", "http://0x08080808/userinfo", false},
    {"http://172.32.0.1/", "http://172.32.0.1/", false},
    {"http://[2001:db8::1]/", "http://[2001:db8::1]/", false},
    {"http://[::ffff:8.8.8.8]/", "http://[::ffff:8.8.8.8]/", false},
    {"http://test/", "http://test/", true},
    {"http://.test/", "http://.test/", false},
    {"http://localhost.example.com/", "http://localhost.example.com/", false},
    {"http://evil-internal/", "http://evil-internal/", true},
    {"http://evilinternal.com/", "http://evilinternal.com/", false},
    {"http://id.test./", "http://id.test./", false},
    {"http://127.0.0.1:2000/userinfo", "http://127.0.0.1:2000/userinfo", true},
    {"http://10.1.2.3/", "http://10.1.2.3/", true},
    {"http://172.16.0.1/", "http://172.16.0.1/", true},
    {"http://192.168.1.1/", "http://192.168.1.1/", true},
    {"http://[::1]:80/", "http://[::1]:80/", true},
    {"http://[fd00::1]/", "http://[fd00::1]/", true},
    {"http://[fe80::1]/", "http://[fe80::1]/", true},
    {"http://localhost:8080/u", "http://localhost:8080/u", true},
    {"http://keycloak:8080/u", "http://keycloak:8080/u", true},
    {"http://auth.example.test/userinfo", "http://auth.example.test/userinfo", true},
    {"http://id.corp.internal/u", "http://id.corp.internal/u", true},
    {"http://id.home.arpa/u", "http://id.home.arpa/u", true},
    {"ftp://id.example.com/", NULL, false},
    {"file:///etc/passwd", NULL, false},
    {"id.example.com/userinfo", NULL, false},
    {"https:/id.example.com/", NULL, false},
    {"https:///userinfo", NULL, false},
    {"https://a@b@id.example.com/", NULL, false},
    {"https://id.example.com\\@evil.example/", NULL, false},
    {"https://id.example.com/#x", NULL, false},
    {"https://id.example.com/ x", NULL, false},
    {"https://id.example.com/\r\nHost: x", NULL, false},
    {"https://id.example.com:/", NULL, false},
    {"https://id.example.com:0/", NULL, false},
    {"https://id.example.com:65536/", NULL, false},
    {"https://id.example.com:80x/", NULL, false},
    {"https://[::1/", NULL, false},
    {"https://[::1]x/", NULL, false},
    {"https://[fe80::1%25eth0]/", NULL, false},
    {"https://[]/", NULL, false},
    {"https://id.ex%61mple.com/", NULL, false},
    {"", NULL, false},
};

static void test_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char *shown = provider_shown(urls[i].url);
        if ((shown == NULL) != (urls[i].shown == NULL) ||
            (shown != NULL && strcmp(shown, urls[i].shown) != 0)) {
            fail_msg("%s: shown as %s", urls[i].url, shown == NULL ? "(none)" : shown);
        }
        memory_free(shown);
        struct provider_set *set = two();
        set_text(&set->providers[0].userinfo, urls[i].url);
        struct error error;
        if (provider_set_check(set, &error) != urls[i].home) {
            fail_msg("%s: %s", urls[i].url, urls[i].home ? error.text : "passed");
        }
        if (!urls[i].home && strstr(error.text, "p4ss") != NULL) {
            fail_msg("%s: the error shows the password", urls[i].url);
        }
        provider_set_free(set);
    }
    assert_null(provider_shown(NULL));
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

    set = set_of(0);
    assert_null(provider_set_find(set, SPAN_LITERAL(""), NULL));
    assert_null(provider_set_find(set, SPAN_LITERAL("example.com"), NULL));
    provider_set_free(set);
    provider_set_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests_name("provider", tests, NULL, NULL);
}
