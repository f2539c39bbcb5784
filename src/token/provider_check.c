/* provider_check.c - whether the settings of one provider make sense together, and what to change when they do not. */
#include "token/provider_check.h"

#include "base/memory.h"
#include "base/text.h"
#include "token/signature.h"
#include "wire/address.h"
#include "wire/url.h"

#include <string.h>

enum {
    TEXT_MAX = 400,
    VALUE_MAX = 1000,
    LEEWAY_MAX = 60,
    CACHE_MS_MAX = 60 * 60 * 1000,
};

static size_t count_of(char *const *texts)
{
    size_t count = 0;
    while (texts != NULL && texts[count] != NULL) {
        count++;
    }
    return count;
}

static bool some(char *const *texts)
{
    return count_of(texts) > 0;
}

/* -- texts -- */

static bool check_name(const struct provider *provider, struct error *error)
{
    struct span name = span_of(provider->name);
    bool good = name.length > 0 && name.length <= PROVIDER_NAME_MAX;
    for (size_t i = 0; i < name.length; i++) {
        char byte = span_lower(name.at[i]);
        good = good && ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                        byte == '.' || byte == '_' || byte == '-');
    }
    return good || error_set(error, "a name is 1 to %d letters, digits, \".\", \"_\" or \"-\"",
                             PROVIDER_NAME_MAX);
}

/* What goes into the error JSON: printable, and short enough to fit. */
static bool check_text(const char *setting, const char *text, struct error *error)
{
    struct span rest = span_of(text), word;
    if (rest.length > TEXT_MAX) {
        return error_set(error, "%s is longer than %d bytes", setting, TEXT_MAX);
    }
    while (!span_empty(rest) && span_cut(&rest, ' ', &word)) {
        if (!span_empty(word) && !text_printable_ascii(word)) {
            return error_set(error, "%s holds a byte that is not printable ASCII", setting);
        }
    }
    return true;
}

/* What is compared with a claim: any text without control bytes. */
static bool check_value(const char *setting, struct span value, struct error *error)
{
    if (span_empty(value)) {
        return error_set(error, "%s holds an empty text, which would match nobody or anybody",
                         setting);
    }
    for (size_t i = 0; i < value.length; i++) {
        if ((unsigned char)value.at[i] < ' ' || value.at[i] == 0x7f) {
            return error_set(error, "%s holds a control byte", setting);
        }
    }
    if (value.length > VALUE_MAX || !text_utf8(value)) {
        return error_set(error, "%s holds a text that is too long, or no valid UTF-8", setting);
    }
    return true;
}

static bool check_values(const char *setting, char *const *values, struct error *error)
{
    for (size_t i = 0; i < count_of(values); i++) {
        if (!check_value(setting, span_of(values[i]), error)) {
            return false;
        }
    }
    return true;
}

/* RFC 6749, 3.3: one scope has no blank in it. */
static bool check_scopes(const char *setting, char *const *scopes, struct error *error)
{
    for (size_t i = 0; i < count_of(scopes); i++) {
        struct span scope = span_of(scopes[i]);
        if (!text_printable_ascii(scope) || span_has(scope, '"') || span_has(scope, '\\')) {
            return error_set(error, "%s: \"%.100s\" is not one scope; write each in its own quotes",
                             setting, scopes[i]);
        }
    }
    return true;
}

static bool check_claims(const struct provider *provider, struct error *error)
{
    static const char *const PROTOCOLS[] = {"scope_imap", "scope_pop3", "scope_smtp",
                                            "scope_sieve"};
    for (size_t i = 0; i < PROVIDER_PROTOCOLS; i++) {
        if (!check_scopes(PROTOCOLS[i], provider->scopes_of[i], error)) {
            return false;
        }
    }
    if (span_empty(span_of(provider->username_claim))) {
        return error_set(error, "the username claim is empty");
    }
    if (provider->subject_claim != NULL && provider->subject_claim[0] == '\0') {
        return error_set(error, "the subject claim is empty");
    }
    return check_scopes("scopes", provider->scopes, error) &&
           check_values("audiences", provider->audiences, error) &&
           check_values("clients", provider->clients, error) &&
           check_value("username_claim", span_of(provider->username_claim), error) &&
           check_text("scope", provider->scope, error) &&
           check_text("the configuration URL", provider->configuration_url, error);
}

/* -- addresses -- */

static bool check_domains(const char *setting, char *const *domains, struct error *error)
{
    for (size_t i = 0; i < count_of(domains); i++) {
        char normal[ADDRESS_DOMAIN_MAX + 1];
        struct error why;
        if (!address_parse_domain(span_of(domains[i]), normal, &why)) {
            return error_set(error, "%s: \"%s\": %s", setting, domains[i], why.text);
        }
        if (strcmp(normal, domains[i]) != 0) {
            return error_set(error, "%s: \"%s\" is written \"%s\"", setting, domains[i], normal);
        }
    }
    return true;
}

/* "%s@example.com", or "%s.example.com" for a claim that ends in "@mail": one %s, and a domain behind it. */
static bool check_template(const struct provider *provider, struct error *error)
{
    struct span template = span_of(provider->username_template);
    char normal[ADDRESS_DOMAIN_MAX + 1];
    struct error why;
    if (provider->username_template == NULL) {
        return true;
    }
    size_t mark = span_search(template, SPAN_LITERAL("%s"));
    struct span behind = span_from(template, mark + 2);
    if (!check_value("username_template", template, error)) {
        return false;
    }
    if (span_find(template, '%') != mark || span_find_last(template, '%') != mark ||
        mark == template.length) {
        return error_set(error, "username_template needs one %%s, where the claim goes, and no "
                                "other %%: write \"%%s@example.com\"");
    }
    size_t at = span_find(behind, '@');
    bool whole = at < behind.length;
    struct span domain = whole ? span_from(behind, at + 1) : span_from(behind, 1);
    if ((!whole && span_at(behind, 0) != '.') || !address_parse_domain(domain, normal, &why)) {
        return error_set(error, "username_template needs a domain behind its %%s: write "
                                "\"%%s@example.com\"");
    }
    if (whole && some(provider->domains) && !provider_speaks_for(provider, span_of(normal))) {
        return error_set(error,
                         "username_template makes addresses in \"%s\", which is not among domains: "
                         "nobody could sign in",
                         normal);
    }
    return true;
}

static bool check_url(const char *setting, const char *text, struct error *error)
{
    struct url url;
    if (text == NULL) {
        return true;
    }
    if (!url_parse(span_of(text), &url)) {
        return error_set(error, "%s is no URL that begins with https://", setting);
    }
    if (!url.https && !url_stays_at_home(&url)) {
        return error_set(error,
                         "%s: plain http to %.*s would show every token on the way; "
                         "use https, or a loopback or private address",
                         setting, (int)url.host.length, url.host.at);
    }
    return true;
}

/* Core, 2 and RFC 8414, 2: no query, no fragment. */
static bool check_issuer(const char *issuer, struct error *error)
{
    struct url url;
    struct span text = span_of(issuer);
    if (span_has(text, '?') || span_has(text, '#')) {
        return error_set(error, "an issuer has no \"?\" and no \"#\" in it; write it as the "
                                "provider's discovery document does");
    }
    if (!check_url("issuer", issuer, error)) {
        return false;
    }
    if (url_parse(text, &url) && url.user_info) {
        return error_set(error, "an issuer has no user and no password in it; write it as the "
                                "provider's discovery document does");
    }
    return true;
}

static bool check_issuers(const struct provider *provider, struct error *error)
{
    char *const *issuers = provider->issuers;
    if (count_of(issuers) > PROVIDER_ISSUERS_MAX) {
        return error_set(error, "there are more than %d issuers", PROVIDER_ISSUERS_MAX);
    }
    for (size_t i = 0; i < count_of(issuers); i++) {
        if (!check_issuer(issuers[i], error)) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(issuers[i], issuers[j]) == 0) {
                return error_set(error, "issuer \"%s\" stands there twice", issuers[i]);
            }
        }
    }
    return true;
}

/* "host:port" */
static bool check_connect_to(const struct provider *provider, struct error *error)
{
    const char *to = provider->connect_to;
    struct url url;
    CLEANUP(buffer_done) struct buffer text = buffer_limited(URL_MAX);
    if (to == NULL) {
        return true;
    }
    buffer_add_text(&text, "https://");
    buffer_add_text(&text, to);
    if (buffer_full(&text) || !url_parse(buffer_span(&text), &url) || url.user_info ||
        span_empty(url.port) || !span_empty(url.path) || strchr(to, '?') != NULL) {
        return error_set(error, "connect_to is \"host:port\" or \"address:port\"; an IPv6 address "
                                "stands in brackets: \"[fd00::1]:443\"");
    }
    return some(provider->issuers) ||
           error_set(error, "connect_to says where the issuers' own hosts are, and there is no "
                            "issuer; write the address into the URL");
}

static bool check_urls(const struct provider *provider, struct error *error)
{
    return check_url("userinfo", provider->userinfo, error) &&
           check_url("tokeninfo", provider->tokeninfo, error) &&
           check_url("jwks", provider->jwks, error) &&
           check_url("introspection: url", provider->introspection.url, error) &&
           check_issuers(provider, error) && check_connect_to(provider, error);
}

/* -- ways to check -- */

static bool check_introspection(const struct provider *provider, struct error *error)
{
    const struct provider_introspection *asked = &provider->introspection;
    bool named = asked->auth == PROVIDER_AUTH_BASIC || asked->auth == PROVIDER_AUTH_POST ||
                 asked->auth == PROVIDER_AUTH_KEY;
    if (!asked->used) {
        return true;
    }
    if (asked->url == NULL && !some(provider->issuers)) {
        return error_set(error, "introspection: url is missing, and there is no issuer whose "
                                "discovery names it");
    }
    if (named && span_empty(span_of(asked->id))) {
        return error_set(error, "introspection: id is missing: our client id at the provider");
    }
    if (asked->auth != PROVIDER_AUTH_NONE && span_empty(span_of(asked->secret))) {
        return error_set(error, "introspection: secret_file is missing");
    }
    return true;
}

static bool check_way(const struct provider *provider, struct error *error)
{
    bool issuers = some(provider->issuers), asked = provider->introspection.used;
    bool possible = false;
    const char *missing = "issuer";
    switch (provider->check) {
    case PROVIDER_CHECK_AUTO:
        possible = issuers || asked || provider->userinfo != NULL;
        missing = "issuer or userinfo";
        break;
    case PROVIDER_CHECK_JWT:
    case PROVIDER_CHECK_JWT_USERINFO:
        possible = issuers;
        break;
    case PROVIDER_CHECK_INTROSPECTION:
        possible = asked;
        missing = "introspection { id = … secret_file = … }";
        break;
    case PROVIDER_CHECK_USERINFO:
        possible = issuers || provider->userinfo != NULL;
        missing = "userinfo or issuer";
        break;
    case PROVIDER_CHECK_TOKENINFO:
        possible = provider->tokeninfo != NULL;
        missing = "tokeninfo";
        break;
    }
    if (!possible) {
        return error_set(error, "there is no way to check a token: %s is missing", missing);
    }
    if (provider->shared && !issuers) {
        return error_set(error, "shared needs an issuer: where several speak for a domain, only "
                                "the issuer of a JWT tells them apart");
    }
    if (provider->jwks != NULL && !issuers) {
        return error_set(error, "jwks needs an issuer: a key proves the tokens of its issuer only");
    }
    return true;
}

static bool any_scope(const struct provider *provider)
{
    bool any = some(provider->scopes);
    for (size_t i = 0; i < PROVIDER_PROTOCOLS; i++) {
        any = any || some(provider->scopes_of[i]);
    }
    return any;
}

/* A userinfo answer says neither audience nor client nor scope. */
static bool only_userinfo(const struct provider *provider)
{
    bool asked = provider->introspection.used && (provider->check == PROVIDER_CHECK_AUTO ||
                                                  provider->check == PROVIDER_CHECK_INTROSPECTION);
    return !some(provider->issuers) && !asked && provider->check != PROVIDER_CHECK_TOKENINFO;
}

/* DESIGN, token checks: audiences or clients, or an explicit override. */
static bool check_limits(const struct provider *provider, struct error *error)
{
    bool limited = some(provider->audiences) || some(provider->clients);
    if (provider->id_tokens && !some(provider->issuers)) {
        return error_set(error, "id_tokens needs an issuer, whose keys prove them");
    }
    if (provider->id_tokens && !limited) {
        return error_set(error, "id_tokens needs audiences or clients: an ID token is made for one "
                                "application, and every other may hold it");
    }
    if (only_userinfo(provider) && (limited || any_scope(provider))) {
        return error_set(error,
                         "%s can never match: userinfo does not say for whom a token was "
                         "issued. Write issuer = { \"https://…\" } for JWTs or introspection "
                         "{ … }, or leave them out",
                         limited ? "audiences and clients" : "scopes");
    }
    if (limited && provider->any_client) {
        return error_set(error, "any_client = yes and the lists audiences and clients exclude each "
                                "other: take one of them out");
    }
    if (only_userinfo(provider) || limited || provider->any_client) {
        return true;
    }
    return error_set(error, "tokens that any application got would sign in: write clients = { "
                            "\"…\" } with the client ids of the mail programs, or audiences, or "
                            "any_client = yes");
}

static bool check_algorithms(const struct provider *provider, struct error *error)
{
    for (size_t i = 0; i < count_of(provider->algorithms); i++) {
        const char *name = provider->algorithms[i];
        if (signature_algorithm_of(span_of(name)) == SIGNATURE_NONE) {
            return error_set(error,
                             "algorithms: \"%.30s\" is none of RS256, RS384, RS512, PS256, PS384, "
                             "PS512, ES256, ES384, ES512, EdDSA and Ed25519",
                             name);
        }
    }
    return some(provider->algorithms) || !some(provider->issuers) ||
           error_set(error, "algorithms is empty: no signature could be right");
}

/* -- numbers -- */

static bool check_requests(const struct provider *provider, struct error *error)
{
    if (provider->connect_ms <= 0 || provider->connect_ms > provider->total_ms) {
        return error_set(error, "the connect timeout must be above 0 and not above the total one");
    }
    if (provider->total_ms > PROVIDER_TOTAL_MS_MAX) {
        return error_set(error,
                         "the total timeout must be at most %d ms: mail servers wait no longer",
                         PROVIDER_TOTAL_MS_MAX);
    }
    return provider->requests_max > 0 ||
           error_set(error, "the number of requests at once must be above 0");
}

static bool check_times(const struct provider *provider, struct error *error)
{
    if (provider->leeway_s < 0 || provider->leeway_s > LEEWAY_MAX) {
        return error_set(error, "leeway must be 0 to %d s", LEEWAY_MAX);
    }
    if (provider->cache_ms < 0 || provider->cache_ms > CACHE_MS_MAX) {
        return error_set(error, "cache_lifetime must be at most an hour: a revoked token lives on "
                                "for so long");
    }
    if (provider->refused_ms < 0 || provider->refused_ms > CACHE_MS_MAX ||
        provider->recheck_ms < 0 || provider->max_age_s < 0) {
        return error_set(error, "refused_lifetime, recheck and max_token_age must not be below 0, "
                                "and refused_lifetime not above an hour");
    }
    if (provider->outage == PROVIDER_OUTAGE_CACHED && provider->outage_ms <= 0) {
        return error_set(error, "outage = cached needs outage_lifetime above 0");
    }
    if (!some(provider->issuers)) {
        return true;
    }
    if (provider->keys_refresh_ms <= 0 || provider->keys_cooldown_ms <= 0 ||
        provider->keys_max_age_ms < provider->keys_refresh_ms) {
        return error_set(error, "keys_refresh and keys_cooldown must be above 0, and keys_max_age "
                                "not below keys_refresh");
    }
    return true;
}

bool provider_check_settings(const struct provider *provider, struct error *error)
{
    return check_name(provider, error) && check_urls(provider, error) &&
           check_claims(provider, error) && check_domains("domains", provider->domains, error) &&
           check_domains("hosted_domains", provider->hosted_domains, error) &&
           check_template(provider, error) && check_way(provider, error) &&
           check_introspection(provider, error) && check_limits(provider, error) &&
           check_algorithms(provider, error) && check_requests(provider, error) &&
           check_times(provider, error);
}
