/* test_issuer.c - keys and documents fetched in the background: how often, from where, and what a failure leaves. */
#include "token/issuer.h"

#include "fake_loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- a fetch that answers when it is told to: one at a time is all an issuer may have -- */

static struct {
    bool running;
    char url[300], connect_to[64], ca_file[64];
    bool public_only;
    size_t body_max;
    int64_t connect_ms, total_ms;
    fetch_fn *fn;
    void *context;
} fetched;
static int started, documents, jwks, cancelled;

struct fetch *fetch_start(struct fetch_client *client, const struct fetch_request *request,
                          fetch_fn *fn, void *context)
{
    (void)client;
    assert_false(fetched.running);
    memset(&fetched, 0, sizeof fetched);
    fetched.running = true;
    fetched.fn = fn;
    fetched.context = context;
    fetched.public_only = request->public_only;
    fetched.body_max = request->body_max;
    fetched.connect_ms = request->connect_ms;
    fetched.total_ms = request->total_ms;
    assert_null(request->bearer);
    assert_null(request->body.at);
    snprintf(fetched.url, sizeof fetched.url, "%s", request->url);
    snprintf(fetched.connect_to, sizeof fetched.connect_to, "%s",
             request->connect_to != NULL ? request->connect_to : "");
    snprintf(fetched.ca_file, sizeof fetched.ca_file, "%s",
             request->ca_file != NULL ? request->ca_file : "");
    started++;
    if (strstr(request->url, "/.well-known/") != NULL) {
        documents++;
    } else {
        jwks++;
    }
    return (struct fetch *)(void *)&fetched;
}

void fetch_cancel(struct fetch *fetch)
{
    if (fetch != NULL) {
        assert_ptr_equal(fetch, &fetched);
        assert_true(fetched.running);
        fetched.running = false;
        cancelled++;
    }
}

static void answer_kept(int status, const char *body, int64_t max_age)
{
    assert_true(fetched.running);
    struct fetch_answer answer = {
        .outcome = status == 0 ? FETCH_FAILED : FETCH_ANSWERED,
        .status = status,
        .content_type = SPAN_LITERAL("application/json"),
        .body = status == 0 ? (struct span){0} : span_of(body),
        .failure = status == 0 ? body : NULL,
        .max_age = max_age,
    };
    fetched.running = false;
    fetched.fn(&answer, fetched.context);
}

/* status 0: no answer; `body` is why. */
static void answer(int status, const char *body)
{
    answer_kept(status, body, -1);
}

/* -- the rest of the scene -- */

#define ISSUER "https://idp.example.com/realms/acme"
#define WHERE  "https://idp.example.com/realms/acme/.well-known/openid-configuration"
#define OTHER  "https://idp.example.com/.well-known/oauth-authorization-server/realms/acme"
#define KEYS   "https://idp.example.com/realms/acme/keys"
#define DOCUMENT_OF(issuer, keys)                           \
    "{\"issuer\":\"" issuer "\",\"jwks_uri\":\"" keys "\"," \
    "\"userinfo_endpoint\":\"https://idp.example.com/userinfo\"}"
#define DOCUMENT DOCUMENT_OF(ISSUER, KEYS)

/* RFC 8032, 7.1 */
#define KEY(kid, x) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"" kid "\",\"x\":\"" x "\"}"
#define X1          "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define X2          "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"
#define ONE         "{\"keys\":[" KEY("a", X1) "]}"
#define TWO         "{\"keys\":[" KEY("b", X2) "," KEY("a", X1) "]}"
#define SECOND      "{\"keys\":[" KEY("b", X2) "]}"

enum {
    MINUTE = 60 * 1000,
    REFRESH = 10 * MINUTE,
    COOLDOWN = 30 * 1000,
    MAX_AGE = 24 * 60 * MINUTE
};

static struct loop loop;
static struct issuer *issuer;
static char lines[8000];
static int changes, wakes;

static void keep_line(enum log_level level, struct span line, void *context)
{
    (void)level;
    (void)context;
    size_t length = strlen(lines);
    snprintf(lines + length, sizeof lines - length, "%.*s\n", (int)line.length, line.at);
}

static const struct log logger = {.sink = keep_line, .level = LOG_LEVEL_DEBUG};

static void on_changed(struct issuer *whose, void *context)
{
    assert_ptr_equal(context, &changes);
    assert_ptr_equal(whose, issuer);
    assert_non_null(issuer_keys(whose)); /* the new ones are there */
    changes++;
}

static void on_wake(void *context)
{
    int *count = context;
    (*count)++;
}

static struct issuer_settings plain(void)
{
    return (struct issuer_settings){.provider = "work",
                                    .issuer = ISSUER,
                                    .refresh_ms = REFRESH,
                                    .cooldown_ms = COOLDOWN,
                                    .max_age_ms = MAX_AGE,
                                    .needs_keys = true};
}

static void begin(struct issuer_settings settings)
{
    issuer = issuer_new(&loop, &logger, NULL, &settings, on_changed, &changes);
    assert_int_equal(changes, 0);
}

static int setup(void **state)
{
    (void)state;
    fake_loop_init(&loop);
    memset(&fetched, 0, sizeof fetched);
    lines[0] = '\0';
    started = documents = jwks = cancelled = changes = wakes = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    while (fake_loop_run_later(&loop)) {
    }
    issuer_free(issuer);
    issuer = NULL;
    assert_false(fetched.running);
    assert_null(loop.timers);
    return 0;
}

static size_t occurrences(const char *text)
{
    size_t count = 0;
    for (const char *at = strstr(lines, text); at != NULL; at = strstr(at + 1, text)) {
        count++;
    }
    return count;
}

/* When the next round begins, from now. */
static int64_t pause_ms(void)
{
    const struct loop_timer *timer = fake_loop_next_timer(&loop);
    assert_non_null(timer);
    return moment_since(timer->due, loop.now);
}

static void pass(int64_t ms)
{
    loop.now = moment_after(loop.now, ms);
    loop.wall_ms += ms;
}

static void next_round(void)
{
    assert_false(fetched.running);
    assert_true(fake_loop_fire(&loop));
    assert_true(fetched.running);
}

static void round_of(const char *document, const char *keys)
{
    answer(200, document);
    answer(200, keys);
}

static enum keyset_answer find(const char *kid)
{
    struct keyset_found found;
    return keyset_find(issuer_keys(issuer), span_of(kid), SIGNATURE_EDDSA, &found);
}

static void assert_trouble(const char *part)
{
    const char *text = issuer_trouble(issuer);
    if (text == NULL || strstr(text, part) == NULL) {
        fail_msg("trouble is: %s", text == NULL ? "none" : text);
    }
}

/* -- the ordinary course -- */

static void test_start(void **state)
{
    (void)state;
    struct issuer_settings settings = plain();
    settings.ca_file = "/etc/ca.pem";
    begin(settings);
    assert_string_equal(issuer_name(issuer), ISSUER);
    assert_null(issuer_discovery(issuer));
    assert_null(issuer_keys(issuer));
    assert_int_equal(issuer_keys_age_ms(issuer), -1);
    assert_string_equal(fetched.url, WHERE);
    assert_string_equal(fetched.ca_file, "/etc/ca.pem");
    assert_false(fetched.public_only);
    assert_int_equal(fetched.body_max, DISCOVERY_SIZE_MAX);
    assert_int_equal(fetched.total_ms, 5000);
    assert_int_equal(fetched.connect_ms, 2000);
    answer(200, DOCUMENT);
    assert_string_equal(issuer_discovery(issuer)->userinfo, "https://idp.example.com/userinfo");
    assert_string_equal(fetched.url, KEYS);
    assert_int_equal(fetched.body_max, KEYSET_SIZE_MAX);
    answer(200, ONE);
    assert_int_equal(keyset_count(issuer_keys(issuer)), 1);
    assert_int_equal(issuer_keys_age_ms(issuer), 0);
    assert_null(issuer_trouble(issuer));
    assert_int_equal(changes, 1);
    assert_int_equal(
        occurrences("issuer_keys_changed provider=work issuer=" ISSUER " keys=1 ignored=0\n"), 1);
    assert_int_equal(pause_ms(), REFRESH);
    /* And so it goes on. The same keys in another spelling are no change. */
    next_round();
    assert_int_equal(issuer_keys_age_ms(issuer), REFRESH);
    round_of(DOCUMENT, "{ \"keys\" : [" KEY("a", X1) "] }");
    assert_int_equal(changes, 1);
    assert_int_equal(issuer_keys_age_ms(issuer), 0);
    assert_int_equal(issuer_fetches(issuer), 4);
    assert_int_equal(issuer_failures(issuer), 0);
    assert_int_equal(occurrences("\n"), 1);
}

/* Attack 32, D9: what is new is there, and what is gone is gone. */
static void test_rotation(void **state)
{
    (void)state;
    begin(plain());
    round_of(DOCUMENT, ONE);
    next_round();
    round_of(DOCUMENT, TWO);
    assert_int_equal(changes, 2);
    assert_int_equal(find("a"), KEYSET_FOUND);
    assert_int_equal(find("b"), KEYSET_FOUND);
    next_round();
    round_of(DOCUMENT, "{\"keys\":[" KEY("a", X1) "," KEY("b", X2) "]}"); /* another order */
    assert_int_equal(changes, 2);
    next_round();
    round_of(DOCUMENT, SECOND);
    assert_int_equal(changes, 3);
    assert_int_equal(find("a"), KEYSET_NONE);
    assert_int_equal(find("b"), KEYSET_FOUND);
    next_round();
    round_of(DOCUMENT, "{\"keys\":[" KEY("b", X1) "]}"); /* another key by the same name */
    assert_int_equal(changes, 4);
    assert_int_equal(occurrences("issuer_keys_changed"), 4);
}

/* A job may hold the old set while it goes. */
static void test_old_keys_live_on(void **state)
{
    (void)state;
    begin(plain());
    round_of(DOCUMENT, ONE);
    struct keyset *held = keyset_hold(issuer_keys(issuer));
    next_round();
    round_of(DOCUMENT, SECOND);
    assert_int_equal(keyset_count(held), 1);
    keyset_release(held);
}

static void test_document_alone(void **state)
{
    (void)state;
    struct issuer_settings settings = plain();
    settings.needs_keys = false;
    begin(settings);
    answer_kept(200, DOCUMENT, 3600);
    assert_non_null(issuer_discovery(issuer));
    assert_null(issuer_keys(issuer));
    assert_int_equal(jwks, 0);
    assert_int_equal(pause_ms(), 60 * MINUTE);
    assert_non_null(issuer_refresh_start(issuer, on_wake, &wakes));
    answer(200, DOCUMENT);
    fake_loop_run_later(&loop);
    assert_int_equal(wakes, 1);
    assert_int_equal(jwks, 0);
}

static const struct {
    int64_t max_age, pause_ms;
} AGES[] = {
    {-1, REFRESH},       {0, MINUTE},      {1, MINUTE},      {59, MINUTE},        {61, 61 * 1000},
    {3600, 60 * MINUTE}, {86400, MAX_AGE}, {86401, MAX_AGE}, {31536000, MAX_AGE},
};

static void test_cache_control(void **state)
{
    (void)state;
    begin(plain());
    for (size_t i = 0; i < sizeof AGES / sizeof AGES[0]; i++) {
        answer_kept(200, DOCUMENT, 5); /* how long the keys are good counts */
        answer_kept(200, ONE, AGES[i].max_age);
        assert_int_equal(pause_ms(), AGES[i].pause_ms);
        next_round();
    }
}

/* -- where the document is -- */

static void test_other_form(void **state)
{
    (void)state;
    begin(plain());
    answer(404, "not here");
    assert_string_equal(fetched.url, OTHER);
    round_of(DOCUMENT, ONE);
    assert_null(issuer_trouble(issuer));
    assert_int_equal(issuer_failures(issuer), 0);
    assert_int_equal(documents, 2);
    next_round(); /* it is remembered */
    assert_string_equal(fetched.url, OTHER);
    round_of(DOCUMENT, ONE);
    assert_int_equal(documents, 3);
    next_round(); /* until it is gone */
    answer(404, "");
    assert_string_equal(fetched.url, WHERE);
    round_of(DOCUMENT, ONE);
    next_round();
    assert_string_equal(fetched.url, WHERE);
    round_of(DOCUMENT, ONE);
}

static void test_neither_form(void **state)
{
    (void)state;
    begin(plain());
    answer(404, "");
    answer(404, "");
    assert_false(fetched.running);
    assert_trouble("neither is the other form of it there: is the issuer right?");
    next_round();
    assert_string_equal(fetched.url, WHERE);
    answer(500, ""); /* what is not 404 is no reason to look elsewhere */
    assert_false(fetched.running);
    assert_int_equal(documents, 3);
    assert_trouble(WHERE ": HTTP 500");
}

/* -- what may be reached -- */

static const struct {
    const char *issuer, *keys, *typed, *connect_to;
    bool public_only;
    const char *goes_to;
} TARGETS[] = {
    /* What the document introduces lives at public addresses, unless it is the issuer's own host. */
    {ISSUER, KEYS, NULL, NULL, false, ""},
    {ISSUER, "https://IDP.example.com/keys", NULL, NULL, false, ""},
    {ISSUER, "https://idp.example.com:8443/keys", NULL, NULL, false, ""},
    {ISSUER, "https://keys.example.net/certs", NULL, NULL, true, ""},
    {ISSUER, "https://idp.example.com.evil.example/keys", NULL, NULL, true, ""},
    {ISSUER, "https://example.com/keys", NULL, NULL, true, ""},
    {ISSUER, "https://127.0.0.1/keys", NULL, NULL, true, ""},
    {ISSUER, "https://[::1]/keys", NULL, NULL, true, ""},
    {ISSUER, "https://169.254.169.254/latest/meta-data", NULL, NULL, true, ""},
    {ISSUER, "https://2130706433/keys", NULL, NULL, true, ""},
    {"https://10.0.0.5/idp", "https://10.0.0.5/keys", NULL, NULL, false, ""},
    {"https://10.0.0.5/idp", "https://10.0.0.6/keys", NULL, NULL, true, ""},
    /* connect_to is for the issuer's own host. */
    {ISSUER, KEYS, NULL, "10.0.0.5:8443", false, "10.0.0.5:8443"},
    {ISSUER, "https://keys.example.net/certs", NULL, "10.0.0.5:8443", true, ""},
    /* What the admin typed goes where it says. */
    {ISSUER, "", "https://keys.internal/certs", NULL, false, ""},
    {ISSUER, "", "https://keys.internal/certs", "10.0.0.5:8443", false, ""},
    {ISSUER, "", "https://idp.example.com/certs", "10.0.0.5:8443", false, "10.0.0.5:8443"},
};

static void test_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        struct issuer_settings settings = plain();
        char document[600];
        settings.issuer = TARGETS[i].issuer;
        settings.jwks = TARGETS[i].typed;
        settings.connect_to = TARGETS[i].connect_to;
        begin(settings);
        assert_false(fetched.public_only);
        assert_string_equal(fetched.connect_to,
                            TARGETS[i].connect_to != NULL ? TARGETS[i].connect_to : "");
        snprintf(document, sizeof document, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s\"}",
                 TARGETS[i].issuer,
                 TARGETS[i].typed != NULL ? "https://unused.example/" : TARGETS[i].keys);
        answer(200, document);
        assert_string_equal(fetched.url,
                            TARGETS[i].typed != NULL ? TARGETS[i].typed : TARGETS[i].keys);
        assert_int_equal(fetched.public_only, TARGETS[i].public_only);
        assert_string_equal(fetched.connect_to, TARGETS[i].goes_to);
        answer(0, "could not connect");
        issuer_free(issuer);
    }
    issuer = NULL;
}

/* Attacks 28, 34: nothing is asked for on the word of such a document. */
static const struct {
    int status;
    const char *body, *trouble;
} DOCUMENTS[] = {
    {301, "", "HTTP 301: redirects are not followed"},
    {302, DOCUMENT, "HTTP 302: redirects are not followed"},
    {307, DOCUMENT, "redirects are not followed"},
    {200, DOCUMENT_OF("https://evil.example/", KEYS), "the document is for issuer \"https://evil"},
    {200, DOCUMENT_OF(ISSUER "/", KEYS), "set issuer = \"" ISSUER "/\""},
    {200, DOCUMENT_OF(ISSUER, "http://idp.example.com/keys"), "jwks_uri is not https"},
    {200, DOCUMENT_OF(ISSUER, "file:///etc/passwd"), "jwks_uri is no URL"},
    {200, DOCUMENT_OF(ISSUER, "gopher://127.0.0.1:6379/_"), "jwks_uri is no URL"},
    {200, "<html>", "JSON: "},
    {200, "", "JSON: "},
    {204, "", "HTTP 204"},
    {206, DOCUMENT, "HTTP 206"},
    {500, DOCUMENT, "HTTP 500"},
    {0, "TLS: certificate has expired", WHERE ": TLS: certificate has expired"},
    {0, "the answer is larger than 262144 bytes", "larger than 262144 bytes"},
};

static void test_bad_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof DOCUMENTS / sizeof DOCUMENTS[0]; i++) {
        lines[0] = '\0';
        jwks = 0;
        begin(plain());
        answer(DOCUMENTS[i].status, DOCUMENTS[i].body);
        assert_trouble(DOCUMENTS[i].trouble);
        assert_null(issuer_discovery(issuer));
        assert_int_equal(jwks, 0);
        assert_int_equal(occurrences("issuer_unavailable provider=work issuer=" ISSUER
                                     " reason=discovery detail="),
                         1);
        issuer_free(issuer);
    }
    issuer = NULL;
}

/* -- trouble -- */

/* A provider that is down at start: tried again, from 1 s to a minute apart, and logged once. */
static void test_down_at_start(void **state)
{
    (void)state;
    int64_t base = 1000;
    begin(plain());
    for (int i = 0; i < 20; i++) {
        answer(0, "could not connect: Connection refused");
        int64_t pause = pause_ms();
        int64_t least = base - base / 4 > 1000 ? base - base / 4 : 1000;
        int64_t most = base + base / 4 < 60000 ? base + base / 4 : 60000;
        assert_in_range(pause, least, most);
        base = base * 2 < 60000 ? base * 2 : 60000;
        next_round();
    }
    assert_int_equal(occurrences("issuer_unavailable"), 1);
    assert_int_equal(occurrences("keys=0\n"), 1);
    round_of(DOCUMENT, ONE);
    assert_int_equal(occurrences("issuer_recovered provider=work issuer=" ISSUER " seconds="), 1);
    assert_null(issuer_trouble(issuer));
    assert_int_equal(issuer_failures(issuer), 20);
    assert_int_equal(pause_ms(), REFRESH);
    next_round(); /* and the pauses begin anew */
    answer(0, "could not connect: Connection refused");
    answer(0, "could not connect: Connection refused"); /* the keys, where they were */
    assert_in_range(pause_ms(), 1000, 1250);
    assert_int_equal(occurrences("issuer_unavailable"), 2);
}

static void test_own_retry(void **state)
{
    (void)state;
    struct issuer_settings settings = plain();
    settings.retry_min_ms = 50;
    settings.retry_max_ms = 100;
    begin(settings);
    for (int i = 0; i < 10; i++) {
        answer(0, "no");
        assert_in_range(pause_ms(), 50, 100);
        next_round();
    }
}

/* Many who lost one provider do not come back in step. */
static void test_jitter(void **state)
{
    int64_t first = 0;
    bool differs = false;
    (void)state;
    for (int i = 0; i < 20; i++) {
        begin(plain());
        answer(0, "no");
        first = i == 0 ? pause_ms() : first;
        differs = differs || pause_ms() != first;
        issuer_free(issuer);
    }
    issuer = NULL;
    assert_true(differs);
}

/* Attack 33. */
static const struct {
    int status;
    const char *body, *trouble;
} BAD_KEYS[] = {
    {500, "", KEYS ": HTTP 500"},
    {404, "", "HTTP 404"},
    {302, ONE, "redirects are not followed"},
    {200, "<html>", "JSON"},
    {200, "", "JSON"},
    {200, "{}", ""},
    {200, "{\"keys\":{}}", ""},
    {200, "{\"keys\":[]}", "choose a signing key there"},
    {200, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"AAAA\"}]}",
     "none of its keys can be used"},
    {200, "{\"keys\":[{},7,null]}", "none of its keys can be used"},
    {0, "the answer is larger than 524288 bytes", "larger than"},
    {0, "timed out after 5000 ms", "timed out after 5000 ms"},
};

static void test_bad_keys(void **state)
{
    (void)state;
    begin(plain());
    round_of(DOCUMENT, ONE);
    struct keyset *good = issuer_keys(issuer);
    for (size_t i = 0; i < sizeof BAD_KEYS / sizeof BAD_KEYS[0]; i++) {
        lines[0] = '\0';
        next_round();
        answer(200, DOCUMENT);
        answer(BAD_KEYS[i].status, BAD_KEYS[i].body);
        assert_trouble(BAD_KEYS[i].trouble);
        assert_ptr_equal(issuer_keys(issuer), good); /* kept */
        assert_int_equal(find("a"), KEYSET_FOUND);
        assert_int_equal(occurrences("issuer_unavailable"), 1);
        assert_int_equal(occurrences(" reason=keys detail="), 1);
        assert_int_equal(occurrences(" keys=1\n"), 1);
        next_round();
        round_of(DOCUMENT, ONE);
        assert_null(issuer_trouble(issuer));
        assert_int_equal(occurrences("issuer_recovered"), 1);
        good = issuer_keys(issuer);
    }
    assert_int_equal(changes, 1);
}

/* An issuer of opaque tokens needs none (RFC 8414, 2); those who check JWTs hear of it. */
static void test_no_place_for_keys(void **state)
{
    static const char document[] =
        "{\"issuer\":\"" ISSUER "\",\"introspection_endpoint\":\"https://idp.example.com/i\"}";
    (void)state;
    begin(plain());
    round_of(DOCUMENT, ONE);
    next_round();
    answer(200, document);
    assert_false(fetched.running);
    assert_trouble(WHERE ": it names no jwks_uri");
    assert_string_equal(issuer_discovery(issuer)->introspection, "https://idp.example.com/i");
    assert_int_equal(find("a"), KEYSET_FOUND); /* kept, as ever */
    assert_in_range(pause_ms(), 1000, 1250);
    issuer_free(issuer);
    changes = 0;
    struct issuer_settings settings = plain();
    settings.needs_keys = false;
    begin(settings);
    answer(200, document);
    assert_null(issuer_trouble(issuer));
    assert_int_equal(pause_ms(), REFRESH);
}

/* A bad key does not take the good ones with it. */
static void test_partly_bad_keys(void **state)
{
    (void)state;
    begin(plain());
    round_of(DOCUMENT, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}," KEY("a", X1) "]}");
    assert_null(issuer_trouble(issuer));
    assert_int_equal(occurrences("keys=1 ignored=1\n"), 1);
}

/* Kept while the provider is down, and not for ever (D8). */
static void test_kept_and_bounded(void **state)
{
    (void)state;
    begin(plain());
    round_of(DOCUMENT, ONE);
    struct moment good = loop.now;
    next_round();
    while (moment_since(loop.now, good) <= MAX_AGE) {
        assert_non_null(issuer_keys(issuer));
        assert_non_null(issuer_discovery(issuer));
        answer(0, "could not connect");
        if (fetched.running) {
            assert_string_equal(fetched.url, KEYS); /* the last document still says where */
            answer(0, "could not connect");
        }
        next_round();
    }
    assert_null(issuer_keys(issuer));
    assert_null(issuer_discovery(issuer));
    assert_true(issuer_keys_age_ms(issuer) > MAX_AGE);
    answer(0, "could not connect");
    assert_false(fetched.running); /* nobody says where the keys are any more */
    assert_int_equal(occurrences("issuer_unavailable"), 1);
    next_round();
    round_of(DOCUMENT, ONE);
    assert_non_null(issuer_keys(issuer));
    assert_int_equal(changes, 1); /* the same as ever */
}

/* They grow too old while they are being asked for. */
static void test_too_old_meanwhile(void **state)
{
    (void)state;
    begin(plain());
    round_of(DOCUMENT, ONE);
    pass(MAX_AGE - 1);
    next_round();
    answer(0, "timed out");
    assert_string_equal(fetched.url, KEYS);
    pass(5000);
    answer(0, "timed out after 5000 ms");
    assert_trouble(KEYS ": timed out");
    assert_null(issuer_keys(issuer));
}

/* The discovery of a provider whose keys the admin typed is for its endpoints alone. */
static void test_typed_keys(void **state)
{
    (void)state;
    struct issuer_settings settings = plain();
    settings.jwks = "https://keys.internal/certs?key=s3cret";
    begin(settings);
    answer(404, "");
    answer(404, "");
    assert_string_equal(fetched.url, settings.jwks);
    answer(200, ONE);
    assert_non_null(issuer_keys(issuer));
    assert_null(issuer_discovery(issuer));
    assert_trouble("HTTP 404");
    assert_int_equal(occurrences("reason=discovery"), 1);
    next_round();
    answer(200, DOCUMENT);
    answer(500, "");
    assert_trouble("https://keys.internal/certs: HTTP 500"); /* without its query */
    assert_int_equal(occurrences("issuer_recovered"), 0);    /* one trouble for another */
    next_round();
    round_of(DOCUMENT, ONE);
    assert_int_equal(occurrences("issuer_recovered"), 1);
    assert_null(strstr(lines, "s3cret"));
}

/* -- a kid that is not there -- */

static void test_unknown_kid(void **state)
{
    (void)state;
    begin(plain());
    round_of(DOCUMENT, ONE);
    pass(5000);
    int64_t pause = pause_ms();
    struct issuer_wait *first = issuer_refresh_start(issuer, on_wake, &wakes);
    struct issuer_wait *second = issuer_refresh_start(issuer, on_wake, &wakes);
    assert_non_null(first);
    assert_non_null(second);
    assert_string_equal(fetched.url, KEYS); /* the document is good */
    assert_int_equal(jwks, 2);
    answer(200, TWO);
    assert_int_equal(wakes, 0); /* from the later list */
    while (fake_loop_run_later(&loop)) {
    }
    assert_int_equal(wakes, 2);
    assert_int_equal(changes, 2);
    assert_int_equal(find("b"), KEYSET_FOUND);
    assert_int_equal(pause_ms(), pause); /* the next whole round is not put off */
    /* For a while nothing more is asked. */
    assert_null(issuer_refresh_start(issuer, on_wake, &wakes));
    pass(COOLDOWN - 1);
    assert_null(issuer_refresh_start(issuer, on_wake, &wakes));
    pass(1);
    assert_non_null(issuer_refresh_start(issuer, on_wake, &wakes));
    answer(0, "could not connect"); /* it may not have helped */
    while (fake_loop_run_later(&loop)) {
    }
    assert_int_equal(wakes, 3);
    assert_trouble("could not connect");
    assert_in_range(pause_ms(), 1000, 1250);
}

/* Attack 31: ten thousand tokens with kids of their own. */
static void test_flood(void **state)
{
    int most = 0;
    (void)state;
    begin(plain());
    round_of(DOCUMENT, ONE);
    jwks = 0;
    for (int second = 0; second < 120; second++) {
        for (int i = 0; i < 10000; i++) {
            struct issuer_wait *wait = issuer_refresh_start(issuer, on_wake, &wakes);
            if (wait != NULL && i % 2 == 0) {
                issuer_refresh_cancel(wait); /* whoever gives up changes nothing */
            }
        }
        if (fetched.running) {
            answer(200, ONE);
        }
        while (fake_loop_run_later(&loop)) {
        }
        pass(1000);
        most = jwks > most ? jwks : most;
    }
    assert_int_equal(most, 4); /* two minutes, thirty seconds apart */
    assert_int_equal(documents, 1);
    assert_int_equal(wakes, 4 * 5000);
}

/* And with a provider that is down: neither does it raise the pace of the background. */
static void test_flood_while_down(void **state)
{
    (void)state;
    begin(plain());
    round_of(DOCUMENT, ONE);
    started = 0;
    struct moment until = moment_after(loop.now, 10 * MINUTE);
    while (!moment_reached(loop.now, until)) {
        (void)issuer_refresh_start(issuer, on_wake, &wakes);
        while (fetched.running) {
            answer(0, "could not connect");
        }
        while (fake_loop_run_later(&loop)) {
        }
        if (pause_ms() <= 1000) {
            assert_true(fake_loop_fire(&loop));
        } else {
            pass(1000);
        }
    }
    /* 20 for kids; at most 16 rounds of two in the background, a minute apart in the end. */
    assert_in_range(started, 20, 60);
}

/* There are none yet: those who wait share what is under way, or begin it. */
static void test_no_keys_yet(void **state)
{
    (void)state;
    begin(plain());
    assert_non_null(issuer_refresh_start(issuer, on_wake, &wakes));
    assert_int_equal(started, 1);
    answer(200, DOCUMENT);
    assert_non_null(issuer_refresh_start(issuer, on_wake, &wakes));
    answer(200, ONE);
    while (fake_loop_run_later(&loop)) {
    }
    assert_int_equal(wakes, 2);
    assert_int_equal(started, 2);
    /* To have joined costs no cool-down. */
    assert_non_null(issuer_refresh_start(issuer, on_wake, &wakes));
    answer(200, ONE);
}

static void test_no_document_yet(void **state)
{
    (void)state;
    begin(plain());
    answer(0, "could not connect");
    struct issuer_wait *wait = issuer_refresh_start(issuer, on_wake, &wakes);
    assert_non_null(wait);
    assert_string_equal(fetched.url, WHERE);
    answer(0, "could not connect");
    while (fake_loop_run_later(&loop)) {
    }
    assert_int_equal(wakes, 1);
    assert_null(issuer_refresh_start(issuer, on_wake, &wakes)); /* cool-down */
    next_round();
    assert_non_null(issuer_refresh_start(issuer, on_wake, &wakes)); /* joins */
    round_of(DOCUMENT, ONE);
    while (fake_loop_run_later(&loop)) {
    }
    assert_int_equal(wakes, 2);
    assert_non_null(issuer_keys(issuer));
}

/* A refresh meets the time of the next round: that one comes right after. */
static void test_due_meanwhile(void **state)
{
    (void)state;
    begin(plain());
    round_of(DOCUMENT, ONE);
    pass(REFRESH - 1000);
    assert_non_null(issuer_refresh_start(issuer, on_wake, &wakes));
    assert_true(fake_loop_fire(&loop)); /* on time, and in vain */
    assert_int_equal(documents, 1);
    pass(500);
    answer(200, ONE);
    assert_int_equal(pause_ms(), 0);
    next_round();
    assert_int_equal(documents, 2);
    round_of(DOCUMENT, ONE);
}

/* Nor does its failure put that round off. */
static void test_due_soon(void **state)
{
    (void)state;
    begin(plain());
    round_of(DOCUMENT, ONE);
    pass(REFRESH - 200);
    assert_non_null(issuer_refresh_start(issuer, on_wake, &wakes));
    answer(0, "could not connect");
    assert_int_equal(pause_ms(), 200);
}

static void test_cancel(void **state)
{
    (void)state;
    struct issuer_wait *waits[3];
    begin(plain());
    for (int i = 0; i < 3; i++) {
        waits[i] = issuer_refresh_start(issuer, on_wake, &wakes);
    }
    issuer_refresh_cancel(waits[1]);
    round_of(DOCUMENT, ONE);
    issuer_refresh_cancel(waits[2]); /* woken, but not told yet */
    while (fake_loop_run_later(&loop)) {
    }
    assert_int_equal(wakes, 1);
    issuer_refresh_cancel(NULL);
}

static void wake_and_ask(void *context)
{
    int *count = context;
    (*count)++;
    assert_null(issuer_refresh_start(issuer, wake_and_ask, context));
}

static void wake_and_free(void *context)
{
    int *count = context;
    (*count)++;
    issuer_free(issuer);
    issuer = NULL;
}

static void test_inside_callbacks(void **state)
{
    (void)state;
    begin(plain());
    round_of(DOCUMENT, ONE);
    assert_non_null(issuer_refresh_start(issuer, wake_and_ask, &wakes));
    answer(200, ONE);
    while (fake_loop_run_later(&loop)) {
    }
    assert_int_equal(wakes, 1);
    pass(COOLDOWN);
    assert_non_null(issuer_refresh_start(issuer, wake_and_free, &wakes));
    answer(200, ONE);
    while (fake_loop_run_later(&loop)) {
    }
    assert_int_equal(wakes, 2);
    assert_null(issuer);
}

/* -- a reload -- */

static void test_same(void **state)
{
    (void)state;
    struct issuer_settings settings = plain(), other;
    settings.connect_to = "10.0.0.5:443";
    begin(settings);
    char copy[] = "10.0.0.5:443";
    settings.connect_to = copy;
    assert_true(issuer_same(issuer, &settings));
    other = settings;
    other.retry_min_ms = 1000; /* as by default */
    assert_true(issuer_same(issuer, &other));
    other.connect_to = NULL;
    assert_false(issuer_same(issuer, &other));
    other = settings;
    other.issuer = ISSUER "/";
    assert_false(issuer_same(issuer, &other));
    other = settings;
    other.jwks = KEYS;
    assert_false(issuer_same(issuer, &other));
    other = settings;
    other.ca_file = "/etc/ca.pem";
    assert_false(issuer_same(issuer, &other));
    other = settings;
    other.provider = "home";
    assert_false(issuer_same(issuer, &other));
    other = settings;
    other.needs_keys = false;
    assert_false(issuer_same(issuer, &other));
    other = settings;
    other.refresh_ms++;
    assert_false(issuer_same(issuer, &other));
    other = settings;
    other.max_age_ms++;
    assert_false(issuer_same(issuer, &other));
    other = settings;
    other.cooldown_ms++;
    assert_false(issuer_same(issuer, &other));
}

static void test_freed_meanwhile(void **state)
{
    (void)state;
    begin(plain());
    issuer_free(issuer);
    assert_int_equal(cancelled, 1);
    begin(plain());
    answer(200, DOCUMENT);
    issuer_free(issuer);
    assert_int_equal(cancelled, 2);
    issuer = NULL;
}

static int start_chance(void **state)
{
    (void)state;
    return secret_init() ? 0 : -1;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_start),
        CASE(test_rotation),
        CASE(test_old_keys_live_on),
        CASE(test_document_alone),
        CASE(test_cache_control),
        CASE(test_other_form),
        CASE(test_neither_form),
        CASE(test_targets),
        CASE(test_bad_documents),
        CASE(test_down_at_start),
        CASE(test_own_retry),
        CASE(test_jitter),
        CASE(test_bad_keys),
        CASE(test_no_place_for_keys),
        CASE(test_partly_bad_keys),
        CASE(test_kept_and_bounded),
        CASE(test_too_old_meanwhile),
        CASE(test_typed_keys),
        CASE(test_unknown_kid),
        CASE(test_flood),
        CASE(test_flood_while_down),
        CASE(test_no_keys_yet),
        CASE(test_no_document_yet),
        CASE(test_due_meanwhile),
        CASE(test_due_soon),
        CASE(test_cancel),
        CASE(test_inside_callbacks),
        CASE(test_same),
        CASE(test_freed_meanwhile),
    };
    return cmocka_run_group_tests(tests, start_chance, NULL);
}
