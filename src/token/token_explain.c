/* token_explain.c - the steps of a check, told for `postern token check`. */
#include "token/token_explain.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define SPAN_SHOWN(span) (int)((span).length < 120 ? (span).length : 120), (span).at

enum { REMEDY_MAX = 400 };

/* -- what it is -- */

void token_explain_shape(struct finding_list *findings, enum jwt_shape shape, const struct jwt *jwt)
{
    switch (shape) {
    case JWT_OPAQUE:
        finding_good(findings, "token-shape", "an opaque token: only the provider can read it");
        return;
    case JWT_MALFORMED:
        finding_bad(findings, "token-shape",
                    "give the whole token as the provider issued it, in one line",
                    "looks like a JWT and is none: %s: %s", jwt->part, jwt->problem);
        return;
    case JWT_GOOD:
        finding_good(findings, "token-shape", "a JWT, signed with %.*s, kid \"%.*s\"",
                     SPAN_SHOWN(jwt->algorithm), SPAN_SHOWN(jwt->key_id));
        return;
    }
}

void token_explain_turned_away(struct finding_list *findings, const struct verdict *verdict,
                               bool named)
{
    if (verdict->reason == VERDICT_BUSY) {
        finding_bad(findings, "token-busy", "try again when fewer people sign in",
                    "too many checks are under way");
    } else if (named) {
        finding_bad(findings, "token-provider",
                    "add the domain to `domains` of the provider block that is to speak for it",
                    "no provider speaks for the domain of this user");
    } else {
        finding_bad(findings, "token-provider", "write a provider block in postern.conf",
                    "no provider is configured");
    }
}

static void explain_no_provider(const struct token_case *of, const struct provider_set *set,
                                enum jwt_shape shape, struct span named, struct span domain)
{
    char remedy[REMEDY_MAX];
    size_t index;
    if (shape != JWT_GOOD) {
        finding_bad(of->findings, "token-provider",
                    "say whose token it is: --user ADDRESS; mail clients send a name with XOAUTH2, "
                    "and may leave it out with OAUTHBEARER",
                    "several providers could be asked, and an opaque token names none");
        return;
    }
    if (provider_set_issuer(set, named, &index) != NULL) {
        finding_bad(of->findings, "token-issuer",
                    "sign in with an address of this provider's domains, or add the domain to it",
                    "its issuer %.*s does not speak for %.*s", SPAN_SHOWN(named),
                    SPAN_SHOWN(domain));
        return;
    }
    snprintf(remedy, sizeof remedy, "add it to the provider block: issuer = { \"%.*s\" }",
             SPAN_SHOWN(named));
    finding_bad(of->findings, "token-issuer", remedy, "iss is %.*s, which no provider block names",
                SPAN_SHOWN(named));
}

/* A trailing slash, or the letter case, is what most often differs. */
static bool nearly(struct span a, struct span b)
{
    if (span_ends(a, "/")) {
        a = span_first(a, a.length - 1);
    }
    if (span_ends(b, "/")) {
        b = span_first(b, b.length - 1);
    }
    return span_equal_fold(a, b);
}

static void explain_other_issuer(const struct token_case *of, struct span named)
{
    char remedy[REMEDY_MAX];
    const char *found = NULL;
    assert(of->provider->issuers != NULL); /* without any there is no other one */
    for (char **own = of->provider->issuers; own != NULL && *own != NULL; own++) {
        found = found == NULL && nearly(span_of(*own), named) ? *own : found;
    }
    if (found != NULL) {
        snprintf(remedy, sizeof remedy, "write it exactly as the token does: issuer = { \"%.*s\" }",
                 SPAN_SHOWN(named));
    } else {
        snprintf(remedy, sizeof remedy,
                 "take a token of this provider, or add its issuer: issuer = { \"%.*s\" }",
                 SPAN_SHOWN(named));
    }
    finding_bad(of->findings, "token-issuer", remedy,
                "iss is \"%.*s\"; provider \"%s\" has \"%s\"%s", SPAN_SHOWN(named),
                of->provider->name, found != NULL ? found : of->provider->issuers[0],
                found == NULL && of->provider->issuers[1] != NULL ? " and others" : "");
}

void token_explain_provider(const struct token_case *of, const struct provider_set *set,
                            enum jwt_shape shape, const struct jwt *jwt, struct span domain)
{
    struct span named = shape == JWT_GOOD ? token_case_issuer_named(jwt) : (struct span){0};
    if (of->findings == NULL) {
        return;
    }
    if (of->provider == NULL) {
        explain_no_provider(of, set, shape, named, domain);
        return;
    }
    finding_good(of->findings, "token-provider", "provider \"%s\"", of->provider->name);
    if (of->verdict.reason == VERDICT_OTHER_ISSUER) {
        explain_other_issuer(of, named);
    }
}

void token_explain_way(const struct token_case *of)
{
    switch (of->way) {
    case TOKEN_WAY_REFUSE:
        finding_bad(of->findings, "token-opaque",
                    "have the provider issue JWTs, or configure introspection { id, secret_file } "
                    "for it: userinfo cannot say for which client a token was issued",
                    "no JWT of this provider, and nobody can say for whom it was issued");
        return;
    case TOKEN_WAY_PROVE:
    case TOKEN_WAY_INTROSPECT:
    case TOKEN_WAY_TOKENINFO:
    case TOKEN_WAY_USERINFO:
    case TOKEN_WAY_DONE:
        return;
    }
}

/* -- its proof -- */

static void explain_algorithm(const struct token_case *of, struct span name)
{
    if (signature_algorithm_of(name) == SIGNATURE_NONE) {
        finding_bad(of->findings, "token-algorithm",
                    span_starts(name, "HS")
                        ? "choose a signing key (RSA or EC) for the application at the provider: "
                          "without one it signs with the client's secret"
                        : "have the provider sign with RS256 or ES256",
                    "alg is \"%.*s\", which is never accepted", SPAN_SHOWN(name));
        return;
    }
    char **allowed = of->provider->algorithms;
    while (allowed != NULL && *allowed != NULL && !span_is(name, *allowed)) {
        allowed++;
    }
    if (allowed == NULL || *allowed == NULL) {
        finding_bad(of->findings, "token-algorithm", "add it to the provider's `algorithms`",
                    "alg is \"%.*s\", which `algorithms` does not name", SPAN_SHOWN(name));
    } else {
        finding_good(of->findings, "token-algorithm", "alg is %.*s", SPAN_SHOWN(name));
    }
}

void token_explain_jwt(const struct token_case *of, struct token_scratch *scratch, int64_t now)
{
    if (of->findings == NULL) {
        return;
    }
    explain_algorithm(of, scratch->jwt.algorithm);
    if (scratch->jwt.critical) {
        finding_bad(of->findings, "token-critical",
                    "have the provider leave `crit` out of access tokens",
                    "its header has `crit`: an extension that must be understood, and is not");
    }
    claims_read_jwt(of->provider, &scratch->jwt, &scratch->claims);
    claims_explain(of->provider, &scratch->claims, now, of->findings);
    if (of->provider->check == PROVIDER_CHECK_JWT ||
        scratch->claims.username.presence != CLAIMS_ABSENT) {
        claims_explain_identity(of->provider, &scratch->claims, of->findings);
    }
}

void token_explain_key(const struct token_case *of, const struct keyset *keys,
                       const struct jwt *jwt, enum keyset_answer answer)
{
    if (of->findings == NULL) {
        return;
    }
    const char *trouble = issuer_trouble(of->issuer);
    if (signature_algorithm_of(jwt->algorithm) == SIGNATURE_NONE) {
        finding_skipped(of->findings, "token-key", "no key is for such an algorithm");
        return;
    }
    if (keys == NULL) {
        finding_bad(of->findings, "token-keys",
                    "see `postern provider test` for why they could not be had",
                    "the issuer's keys are not here: %s",
                    trouble == NULL ? "they are being fetched" : trouble);
        return;
    }
    switch (answer) {
    case KEYSET_NONE:
        finding_bad(of->findings, "token-key",
                    "the key was withdrawn, or the token is of another server: take a fresh token",
                    "none of the issuer's %zu keys fits kid \"%.*s\"", keyset_count(keys),
                    SPAN_SHOWN(jwt->key_id));
        return;
    case KEYSET_UNFIT:
        finding_bad(of->findings, "token-key",
                    "the provider's JWKS and its tokens disagree about the algorithm of this key",
                    "the key \"%.*s\" is not for alg %.*s", SPAN_SHOWN(jwt->key_id),
                    SPAN_SHOWN(jwt->algorithm));
        return;
    case KEYSET_AMBIGUOUS:
        finding_bad(of->findings, "token-key", "have the provider put a kid into its tokens",
                    "it names no kid, and more than %d keys of the issuer fit", KEYSET_TRIES_MAX);
        return;
    case KEYSET_FOUND:
        finding_good(of->findings, "token-key", "the issuer has the key");
        return;
    }
}

void token_explain_signature(struct finding_list *findings, enum signature_answer answer)
{
    switch (answer) {
    case SIGNATURE_GOOD:
        finding_good(findings, "token-signature", "the signature is good");
        return;
    case SIGNATURE_BAD:
        finding_bad(findings, "token-signature",
                    "the token was changed, or was not made by this provider: take a fresh one",
                    "the signature does not verify");
        return;
    case SIGNATURE_BUSY:
        finding_skipped(findings, "token-signature", "too many signatures wait to be verified");
        return;
    }
}

/* -- asking -- */

void token_explain_answer(struct finding_list *findings, const struct provider *provider,
                          const struct claims *claims, int64_t now)
{
    if (findings != NULL) {
        claims_explain(provider, claims, now, findings);
    }
}

void token_explain_identity(struct finding_list *findings, const struct provider *provider,
                            const struct claims *claims)
{
    if (findings != NULL) {
        claims_explain_identity(provider, claims, findings);
    }
}

static const char *remedy_of(const struct token_case *of)
{
    switch ((int)of->verdict.reason) {
    case VERDICT_NOT_VALID:
        return "the client should refresh its token; nothing to change here, unless every token "
               "is refused: then look whether this is the right provider's endpoint";
    case VERDICT_FORBIDDEN:
        return "the token lacks a scope that the endpoint asks for, mostly `openid`";
    case VERDICT_INACTIVE:
        return "expired or revoked: the client should refresh. If fresh tokens are refused, the "
               "provider may speak of its own clients' tokens only: introspect with a client that "
               "may see them";
    case VERDICT_CREDENTIALS:
        return "put the right client id and secret into introspection { id, secret_file }, and see "
               "that the client may introspect";
    case VERDICT_UNREACHABLE:
        return "see `postern provider test`; name, route, firewall and certificate of the provider";
    case VERDICT_PROVIDER_NONSENSE:
        return "see that the URL is that endpoint of the provider, and not a web page";
    default:
        return "see `postern provider test`, and the provider's own log";
    }
}

static const char *code_of(enum token_way way)
{
    switch (way) {
    case TOKEN_WAY_INTROSPECT:
        return "token-introspection";
    case TOKEN_WAY_TOKENINFO:
        return "token-tokeninfo";
    case TOKEN_WAY_REFUSE:
    case TOKEN_WAY_PROVE:
    case TOKEN_WAY_USERINFO:
    case TOKEN_WAY_DONE:
        break;
    }
    return "token-userinfo";
}

/* Of what an answer says the claims' own findings speak (of `active`, where it is introspection's); this one is about
 * the asking. */
static bool about_asking(const struct token_case *of)
{
    enum verdict_reason reason = of->verdict.reason;
    return reason == VERDICT_NOT_VALID || reason == VERDICT_FORBIDDEN ||
           (reason == VERDICT_INACTIVE && of->way != TOKEN_WAY_INTROSPECT) ||
           reason >= VERDICT_UNREACHABLE;
}

void token_explain_asked(const struct token_case *of, const struct fetch_answer *answer,
                         bool goes_on)
{
    if (of->findings == NULL) {
        return;
    }
    const char *name = token_way_name(of->way);
    if (!goes_on && about_asking(of)) {
        char status[32] = "";
        if (answer->status != 0) {
            snprintf(status, sizeof status, " (HTTP status %d)", answer->status);
        }
        finding_bad(of->findings, code_of(of->way), remedy_of(of), "%s: %s%s%s%s", name,
                    verdict_reason_name(of->verdict.reason),
                    of->verdict.detail[0] == '\0' ? "" : ": ", of->verdict.detail, status);
    } else {
        finding_good(of->findings, code_of(of->way), "%s answered", name);
    }
}

void token_explain_not_asked(const struct token_case *of)
{
    if (of->findings != NULL) {
        finding_bad(of->findings, code_of(of->way), remedy_of(of), "%s was not asked: %s: %s",
                    token_way_name(of->way), verdict_reason_name(of->verdict.reason),
                    of->verdict.detail);
    }
}
