/* fuzz_token.h - what the targets of src/token/ share: providers of several kinds, and what holds of every verdict. */
#ifndef FUZZ_FUZZ_TOKEN_H
#define FUZZ_FUZZ_TOKEN_H

#include "fuzz.h"

#include "base/text.h"
#include "token/claims.h"

enum { FUZZ_NOW = 1800000000, FUZZ_PROVIDERS = 8 };

/* One of several, by the low bits of `choice`. */
static inline const struct provider *fuzz_provider(unsigned choice)
{
    static char name[] = "work", email[] = "email", sub[] = "sub", oid[] = "oid";
    static char upn[] = "preferred_username upn", path[] = "resource.mail";
    static char template[] = "%s@example.com", issuer[] = "https://id.example.com";
    static char domain[] = "example.com", mail[] = "mail", openid[] = "openid", client[] = "tb";
    static char *issuers[] = {issuer, NULL}, *domains[] = {domain, NULL}, *mails[] = {mail, NULL};
    static char *openids[] = {openid, NULL}, *clients[] = {client, NULL};
    static struct provider providers[FUZZ_PROVIDERS] = {
        {.issuers = issuers, .domains = domains, .audiences = mails, .clients = clients},
        {.issuers = issuers,
         .clients = clients,
         .mark = PROVIDER_MARK_TYP_BEARER,
         .id_tokens = true},
        {.issuers = issuers, .domains = domains, .clients = clients, .mark = PROVIDER_MARK_UID},
        {.issuers = issuers, .audiences = mails, .mark = PROVIDER_MARK_SCP, .max_age_s = 3600},
        {.issuers = issuers, .any_client = true, .mark = PROVIDER_MARK_AT_JWT, .scopes = openids},
        {.domains = domains, .any_client = true, .email_verified = PROVIDER_EMAIL_TRUST},
        {.issuers = issuers, .domains = domains, .any_client = true, .hosted_domains = domains},
        {.issuers = issuers, .clients = clients, .scopes_of = {mails, NULL, openids, NULL}},
    };
    struct provider *provider = &providers[choice % FUZZ_PROVIDERS];
    provider->name = name;
    provider->username_claim = choice % FUZZ_PROVIDERS == 3 ? upn : email;
    provider->subject_claim = choice % FUZZ_PROVIDERS == 3 ? oid : sub;
    if (choice % FUZZ_PROVIDERS == 7) {
        provider->username_claim = path;
        provider->username_template = template;
        provider->email_verified = PROVIDER_EMAIL_IF_PRESENT;
    }
    provider->leeway_s = 30;
    return provider;
}

/* A refusal has a reason, and no text has a control byte in it. */
static inline void fuzz_check_verdict(bool accepted, const struct verdict *verdict)
{
    assert(accepted == (verdict->answer == VERDICT_ACCEPTED));
    assert(accepted == (verdict->reason == VERDICT_NO_REASON));
    assert(verdict->reason < VERDICT_REASONS && text_utf8(span_of(verdict->detail)));
    assert(text_utf8(span_of(verdict->subject)) && text_utf8(span_of(verdict->session)));
    for (size_t i = 0; verdict->subject[i] != '\0'; i++) {
        assert((unsigned char)verdict->subject[i] >= ' ');
    }
}

static inline void fuzz_check_findings(const struct finding_list *findings)
{
    assert(findings->count > 0);
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        bool remedy = finding->level == FINDING_WARNING || finding->level == FINDING_BAD;
        assert(text_utf8(span_of(finding->text)) && strlen(finding->text) <= FINDING_TEXT_MAX);
        assert(remedy == (finding->remedy != NULL));
        assert(strpbrk(finding->text, "\r\n\x1b") == NULL);
    }
}

/* What another source said before holds on: a subject, and an end. */
static inline void fuzz_judge_second(const struct provider *provider, const struct claims *claims)
{
    struct verdict verdict = {.provider = provider, .subject = "s-1", .expires = FUZZ_NOW + 100};
    if (claims->source != CLAIMS_USERINFO && claims_judge(provider, claims, FUZZ_NOW, &verdict)) {
        assert(verdict.expires <= FUZZ_NOW + 100);
    }
    bool named = claims_identify(provider, claims, &verdict);
    assert(!named || strcmp(verdict.subject, "s-1") == 0);
    assert(!named || claims->subject.presence == CLAIMS_ABSENT ||
           span_is(claims->subject.text, "s-1"));
}

/* All that is done with claims, however they came; what is explained agrees with what is judged. */
static inline void fuzz_judge(const struct provider *provider, const struct claims *claims)
{
    struct verdict verdict = {.provider = provider};
    if (claims->source != CLAIMS_USERINFO) {
        CLEANUP(finding_list_done) struct finding_list findings = finding_list_empty();
        bool good = claims_judge(provider, claims, FUZZ_NOW, &verdict);
        claims_explain(provider, claims, FUZZ_NOW, &findings);
        fuzz_check_verdict(good, &verdict);
        fuzz_check_findings(&findings);
        assert(good == (finding_worst(&findings) != FINDING_BAD));
        assert(!good || verdict.expires == 0 || verdict.expires > FUZZ_NOW - 30);
    }
    verdict = (struct verdict){.provider = provider};
    CLEANUP(finding_list_done) struct finding_list findings = finding_list_empty();
    bool named = claims_identify(provider, claims, &verdict);
    claims_explain_identity(provider, claims, &findings);
    fuzz_check_verdict(named, &verdict);
    fuzz_check_findings(&findings);
    assert(!named || provider_speaks_for(provider, address_domain(&verdict.address)));
    fuzz_judge_second(provider, claims);
}

#endif
