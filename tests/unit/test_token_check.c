/* test_token_check.c - who is asked about a token, how often, and what is remembered of it. */
#include "with_tokens.h"

static struct loop loop;
static const struct token_settings settings = {1024 * 1024, 0, 1000, 2000};
static struct token_checks *checks;
static char lines[4000];
static struct verdict last;
static char last_provider[64];
static int answers;
static struct secret opaque;

static void keep_line(enum log_level level, struct span line, void *context)
{
    (void)level;
    (void)context;
    size_t length = strlen(lines);
    snprintf(lines + length, sizeof lines - length, "%.*s\n", (int)line.length, line.at);
}

static const struct log logger = {.sink = keep_line, .level = LOG_LEVEL_DEBUG};

static const char corp[] = "https://id.corp.example";
static const char discovery[] =
    "{\"issuer\":\"https://id.corp.example\",\"jwks_uri\":\"https://id.corp.example/jwks\","
    "\"userinfo_endpoint\":\"https://id.corp.example/userinfo\","
    "\"introspection_endpoint\":\"https://elsewhere.example/introspect\"}";
static const char discovery_url_of_corp[] =
    "https://id.corp.example/.well-known/openid-configuration";
static const char jwks[] = "{\"keys\":[" KEY_JWK("k1") "]}";

static void fill_userinfo(struct provider *provider, const char *name, const char *url,
                          const char *domain)
{
    fill_provider(provider, name, domain);
    provider->userinfo = memory_text(url);
}

static void fill_jwt(struct provider *provider, const char *domain)
{
    fill_provider(provider, "corp", domain);
    provider->issuers = list_of(corp);
    provider->clients = list_of("mail");
}

static struct provider_set *set_of(size_t count)
{
    struct provider_set *set = MEMORY_NEW(struct provider_set);
    set->count = count;
    set->providers = memory_new(count, sizeof *set->providers);
    return set;
}

static struct provider_set *three(void)
{
    struct provider_set *set = set_of(3);
    fill_userinfo(&set->providers[0], "work", "https://u:p4ss@work.example.com/userinfo?key=k3y",
                  "example.com");
    fill_userinfo(&set->providers[1], "home", "https://home.example.net/userinfo", "example.net");
    fill_jwt(&set->providers[2], "corp.example");
    return set;
}

static struct provider_set *only_corp(struct provider **corp_provider)
{
    struct provider_set *set = set_of(1);
    fill_jwt(&set->providers[0], "corp.example");
    *corp_provider = &set->providers[0];
    return set;
}

static struct provider_set *only_work(void)
{
    struct provider_set *set = set_of(1);
    fill_userinfo(&set->providers[0], "work", "https://new.example.com/userinfo", NULL);
    return set;
}

static void settle(void)
{
    for (int i = 0; i < 5000 && fake_loop_run_later(&loop); i++) {
    }
}

/* The issuer answers what it asks first. */
static void serve_keys(const char *keys)
{
    settle();
    answer_fetch(to(discovery_url_of_corp), 200, discovery);
    settle();
    answer_fetch(to("https://id.corp.example/jwks"), 200, keys);
    settle();
}

static void begin(struct provider_set *set)
{
    fake_loop_init(&loop);
    lines[0] = '\0';
    started = cancelled = 0;
    answers = 0;
    last = (struct verdict){0};
    opaque = secret_new(SPAN_LITERAL("t0ken-of-alice"));
    checks = token_checks_new(&loop, &logger, NULL, &settings, set);
}

static int setup(void **state)
{
    (void)state;
    begin(three());
    serve_keys(jwks);
    lines[0] = '\0';
    started = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    /* Whatever else is logged, these are not. */
    assert_null(strstr(lines, "t0ken"));
    assert_null(strstr(lines, "p4ss"));
    assert_null(strstr(lines, "k3y"));
    assert_null(strstr(lines, "eyJ"));
    settle();
    token_checks_free(checks);
    secret_done(&opaque);
    assert_int_equal(fetches_under_way(), 0);
    return 0;
}

static void on_verdict(const struct verdict *verdict, void *context)
{
    (void)context;
    answers++;
    last = *verdict;
    snprintf(last_provider, sizeof last_provider, "%s",
             verdict->provider == NULL ? "" : verdict->provider->name);
}

static struct token_question question_of(const struct secret *token, const char *user,
                                         struct address *address)
{
    struct error error;
    struct token_question question = {
        .token = token, .protocol = PROVIDER_IMAP, .login_id = SPAN_LITERAL("l0g1n")};
    if (user != NULL) {
        assert_true(address_parse(span_of(user), address, &error));
        question.user = address;
    }
    return question;
}

static struct token_check *start_with(const struct secret *token, const char *user)
{
    struct address address;
    struct token_question question = question_of(token, user, &address);
    int before = answers;
    struct token_check *check = token_check_start(checks, &question, on_verdict, NULL);
    assert_int_equal(answers, before); /* never before it returned */
    return check;
}

static struct token_check *start(const char *user)
{
    struct token_check *check = start_with(&opaque, user);
    settle();
    return check;
}

static bool cached(const struct secret *token, const char *user)
{
    struct address address;
    struct token_question question = question_of(token, user, &address);
    return token_check_lookup(checks, &question, &last);
}

static void expect(enum verdict_answer answer, enum verdict_reason reason, const char *provider)
{
    settle();
    assert_int_equal(answers, 1);
    assert_string_equal(verdict_reason_name(last.reason), verdict_reason_name(reason));
    assert_int_equal(last.answer, answer);
    assert_string_equal(last_provider, provider);
    answers = 0;
}

static size_t occurrences(const char *text)
{
    size_t count = 0;
    for (const char *at = strstr(lines, text); at != NULL; at = strstr(at + 1, text)) {
        count++;
    }
    return count;
}

static void pass(int64_t seconds)
{
    loop.now.ms += seconds * 1000;
    loop.wall_ms += seconds * 1000;
}

#define WORK "https://u:p4ss@work.example.com/userinfo?key=k3y"
#define HOME "https://home.example.net/userinfo"

static const char alice[] =
    "{\"sub\":\"s-1\",\"email\":\"alice@example.com\",\"email_verified\":true}";

/* A token of corp's for `who`, good for `seconds`. */
static struct secret corp_token(const char *kid, const char *who, int64_t seconds, const char *more)
{
    char header[200], claims[600];
    snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", kid);
    snprintf(claims, sizeof claims,
             "{\"iss\":\"%s\",\"sub\":\"s-9\",\"client_id\":\"mail\",\"aud\":\"x\","
             "\"iat\":%lld,\"exp\":%lld%s%s%s%s}",
             corp, (long long)loop_wall(&loop), (long long)(loop_wall(&loop) + seconds),
             who == NULL ? "" : ",\"email\":\"", who == NULL ? "" : who, who == NULL ? "" : "\"",
             more);
    return mint(header, claims);
}

/* -- who is asked -- */

static void test_by_domain(void **state)
{
    (void)state;
    start("alice@example.com");
    assert_string_equal(to(WORK)->bearer, "t0ken-of-alice");
    assert_false(to(WORK)->public_only); /* the admin typed it */
    answer_fetch(to(WORK), 200, alice);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
    assert_string_equal(last.address.text, "alice@example.com");
    assert_string_equal(last.subject, "s-1");
    assert_int_equal(last.verified, VERIFIED_YES);

    start("carol@example.net");
    answer_fetch(to(HOME), 401, "");
    expect(VERDICT_REFUSED, VERDICT_NOT_VALID, "home");
    assert_int_equal(last.status, 401);
    assert_string_equal(lines, "");
}

/* A token is shown to nobody when nobody in particular is to be asked. */
static void test_nobody(void **state)
{
    (void)state;
    start("dave@other.example");
    expect(VERDICT_REFUSED, VERDICT_NO_PROVIDER, "");
    start(NULL);
    expect(VERDICT_REFUSED, VERDICT_NO_PROVIDER, "");
    assert_int_equal(started, 0);
    assert_string_equal(verdict_status(VERDICT_NO_PROVIDER, false), "invalid_request");
    assert_string_equal(verdict_status(VERDICT_NO_PROVIDER, true), "invalid_token");
}

static void test_only_one(void **state)
{
    (void)state;
    token_checks_configure(checks, &settings, only_work());
    start(NULL);
    answer_fetch(to("https://new.example.com/userinfo"), 200, alice);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
}

/* A provider speaks for its domains only, whatever it says. */
static void test_other_domain(void **state)
{
    (void)state;
    start("carol@example.net");
    answer_fetch(to(HOME), 200, alice);
    expect(VERDICT_REFUSED, VERDICT_OTHER_DOMAIN, "home");
    assert_string_equal(lines, "");
}

static void test_provider_of_user(void **state)
{
    (void)state;
    struct address address;
    struct error error;
    assert_true(address_parse(SPAN_LITERAL("x@example.net"), &address, &error));
    assert_string_equal(token_checks_provider(checks, &address)->name, "home");
    assert_null(token_checks_provider(checks, NULL));
}

/* Without a name the issuer decides, and its provider must speak for the name's domain. */
static void test_by_issuer(void **state)
{
    (void)state;
    CLEANUP(secret_done) struct secret token = corp_token("k1", "eve@corp.example", 300, "");
    start_with(&token, NULL);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
    assert_string_equal(last.address.text, "eve@corp.example");
    start_with(&token, "alice@example.com"); /* work has no issuers: opaque to it, so it is asked */
    settle();
    answer_fetch(to(WORK), 401, "");
    expect(VERDICT_REFUSED, VERDICT_NOT_VALID, "work");
    start_with(&opaque, "eve@corp.example"); /* nobody could say for whom it is */
    expect(VERDICT_REFUSED, VERDICT_OPAQUE, "corp");
}

/* -- a JWT -- */

static void test_jwt(void **state)
{
    (void)state;
    CLEANUP(secret_done) struct secret token = corp_token("k1", "eve@corp.example", 300, "");
    assert_false(cached(&token, "eve@corp.example"));
    start_with(&token, "eve@corp.example");
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
    assert_string_equal(last.subject, "s-9");
    assert_int_equal(started, 0);
    assert_true(cached(&token, "eve@corp.example"));
    assert_int_equal(last.answer, VERDICT_ACCEPTED);
    assert_string_equal(last.address.text, "eve@corp.example");
    assert_int_equal(last.address.local_length, 3);
    assert_string_equal(last.subject, "s-9");
    pass(59);
    assert_true(cached(&token, "eve@corp.example"));
    pass(1);
    assert_false(cached(&token, "eve@corp.example"));
}

/* An entry never outlives the token. */
static void test_expires_in_cache(void **state)
{
    (void)state;
    CLEANUP(secret_done) struct secret token = corp_token("k1", "eve@corp.example", 20, "");
    start_with(&token, "eve@corp.example");
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
    pass(19);
    assert_true(cached(&token, "eve@corp.example"));
    pass(1);
    assert_false(cached(&token, "eve@corp.example"));
    pass(31);
    start_with(&token, "eve@corp.example");
    expect(VERDICT_REFUSED, VERDICT_EXPIRED, "corp");
    assert_true(cached(&token, "eve@corp.example"));
    assert_int_equal(last.reason, VERDICT_EXPIRED);
}

static void test_forged(void **state)
{
    (void)state;
    CLEANUP(secret_done) struct secret token = corp_token("k1", "eve@corp.example", 300, "");
    size_t at = token.length - 10;
    token.at[at] = token.at[at] == 'A' ? 'B' : 'A';
    start_with(&token, "eve@corp.example");
    expect(VERDICT_REFUSED, VERDICT_SIGNATURE, "corp");
    assert_int_equal(started, 0);
}

static void test_other_issuer(void **state)
{
    (void)state;
    CLEANUP(secret_done)
    struct secret token =
        mint("{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
             "{\"iss\":\"https://id.corp.example/\",\"sub\":\"s\",\"exp\":99999999999}");
    start_with(&token, "eve@corp.example");
    expect(VERDICT_REFUSED, VERDICT_OTHER_ISSUER, "corp");
    start_with(&token, NULL);
    expect(VERDICT_REFUSED, VERDICT_OTHER_ISSUER, "");
    assert_int_equal(started, 0);
}

/* A kid that nobody knows: one fetch for all, then a while none. */
static void test_unknown_key(void **state)
{
    (void)state;
    pass(30);
    for (int i = 0; i < 20; i++) {
        char kid[20];
        snprintf(kid, sizeof kid, "no-%d", i);
        CLEANUP(secret_done) struct secret token = corp_token(kid, "eve@corp.example", 300, "");
        start_with(&token, "eve@corp.example");
    }
    CLEANUP(secret_done) struct secret fresh = corp_token("k2", "eve@corp.example", 300, "");
    start_with(&fresh, "eve@corp.example");
    settle();
    assert_int_equal(answers, 0);
    assert_int_equal(started, 1);
    answer_fetch(to("https://id.corp.example/jwks"), 200,
                 "{\"keys\":[" KEY_JWK("k1") "," KEY_JWK("k2") "]}");
    settle();
    assert_int_equal(answers, 21);
    assert_int_equal(last.answer, VERDICT_ACCEPTED); /* the last one has the new key */
    answers = 0;
    CLEANUP(secret_done) struct secret other = corp_token("no-21", "eve@corp.example", 300, "");
    start_with(&other, "eve@corp.example");
    expect(VERDICT_REFUSED, VERDICT_KEY_UNKNOWN, "corp");
    assert_int_equal(started, 1);
}

/* No verdict outlives the keys that it was made with. */
static void test_keys_change(void **state)
{
    (void)state;
    pass(30);
    CLEANUP(secret_done) struct secret good = corp_token("k1", "eve@corp.example", 300, "");
    CLEANUP(secret_done) struct secret none = corp_token("k3", "eve@corp.example", 300, "");
    start_with(&good, "eve@corp.example");
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
    start_with(&none, "eve@corp.example");
    settle();
    answer_fetch(to("https://id.corp.example/jwks"), 200, "{\"keys\":[" KEY_JWK("k4") "]}");
    expect(VERDICT_REFUSED, VERDICT_KEY_UNKNOWN, "corp");
    assert_false(cached(&good, "eve@corp.example"));
    start_with(&good, "eve@corp.example");
    expect(VERDICT_REFUSED, VERDICT_KEY_UNKNOWN, "corp");
}

/* Before the issuer has answered, logins wait for it. */
static void test_at_start(void **state)
{
    (void)state;
    struct provider *provider;
    begin(only_corp(&provider));
    CLEANUP(secret_done) struct secret token = corp_token("k1", "eve@corp.example", 300, "");
    start_with(&token, "eve@corp.example");
    settle();
    assert_int_equal(answers, 0);
    serve_keys(jwks);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
}

static void test_down_at_start(void **state)
{
    (void)state;
    struct provider *provider;
    begin(only_corp(&provider));
    CLEANUP(secret_done) struct secret token = corp_token("k1", "eve@corp.example", 300, "");
    start_with(&token, "eve@corp.example");
    settle();
    answer_fetch(to(discovery_url_of_corp), 0, "could not connect: Connection refused");
    settle();
    if (to("https://id.corp.example/.well-known/oauth-authorization-server") != NULL) {
        answer_fetch(to("https://id.corp.example/.well-known/oauth-authorization-server"), 0, "no");
    }
    expect(VERDICT_UNAVAILABLE, VERDICT_NO_KEYS, "corp");
    assert_false(cached(&token, "eve@corp.example")); /* what is unavailable is never kept */
    assert_int_equal(occurrences("issuer_unavailable"), 1);
    for (int i = 0; i < 50 && to(discovery_url_of_corp) == NULL; i++) {
        assert_true(fake_loop_fire(&loop));
        settle();
    }
    serve_keys(jwks);
    assert_int_equal(occurrences("issuer_recovered"), 1);
    start_with(&token, "eve@corp.example");
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
}

/* -- asked on -- */

static void test_no_address(void **state)
{
    (void)state;
    CLEANUP(secret_done) struct secret token = corp_token("k1", NULL, 300, "");
    start_with(&token, "eve@corp.example");
    settle();
    struct fetch *asked = to("https://id.corp.example/userinfo");
    assert_non_null(asked);
    assert_false(asked->public_only); /* the issuer's own host */
    answer_fetch(asked, 200, "{\"sub\":\"s-9\",\"email\":\"eve@corp.example\"}");
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
    assert_string_equal(last.address.text, "eve@corp.example");

    CLEANUP(secret_done) struct secret other = corp_token("k1", NULL, 301, "");
    start_with(&other, "eve@corp.example");
    settle();
    answer_fetch(to("https://id.corp.example/userinfo"), 200,
                 "{\"sub\":\"s-8\",\"email\":\"eve@corp.example\"}");
    expect(VERDICT_REFUSED, VERDICT_OTHER_SUBJECT, "corp");
}

/* Introspection that discovery names at another host: reached at public addresses only. */
static void test_recheck(void **state)
{
    (void)state;
    struct provider *provider;
    begin(only_corp(&provider));
    provider->recheck_ms = 10000;
    provider->introspection = (struct provider_introspection){.used = true,
                                                              .id = memory_text("postern"),
                                                              .secret = memory_text("s3cr3t"),
                                                              .auth = PROVIDER_AUTH_BASIC};
    serve_keys(jwks);
    CLEANUP(secret_done) struct secret token = corp_token("k1", "eve@corp.example", 300, "");
    start_with(&token, "eve@corp.example");
    settle();
    struct fetch *asked = to("https://elsewhere.example/introspect");
    assert_non_null(asked);
    assert_true(asked->public_only);
    assert_string_equal(asked->authorization, "Basic cG9zdGVybjpzM2NyM3Q=");
    assert_non_null(strstr(asked->body, "token="));
    answer_fetch(asked, 200, "{\"active\":true}");
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
    pass(9);
    assert_true(cached(&token, "eve@corp.example"));
    pass(1);
    assert_false(cached(&token, "eve@corp.example"));
    start_with(&token, "eve@corp.example");
    settle();
    answer_fetch(to("https://elsewhere.example/introspect"), 200, "{\"active\":false}");
    expect(VERDICT_REFUSED, VERDICT_INACTIVE, "corp");
}

static struct provider_introspection introspection_of_ours(void)
{
    return (struct provider_introspection){.used = true,
                                           .id = memory_text("postern"),
                                           .secret = memory_text("s3cr3t"),
                                           .auth = PROVIDER_AUTH_BASIC};
}

/* Introspection says which subject, userinfo which address: of two subjects that is no answer. */
static void test_introspection_then_userinfo(void **state)
{
    (void)state;
    static const char *const introspected =
        "{\"active\":true,\"client_id\":\"mail\",\"sub\":\"s-9\"}";
    struct provider *provider;
    begin(only_corp(&provider));
    provider->check = PROVIDER_CHECK_INTROSPECTION;
    provider->introspection = introspection_of_ours();
    serve_keys(jwks);
    start("eve@corp.example");
    answer_fetch(to("https://elsewhere.example/introspect"), 200, introspected);
    settle();
    answer_fetch(to("https://id.corp.example/userinfo"), 200,
                 "{\"sub\":\"s-8\",\"email\":\"eve@corp.example\"}");
    expect(VERDICT_REFUSED, VERDICT_OTHER_SUBJECT, "corp");
    pass(10);
    start("eve@corp.example");
    answer_fetch(to("https://elsewhere.example/introspect"), 200, introspected);
    settle();
    answer_fetch(to("https://id.corp.example/userinfo"), 200,
                 "{\"sub\":\"s-9\",\"email\":\"eve@corp.example\"}");
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
    assert_string_equal(last.subject, "s-9");
}

/* When the keys cannot be had, a kid that is not there says nothing about the token. */
static void test_unknown_key_while_down(void **state)
{
    (void)state;
    pass(30);
    CLEANUP(secret_done) struct secret token = corp_token("k2", "eve@corp.example", 300, "");
    start_with(&token, "eve@corp.example");
    settle();
    answer_fetch(to("https://id.corp.example/jwks"), 503, "");
    expect(VERDICT_UNAVAILABLE, VERDICT_NO_KEYS, "corp");
    assert_false(cached(&token, "eve@corp.example"));
    start_with(&token, "eve@corp.example"); /* within the cool-down */
    expect(VERDICT_UNAVAILABLE, VERDICT_NO_KEYS, "corp");
    pass(30);
    start_with(&token, "eve@corp.example");
    settle();
    answer_fetch(to("https://id.corp.example/jwks"), 200, jwks);
    expect(VERDICT_REFUSED, VERDICT_KEY_UNKNOWN, "corp");
}

/* A verdict that was begun with keys that are gone meanwhile is not remembered. */
static void test_keys_change_while_asked(void **state)
{
    (void)state;
    pass(30);
    CLEANUP(secret_done) struct secret token = corp_token("k1", NULL, 300, "");
    CLEANUP(secret_done) struct secret other = corp_token("k3", "eve@corp.example", 300, "");
    start_with(&token, "eve@corp.example");
    settle();
    start_with(&other, "eve@corp.example");
    settle();
    answer_fetch(to("https://id.corp.example/jwks"), 200, "{\"keys\":[" KEY_JWK("k4") "]}");
    expect(VERDICT_REFUSED, VERDICT_KEY_UNKNOWN, "corp");
    answer_fetch(to("https://id.corp.example/userinfo"), 200,
                 "{\"sub\":\"s-9\",\"email\":\"eve@corp.example\"}");
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
    assert_false(cached(&token, "eve@corp.example"));
}

/* Where tokens and keys have no kid, a new key is one that the old ones do not verify with: looked for like an unknown kid. */
static void test_new_key_without_name(void **state)
{
    (void)state;
    static const char other[] = "{\"kty\":\"EC\",\"crv\":\"P-256\","
                                "\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\","
                                "\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\"}";
    char keys[600];
    struct provider *provider;
    begin(only_corp(&provider));
    snprintf(keys, sizeof keys, "{\"keys\":[%s]}", other);
    serve_keys(keys);
    pass(30);
    CLEANUP(secret_done) struct secret token = corp_token("", "eve@corp.example", 300, "");
    start_with(&token, "eve@corp.example");
    settle();
    assert_int_equal(answers, 0);
    answer_fetch(to("https://id.corp.example/jwks"), 200, "{\"keys\":[" KEY_JWK("") "]}");
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
    pass(30);
    size_t before = started;
    CLEANUP(secret_done) struct secret forged = corp_token("", "eve@corp.example", 301, "");
    size_t at = forged.length - 10;
    forged.at[at] = forged.at[at] == 'A' ? 'B' : 'A';
    start_with(&forged, "eve@corp.example");
    settle();
    answer_fetch(to("https://id.corp.example/jwks"), 200, "{\"keys\":[" KEY_JWK("") "]}");
    expect(VERDICT_REFUSED, VERDICT_SIGNATURE, "corp");
    assert_int_equal(started, before + 1);
    pass(6); /* what was refused is remembered for 5 s */
    start_with(&forged, "eve@corp.example");
    expect(VERDICT_REFUSED, VERDICT_SIGNATURE, "corp"); /* within the cool-down */
}

/* RFC 7662, 2.2: iat is optional there; the token itself has told its age. */
static void test_recheck_of_young(void **state)
{
    (void)state;
    struct provider *provider;
    begin(only_corp(&provider));
    provider->recheck_ms = 10000;
    provider->max_age_s = 100;
    provider->introspection = introspection_of_ours();
    serve_keys(jwks);
    CLEANUP(secret_done) struct secret token = corp_token("k1", "eve@corp.example", 300, "");
    start_with(&token, "eve@corp.example");
    settle();
    answer_fetch(to("https://elsewhere.example/introspect"), 200, "{\"active\":true}");
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
    assert_int_equal(last.expires, loop_wall(&loop) + 100);
}

/* RFC 7662, 2.2: sub is optional as well, and was proved. */
static void test_recheck_without_subject(void **state)
{
    (void)state;
    static const char *const said[] = {
        "{\"active\":true,\"email\":\"eve@corp.example\"}",
        "{\"active\":true,\"email\":\"eve@corp.example\",\"sub\":\"\"}",
        "{\"active\":true,\"email\":\"eve@corp.example\",\"sub\":\"s-8\"}"};
    static const enum verdict_reason reasons[] = {VERDICT_NO_REASON, VERDICT_OTHER_SUBJECT,
                                                  VERDICT_OTHER_SUBJECT};
    struct provider *provider;
    begin(only_corp(&provider));
    provider->recheck_ms = 10000;
    provider->introspection = introspection_of_ours();
    serve_keys(jwks);
    for (size_t i = 0; i < 3; i++) {
        CLEANUP(secret_done)
        struct secret token = corp_token("k1", "eve@corp.example", 300 + (int64_t)i, "");
        start_with(&token, "eve@corp.example");
        settle();
        answer_fetch(to("https://elsewhere.example/introspect"), 200, said[i]);
        expect(i == 0 ? VERDICT_ACCEPTED : VERDICT_REFUSED, reasons[i], "corp");
        assert_string_equal(last.subject, "s-9");
    }
}

/* oidc-provider introspects no JWT for a resource: its signature says the same. */
static void test_unsupported_by_introspection(void **state)
{
    (void)state;
    struct provider *provider;
    struct provider_set *set = only_corp(&provider);
    provider->check = PROVIDER_CHECK_INTROSPECTION;
    provider->introspection = introspection_of_ours();
    begin(set);
    settle();
    answer_fetch(to(discovery_url_of_corp), 200, discovery);
    settle();
    assert_null(to("https://id.corp.example/jwks")); /* nobody needs them yet */
    CLEANUP(secret_done) struct secret token = corp_token("k1", "eve@corp.example", 300, "");
    start_with(&token, "eve@corp.example");
    settle();
    answer_fetch(to("https://elsewhere.example/introspect"), 400,
                 "{\"error\":\"unsupported_token_type\"}");
    settle();
    answer_fetch(to("https://id.corp.example/jwks"), 200, jwks);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
}

static void test_scopes(void **state)
{
    (void)state;
    struct provider *provider;
    struct address address;
    begin(only_corp(&provider));
    provider->scopes_of[PROVIDER_SMTP] = list_of("mail.send");
    serve_keys(jwks);
    CLEANUP(secret_done)
    struct secret token = corp_token("k1", "eve@corp.example", 300, ",\"scope\":\"openid\"");
    struct token_question question = question_of(&token, "eve@corp.example", &address);
    question.protocol = PROVIDER_SMTP;
    token_check_start(checks, &question, on_verdict, NULL);
    question.protocol = PROVIDER_IMAP;
    token_check_start(checks, &question, on_verdict, NULL);
    settle();
    assert_int_equal(answers, 2);
    assert_true(cached(&token, "eve@corp.example")); /* as IMAP */
    assert_int_equal(last.answer, VERDICT_ACCEPTED);
    question.protocol = PROVIDER_SMTP;
    assert_true(token_check_lookup(checks, &question, &last));
    assert_int_equal(last.answer, VERDICT_REFUSED);
    assert_int_equal(last.reason, VERDICT_SCOPE);
    question.protocol = PROVIDER_PROTOCOLS; /* who knows what it is? */
    assert_true(token_check_lookup(checks, &question, &last));
    assert_int_equal(last.reason, VERDICT_SCOPE);
    answers = 0;
}

/* -- how often -- */

static void test_one_for_all(void **state)
{
    (void)state;
    struct token_check *left = start_with(&opaque, "alice@example.com");
    for (int i = 0; i < 999; i++) {
        start_with(&opaque, "alice@example.com");
    }
    settle();
    assert_int_equal(started, 1);
    token_check_cancel(left);
    answer_fetch(to(WORK), 200, alice);
    assert_int_equal(answers, 999);
    assert_int_equal(last.answer, VERDICT_ACCEPTED);
    answers = 0;
    assert_true(cached(&opaque, "alice@example.com"));
    assert_false(cached(&opaque, "carol@example.net")); /* another provider's is another one */
}

static struct token_check *start_other(size_t number, const char *user)
{
    char text[40];
    snprintf(text, sizeof text, "0ther-%zu", number);
    CLEANUP(secret_done) struct secret token = secret_new(span_of(text));
    struct token_check *check = start_with(&token, user);
    settle();
    return check;
}

static void test_busy(void **state)
{
    (void)state;
    struct token_check *one = start_other(1, "alice@example.com");
    for (size_t i = 2; i <= 4; i++) {
        start_other(i, "alice@example.com"); /* two are asked about, two wait */
    }
    assert_int_equal(started, 2);
    start_other(5, "carol@example.net"); /* another provider's are its own */
    assert_int_equal(started, 3);
    assert_int_equal(answers, 0);
    start_other(6, "alice@example.com");
    expect(VERDICT_UNAVAILABLE, VERDICT_BUSY, "work");
    assert_string_equal(lines, ""); /* no trouble of the provider's */
    token_check_cancel(one);        /* its question goes on */
    assert_int_equal(cancelled, 0);
    answer_fetch(to(WORK), 401, "");
    settle();
    assert_int_equal(started, 4); /* and one is free again */
    while (to(WORK) != NULL) {
        answer_fetch(to(WORK), 200, alice);
        settle();
    }
    assert_int_equal(answers, 3);
    answer_fetch(to(HOME), 401, "");
}

static void test_cancel(void **state)
{
    (void)state;
    token_check_cancel(NULL);
    token_check_cancel(start_with(&opaque, "alice@example.com")); /* before it began */
    assert_false(fake_loop_run_later(&loop));
    assert_int_equal(started, 0);
    token_check_cancel(start("alice@example.com"));
    answer_fetch(to(WORK), 200, alice);
    assert_int_equal(answers, 0);
    assert_true(cached(&opaque, "alice@example.com"));
    token_check_cancel(start_with(&opaque, "dave@other.example"));
    assert_false(fake_loop_run_later(&loop));
    assert_int_equal(answers, 0);
}

/* Callbacks may begin, and give up, others. */
static struct token_check *victim;
static void on_verdict_cancel(const struct verdict *verdict, void *context)
{
    token_check_cancel(victim);
    victim = NULL;
    on_verdict(verdict, context);
    start_with(&opaque, "alice@example.com");
}

static void test_callback_cancels(void **state)
{
    (void)state;
    struct address address;
    struct token_question question = question_of(&opaque, "alice@example.com", &address);
    victim = token_check_start(checks, &question, on_verdict, NULL);
    token_check_start(checks, &question, on_verdict_cancel, NULL);
    settle();
    answer_fetch(to(WORK), 503, "");
    assert_int_equal(answers, 1);
    settle();
    answer_fetch(to(WORK), 200, alice); /* the new one's */
    assert_int_equal(answers, 2);
}

/* -- what is forgotten -- */

static void test_purges(void **state)
{
    (void)state;
    struct address address, other;
    struct error error;
    assert_true(address_parse(SPAN_LITERAL("eve@corp.example"), &address, &error));
    assert_true(address_parse(SPAN_LITERAL("adam@corp.example"), &other, &error));
    CLEANUP(secret_done)
    struct secret token = corp_token("k1", "eve@corp.example", 300, ",\"sid\":\"session-7\"");
    for (int i = 0; i < 4; i++) {
        start_with(&token, "eve@corp.example");
        expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
        start_with(&token, NULL); /* its own entry */
        expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
        size_t gone = 0;
        switch (i) {
        case 0:
            assert_int_equal(token_checks_purge_address(checks, &other), 0);
            gone = token_checks_purge_address(checks, &address);
            break;
        case 1:
            gone = token_checks_purge_token(checks, &token);
            break;
        case 2:
            assert_int_equal(
                token_checks_purge_subject(checks, SPAN_LITERAL("work"), SPAN_LITERAL("s-9")), 0);
            gone = token_checks_purge_subject(checks, SPAN_LITERAL("corp"), SPAN_LITERAL("s-9"));
            break;
        default:
            gone =
                token_checks_purge_session(checks, SPAN_LITERAL("corp"), SPAN_LITERAL("session-7"));
            break;
        }
        assert_int_equal(gone, 2);
        assert_false(cached(&token, "eve@corp.example"));
        assert_false(cached(&token, NULL));
    }
}

/* What was asked before somebody lost access proves nothing afterwards. */
static void test_purge_while_asked(void **state)
{
    (void)state;
    struct address address;
    struct error error;
    assert_true(address_parse(SPAN_LITERAL("alice@example.com"), &address, &error));
    start("alice@example.com");
    (void)token_checks_purge_address(checks, &address);
    answer_fetch(to(WORK), 200, alice);
    settle();
    assert_int_equal(answers, 0);
    answer_fetch(to(WORK), 401, "");
    expect(VERDICT_REFUSED, VERDICT_NOT_VALID, "work");
}

/* -- a reload while checks are under way -- */

static void test_reload(void **state)
{
    (void)state;
    start("alice@example.com");
    struct token_check *gone = start("carol@example.net");
    token_checks_configure(checks, &settings, only_work());
    start("alice@example.com");
    /* The old set lives for those who use it, and no longer (ASan). */
    answer_fetch(to(WORK), 200, alice);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
    assert_false(cached(&opaque, "alice@example.com")); /* by rules of yesterday */
    token_check_cancel(gone);
    answer_fetch(to(HOME), 200, alice);
    settle();
    answer_fetch(to("https://new.example.com/userinfo"), 200, alice);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
    assert_true(cached(&opaque, "alice@example.com"));
    token_checks_configure(checks, &settings, only_work());
    assert_false(cached(&opaque, "alice@example.com"));
}

/* Keys go over: a reload asks nothing of an issuer that stays the same. */
static void test_reload_keeps_keys(void **state)
{
    (void)state;
    token_checks_configure(checks, &settings, three());
    settle();
    assert_int_equal(started, 0);
    CLEANUP(secret_done) struct secret token = corp_token("k1", "eve@corp.example", 300, "");
    start_with(&token, "eve@corp.example");
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "corp");
}

/* -- trouble is told once when it begins, and once when it ends -- */

static void test_outage(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        start("alice@example.com");
        answer_fetch(to(WORK), 0, "could not connect: Connection refused");
        expect(VERDICT_UNAVAILABLE, VERDICT_UNREACHABLE, "work");
        assert_string_equal(last.detail, "could not connect: Connection refused");
    }
    assert_string_equal(lines, "provider_unavailable provider=work url=work "
                               "reason=provider_unreachable "
                               "detail=\"could not connect: Connection refused\" login=l0g1n\n");
    start("carol@example.net"); /* of the other one nothing is said */
    answer_fetch(to(HOME), 401, "");
    answers = 0;
    pass(65);
    start("alice@example.com");
    answer_fetch(to(WORK), 401, ""); /* a "no" is an answer */
    expect(VERDICT_REFUSED, VERDICT_NOT_VALID, "work");
    assert_non_null(strstr(lines, "\nprovider_recovered provider=work seconds=65\n"));
}

static void fail_often(void)
{
    for (size_t i = 0; i < GATE_FAILURES; i++) {
        start_other(i, "alice@example.com");
        answer_fetch(to(WORK), 503, "");
        settle();
    }
    answers = 0;
}

/* After some failures nobody is sent there, but for a probe now and then. */
static void test_breaker(void **state)
{
    (void)state;
    fail_often();
    size_t before = started;
    start_other(20, "alice@example.com");
    expect(VERDICT_UNAVAILABLE, VERDICT_PAUSED, "work");
    assert_int_equal(started, before);
    pass(1);
    start_other(21, "alice@example.com"); /* the probe */
    start_other(22, "alice@example.com");
    assert_int_equal(started, before + 1);
    expect(VERDICT_UNAVAILABLE, VERDICT_PAUSED, "work");
    pass(1);
    start_other(23, "alice@example.com"); /* another, though the first one hangs */
    assert_int_equal(started, before + 2);
    answer_fetch(to(WORK), 200, alice);
    settle();
    start_other(24, "alice@example.com");
    assert_int_equal(started, before + 3);
    while (to(WORK) != NULL) {
        answer_fetch(to(WORK), 200, alice);
        settle();
    }
    assert_int_equal(occurrences("provider_unavailable"), 1);
    assert_int_equal(occurrences("provider_recovered"), 1);
}

/* What one token is answered badly for shuts nobody else out. */
static void test_breaker_is_for_outages(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
    } bad[] = {{431, ""}, {413, ""}, {404, ""}, {200, "<html>"}};
    for (size_t i = 0; i < 4 * GATE_FAILURES; i++) {
        start_other(i, "alice@example.com");
        answer_fetch(to(WORK), bad[i % 4].status, bad[i % 4].body);
        settle();
    }
    assert_int_equal(last.answer, VERDICT_UNAVAILABLE);
    start("alice@example.com");
    answers = 0;
    answer_fetch(to(WORK), 200, alice);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
    fail_often();
    pass(1);
    start_other(40, "alice@example.com"); /* the probe */
    answer_fetch(to(WORK), 431, "");
    settle();
    answers = 0;
    start_other(41, "alice@example.com");
    answer_fetch(to(WORK), 200, alice);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
}

/* Those who stood in line when it shut hear so at once. */
static void test_breaker_empties_line(void **state)
{
    (void)state;
    fail_often();
    pass(1);
    start_other(30, "alice@example.com");
    answer_fetch(to(WORK), 200, alice); /* open again */
    settle();
    answers = 0;
    for (size_t i = 31; i < 35; i++) {
        start_other(i, "alice@example.com");
    }
    while (to(WORK) != NULL) {
        answer_fetch(to(WORK), 503, "");
        settle();
    }
    assert_int_equal(answers, 4);
    answers = 0;
}

static void test_stands_in(void **state)
{
    (void)state;
    struct provider_set *set = only_work();
    set->providers[0].outage = PROVIDER_OUTAGE_CACHED;
    set->providers[0].outage_ms = 600000;
    begin(set);
    const char *url = "https://new.example.com/userinfo";
    start("alice@example.com");
    answer_fetch(to(url), 200, alice);
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
    pass(100);
    assert_false(cached(&opaque, "alice@example.com"));
    start("alice@example.com");
    answer_fetch(to(url), 503, "");
    expect(VERDICT_ACCEPTED, VERDICT_NO_REASON, "work");
    start_other(1, "alice@example.com"); /* nobody knows this one */
    answer_fetch(to(url), 503, "");
    expect(VERDICT_UNAVAILABLE, VERDICT_PROVIDER_ERROR, "work");
    pass(500);
    start("alice@example.com");
    answer_fetch(to(url), 503, "");
    expect(VERDICT_UNAVAILABLE, VERDICT_PROVIDER_ERROR, "work");
}

/* -- every step told -- */

static const struct finding *found(const struct finding_list *list, const char *code)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].code, code) == 0) {
            return &list->items[i];
        }
    }
    return NULL;
}

static void test_findings(void **state)
{
    (void)state;
    struct address address;
    CLEANUP(finding_list_done) struct finding_list list = finding_list_empty();
    CLEANUP(secret_done)
    struct secret token = corp_token("k1", "eve@corp.example", -300, ",\"email_verified\":true");
    struct token_question question = question_of(&token, "eve@corp.example", &address);
    question.findings = &list;
    token_check_start(checks, &question, on_verdict, NULL);
    expect(VERDICT_REFUSED, VERDICT_EXPIRED, "corp");
    assert_int_equal(found(&list, "token-shape")->level, FINDING_GOOD);
    assert_int_equal(found(&list, "token-issuer")->level, FINDING_GOOD);
    assert_int_equal(found(&list, "token-expired")->level, FINDING_BAD);
    assert_int_equal(found(&list, "token-signature")->level, FINDING_GOOD); /* all the same */
    for (size_t i = 0; i < list.count; i++) {
        bool bad = list.items[i].level == FINDING_BAD;
        assert_int_equal(bad, strcmp(list.items[i].code, "token-expired") == 0);
        assert_int_equal(bad, list.items[i].remedy != NULL);
    }
    assert_false(cached(&token, "eve@corp.example")); /* an admin's look leaves nothing behind */
}

/* Every reason has a name of its own for the log. */
static void test_reasons(void **state)
{
    (void)state;
    for (int i = VERDICT_NOT_VALID; i < VERDICT_REASONS; i++) {
        const char *one = verdict_reason_name((enum verdict_reason)i);
        assert_true(strlen(one) > 0);
        for (int j = VERDICT_NOT_VALID; j < i; j++) {
            assert_string_not_equal(one, verdict_reason_name((enum verdict_reason)j));
        }
    }
}

#define CASE(name)     cmocka_unit_test_setup_teardown(name, setup, teardown)
#define CASE_OWN(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_by_domain),
        CASE(test_nobody),
        CASE(test_only_one),
        CASE(test_other_domain),
        CASE(test_provider_of_user),
        CASE(test_by_issuer),
        CASE(test_jwt),
        CASE(test_expires_in_cache),
        CASE(test_forged),
        CASE(test_other_issuer),
        CASE(test_unknown_key),
        CASE(test_keys_change),
        CASE_OWN(test_at_start),
        CASE_OWN(test_down_at_start),
        CASE(test_no_address),
        CASE_OWN(test_recheck),
        CASE_OWN(test_introspection_then_userinfo),
        CASE(test_unknown_key_while_down),
        CASE(test_keys_change_while_asked),
        CASE_OWN(test_new_key_without_name),
        CASE_OWN(test_recheck_of_young),
        CASE_OWN(test_recheck_without_subject),
        CASE_OWN(test_unsupported_by_introspection),
        CASE_OWN(test_scopes),
        CASE(test_one_for_all),
        CASE(test_busy),
        CASE(test_cancel),
        CASE(test_callback_cancels),
        CASE(test_purges),
        CASE(test_purge_while_asked),
        CASE(test_reload),
        CASE(test_reload_keeps_keys),
        CASE(test_outage),
        CASE(test_breaker),
        CASE(test_breaker_is_for_outages),
        CASE(test_breaker_empties_line),
        CASE_OWN(test_stands_in),
        CASE(test_findings),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests_name("token_check", tests, NULL, NULL);
}
