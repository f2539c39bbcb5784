/* policy.c - may this login proceed? The decision alone. */
#include "auth/policy.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_loopback(struct span address)
{
    static const unsigned char v6[16] = {[15] = 1};
    char text[64];
    unsigned char bytes[16];
    if (!span_fits(address, text, sizeof text)) {
        return false;
    }
    return (inet_pton(AF_INET, text, bytes) == 1 && bytes[0] == 127) ||
           (inet_pton(AF_INET6, text, bytes) == 1 && memcmp(bytes, v6, sizeof v6) == 0);
}

static bool is_offered(const struct policy_door *door)
{
    switch (door->mechanism) {
    case SASL_UNKNOWN:
        return false;
    case SASL_PLAIN:
    case SASL_LOGIN:
        return door->passwords;
    case SASL_OAUTHBEARER:
    case SASL_XOAUTH2:
        return true;
    }
    return false;
}

enum policy_entry policy_enter(const struct policy_door *door)
{
    if (!is_offered(door)) {
        return POLICY_ENTRY_MECHANISM;
    }
    bool safe = door->secured || (door->cleartext && is_loopback(door->client));
    return safe ? POLICY_ENTRY_OPEN : POLICY_ENTRY_NEEDS_TLS;
}

const char *policy_reason_name(enum policy_reason reason)
{
    switch (reason) {
    case POLICY_NO_REASON:
        return "";
    case POLICY_NO_ACCOUNT:
        return "no_account";
    case POLICY_DISABLED:
        return "account_disabled";
    case POLICY_WRONG_PASSWORD:
        return "wrong_password";
    case POLICY_TOO_MANY_PASSWORDS:
        return "too_many_passwords";
    case POLICY_OTHER_ACCOUNT:
        return "token_of_other_account";
    case POLICY_OTHER_PROVIDER_DOMAIN:
        return "account_of_other_domain";
    case POLICY_EMAIL_NOT_VERIFIED:
        return "email_not_verified";
    case POLICY_OTHER_SUBJECT:
        return "account_bound_to_other_subject";
    case POLICY_STORE_UNAVAILABLE:
        return "store_unavailable";
    case POLICY_BINDING_FAILED:
        return "binding_failed";
    case POLICY_SERVICE:
        return "service_not_allowed";
    case POLICY_NO_MAILBOX:
        return "no_mailbox";
    }
    return "";
}

static struct policy_outcome refuse(enum policy_reason reason)
{
    return (struct policy_outcome){.decision = DECISION_REFUSE, .reason = reason};
}

static struct policy_outcome admit(bool binds)
{
    return (struct policy_outcome){.decision = DECISION_ACCEPT, .binds = binds};
}

static struct policy_outcome retry_later(enum policy_reason reason)
{
    return (struct policy_outcome){.decision = DECISION_RETRY_LATER, .reason = reason};
}

static struct policy_outcome judge_state(const struct account *account, bool binds)
{
    switch (account->state) {
    case ACCOUNT_GONE:
        return refuse(POLICY_NO_ACCOUNT);
    case ACCOUNT_DISABLED:
        return refuse(POLICY_DISABLED);
    case ACCOUNT_ACTIVE:
        return admit(binds);
    }
    return refuse(POLICY_NO_REASON);
}

/* An active account, its credential right: may it use this protocol? */
static struct policy_outcome judge_service(const struct policy_facts *facts,
                                           const struct account *account, bool binds)
{
    enum { ABOUT_A_MAILBOX = ACCOUNT_IMAP | ACCOUNT_POP3 | ACCOUNT_SIEVE };
    unsigned service = account_service_parse(facts->protocol);
    struct policy_outcome outcome = judge_state(account, binds);
    if (outcome.decision != DECISION_ACCEPT) {
        return outcome;
    }
    if (account->services != 0 && (account->services & service) == 0) {
        return refuse(POLICY_SERVICE);
    }
    return account->no_mailbox && (service & ABOUT_A_MAILBOX) != 0 ? refuse(POLICY_NO_MAILBOX)
                                                                   : outcome;
}

static bool same_account(const struct account *one, const struct account *other)
{
    return one != NULL && other != NULL && strcmp(one->id, other->id) == 0;
}

/* Good enough to bind an account by? */
static bool email_suffices(const struct verdict *verdict)
{
    switch (verdict->provider->email_verified) {
    case PROVIDER_EMAIL_REQUIRE:
        return verdict->verified == VERIFIED_YES;
    case PROVIDER_EMAIL_IF_PRESENT:
        return verdict->verified != VERIFIED_NO;
    case PROVIDER_EMAIL_TRUST:
        return true;
    }
    return false;
}

static struct policy_outcome judge_binding(const struct policy_facts *facts)
{
    const struct verdict *verdict = facts->verdict;
    const struct account *account = facts->account;
    struct span subject = span_of(verdict->subject);
    bool bound = !span_empty(account->provider) || !span_empty(account->subject);
    if (bound && verdict->provider->binds) {
        bool same = !span_empty(subject) && span_equal(account->subject, subject) &&
                    span_is(account->provider, verdict->provider->name);
        return same ? judge_service(facts, account, false) : refuse(POLICY_OTHER_SUBJECT);
    }
    if (verdict->provider->binds && span_empty(subject) &&
        verdict->provider->email_verified != PROVIDER_EMAIL_TRUST) {
        return refuse(POLICY_OTHER_SUBJECT);
    }
    if (!email_suffices(verdict)) {
        return refuse(POLICY_EMAIL_NOT_VERIFIED);
    }
    return judge_service(facts, account, verdict->provider->binds && !span_empty(subject));
}

static struct policy_outcome decide_token(const struct policy_facts *facts)
{
    const struct verdict *verdict = facts->verdict;
    if (verdict->answer == VERDICT_UNAVAILABLE) {
        return retry_later(POLICY_NO_REASON);
    }
    if (verdict->answer != VERDICT_ACCEPTED || verdict->provider == NULL) {
        return refuse(POLICY_NO_REASON);
    }
    if (facts->store_unavailable) {
        return retry_later(POLICY_STORE_UNAVAILABLE);
    }
    if (facts->account == NULL || facts->account->state == ACCOUNT_GONE) {
        return refuse(POLICY_NO_ACCOUNT);
    }
    if (facts->name_given && !same_account(facts->account, facts->named)) {
        return refuse(POLICY_OTHER_ACCOUNT);
    }
    if (!provider_speaks_for(verdict->provider, address_domain(&facts->account->primary))) {
        return refuse(POLICY_OTHER_PROVIDER_DOMAIN);
    }
    return judge_binding(facts);
}

static struct policy_outcome decide_password(const struct policy_facts *facts)
{
    if (facts->store_unavailable) {
        return retry_later(POLICY_STORE_UNAVAILABLE);
    }
    if (facts->password == PASSWORD_BUSY) {
        return retry_later(POLICY_TOO_MANY_PASSWORDS);
    }
    if (facts->account == NULL || facts->account->state == ACCOUNT_GONE) {
        return refuse(POLICY_NO_ACCOUNT);
    }
    return facts->password == PASSWORD_RIGHT ? judge_service(facts, facts->account, false)
                                             : refuse(POLICY_WRONG_PASSWORD);
}

struct policy_outcome policy_decide(const struct policy_facts *facts)
{
    return facts->verdict != NULL ? decide_token(facts) : decide_password(facts);
}

struct policy_outcome policy_bound(const struct change_result *result)
{
    switch (result->answer) {
    case CHANGE_DONE:
    case CHANGE_SAME:
        return result->account == NULL ? admit(true) : judge_state(result->account, true);
    case CHANGE_NOT_FOUND:
        return refuse(POLICY_NO_ACCOUNT);
    case CHANGE_EXISTS:
    case CHANGE_REFUSED:
        return refuse(POLICY_OTHER_SUBJECT);
    case CHANGE_INVALID:
    case CHANGE_FAILED:
    case CHANGE_STALE:
        return retry_later(POLICY_BINDING_FAILED);
    }
    return retry_later(POLICY_BINDING_FAILED);
}
