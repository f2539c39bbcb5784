/* provider_test.c - `postern provider test`: asks a provider everything that a login would need, one after another. */
#include "token/provider_test.h"

#include "base/memory.h"
#include "base/text.h"
#include "token/introspect.h"
#include "token/keyset.h"
#include "token/provider_probe.h"
#include "token/token_way.h"
#include "token/userinfo.h"
#include "wire/url.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { CONNECT_MS = 2000, TOTAL_MS = 5000, CHANCE_SIZE = 16 };

/* In order; those from DOCUMENT to INTROSPECTION once for each issuer. */
enum step {
    STEP_DOCUMENT,
    STEP_OTHER_DOCUMENT, /* RFC 8414's form of the address */
    STEP_KEYS,
    STEP_USERINFO,
    STEP_INTROSPECTION,
    STEP_NEXT_ISSUER,
    STEP_TOKENINFO,
    STEP_WAIT, /* for the answer to `asking` */
    STEP_END,
};

struct provider_test {
    struct loop *loop;
    struct fetch_client *client; /* connections of its own: only a new one shows its certificate */
    struct token_generation *generation;
    const struct provider *provider;
    struct finding_list findings;
    struct secret token; /* made up */
    size_t issuer;
    struct discovery discovery; /* of this issuer */
    bool discovered, unreachable;
    enum step asking;
    struct fetch *fetch;
    char *asked;                    /* the URL under way, as it may be shown */
    char *userinfo, *introspection; /* those asked last: issuers often share them */
    bool told_clock, unsigned_by_keys;
    struct loop_later later;
    provider_test_fn *fn;
    void *context;
};

static void run(struct provider_test *test, enum step step);

static void test_free(struct provider_test *test)
{
    fetch_cancel(test->fetch);
    loop_later_cancel(&test->later);
    fetch_client_free(test->client);
    discovery_done(&test->discovery);
    token_checks_release(test->generation);
    finding_list_done(&test->findings);
    secret_done(&test->token);
    memory_free(test->asked);
    memory_free(test->userinfo);
    memory_free(test->introspection);
    memory_free(test);
}

/* ---- what this provider needs ---- */

static const char *issuer_of(const struct provider_test *test)
{
    char **issuers = test->provider->issuers;
    return issuers == NULL ? NULL : issuers[test->issuer];
}

static bool needs_keys(const struct provider *provider)
{
    return provider->check == PROVIDER_CHECK_AUTO || provider->check == PROVIDER_CHECK_JWT ||
           provider->check == PROVIDER_CHECK_JWT_USERINFO;
}

/* NULL: not used, or discovery has not told. */
static const char *userinfo_of(const struct provider_test *test)
{
    const struct provider *provider = test->provider;
    if (provider->check == PROVIDER_CHECK_JWT) {
        return NULL;
    }
    return provider->userinfo != NULL ? provider->userinfo : test->discovery.userinfo;
}

static const char *introspection_of(const struct provider_test *test)
{
    const struct provider *provider = test->provider;
    bool asked =
        provider->check == PROVIDER_CHECK_AUTO || provider->check == PROVIDER_CHECK_INTROSPECTION;
    if (!asked || !provider->introspection.used) {
        return NULL;
    }
    return provider->introspection.url != NULL ? provider->introspection.url
                                               : test->discovery.introspection;
}

/* ---- asking ---- */

static struct provider_probe probe_of(struct provider_test *test)
{
    struct url url = {0};
    (void)url_parse(span_of(test->asked), &url);
    return (struct provider_probe){
        .provider = test->provider,
        .findings = &test->findings,
        .now = loop_wall(test->loop),
        .asked = test->asked,
        .host = url.host,
        .issuer = issuer_of(test),
        .needs_keys = needs_keys(test->provider),
        .told_clock = &test->told_clock,
        .unsigned_by_keys = &test->unsigned_by_keys,
    };
}

static enum step judge_document(struct provider_test *test, const struct fetch_answer *answer,
                                const struct provider_probe *probe)
{
    bool other = answer->status != 200 && test->asking == STEP_DOCUMENT;
    if (other) {
        return STEP_OTHER_DOCUMENT;
    }
    test->discovered = provider_probe_document(probe, answer, &test->discovery);
    return STEP_KEYS;
}

static enum step judge(struct provider_test *test, const struct fetch_answer *answer,
                       const struct provider_probe *probe)
{
    switch (test->asking) {
    case STEP_DOCUMENT:
    case STEP_OTHER_DOCUMENT:
        return judge_document(test, answer, probe);
    case STEP_KEYS:
        provider_probe_keys(probe, answer);
        return STEP_USERINFO;
    case STEP_USERINFO:
        provider_probe_userinfo(probe, answer);
        return STEP_INTROSPECTION;
    case STEP_INTROSPECTION:
        provider_probe_introspection(probe, answer);
        return STEP_NEXT_ISSUER;
    case STEP_TOKENINFO:
        provider_probe_tokeninfo(probe, answer);
        return STEP_END;
    case STEP_NEXT_ISSUER:
    case STEP_WAIT:
    case STEP_END:
        break;
    }
    assert(false);
    return STEP_END;
}

/* Where the issuer itself cannot be reached, what it would have told cannot be asked; other hosts still are. */
static enum step after_failure(struct provider_test *test)
{
    switch (test->asking) {
    case STEP_DOCUMENT:
    case STEP_OTHER_DOCUMENT:
        test->unreachable = true;
        return STEP_NEXT_ISSUER;
    case STEP_KEYS:
        return STEP_USERINFO;
    case STEP_USERINFO:
        return STEP_INTROSPECTION;
    case STEP_INTROSPECTION:
        return STEP_NEXT_ISSUER;
    case STEP_NEXT_ISSUER:
    case STEP_TOKENINFO:
    case STEP_WAIT:
    case STEP_END:
        break;
    }
    return STEP_END;
}

static void on_answer(const struct fetch_answer *answer, void *context)
{
    struct provider_test *test = context;
    test->fetch = NULL;
    struct provider_probe probe = probe_of(test);
    bool arrived = provider_probe_arrived(&probe, answer);
    run(test, arrived ? judge(test, answer, &probe) : after_failure(test));
}

static enum step ask(struct provider_test *test, enum step asking,
                     const struct fetch_request *request)
{
    memory_free(test->asked);
    test->asked = provider_shown(request->url);
    if (test->asked == NULL) {
        test->asked = memory_text("(no URL)");
    }
    test->asking = asking;
    test->fetch = fetch_start(test->client, request, on_answer, test);
    return STEP_WAIT;
}

/* ---- the steps ---- */

/* As issuer.c asks: what only the document names is reached at public addresses, its own host anywhere. */
static enum step ask_document(struct provider_test *test, enum step asking, const char *target,
                              bool typed, size_t body_max)
{
    struct url url, own;
    bool same = issuer_of(test) != NULL && url_parse(span_of(target), &url) &&
                url_parse(span_of(issuer_of(test)), &own) && span_equal_fold(url.host, own.host);
    struct fetch_request request = {
        .url = target,
        .ca_file = test->provider->ca_file,
        .connect_to = same ? test->provider->connect_to : NULL,
        .public_only = !same && !typed,
        .connect_ms = CONNECT_MS,
        .total_ms = TOTAL_MS,
        .body_max = body_max,
    };
    return ask(test, asking, &request);
}

static enum step step_document(struct provider_test *test, enum step step)
{
    if (issuer_of(test) == NULL) {
        return STEP_USERINFO;
    }
    char *url =
        discovery_url(issuer_of(test), step == STEP_DOCUMENT ? DISCOVERY_OPENID : DISCOVERY_OAUTH);
    enum step next = ask_document(test, step, url, true, DISCOVERY_SIZE_MAX);
    memory_free(url);
    return next;
}

static enum step step_keys(struct provider_test *test)
{
    const char *typed = test->provider->jwks;
    const char *url = typed != NULL ? typed : test->discovery.jwks;
    if (url == NULL) {
        finding_skipped(&test->findings, "provider-keys", "%s",
                        test->discovered ? "discovery names none"
                                         : "not known where, without discovery");
        return STEP_USERINFO;
    }
    return ask_document(test, STEP_KEYS, url, typed != NULL, KEYSET_SIZE_MAX);
}

static bool asked_before(char **last, const char *url)
{
    if (*last != NULL && strcmp(*last, url) == 0) {
        return true;
    }
    memory_free(*last);
    *last = memory_text(url);
    return false;
}

static enum step step_userinfo(struct provider_test *test)
{
    const char *url = userinfo_of(test);
    if (url == NULL) {
        finding_skipped(&test->findings, "provider-userinfo", "%s",
                        test->provider->check == PROVIDER_CHECK_JWT
                            ? "never asked by this provider's check"
                            : "no endpoint is known");
        return STEP_INTROSPECTION;
    }
    if (asked_before(&test->userinfo, url)) {
        return STEP_INTROSPECTION;
    }
    struct fetch_request request = userinfo_request(test->provider, url, &test->token);
    token_way_reach(test->provider, &request);
    return ask(test, STEP_USERINFO, &request);
}

static enum step step_introspection(struct provider_test *test)
{
    struct error error;
    struct introspect_request request;
    const char *url = introspection_of(test);
    if (url == NULL) {
        finding_skipped(&test->findings, "provider-introspection", "%s",
                        test->provider->introspection.used ? "no endpoint is known"
                                                           : "not configured");
        return STEP_NEXT_ISSUER;
    }
    if (asked_before(&test->introspection, url)) {
        return STEP_NEXT_ISSUER;
    }
    if (!introspect_request(test->provider, url, span_of(issuer_of(test)), &test->token,
                            loop_wall(test->loop), &request, &error)) {
        finding_bad(&test->findings, "provider-introspection-credentials",
                    "correct the introspection block: the secret does not fit its `auth`", "%s",
                    error.text);
        return STEP_NEXT_ISSUER;
    }
    token_way_reach(test->provider, &request.fetch);
    enum step next = ask(test, STEP_INTROSPECTION, &request.fetch);
    introspect_request_done(&request);
    return next;
}

static enum step next_issuer(struct provider_test *test)
{
    char **issuers = test->provider->issuers;
    discovery_done(&test->discovery);
    test->discovery = (struct discovery){0};
    test->discovered = false;
    if (issuers != NULL && issuers[test->issuer] != NULL && issuers[test->issuer + 1] != NULL) {
        test->issuer++;
        return STEP_DOCUMENT;
    }
    return STEP_TOKENINFO;
}

static enum step step_tokeninfo(struct provider_test *test)
{
    if (test->provider->check != PROVIDER_CHECK_TOKENINFO || test->provider->tokeninfo == NULL) {
        return STEP_END;
    }
    struct introspect_request request;
    introspect_tokeninfo_request(test->provider, &test->token, &request);
    token_way_reach(test->provider, &request.fetch);
    enum step next = ask(test, STEP_TOKENINFO, &request.fetch);
    introspect_request_done(&request);
    return next;
}

static enum step take(struct provider_test *test, enum step step)
{
    switch (step) {
    case STEP_DOCUMENT:
    case STEP_OTHER_DOCUMENT:
        return step_document(test, step);
    case STEP_KEYS:
        return step_keys(test);
    case STEP_USERINFO:
        return step_userinfo(test);
    case STEP_INTROSPECTION:
        return step_introspection(test);
    case STEP_NEXT_ISSUER:
        return next_issuer(test);
    case STEP_TOKENINFO:
        return step_tokeninfo(test);
    case STEP_WAIT:
    case STEP_END:
        break;
    }
    return step;
}

/* Ends from the later list: not inside a callback of the client that it frees. */
static void run(struct provider_test *test, enum step step)
{
    while (step != STEP_WAIT && step != STEP_END) {
        step = take(test, step);
    }
    if (step == STEP_END) {
        loop_later(test->loop, &test->later);
    }
}

static void on_end(void *context)
{
    struct provider_test *test = context;
    test->fn(&test->findings, test->context);
    test_free(test);
}

/* Nobody's: random, so that no provider has ever issued it. */
static struct secret make_up(void)
{
    char bytes[CHANCE_SIZE];
    CLEANUP(buffer_done) struct buffer text = buffer_limited(100);
    secret_random(bytes, sizeof bytes);
    buffer_add_text(&text, "postern-provider-test-");
    text_hex_encode(span_bytes(bytes, sizeof bytes), &text);
    return secret_new(buffer_span(&text));
}

static void on_begin(void *context)
{
    struct provider_test *test = context;
    loop_later_init(&test->later, on_end, test);
    run(test, STEP_DOCUMENT);
}

struct provider_test *provider_test_start(struct loop *loop, struct token_checks *checks,
                                          const char *provider_name, provider_test_fn *fn,
                                          void *context)
{
    struct provider_test *test = MEMORY_NEW(struct provider_test);
    test->loop = loop;
    test->generation = token_checks_hold(checks);
    test->fn = fn;
    test->context = context;
    const struct provider_set *set = token_checks_providers(test->generation);
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->providers[i].name, provider_name) == 0) {
            test->provider = &set->providers[i];
        }
    }
    assert(test->provider != NULL);
    test->client = fetch_client_new(loop, 1, "postern/" POSTERN_VERSION);
    test->token = make_up();
    loop_later_init(&test->later, on_begin, test);
    loop_later(loop, &test->later);
    return test;
}

void provider_test_cancel(struct provider_test *test)
{
    if (test != NULL) {
        test_free(test);
    }
}
