/* verdict.h - what a token check says: whose token, until when, allowed what, or why not. */
#ifndef TOKEN_VERDICT_H
#define TOKEN_VERDICT_H

#include "token/provider.h"
#include "wire/address.h"

enum verdict_answer {
    VERDICT_REFUSED,
    VERDICT_UNAVAILABLE, /* the provider could not say: temporary, never a bad credential */
    VERDICT_ACCEPTED,
};

/* Why. Each has a name for logs (verdict_reason_name) and a remedy in docs/log.md; none holds provider text. */
enum verdict_reason {
    VERDICT_NO_REASON,
    /* refused: the provider's word */
    VERDICT_NOT_VALID, /* it says no: 400, 401: expired, revoked, unknown */
    VERDICT_FORBIDDEN, /* 403 */
    VERDICT_INACTIVE,  /* active is not true in the answer */
    /* refused: what the token is */
    VERDICT_MALFORMED, /* begins like a JWT and is none: J1, J2, J3, J17 */
    VERDICT_ALGORITHM, /* alg is not one of the configured ones, or not the key's */
    VERDICT_CRITICAL,  /* crit: an extension that we would have to understand */
    VERDICT_WRONG_TYPE, /* an ID, refresh, logout … token, or one that cannot be told from an ID token */
    VERDICT_SENDER_BOUND, /* cnf, DPoP: a mail client cannot prove possession */
    VERDICT_OTHER_ISSUER, /* no issuer of the provider, or of any */
    VERDICT_KEY_UNKNOWN,  /* no key of the issuer has its kid, or none fits */
    VERDICT_SIGNATURE,    /* does not verify */
    VERDICT_OPAQUE,       /* no JWT, and nobody can be asked about it */
    /* refused: what it says */
    VERDICT_BAD_TIME, /* exp is missing, or one of exp, nbf, iat is no usable number */
    VERDICT_EXPIRED,
    VERDICT_NOT_YET,       /* nbf or iat in the future */
    VERDICT_TOO_OLD,       /* max_age */
    VERDICT_AUDIENCE,      /* aud is missing or names nobody of `audiences` */
    VERDICT_FOR_GRAPH,     /* aud is Microsoft Graph: never for us */
    VERDICT_CLIENT,        /* the client is missing or none of `clients` */
    VERDICT_OF_CLIENT,     /* of the client itself (client credentials), not of a person */
    VERDICT_SCOPE,         /* a required scope is missing */
    VERDICT_HOSTED_DOMAIN, /* hd is missing or none of the domains */
    VERDICT_NO_ADDRESS,    /* the username claim is missing, or no string */
    VERDICT_BAD_ADDRESS,   /* the username claim is no mail address */
    VERDICT_NO_SUBJECT, /* sub is missing (PROVIDER_EMAIL_TRUST takes that), empty or no string */
    VERDICT_OTHER_SUBJECT, /* userinfo and the token name different subjects */
    VERDICT_OTHER_DOMAIN,  /* the provider does not speak for the address's domain */
    VERDICT_NO_PROVIDER,   /* none speaks for the SASL name's domain, or no name and several */
    /* unavailable */
    VERDICT_UNREACHABLE,       /* DNS, connection, TLS, timeout */
    VERDICT_PROVIDER_ERROR,    /* 5xx, 3xx, 404, 429 and other unexpected statuses */
    VERDICT_PROVIDER_NONSENSE, /* not JSON, too large, wrong type */
    VERDICT_CREDENTIALS,       /* the introspection endpoint refuses our own credentials */
    VERDICT_NO_KEYS,           /* the issuer's keys could not be had, or are too old */
    VERDICT_NO_ENDPOINT,       /* discovery has not told where to ask yet */
    VERDICT_PAUSED,            /* the circuit breaker is open: not asked at all */
    VERDICT_BUSY,              /* too many checks under way */
    VERDICT_REASONS,
};

enum verdict_verified { VERIFIED_UNSAID, VERIFIED_NO, VERIFIED_YES };

enum { VERDICT_SESSION_MAX = 127 };

struct verdict {
    enum verdict_answer answer;
    enum verdict_reason reason;
    const struct provider *provider; /* who vouched, or was asked; NULL when none was */
    struct address address;          /* ACCEPTED: the asserted address, in normal form */
    char subject[256];               /* ACCEPTED; empty: none was said, nothing can be bound */
    char session[VERDICT_SESSION_MAX + 1]; /* sid, when there is one; a longer one is left out */
    enum verdict_verified verified;        /* ACCEPTED: what email_verified says of `address` */
    unsigned protocols; /* ACCEPTED: bit (1 << enum provider_protocol): its scopes are there */
    int64_t expires;    /* wall seconds; 0: not known */
    int status;         /* HTTP status, 0 when there was none */
    char detail[160];   /* for the log: the fetch's failure or a fixed text; escaped by the log */
};

/* A fixed text for logs: "token_not_valid", … */
const char *verdict_reason_name(enum verdict_reason reason);

/* What the client should do about it, as RFC 6750, 3.1 and RFC 7628, 3.2.2 name it: refresh ("invalid_token"),
 * ask for more ("insufficient_scope"), or say whose token it is ("invalid_request": no name was given
 * and there are several providers). */
const char *verdict_status(enum verdict_reason reason, bool name_given);

/* Both return false, so that a judge can `return verdict_refuse(…)`. `detail` may be NULL. */
bool verdict_refuse(struct verdict *verdict, enum verdict_reason reason, const char *detail);
bool verdict_cannot_say(struct verdict *verdict, enum verdict_reason reason, const char *detail);

#endif
