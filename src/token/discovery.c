/* discovery.c - an issuer's discovery document: where it is, and what it says. */
#include "token/discovery.h"

#include "base/memory.h"
#include "base/text.h"

#include <assert.h>

static const char OPENID[] = "/.well-known/openid-configuration";
static const char OAUTH[] = "/.well-known/oauth-authorization-server";

static char *text_of(struct span span)
{
    char *text = memory_new(span.length + 1, 1);
    (void)span_fits(span, text, span.length + 1);
    return text;
}

static struct span without_slash(struct span text)
{
    return span_ends(text, "/") ? span_first(text, text.length - 1) : text;
}

/* OpenID Connect Discovery 1.0, 4.1: behind the issuer; RFC 8414, 3.1: between its host and its path.
 * Both without the slash at its end. */
char *discovery_url(const char *issuer, enum discovery_form form)
{
    struct url url;
    bool known = url_parse(span_of(issuer), &url);
    assert(known && span_empty(url.query));
    struct span base = span_of(issuer), path = without_slash(url.path);
    base = span_first(base, base.length - url.path.length);
    struct buffer text = buffer_limited(base.length + path.length + sizeof OAUTH + 1);
    buffer_add(&text, base);
    if (form == DISCOVERY_OAUTH) {
        buffer_add_text(&text, OAUTH);
    }
    buffer_add(&text, path);
    if (form == DISCOVERY_OPENID) {
        buffer_add_text(&text, OPENID);
    }
    assert(!buffer_full(&text));
    char *whole = text_of(buffer_span(&text));
    buffer_done(&text);
    return whole;
}

/* -- the issuer it speaks for -- */

/* What the two differ in, where it is something that people get wrong; NULL where they are two things. */
static const char *slip(struct span said, struct span ours)
{
    struct url a, b;
    if (span_search(said, SPAN_LITERAL("{tenantid}")) < said.length) {
        return "that is for tenants of every kind: put your tenant's id into the issuer";
    }
    if (!url_parse(said, &a) || !url_parse(ours, &b)) {
        return NULL;
    }
    if (!span_equal_fold(a.host, b.host)) {
        return NULL;
    }
    if (a.https != b.https) {
        return "one has https, the other http";
    }
    if (!span_equal(a.host, b.host)) {
        return "they differ in upper and lower case";
    }
    if (!span_equal(a.port, b.port)) {
        return url_same_origin(&a, &b) ? "one names the usual port, the other leaves it out"
                                       : "they differ in the port";
    }
    if (!span_equal(a.path, b.path) && span_equal(without_slash(a.path), without_slash(b.path))) {
        return "they differ in the slash at the end";
    }
    return span_equal_fold(a.path, b.path) ? "they differ in upper and lower case"
                                           : "they differ in the path";
}

/* Compared byte for byte (RFC 8414, 3.3; OpenID Connect Discovery 1.0, 4.3): it becomes `iss` of tokens. */
static bool same_issuer(const char *issuer, struct span said, struct error *error)
{
    /* So that what there is to paste fits, whatever came. */
    int shown = (int)text_front(said, 150).length;
    if (span_is(said, issuer)) {
        return true;
    }
    const char *difference = slip(said, span_of(issuer));
    if (difference != NULL) {
        return error_set(error,
                         "the document is for issuer \"%.*s\", the configuration says \"%.150s\" "
                         "(%s): set issuer = \"%.*s\"",
                         shown, said.at, issuer, difference, shown, said.at);
    }
    return error_set(error,
                     "the document is for issuer \"%.*s\", the configuration says \"%.150s\": set "
                     "issuer to the first if that is your provider (and connect_to where it must "
                     "be reached at another address)",
                     shown, said.at, issuer);
}

/* -- the endpoints -- */

struct endpoint {
    const char *name;
    char **to;
};

/* Plain http may go where the admin typed it, and nowhere else. */
static bool allowed(const struct url *url, const struct url *issuer)
{
    return url->https || (!issuer->https && url_same_origin(url, issuer));
}

static bool read_endpoint(const struct url *issuer, const struct json *document,
                          const struct endpoint *endpoint, struct error *error)
{
    struct span text;
    struct url url;
    switch (json_kind(json_member(document, endpoint->name))) {
    case JSON_KIND_ABSENT:
    case JSON_KIND_NULL:
        return true;
    case JSON_KIND_TEXT:
        break;
    case JSON_KIND_TRUE:
    case JSON_KIND_FALSE:
    case JSON_KIND_NUMBER:
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT:
        return error_set(error, "%s is no text", endpoint->name);
    }
    (void)json_text(document, endpoint->name, &text);
    if (text.length > URL_MAX || !url_parse(text, &url) || url.user_info) {
        return error_set(error, "%s is no URL that can be used: \"%.*s\"", endpoint->name,
                         (int)text_front(text, 200).length, text.at);
    }
    if (!allowed(&url, issuer)) {
        return error_set(error, "%s is not https: \"%.*s\"", endpoint->name,
                         (int)text_front(text, 200).length, text.at);
    }
    *endpoint->to = text_of(text);
    return true;
}

static bool read_endpoints(const char *issuer, const struct json *document,
                           struct discovery *discovery, struct error *error)
{
    const struct endpoint endpoints[] = {
        {"jwks_uri", &discovery->jwks},
        {"userinfo_endpoint", &discovery->userinfo},
        {"introspection_endpoint", &discovery->introspection},
        {"token_endpoint", &discovery->token},
    };
    struct url url;
    if (!url_parse(span_of(issuer), &url)) {
        return error_set(error, "the issuer is no URL that can be used");
    }
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        if (!read_endpoint(&url, document, &endpoints[i], error)) {
            return false;
        }
    }
    return true;
}

bool discovery_read(const char *issuer, struct span text, struct discovery *discovery,
                    struct error *error)
{
    struct span said;
    *discovery = (struct discovery){0};
    CLEANUP(json_cleanup)
    struct json *document = json_parse(text, DISCOVERY_SIZE_MAX, error);
    if (document == NULL) {
        return false;
    }
    if (!json_text(document, "issuer", &said)) {
        return error_set(error, "it names no issuer");
    }
    if (!same_issuer(issuer, said, error) || !read_endpoints(issuer, document, discovery, error)) {
        discovery_done(discovery);
        return false;
    }
    return true;
}

void discovery_done(struct discovery *discovery)
{
    memory_free(discovery->jwks);
    memory_free(discovery->userinfo);
    memory_free(discovery->introspection);
    memory_free(discovery->token);
    *discovery = (struct discovery){0};
}
