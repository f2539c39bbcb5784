/* provider_probe.c - what one answer of a provider says about its health. */
#include "token/provider_probe.h"

#include "base/memory.h"
#include "token/keyset.h"
#include "wire/json.h"

#include <stdio.h>
#include <string.h>

enum { CLOCK_WARNING_S = 30, DAY_S = 24 * 3600, CERTIFICATE_WARNING_DAYS = 14, SHOWN = 100 };

static int shown(struct span text)
{
    return (int)(text.length < SHOWN ? text.length : SHOWN);
}

/* ---- the connection ---- */

static void tell_tls(const struct provider_probe *probe, const char *failure)
{
    bool own = probe->provider->ca_file != NULL;
    if (strstr(failure, "expired") != NULL) {
        finding_bad(
            probe->findings, "provider-certificate-expired",
            own ? "renew the provider's certificate or its authority; `ca_file` may hold the "
                  "old authority. If neither is over, this server's clock is fast"
                : "renew the provider's certificate, and its whole chain. If it is not "
                  "over, this server's clock is fast",
            "%s: %s", probe->asked, failure);
    } else if (strstr(failure, "not yet valid") != NULL) {
        finding_bad(probe->findings, "provider-clock",
                    "set this server's clock: timedatectl set-ntp true", "%s: %s", probe->asked,
                    failure);
    } else {
        finding_bad(probe->findings, "provider-tls",
                    "have the provider present a certificate of that name with its whole chain; "
                    "with an authority of your own, name its PEM file in `ca_file`",
                    "%s: %s", probe->asked, failure);
    }
}

static void tell_failure(const struct provider_probe *probe, const struct fetch_answer *answer)
{
    if (answer->refused_address) {
        finding_bad(probe->findings, "provider-address",
                    "if it is your provider: write that URL into the provider block yourself "
                    "(jwks, userinfo, or introspection url); what discovery alone names is reached "
                    "at public addresses only",
                    "%s: %s", probe->asked, answer->failure);
    } else if (strncmp(answer->failure, "TLS: ", strlen("TLS: ")) == 0) {
        tell_tls(probe, answer->failure);
    } else {
        finding_bad(probe->findings, "provider-unreachable",
                    "see that this server resolves and reaches that host (curl -v); connect_to "
                    "reaches it at another address",
                    "%s: %s", probe->asked, answer->failure);
    }
}

/* A clock that is off makes good tokens expired, or not yet valid. */
static void tell_clock(const struct provider_probe *probe, int64_t date)
{
    static const char REMEDY[] =
        "set the clock that is wrong: timedatectl set-ntp true here, or at the provider";
    int64_t skew = date - probe->now, off = skew < 0 ? -skew : skew;
    const char *side = skew < 0 ? "behind" : "ahead of";
    if (date == 0 || *probe->told_clock) {
        return;
    }
    *probe->told_clock = true;
    if (off > probe->provider->leeway_s && off > CLOCK_WARNING_S) {
        finding_bad(probe->findings, "provider-clock", REMEDY,
                    "its clock is %lld s %s ours; %lld s of leeway are allowed", (long long)off,
                    side, (long long)probe->provider->leeway_s);
    } else if (off > CLOCK_WARNING_S) {
        finding_warning(probe->findings, "provider-clock", REMEDY, "its clock is %lld s %s ours",
                        (long long)off, side);
    } else {
        finding_good(probe->findings, "provider-clock", "its clock and ours differ by %lld s",
                     (long long)off);
    }
}

static void tell_certificate(const struct provider_probe *probe, int64_t end)
{
    int64_t days = (end - probe->now) / DAY_S;
    if (end == 0) {
        return;
    }
    if (days < CERTIFICATE_WARNING_DAYS) {
        finding_warning(probe->findings, "provider-certificate",
                        "renew it: nobody can sign in with a token once it is over",
                        "the certificate of %.*s ends in %lld days", shown(probe->host),
                        probe->host.at, (long long)days);
    } else {
        finding_good(probe->findings, "provider-certificate",
                     "the certificate of %.*s is good for %lld days", shown(probe->host),
                     probe->host.at, (long long)days);
    }
}

bool provider_probe_arrived(const struct provider_probe *probe, const struct fetch_answer *answer)
{
    if (answer->outcome == FETCH_FAILED) {
        tell_failure(probe, answer);
        return false;
    }
    tell_certificate(probe, answer->certificate_end);
    tell_clock(probe, answer->date);
    return true;
}

/* ---- discovery ---- */

static bool is_hmac(struct span name)
{
    return span_starts(name, "HS") || span_is_fold(name, "none");
}

static bool accepts(const struct provider *provider, struct span name)
{
    for (char **own = provider->algorithms; own != NULL && *own != NULL; own++) {
        if (span_is(name, *own)) {
            return true;
        }
    }
    return false;
}

static void tell_signing_key(const struct provider_probe *probe, const char *seen)
{
    *probe->unsigned_by_keys = true;
    finding_bad(probe->findings, "provider-signing-key",
                "choose a signing key (RS256 or ES256) for the application at the provider; in "
                "Authentik: Provider, Protocol settings, Signing Key",
                "%s: its tokens are signed with HS256, which nobody else can check", seen);
}

/* What the document says its tokens are signed with. */
static void tell_algorithms(const struct provider_probe *probe, const struct json *document)
{
    const struct json *list = json_member(document, "id_token_signing_alg_values_supported");
    size_t count = json_size(list), hmac = 0;
    for (size_t i = 0; i < count; i++) {
        struct span name = json_value_text(json_item(list, i));
        if (accepts(probe->provider, name)) {
            return;
        }
        hmac += is_hmac(name);
    }
    if (!probe->needs_keys || count == 0) {
        return;
    }
    if (hmac == count) {
        tell_signing_key(probe, "discovery names no other algorithm");
        return;
    }
    struct span first = json_value_text(json_item(list, 0));
    finding_bad(probe->findings, "provider-algorithms",
                "add it to the provider's `algorithms`, or choose RS256 or ES256 at the provider",
                "discovery names only algorithms that are not configured, \"%.*s\" first",
                shown(first), first.at);
}

/* The error ends with what to paste. */
static void tell_refused(const struct provider_probe *probe, struct error *error)
{
    static const char MARK[] = ": set issuer";
    char *advice = strstr(error->text, MARK);
    if (advice == NULL) {
        finding_bad(probe->findings, "provider-discovery",
                    "correct `issuer`: open that address in a browser, it must show JSON with "
                    "\"issuer\" in it",
                    "%s: %s", probe->asked, error->text);
        return;
    }
    char remedy[ERROR_MAX];
    snprintf(remedy, sizeof remedy, "%s", advice + 2);
    *advice = '\0';
    finding_bad(probe->findings, "provider-issuer", remedy, "%s", error->text);
}

static const char *status_remedy(int status)
{
    if (status >= 300 && status < 400) {
        return "redirects are not followed: set `issuer` to where it leads, byte for byte as the "
               "document there names it";
    }
    return status == 404 ? "correct `issuer`: nothing is published below it"
                         : "see the provider's own log";
}

bool provider_probe_document(const struct provider_probe *probe, const struct fetch_answer *answer,
                             struct discovery *discovery)
{
    struct error error;
    if (answer->status != 200) {
        finding_bad(probe->findings, "provider-discovery", status_remedy(answer->status),
                    "%s: HTTP status %d", probe->asked, answer->status);
        return false;
    }
    if (!discovery_read(probe->issuer, answer->body, discovery, &error)) {
        tell_refused(probe, &error);
        return false;
    }
    finding_good(probe->findings, "provider-discovery", "%s speaks for %s", probe->asked,
                 probe->issuer);
    CLEANUP(json_cleanup)
    struct json *document = json_parse(answer->body, DISCOVERY_SIZE_MAX, &error);
    tell_algorithms(probe, document);
    return true;
}

/* ---- keys ---- */

static void hand_over(const struct finding_list *from, struct finding_list *to)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct finding *one = &from->items[i];
        switch (one->level) {
        case FINDING_GOOD:
            finding_good(to, one->code, "%s", one->text);
            break;
        case FINDING_SKIPPED:
            finding_skipped(to, one->code, "%s", one->text);
            break;
        case FINDING_WARNING:
            finding_warning(to, one->code, one->remedy, "%s", one->text);
            break;
        case FINDING_BAD:
            finding_bad(to, one->code, one->remedy, "%s", one->text);
            break;
        }
    }
}

void provider_probe_keys(const struct provider_probe *probe, const struct fetch_answer *answer)
{
    struct error error;
    if (answer->status != 200) {
        finding_bad(probe->findings, "provider-keys", status_remedy(answer->status),
                    "%s: HTTP status %d", probe->asked, answer->status);
        return;
    }
    CLEANUP(finding_list_done) struct finding_list left_out = finding_list_empty();
    struct keyset *keys = keyset_new(answer->body, &left_out, &error);
    if (keys == NULL) {
        finding_bad(probe->findings, "provider-keys",
                    "correct `jwks`, or have the provider publish a JWKS there (RFC 7517)",
                    "%s: %s", probe->asked, error.text);
        return;
    }
    size_t good = keyset_count(keys), ignored = keyset_ignored(keys);
    keyset_release(keys);
    if (good > 0) {
        hand_over(&left_out, probe->findings);
        finding_good(probe->findings, "provider-keys", "%zu usable, %zu left out", good, ignored);
    } else if (!probe->needs_keys || *probe->unsigned_by_keys) {
        finding_skipped(probe->findings, "provider-keys", "%s has none", probe->asked);
    } else if (ignored == 0) {
        tell_signing_key(probe, "it publishes no keys");
    } else {
        finding_bad(probe->findings, "provider-keys",
                    "make a signing key at the provider: RSA of 2048 bits or more, or P-256",
                    "none of its %zu keys can be used: %s", ignored,
                    left_out.count > 0 ? left_out.items[0].text : "no reason given");
    }
}

/* ---- endpoints, asked with a made-up token ---- */

void provider_probe_userinfo(const struct provider_probe *probe, const struct fetch_answer *answer)
{
    int status = answer->status;
    if (status == 400 || status == 401 || status == 403) {
        finding_good(probe->findings, "provider-userinfo", "%s refuses a made-up token (HTTP %d)",
                     probe->asked, status);
    } else if (status == 200) {
        finding_bad(probe->findings, "provider-userinfo",
                    "correct `userinfo`: whatever answers there looks at no token",
                    "%s takes a made-up token", probe->asked);
    } else {
        finding_bad(probe->findings, "provider-userinfo",
                    status == 404 ? "correct `userinfo`: there is no such endpoint"
                                  : "see the provider's own log",
                    "%s: HTTP status %d to a made-up token; expected 401", probe->asked, status);
    }
}

static bool unsupported(const struct json *document)
{
    struct span code;
    return json_text(document, "error", &code) && span_is(code, "unsupported_token_type");
}

void provider_probe_introspection(const struct provider_probe *probe,
                                  const struct fetch_answer *answer)
{
    struct error error;
    int status = answer->status;
    bool active = false;
    CLEANUP(json_cleanup)
    struct json *document = json_parse(answer->body, DISCOVERY_SIZE_MAX, &error);
    bool said = json_boolean(document, "active", &active);
    if (status == 401 || status == 403 || (status == 400 && !unsupported(document))) {
        finding_bad(probe->findings, "provider-introspection-credentials",
                    "correct the introspection block: id, secret (or secret_file) and auth must be "
                    "those of an application that may introspect there",
                    "%s refuses our credentials (HTTP %d)", probe->asked, status);
    } else if (status == 400 || (status == 200 && said && !active)) {
        finding_good(probe->findings, "provider-introspection",
                     "%s accepts our credentials and refuses a made-up token", probe->asked);
    } else if (status == 200 && active) {
        finding_bad(probe->findings, "provider-introspection",
                    "correct the introspection url: whatever answers there looks at no token",
                    "%s calls a made-up token active", probe->asked);
    } else {
        finding_bad(probe->findings, "provider-introspection",
                    status == 404 ? "correct the introspection url: there is no such endpoint"
                                  : "see the provider's own log",
                    "%s: HTTP status %d%s; expected \"active\": false (RFC 7662, 2.2)",
                    probe->asked, status, status == 200 ? " without \"active\"" : "");
    }
}

void provider_probe_tokeninfo(const struct provider_probe *probe, const struct fetch_answer *answer)
{
    if (answer->status == 400 || answer->status == 401) {
        finding_good(probe->findings, "provider-tokeninfo", "%s refuses a made-up token",
                     probe->asked);
    } else {
        finding_bad(probe->findings, "provider-tokeninfo", "correct `tokeninfo`",
                    "%s: HTTP status %d to a made-up token; expected 400", probe->asked,
                    answer->status);
    }
}
