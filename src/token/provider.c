/* provider.c - an OpenID provider that we trust: where it is and which domains it speaks for. */
#include "token/provider.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "token/provider_check.h"
#include "wire/url.h"

#include <string.h>

char *provider_shown(const char *url)
{
    CLEANUP(buffer_done) struct buffer shown = buffer_limited(URL_MAX + 1);
    if (url == NULL || !url_show(span_of(url), &shown)) {
        return NULL;
    }
    buffer_add_byte(&shown, '\0');
    return memory_text(shown.at);
}

/* -- a set -- */

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

static bool names_issuer(const struct provider *provider, const char *issuer)
{
    for (char **own = provider->issuers; own != NULL && *own != NULL; own++) {
        if (strcmp(issuer, *own) == 0) {
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
    for (char **issuer = one->issuers; issuer != NULL && *issuer != NULL; issuer++) {
        if (names_issuer(other, *issuer)) {
            return error_set(error, "issuer \"%s\" belongs to provider \"%s\" already", *issuer,
                             other->name);
        }
    }
    bool both = one->shared && other->shared;
    for (char **domain = one->domains; domain != NULL && *domain != NULL && !both; domain++) {
        if (names_domain(other, span_of(*domain))) {
            return error_set(error,
                             "domain \"%s\" belongs to provider \"%s\" already; when both speak "
                             "for it, write shared = yes in both, and only their JWTs sign in",
                             *domain, other->name);
        }
    }
    return true;
}

static bool check_one(const struct provider_set *set, size_t index, struct error *error)
{
    const struct provider *provider = &set->providers[index];
    if (!provider_check_settings(provider, error)) {
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

static void provider_done(struct provider *provider)
{
    char **lists[] = {provider->issuers,       provider->domains, provider->audiences,
                      provider->clients,       provider->scopes,  provider->algorithms,
                      provider->hosted_domains};
    /* URLs may hold a password. */
    char *texts[] = {provider->userinfo,
                     provider->tokeninfo,
                     provider->jwks,
                     provider->introspection.url,
                     provider->introspection.id,
                     provider->introspection.secret,
                     provider->name,
                     provider->preset,
                     provider->username_claim,
                     provider->username_template,
                     provider->subject_claim,
                     provider->connect_to,
                     provider->ca_file,
                     provider->shown,
                     provider->scope,
                     provider->configuration_url};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        free_texts(lists[i]);
    }
    for (size_t i = 0; i < PROVIDER_PROTOCOLS; i++) {
        free_texts(provider->scopes_of[i]);
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        free_secret(texts[i]);
    }
}

void provider_set_free(struct provider_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        provider_done(&set->providers[i]);
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
