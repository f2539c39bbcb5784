/* provider.c - an OpenID provider that we trust: where it is and which domains it speaks for. */
#include "token/provider.h"

#include "base/memory.h"
#include "base/text.h"
#include "wire/address.h"

#include <arpa/inet.h>
#include <string.h>

/* The parts of a URL that matter here: views. */
struct url {
    struct span scheme, host, port, path;
};

enum { PROVIDER_URL_MAX = 2000, PROVIDER_TEXT_MAX = 400 };

/* -- URLs -- */

static bool all_of(struct span text, const char *bytes)
{
    for (size_t i = 0; i < text.length; i++) {
        if (strchr(bytes, span_lower(text.at[i])) == NULL) {
            return false;
        }
    }
    return text.length > 0;
}

static bool port_valid(struct span port)
{
    uint64_t number;
    return span_number(port, 65535, &number) && number > 0;
}

/* "host", "host:port", "[v6]", "[v6]:port" */
static bool split_host(struct span authority, struct url *url)
{
    struct span rest;
    if (span_at(authority, 0) == '[') {
        size_t end = span_find(authority, ']');
        url->host = span_first(authority, end + 1);
        rest = span_from(authority, end + 1);
        if (end == authority.length ||
            !all_of(span_from(span_first(authority, end), 1), "0123456789abcdef:.")) {
            return false;
        }
    } else {
        size_t end = span_find(authority, ':');
        url->host = span_first(authority, end);
        rest = span_from(authority, end);
        if (!all_of(url->host, "abcdefghijklmnopqrstuvwxyz0123456789.-_")) {
            return false;
        }
    }
    url->port = span_from(rest, 1);
    return span_empty(rest) || (span_at(rest, 0) == ':' && port_valid(url->port));
}

/* What two readers might read differently (a second "@", a backslash, a fragment) is refused. */
static bool split_url(struct span text, struct url *url)
{
    *url = (struct url){0};
    size_t colon = span_search(text, SPAN_LITERAL("://"));
    if (!text_printable_ascii(text) || text.length > PROVIDER_URL_MAX || colon == text.length ||
        span_has(text, '\\') || span_has(text, '#')) {
        return false;
    }
    url->scheme = span_first(text, colon);
    struct span rest = span_from(text, colon + 3);
    rest = span_first(rest, span_find(rest, '?'));
    size_t slash = span_find(rest, '/');
    struct span authority = span_first(rest, slash);
    url->path = span_from(rest, slash);
    size_t at = span_find(authority, '@');
    if (at < authority.length) {
        authority = span_from(authority, at + 1);
    }
    return (span_is_fold(url->scheme, "https") || span_is_fold(url->scheme, "http")) &&
           split_host(authority, url);
}

char *provider_shown(const char *url)
{
    struct url parts;
    if (url == NULL || !split_url(span_of(url), &parts)) {
        return NULL;
    }
    CLEANUP(buffer_done) struct buffer shown = buffer_limited(PROVIDER_URL_MAX + 1);
    buffer_add(&shown, parts.scheme);
    buffer_add_text(&shown, "://");
    buffer_add(&shown, parts.host);
    if (!span_empty(parts.port)) {
        buffer_add_byte(&shown, ':');
        buffer_add(&shown, parts.port);
    }
    buffer_add(&shown, parts.path);
    buffer_add_byte(&shown, '\0');
    return memory_text(shown.at);
}

/* -- plain http -- */

static bool private_ipv4(const unsigned char at[4])
{
    return at[0] == 127 || at[0] == 10 || (at[0] == 172 && (at[1] & 0xf0) == 16) ||
           (at[0] == 192 && at[1] == 168) || (at[0] == 169 && at[1] == 254) ||
           (at[0] == 100 && (at[1] & 0xc0) == 64);
}

static bool private_ipv6(const unsigned char at[16])
{
    static const unsigned char loopback[16] = {[15] = 1};
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(at, loopback, 16) == 0 || (at[0] & 0xfe) == 0xfc ||
           (at[0] == 0xfe && (at[1] & 0xc0) == 0x80) ||
           (memcmp(at, mapped, 12) == 0 && private_ipv4(at + 12));
}

/* Names that no public DNS answers: of one label, or below a name kept for such use (RFC 6761, 6762,
 * 8375, and ICANN's .internal). What begins its last label with a digit might be read as a number,
 * that is as an IPv4 address, and is none of them. */
static bool private_name(struct span host)
{
    static const char *const below[] = {".localhost", ".test",  ".internal",
                                        ".home.arpa", ".local", ".lan"};
    size_t dot = span_find_last(host, '.');
    struct span last = dot < host.length ? span_from(host, dot + 1) : host;
    if (!all_of(span_first(last, 1), "abcdefghijklmnopqrstuvwxyz")) {
        return false;
    }
    if (dot == host.length) {
        return true;
    }
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        struct span end = span_of(below[i]);
        if (host.length > end.length &&
            span_equal_fold(span_from(host, host.length - end.length), end)) {
            return true;
        }
    }
    return false;
}

static bool stays_at_home(struct span host)
{
    char text[64];
    unsigned char at[16];
    if (span_at(host, 0) == '[') {
        return span_fits(span_from(span_first(host, host.length - 1), 1), text, sizeof text) &&
               inet_pton(AF_INET6, text, at) == 1 && private_ipv6(at);
    }
    if (span_fits(host, text, sizeof text) && inet_pton(AF_INET, text, at) == 1) {
        return private_ipv4(at);
    }
    return private_name(host);
}

/* -- a set -- */

static bool check_url(const struct provider *provider, struct error *error)
{
    struct url url;
    bool asked = provider->issuers != NULL || provider->introspection.url != NULL;
    if (provider->userinfo == NULL && asked) {
        return true;
    }
    if (provider->userinfo == NULL || !split_url(span_of(provider->userinfo), &url)) {
        return error_set(error, "userinfo is no URL that begins with https://");
    }
    if (span_is_fold(url.scheme, "http") && !stays_at_home(url.host)) {
        return error_set(error,
                         "userinfo: plain http to %.*s would show every token on the way; "
                         "use https, or a loopback or private address",
                         (int)url.host.length, url.host.at);
    }
    return true;
}

static bool check_name(const struct provider *provider, struct error *error)
{
    struct span name = span_of(provider->name);
    if (name.length > PROVIDER_NAME_MAX ||
        !all_of(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")) {
        return error_set(error, "a name is 1 to %d letters, digits, \".\", \"_\" or \"-\"",
                         PROVIDER_NAME_MAX);
    }
    return true;
}

/* What goes into the error JSON: printable, and short enough to fit. */
static bool check_text(const char *setting, const char *text, struct error *error)
{
    struct span rest = span_of(text), word;
    if (rest.length > PROVIDER_TEXT_MAX) {
        return error_set(error, "%s is longer than %d bytes", setting, PROVIDER_TEXT_MAX);
    }
    while (!span_empty(rest) && span_cut(&rest, ' ', &word)) {
        if (!span_empty(word) && !text_printable_ascii(word)) {
            return error_set(error, "%s holds a byte that is not printable ASCII", setting);
        }
    }
    return true;
}

static bool check_bounds(const struct provider *provider, struct error *error)
{
    if (span_empty(span_of(provider->username_claim))) {
        return error_set(error, "the username claim is empty");
    }
    if (provider->connect_ms <= 0 || provider->connect_ms > provider->total_ms) {
        return error_set(error, "the connect timeout must be above 0 and not above the total one");
    }
    if (provider->total_ms > PROVIDER_TOTAL_MS_MAX) {
        return error_set(error,
                         "the total timeout must be at most %d ms: mail servers wait no longer",
                         PROVIDER_TOTAL_MS_MAX);
    }
    if (provider->requests_max == 0) {
        return error_set(error, "the number of requests at once must be above 0");
    }
    return true;
}

static bool check_domains(const struct provider *provider, struct error *error)
{
    for (char **domain = provider->domains; domain != NULL && *domain != NULL; domain++) {
        char normal[ADDRESS_DOMAIN_MAX + 1];
        struct error why;
        if (!address_parse_domain(span_of(*domain), normal, &why)) {
            return error_set(error, "domain \"%s\": %s", *domain, why.text);
        }
        if (strcmp(normal, *domain) != 0) {
            return error_set(error, "domain \"%s\" is written \"%s\"", *domain, normal);
        }
    }
    return true;
}

static bool has_domains(const struct provider *provider)
{
    return provider->domains != NULL && provider->domains[0] != NULL;
}

static bool names_domain(const struct provider *provider, struct span domain)
{
    for (char **own = provider->domains; own != NULL && *own != NULL; own++) {
        if (span_is(domain, *own)) {
            return true;
        }
    }
    return false;
}

static bool check_pair(const struct provider *one, const struct provider *other,
                       struct error *error)
{
    if (strcmp(one->name, other->name) == 0) {
        return error_set(error, "there are two of this name");
    }
    for (char **domain = one->domains; domain != NULL && *domain != NULL; domain++) {
        if (names_domain(other, span_of(*domain))) {
            return error_set(error, "domain \"%s\" belongs to provider \"%s\" already", *domain,
                             other->name);
        }
    }
    return true;
}

static bool check_one(const struct provider_set *set, size_t index, struct error *error)
{
    const struct provider *provider = &set->providers[index];
    if (!check_name(provider, error) || !check_url(provider, error) ||
        !check_text("scope", provider->scope, error) ||
        !check_text("the configuration URL", provider->configuration_url, error) ||
        !check_bounds(provider, error) || !check_domains(provider, error)) {
        return false;
    }
    if (set->count > 1 && !has_domains(provider)) {
        return error_set(error, "domains must be given when there are several providers");
    }
    for (size_t i = 0; i < index; i++) {
        if (!check_pair(provider, &set->providers[i], error)) {
            return false;
        }
    }
    return true;
}

bool provider_set_check(const struct provider_set *set, struct error *error)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!check_one(set, i, error)) {
            const char *name = set->providers[i].name;
            return error_prefix(error, "provider \"%.63s\": ", name == NULL ? "" : name);
        }
    }
    return true;
}

static void free_texts(char **texts)
{
    for (char **text = texts; text != NULL && *text != NULL; text++) {
        memory_free(*text);
    }
    memory_free(texts);
}

static void free_secret(char *text)
{
    if (text != NULL) {
        secret_wipe(text, strlen(text));
    }
    memory_free(text);
}

static void free_provider(struct provider *provider)
{
    char *const texts[] = {
        provider->name,
        provider->preset,
        provider->username_claim,
        provider->subject_claim,
        provider->tokeninfo,
        provider->username_template,
        provider->jwks,
        provider->connect_to,
        provider->introspection.id,
        provider->ca_file,
        provider->shown,
        provider->scope,
        provider->configuration_url,
    };
    char **const lists[] = {
        provider->issuers, provider->domains,    provider->audiences,      provider->clients,
        provider->scopes,  provider->algorithms, provider->hosted_domains,
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        memory_free(texts[i]);
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        free_texts(lists[i]);
    }
    for (size_t i = 0; i < PROVIDER_PROTOCOLS; i++) {
        free_texts(provider->scopes_of[i]);
    }
    free_secret(provider->userinfo);
    free_secret(provider->introspection.url);
    free_secret(provider->introspection.secret);
}

void provider_set_free(struct provider_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        free_provider(&set->providers[i]);
    }
    memory_free(set->providers);
    memory_free(set);
}

bool provider_speaks_for(const struct provider *provider, struct span domain)
{
    return !span_empty(domain) && (!has_domains(provider) || names_domain(provider, domain));
}

const struct provider *provider_set_find(const struct provider_set *set, struct span domain,
                                         bool *several)
{
    const struct provider *found = NULL;
    bool more = false;
    for (size_t i = 0; i < set->count; i++) {
        const struct provider *provider = &set->providers[i];
        if (span_empty(domain) || provider_speaks_for(provider, domain)) {
            more = found != NULL;
            found = provider;
        }
        if (more) {
            break;
        }
    }
    if (several != NULL) {
        *several = more;
    }
    return more ? NULL : found;
}

const struct provider *provider_set_issuer(const struct provider_set *set, struct span issuer,
                                           size_t *index)
{
    for (size_t i = 0; i < set->count; i++) {
        char **issuers = set->providers[i].issuers;
        for (size_t j = 0; issuers != NULL && issuers[j] != NULL; j++) {
            if (span_is(issuer, issuers[j])) {
                *index = j;
                return &set->providers[i];
            }
        }
    }
    return NULL;
}

enum provider_protocol provider_protocol_of(struct span name)
{
    static const struct {
        const char *name;
        enum provider_protocol protocol;
    } names[] = {
        {"imap", PROVIDER_IMAP},   {"imaps", PROVIDER_IMAP},        {"imap-urlauth", PROVIDER_IMAP},
        {"pop3", PROVIDER_POP3},   {"pop3s", PROVIDER_POP3},        {"smtp", PROVIDER_SMTP},
        {"smtps", PROVIDER_SMTP},  {"submission", PROVIDER_SMTP},   {"submissions", PROVIDER_SMTP},
        {"sieve", PROVIDER_SIEVE}, {"managesieve", PROVIDER_SIEVE}, {"lmtp", PROVIDER_SMTP},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (span_is_fold(name, names[i].name)) {
            return names[i].protocol;
        }
    }
    return PROVIDER_PROTOCOLS;
}

const char *provider_protocol_name(enum provider_protocol protocol)
{
    static const char *const names[] = {"imap", "pop3", "smtp", "sieve", "other"};
    return names[protocol];
}
