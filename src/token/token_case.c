/* token_case.c - what is known of one token, and what each source adds to it. */
#include "token/token_case.h"

#include "token/token_explain.h"
#include "token/userinfo.h"

#include <string.h>

struct span token_case_issuer_named(const struct jwt *jwt)
{
    const struct json_view_value *value =
        json_view_member(&jwt->claims, json_view_top(&jwt->claims), SPAN_LITERAL("iss"));
    return json_view_kind(value) == JSON_VIEW_TEXT ? value->text : (struct span){0};
}

/* -- a JWT -- */

static bool algorithm_allowed(const struct provider *provider, struct span name)
{
    for (char **allowed = provider->algorithms; allowed != NULL && *allowed != NULL; allowed++) {
        if (span_is(name, *allowed)) {
            return signature_algorithm_of(name) != SIGNATURE_NONE;
        }
    }
    return false;
}

bool token_case_judge_jwt(struct token_case *of, struct token_scratch *scratch, int64_t now)
{
    struct verdict *verdict = &of->verdict;
    if (scratch->jwt.critical) {
        return verdict_refuse(verdict, VERDICT_CRITICAL, "crit");
    }
    if (!algorithm_allowed(of->provider, scratch->jwt.algorithm)) {
        return verdict_refuse(verdict, VERDICT_ALGORITHM, "alg is not one of the allowed ones");
    }
    claims_read_jwt(of->provider, &scratch->jwt, &scratch->claims);
    if (!claims_judge(of->provider, &scratch->claims, now, verdict)) {
        return false;
    }
    of->known.identified = claims_identify(of->provider, &scratch->claims, verdict);
    return of->known.identified || verdict->reason == VERDICT_NO_ADDRESS;
}

/* -- asking -- */

const char *token_case_endpoint(const struct token_case *of)
{
    const struct provider *provider = of->provider;
    const struct discovery *known = of->issuer == NULL ? NULL : issuer_discovery(of->issuer);
    if (of->way == TOKEN_WAY_TOKENINFO) {
        return provider->tokeninfo;
    }
    bool introspects = of->way == TOKEN_WAY_INTROSPECT;
    const char *typed = introspects ? provider->introspection.url : provider->userinfo;
    if (typed != NULL || known == NULL) {
        return typed;
    }
    return introspects ? known->introspection : known->userinfo;
}

bool token_case_request(struct token_case *of, const struct secret *token, int64_t now,
                        struct introspect_request *request)
{
    struct error error = {0};
    const char *url = token_case_endpoint(of);
    struct span issuer = span_of(of->issuer == NULL ? NULL : issuer_name(of->issuer));
    *request = (struct introspect_request){0};
    if (url == NULL) {
        return verdict_cannot_say(&of->verdict, VERDICT_NO_ENDPOINT,
                                  "discovery names no such endpoint");
    }
    if (of->way == TOKEN_WAY_USERINFO) {
        request->fetch = userinfo_request(of->provider, url, token);
    } else if (of->way == TOKEN_WAY_TOKENINFO) {
        introspect_tokeninfo_request(of->provider, token, request);
    } else if (!introspect_request(of->provider, url, issuer, token, now, request, &error)) {
        return verdict_cannot_say(&of->verdict, VERDICT_CREDENTIALS, error.text);
    }
    token_way_reach(of->provider, &request->fetch);
    return true;
}

/* What an answer says of a token that is proved already is only whether it still lives: its client, audience, scopes and
 * age stood in the token itself. */
static bool judge_answer(struct token_case *of, const struct claims *claims, int64_t now)
{
    struct provider rules = *of->provider;
    struct verdict *verdict = &of->verdict;
    int64_t expires = verdict->expires;
    unsigned protocols = verdict->protocols;
    if (of->known.proved) {
        rules.audiences = rules.clients = rules.scopes = NULL;
        rules.any_client = true;
        rules.max_age_s = 0;
    }
    if (!claims_judge(&rules, claims, now, verdict)) {
        return false;
    }
    if (of->known.proved) {
        bool sooner = verdict->expires == 0 || (expires != 0 && expires < verdict->expires);
        verdict->protocols = protocols;
        verdict->expires = sooner ? expires : verdict->expires;
    }
    return true;
}

/* Whoever names nobody leaves it to the next; whoever names somebody else than before ends it. */
static bool identify(struct token_case *of, const struct claims *claims)
{
    struct verdict before = of->verdict;
    bool last = of->way == TOKEN_WAY_USERINFO;
    if (claims_identify(of->provider, claims, &of->verdict)) {
        of->known.identified = true;
        return true;
    }
    if (of->verdict.reason != VERDICT_NO_ADDRESS || (last && !of->known.identified)) {
        return false;
    }
    /* But whom it names, the next one must name as well. */
    memcpy(before.subject, of->verdict.subject, sizeof before.subject);
    of->verdict = before;
    return true;
}

/* The protocols that ask for no scope: of scopes userinfo says nothing. */
static unsigned without_scopes(const struct provider *provider)
{
    unsigned protocols = 0;
    for (unsigned i = 0; i < PROVIDER_PROTOCOLS; i++) {
        bool asks = provider->scopes_of[i] != NULL && provider->scopes_of[i][0] != NULL;
        protocols |= asks ? 0 : 1U << i;
    }
    return protocols;
}

static bool hear_userinfo(struct token_case *of, struct token_scratch *scratch,
                          const struct fetch_answer *answer)
{
    bool judged = of->known.proved || of->known.introspected || of->known.tokeninfo;
    of->verdict.protocols = judged ? of->verdict.protocols : without_scopes(of->provider);
    of->known.userinfo = true;
    if (!userinfo_read(of->provider, answer, &scratch->view, scratch->bytes, &scratch->claims,
                       &of->verdict)) {
        return false;
    }
    token_explain_identity(of->findings, of->provider, &scratch->claims);
    return identify(of, &scratch->claims);
}

static bool hear_about_it(struct token_case *of, struct token_scratch *scratch,
                          const struct fetch_answer *answer, int64_t now)
{
    bool introspects = of->way == TOKEN_WAY_INTROSPECT;
    enum claims_source source = introspects ? CLAIMS_INTROSPECTION : CLAIMS_TOKENINFO;
    of->known.introspected |= introspects;
    of->known.tokeninfo |= !introspects;
    bool read = introspect_read(of->provider, source, answer, &scratch->view, scratch->bytes,
                                &scratch->claims, &of->verdict);
    bool unsupported = !read && introspect_unsupported(&of->verdict);
    of->known.unsupported |= unsupported;
    if (unsupported || !read) {
        return unsupported;
    }
    token_explain_answer(of->findings, of->provider, &scratch->claims, now);
    return judge_answer(of, &scratch->claims, now) && identify(of, &scratch->claims);
}

bool token_case_hear(struct token_case *of, struct token_scratch *scratch,
                     const struct fetch_answer *answer, int64_t now)
{
    of->verdict.status = answer->status;
    bool goes_on = of->way == TOKEN_WAY_USERINFO ? hear_userinfo(of, scratch, answer)
                                                 : hear_about_it(of, scratch, answer, now);
    of->verdict.status = answer->status;
    token_explain_asked(of, answer, goes_on);
    return goes_on;
}
