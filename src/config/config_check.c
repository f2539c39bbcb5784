/* config_check.c - what belongs together in a configuration, beyond each setting's own limits. */
#include "config/config_check.h"

static bool check_trusted(char *const *trusted, struct error *error)
{
    for (size_t i = 0; trusted != NULL && trusted[i] != NULL; i++) {
        if (!throttle_trusted_valid(span_of(trusted[i]))) {
            return error_set(error,
                             "login.trusted_addresses: \"%s\" is no address or network; write it "
                             "like 192.0.2.1 or 2001:db8::/32",
                             trusted[i]);
        }
    }
    return true;
}

static bool check_times(const struct config *config, struct error *error)
{
    const struct config_worker *worker = &config->worker;
    if (config->login.refusal_delay_ms >= config->login.turn_ms) {
        return error_set(error, "login.refusal_delay must be shorter than login.deadline");
    }
    if (worker->heartbeat_timeout_ms < 2 * worker->heartbeat_ms) {
        return error_set(error, "worker.heartbeat_timeout must be at least twice worker.heartbeat");
    }
    if (worker->backoff_max_ms < worker->backoff_min_ms) {
        return error_set(error, "worker.backoff_max must not be shorter than worker.backoff_min");
    }
    return true;
}

/* A name that this system does not know fails only where the number is needed; see also daemon/. */
static bool check_users(const struct config *config, struct error *error)
{
    if (config->user.number == 0) {
        return error_set(error, "user: the worker never runs as root; create a user for it "
                                "(adduser --system --group postern)");
    }
    if (config->mail_user.number <= 0) {
        return error_set(error,
                         "mail.uid: \"%s\" is root or no user of this system; create it or write a "
                         "number such as 5000",
                         config->mail_user.name == NULL ? "" : config->mail_user.name);
    }
    if (config->mail_group.number <= 0) {
        return error_set(
            error,
            "mail.gid: \"%s\" is root or no group of this system; create it or write a "
            "number such as 5000",
            config->mail_group.name == NULL ? "" : config->mail_group.name);
    }
    return true;
}

static bool check_present(const struct config *config, struct error *error)
{
    const struct {
        const char *name, *value;
    } needed[] = {
        {"run_directory", config->run_directory},   {"log_socket", config->log_socket},
        {"accounts.store", config->store},          {"mail.root", config->directory.mail_root},
        {"dovecot.config", config->dovecot.config},
    };
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (needed[i].value == NULL) {
            return error_set(error, "%s must not be empty", needed[i].name);
        }
    }
    if (!span_starts(span_of(config->store), "sqlite:/")) {
        return error_set(error, "accounts.store: \"%s\" is no database; write sqlite:/PATH",
                         config->store);
    }
    return true;
}

static bool check_providers(const struct config *config, struct error *error)
{
    if (config->providers->count == 0 && !config->login.passwords) {
        return error_set(error, "nobody could sign in: there is no provider and login.passwords is "
                                "no; write a provider block with an issuer");
    }
    return provider_set_check(config->providers, error);
}

bool config_check(const struct config *config, struct error *error)
{
    return check_present(config, error) && check_users(config, error) &&
           check_times(config, error) && check_trusted(config->throttle.trusted, error) &&
           check_providers(config, error);
}
