/* provider.h - an OpenID provider that we trust: its issuers, its domains, how it is asked, and what its tokens must say.
 *
 * Settings come from config/config.c (presets are filled in there); a set is immutable once made. Lists are
 * NULL-terminated; an empty list may be NULL. */
#ifndef TOKEN_PROVIDER_H
#define TOKEN_PROVIDER_H

#include "base/error.h"
#include "base/secret.h"
#include "base/span.h"

#include <stddef.h>

/* Judged when an account is bound, not at every login. */
enum provider_email_verified {
    PROVIDER_EMAIL_REQUIRE,
    PROVIDER_EMAIL_IF_PRESENT, /* refuses false, takes absent */
    PROVIDER_EMAIL_TRUST,
};

/* How a token is checked. */
enum provider_check {
    /* a JWT of one of the issuers is proved locally, and asked on when it names nobody; anything else is
     * asked: introspection where it is configured, else userinfo */
    PROVIDER_CHECK_AUTO,
    PROVIDER_CHECK_JWT,           /* JWTs only, locally; never asked on */
    PROVIDER_CHECK_JWT_USERINFO,  /* JWTs only, locally; who it is says userinfo */
    PROVIDER_CHECK_INTROSPECTION, /* every token; userinfo when the answer names nobody */
    PROVIDER_CHECK_USERINFO,      /* every token; a JWT of an issuer with keys is proved as well */
    PROVIDER_CHECK_TOKENINFO,     /* Google's: tokeninfo, then userinfo */
};

/* How an access token of this provider is told from its ID tokens, which have the same keys, issuer and
 * often audience. A header `typ` of "at+jwt" always decides alone. */
enum provider_mark {
    PROVIDER_MARK_NONE,       /* no nonce, at_hash or c_hash may be in it */
    PROVIDER_MARK_TYP_BEARER, /* claim typ is "Bearer": Keycloak, Rauthy */
    PROVIDER_MARK_UID,        /* claims azp and uid: Authentik */
    PROVIDER_MARK_AT_JWT,     /* nothing but "at+jwt": Kanidm */
    PROVIDER_MARK_SCP,        /* claim scp: Entra ID, Okta */
};

/* How we prove to the introspection endpoint who we are. */
enum provider_auth {
    PROVIDER_AUTH_BASIC, /* client_secret_basic, RFC 6749, 2.3.1 */
    PROVIDER_AUTH_POST,  /* client_secret_post */
    PROVIDER_AUTH_KEY,   /* private_key_jwt, RFC 7523 */
    PROVIDER_AUTH_BEARER,
    PROVIDER_AUTH_NONE,
};

/* What an outage of the provider does to those whose verdict is no longer fresh. */
enum provider_outage {
    PROVIDER_OUTAGE_REFUSE, /* a temporary failure */
    PROVIDER_OUTAGE_CACHED, /* the last good verdict holds on, until the token expires or for outage_ms */
};

/* The protocols that can ask for a scope of their own. */
enum provider_protocol {
    PROVIDER_IMAP,
    PROVIDER_POP3,
    PROVIDER_SMTP,
    PROVIDER_SIEVE,
    PROVIDER_PROTOCOLS,
};

enum { PROVIDER_NAME_MAX = 63, PROVIDER_ISSUERS_MAX = 16 };

struct provider_introspection {
    char *url; /* NULL: the one that discovery names */
    char *
        id; /* our client id there; NULL: introspection is not configured (but with PROVIDER_AUTH_NONE) */
    char *
        secret; /* client secret, bearer token, or the private key as PEM, by `auth`; wiped when freed */
    enum provider_auth auth;
    bool used; /* configured at all */
};

struct provider {
    char *name;
    char *preset;   /* which one filled it in; NULL: none */
    char **issuers; /* compared byte for byte */
    char **domains; /* normal form; empty: all of them (one provider only) */
    bool shared;    /* others may speak for the same domains: JWTs only */
    bool binds;     /* an account opens for the first subject that opened it, and no other */
    enum provider_check check;
    enum provider_mark mark;
    bool id_tokens; /* ID tokens of our audience sign in too */

    char **audiences; /* one of them must be in `aud` */
    char **clients;   /* azp, client_id, appid, cid: each that is there must be one of them */
    bool any_client;  /* the explicit override: neither list is needed */
    char **scopes;    /* all of them */
    char **scopes_of[PROVIDER_PROTOCOLS]; /* and these for one protocol */
    char **algorithms;                    /* "RS256", …; never empty */
    char **hosted_domains; /* Google: `hd` must be one of them; empty: not looked at */
    /* "email", or a path: "resource.mail.address"; or several, parted by blanks: the first that is there counts
     * ("preferred_username upn") */
    char *username_claim;
    char *username_template; /* "%s@example.com": %s is the claim; NULL: the claim alone */
    char *subject_claim;     /* "sub"; "oid" for Entra */
    enum provider_email_verified email_verified;
    int64_t leeway_s;  /* of clocks, at most 60 */
    int64_t max_age_s; /* since iat; 0: no limit */

    char *
        userinfo; /* URL; NULL: the one that discovery names. May hold user-info: never logged whole */
    char *tokeninfo; /* URL */
    char *jwks;      /* URL; NULL: the one that discovery names */
    struct provider_introspection introspection;
    char *connect_to; /* "host:port" or "address:port": reaches the issuers' own hosts there */
    char *ca_file;    /* NULL: the system's */

    int64_t connect_ms, total_ms;
    size_t requests_max; /* questions under way at once; the rest waits … */
    size_t queue_max;    /* … this many of them; beyond it: VERDICT_BUSY */
    enum provider_outage outage;
    int64_t outage_ms;  /* with PROVIDER_OUTAGE_CACHED: longest age of a verdict */
    int64_t cache_ms;   /* a good verdict is not asked for again within it */
    int64_t refused_ms; /* nor is a bad one */
    int64_t recheck_ms; /* a JWT that was proved locally is re-asked after it; 0: never */
    int64_t
        keys_refresh_ms; /* discovery and keys, in the background, unless Cache-Control says otherwise */
    int64_t keys_cooldown_ms; /* between two fetches because of an unknown kid */
    int64_t keys_max_age_ms;  /* kept so long when the provider is down */

    char *shown; /* as logs may show it: the first issuer, or the userinfo URL without secrets */
    char *scope; /* for the error JSON, e.g. "openid email"; NULL: left out */
    char *configuration_url; /* for the error JSON; NULL: left out */
};

struct provider_set {
    struct provider *providers;
    size_t count;
};

/* A whole check must end, and its refusal be delayed, within the 8 s of a login. */
enum { PROVIDER_TOTAL_MS_MAX = 7000 };

/* Checks what belongs together: names unique; domains in one block only unless all that have it say
 * `shared`; issuers unique over all blocks, https (or http at home), without query and fragment; domains given
 * when there are several; a way to check (issuers, or a userinfo URL, or introspection); `audiences` or
 * `clients` unless `any_client`; lists within their limits; times and bounds filled in. Plain http only where it
 * stays at home (wire/url.h). An empty set is fine: nobody signs in with a token then. */
bool provider_set_check(const struct provider_set *set, struct error *error);
void provider_set_free(struct provider_set *set); /* all of it; takes NULL */
/* The only provider that speaks for `domain`; with an empty domain the only one there is; else NULL: then
 * there is none, or a JWT's issuer has to decide (`several`, which may be NULL, tells which). */
const struct provider *provider_set_find(const struct provider_set *set, struct span domain,
                                         bool *several);
/* The provider that has this issuer, and which of its issuers it is; NULL: none. */
const struct provider *provider_set_issuer(const struct provider_set *set, struct span issuer,
                                           size_t *index);
/* `url` without user-info and query: scheme, host, port and path. NULL when it is no URL of ours.
 * The caller's to memory_free(). */
char *provider_shown(const char *url);
bool provider_speaks_for(const struct provider *provider, struct span domain);
/* "imap", "imaps", "pop3", "sieve", "managesieve", "smtp", "submission" …; PROVIDER_PROTOCOLS: none of them. */
enum provider_protocol provider_protocol_of(struct span name);
const char *provider_protocol_name(enum provider_protocol protocol);

#endif
