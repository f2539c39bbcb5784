/* config_check.c - what belongs together in a configuration, beyond each setting's own limits. */
#include "config/config_check.h"

#include "net/http_front.h"
#include "wire/url.h"

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

/* ---- the public listener ---- */

static bool check_url(const struct config_http *http, struct error *error)
{
    struct url url;
    bool good =
        http->public_url == NULL || (url_parse(span_of(http->public_url), &url) && !url.user_info &&
                                     !span_has(span_of(http->public_url), '?'));
    return good || error_set(error, "http.public_url: write it like https://mail.example.com, "
                                    "without a query, a user or a fragment");
}

static bool check_certificate(const struct config_http *http, struct error *error)
{
    if (http->public_tls_cert == NULL && http->public_tls_key == NULL) {
        return true;
    }
    if (http->public_tls_cert == NULL || http->public_tls_key == NULL) {
        return error_set(error, "http: public_tls_cert_file and public_tls_key_file belong "
                                "together; one of them is missing");
    }
    struct stream_tls_identity *identity = stream_tls_identity_new(
        span_of(http->public_tls_cert), span_of(http->public_tls_key), error);
    if (identity == NULL) {
        bool of_key = span_starts(span_of(error->text), "the key");
        const char *path = of_key ? http->public_tls_key_file : http->public_tls_cert_file;
        return error_prefix(error, "http.%s: %s%s", of_key ? "public_tls_key" : "public_tls_cert",
                            path == NULL ? "" : path, path == NULL ? "" : ": ");
    }
    stream_tls_identity_free(identity);
    return true;
}

/* Tokens of provisioning clients travel there, which may change every account. */
static bool check_listener(const struct config_http *http, struct error *error)
{
    struct ip_address address;
    unsigned port;
    struct span where = span_of(http->public);
    if (span_empty(where) || span_starts(where, "unix:/")) {
        return true;
    }
    if (!ip_address_parse_port(where, &address, &port)) {
        return error_set(error,
                         "http.public: \"%s\" is neither an address with a port, like "
                         "127.0.0.1:8025 or [::1]:8025, nor unix:/path",
                         http->public);
    }
    if (!ip_address_is_loopback(&address) && http->public_tls_cert == NULL) {
        return error_set(error,
                         "http.public: %s is no loopback address, and tokens would travel in the "
                         "clear: set public_tls_cert_file and public_tls_key_file, or listen on "
                         "127.0.0.1:%u behind a front with TLS (docs/fronts.md)",
                         http->public, port);
    }
    return true;
}

static bool check_public(const struct config_http *http, struct error *error)
{
    for (size_t i = 0; http->trusted_proxies != NULL && http->trusted_proxies[i] != NULL; i++) {
        if (!http_front_valid(span_of(http->trusted_proxies[i]))) {
            return error_set(error,
                             "http.trusted_proxies: \"%s\" is no address or network; write it "
                             "like 192.0.2.1 or 2001:db8::/32",
                             http->trusted_proxies[i]);
        }
    }
    return check_url(http, error) && check_certificate(http, error) && check_listener(http, error);
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
           check_public(&config->http, error) && check_providers(config, error);
}
