/* claims_explain.c - every rule about a token said aloud: what was seen, what is expected, what to change. */
#include "token/claims.h"

#include "token/claims_identity.h"
#include "token/claims_rules.h"
#include "token/claims_words.h"

#include <stdio.h>
#include <string.h>

/* One rule, judged, and where it is said. */
struct telling {
    struct claims_question about;
    struct claims_fault fault;
    const char *code;
    struct finding_list *findings;
};

typedef void telling_fn(const struct telling *telling);

static bool is_kept(const struct telling *telling)
{
    return telling->fault.reason == VERDICT_NO_REASON;
}

/* -- of what kind is it? -- */

static void tell_active(const struct telling *telling)
{
    if (is_kept(telling)) {
        finding_good(telling->findings, telling->code, "the provider says active: true");
        return;
    }
    finding_bad(
        telling->findings, telling->code,
        "have the client fetch a new token; when new ones are inactive too, the provider does not "
        "let us ask "
        "about them: make the introspection client part of the same project, audience or "
        "application",
        "the provider calls the token inactive: expired, revoked, or not ours to ask about");
}

static void tell_graph(const struct telling *telling)
{
    if (is_kept(telling)) {
        return; /* of no interest to others than users of Entra ID */
    }
    const char *id =
        telling->about.provider->audiences == NULL || telling->about.provider->audiences[0] == NULL
            ? "YOUR-API-APP-ID"
            : telling->about.provider->audiences[0];
    bool is_url = span_search(span_of(id), SPAN_LITERAL("://")) < strlen(id);
    struct claims_words remedy =
        claims_words_format("have the mail client ask for the scope %s%s/IMAP (a scope of your own "
                            "API application) instead of "
                            "User.Read or other scopes of Graph",
                            is_url ? "" : "api://", id);
    finding_bad(telling->findings, telling->code, remedy.text,
                "this token is for Microsoft Graph (aud %s): nobody but Microsoft can check it",
                claims_words_list(&telling->about.claims->audiences).text);
}

/* The preset whose mark this token bears; empty: none that we know. */
static const char *preset_for(const struct claims *claims)
{
    if (claims->own_type.presence == CLAIMS_THERE && span_is(claims->own_type.text, "Bearer")) {
        return "keycloak";
    }
    if (claims->authorized_party && claims->uid.presence == CLAIMS_THERE) {
        return "authentik";
    }
    return claims->scp ? "entra" : "";
}

static void tell_unclear(const struct telling *telling)
{
    const struct claims *claims = telling->about.claims;
    const char *preset = preset_for(claims);
    struct claims_words remedy = claims_words_format("preset = \"%s\"", preset);
    if (telling->about.provider->mark != PROVIDER_MARK_NONE) {
        remedy = claims_words_format(
            "have the client send its access token, not its ID token; if this is one, the preset "
            "(or access_token_mark) is not that of your product");
    } else if (span_is(span_of(preset), "")) {
        remedy = claims_words_format("have the provider issue access tokens with the header typ "
                                     "at+jwt (RFC 9068), set the preset of your "
                                     "product (preset = \"authentik\", \"keycloak\" ...), or, if "
                                     "ID tokens shall sign in, id_tokens = yes");
    }
    const char *mark = claims->nonce     ? "a nonce"
                       : claims->at_hash ? "at_hash"
                       : claims->c_hash  ? "c_hash"
                                         : "no mark";
    finding_bad(telling->findings, telling->code, remedy.text,
                "this may be an ID token: its header does not say at+jwt, it holds %s, and nothing "
                "in it marks an "
                "access token of this provider",
                mark);
}

static void tell_type(const struct telling *telling)
{
    const struct claims *claims = telling->about.claims;
    struct claims_words typ = claims_words_value(claims->header_type);
    if (is_kept(telling)) {
        bool id = claims_rules_id_token(telling->about.provider, claims);
        finding_good(telling->findings, telling->code, "%s",
                     id ? "an ID token, which id_tokens lets in" : "an access token");
        return;
    }
    if (strstr(telling->fault.detail, "cannot be told") != NULL) {
        tell_unclear(telling);
        return;
    }
    finding_bad(telling->findings, telling->code,
                strcmp(telling->fault.detail, "an ID token") == 0
                    ? "have the client send its access token, not its ID token (or allow these: "
                      "id_tokens = yes)"
                    : "have the client send its access token and nothing else",
                "this is no access token: %s (typ in the header: %s, typ in the claims: %s)",
                telling->fault.detail, claims->header_type.length == 0 ? "nothing" : typ.text,
                claims_words_text(&claims->own_type).text);
}

static void tell_bound(const struct telling *telling)
{
    if (is_kept(telling)) {
        finding_good(telling->findings, telling->code,
                     "usable by whoever holds it (no cnf, no DPoP)");
        return;
    }
    finding_bad(telling->findings, telling->code,
                "turn DPoP or certificate-bound access tokens off for this client at the provider",
                "bound to a key of its client (cnf or DPoP), which IMAP, POP3 and SMTP have no way "
                "to prove");
}

/* -- who issued it, and when? -- */

static struct span without_slash(struct span text)
{
    return span_ends(text, "/") ? span_first(text, text.length - 1) : text;
}

/* What nearly every wrong issuer is: a slash at its end, a letter's case. NULL: something else. */
static const char *near_miss(char *const *issuers, struct span seen)
{
    for (size_t i = 0; issuers != NULL && issuers[i] != NULL; i++) {
        struct span set = span_of(issuers[i]);
        if (span_equal(without_slash(set), without_slash(seen))) {
            return "only the slash at the end differs";
        }
        if (span_equal_fold(without_slash(set), without_slash(seen))) {
            return "only the case of letters differs";
        }
    }
    return NULL;
}

static void tell_issuer(const struct telling *telling)
{
    const struct provider *provider = telling->about.provider;
    const struct claims_text *issuer = &telling->about.claims->issuer;
    struct claims_words seen = claims_words_text(issuer);
    if (is_kept(telling)) {
        finding_good(telling->findings, telling->code, "iss is %s", seen.text);
        return;
    }
    const char *near = near_miss(provider->issuers, issuer->text);
    struct claims_words remedy = {"have the provider put its issuer into iss"};
    if (issuer->presence == CLAIMS_THERE) {
        struct claims_words line =
            claims_words_paste("issuer", near == NULL ? provider->issuers : NULL, issuer->text);
        remedy = claims_words_format("%s%.330s", near == NULL ? "if that is this provider: " : "",
                                     line.text);
    }
    finding_bad(telling->findings, telling->code, remedy.text,
                "iss is %s, issuer is %s: compared to the letter%s%s", seen.text,
                claims_words_setting(provider->issuers).text, near == NULL ? "" : "; ",
                near == NULL ? "" : near);
}

static void tell_time(const struct telling *telling)
{
    if (is_kept(telling)) {
        finding_good(telling->findings, telling->code, "exp, nbf and iat are usable");
        return;
    }
    finding_bad(telling->findings, telling->code,
                "have the provider issue tokens with exp and iat as numbers of seconds since 1970 "
                "(RFC 7519, 2)",
                "%s", telling->fault.detail);
}

static void tell_expired(const struct telling *telling)
{
    const struct claims_time *expires = &telling->about.claims->expires;
    int64_t left = expires->seconds - telling->about.now;
    struct claims_words time = claims_words_time(left);
    if (expires->presence != CLAIMS_THERE) {
        finding_skipped(telling->findings, telling->code, "no usable exp");
    } else if (is_kept(telling)) {
        finding_good(telling->findings, telling->code,
                     left >= 0 ? "%s left" : "over for %s, within the leeway", time.text);
    } else {
        finding_bad(telling->findings, telling->code,
                    "the client should refresh it, nothing to change here; if new tokens are "
                    "refused as well, this "
                    "server's clock is fast: compare `date -u` with the provider's",
                    "expired %s ago", time.text);
    }
}

static void tell_not_yet(const struct telling *telling)
{
    const struct claims *claims = telling->about.claims;
    if (is_kept(telling)) {
        finding_good(telling->findings, telling->code, "nbf and iat are not in the future");
        return;
    }
    bool before = strncmp(telling->fault.detail, "nbf", 3) == 0;
    int64_t at = before ? claims->not_before.seconds : claims->issued.seconds;
    struct claims_words ahead = claims_words_time(at - telling->about.now);
    finding_bad(telling->findings, telling->code,
                "set both clocks by NTP: this server's is slow, or the provider's is fast (compare "
                "`date -u`); leeway "
                "allows up to 60s",
                "%s by %s, and leeway is %lld s", telling->fault.detail, ahead.text,
                (long long)telling->about.provider->leeway_s);
}

static void tell_age(const struct telling *telling)
{
    const struct provider *provider = telling->about.provider;
    if (provider->max_age_s == 0) {
        return;
    }
    struct claims_words age =
        claims_words_time(telling->about.now - telling->about.claims->issued.seconds);
    if (is_kept(telling)) {
        finding_good(telling->findings, telling->code, "issued %s ago", age.text);
        return;
    }
    finding_bad(telling->findings, telling->code,
                "the client should refresh it; or raise max_token_age",
                "issued %s ago, max_token_age is %s", age.text,
                claims_words_time(provider->max_age_s).text);
}

/* -- for whom, by whom, for what? -- */

static bool is_outlook(const struct claims_list *audiences)
{
    for (size_t i = 0; i < audiences->count; i++) {
        if (span_starts_fold(audiences->items[i], "https://outlook.office")) {
            return true;
        }
    }
    return false;
}

static struct claims_words audience_remedy(const struct telling *telling)
{
    const struct provider *provider = telling->about.provider;
    const struct claims *claims = telling->about.claims;
    bool id = claims_rules_id_token(provider, claims);
    bool set = claims_rules_set(provider->audiences);
    if (is_outlook(&claims->audiences)) {
        return claims_words_format(
            "this token is for Microsoft's own mail servers: have the client ask for a scope "
            "of your API application (api://...)");
    }
    if (claims->audiences.presence == CLAIMS_THERE && claims->audiences.count > 0) {
        return set || !id
                   ? claims_words_paste("audiences", provider->audiences,
                                        claims->audiences.items[0])
                   : claims_words_paste("clients", provider->clients, claims->audiences.items[0]);
    }
    if (claims->clients.presence == CLAIMS_THERE && !claims_rules_set(provider->clients)) {
        struct claims_words line = claims_words_paste("clients", NULL, claims->clients.items[0]);
        return claims_words_format("%.300s instead of audiences", line.text);
    }
    return claims_words_format(
        "have the provider put this service into aud, or leave audiences out and rely on "
        "clients");
}

static void tell_audience(const struct telling *telling)
{
    const struct provider *provider = telling->about.provider;
    struct claims_words seen = claims_words_list(&telling->about.claims->audiences);
    bool set = claims_rules_set(provider->audiences);
    if (is_kept(telling) && !set && !claims_rules_id_token(provider, telling->about.claims)) {
        finding_skipped(telling->findings, telling->code, "aud is %s; audiences is not set",
                        seen.text);
        return;
    }
    if (is_kept(telling)) {
        finding_good(telling->findings, telling->code, "aud is %s", seen.text);
        return;
    }
    finding_bad(telling->findings, telling->code, audience_remedy(telling).text,
                "aud is %s; expected one of %s", seen.text,
                claims_words_setting(set ? provider->audiences : provider->clients).text);
}

static struct claims_words client_remedy(const struct telling *telling)
{
    const struct provider *provider = telling->about.provider;
    const struct claims *claims = telling->about.claims;
    const struct claims_list *seen = &claims->clients;
    for (size_t i = 0; seen->presence == CLAIMS_THERE && i < seen->count; i++) {
        if (!claims_rules_names(provider->clients, seen->items[i])) {
            struct claims_words line =
                claims_words_paste("clients", provider->clients, seen->items[i]);
            return claims_words_format("to let that application in: %.320s", line.text);
        }
    }
    if (claims->audiences.presence == CLAIMS_THERE && !claims_rules_set(provider->audiences)) {
        struct claims_words line =
            claims_words_paste("audiences", NULL, claims->audiences.items[0]);
        return claims_words_format(
            "%.250s instead of clients: this provider names the client in aud", line.text);
    }
    return claims_words_format(
        "have the provider name the client in azp or client_id, or leave clients out and rely "
        "on audiences");
}

static void tell_client(const struct telling *telling)
{
    const struct provider *provider = telling->about.provider;
    struct claims_words seen = claims_words_list(&telling->about.claims->clients);
    if (is_kept(telling) && !claims_rules_set(provider->clients)) {
        finding_skipped(telling->findings, telling->code, "the client is %s; clients is not set",
                        seen.text);
        return;
    }
    if (is_kept(telling)) {
        finding_good(telling->findings, telling->code,
                     "the client is among clients (azp, client_id, appid, cid: %s)", seen.text);
        return;
    }
    finding_bad(telling->findings, telling->code, client_remedy(telling).text,
                "the client (azp, client_id, appid, cid) is %s; expected one of %s", seen.text,
                claims_words_setting(provider->clients).text);
}

static void tell_of_client(const struct telling *telling)
{
    if (is_kept(telling)) {
        finding_good(telling->findings, telling->code, "of a person, not of a client");
        return;
    }
    finding_bad(telling->findings, telling->code,
                "have the person sign in (authorization code or device flow): tokens of the client "
                "credentials grant "
                "open no mailbox",
                "%s (sub %s)", telling->fault.detail,
                claims_words_text(&telling->about.claims->sub).text);
}

static struct claims_words missing_scopes(char *const *wanted, const struct claims_list *seen)
{
    struct claims_words words = {""};
    for (size_t i = 0; wanted != NULL && wanted[i] != NULL; i++) {
        size_t used = strlen(words.text);
        if (!claims_rules_has(seen, wanted[i])) {
            snprintf(words.text + used, sizeof words.text - used, "%s%s", used == 0 ? "" : " ",
                     wanted[i]);
        }
    }
    return words;
}

static void tell_scope(const struct telling *telling)
{
    const struct claims_list *seen = &telling->about.claims->scopes;
    char *const *wanted = telling->about.provider->scopes;
    if (!claims_rules_set(wanted)) {
        finding_skipped(telling->findings, telling->code, "scopes is not set");
        return;
    }
    if (is_kept(telling)) {
        finding_good(telling->findings, telling->code, "has %s", claims_words_setting(wanted).text);
        return;
    }
    struct claims_words missing = missing_scopes(wanted, seen);
    struct claims_words remedy = claims_words_format(
        "have the client ask for %.200s, and let the provider grant it; or take it out of scopes",
        missing.text);
    finding_bad(telling->findings, telling->code, remedy.text,
                "the scope %.150s is missing; scope is %s", missing.text,
                claims_words_list(seen).text);
}

/* One for each protocol that asks for scopes of its own. A warning: the others work. */
static void tell_protocols(const struct provider *provider, const struct claims *claims,
                           struct finding_list *findings)
{
    static const char *const CODES[PROVIDER_PROTOCOLS] = {
        [PROVIDER_IMAP] = "token-scope-imap",
        [PROVIDER_POP3] = "token-scope-pop3",
        [PROVIDER_SMTP] = "token-scope-smtp",
        [PROVIDER_SIEVE] = "token-scope-sieve",
    };
    unsigned bits = claims_rules_protocols(provider, claims);
    for (unsigned i = 0; i < PROVIDER_PROTOCOLS; i++) {
        char *const *wanted = provider->scopes_of[i];
        if (!claims_rules_set(wanted)) {
            continue;
        }
        if ((bits & (1U << i)) != 0) {
            finding_good(findings, CODES[i], "has %s", claims_words_setting(wanted).text);
            continue;
        }
        struct claims_words missing = missing_scopes(wanted, &claims->scopes);
        struct claims_words remedy = claims_words_format(
            "have the client ask for %.200s as well, and let the provider grant it", missing.text);
        finding_warning(findings, CODES[i], remedy.text, "not for %s: the scope %.150s is missing",
                        provider_protocol_name((enum provider_protocol)i), missing.text);
    }
}

static telling_fn *const tellings[CLAIMS_RULES] = {
    [CLAIMS_RULE_ACTIVE] = tell_active,   [CLAIMS_RULE_GRAPH] = tell_graph,
    [CLAIMS_RULE_TYPE] = tell_type,       [CLAIMS_RULE_BOUND] = tell_bound,
    [CLAIMS_RULE_ISSUER] = tell_issuer,   [CLAIMS_RULE_TIME] = tell_time,
    [CLAIMS_RULE_EXPIRED] = tell_expired, [CLAIMS_RULE_NOT_YET] = tell_not_yet,
    [CLAIMS_RULE_AGE] = tell_age,         [CLAIMS_RULE_AUDIENCE] = tell_audience,
    [CLAIMS_RULE_CLIENT] = tell_client,   [CLAIMS_RULE_OF_CLIENT] = tell_of_client,
    [CLAIMS_RULE_SCOPE] = tell_scope,
};

static bool is_about_time(enum claims_rule_number number)
{
    return number == CLAIMS_RULE_EXPIRED || number == CLAIMS_RULE_NOT_YET ||
           number == CLAIMS_RULE_AGE;
}

static bool is_about_use(enum claims_rule_number number)
{
    return number == CLAIMS_RULE_AUDIENCE || number == CLAIMS_RULE_CLIENT ||
           number == CLAIMS_RULE_SCOPE;
}

/* What a fault that was told already makes meaningless: a token of another kind has another audience, too, and needs
 * but one remedy. `broken` has a bit for each rule that is. */
static bool is_covered(enum claims_rule_number number, unsigned broken)
{
    const unsigned ALL = 1U << CLAIMS_RULE_ACTIVE | 1U << CLAIMS_RULE_GRAPH;
    return (broken & ALL) != 0 ||
           (is_about_time(number) && (broken & 1U << CLAIMS_RULE_TIME) != 0) ||
           (is_about_use(number) && (broken & 1U << CLAIMS_RULE_TYPE) != 0);
}

void claims_explain(const struct provider *provider, const struct claims *claims, int64_t now,
                    struct finding_list *findings)
{
    unsigned broken = 0;
    for (unsigned i = 0; i < CLAIMS_RULES; i++) {
        enum claims_rule_number number = (enum claims_rule_number)i;
        struct telling telling = {
            .about = {provider, claims, now},
            .code = claims_rules[number].code,
            .findings = findings,
        };
        telling.fault = claims_rules_judge(number, &telling.about);
        bool holds = (claims_rules[number].sources & (1U << claims->source)) != 0;
        if (holds && !is_covered(number, broken)) {
            tellings[number](&telling);
        }
        broken |= is_kept(&telling) ? 0 : 1U << number;
    }
    if (!is_covered(CLAIMS_RULE_SCOPE, broken)) {
        tell_protocols(provider, claims, findings);
    }
}
