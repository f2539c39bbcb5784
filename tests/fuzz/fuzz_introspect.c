/* fuzz_introspect.c - any bytes as an answer of introspection or tokeninfo; and as a token, an id and a secret to ask with. */
#include "fuzz_token.h"

#include "token/introspect.h"
#include "wire/http.h"

static struct json_view view;
static char bytes[INTROSPECT_SIZE_MAX];

/* -- answers -- */

static struct fetch_answer answer_of(unsigned status, unsigned type, struct span body)
{
    static const int STATUSES[] = {200, 200, 200, 400, 401, 403, 500, 0};
    static const char *const TYPES[] = {"application/json", "application/json;charset=UTF-8",
                                        "application/token-introspection+jwt", "text/html", ""};
    struct fetch_answer answer = {.outcome = FETCH_ANSWERED,
                                  .status = STATUSES[status % 8],
                                  .content_type = span_of(TYPES[type % 5]),
                                  .body = body};
    if (answer.status == 0 || type >= 60) {
        answer.outcome = FETCH_FAILED;
        answer.failure = "the connection was closed";
    }
    return answer;
}

static void check_answer(const struct provider *provider, enum claims_source source,
                         const struct fetch_answer *answer)
{
    static struct claims claims;
    struct verdict verdict = {.provider = provider};
    if (introspect_read(provider, source, answer, &view, bytes, &claims, &verdict)) {
        assert(answer->status == 200 && answer->outcome == FETCH_ANSWERED);
        assert(claims.source == source);
        fuzz_judge(provider, &claims);
        return;
    }
    fuzz_check_verdict(false, &verdict);
    /* What speaks of us is never the token's fault. */
    bool of_us = answer->status == 401 || answer->status == 403;
    assert(source != CLAIMS_INTROSPECTION || !of_us || verdict.reason == VERDICT_CREDENTIALS);
    assert(!introspect_unsupported(&verdict) ||
           (answer->status == 400 && source == CLAIMS_INTROSPECTION));
}

/* -- requests -- */

/* What a server reads from the form is what we wrote. */
static void check_form(struct span form, const char *wanted, struct span expected)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct span name, value;
    bool there = false;
    while (http_query_next(&form, &arena, &name, &value) == HTTP_QUERY_PAIR) {
        if (span_is(name, wanted)) {
            assert(!there && span_equal(value, expected));
            there = true;
        }
    }
    assert(there);
}

static void check_request(enum provider_auth auth, struct span token, struct span id,
                          struct span given)
{
    /* RFC 8410, 10.3 */
    static const char PEM[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                              "-----END PRIVATE KEY-----\n";
    CLEANUP(secret_done) struct secret secret = secret_new(token);
    struct introspect_request request;
    struct error error;
    struct provider provider = *fuzz_provider(0);
    CLEANUP(buffer_done) struct buffer texts = buffer_limited(id.length + given.length + 2);
    buffer_add(&texts, id);
    buffer_add_byte(&texts, '\0');
    buffer_add(&texts, given);
    buffer_add_byte(&texts, '\0');
    provider.introspection.auth = auth;
    provider.introspection.id = texts.at;
    provider.introspection.secret = &texts.at[id.length + 1];
    CLEANUP(buffer_done) struct buffer key = buffer_limited(sizeof PEM);
    buffer_add(&key, span_bytes(PEM, sizeof PEM));
    if (auth == PROVIDER_AUTH_KEY && span_at(given, 0) != '!') {
        provider.introspection.secret = key.at;
    }
    struct span issuer = SPAN_LITERAL("https://id.example.com");
    if (!introspect_request(&provider, "https://u:p@id.example.com/introspect", issuer, &secret,
                            FUZZ_NOW, &request, &error)) {
        assert(auth == PROVIDER_AUTH_KEY || auth == PROVIDER_AUTH_BEARER);
        return;
    }
    check_form(request.fetch.body, "token", token);
    check_form(request.fetch.body, "token_type_hint", SPAN_LITERAL("access_token"));
    if (auth == PROVIDER_AUTH_POST) {
        check_form(request.fetch.body, "client_secret", span_of(provider.introspection.secret));
    }
    if (request.fetch.authorization != NULL) {
        struct span value = secret_reveal(request.fetch.authorization);
        for (size_t i = 0; i < value.length; i++) {
            assert(value.at[i] >= ' ' && value.at[i] < 0x7f);
        }
    }
    introspect_request_done(&request);
    introspect_tokeninfo_request(&provider, &secret, &request);
    check_form(request.fetch.body, "access_token", token);
    introspect_request_done(&request);
}

/* Token, id and secret, parted by line ends; a C string ends at a NUL, so there is none. */
static void check_requests(unsigned auth, struct span text)
{
    struct span token = {0}, id = {0};
    if (!span_has(text, '\0') && text.length <= 4096 && span_cut(&text, '\n', &token) &&
        span_cut(&text, '\n', &id)) {
        check_request((enum provider_auth)(auth % 5), token, id, text);
    }
}

/* The first byte: provider and status; the second: what is done, and content type. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    struct span rest, body;
    unsigned choice = fuzz_choice(data, size, &rest);
    unsigned way = fuzz_choice((const uint8_t *)rest.at, rest.length, &body);
    ready = ready || secret_init();
    assert(ready);
    if (way % 4 == 3) {
        check_requests(choice, body);
        return 0;
    }
    struct fetch_answer answer = answer_of(choice / FUZZ_PROVIDERS, way / 4, body);
    check_answer(fuzz_provider(choice), way % 4 == 2 ? CLAIMS_TOKENINFO : CLAIMS_INTROSPECTION,
                 &answer);
    return 0;
}
