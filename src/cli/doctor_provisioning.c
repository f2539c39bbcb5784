/* doctor_provisioning.c - can the clients that provision accounts reach us, and go on doing so? */
#include "base/memory.h"
#include "cli/cli_call.h"
#include "cli/cli_time.h"
#include "cli/doctor_sections.h"
#include "wire/ip_address.h"
#include "wire/url.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 24 * 3600, SOON_S = 14 * DAY_S, REMEDY_SIZE = 300 };

/* The listener. */

/* Loopback, or no address at all: made from http.public, as nobody said where others reach it. */
static bool only_here(const struct url *url)
{
    struct ip_address address;
    static const struct ip_address NONE;
    struct span host = url->host;
    if (span_starts(host, "[")) {
        host = span_from(span_first(host, host.length - 1), 1);
    }
    if (!ip_address_parse(host, &address)) {
        return span_is_fold(host, "localhost");
    }
    struct ip_address any_v4;
    (void)ip_address_parse(SPAN_LITERAL("0.0.0.0"), &any_v4);
    return ip_address_is_loopback(&address) || ip_address_equal(&address, &NONE) ||
           ip_address_equal(&address, &any_v4);
}

static void check_url(const char *text, struct finding_list *found)
{
    struct url url;
    if (text == NULL || !url_parse(span_of(text), &url) || only_here(&url)) {
        finding_warning(
            found, "provisioning-url",
            "http { public_url = \"https://mail.example.com\" }: the name and scheme of "
            "the front, or of the certificate; then systemctl reload postern",
            "http.public_url is not set: resources are said to be at %s, which only "
            "this machine reaches",
            text == NULL ? "no URL" : text);
        return;
    }
    if (!url.https && !url_stays_at_home(&url)) {
        finding_bad(
            found, "provisioning-plain-http",
            "a front with TLS (docs/fronts.md), or http.public_tls_cert_file; then https:// "
            "in http.public_url",
            "http.public_url is %s: tokens that may change every account would cross the "
            "network in clear",
            text);
    }
}

static void check_listener(const struct config_http *http, struct finding_list *found)
{
    struct error error;
    if (!cli_call_reaches(http->public, &error)) {
        finding_bad(found, "public-listener",
                    "systemctl restart postern: listeners are opened at its start; its log says "
                    "why one was not",
                    "http.public: %s: %s", http->public, error.text);
        return;
    }
    finding_good(found, "public-listener", "somebody listens on %s", http->public);
    if (http->public_tls_cert_file != NULL) {
        doctor_certificate("public-certificate", "http.public_tls_cert_file",
                           span_of(http->public_tls_cert_file), found);
    }
}

/* One client. */

static int64_t time_of(const struct json *object, const char *member)
{
    char text[32];
    int64_t seconds = 0;
    (void)(span_fits(json_value_text(json_member(object, member)), text, sizeof text) &&
           cli_time_read(text, &seconds));
    return seconds;
}

/* When the last of its secrets ends; 0: never; -1: there is none. */
static int64_t end_of_secrets(const struct json *client)
{
    const struct json *secrets = json_member(client, "secrets");
    int64_t last = -1;
    for (size_t i = 0; i < json_size(secrets); i++) {
        int64_t expires = time_of(json_item(secrets, i), "expires");
        if (expires == 0) {
            return 0;
        }
        last = expires > last ? expires : last;
    }
    return last;
}

static void check_secrets(const struct json *client, const char *name, int64_t now,
                          struct finding_list *found)
{
    char remedy[REMEDY_SIZE];
    int64_t end = end_of_secrets(client);
    snprintf(remedy, sizeof remedy,
             "postern scim-token rotate %s, and give the provider the new secret", name);
    if (end != 0 && end <= now) {
        finding_bad(found, "provisioning-token-expired", remedy,
                    "%s: no secret of it is good any more: its provider is refused", name);
    } else if (end != 0 && end - now < SOON_S) {
        finding_warning(found, "provisioning-token-expires", remedy,
                        "%s: its last secret ends in %lld days", name,
                        (long long)((end - now) / DAY_S));
    }
}

static void check_use(const struct json *client, const char *name, int64_t now,
                      struct finding_list *found)
{
    char remedy[REMEDY_SIZE];
    bool frozen = false;
    (void)json_boolean(client, "frozen", &frozen);
    if (time_of(client, "last_used") == 0 && now - time_of(client, "created") > DAY_S) {
        snprintf(remedy, sizeof remedy,
                 "give its secret and the base URL to the provider (docs/scim.md), or postern "
                 "scim-token delete %s",
                 name);
        finding_warning(found, "provisioning-token-unused", remedy, "%s: was never used", name);
    }
    if (frozen) {
        snprintf(
            remedy, sizeof remedy,
            "postern account deleted shows them; when it was meant: postern scim-token release "
            "%s",
            name);
        finding_warning(found, "provisioning-brake", remedy,
                        "%s: deleted so many accounts at once that their mail is kept until "
                        "somebody says so",
                        name);
    }
}

static const struct provider *provider_of(const struct config *config, struct span name)
{
    const struct provider_set *set = config->providers;
    for (size_t i = 0; i < set->count; i++) {
        if (span_is(name, set->providers[i].name)) {
            return &set->providers[i];
        }
    }
    return NULL;
}

/* Its accounts open for that provider's subjects only. */
static void check_provider(const struct doctor *doctor, const struct json *client, const char *name,
                           struct finding_list *found)
{
    struct span wanted = json_value_text(json_member(client, "provider"));
    if (span_empty(wanted)) {
        return;
    }
    const struct provider *provider = provider_of(&doctor->config, wanted);
    char remedy[REMEDY_SIZE];
    snprintf(remedy, sizeof remedy,
             "put its block back, or postern scim-token set %s --provider NAME (postern provider "
             "list names them)",
             name);
    if (provider == NULL) {
        finding_bad(found, "provisioning-provider", remedy,
                    "%s: provider \"%.*s\" is gone from %s: accounts that it makes open for nobody",
                    name, (int)wanted.length, wanted.at, doctor->file);
        return;
    }
    const struct json *domains = json_member(client, "domains");
    for (size_t i = 0; i < json_size(domains); i++) {
        struct span domain = json_value_text(json_item(domains, i));
        if (!provider_speaks_for(provider, domain)) {
            finding_bad(
                found, "provisioning-provider",
                "write the domain into the provider's block, or take it from the client",
                "%s: provider \"%s\" does not speak for %.*s: accounts there open for nobody", name,
                provider->name, (int)domain.length, domain.at);
        }
    }
}

static void check_client(const struct doctor *doctor, const struct json *client,
                         struct finding_list *found)
{
    char name[64];
    int64_t now = time(NULL);
    if (!span_fits(json_value_text(json_member(client, "name")), name, sizeof name)) {
        return;
    }
    check_secrets(client, name, now, found);
    check_use(client, name, now, found);
    check_provider(doctor, client, name, found);
}

/* All of it. */

static void check_way(const struct doctor *doctor, size_t clients, struct finding_list *found)
{
    const struct config_http *http = &doctor->config.http;
    if (http->public != NULL && doctor->config.stack.public) { /* else a trial on loopback */
        check_url(http->public_url, found);
    } else if (http->public == NULL && clients > 0) {
        finding_bad(found, "provisioning-not-public",
                    "http { public = \"127.0.0.1:8025\" } behind a front (docs/fronts.md); then "
                    "systemctl restart postern",
                    "there are provisioning clients, and http.public is not set: none can reach "
                    "posternd");
    }
}

void doctor_provisioning(struct doctor *doctor, struct finding_list *found)
{
    struct error error;
    CLEANUP(json_cleanup) struct json *answer = NULL;
    if (!doctor->readable || !doctor->running) {
        finding_skipped(found, "provisioning", "%s",
                        doctor->readable ? "posternd does not run" : "no configuration");
        return;
    }
    if (doctor->config.http.public != NULL) {
        check_listener(&doctor->config.http, found);
    }
    if (cli_call_quietly(doctor->socket, "/v1/clients", false, &answer, &error) != CLI_OK) {
        finding_bad(found, "daemon-failing", "see the log of posternd: journalctl -u postern",
                    "the provisioning clients cannot be listed: %s", error.text);
        return;
    }
    const struct json *clients = json_member(answer, "clients");
    size_t count = json_size(clients), before = found->count;
    check_way(doctor, count, found);
    for (size_t i = 0; i < count; i++) {
        check_client(doctor, json_item(clients, i), found);
    }
    if (count == 0) {
        finding_skipped(found, "provisioning", "no provisioning client");
    } else if (found->count == before) {
        finding_good(found, "provisioning", "%zu client%s, and nothing is wrong with %s", count,
                     count == 1 ? "" : "s", count == 1 ? "it" : "them");
    }
}
