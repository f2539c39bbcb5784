/* test_discovery.c - where an issuer's document is, and what is believed of it. */
#include "token/discovery.h"

#include "base/memory.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const struct {
    const char *issuer, *openid, *oauth;
} URLS[] = {
    {"https://a.example.com", "https://a.example.com/.well-known/openid-configuration",
     "https://a.example.com/.well-known/oauth-authorization-server"},
    {"https://a.example.com/", "https://a.example.com/.well-known/openid-configuration",
     "https://a.example.com/.well-known/oauth-authorization-server"},
    {"https://a.example.com:8443/realms/acme",
     "https://a.example.com:8443/realms/acme/.well-known/openid-configuration",
     "https://a.example.com:8443/.well-known/oauth-authorization-server/realms/acme"},
    {"https://a.example.com/application/o/mail/",
     "https://a.example.com/application/o/mail/.well-known/openid-configuration",
     "https://a.example.com/.well-known/oauth-authorization-server/application/o/mail"},
    {"http://[::1]:9000/x", "http://[::1]:9000/x/.well-known/openid-configuration",
     "http://[::1]:9000/.well-known/oauth-authorization-server/x"},
};

static void test_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof URLS / sizeof URLS[0]; i++) {
        char *openid = discovery_url(URLS[i].issuer, DISCOVERY_OPENID);
        char *oauth = discovery_url(URLS[i].issuer, DISCOVERY_OAUTH);
        assert_string_equal(openid, URLS[i].openid);
        assert_string_equal(oauth, URLS[i].oauth);
        memory_free(openid);
        memory_free(oauth);
    }
}

#define ISSUER "https://a.example.com/realms/acme"
#define JWKS   "\"jwks_uri\":\"https://a.example.com/jwks\""

static void test_document(void **state)
{
    struct discovery discovery;
    struct error error;
    (void)state;
    /* Google's keys live at another origin; what is null is not there; the rest is passed over. */
    assert_true(discovery_read(
        ISSUER,
        SPAN_LITERAL(
            "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://keys.example.net/v3/certs\","
            "\"userinfo_endpoint\":\"https://a.example.com/me?x=1\","
            "\"introspection_endpoint\":null,\"token_endpoint\":\"https://a.example.com/t\","
            "\"scopes_supported\":[\"openid\"],\"end_session_endpoint\":\"ftp://x/\"}"),
        &discovery, &error));
    assert_string_equal(discovery.jwks, "https://keys.example.net/v3/certs");
    assert_string_equal(discovery.userinfo, "https://a.example.com/me?x=1");
    assert_string_equal(discovery.token, "https://a.example.com/t");
    assert_null(discovery.introspection);
    discovery_done(&discovery);
    assert_null(discovery.jwks);
    discovery_done(&discovery); /* and once more */
}

static const struct {
    const char *issuer, *document;
    const char *error; /* a part of it; NULL: it is taken */
} CASES[] = {
    {ISSUER, "{\"issuer\":\"" ISSUER "\"," JWKS "}", NULL},
    {ISSUER, "", "JSON: "},
    {ISSUER, "<html>sign in</html>", "JSON: "},
    {ISSUER, "[]", "JSON: "},
    {ISSUER, "{\"issuer\":\"" ISSUER "\"," JWKS "} x", "JSON: "},
    {ISSUER, "{\"issuer\":\"https://b.example/\",\"issuer\":\"" ISSUER "\"," JWKS "}", "JSON: "},
    {ISSUER, "{" JWKS "}", "it names no issuer"},
    {ISSUER, "{\"issuer\":null," JWKS "}", "it names no issuer"},
    {ISSUER, "{\"issuer\":[\"" ISSUER "\"]," JWKS "}", "it names no issuer"},
    {ISSUER, "{\"issuer\":\"" ISSUER "\"}", NULL},
    {ISSUER, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":null}", NULL},
    {ISSUER, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":7}", "jwks_uri is no text"},
    {ISSUER, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":[\"https://a.example.com/\"]}",
     "jwks_uri is no text"},
    {ISSUER, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"\"}", "jwks_uri is no URL"},
    {ISSUER, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"/jwks\"}", "jwks_uri is no URL"},
    {ISSUER, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"file:///etc/passwd\"}",
     "jwks_uri is no URL"},
    {ISSUER, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"gopher://127.0.0.1:6379/_x\"}",
     "jwks_uri is no URL"},
    {ISSUER, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://u:p@a.example.com/jwks\"}",
     "jwks_uri is no URL"},
    {ISSUER, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://a.example.com/jwks#x\"}",
     "jwks_uri is no URL"},
    {ISSUER, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://a.example.com\\\\@b.example/\"}",
     "jwks_uri is no URL"},
    {ISSUER, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://a.example.com/\\r\\nX: y\"}",
     "jwks_uri is no URL"},
    {ISSUER, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"http://a.example.com/jwks\"}",
     "jwks_uri is not https: \"http://a.example.com/jwks\""},
    {ISSUER, "{\"issuer\":\"" ISSUER "\"," JWKS ",\"userinfo_endpoint\":\"http://a.example.com/\"}",
     "userinfo_endpoint is not https"},
    {ISSUER,
     "{\"issuer\":\"" ISSUER "\"," JWKS ",\"introspection_endpoint\":\"ldap://a.example.com/\"}",
     "introspection_endpoint is no URL"},
    {ISSUER, "{\"issuer\":\"" ISSUER "\"," JWKS ",\"token_endpoint\":{}}",
     "token_endpoint is no text"},
    /* At home: http where the issuer has it, and at its own origin alone. */
    {"http://localhost:9000",
     "{\"issuer\":\"http://localhost:9000\","
     "\"jwks_uri\":\"http://localhost:9000/jwks\"}",
     NULL},
    {"http://localhost:9000",
     "{\"issuer\":\"http://localhost:9000\","
     "\"jwks_uri\":\"https://keys.example.net/jwks\"}",
     NULL},
    {"http://localhost:9000",
     "{\"issuer\":\"http://localhost:9000\","
     "\"jwks_uri\":\"http://localhost:6379/jwks\"}",
     "jwks_uri is not https"},
    {"http://localhost:9000",
     "{\"issuer\":\"http://localhost:9000\","
     "\"jwks_uri\":\"http://keys.example.net/jwks\"}",
     "jwks_uri is not https"},
    /* The issuer, and what to paste. */
    {ISSUER, "{\"issuer\":\"" ISSUER "/\"," JWKS "}",
     "the document is for issuer \"" ISSUER "/\", the configuration says \"" ISSUER
     "\" (they differ in the slash at the end): set issuer = \"" ISSUER "/\""},
    {"https://a.example.com/", "{\"issuer\":\"https://a.example.com\"," JWKS "}",
     "(they differ in the slash at the end): set issuer = \"https://a.example.com\""},
    {"https://A.Example.com", "{\"issuer\":\"https://a.example.com\"," JWKS "}",
     "(they differ in upper and lower case): set issuer = \"https://a.example.com\""},
    {"https://a.example.com/Acme", "{\"issuer\":\"https://a.example.com/acme\"," JWKS "}",
     "(they differ in upper and lower case): set issuer = \"https://a.example.com/acme\""},
    {"https://a.example.com", "{\"issuer\":\"https://a.example.com:443\"," JWKS "}",
     "(one names the usual port, the other leaves it out): set issuer = "
     "\"https://a.example.com:443\""},
    {"https://a.example.com:443", "{\"issuer\":\"https://a.example.com\"," JWKS "}",
     "(one names the usual port, the other leaves it out): set issuer = \"https://a.example.com\""},
    {"https://a.example.com", "{\"issuer\":\"https://a.example.com:8443\"," JWKS "}",
     "(they differ in the port)"},
    {"https://a.example.com", "{\"issuer\":\"http://a.example.com\"," JWKS "}",
     "(one has https, the other http)"},
    {ISSUER, "{\"issuer\":\"https://a.example.com/realms/other\"," JWKS "}",
     "(they differ in the path): set issuer = \"https://a.example.com/realms/other\""},
    {"https://login.example.com/common/v2.0",
     "{\"issuer\":\"https://login.example.com/{tenantid}/v2.0\"," JWKS "}", "your tenant's id"},
    {ISSUER, "{\"issuer\":\"https://evil.example/realms/acme\"," JWKS "}",
     "set issuer to the first if that is your provider"},
    {"http://authentik:9000/application/o/mail/",
     "{\"issuer\":\"https://auth.example.com/application/o/mail/\"," JWKS "}", "connect_to"},
};

static void test_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct discovery discovery;
        struct error error = {{0}};
        bool taken =
            discovery_read(CASES[i].issuer, span_of(CASES[i].document), &discovery, &error);
        if (taken != (CASES[i].error == NULL) ||
            (!taken && strstr(error.text, CASES[i].error) == NULL)) {
            fail_msg("%s: %d %s", CASES[i].document, taken, error.text);
        }
        if (!taken) { /* nothing of it is left */
            assert_null(discovery.jwks);
            assert_null(discovery.userinfo);
        }
        discovery_done(&discovery);
    }
}

/* What is too long is refused, or cut in the text; never in what is compared. */
static void test_long(void **state)
{
    static char document[DISCOVERY_SIZE_MAX + 100];
    struct discovery discovery;
    struct error error = {{0}};
    char path[URL_MAX + 2];
    (void)state;
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    snprintf(document, sizeof document,
             "{\"issuer\":\"%s\",\"jwks_uri\":\"https://a.example.com/%s\"}", ISSUER, path);
    assert_false(discovery_read(ISSUER, span_of(document), &discovery, &error));
    assert_true(span_starts(span_of(error.text), "jwks_uri is no URL"));
    snprintf(document, sizeof document, "{\"issuer\":\"%s%.1000s\"," JWKS "}", ISSUER, path);
    assert_false(discovery_read(ISSUER, span_of(document), &discovery, &error));
    assert_non_null(strstr(error.text, "(they differ in the path): set issuer = "));
    int start = snprintf(document, sizeof document, "{\"issuer\":\"%s\"," JWKS ",\"x\":\"", ISSUER);
    memset(document + start, 'x', sizeof document - (size_t)start - 3);
    memcpy(document + sizeof document - 3, "\"}", 3);
    assert_false(discovery_read(ISSUER, span_of(document), &discovery, &error));
    assert_non_null(strstr(error.text, "longer than"));
}

/* What a provider says is quoted in whole characters: errors go out as JSON, too. */
static void test_cut(void **state)
{
    (void)state;
    for (size_t before = 140; before < 160; before++) {
        char text[300];
        struct discovery discovery;
        struct error error;
        int length = snprintf(text, sizeof text, "{\"issuer\":\"%0*d\xf0\x9f\x98\x80\xc3\xa9\"}",
                              (int)before, 0);
        struct span document = span_bytes(text, (size_t)length);
        assert_false(discovery_read("https://id.example.com", document, &discovery, &error));
        assert_true(text_utf8(span_of(error.text)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),      cmocka_unit_test(test_document),
        cmocka_unit_test(test_documents), cmocka_unit_test(test_long),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
