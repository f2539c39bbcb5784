/* claims_explain_identity.c - whose a token is, said aloud: address, subject, email_verified, hosted domain. */
#include "token/claims.h"

#include "token/claims_identity.h"
#include "token/claims_words.h"

#include <string.h>

static const char *claim_of(const struct provider *provider)
{
    return provider->username_claim == NULL ? "email" : provider->username_claim;
}

static void tell_domain(const struct provider *provider, const struct address *address,
                        struct finding_list *findings)
{
    static const char CODE[] = "token-address-domain";
    struct span domain = address_domain(address);
    if (provider_speaks_for(provider, domain)) {
        finding_good(findings, CODE, "%s speaks for %.*s", provider->name, (int)domain.length,
                     domain.at);
        return;
    }
    finding_bad(findings, CODE, claims_words_paste("domains", provider->domains, domain).text,
                "the address %s lies in none of the domains of this provider: %s", address->text,
                claims_words_setting(provider->domains).text);
}

static struct claims_words address_remedy(const struct provider *provider,
                                          const struct claims *claims)
{
    if (claims->username.presence == CLAIMS_ABSENT && claims->email.presence == CLAIMS_THERE) {
        return claims_words_format("username_claim = \"email\"");
    }
    if (claims->username.presence == CLAIMS_ABSENT) {
        return claims_words_format(
            "have the client ask for the scope email, map the claim into the token at the "
            "provider, or set username_claim to the claim that holds the address");
    }
    bool bare = claims->username.presence == CLAIMS_THERE && !span_has(claims->username.text, '@');
    if (bare && provider->username_template == NULL) {
        const char *domain =
            claims_rules_set(provider->domains) ? provider->domains[0] : "example.com";
        return claims_words_format("username_template = \"%%s@%.250s\"", domain);
    }
    return claims_words_format("set username_claim to a claim that holds the mail address");
}

/* true when `address` is there. */
static bool tell_address(const struct provider *provider, const struct claims *claims,
                         struct address *address, struct finding_list *findings)
{
    static const char CODE[] = "token-address";
    struct error error = {0};
    struct claims_fault fault = claims_identity_address(provider, claims, address, &error);
    if (fault.reason == VERDICT_NO_REASON) {
        finding_good(findings, CODE, "%s names %s", claim_of(provider), address->text);
        return true;
    }
    if (fault.reason == VERDICT_NO_ADDRESS && claims->source != CLAIMS_USERINFO &&
        claims->username.presence == CLAIMS_ABSENT) {
        finding_skipped(findings, CODE, "the claim %s is not in it; userinfo may say",
                        claim_of(provider));
        return false;
    }
    finding_bad(findings, CODE, address_remedy(provider, claims).text,
                "the claim %s is %s; expected a mail address%s%s", claim_of(provider),
                claims_words_text(&claims->username).text, error.text[0] == '\0' ? "" : "; ",
                error.text);
    return false;
}

static void tell_subject(const struct provider *provider, const struct claims *claims,
                         struct finding_list *findings)
{
    static const char CODE[] = "token-subject";
    const char *name = provider->subject_claim == NULL ? "sub" : provider->subject_claim;
    struct claims_fault fault = claims_identity_subject(provider, claims);
    struct claims_words seen = claims_words_text(&claims->subject);
    if (fault.reason != VERDICT_NO_REASON) {
        finding_bad(findings, CODE,
                    "have the provider say it (in Keycloak 25 and later: the client scope "
                    "\"basic\"), or set "
                    "subject_claim to the claim that names a person for good",
                    "%s is %s; expected a text of 1 to 255 bytes", name, seen.text);
    } else if (claims->subject.presence == CLAIMS_ABSENT) {
        finding_warning(findings, CODE, "have the provider send sub with userinfo",
                        "%s is missing: the account cannot be bound to a person", name);
    } else {
        finding_good(findings, CODE, "%s is %s", name, seen.text);
    }
}

static const char *verified_remedy(const struct provider *provider)
{
    bool authentik = provider->preset != NULL && strcmp(provider->preset, "authentik") == 0;
    bool keycloak = provider->preset != NULL && strcmp(provider->preset, "keycloak") == 0;
    if (keycloak) {
        return "in Keycloak: Users, the person, Details, switch \"Email verified\" on (for a "
               "directory: User "
               "federation, \"Trust Email\")";
    }
    if (authentik) {
        return "in Authentik: a scope mapping for email that says email_verified: True (false by "
               "default since "
               "2025.10); or email_verified = \"trust\" if people cannot change their address "
               "there";
    }
    return "have the address verified at the provider; or email_verified = \"trust\" if people "
           "cannot change their "
           "address there";
}

static void tell_verified(const struct provider *provider, const struct claims *claims,
                          const struct address *address, struct finding_list *findings)
{
    static const char CODE[] = "token-email-verified";
    static const char *const SEEN[] = {"not said of this address", "false (or no JSON true)",
                                       "true"};
    enum verdict_verified seen = claims_identity_verified(provider, claims, address);
    enum provider_email_verified mode = provider->email_verified;
    if (mode == PROVIDER_EMAIL_TRUST) {
        finding_skipped(findings, CODE, "email_verified is %s; the provider is trusted with it",
                        SEEN[seen]);
        return;
    }
    if (seen == VERIFIED_YES || (seen == VERIFIED_UNSAID && mode == PROVIDER_EMAIL_IF_PRESENT)) {
        finding_good(findings, CODE, "email_verified is %s", SEEN[seen]);
        return;
    }
    finding_bad(findings, CODE, verified_remedy(provider),
                "email_verified is %s: no account is opened by it for the first time (one that is "
                "bound already opens "
                "all the same)",
                SEEN[seen]);
}

static void tell_hosted(const struct provider *provider, const struct claims *claims,
                        struct finding_list *findings)
{
    static const char CODE[] = "token-hosted-domain";
    struct claims_fault fault = claims_identity_hosted(provider, claims);
    struct claims_words seen = claims_words_text(&claims->hosted_domain);
    if (!claims_rules_set(provider->hosted_domains)) {
        return;
    }
    if (fault.reason == VERDICT_NO_ADDRESS) {
        finding_skipped(findings, CODE, "%s", fault.detail);
        return;
    }
    if (fault.reason == VERDICT_NO_REASON) {
        finding_good(findings, CODE, "hd is %s", seen.text);
        return;
    }
    finding_bad(findings, CODE,
                claims->hosted_domain.presence == CLAIMS_THERE
                    ? claims_words_paste("hosted_domains", provider->hosted_domains,
                                         claims->hosted_domain.text)
                          .text
                    : "sign in with the account of the organisation, not with a private one",
                "hd is %s; expected one of %s", seen.text,
                claims_words_setting(provider->hosted_domains).text);
}

void claims_explain_identity(const struct provider *provider, const struct claims *claims,
                             struct finding_list *findings)
{
    struct address address;
    if (tell_address(provider, claims, &address, findings)) {
        tell_domain(provider, &address, findings);
        tell_verified(provider, claims, &address, findings);
    }
    tell_subject(provider, claims, findings);
    tell_hosted(provider, claims, findings);
}
