/* test_claims.c - what tokens and answers about them say, and tests/vectors/claims.txt for what is made of it. */
#include "with_claims.h"

#include "token/claims.h"

static struct json_view view;

/* "jwt", "jwt:at+jwt", "jwt:JWT:cty", "introspection", "userinfo", "tokeninfo" */
static enum claims_source source_of(struct span text)
{
    static const char *const NAMES[] = {"jwt", "introspection", "userinfo", "tokeninfo", NULL};
    return (enum claims_source)with_choice(span_first(text, span_find(text, ':')), NAMES);
}

static void read_claims(const struct provider *provider, struct span source,
                        struct buffer *document, struct claims *claims)
{
    const char *problem = "";
    if (!json_view_parse(&view, document->at, document->length, &problem)) {
        fail_msg("%s", problem);
    }
    memset(claims, 0xa5, sizeof *claims); /* whatever was there must be gone */
    claims_read(provider, source_of(source), &view, claims);
    struct span rest = span_from(source, span_find(source, ':') + 1);
    if (claims->source == CLAIMS_JWT && !span_empty(rest)) {
        claims->header_type = span_first(rest, span_find(rest, ':'));
        claims->content_type = span_from(rest, span_find(rest, ':') + 1);
    }
}

static void describe_protocols(unsigned protocols, struct buffer *out)
{
    if (protocols == (1U << PROVIDER_PROTOCOLS) - 1) {
        return;
    }
    for (unsigned i = 0; i < PROVIDER_PROTOCOLS; i++) {
        if ((protocols & (1U << i)) != 0) {
            buffer_format(out, " %s", provider_protocol_name((enum provider_protocol)i));
        }
    }
}

static void describe(bool identity, const struct verdict *verdict, struct buffer *out)
{
    static const char *const VERIFIED[] = {"unsaid", "no", "yes"};
    if (verdict->answer != VERDICT_ACCEPTED) {
        buffer_add_text(out, verdict_reason_name(verdict->reason));
    } else if (identity) {
        buffer_format(out, "%s %s %s", verdict->address.text,
                      verdict->subject[0] == '\0' ? "-" : verdict->subject,
                      VERIFIED[verdict->verified]);
    } else {
        buffer_add_text(out, "accepted");
        describe_protocols(verdict->protocols, out);
    }
}

static void describe_findings(const struct vector *vector, const struct finding_list *findings,
                              struct buffer *out)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        vector_must(vector, strstr(finding->text, "SECRET") == NULL, "a finding shows too much");
        vector_must(vector, finding->text[0] != '\0' && strpbrk(finding->text, "\n\t\001") == NULL,
                    "a finding is one line of text");
        vector_must(vector,
                    (finding->level == FINDING_BAD || finding->level == FINDING_WARNING) ==
                        (finding->remedy != NULL && finding->remedy[0] != '\0'),
                    "trouble has a remedy, and nothing else has");
        if (finding->level == FINDING_BAD) {
            buffer_format(out, "%s%s", out->length == 0 ? "" : " ", finding->code);
        }
    }
}

/* id, judge or identify, settings, source, members, without, what is said, codes of the findings that are bad */
static void run(const struct vector *vector)
{
    static struct claims claims;
    struct with_provider with;
    bool identity = span_is(vector->column[1], "identify");
    CLEANUP(buffer_done)
    struct buffer document = buffer_limited(100000), said = buffer_limited(2000),
                  codes = buffer_limited(2000);
    CLEANUP(finding_list_done) struct finding_list findings = finding_list_empty();
    struct verdict verdict = {.answer = VERDICT_UNAVAILABLE, .reason = VERDICT_BUSY};
    with_provider_init(&with, vector->column[2]);
    with_claims(vector->column[4], vector->column[5], &document);
    read_claims(&with.provider, vector->column[3], &document, &claims);
    bool good = identity ? claims_identify(&with.provider, &claims, &verdict)
                         : claims_judge(&with.provider, &claims, CLAIMS_NOW, &verdict);
    describe(identity, &verdict, &said);
    if (identity) {
        claims_explain_identity(&with.provider, &claims, &findings);
        claims_explain_identity(&with.provider, &claims, NULL);
    } else {
        claims_explain(&with.provider, &claims, CLAIMS_NOW, &findings);
        claims_explain(&with.provider, &claims, CLAIMS_NOW, NULL);
    }
    describe_findings(vector, &findings, &codes);
    vector_same(vector, buffer_span(&said), vector->column[6]);
    vector_same(vector, buffer_span(&codes), vector->column[7]);
    vector_must(vector, good == (verdict.answer == VERDICT_ACCEPTED), "answer and result");
    vector_must(vector, good || verdict.answer == VERDICT_REFUSED, "claims refuse or accept");
    vector_must(vector, good == (verdict.detail[0] == '\0'), "a refusal has a detail");
    vector_must(vector, good || verdict.address.text[0] == '\0', "a refusal left an address");
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("claims.txt", 150, run);
}

/* Every requirement has a case. */
static bool seen[64];
static const char *const ids[] = {
    "J18",       "J19",      "J20",    "J21", "J22",   "J23",      "J24",     "J27",      "A1",
    "A2",        "A3",       "A4",     "A5",  "A7",    "A9",       "I4",      "I5",       "I6",
    "I7",        "I8",       "I9",     "I11", "M1",    "@14",      "@16",     "@17",      "@19",
    "@20",       "@21",      "@22",    "@24", "@27",   "@29",      "@50",     "GRAPH",    "GOOGLE",
    "AUTHENTIK", "KEYCLOAK", "KANIDM", "DEX", "ENTRA", "AUTHELIA", "ZITADEL", "PROTOCOL", "NAME",
};

static void note(const struct vector *vector)
{
    struct span id = span_first(vector->column[0], span_find(vector->column[0], '-'));
    bool known = false;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        seen[i] |= span_is(id, ids[i]);
        known |= span_is(id, ids[i]);
    }
    vector_must(vector, known, "no such requirement");
}

static void test_complete(void **state)
{
    (void)state;
    vectors_run("claims.txt", 1, note);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (!seen[i]) {
            fail_msg("no case for %s", ids[i]);
        }
    }
}

static void read_good(struct with_provider *with, const char *settings, const char *source,
                      const char *members, const char *without, struct claims *claims)
{
    static struct buffer document;
    buffer_done(&document);
    document = buffer_limited(100000);
    with_provider_init(with, span_of(settings));
    with_claims(span_of(members), span_of(without), &document);
    read_claims(&with->provider, span_of(source), &document, claims);
}

/* The earliest end that anybody names, and the session of whoever names one. */
static void test_expires_and_session(void **state)
{
    (void)state;
    static struct claims claims;
    struct with_provider with;
    struct verdict verdict = {0};
    read_good(&with, "", "jwt", "{\"sid\":\"session-1\"}", "", &claims);
    assert_true(claims_judge(&with.provider, &claims, CLAIMS_NOW, &verdict));
    assert_int_equal(verdict.expires, 1800000300);
    assert_string_equal(verdict.session, "session-1");
    read_good(&with, "", "introspection", "{\"active\":true}", "exp", &claims);
    assert_true(claims_judge(&with.provider, &claims, CLAIMS_NOW, &verdict));
    assert_int_equal(verdict.expires, 1800000300);
    assert_string_equal(verdict.session, "session-1");
    read_good(&with, "", "introspection", "{\"active\":true,\"exp\":1800000100}", "", &claims);
    assert_true(claims_judge(&with.provider, &claims, CLAIMS_NOW, &verdict));
    assert_int_equal(verdict.expires, 1800000100);
    read_good(&with, "max_age=150", "jwt", "{}", "", &claims);
    assert_true(claims_judge(&with.provider, &claims, CLAIMS_NOW, &verdict));
    assert_int_equal(verdict.expires, 1800000050);
    struct verdict fresh = {0};
    char members[400];
    read_good(&with, "max_age=150", "introspection", "{\"active\":true}", "exp", &claims);
    assert_true(claims_judge(&with.provider, &claims, CLAIMS_NOW, &fresh));
    assert_int_equal(fresh.expires, 1800000050);
    fresh = (struct verdict){0};
    snprintf(members, sizeof members, "{\"active\":true,\"sid\":\"%0128d\"}", 1);
    read_good(&with, "", "introspection", members, "exp", &claims);
    assert_true(claims_judge(&with.provider, &claims, CLAIMS_NOW, &fresh));
    assert_int_equal(fresh.expires, 0);
    assert_string_equal(fresh.session, "");
}

/* Core, 5.3.2: a token's subject and userinfo's are one, also when the token named nobody. */
static void test_two_sources(void **state)
{
    (void)state;
    static struct claims claims;
    struct with_provider with;
    struct verdict verdict = {0};
    read_good(&with, "", "jwt", "{}", "email", &claims);
    assert_true(claims_judge(&with.provider, &claims, CLAIMS_NOW, &verdict));
    assert_false(claims_identify(&with.provider, &claims, &verdict));
    assert_int_equal(verdict.reason, VERDICT_NO_ADDRESS);
    assert_string_equal(verdict.subject, "s-1");
    struct verdict other = verdict;
    read_good(&with, "", "userinfo", "{\"sub\":\"s-2\",\"email_verified\":true}", "", &claims);
    assert_false(claims_identify(&with.provider, &claims, &other));
    assert_int_equal(other.reason, VERDICT_OTHER_SUBJECT);
    assert_int_equal(other.answer, VERDICT_REFUSED);
    assert_string_equal(other.address.text, "");
    assert_string_equal(other.subject, "s-1");
    read_good(&with, "", "userinfo", "{\"email_verified\":true}", "", &claims);
    assert_true(claims_identify(&with.provider, &claims, &verdict));
    assert_string_equal(verdict.address.text, "alice@example.com");
    assert_string_equal(verdict.subject, "s-1");
    assert_int_equal(verdict.verified, VERIFIED_YES);
    assert_int_equal(verdict.expires, 1800000300); /* of the token, still */
    assert_int_equal(verdict.reason, VERDICT_NO_REASON);
}

/* What a remedy holds is what has to be typed. */
static void expect_remedy(const char *settings, const char *source, const char *members,
                          const char *without, const char *code, const char *expected)
{
    static struct claims claims;
    struct with_provider with;
    CLEANUP(finding_list_done) struct finding_list findings = finding_list_empty();
    read_good(&with, settings, source, members, without, &claims);
    claims_explain(&with.provider, &claims, CLAIMS_NOW, &findings);
    claims_explain_identity(&with.provider, &claims, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        if (strcmp(findings.items[i].code, code) == 0) {
            if (findings.items[i].remedy == NULL ||
                strstr(findings.items[i].remedy, expected) == NULL) {
                fail_msg("%s: \"%s\" lacks \"%s\"", code, findings.items[i].remedy, expected);
            }
            return;
        }
    }
    fail_msg("no finding %s", code);
}

static void test_remedies(void **state)
{
    (void)state;
    expect_remedy("", "jwt", "{\"iss\":\"https://id.example.com/\"}", "", "token-issuer",
                  "issuer = { \"https://id.example.com/\" }");
    expect_remedy("", "jwt", "{\"iss\":\"https://other.example\"}", "", "token-issuer",
                  "issuer = { \"https://id.example.com\", \"https://other.example\" }");
    expect_remedy("", "jwt", "{\"aud\":[\"web\",\"x\"]}", "", "token-audience",
                  "audiences = { \"mail\", \"web\" }");
    expect_remedy("", "jwt", "{\"client_id\":\"web\"}", "", "token-client",
                  "clients = { \"tb\", \"web\" }");
    expect_remedy("audiences=", "jwt", "{\"aud\":\"dex-client\"}", "client_id", "token-client",
                  "audiences = { \"dex-client\" } instead of clients");
    expect_remedy("clients=", "jwt", "{}", "aud", "token-audience",
                  "clients = { \"tb\" } instead of audiences");
    expect_remedy("", "jwt", "{\"aud\":\"a\\\" } any_client = yes clients = { \\\"b\"}", "",
                  "token-audience", "add the value to audiences");
    expect_remedy("", "jwt", "{\"nonce\":\"n\",\"typ\":\"Bearer\"}", "", "token-type",
                  "preset = \"keycloak\"");
    expect_remedy("", "jwt", "{\"nonce\":\"n\",\"azp\":\"tb\",\"uid\":\"u\"}", "", "token-type",
                  "preset = \"authentik\"");
    expect_remedy("", "jwt", "{\"nonce\":\"n\",\"scp\":\"IMAP\"}", "scope", "token-type",
                  "preset = \"entra\"");
    expect_remedy("", "jwt", "{\"nonce\":\"n\"}", "", "token-type", "id_tokens = yes");
    expect_remedy("audiences=6f1c", "jwt", "{\"aud\":\"https://graph.microsoft.com\"}", "",
                  "token-for-graph", "api://6f1c/");
    expect_remedy("scopes=mail,other", "jwt", "{\"scope\":\"openid other\"}", "", "token-scope",
                  "ask for mail,");
    expect_remedy("scope_smtp=send", "jwt", "{}", "", "token-scope-smtp", "ask for send");
    expect_remedy("", "userinfo", "{\"email\":\"alice@other.example\"}", "", "token-address-domain",
                  "domains = { \"example.com\", \"other.example\" }");
    expect_remedy("username_claim=preferred_username", "userinfo",
                  "{\"preferred_username\":\"alice\"}", "", "token-address",
                  "username_template = \"%s@example.com\"");
    expect_remedy("username_claim=upn", "userinfo", "{}", "", "token-address",
                  "username_claim = \"email\"");
    expect_remedy("preset=keycloak", "userinfo", "{\"email_verified\":false}", "",
                  "token-email-verified", "Email verified");
}

/* A list is bounded, whatever a token brings. */
static void test_bounds(void **state)
{
    (void)state;
    static struct claims claims;
    static char members[70000];
    struct with_provider with;
    struct verdict verdict = {0};
    for (int count = CLAIMS_LIST_MAX; count <= CLAIMS_LIST_MAX + 1; count++) {
        size_t used = (size_t)snprintf(members, sizeof members, "{\"aud\":[\"mail\"");
        for (int i = 1; i < count; i++) {
            used += (size_t)snprintf(members + used, sizeof members - used, ",\"a%d\"", i);
        }
        snprintf(members + used, sizeof members - used, "]}");
        read_good(&with, "", "jwt", members, "", &claims);
        bool good = claims_judge(&with.provider, &claims, CLAIMS_NOW, &verdict);
        assert_int_equal(good, count == CLAIMS_LIST_MAX);
    }
    assert_int_equal(verdict.reason, VERDICT_AUDIENCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),     cmocka_unit_test(test_complete),
        cmocka_unit_test(test_remedies),    cmocka_unit_test(test_expires_and_session),
        cmocka_unit_test(test_two_sources), cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
