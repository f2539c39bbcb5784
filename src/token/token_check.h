/* token_check.h - whose token is this? One door for every way of checking.
 *
 * The provider is chosen by the domain of the SASL name (a provider speaks only for its domains); with
 * one provider and no name, by being the only one. Now: userinfo (OpenID Connect Core, 5.3); JWT
 * proof, introspection and the cache join behind this door. Nothing here logs per login: the verdict
 * says why. Trouble with a provider is logged once when it begins and once when it ends. */
#ifndef TOKEN_TOKEN_CHECK_H
#define TOKEN_TOKEN_CHECK_H

#include "base/log.h"
#include "base/secret.h"
#include "net/fetch.h"
#include "token/provider.h"
#include "wire/address.h"

enum verdict_answer {
    VERDICT_REFUSED,
    VERDICT_UNAVAILABLE, /* the provider could not say: temporary, never a bad credential */
    VERDICT_ACCEPTED,
};

/* Why. Each has a name for logs (token_check_reason) and a remedy in docs; none holds provider text. */
enum verdict_reason {
    VERDICT_NO_REASON,
    /* refused */
    VERDICT_NOT_VALID,    /* the provider says no: 400, 401: expired, revoked, unknown */
    VERDICT_FORBIDDEN,    /* 403 */
    VERDICT_INACTIVE,     /* active:false in the answer */
    VERDICT_NO_ADDRESS,   /* the username claim is missing, or no string */
    VERDICT_BAD_ADDRESS,  /* the username claim is no mail address */
    VERDICT_NO_SUBJECT,   /* sub is missing (PROVIDER_EMAIL_TRUST takes that), empty or no string */
    VERDICT_OTHER_DOMAIN, /* the provider does not speak for the address's domain */
    VERDICT_NO_PROVIDER,  /* none speaks for the SASL name's domain, or no name and several */
    /* unavailable */
    VERDICT_UNREACHABLE,       /* DNS, connection, TLS, timeout */
    VERDICT_PROVIDER_ERROR,    /* 5xx, 3xx, 404, 429 and other unexpected statuses */
    VERDICT_PROVIDER_NONSENSE, /* not JSON, too large, wrong type */
    VERDICT_BUSY,              /* too many checks under way */
};

enum verdict_verified { VERIFIED_UNSAID, VERIFIED_NO, VERIFIED_YES };

struct verdict {
    enum verdict_answer answer;
    enum verdict_reason reason;
    const struct provider *provider; /* who vouched, or was asked; NULL when none was */
    struct address address;          /* ACCEPTED: the asserted address, in normal form */
    char subject[256];               /* ACCEPTED; empty: none was said, nothing can be bound */
    enum verdict_verified verified;  /* ACCEPTED: what email_verified says of `address` */
    int status;                      /* HTTP status, 0 when there was none */
    char detail[160];                /* for the log: the fetch's failure or the JSON error */
};

/* A fixed text for logs: "token_not_valid", … */
const char *token_check_reason(enum verdict_reason reason);

/* What the client should do about it, as RFC 6750, 3.1 and RFC 7628, 3.2.2 name it: refresh ("invalid_token"),
 * ask for more ("insufficient_scope"), or say whose token it is ("invalid_request": no name was given
 * and there are several providers). */
const char *token_check_status(enum verdict_reason reason, bool name_given);

struct token_question {
    const struct secret *token; /* a b64token; copied where it is kept */
    const struct address *user; /* the SASL name, normalised; NULL when the client gave none */
    struct span login_id;       /* for log lines of shared trouble */
};

struct token_checks;
struct token_check;
/* `verdict` is valid during the call. */
typedef void token_check_fn(const struct verdict *verdict, void *context);

/* Takes over `providers`, which provider_set_check() has passed. token_checks_configure() swaps in a
 * new set; checks under way finish with the old one, which is freed when the last is done. So
 * `verdict->provider` is good for the length of the callback only. */
struct token_checks *token_checks_new(struct loop *loop, const struct log *log,
                                      struct fetch_client *fetches, struct provider_set *providers);
void token_checks_configure(struct token_checks *checks, struct provider_set *providers);
/* No check is under way: asserted. Takes NULL. */
void token_checks_free(struct token_checks *checks);
struct token_check *token_check_start(struct token_checks *checks,
                                      const struct token_question *question, token_check_fn *fn,
                                      void *context);
void token_check_cancel(struct token_check *check); /* takes NULL; not after fn() ran */
/* What OAUTHBEARER's error JSON says: of the provider that `user` (or NULL) would be asked about.
 * NULL when there is none. Good until the next token_checks_configure(). */
const struct provider *token_check_provider(const struct token_checks *checks,
                                            const struct address *user);

#endif
