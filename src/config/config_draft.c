/* config_draft.c - a configuration while it is read: from defaults to checked. */
#include "config/config_draft.h"

#include "base/memory.h"
#include "config/config_check.h"
#include "config/config_provider.h"
#include "config/config_secret.h"
#include "config/config_value.h"
#include "wire/url.h"

#include <assert.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set_default(const struct config_table_setting *setting, void *base)
{
    struct error error;
    bool good = config_value_read_all(setting, span_of(setting->value), base, &error);
    assert(good);
}

struct config_draft *config_draft_new(const char *path)
{
    struct config_draft *draft = MEMORY_NEW(struct config_draft);
    draft->config.path = memory_text(path);
    draft->config.warnings = memory_new(CONFIG_DRAFT_WARNINGS_MAX + 1, sizeof(char *));
    for (size_t i = 0; i < config_table_count; i++) {
        if (!config_table_is_provider(&config_table[i])) {
            set_default(&config_table[i], &draft->config);
        }
    }
    return draft;
}

static void provider_clear(struct config_table_provider *provider)
{
    for (size_t i = 0; i < config_table_count; i++) {
        if (config_table_is_provider(&config_table[i])) {
            config_value_clear(&config_table[i], provider);
        }
    }
    memory_free(provider->provider.name);
    memory_free(provider->provider.shown);
    memory_free(provider->place);
    *provider = (struct config_table_provider){0};
}

void config_draft_free(struct config_draft *draft)
{
    if (draft == NULL) {
        return;
    }
    for (size_t i = 0; i < draft->count; i++) {
        provider_clear(&draft->providers[i]);
    }
    config_free(&draft->config);
    memory_free(draft);
}

static bool provider_name_good(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.at[i];
        bool good = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
                    byte == '_' || byte == '.';
        if (!good) {
            return false;
        }
    }
    return name.length > 0 && name.length <= PROVIDER_NAME_MAX;
}

void config_draft_give(struct config_table_provider *provider,
                       const struct config_table_setting *setting)
{
    provider->given[setting - config_table] = true;
    provider->introspection |= strcmp(setting->section, "provider") != 0;
}

struct config_table_provider *config_draft_provider(struct config_draft *draft, struct span name,
                                                    struct error *error)
{
    if (!provider_name_good(name)) {
        error_set(error,
                  "a provider's name is 1 to %d of the characters a-z, 0-9, \"-\", \"_\" and "
                  "\".\", like provider \"work\"",
                  PROVIDER_NAME_MAX);
        return NULL;
    }
    for (size_t i = 0; i < draft->count; i++) {
        if (span_is(name, draft->providers[i].provider.name)) {
            error_set(error, "there is a provider \"%.*s\" already", (int)name.length, name.at);
            return NULL;
        }
    }
    if (draft->count == CONFIG_PROVIDERS_MAX) {
        error_set(error, "there are more than %d providers", CONFIG_PROVIDERS_MAX);
        return NULL;
    }
    struct config_table_provider *provider = &draft->providers[draft->count++];
    provider->provider.name = memory_new(name.length + 1, 1);
    memcpy(provider->provider.name, name.at, name.length);
    for (size_t i = 0; i < config_table_count; i++) {
        if (config_table_is_provider(&config_table[i])) {
            set_default(&config_table[i], provider);
        }
    }
    return provider;
}

void config_draft_warn(struct config_draft *draft, const char *format, ...)
{
    if (draft->warnings == CONFIG_DRAFT_WARNINGS_MAX) {
        return;
    }
    char text[ERROR_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    draft->config.warnings[draft->warnings++] = memory_text(text);
}

/* ---- completing it ---- */

/* Where the public listener is reached: "http://127.0.0.1:8025" when nobody says. */
static void url_finish(struct config_draft *draft)
{
    struct config_http *http = &draft->config.http;
    struct span url = span_of(http->public_url), where = span_of(http->public);
    CLEANUP(buffer_done) struct buffer text = buffer_limited(URL_MAX);
    if (span_empty(where) && span_empty(url)) {
        return;
    }
    while (span_ends(url, "/")) {
        url = span_first(url, url.length - 1);
    }
    if (span_empty(url)) {
        bool local = span_starts(where, "unix:");
        buffer_add_text(&text, http->public_tls_cert == NULL ? "http://" : "https://");
        buffer_add(&text, local ? SPAN_LITERAL("localhost") : where);
        bool here = span_starts(where, "127.") || span_starts(where, "[::1]");
        if (!here) {
            config_draft_warn(draft,
                              "http.public_url is empty: clients are told that they reach us at "
                              "%.*s",
                              (int)text.length, text.at);
        }
    }
    buffer_add(&text, url);
    memory_free(http->public_url);
    http->public_url = memory_new(text.length + 1, 1);
    memcpy(http->public_url, text.at, text.length);
}

static bool http_finish(struct config_draft *draft, struct error *error)
{
    struct config_http *http = &draft->config.http;
    if (draft->complete) {
        return true;
    }
    if ((http->internal_secret != NULL || http->public_tls_key != NULL) && draft->others_read) {
        const char *name = http->internal_secret != NULL ? "internal_secret" : "public_tls_key";
        return error_set(error, "http.%s: others can read %s: chmod o-rwx it, or use %s_file", name,
                         draft->config.path, name);
    }
    if (!config_secret_read("http", &draft->config, error)) {
        return error_prefix(error, "http: ");
    }
    url_finish(draft);
    return true;
}

static bool providers_finish(struct config_draft *draft, struct error *error)
{
    for (size_t i = 0; i < draft->count; i++) {
        struct config_table_provider *provider = &draft->providers[i];
        if (!config_provider_finish(draft, provider, error)) {
            return error_prefix(error, "provider \"%s\": ", provider->provider.name);
        }
    }
    struct provider_set *set = MEMORY_NEW(struct provider_set);
    set->providers = memory_new(draft->count + 1, sizeof(struct provider));
    set->count = draft->count;
    for (size_t i = 0; i < draft->count; i++) {
        set->providers[i] = draft->providers[i].provider;
        draft->providers[i].provider = (struct provider){0};
    }
    draft->config.providers = set;
    return true;
}

/* Without `group` the worker has its user's own; a number that stands for nobody has the same group. */
static void group_finish(struct config *config)
{
    if (config->group.name != NULL || config->user.number < 0) {
        return;
    }
    const struct passwd *user = getpwuid((uid_t)config->user.number);
    config->group.number = user == NULL ? config->user.number : (int64_t)user->pw_gid;
}

/* Where the block stands whose name the error begins with; else the file. */
static const char *place_of(const struct config_draft *draft, const struct error *error)
{
    const struct provider_set *set = draft->config.providers;
    for (size_t i = 0; i < draft->count; i++) {
        const char *name = set == NULL ? draft->providers[i].provider.name : set->providers[i].name;
        CLEANUP(buffer_done) struct buffer start = buffer_limited(PROVIDER_NAME_MAX + 16);
        buffer_format(&start, "provider \"%s\": ", name);
        bool about = strncmp(error->text, start.at, start.length) == 0;
        if (about && draft->providers[i].place != NULL) {
            return draft->providers[i].place;
        }
    }
    return draft->config.path;
}

bool config_draft_finish(struct config_draft *draft, struct config *config, struct error *error)
{
    group_finish(&draft->config);
    draft->config.directory.mail_uid = draft->config.mail_user.number;
    draft->config.directory.mail_gid = draft->config.mail_group.number;
    if (!http_finish(draft, error) || !providers_finish(draft, error) ||
        !config_check(&draft->config, error)) {
        return error_prefix(error, "%s: ", place_of(draft, error));
    }
    *config = draft->config;
    draft->config = (struct config){0};
    return true;
}
