/* claims.c - what a token, or an answer about one, says: may it sign in, and whose is it? */
#include "token/claims.h"

#include "token/claims_identity.h"
#include "token/claims_rules.h"

#include <assert.h>

static bool accept(struct verdict *verdict)
{
    verdict->answer = VERDICT_ACCEPTED;
    verdict->reason = VERDICT_NO_REASON;
    verdict->detail[0] = '\0';
    return true;
}

/* The first of the ends that are known: the token's own, max_age, and what another source said before. */
static int64_t expires(const struct provider *provider, const struct claims *claims,
                       int64_t already)
{
    int64_t ends = already;
    if (claims->expires.presence == CLAIMS_THERE && (ends == 0 || claims->expires.seconds < ends)) {
        ends = claims->expires.seconds;
    }
    if (provider->max_age_s > 0 && claims->issued.presence == CLAIMS_THERE) {
        int64_t old = claims->issued.seconds + provider->max_age_s;
        ends = ends == 0 || old < ends ? old : ends;
    }
    return ends;
}

bool claims_judge(const struct provider *provider, const struct claims *claims, int64_t now,
                  struct verdict *verdict)
{
    const struct claims_question question = {provider, claims, now};
    assert(claims->source != CLAIMS_USERINFO);
    for (unsigned i = 0; i < CLAIMS_RULES; i++) {
        struct claims_fault fault = claims_rules_judge((enum claims_rule_number)i, &question);
        if (fault.reason != VERDICT_NO_REASON) {
            return verdict_refuse(verdict, fault.reason, fault.detail);
        }
    }
    verdict->protocols = claims_rules_protocols(provider, claims);
    verdict->expires = expires(provider, claims, verdict->expires);
    if (claims->session.presence == CLAIMS_THERE) {
        (void)span_fits(claims->session.text, verdict->session, sizeof verdict->session);
    }
    return accept(verdict);
}

/* Core, 5.3.2: userinfo is used only when its subject is the token's. A source that names none under
 * PROVIDER_EMAIL_TRUST contradicts nobody, for the provider looked it up by the same token. */
static struct claims_fault same_subject(const struct claims *claims, const struct verdict *verdict)
{
    bool other = verdict->subject[0] != '\0' && claims->subject.presence != CLAIMS_ABSENT &&
                 !span_is(claims->subject.text, verdict->subject);
    return other ? (struct claims_fault){VERDICT_OTHER_SUBJECT, "two sources, two subjects"}
                 : (struct claims_fault){VERDICT_NO_REASON, NULL};
}

/* RFC 7662, 2.2: an introspection answer need not name the subject, which the proved token has named already. */
static struct claims_fault subject_fault(const struct provider *provider,
                                         const struct claims *claims, const struct verdict *verdict)
{
    bool known = claims->source == CLAIMS_INTROSPECTION && verdict->subject[0] != '\0' &&
                 claims->subject.presence == CLAIMS_ABSENT;
    return known ? (struct claims_fault){VERDICT_NO_REASON, NULL}
                 : claims_identity_subject(provider, claims);
}

bool claims_identify(const struct provider *provider, const struct claims *claims,
                     struct verdict *verdict)
{
    struct address address;
    struct error ignored;
    struct claims_fault faults[] = {
        same_subject(claims, verdict),
        claims_identity_address(provider, claims, &address, &ignored),
        subject_fault(provider, claims, verdict),
        claims_identity_hosted(provider, claims),
    };
    /* Kept also when this source names nobody: the next one must name the same. */
    if (faults[0].reason == VERDICT_NO_REASON && faults[2].reason == VERDICT_NO_REASON &&
        claims->subject.presence == CLAIMS_THERE) {
        (void)span_fits(claims->subject.text, verdict->subject, sizeof verdict->subject);
    }
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (faults[i].reason != VERDICT_NO_REASON) {
            return verdict_refuse(verdict, faults[i].reason, faults[i].detail);
        }
    }
    if (!provider_speaks_for(provider, address_domain(&address))) {
        return verdict_refuse(verdict, VERDICT_OTHER_DOMAIN, "the address is in none of domains");
    }
    verdict->address = address;
    verdict->verified = claims_identity_verified(provider, claims, &address);
    return accept(verdict);
}
