/* policy.h - may this login proceed? The decision alone: pure, from what was found out to yes or no. */
#ifndef AUTH_POLICY_H
#define AUTH_POLICY_H

#include "account/account.h"
#include "account/password.h"
#include "auth/change.h"
#include "token/token_check.h"
#include "wire/sasl.h"

/* May a credential be asked for, or be looked at, at all? */
enum policy_entry {
    POLICY_ENTRY_MECHANISM, /* no: unknown, or switched off */
    POLICY_ENTRY_NEEDS_TLS, /* no: anybody on the way could read it */
    POLICY_ENTRY_OPEN,
};

struct policy_door {
    enum sasl_mechanism mechanism;
    struct span client; /* its address */
    bool secured;
    bool cleartext; /* without TLS, but from 127.0.0.0/8 and ::1 only */
    bool passwords; /* PLAIN and LOGIN are switched on */
};

enum policy_entry policy_enter(const struct policy_door *door);

enum decision { DECISION_REFUSE, DECISION_RETRY_LATER, DECISION_ACCEPT };

enum policy_reason {
    POLICY_NO_REASON,
    POLICY_NO_ACCOUNT,            /* nobody has this address here */
    POLICY_DISABLED,              /* an ended account */
    POLICY_WRONG_PASSWORD,        /* or none is set */
    POLICY_TOO_MANY_PASSWORDS,    /* none could be checked: the queue was full */
    POLICY_OTHER_ACCOUNT,         /* the token's address and the SASL name are of two accounts */
    POLICY_OTHER_PROVIDER_DOMAIN, /* the primary address lies outside the provider's domains */
    POLICY_EMAIL_NOT_VERIFIED, /* would bind the account, but email_verified is false or unsaid */
    POLICY_OTHER_SUBJECT,      /* bound to another (provider, subject), or the token names none */
    POLICY_STORE_UNAVAILABLE,  /* accounts cannot be read */
    POLICY_BINDING_FAILED,     /* the store could not keep the binding */
    POLICY_SERVICE,            /* the account may not use this protocol */
    POLICY_NO_MAILBOX,         /* it has none, and the protocol is about one */
};
/* A fixed text for logs: "no_account", … */
const char *policy_reason_name(enum policy_reason reason);

/* What was found out. Whatever is not filled in speaks for refusal. */
struct policy_facts {
    const struct verdict *verdict; /* a bearer login, its token accepted */
    enum password_answer password; /* a password login */
    bool store_unavailable;
    const struct account *account; /* whose the token's address (or the login name) is; or NULL */
    const struct account *named;   /* whose the SASL name is; NULL when empty or unknown */
    bool name_given;
    struct span protocol; /* what it signs in for: "imap", "smtp", … */
};

struct policy_outcome {
    enum decision decision;
    enum policy_reason reason;
    bool binds; /* ACCEPT: and the account is to be bound to (provider, subject) */
};

/* A token's address and the SASL name may be different addresses of one account. The provider must speak
 * for the account's primary address: an alias in its domain opens nothing of another's. An account is
 * bound to (provider, subject) at the first login with a token; `email_verified` is judged then
 * and never again. A token without a subject (PROVIDER_EMAIL_TRUST) binds nothing and opens
 * only what is not bound. With a provider that does not bind the address alone decides, also of accounts
 * that are bound, and `email_verified` is judged at every login. An account that is restricted to some services is
 * refused by every other one, and by one that nobody knows; one without a mailbox by imap, pop3 and sieve. Both are said
 * only to those whose credential is right. */
struct policy_outcome policy_decide(const struct policy_facts *facts);
/* The same login once more, when its binding is written, or is not: another one may have been faster, or
 * the account may have been ended meanwhile. */
struct policy_outcome policy_bound(const struct change_result *result);

#endif
