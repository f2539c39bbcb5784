/* claims.h - what a token, or an answer about one, says: read into a struct, and judged. Pure.
 *
 * One struct for four sources: the claims of a JWT (RFC 7519, RFC 9068, OpenID Connect Core), an introspection answer
 * (RFC 7662), userinfo, and Google's tokeninfo. The rules stand in one table in claims_rules.c, in the order they are
 * judged; a login stops at the first that is broken, `postern token check` hears of all. */
#ifndef TOKEN_CLAIMS_H
#define TOKEN_CLAIMS_H

#include "base/finding.h"
#include "token/verdict.h"
#include "wire/json_view.h"
#include "wire/jwt.h"

enum claims_source { CLAIMS_JWT, CLAIMS_INTROSPECTION, CLAIMS_USERINFO, CLAIMS_TOKENINFO };
enum claims_presence {
    CLAIMS_ABSENT,
    CLAIMS_BAD,
    CLAIMS_THERE
}; /* BAD: of the wrong type, empty, control bytes */

struct claims_text {
    enum claims_presence presence;
    struct span text; /* also of a text that is BAD */
};
struct claims_time {
    enum claims_presence presence;
    int64_t seconds;
};
enum { CLAIMS_LIST_MAX = 128 };
struct claims_list { /* a string, or an array of strings; scopes: split at blanks */
    enum claims_presence presence;
    size_t count;
    struct span items[CLAIMS_LIST_MAX];
};

struct claims {
    enum claims_source source;
    /* JWT: typ and cty; empty when absent */
    struct span header_type, content_type;
    struct claims_text issuer, session;
    struct claims_text subject;  /* by subject_claim: what accounts are bound to */
    struct claims_text sub;      /* the claim `sub` itself */
    struct claims_text username; /* by username_claim: email, or a path */
    struct claims_text email;
    struct claims_text own_type; /* the claim `typ`: Keycloak's "Bearer", "Refresh", "ID" */
    struct claims_text token_type, token_use, identity_type /* Entra: idtyp */, hosted_domain, uid;
    struct claims_text other_type; /* `tokenType`, else `type`: only known words count */
    struct claims_text preferred;  /* preferred_username, for Keycloak's service accounts */
    struct claims_text grant;      /* Auth0's gty */
    struct claims_list audiences, scopes;
    bool scp;              /* the claim `scp` is there, and well made */
    bool authorized_party; /* azp, likewise */
    struct claims_list
        clients; /* all of azp, client_id, appid, cid (tokeninfo: azp, aud) that are there */
    struct claims_time expires, not_before, issued;
    enum verdict_verified email_verified; /* "true" as a string counts for CLAIMS_TOKENINFO only */
    enum claims_presence active;          /* THERE: true; BAD: anything else but absent */
    bool confirmation;                    /* cnf */
    bool nonce, at_hash, c_hash, events;
};

/* Views into `view`. */
void claims_read(const struct provider *provider, enum claims_source source,
                 const struct json_view *view, struct claims *claims);
void claims_read_jwt(const struct provider *provider, const struct jwt *jwt, struct claims *claims);

/* May this token sign in at all? Type, issuer (byte for byte one of the provider's), times, audience, client, scopes,
 * binding to a sender. Fills answer (REFUSED, with reason and detail; or ACCEPTED), protocols, expires and session.
 * Introspection: also active; a JWT's own rules stay out. Userinfo says none of it: asserted. `now` in wall seconds. */
bool claims_judge(const struct provider *provider, const struct claims *claims, int64_t now,
                  struct verdict *verdict);
/* Whose is it? Address (claim, template), subject, email_verified, hosted domain, the provider's domains. Leaves what
 * claims_judge() filled in. VERDICT_NO_ADDRESS: this source does not say; another may. When `verdict->subject` is
 * filled already, the subject must be the same (Core, 5.3.2). */
bool claims_identify(const struct provider *provider, const struct claims *claims,
                     struct verdict *verdict);
/* The same two with every rule said: what was seen, what is expected, what to change. */
void claims_explain(const struct provider *provider, const struct claims *claims, int64_t now,
                    struct finding_list *findings);
void claims_explain_identity(const struct provider *provider, const struct claims *claims,
                             struct finding_list *findings);

#endif
