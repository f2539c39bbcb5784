/* token_way.c - what is to be asked next about one token. */
#include "token/token_way.h"

#include "wire/url.h"

static bool some(char **list)
{
    return list != NULL && list[0] != NULL;
}

/* A userinfo answer names neither client, audience nor scope: where one is asked for, it is no evidence. */
static bool userinfo_suffices(const struct provider *provider)
{
    bool asks = some(provider->audiences) || some(provider->clients);
    return !some(provider->scopes) && (provider->any_client || !asks);
}

static enum token_way first_opaque(const struct provider *provider)
{
    if (provider->introspection.used) {
        return TOKEN_WAY_INTROSPECT;
    }
    return userinfo_suffices(provider) ? TOKEN_WAY_USERINFO : TOKEN_WAY_REFUSE;
}

static enum token_way first(const struct provider *provider, bool jwt)
{
    switch (provider->check) {
    case PROVIDER_CHECK_AUTO:
        return jwt ? TOKEN_WAY_PROVE : first_opaque(provider);
    case PROVIDER_CHECK_JWT:
    case PROVIDER_CHECK_JWT_USERINFO:
        return jwt ? TOKEN_WAY_PROVE : TOKEN_WAY_REFUSE;
    case PROVIDER_CHECK_INTROSPECTION:
        return TOKEN_WAY_INTROSPECT;
    case PROVIDER_CHECK_USERINFO:
        if (jwt) {
            return TOKEN_WAY_PROVE;
        }
        return userinfo_suffices(provider) ? TOKEN_WAY_USERINFO : TOKEN_WAY_REFUSE;
    case PROVIDER_CHECK_TOKENINFO:
        return TOKEN_WAY_TOKENINFO;
    }
    return TOKEN_WAY_REFUSE;
}

static enum token_way after_proof(const struct provider *provider, const struct token_known *known)
{
    switch (provider->check) {
    case PROVIDER_CHECK_JWT:
    case PROVIDER_CHECK_TOKENINFO:
        return TOKEN_WAY_DONE;
    case PROVIDER_CHECK_JWT_USERINFO:
    case PROVIDER_CHECK_USERINFO:
        return TOKEN_WAY_USERINFO;
    case PROVIDER_CHECK_AUTO:
        if (known->identified && provider->recheck_ms == 0) {
            return TOKEN_WAY_DONE;
        }
        return provider->introspection.used ? TOKEN_WAY_INTROSPECT : TOKEN_WAY_USERINFO;
    case PROVIDER_CHECK_INTROSPECTION:
        break; /* introspection would not speak of it */
    }
    return known->identified ? TOKEN_WAY_DONE : TOKEN_WAY_USERINFO;
}

static enum token_way after_introspection(const struct token_known *known)
{
    if (known->unsupported && !known->proved) {
        return known->jwt ? TOKEN_WAY_PROVE : TOKEN_WAY_REFUSE;
    }
    return known->identified ? TOKEN_WAY_DONE : TOKEN_WAY_USERINFO;
}

static enum token_way after_tokeninfo(const struct provider *provider,
                                      const struct token_known *known)
{
    bool more = !known->identified || some(provider->hosted_domains);
    return more ? TOKEN_WAY_USERINFO : TOKEN_WAY_DONE;
}

enum token_way token_way_next(const struct provider *provider, const struct token_known *known)
{
    if (known->userinfo) {
        return TOKEN_WAY_DONE;
    }
    if (known->tokeninfo) {
        return after_tokeninfo(provider, known);
    }
    if (known->proved && !known->introspected) {
        return after_proof(provider, known);
    }
    if (known->introspected) {
        return after_introspection(known);
    }
    return first(provider, known->jwt);
}

static bool typed(const struct provider *provider, const char *url)
{
    return url == provider->userinfo || url == provider->tokeninfo ||
           url == provider->introspection.url;
}

void token_way_reach(const struct provider *provider, struct fetch_request *request)
{
    struct url wanted, issuer;
    bool known = url_parse(span_of(request->url), &wanted);
    for (char **own = provider->issuers; known && own != NULL && *own != NULL; own++) {
        if (url_parse(span_of(*own), &issuer) && span_equal_fold(wanted.host, issuer.host)) {
            request->connect_to = provider->connect_to;
            return;
        }
    }
    request->public_only = !typed(provider, request->url);
}

const char *token_way_name(enum token_way way)
{
    static const char *const names[] = {"none",      "jwt",      "introspection",
                                        "tokeninfo", "userinfo", "cache"};
    return names[way];
}
