/* policy.h - may this login proceed? The decision alone: pure, from what was found out to yes or no. */
#ifndef AUTH_POLICY_H
#define AUTH_POLICY_H

#include "account/account.h"
#include "token/token_check.h"

enum decision { DECISION_REFUSE, DECISION_RETRY_LATER, DECISION_ACCEPT };

enum policy_reason {
    POLICY_NO_REASON,
    POLICY_NO_ACCOUNT,              /* nobody has this address here */
    POLICY_DISABLED,
    POLICY_WRONG_PASSWORD,
    POLICY_OTHER_ACCOUNT,           /* the token's address and the SASL name belong to different accounts */
    POLICY_OTHER_PROVIDER_DOMAIN,   /* the account's primary address lies outside the provider's domains */
    POLICY_EMAIL_NOT_VERIFIED,      /* would bind the account, but email_verified is false or unsaid */
    POLICY_OTHER_SUBJECT,           /* the account is bound to another (provider, subject) */
    POLICY_STORE_UNAVAILABLE,
};
const char *policy_reason_name(enum policy_reason reason);   /* fixed text for logs: "no_account", … */

/* What was found out. Whatever is not filled in speaks for refusal. */
struct policy_facts {
    const struct verdict *verdict;          /* a bearer login, its token accepted */
    bool password_right;                    /* a password login */
    bool store_unavailable;
    const struct account *account;          /* who the token's address (or the login name) belongs to */
    const struct account *named;            /* who the SASL name belongs to; NULL when it was empty or unknown */
    bool name_given;
};

struct policy_outcome {
    enum decision decision;
    enum policy_reason reason;
    bool binds;                             /* ACCEPT: and the account is to be bound to (provider, subject) */
};

struct policy_outcome policy_decide(const struct policy_facts *facts);

#endif
