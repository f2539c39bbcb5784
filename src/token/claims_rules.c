/* claims_rules.c - the rules by which a token may sign in: type, sender, issuer, times, audience, client, scopes. */
#include "token/claims_rules.h"

#include <string.h>

#define KEPT ((struct claims_fault){VERDICT_NO_REASON, NULL})

enum {
    OF_JWT = 1 << CLAIMS_JWT,
    OF_INTROSPECTION = 1 << CLAIMS_INTROSPECTION,
    OF_TOKENINFO = 1 << CLAIMS_TOKENINFO,
    OF_ALL = OF_JWT | OF_INTROSPECTION | OF_TOKENINFO,
};

static struct claims_fault fault(enum verdict_reason reason, const char *detail)
{
    return (struct claims_fault){reason, detail};
}

/* -- lists -- */

bool claims_rules_set(char *const *list)
{
    return list != NULL && list[0] != NULL;
}

bool claims_rules_names(char *const *list, struct span item)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        if (span_is(item, list[i])) {
            return true;
        }
    }
    return false;
}

bool claims_rules_has(const struct claims_list *list, const char *item)
{
    for (size_t i = 0; list->presence == CLAIMS_THERE && i < list->count; i++) {
        if (span_is(list->items[i], item)) {
            return true;
        }
    }
    return false;
}

static bool some_named(char *const *list, const struct claims_list *seen)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (claims_rules_names(list, seen->items[i])) {
            return true;
        }
    }
    return false;
}

static bool all_named(char *const *list, const struct claims_list *seen)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (!claims_rules_names(list, seen->items[i])) {
            return false;
        }
    }
    return true;
}

static bool has_all(const struct claims_list *seen, char *const *wanted)
{
    for (size_t i = 0; wanted != NULL && wanted[i] != NULL; i++) {
        if (!claims_rules_has(seen, wanted[i])) {
            return false;
        }
    }
    return true;
}

/* -- of what kind is it? -- */

static struct claims_fault judge_active(const struct claims_question *question)
{
    return question->claims->active == CLAIMS_THERE
               ? KEPT
               : fault(VERDICT_INACTIVE, "inactive: over, unknown, or not ours to ask about");
}

bool claims_rules_is_graph(struct span audience)
{
    static const char *const GRAPHS[] = {
        "00000003-0000-0000-c000-000000000000",
        "https://graph.microsoft.com",
        "https://graph.microsoft.us",
        "https://dod-graph.microsoft.us",
        "https://microsoftgraph.chinacloudapi.cn",
    };
    struct span name =
        span_ends(audience, "/") ? span_first(audience, audience.length - 1) : audience;
    for (size_t i = 0; i < sizeof GRAPHS / sizeof *GRAPHS; i++) {
        if (span_is_fold(name, GRAPHS[i])) {
            return true;
        }
    }
    return false;
}

/* Before all others: its signature verifies nowhere but at Microsoft, and every other refusal would mislead. */
static struct claims_fault judge_graph(const struct claims_question *question)
{
    const struct claims_list *audiences = &question->claims->audiences;
    for (size_t i = 0; i < audiences->count; i++) {
        if (claims_rules_is_graph(audiences->items[i])) {
            return fault(VERDICT_FOR_GRAPH, "aud is Microsoft Graph");
        }
    }
    return KEPT;
}

/* What a claim says about the kind of token. */
enum kind { KIND_SILENT, KIND_ID, KIND_BOUND, KIND_OTHER };

static enum kind kind_of_word(struct span word)
{
    static const struct {
        const char *word;
        enum kind kind;
    } WORDS[] = {
        {"id", KIND_ID},
        {"id_token", KIND_ID},
        {"id-token", KIND_ID},
        {"dpop", KIND_BOUND},
        {"pop", KIND_BOUND},
        {"mac", KIND_BOUND},
        {"serialized-id", KIND_OTHER},
        {"initialaccesstoken", KIND_OTHER},
        {"registrationaccesstoken", KIND_OTHER},
        {"authorization_code", KIND_OTHER},
        {"dpop+jwt", KIND_OTHER},
        {"secevent+jwt", KIND_OTHER},
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (span_is_fold(word, WORDS[i].word)) {
            return WORDS[i].kind;
        }
    }
    /* "Refresh", "refresh_token", "refresh-token"; Keycloak's "Offline"; "Logout", "logout_token" */
    bool other = span_starts_fold(word, "refresh") || span_starts_fold(word, "offline") ||
                 span_starts_fold(word, "logout");
    return other ? KIND_OTHER : KIND_SILENT;
}

static enum kind kind_of(const struct claims_text *said)
{
    switch (said->presence) {
    case CLAIMS_ABSENT:
        return KIND_SILENT;
    case CLAIMS_BAD:
        return KIND_OTHER;
    case CLAIMS_THERE:
        break;
    }
    return kind_of_word(said->text);
}

static bool says_kind(const struct claims *claims, enum kind kind)
{
    /* `type` and `tokenType` are nobody's registered names: what is no word of ours there means nothing. */
    bool other =
        claims->other_type.presence == CLAIMS_THERE && kind_of(&claims->other_type) == kind;
    return other || kind_of(&claims->own_type) == kind || kind_of(&claims->token_type) == kind ||
           kind_of(&claims->token_use) == kind;
}

/* RFC 7515, 4.1.9: "application/" may be left out. RFC 8725bis: compared without regard to letter case. */
static struct span header_type(const struct claims *claims)
{
    struct span type = claims->header_type;
    return span_starts_fold(type, "application/") ? span_from(type, strlen("application/")) : type;
}

static bool is_at_jwt(const struct claims *claims)
{
    return span_is_fold(header_type(claims), "at+jwt");
}

static bool is_marked(enum provider_mark mark, const struct claims *claims)
{
    /* These two are hashes of *other* tokens, so they belong to ID tokens (Core, 3.3.2.11); only Dex errs. A nonce is
     * copied by Authentik, Kanidm and old Keycloaks. */
    bool hashed = claims->at_hash || claims->c_hash;
    switch (mark) {
    case PROVIDER_MARK_NONE:
        return !hashed && !claims->nonce;
    case PROVIDER_MARK_TYP_BEARER:
        return claims->own_type.presence == CLAIMS_THERE &&
               span_is(claims->own_type.text, "Bearer");
    case PROVIDER_MARK_UID:
        return !hashed && claims->authorized_party && claims->uid.presence == CLAIMS_THERE;
    case PROVIDER_MARK_AT_JWT:
        return false;
    case PROVIDER_MARK_SCP:
        return !hashed && claims->scp;
    }
    return false;
}

bool claims_rules_id_token(const struct provider *provider, const struct claims *claims)
{
    if (claims->source != CLAIMS_JWT || is_at_jwt(claims)) {
        return false;
    }
    return says_kind(claims, KIND_ID) || !is_marked(provider->mark, claims);
}

static struct claims_fault judge_header(const struct claims *claims)
{
    struct span type = header_type(claims);
    if (!span_empty(claims->content_type)) {
        return fault(VERDICT_WRONG_TYPE, "cty: another token is nested in it");
    }
    if (!span_empty(type) && !span_is_fold(type, "JWT") && !is_at_jwt(claims)) {
        return fault(VERDICT_WRONG_TYPE, "typ in its header is of another kind of token");
    }
    if (is_at_jwt(claims) && says_kind(claims, KIND_ID)) {
        return fault(VERDICT_WRONG_TYPE, "header and claims contradict each other");
    }
    return KEPT;
}

/* RFC 9068, 2.1 and 4; RFC 8725, 3.11. */
static struct claims_fault judge_type(const struct claims_question *question)
{
    const struct claims *claims = question->claims;
    struct claims_fault header = judge_header(claims);
    if (header.reason != VERDICT_NO_REASON) {
        return header;
    }
    if (claims->events) {
        return fault(VERDICT_WRONG_TYPE, "a logout token or security event");
    }
    if (says_kind(claims, KIND_OTHER)) {
        return fault(VERDICT_WRONG_TYPE, "a refresh, logout or other token by its claims");
    }
    bool id = says_kind(claims, KIND_ID),
         unclear = claims_rules_id_token(question->provider, claims);
    bool allowed = question->provider->id_tokens && claims->source == CLAIMS_JWT;
    if ((!id && !unclear) || allowed) {
        return KEPT;
    }
    return fault(VERDICT_WRONG_TYPE, id ? "an ID token" : "cannot be told from an ID token");
}

/* RFC 7800, RFC 8705, RFC 9449: SASL cannot carry a proof of possession. */
static struct claims_fault judge_bound(const struct claims_question *question)
{
    bool bound = question->claims->confirmation || says_kind(question->claims, KIND_BOUND);
    return bound ? fault(VERDICT_SENDER_BOUND, "bound to a key of its client (cnf, DPoP)") : KEPT;
}

/* -- who issued it, and when? -- */

static struct claims_fault judge_issuer(const struct claims_question *question)
{
    const struct claims_text *issuer = &question->claims->issuer;
    char *const *issuers = question->provider->issuers;
    bool must = question->claims->source == CLAIMS_JWT;
    if (issuer->presence == CLAIMS_BAD) {
        return fault(VERDICT_OTHER_ISSUER, "iss is no usable string");
    }
    if (issuer->presence == CLAIMS_ABSENT) {
        return must ? fault(VERDICT_OTHER_ISSUER, "iss is missing") : KEPT;
    }
    /* An introspection URL alone makes a provider without issuers. */
    bool known = claims_rules_names(issuers, issuer->text) || (!must && !claims_rules_set(issuers));
    return known ? KEPT : fault(VERDICT_OTHER_ISSUER, "iss is none of the provider's issuers");
}

static struct claims_fault judge_time(const struct claims_question *question)
{
    const struct claims *claims = question->claims;
    if (claims->expires.presence == CLAIMS_BAD) {
        return fault(VERDICT_BAD_TIME, "exp is no usable number");
    }
    if (claims->expires.presence == CLAIMS_ABSENT && claims->source == CLAIMS_JWT) {
        return fault(VERDICT_BAD_TIME, "exp is missing");
    }
    if (claims->not_before.presence == CLAIMS_BAD) {
        return fault(VERDICT_BAD_TIME, "nbf is no usable number");
    }
    if (claims->issued.presence == CLAIMS_BAD) {
        return fault(VERDICT_BAD_TIME, "iat is no usable number");
    }
    if (claims->issued.presence == CLAIMS_ABSENT && question->provider->max_age_s > 0) {
        return fault(VERDICT_BAD_TIME, "iat is missing, and max_age needs it");
    }
    return KEPT;
}

static struct claims_fault judge_expired(const struct claims_question *question)
{
    const struct claims_time *expires = &question->claims->expires;
    bool over = expires->presence == CLAIMS_THERE &&
                question->now >= expires->seconds + question->provider->leeway_s;
    return over ? fault(VERDICT_EXPIRED, "exp is over") : KEPT;
}

static bool is_future(const struct claims_question *question, const struct claims_time *time)
{
    return time->presence == CLAIMS_THERE &&
           time->seconds > question->now + question->provider->leeway_s;
}

static struct claims_fault judge_not_yet(const struct claims_question *question)
{
    if (is_future(question, &question->claims->not_before)) {
        return fault(VERDICT_NOT_YET, "nbf is in the future");
    }
    return is_future(question, &question->claims->issued)
               ? fault(VERDICT_NOT_YET, "iat is in the future")
               : KEPT;
}

static struct claims_fault judge_age(const struct claims_question *question)
{
    const struct provider *provider = question->provider;
    const struct claims_time *issued = &question->claims->issued;
    bool old = provider->max_age_s > 0 && issued->presence == CLAIMS_THERE &&
               question->now >= issued->seconds + provider->max_age_s + provider->leeway_s;
    return old ? fault(VERDICT_TOO_OLD, "iat is longer ago than max_age") : KEPT;
}

/* -- for whom, by whom, for what? -- */

/* Elsewhere the type has refused it already. */
static bool is_let_in_as_id(const struct claims_question *question)
{
    return question->provider->id_tokens &&
           claims_rules_id_token(question->provider, question->claims);
}

static struct claims_fault judge_audience(const struct claims_question *question)
{
    const struct provider *provider = question->provider;
    const struct claims_list *seen = &question->claims->audiences;
    bool set = claims_rules_set(provider->audiences);
    bool id = is_let_in_as_id(question);
    if (seen->presence == CLAIMS_BAD) {
        return fault(VERDICT_AUDIENCE, "aud is no usable string or list of strings");
    }
    if (!set && !id) {
        return KEPT;
    }
    if (seen->presence == CLAIMS_ABSENT) {
        return fault(VERDICT_AUDIENCE, "aud is missing");
    }
    /* Core, 2: an ID token's audience is the client it was issued to. */
    return some_named(set ? provider->audiences : provider->clients, seen)
               ? KEPT
               : fault(VERDICT_AUDIENCE,
                       set ? "aud names none of audiences" : "aud names none of clients");
}

/* Core, 3.1.3.7, 3 to 5: an ID token without azp names its client in aud, and then only that. */
static struct claims_fault judge_client(const struct claims_question *question)
{
    const struct provider *provider = question->provider;
    const struct claims *claims = question->claims;
    const struct claims_list *seen = &claims->clients;
    bool id = is_let_in_as_id(question);
    if (id && seen->presence == CLAIMS_ABSENT) {
        if (claims->audiences.count > 1) {
            return fault(VERDICT_CLIENT, "an ID token for several, without azp");
        }
        seen = &claims->audiences;
    }
    if (!claims_rules_set(provider->clients)) {
        return KEPT;
    }
    if (seen->presence != CLAIMS_THERE) {
        return fault(VERDICT_CLIENT, seen->presence == CLAIMS_ABSENT
                                         ? "no client is named"
                                         : "the client is no usable string");
    }
    return all_named(provider->clients, seen)
               ? KEPT
               : fault(VERDICT_CLIENT, "the client is none of clients");
}

static bool is_client(const struct claims_question *question, const struct claims_text *subject)
{
    const struct claims_list *clients = &question->claims->clients;
    if (subject->presence != CLAIMS_THERE) {
        return false;
    }
    for (size_t i = 0; i < clients->count; i++) {
        if (span_equal(clients->items[i], subject->text)) {
            return true;
        }
    }
    return claims_rules_names(question->provider->clients, subject->text);
}

static bool text_is(const struct claims_text *said, const char *word)
{
    return said->presence == CLAIMS_THERE && span_is_fold(said->text, word);
}

/* RFC 9700, 4.15: who names the client must not thereby name a user. */
static struct claims_fault judge_of_client(const struct claims_question *question)
{
    const struct claims *claims = question->claims;
    if (is_client(question, &claims->sub) || is_client(question, &claims->subject)) {
        return fault(VERDICT_OF_CLIENT, "the subject is the client itself");
    }
    if (text_is(&claims->identity_type, "app") || text_is(&claims->grant, "client-credentials")) {
        return fault(VERDICT_OF_CLIENT, "issued to an application, not to a person");
    }
    bool service = claims->preferred.presence == CLAIMS_THERE &&
                   span_starts_fold(claims->preferred.text, "service-account-");
    return service ? fault(VERDICT_OF_CLIENT, "of a service account") : KEPT;
}

static struct claims_fault judge_scope(const struct claims_question *question)
{
    return has_all(&question->claims->scopes, question->provider->scopes)
               ? KEPT
               : fault(VERDICT_SCOPE, "a required scope is missing");
}

unsigned claims_rules_protocols(const struct provider *provider, const struct claims *claims)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < PROVIDER_PROTOCOLS; i++) {
        bits |= has_all(&claims->scopes, provider->scopes_of[i]) ? 1U << i : 0;
    }
    return bits;
}

const struct claims_rule claims_rules[CLAIMS_RULES] = {
    [CLAIMS_RULE_ACTIVE] = {"token-active", OF_INTROSPECTION, judge_active},
    [CLAIMS_RULE_GRAPH] = {"token-for-graph", OF_ALL, judge_graph},
    [CLAIMS_RULE_TYPE] = {"token-type", OF_JWT | OF_INTROSPECTION, judge_type},
    [CLAIMS_RULE_BOUND] = {"token-sender-bound", OF_ALL, judge_bound},
    [CLAIMS_RULE_ISSUER] = {"token-issuer", OF_ALL, judge_issuer},
    [CLAIMS_RULE_TIME] = {"token-time", OF_ALL, judge_time},
    [CLAIMS_RULE_EXPIRED] = {"token-expired", OF_ALL, judge_expired},
    [CLAIMS_RULE_NOT_YET] = {"token-not-yet", OF_ALL, judge_not_yet},
    [CLAIMS_RULE_AGE] = {"token-age", OF_ALL, judge_age},
    [CLAIMS_RULE_AUDIENCE] = {"token-audience", OF_ALL, judge_audience},
    [CLAIMS_RULE_CLIENT] = {"token-client", OF_ALL, judge_client},
    [CLAIMS_RULE_OF_CLIENT] = {"token-of-client", OF_ALL, judge_of_client},
    [CLAIMS_RULE_SCOPE] = {"token-scope", OF_ALL, judge_scope},
};

struct claims_fault claims_rules_judge(enum claims_rule_number number,
                                       const struct claims_question *question)
{
    const struct claims_rule *rule = &claims_rules[number];
    bool holds = (rule->sources & (1U << question->claims->source)) != 0;
    return holds ? rule->judge(question) : KEPT;
}
