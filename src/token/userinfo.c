/* userinfo.c - a token checked at the userinfo endpoint: the request, and what its answer means. */
#include "token/userinfo.h"

#include "base/memory.h"
#include "wire/json.h"

#include <stdio.h>
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

/* -- the old door -- */

static void refuse(struct verdict *verdict, enum verdict_reason reason)
{
    verdict->answer = VERDICT_REFUSED;
    verdict->reason = reason;
}

static void cannot_say(struct verdict *verdict, enum verdict_reason reason, const char *detail)
{
    verdict->answer = VERDICT_UNAVAILABLE;
    verdict->reason = reason;
    int room = (int)sizeof verdict->detail - 1;
    snprintf(verdict->detail, sizeof verdict->detail, "%.*s", room, detail == NULL ? "" : detail);
}

/* Some IdPs sign the answer (application/jwt): it cannot be trusted without that check, and must not
 * be read as if it were JSON. */
static bool type_is_json(const struct provider *provider, struct span type)
{
    struct span kind = span_trim(span_first(type, span_find(type, ';')));
    return span_is_fold(kind, "application/json") ||
           (span_empty(kind) && provider->email_verified == PROVIDER_EMAIL_TRUST);
}

static bool username(const struct provider *provider, const struct json *claims,
                     struct verdict *verdict)
{
    struct span text;
    struct error ignored;
    if (!json_text(claims, provider->username_claim, &text) || span_empty(text)) {
        refuse(verdict, VERDICT_NO_ADDRESS);
        return false;
    }
    if (!address_parse(text, &verdict->address, &ignored)) {
        refuse(verdict, VERDICT_BAD_ADDRESS);
        return false;
    }
    return true;
}

/* Core, 5.1: `sub` is a string of at most 255 ASCII characters, and always there. */
static bool subject(const struct provider *provider, const struct json *claims,
                    struct verdict *verdict)
{
    struct span text;
    bool absent = json_kind(json_member(claims, "sub")) == JSON_KIND_ABSENT;
    if (absent && provider->email_verified == PROVIDER_EMAIL_TRUST) {
        return true;
    }
    if (!json_text(claims, "sub", &text) || span_empty(text) ||
        !span_fits(text, verdict->subject, sizeof verdict->subject)) {
        refuse(verdict, VERDICT_NO_SUBJECT);
        return false;
    }
    return true;
}

/* Is it the address in `email` that signs in? */
static bool email_is(const struct json *claims, const struct address *address)
{
    struct span text;
    struct address email;
    struct error ignored;
    return json_text(claims, "email", &text) && address_parse(text, &email, &ignored) &&
           address_equal(&email, address);
}

/* A JSON true and nothing else: AWS Cognito says "true" as a string, which is a no here. */
static enum verdict_verified verified(const struct json *claims, const struct address *address)
{
    enum json_kind kind = json_kind(json_member(claims, "email_verified"));
    if (kind == JSON_KIND_ABSENT || !email_is(claims, address)) {
        return VERIFIED_UNSAID;
    }
    return kind == JSON_KIND_TRUE ? VERIFIED_YES : VERIFIED_NO;
}

/* Some endpoints answer 200 and say in the body that the token is dead. */
static bool inactive(const struct json *claims)
{
    enum json_kind kind = json_kind(json_member(claims, "active"));
    return kind != JSON_KIND_ABSENT && kind != JSON_KIND_TRUE;
}

static void judge_claims(const struct provider *provider, const struct json *claims,
                         struct verdict *verdict)
{
    if (inactive(claims)) {
        refuse(verdict, VERDICT_INACTIVE);
        return;
    }
    if (!username(provider, claims, verdict) || !subject(provider, claims, verdict)) {
        return;
    }
    verdict->verified = verified(claims, &verdict->address);
    verdict->answer = VERDICT_ACCEPTED;
}

static void judge_body(const struct provider *provider, const struct fetch_answer *answer,
                       struct verdict *verdict)
{
    struct error error = {0};
    if (!type_is_json(provider, answer->content_type)) {
        cannot_say(verdict, VERDICT_PROVIDER_NONSENSE, "the answer is not application/json");
        return;
    }
    CLEANUP(json_cleanup) struct json *claims = json_parse(answer->body, USERINFO_SIZE_MAX, &error);
    if (claims == NULL) {
        cannot_say(verdict, VERDICT_PROVIDER_NONSENSE, error.text);
        return;
    }
    judge_claims(provider, claims, verdict);
}

static void judge_failure(const struct fetch_answer *answer, struct verdict *verdict)
{
    bool began = answer->status == 200;
    cannot_say(verdict, began ? VERDICT_PROVIDER_NONSENSE : VERDICT_UNREACHABLE, answer->failure);
}

void userinfo_judge(const struct provider *provider, const struct fetch_answer *answer,
                    struct verdict *verdict)
{
    *verdict = (struct verdict){.provider = provider, .status = answer->status};
    switch (answer->status) {
    case 400:
    case 401:
        refuse(verdict, VERDICT_NOT_VALID);
        return;
    case 403:
        refuse(verdict, VERDICT_FORBIDDEN);
        return;
    default:
        break;
    }
    if (answer->outcome == FETCH_FAILED) {
        judge_failure(answer, verdict);
    } else if (answer->status == 200) {
        judge_body(provider, answer, verdict);
    } else {
        cannot_say(verdict, VERDICT_PROVIDER_ERROR, "a status that userinfo should not give");
    }
}
