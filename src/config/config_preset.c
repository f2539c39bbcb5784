/* config_preset.c - what is known of a product, so that its block stays small. */
#include "config/config_preset.h"

#include "base/memory.h"
#include "config/config_value.h"

#include <assert.h>
#include <string.h>

/* ---- defaults ---- */

/* The marks: Keycloak and Authentik put no "at+jwt" into the header and copy the client's nonce, so that only
 * these claims tell an access token from an ID token. email_verified: Authentik says false of everybody since
 * 2025.10, and Entra's preferred_username has none; who may change an address there is the admin's to say. */
static const struct {
    const char *preset, *name, *value;
} defaults[] = {
    {"authentik", "access_token_mark", "uid"},
    {"authentik", "email_verified", "trust"},
    {"authelia", "check", "introspection"},
    {"entra", "check", "jwt"},
    {"entra", "access_token_mark", "scp"},
    {"entra", "username_claim", "preferred_username upn"},
    {"entra", "subject_claim", "oid"},
    {"entra", "email_verified", "trust"},
    {"google", "issuer", "https://accounts.google.com"},
    {"google", "check", "tokeninfo"},
    {"google", "tokeninfo", "https://oauth2.googleapis.com/tokeninfo"},
    {"kanidm", "check", "jwt_userinfo"},
    {"kanidm", "access_token_mark", "at_jwt"},
    {"keycloak", "access_token_mark", "typ_bearer"},
    {"zitadel", "check", "introspection"},
};

static const struct config_table_setting *setting_of(const char *name)
{
    const struct config_table_setting *setting = config_table_find("provider", name);
    assert(setting != NULL);
    return setting;
}

static bool given(const struct config_table_provider *provider, const char *name)
{
    return provider->given[setting_of(name) - config_table];
}

static void fill(struct config_table_provider *provider, const char *name, const char *value)
{
    struct error error;
    bool good = given(provider, name) ||
                config_value_read_all(setting_of(name), span_of(value), provider, &error);
    assert(good);
}

/* ---- lists ---- */

static bool some(char *const *list)
{
    return list != NULL && list[0] != NULL;
}

static bool has(char *const *list, const char *wanted)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        if (strcmp(list[i], wanted) == 0) {
            return true;
        }
    }
    return false;
}

/* One more item, unless it is there. */
static bool add(struct config_table_provider *provider, const char *name, char *const *list,
                struct span item, struct error *error)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(CONFIG_TABLE_TEXT_MAX + 1);
    buffer_add(&text, item);
    buffer_add_byte(&text, '\0');
    return (!buffer_full(&text) && has(list, text.at)) ||
           config_value_read(setting_of(name), item, provider, error) ||
           error_prefix(error, "%s: ", name);
}

static bool add_joined(struct config_table_provider *provider, const char *name, char *const *list,
                       const char *const parts[3], struct error *error)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(CONFIG_TABLE_TEXT_MAX + 1);
    for (size_t i = 0; i < 3; i++) {
        buffer_add_text(&text, parts[i]);
    }
    return add(provider, name, list, buffer_span(&text), error);
}

/* ---- Entra ID ---- */

/* Of a tenant with a name instead of an id, or of all tenants, no token would name the issuer. */
static bool tenant_good(const char *tenant, struct error *error)
{
    static const char *const several[] = {"common", "organizations", "consumers"};
    for (size_t i = 0; i < sizeof(several) / sizeof(several[0]); i++) {
        if (strcmp(tenant, several[i]) == 0) {
            return error_set(error,
                             "tenant = %s stands for everybody's directory; write the id of "
                             "yours (Entra admin center, Overview, Tenant ID)",
                             tenant);
        }
    }
    for (const char *at = tenant; *at != '\0'; at++) {
        bool word = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                    (*at >= '0' && *at <= '9') || *at == '-';
        if (!word) {
            return error_set(error,
                             "tenant = \"%s\" is no id; tokens name the directory by its id, "
                             "like 72f988bf-86f1-41af-91ab-2d7cd011db47",
                             tenant);
        }
    }
    return true;
}

/* Its tokens of version 2 and of version 1: an API gets the latter unless it asks for the former. */
static bool entra_issuers(struct config_table_provider *provider, struct error *error)
{
    const char *tenant = provider->tenant;
    if (tenant == NULL) {
        return some(provider->provider.issuers) ||
               error_set(error, "tenant is missing; write tenant = \"…\", the directory's id");
    }
    const char *const new[] = {"https://login.microsoftonline.com/", tenant, "/v2.0"};
    const char *const old[] = {"https://sts.windows.net/", tenant, "/"};
    return tenant_good(tenant, error) &&
           add_joined(provider, "issuer", provider->provider.issuers, new, error) &&
           add_joined(provider, "issuer", provider->provider.issuers, old, error);
}

/* Version 1 says api://ID where version 2 says ID. */
static bool entra_audiences(struct config_table_provider *provider, struct error *error)
{
    const struct provider *wanted = &provider->provider;
    size_t count = 0;
    while (wanted->audiences != NULL && wanted->audiences[count] != NULL) {
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        const char *const uri[] = {"api://", wanted->audiences[i], ""};
        bool plain = strchr(wanted->audiences[i], ':') == NULL;
        if (plain && !add_joined(provider, "audiences", wanted->audiences, uri, error)) {
            return false;
        }
    }
    return true;
}

/* Without the API's own scope a client gets a token for Microsoft Graph, which nobody else can check. */
static void entra_scope(struct config_table_provider *provider)
{
    const char *audience = provider->provider.audiences[0];
    CLEANUP(buffer_done) struct buffer text = buffer_limited(200);
    buffer_add_text(&text, strchr(audience, ':') == NULL ? "api://" : "");
    buffer_add_text(&text, audience);
    buffer_add_text(&text, "/.default openid offline_access");
    buffer_add_byte(&text, '\0');
    if (!buffer_full(&text)) {
        fill(provider, "scope", text.at);
    }
}

static bool entra(struct config_table_provider *provider, struct error *error)
{
    if (provider->tenant != NULL && some(provider->provider.issuers)) {
        return error_set(error, "tenant stands for the issuers: write one of the two");
    }
    if (!some(provider->provider.audiences)) {
        return error_set(error, "audiences is missing; write the id of the application that "
                                "stands for mail (Expose an API)");
    }
    if (!entra_issuers(provider, error) || !entra_audiences(provider, error)) {
        return false;
    }
    entra_scope(provider);
    return true;
}

/* ---- the others ---- */

/* Without `hd` whoever left keeps a private Google account with the company's address, verified. */
static bool google(struct config_table_provider *provider, struct error *error)
{
    const struct provider *wanted = &provider->provider;
    if (given(provider, "hosted_domains")) {
        return true;
    }
    if (!some(wanted->domains)) {
        return error_set(error, "domains is missing: the Workspace domains whose people sign in");
    }
    for (size_t i = 0; wanted->domains[i] != NULL; i++) {
        if (!add(provider, "hosted_domains", wanted->hosted_domains, span_of(wanted->domains[i]),
                 error)) {
            return false;
        }
    }
    return true;
}

/* Each client has an issuer of its own, which ends in its name. */
static bool kanidm(struct config_table_provider *provider, struct error *error)
{
    const struct provider *wanted = &provider->provider;
    bool told = some(wanted->clients) || some(wanted->audiences) || wanted->any_client;
    for (size_t i = 0; !told && wanted->issuers != NULL && wanted->issuers[i] != NULL; i++) {
        struct span issuer = span_of(wanted->issuers[i]);
        struct span client = span_from(issuer, span_find_last(issuer, '/') + 1);
        if (span_empty(client)) {
            return error_set(error,
                             "issuer \"%s\" does not end in a client's name; write it like "
                             "https://idm.example.com/oauth2/openid/mail",
                             wanted->issuers[i]);
        }
        if (!add(provider, "clients", wanted->clients, client, error)) {
            return false;
        }
    }
    return true;
}

static bool keycloak(struct config_table_provider *provider, struct error *error)
{
    return !has(provider->provider.audiences, "account") ||
           error_set(error,
                     "\"account\" is in the tokens of all clients of the realm: leave it out "
                     "of audiences and name the clients");
}

static bool zitadel(struct config_table_provider *provider, struct error *error)
{
    return some(provider->provider.clients) || provider->provider.any_client ||
           error_set(error, "clients is missing: at Zitadel every client may ask for any project's "
                            "audience, so only the client says who asked");
}

static const struct {
    const char *name;
    bool (*derive)(struct config_table_provider *provider, struct error *error);
    bool introspects;   /* the section must be there */
    const char *issuer; /* an example */
} presets[] = {
    {"authentik", NULL, false, "https://auth.example.com/application/o/mail/"},
    {"authelia", NULL, true, "https://auth.example.com"},
    {"entra", entra, false, NULL},
    {"google", google, false, NULL},
    {"kanidm", kanidm, false, "https://idm.example.com/oauth2/openid/mail"},
    {"keycloak", keycloak, false, "https://kc.example.com/realms/acme"},
    {"zitadel", zitadel, true, "https://acme.zitadel.cloud"},
};

static bool check_given(size_t index, const struct config_table_provider *provider,
                        struct error *error)
{
    const struct provider *wanted = &provider->provider;
    if (presets[index].issuer != NULL && !some(wanted->issuers) && wanted->userinfo == NULL) {
        return error_set(error, "issuer is missing; write it like issuer = { \"%s\" }",
                         presets[index].issuer);
    }
    bool asks = wanted->check == PROVIDER_CHECK_INTROSPECTION;
    if (presets[index].introspects && asks && !provider->introspection) {
        return error_set(error, "a section is missing: introspection { id = \"…\"  secret_file = "
                                "\"/…\" }");
    }
    return true;
}

bool config_preset_apply(struct config_table_provider *provider, struct error *error)
{
    const char *preset = provider->provider.preset;
    if (provider->tenant != NULL && (preset == NULL || strcmp(preset, "entra") != 0)) {
        return error_set(error, "tenant belongs to preset = \"entra\"");
    }
    if (preset == NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        if (strcmp(defaults[i].preset, preset) == 0) {
            fill(provider, defaults[i].name, defaults[i].value);
        }
    }
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        if (strcmp(presets[i].name, preset) == 0) {
            return check_given(i, provider, error) &&
                   (presets[i].derive == NULL || presets[i].derive(provider, error));
        }
    }
    return true;
}
