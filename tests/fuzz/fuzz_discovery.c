/* fuzz_discovery.c - any bytes as a discovery document: what is taken is of our issuer, and leads nowhere by plain http. */
#include "fuzz.h"

#include "base/text.h"
#include "token/discovery.h"

static const char *const ISSUERS[] = {
    "https://id.example.com",
    "https://id.example.com/realms/Work/",
    "http://keycloak:8080/realms/work",
    "https://login.microsoftonline.com/0a1b/v2.0",
};

static void check_endpoint(const struct url *issuer, const char *endpoint)
{
    struct url url;
    if (endpoint == NULL) {
        return;
    }
    assert(url_parse(span_of(endpoint), &url) && !url.user_info);
    assert(url.https || (!issuer->https && url_same_origin(&url, issuer)));
}

static void check_good(const char *issuer, struct span text, const struct discovery *discovery)
{
    struct error error;
    struct span said;
    struct url url;
    CLEANUP(json_cleanup)
    struct json *document = json_parse(text, DISCOVERY_SIZE_MAX, &error);
    assert(document != NULL && json_text(document, "issuer", &said) && span_is(said, issuer));
    assert(url_parse(span_of(issuer), &url));
    check_endpoint(&url, discovery->jwks);
    check_endpoint(&url, discovery->userinfo);
    check_endpoint(&url, discovery->introspection);
    check_endpoint(&url, discovery->token);
}

/* Both places are at the issuer's own origin. */
static void check_places(const char *issuer)
{
    struct url ours, url;
    if (!url_parse(span_of(issuer), &ours) || strchr(issuer, '?') != NULL) {
        return;
    }
    for (int form = 0; form < DISCOVERY_FORMS; form++) {
        char *place = discovery_url(issuer, (enum discovery_form)form);
        bool parsed = url_parse(span_of(place), &url);
        assert(parsed || strlen(place) > URL_MAX);
        assert(!parsed || (url_same_origin(&ours, &url) && strstr(place, "/.well-known/") != NULL));
        memory_free(place);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(discovery_done) struct discovery discovery = {0};
    CLEANUP(arena_done) struct arena arena = {0};
    struct error error = {{0}};
    struct span text;
    const char *issuer = ISSUERS[fuzz_choice(data, size, &text) % 4];
    check_places(issuer);
    check_places(span_text(&arena, text));
    if (discovery_read(issuer, text, &discovery, &error)) {
        check_good(issuer, text, &discovery);
        return 0;
    }
    assert(error.text[0] != '\0' && text_utf8(span_of(error.text)));
    assert(discovery.jwks == NULL && discovery.userinfo == NULL &&
           discovery.introspection == NULL && discovery.token == NULL);
    return 0;
}
