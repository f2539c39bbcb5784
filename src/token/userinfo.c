/* userinfo.c - a token checked at the userinfo endpoint: the request, and what its answer means. */
#include "token/userinfo.h"

#include <string.h>

struct fetch_request userinfo_request(const struct provider *provider, const char *url,
                                      const struct secret *token)
{
    return (struct fetch_request){
        .url = url,
        .bearer = token,
        .accept = "application/json",
        .ca_file = provider->ca_file,
        .connect_ms = provider->connect_ms,
        .total_ms = provider->total_ms,
        .body_max = USERINFO_SIZE_MAX,
    };
}

/* Some IdPs sign the answer (application/jwt): it cannot be trusted without that check, and must not
 * be read as if it were JSON. */
static bool is_json(const struct provider *provider, struct span type, struct verdict *verdict)
{
    struct span kind = span_trim(span_first(type, span_find(type, ';')));
    if (span_is_fold(kind, "application/json") ||
        (span_empty(kind) && provider->email_verified == PROVIDER_EMAIL_TRUST)) {
        return true;
    }
    return verdict_cannot_say(verdict, VERDICT_PROVIDER_NONSENSE,
                              span_is_fold(kind, "application/jwt")
                                  ? "the answer is signed (application/jwt): have the provider "
                                    "send plain JSON"
                                  : "the answer is not application/json");
}

/* Some endpoints answer 200 and say in the body that the token is dead. */
static bool read_body(const struct provider *provider, const struct fetch_answer *answer,
                      struct json_view *view, char *bytes, struct claims *claims,
                      struct verdict *verdict)
{
    const char *problem = "the answer is too large";
    if (!is_json(provider, answer->content_type, verdict)) {
        return false;
    }
    if (answer->body.length > USERINFO_SIZE_MAX) {
        return verdict_cannot_say(verdict, VERDICT_PROVIDER_NONSENSE, problem);
    }
    if (!span_empty(answer->body)) {
        memcpy(bytes, answer->body.at, answer->body.length);
    }
    if (!json_view_parse(view, bytes, answer->body.length, &problem)) {
        return verdict_cannot_say(verdict, VERDICT_PROVIDER_NONSENSE, problem);
    }
    claims_read(provider, CLAIMS_USERINFO, view, claims);
    return claims->active != CLAIMS_BAD || verdict_refuse(verdict, VERDICT_INACTIVE, NULL);
}

bool userinfo_read(const struct provider *provider, const struct fetch_answer *answer,
                   struct json_view *view, char *bytes, struct claims *claims,
                   struct verdict *verdict)
{
    verdict->status = answer->status;
    switch (answer->status) {
    case 400:
    case 401:
        return verdict_refuse(verdict, VERDICT_NOT_VALID, NULL);
    case 403:
        return verdict_refuse(verdict, VERDICT_FORBIDDEN, NULL);
    default:
        break;
    }
    if (answer->outcome == FETCH_FAILED) {
        bool began = answer->status == 200;
        return verdict_cannot_say(verdict, began ? VERDICT_PROVIDER_NONSENSE : VERDICT_UNREACHABLE,
                                  answer->failure);
    }
    if (answer->status != 200) {
        return verdict_cannot_say(verdict, VERDICT_PROVIDER_ERROR,
                                  "a status that userinfo should not give");
    }
    return read_body(provider, answer, view, bytes, claims, verdict);
}
