/* fuzz_userinfo.c - any bytes as an answer of userinfo, under any status and content type. */
#include "fuzz_token.h"

#include "token/userinfo.h"

static struct json_view view;
static char bytes[USERINFO_SIZE_MAX];

/* The first byte: provider and status; the second: content type. Then the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int STATUSES[] = {200, 200, 400, 401, 403, 302, 500, 0};
    static const char *const TYPES[] = {"application/json", "", "APPLICATION/JSON; charset=utf-8",
                                        "application/jwt", "text/html"};
    static struct claims claims;
    struct span rest, body;
    unsigned choice = fuzz_choice(data, size, &rest);
    unsigned type = fuzz_choice((const uint8_t *)rest.at, rest.length, &body);
    const struct provider *provider = fuzz_provider(choice);
    struct fetch_answer answer = {.outcome = FETCH_ANSWERED,
                                  .status = STATUSES[choice / FUZZ_PROVIDERS % 8],
                                  .content_type = span_of(TYPES[type % 5]),
                                  .body = body};
    if (answer.status == 0 || type >= 250) {
        answer.outcome = FETCH_FAILED;
        answer.failure = "the connection was closed";
    }
    struct verdict verdict = {.provider = provider};
    if (userinfo_read(provider, &answer, &view, bytes, &claims, &verdict)) {
        assert(answer.status == 200 && answer.outcome == FETCH_ANSWERED);
        assert(claims.source == CLAIMS_USERINFO && claims.active != CLAIMS_BAD);
        fuzz_judge(provider, &claims);
    } else {
        fuzz_check_verdict(false, &verdict);
        assert((verdict.answer == VERDICT_UNAVAILABLE) ==
               (verdict.reason >= VERDICT_UNREACHABLE && verdict.reason < VERDICT_REASONS));
    }
    CLEANUP(secret_done) struct secret token = secret_new(SPAN_LITERAL("geheim"));
    struct fetch_request request = userinfo_request(provider, "https://id.example.com/u", &token);
    assert(request.bearer == &token && strstr(request.url, "geheim") == NULL);
    return 0;
}
