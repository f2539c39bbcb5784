/* config_environment.c - settings from environment variables: ours, and docker-mailserver's. */
#include "config/config_environment.h"

#include "base/memory.h"
#include "base/text.h"
#include "config/config_value.h"

#include <string.h>

#define PREFIX       "POSTERN_"
#define PROVIDER     "default"
#define OTHER_READER "POSTERN_SOCKET" /* of the `postern` command */

/* "login.refusal_delay" becomes POSTERN_LOGIN_REFUSAL_DELAY, "provider.introspection.id"
 * POSTERN_PROVIDER_INTROSPECTION_ID. */
static bool is_name_of(struct span variable, const struct config_table_setting *setting)
{
    CLEANUP(buffer_done) struct buffer name = buffer_limited(128);
    buffer_add_text(&name, PREFIX);
    for (const char *at = setting->section; *at != '\0'; at++) {
        buffer_add_byte(&name, *at == '.' ? '_' : *at);
    }
    buffer_add_text(&name, setting->section[0] == '\0' ? "" : "_");
    buffer_add_text(&name, setting->name);
    return span_equal_fold(buffer_span(&name), variable);
}

static const struct config_table_setting *find(struct span variable)
{
    for (size_t i = 0; i < config_table_count; i++) {
        if (is_name_of(variable, &config_table[i])) {
            return &config_table[i];
        }
    }
    return NULL;
}

/* The provider that the environment speaks of. */
static struct config_table_provider *only_provider(struct config_draft *draft, struct error *error)
{
    if (draft->count == 0) {
        return config_draft_provider(draft, SPAN_LITERAL(PROVIDER), error);
    }
    if (draft->count == 1) {
        return &draft->providers[0];
    }
    error_set(error, "with %zu provider blocks it is not clear which one is meant; write it there",
              draft->count);
    return NULL;
}

static bool apply_one(struct config_draft *draft, struct span variable, struct span value,
                      struct error *error)
{
    const struct config_table_setting *setting = find(variable);
    if (setting == NULL) {
        if (!span_is(variable, OTHER_READER)) {
            config_draft_warn(draft, "environment variable %.*s names no setting and is ignored",
                              (int)variable.length, variable.at);
        }
        return true;
    }
    bool of_provider = config_table_is_provider(setting);
    void *base = of_provider ? (void *)only_provider(draft, error) : (void *)&draft->config;
    if (base == NULL || !config_value_read_all(setting, value, base, error)) {
        return error_prefix(error, "environment variable %.*s: ", (int)variable.length,
                            variable.at);
    }
    if (of_provider) {
        config_draft_give(base, setting);
    }
    return true;
}

static bool apply_ours(struct config_draft *draft, const char *const *env, struct error *error)
{
    for (size_t i = 0; env[i] != NULL; i++) {
        struct span value = span_of(env[i]), variable;
        span_cut(&value, '=', &variable);
        if (span_starts(variable, PREFIX) && value.at != NULL &&
            !apply_one(draft, variable, value, error)) {
            return false;
        }
    }
    return true;
}

/* ---- docker-mailserver's ---- */

static struct span variable(const char *const *env, const char *name)
{
    for (size_t i = 0; env[i] != NULL; i++) {
        struct span value = span_of(env[i]), key;
        span_cut(&value, '=', &key);
        if (span_is(key, name) && value.at != NULL) {
            return value;
        }
    }
    return span_of(NULL);
}

static bool check_provisioner(const char *const *env, struct error *error)
{
    struct span provisioner = variable(env, "ACCOUNT_PROVISIONER");
    if (span_empty(provisioner) || span_is(provisioner, "FILE")) {
        return true;
    }
    return error_set(error,
                     "environment variable ACCOUNT_PROVISIONER: accounts cannot come from \"%.*s\" "
                     "yet; leave it out or write FILE, and use `postern account add`",
                     (int)provisioner.length < 40 ? (int)provisioner.length : 40, provisioner.at);
}

/* docker-mailserver's trust: userinfo, the claim `email`, verified or not, and nobody bound: some providers
 * say the same `sub` of everybody, and a change of provider must not lock everybody out. */
static bool make_provider(struct config_draft *draft, struct span url, struct error *error)
{
    struct config_table_provider *provider =
        config_draft_provider(draft, SPAN_LITERAL(PROVIDER), error);
    if (provider == NULL ||
        !config_value_read(config_table_find("provider", "userinfo"), url, provider, error)) {
        return error_prefix(error, "environment variable OAUTH2_INTROSPECTION_URL: ");
    }
    provider->provider.email_verified = PROVIDER_EMAIL_TRUST;
    provider->provider.binds = false;
    provider->warned = true;
    config_draft_warn(
        draft, "OAUTH2_INTROSPECTION_URL stands for the whole provider: tokens of all its "
               "applications sign in, its e-mail addresses are trusted even when it has not "
               "verified them, and whoever is given an address there later opens its mailbox; a "
               "provider block with email_verified = require and bind = yes ends the latter two");
    return true;
}

static bool apply_docker_mailserver(struct config_draft *draft, const char *const *env,
                                    struct error *error)
{
    struct span enabled = variable(env, "ENABLE_OAUTH2");
    struct span url = variable(env, "OAUTH2_INTROSPECTION_URL");
    if (span_empty(url)) {
        return !span_is(enabled, "1") || draft->count > 0 ||
               error_set(error, "environment variable ENABLE_OAUTH2 is 1 and there is no provider: "
                                "set OAUTH2_INTROSPECTION_URL to its userinfo endpoint, or write a "
                                "provider block in postern.conf");
    }
    if (span_is(enabled, "0")) {
        config_draft_warn(draft, "OAUTH2_INTROSPECTION_URL is ignored because ENABLE_OAUTH2 is 0");
        return true;
    }
    if (draft->count > 0) {
        config_draft_warn(draft, "OAUTH2_INTROSPECTION_URL is ignored because there is a provider "
                                 "block; set its userinfo there");
        return true;
    }
    return make_provider(draft, url, error);
}

bool config_environment_apply(struct config_draft *draft, const char *const *env,
                              struct error *error)
{
    return env == NULL ||
           (check_provisioner(env, error) && apply_docker_mailserver(draft, env, error) &&
            apply_ours(draft, env, error));
}
