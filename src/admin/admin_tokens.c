/* admin_tokens.c - the call that says whether a token would sign in: the check of the token, then what a login would
 * decide about the account. */
#include "admin/admin_tokens.h"

#include "admin/admin_findings.h"
#include "auth/policy.h"
#include "base/memory.h"
#include "base/text.h"
#include "wire/sasl.h"

#include <string.h>

/* What a login finds out after the token's check, and what the policy makes of it. */
struct inquiry {
    struct admin_call *call;
    const struct verdict *verdict;
    struct finding_list *findings;
    struct account_rows_found found, named;
    bool is_found, is_named, store_unavailable;
};

/* ---- the account's checks, in the order of policy_decide() ---- */

static const char *text_of(const struct inquiry *inquiry, struct span span)
{
    return span_text(&inquiry->call->arena, span);
}

static bool look_up(struct inquiry *inquiry, const struct address *address,
                    struct account_rows_found *found)
{
    struct admin_call *call = inquiry->call;
    enum directory_answer answer =
        directory_login(call->services->directory, address, &call->arena, found);
    inquiry->store_unavailable |= answer == DIRECTORY_UNAVAILABLE;
    return answer == DIRECTORY_FOUND;
}

static void tell_found(const struct inquiry *inquiry)
{
    const char *address = inquiry->verdict->address.text;
    const char *primary = inquiry->found.account.primary.text;
    if (inquiry->is_found && strcmp(address, primary) == 0) {
        finding_good(inquiry->findings, "account-known", "%s has an account", address);
    } else if (inquiry->is_found) {
        finding_good(inquiry->findings, "account-known", "%s is an address of account %s", address,
                     primary);
    } else {
        finding_bad(inquiry->findings, "account-known",
                    arena_format(&inquiry->call->arena, "postern account add %s", address),
                    "the token is good, but nobody here has the address %s", address);
    }
}

static void tell_name(const struct inquiry *inquiry)
{
    const struct admin_call *call = inquiry->call;
    const char *name = call->user.text, *own = inquiry->found.account.primary.text;
    bool same =
        inquiry->is_named && strcmp(inquiry->found.account.id, inquiry->named.account.id) == 0;
    if (!call->user_given) {
        finding_skipped(inquiry->findings, "account-name", "no user name was given");
    } else if (same) {
        finding_good(inquiry->findings, "account-name", "the user name %s is of account %s", name,
                     own);
    } else {
        finding_bad(inquiry->findings, "account-name",
                    "in the client: sign in at the provider as the one that the user name says, or "
                    "correct the user name",
                    "the token is of %s, the user name %s %s%s", own, name,
                    inquiry->is_named ? "is of " : "is unknown here",
                    inquiry->is_named ? inquiry->named.account.primary.text : "");
    }
}

static void tell_domain(const struct inquiry *inquiry)
{
    const struct address *primary = &inquiry->found.account.primary;
    const struct provider *provider = inquiry->verdict->provider;
    if (provider_speaks_for(provider, address_domain(primary))) {
        finding_good(inquiry->findings, "account-domain", "provider \"%s\" speaks for %s",
                     provider->name, text_of(inquiry, address_domain(primary)));
    } else {
        finding_bad(inquiry->findings, "account-domain",
                    "give the account a primary address in a domain of that provider, or add the "
                    "domain to the provider's `domains`",
                    "the account's own address is %s, and provider \"%s\" does not speak for it",
                    primary->text, provider->name);
    }
}

static bool is_bound(const struct account *account)
{
    return !span_empty(account->provider) || !span_empty(account->subject);
}

static void tell_other_subject(const struct inquiry *inquiry)
{
    const struct account *account = &inquiry->found.account;
    if (!is_bound(account)) {
        finding_bad(inquiry->findings, "account-binding",
                    "have the provider send `sub`, or email_verified = \"trust\"",
                    "the token names no subject, so the account cannot be bound to one");
        return;
    }
    finding_bad(inquiry->findings, "account-binding",
                arena_format(&inquiry->call->arena,
                             "if it is the same human: postern account unbind %s",
                             account->primary.text),
                "the account belongs to subject \"%s\" of provider \"%s\"; the token is of \"%s\" "
                "of \"%s\"",
                text_of(inquiry, account->subject), text_of(inquiry, account->provider),
                inquiry->verdict->subject, inquiry->verdict->provider->name);
}

static bool was_said(const struct finding_list *findings, const char *code)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].level == FINDING_BAD && strcmp(findings->items[i].code, code) == 0) {
            return true;
        }
    }
    return false;
}

static void tell_binding(const struct inquiry *inquiry, const struct policy_outcome *outcome)
{
    const struct account *account = &inquiry->found.account;
    if (outcome->reason == POLICY_OTHER_SUBJECT) {
        tell_other_subject(inquiry);
    } else if (outcome->reason == POLICY_EMAIL_NOT_VERIFIED) {
        if (was_said(inquiry->findings, "token-email-verified")) {
            finding_skipped(
                inquiry->findings, "account-binding",
                "not bound yet, and not to be bound by an address that is not verified");
            return;
        }
        finding_bad(inquiry->findings, "account-binding",
                    "have the address verified at the provider, or choose another email_verified",
                    "not bound yet, and the provider does not say email_verified: true");
    } else if (!inquiry->verdict->provider->binds) {
        finding_skipped(inquiry->findings, "account-binding", "this provider binds no accounts");
    } else if (is_bound(account)) {
        finding_good(inquiry->findings, "account-binding",
                     "bound to this subject of provider \"%s\"",
                     text_of(inquiry, account->provider));
    } else {
        finding_good(inquiry->findings, "account-binding",
                     outcome->binds ? "not bound yet: the first sign-in binds it to this subject"
                                    : "not bound");
    }
}

static void tell_state(const struct inquiry *inquiry)
{
    const struct account *account = &inquiry->found.account;
    if (account->state == ACCOUNT_ACTIVE) {
        finding_good(inquiry->findings, "account-active", "the account is active");
        return;
    }
    finding_bad(inquiry->findings, "account-active",
                arena_format(&inquiry->call->arena, "postern account enable %s, if it shall be",
                             account->primary.text),
                "the account is %s", account_state_name(account->state));
}

/* ---- findings that mean something else in the light of others ---- */

static void soften(struct finding *finding)
{
    finding->level = FINDING_SKIPPED;
    memory_free(finding->remedy);
    finding->remedy = NULL;
}

/* email_verified counts when an account is bound, and not afterwards. */
static void soften_email_verified(const struct inquiry *inquiry)
{
    for (size_t i = 0; i < inquiry->findings->count; i++) {
        if (strcmp(inquiry->findings->items[i].code, "token-email-verified") == 0) {
            soften(&inquiry->findings->items[i]);
        }
    }
}

/* Of the scopes that one protocol asks for, those of the protocol in question decide. */
static void judge_protocol(const struct inquiry *inquiry)
{
    static const char PREFIX[] = "token-scope-";
    enum provider_protocol asked = inquiry->call->protocol;
    for (size_t i = 0; asked != PROVIDER_PROTOCOLS && i < inquiry->findings->count; i++) {
        struct finding *finding = &inquiry->findings->items[i];
        struct span code = span_of(finding->code);
        if (finding->level != FINDING_WARNING || !span_starts(code, PREFIX)) {
            continue;
        }
        if (span_is(span_from(code, sizeof PREFIX - 1), provider_protocol_name(asked))) {
            finding->level = FINDING_BAD;
        } else {
            soften(finding);
        }
    }
}

/* A token for Microsoft Graph fails by its signature, issuer and audience as well: all of it follows from what it is. */
static void judge_graph(const struct inquiry *inquiry)
{
    static const char GRAPH[] = "token-for-graph";
    bool graph = was_said(inquiry->findings, GRAPH);
    for (size_t i = 0; graph && i < inquiry->findings->count; i++) {
        struct finding *finding = &inquiry->findings->items[i];
        if (finding->level == FINDING_BAD && strcmp(finding->code, GRAPH) != 0) {
            soften(finding);
        }
    }
}

static struct policy_outcome decide(struct inquiry *inquiry)
{
    struct admin_call *call = inquiry->call;
    bool accepted = inquiry->verdict->answer == VERDICT_ACCEPTED;
    if (accepted) {
        inquiry->is_found = look_up(inquiry, &inquiry->verdict->address, &inquiry->found);
        inquiry->is_named = call->user_given && look_up(inquiry, &call->user, &inquiry->named);
    }
    struct policy_facts facts = {
        .verdict = inquiry->verdict,
        .store_unavailable = inquiry->store_unavailable,
        .account = inquiry->is_found ? &inquiry->found.account : NULL,
        .named = inquiry->is_named ? &inquiry->named.account : NULL,
        .name_given = call->user_given,
    };
    return policy_decide(&facts);
}

static void tell_account(struct inquiry *inquiry, const struct policy_outcome *outcome)
{
    if (inquiry->store_unavailable) {
        finding_bad(inquiry->findings, "account-known", "see the log of posternd, and disk space",
                    "the accounts cannot be read now");
        return;
    }
    tell_found(inquiry);
    if (!inquiry->is_found) {
        return;
    }
    if (is_bound(&inquiry->found.account) && inquiry->verdict->provider->binds) {
        soften_email_verified(inquiry);
    }
    tell_name(inquiry);
    tell_domain(inquiry);
    tell_binding(inquiry, outcome);
    tell_state(inquiry);
}

/* ---- the answer ---- */

static const struct finding *first_bad(const struct finding_list *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].level == FINDING_BAD) {
            return &findings->items[i];
        }
    }
    return NULL;
}

/* The last line: the verdict in words. An expired token is everyday life, and its remedy short. */
static const char *summary(const struct inquiry *inquiry, const struct policy_outcome *outcome,
                           const char *reason)
{
    struct arena *arena = &inquiry->call->arena;
    const struct finding *why = first_bad(inquiry->findings);
    if (outcome->decision == DECISION_ACCEPT) {
        return arena_format(arena, "accepted: signs in as %s%s",
                            inquiry->found.account.primary.text,
                            outcome->binds ? ", and binds the account" : "");
    }
    const char *word = outcome->decision == DECISION_REFUSE ? "refused" : "unavailable";
    if (why == NULL) {
        return arena_format(arena, "%s: %s; docs/log.md says what to do", word, reason);
    }
    bool expired =
        inquiry->verdict->reason == VERDICT_EXPIRED && strcmp(why->code, "token-expired") == 0;
    return arena_format(arena, "%s: %s; %s", word, why->text,
                        expired ? "the client should refresh; nothing to change here"
                                : why->remedy);
}

static void answer(struct inquiry *inquiry, const struct policy_outcome *outcome)
{
    static const char *const ANSWERS[] = {
        [DECISION_REFUSE] = "refused",
        [DECISION_RETRY_LATER] = "unavailable",
        [DECISION_ACCEPT] = "accepted",
    };
    const struct verdict *verdict = inquiry->verdict;
    const char *reason = outcome->reason == POLICY_NO_REASON ? verdict_reason_name(verdict->reason)
                                                             : policy_reason_name(outcome->reason);
    struct json *body = json_new_object();
    json_put_text(body, "code", SPAN_LITERAL("done"));
    json_put_text(body, "answer", span_of(ANSWERS[outcome->decision]));
    json_put_text(body, "reason", span_of(reason));
    json_put_text(body, "summary", span_of(summary(inquiry, outcome, reason)));
    if (verdict->provider != NULL) {
        json_put_text(body, "provider", span_of(verdict->provider->name));
    }
    if (outcome->decision == DECISION_ACCEPT) {
        json_put_text(body, "account", address_span(&inquiry->found.account.primary));
    }
    json_put(body, "findings", admin_findings(inquiry->findings));
    admin_call_answer(inquiry->call, 200, body);
}

static void on_checked(const struct verdict *verdict, void *context)
{
    struct admin_call *call = context;
    call->token_check = NULL;
    struct inquiry inquiry = {.call = call, .verdict = verdict, .findings = &call->findings};
    struct policy_outcome outcome = decide(&inquiry);
    judge_protocol(&inquiry);
    judge_graph(&inquiry);
    if (verdict->answer == VERDICT_ACCEPTED) {
        tell_account(&inquiry, &outcome);
    }
    answer(&inquiry, &outcome);
}

/* ---- the question ---- */

/* A verdict of ours about what no provider is asked about. */
static void refuse_at_once(struct admin_call *call, const char *code, const char *remedy,
                           const char *text)
{
    struct verdict verdict = {.answer = VERDICT_REFUSED};
    finding_bad(&call->findings, code, remedy, "%s", text);
    on_checked(&verdict, call);
}

static bool read_protocol(struct admin_call *call, struct span text)
{
    call->protocol = span_empty(text) ? PROVIDER_PROTOCOLS : provider_protocol_of(text);
    if (!span_empty(text) && call->protocol == PROVIDER_PROTOCOLS) {
        admin_call_refuse(call, 400, "invalid", "protocol: one of imap, pop3, smtp, sieve");
        return false;
    }
    return true;
}

static void start(struct admin_call *call, struct span token, struct span user)
{
    call->user_given = !span_empty(user);
    if (token.length > SASL_TOKEN_MAX) {
        refuse_at_once(call, "token-shape",
                       "at the provider: put less into access tokens (groups, roles), or have it "
                       "issue opaque ones",
                       arena_format(&call->arena, "%zu bytes: no login takes more than %d",
                                    token.length, SASL_TOKEN_MAX));
        return;
    }
    if (!text_b64token(token)) {
        refuse_at_once(call, "token-characters",
                       "paste the access token alone: no \"Bearer\", no quotes, no JSON around it",
                       "no bearer token has such characters (RFC 6750, 2.1)");
        return;
    }
    if (call->user_given && !directory_login_name(call->services->directory, user, &call->user)) {
        refuse_at_once(call, "account-name", "in the client: correct the user name",
                       "the user name is no mail address");
        return;
    }
    CLEANUP(secret_done) struct secret secret = secret_new(token);
    struct token_question question = {
        .token = &secret,
        .user = call->user_given ? &call->user : NULL,
        .protocol = call->protocol,
        .login_id = call->actor,
        .findings = &call->findings,
    };
    call->token_check = token_check_start(call->services->tokens, &question, on_checked, call);
}

void admin_tokens_check(struct admin_call *call)
{
    struct span token, user, protocol_name;
    bool given = admin_call_text(call, "token", &token);
    (void)admin_call_text(call, "user", &user);
    (void)admin_call_text(call, "protocol", &protocol_name);
    if (!admin_call_texts_good(call)) {
        return;
    }
    if (!given) {
        admin_call_refuse(call, 400, "invalid", "\"token\" is missing");
    } else if (read_protocol(call, protocol_name)) {
        start(call, token, user);
    }
}
