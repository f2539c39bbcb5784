/* config_provider.c - one provider's block, from what was written to what is meant. */
#include "config/config_provider.h"

#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"
#include "config/config_preset.h"
#include "config/config_secret.h"
#include "config/config_value.h"
#include "wire/uri.h"

#include <string.h>

#define DISCOVERY "/.well-known/openid-configuration"

static bool some(char *const *list)
{
    return list != NULL && list[0] != NULL;
}

static bool given(const struct config_table_provider *provider, const char *section,
                  const char *name)
{
    return provider->given[config_table_find(section, name) - config_table];
}

/* ---- secrets ---- */

/* What stands before the "@" of a URL's host; empty: nothing does. */
static struct span url_user(const char *url)
{
    struct span authority = span_of(url);
    authority = span_from(authority, span_search(authority, SPAN_LITERAL("://")) + 3);
    authority = span_first(authority, span_find(authority, '/'));
    authority = span_first(authority, span_find(authority, '?'));
    size_t at = span_find_last(authority, '@');
    return at < authority.length ? span_first(authority, at) : span_of("");
}

static bool check_shown_urls(const struct config_table_provider *provider, struct error *error)
{
    const struct provider *wanted = &provider->provider;
    const struct {
        const char *name, *url;
    } urls[] = {{"configuration_url is shown to clients", wanted->configuration_url},
                {"jwks is read by everybody", wanted->jwks},
                {"tokeninfo takes no password", wanted->tokeninfo}};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        if (!span_empty(url_user(urls[i].url))) {
            return error_set(error, "%s: it must not have a user or a password in it",
                             urls[i].name);
        }
    }
    return true;
}

/* No secret may stand in a file that everybody reads. */
static bool check_hidden(const struct config_draft *draft,
                         const struct config_table_provider *provider, struct error *error)
{
    const struct provider *wanted = &provider->provider;
    const char *name = NULL, *file = "userinfo_file";
    if (!span_empty(url_user(wanted->userinfo)) && provider->userinfo_file == NULL) {
        name = "userinfo has a password in it";
    } else if (!span_empty(url_user(wanted->introspection.url))) {
        name = "introspection.url has a password in it";
        file = "id and secret_file";
    } else if (wanted->introspection.secret != NULL && provider->secret_file == NULL &&
               provider->key_file == NULL) {
        name = "introspection.secret stands in it";
        file = "secret_file";
    }
    return name == NULL || !draft->others_read ||
           error_set(error, "%s and others can read %s: chmod o-rwx it, or use %s", name,
                     draft->config.path, file);
}

/* "%hh" is a byte; what is no such escape stands for itself. */
static bool take_decoded(struct config_table_provider *provider, const char *name, struct span text,
                         struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer plain = buffer_limited(CONFIG_TABLE_TEXT_MAX);
    for (size_t i = 0; i < text.length; i++) {
        int byte = uri_escaped(span_from(text, i));
        buffer_add_byte(&plain, (char)(byte >= 0 ? byte : text.at[i]));
        i += byte >= 0 ? 2 : 0;
    }
    const struct config_table_setting *setting = config_table_find("provider.introspection", name);
    return config_value_read(setting, buffer_span(&plain), provider, error) ||
           error_prefix(error, "introspection: %s in url: ", name);
}

/* "https://id:secret@host/…" of an introspection endpoint says what id and secret say. */
static bool take_user_info(struct config_table_provider *provider, struct error *error)
{
    struct provider_introspection *asked = &provider->provider.introspection;
    struct span user = url_user(asked->url), id;
    if (span_empty(user)) {
        return true;
    }
    if (asked->id != NULL || asked->secret != NULL) {
        return error_set(error,
                         "introspection: url has a user in it, and id or secret is there too: "
                         "write one of the two");
    }
    size_t start = (size_t)(user.at - asked->url);
    struct span secret = user;
    span_cut(&secret, ':', &id);
    if (!take_decoded(provider, "id", id, error) ||
        !take_decoded(provider, "secret", secret, error)) {
        return false;
    }
    CLEANUP(buffer_wipe) struct buffer url = buffer_limited(CONFIG_TABLE_TEXT_MAX + 1);
    buffer_add(&url, span_first(span_of(asked->url), start));
    buffer_add_text(&url, asked->url + start + user.length + 1);
    buffer_add_byte(&url, '\0');
    secret_wipe(asked->url, strlen(asked->url));
    memory_free(asked->url);
    asked->url = memory_text(url.at);
    return true;
}

/* ---- introspection ---- */

static bool check_credentials(const struct provider_introspection *asked, struct error *error)
{
    bool plain = asked->auth == PROVIDER_AUTH_BASIC || asked->auth == PROVIDER_AUTH_POST;
    bool bearer = asked->auth == PROVIDER_AUTH_BEARER;
    if (plain && asked->id == NULL) {
        return error_set(error, "introspection: id is missing, our client id at the provider");
    }
    if (asked->auth == PROVIDER_AUTH_KEY &&
        (asked->secret == NULL || strstr(asked->secret, "-----BEGIN ") == NULL)) {
        return error_set(error, "introspection: auth = key takes a private key; write key_file = "
                                "\"/…\", a PEM file");
    }
    if ((plain || bearer) && asked->secret == NULL) {
        return error_set(error,
                         "introspection: secret_file is missing; write secret_file = \"/…\", "
                         "a file whose first line is the secret");
    }
    if (plain && strpbrk(asked->secret, "\r\n") != NULL) {
        return error_set(error, "introspection: secret has several lines; a private key is given "
                                "with key_file");
    }
    if (bearer && !text_printable_ascii(span_of(asked->secret))) {
        return error_set(error, "introspection: a bearer token has no blanks and nothing beyond "
                                "printable ASCII");
    }
    return true;
}

static bool used(const struct provider_introspection *asked)
{
    return asked->url != NULL || asked->id != NULL || asked->secret != NULL ||
           asked->auth != PROVIDER_AUTH_BASIC;
}

static bool introspection_finish(struct config_table_provider *provider, struct error *error)
{
    struct provider_introspection *asked = &provider->provider.introspection;
    if (!take_user_info(provider, error)) {
        return false;
    }
    if (provider->key_file != NULL) {
        if (!given(provider, "provider.introspection", "auth")) {
            asked->auth = PROVIDER_AUTH_KEY;
        }
        if (asked->auth != PROVIDER_AUTH_KEY) {
            return error_set(error, "introspection: key_file goes with auth = key");
        }
    }
    if (provider->introspection || used(asked)) {
        return check_credentials(asked, error);
    }
    return provider->provider.check != PROVIDER_CHECK_INTROSPECTION ||
           error_set(error, "check = introspection needs a section introspection { id = \"…\"  "
                            "secret_file = \"/…\" }");
}

/* ---- what belongs together ---- */

/* The rest is provider_set_check()'s; this says what to write. */
static bool check_way(const struct provider *wanted, struct error *error)
{
    bool none = !some(wanted->issuers) && wanted->userinfo == NULL &&
                wanted->introspection.url == NULL && wanted->tokeninfo == NULL;
    if (none) {
        return error_set(error,
                         "issuer is missing; write issuer = { \"https://…\" }, or userinfo = "
                         "\"https://…\"");
    }
    if (wanted->check == PROVIDER_CHECK_TOKENINFO && wanted->shared) {
        return error_set(error,
                         "shared = yes and check = tokeninfo exclude each other: a token that "
                         "names no issuer has nobody to go to");
    }
    return true;
}

/* ---- what follows, and what it leaves open ---- */

static void configuration_url(struct config_table_provider *provider)
{
    const struct config_table_setting *setting = config_table_find("provider", "configuration_url");
    if (given(provider, "provider", "configuration_url") || !some(provider->provider.issuers)) {
        return;
    }
    struct span issuer = span_of(provider->provider.issuers[0]);
    if (span_ends(issuer, "/")) {
        issuer = span_first(issuer, issuer.length - 1);
    }
    CLEANUP(buffer_done) struct buffer url = buffer_limited(CONFIG_TABLE_TEXT_MAX);
    buffer_add(&url, issuer);
    buffer_add_text(&url, DISCOVERY);
    struct error error; /* an issuer that is too long for the error's JSON: it is left out */
    config_value_read(setting, buffer_span(&url), provider, &error);
}

/* A userinfo answer says nothing of clients: where only userinfo is asked, all of them are let in. */
static void any_client(struct config_draft *draft, struct config_table_provider *provider)
{
    struct provider *wanted = &provider->provider;
    bool limited = some(wanted->audiences) || some(wanted->clients);
    bool alone = !some(wanted->issuers) && !wanted->introspection.used && !limited &&
                 wanted->userinfo != NULL && wanted->check != PROVIDER_CHECK_TOKENINFO;
    if (alone && !given(provider, "provider", "any_client")) {
        wanted->any_client = true;
    }
    if (provider->warned || !wanted->any_client) {
        return;
    }
    if (alone) {
        config_draft_warn(
            draft,
            "provider \"%s\": userinfo does not say for which application a token was "
            "issued: tokens of all the provider's applications sign in; issuer and "
            "clients, or introspection, end that",
            wanted->name);
    } else {
        config_draft_warn(
            draft,
            "provider \"%s\": any_client = yes: tokens of all the provider's "
            "applications sign in, also of those that should not read mail; audiences "
            "or clients without it end that",
            wanted->name);
    }
}

static void warn(struct config_draft *draft, const struct config_table_provider *provider)
{
    const struct provider *wanted = &provider->provider;
    bool google = wanted->preset != NULL && strcmp(wanted->preset, "google") == 0;
    if (google && !some(wanted->hosted_domains)) {
        config_draft_warn(draft,
                          "provider \"%s\": hosted_domains is empty: who left the company and kept "
                          "a private Google account with its address still signs in",
                          wanted->name);
    }
}

static void show(struct provider *provider)
{
    const char *urls[] = {some(provider->issuers) ? provider->issuers[0] : NULL, provider->userinfo,
                          provider->introspection.url, provider->tokeninfo, provider->jwks};
    for (size_t i = 0; provider->shown == NULL && i < sizeof(urls) / sizeof(urls[0]); i++) {
        provider->shown = provider_shown(urls[i]);
    }
}

bool config_provider_finish(struct config_draft *draft, struct config_table_provider *provider,
                            struct error *error)
{
    if (!draft->complete) {
        if (!config_preset_apply(provider, error) || !check_shown_urls(provider, error) ||
            !check_hidden(draft, provider, error) ||
            !config_secret_read("provider", provider, error) ||
            !config_secret_read("provider.introspection", provider, error) ||
            !introspection_finish(provider, error) || !check_way(&provider->provider, error)) {
            return false;
        }
        configuration_url(provider);
    }
    provider->provider.introspection.used = used(&provider->provider.introspection);
    if (!draft->complete) {
        any_client(draft, provider);
        warn(draft, provider);
    }
    show(&provider->provider);
    return true;
}
