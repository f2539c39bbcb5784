/* verdict.c - the names of what a token check says. */
#include "token/verdict.h"

#include <stdio.h>

static const char *const names[VERDICT_REASONS] = {
    [VERDICT_NO_REASON] = "",
    [VERDICT_NOT_VALID] = "token_not_valid",
    [VERDICT_FORBIDDEN] = "token_forbidden",
    [VERDICT_INACTIVE] = "token_inactive",
    [VERDICT_MALFORMED] = "token_malformed",
    [VERDICT_ALGORITHM] = "token_algorithm",
    [VERDICT_CRITICAL] = "token_critical_extension",
    [VERDICT_WRONG_TYPE] = "token_wrong_type",
    [VERDICT_SENDER_BOUND] = "token_sender_bound",
    [VERDICT_OTHER_ISSUER] = "token_of_other_issuer",
    [VERDICT_KEY_UNKNOWN] = "token_key_unknown",
    [VERDICT_SIGNATURE] = "token_signature",
    [VERDICT_OPAQUE] = "token_opaque",
    [VERDICT_BAD_TIME] = "token_time_malformed",
    [VERDICT_EXPIRED] = "token_expired",
    [VERDICT_NOT_YET] = "token_not_yet_valid",
    [VERDICT_TOO_OLD] = "token_too_old",
    [VERDICT_AUDIENCE] = "token_audience",
    [VERDICT_FOR_GRAPH] = "token_for_graph",
    [VERDICT_CLIENT] = "token_client",
    [VERDICT_OF_CLIENT] = "token_of_client",
    [VERDICT_SCOPE] = "token_scope",
    [VERDICT_HOSTED_DOMAIN] = "token_hosted_domain",
    [VERDICT_NO_ADDRESS] = "token_without_address",
    [VERDICT_BAD_ADDRESS] = "token_address_malformed",
    [VERDICT_NO_SUBJECT] = "token_without_subject",
    [VERDICT_OTHER_SUBJECT] = "token_of_other_subject",
    [VERDICT_OTHER_DOMAIN] = "token_of_other_domain",
    [VERDICT_NO_PROVIDER] = "no_provider",
    [VERDICT_UNREACHABLE] = "provider_unreachable",
    [VERDICT_PROVIDER_ERROR] = "provider_error",
    [VERDICT_PROVIDER_NONSENSE] = "provider_nonsense",
    [VERDICT_CREDENTIALS] = "provider_refuses_credentials",
    [VERDICT_NO_KEYS] = "provider_keys_missing",
    [VERDICT_NO_ENDPOINT] = "provider_endpoint_unknown",
    [VERDICT_PAUSED] = "provider_paused",
    [VERDICT_BUSY] = "provider_busy",
};

const char *verdict_reason_name(enum verdict_reason reason)
{
    return names[reason];
}

const char *verdict_status(enum verdict_reason reason, bool name_given)
{
    if (reason == VERDICT_FORBIDDEN || reason == VERDICT_SCOPE) {
        return "insufficient_scope";
    }
    return reason == VERDICT_NO_PROVIDER && !name_given ? "invalid_request" : "invalid_token";
}

static bool say(struct verdict *verdict, enum verdict_answer answer, enum verdict_reason reason,
                const char *detail)
{
    int room = (int)sizeof verdict->detail - 1;
    verdict->answer = answer;
    verdict->reason = reason;
    snprintf(verdict->detail, sizeof verdict->detail, "%.*s", room, detail == NULL ? "" : detail);
    return false;
}

bool verdict_refuse(struct verdict *verdict, enum verdict_reason reason, const char *detail)
{
    return say(verdict, VERDICT_REFUSED, reason, detail);
}

bool verdict_cannot_say(struct verdict *verdict, enum verdict_reason reason, const char *detail)
{
    return say(verdict, VERDICT_UNAVAILABLE, reason, detail);
}
