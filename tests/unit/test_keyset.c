/* test_keyset.c - which keys of a JWKS are used, and which of them a token gets. */
#include "vectors.h"

#include "base/finding.h"
#include "base/secret.h"
#include "token/keyset.h"

static struct keyset *read_set(const char *document)
{
    struct error error = {{0}};
    struct keyset *set = keyset_new(span_of(document), NULL, &error);
    if (set == NULL) {
        fail_msg("%s: %s", document, error.text);
    }
    return set;
}

static void one_case(const struct vector *vector)
{
    struct error error = {{0}};
    CLEANUP(buffer_done) struct buffer got = buffer_limited(4096);
    CLEANUP(finding_list_done) struct finding_list findings = finding_list_empty();
    struct keyset *set = keyset_new(vector->column[1], &findings, &error);
    if (set == NULL) {
        buffer_format(&got, "error %s", error.text);
    } else {
        buffer_format(&got, "%zu/%zu", keyset_count(set), keyset_ignored(set));
    }
    for (size_t i = 0; i < findings.count; i++) {
        buffer_format(&got, "%c%s", i == 0 ? ' ' : ',', findings.items[i].code);
    }
    keyset_release(set);
    vector_same(vector, buffer_span(&got), vector->column[2]);
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("keyset.txt", 90, one_case);
}

/* -- finding -- */

#define P256                                                 \
    "\"kty\":\"EC\",\"crv\":\"P-256\","                      \
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define ED25519                            \
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\"," \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
/* RFC 8032, 7.1, test 2 */
#define OTHER_ED25519                      \
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\"," \
    "\"x\":\"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw\""

static void test_find(void **state)
{
    static const struct {
        const char *key_id;
        enum signature_algorithm algorithm;
        enum keyset_answer answer;
        size_t count;
    } cases[] = {
        {"a", SIGNATURE_ES256, KEYSET_FOUND, 1},
        {"a", SIGNATURE_ES384, KEYSET_UNFIT, 0},
        {"a", SIGNATURE_RS256, KEYSET_UNFIT, 0},
        {"a", SIGNATURE_NONE, KEYSET_UNFIT, 0},
        {"b", SIGNATURE_EDDSA, KEYSET_FOUND, 1},
        {"b", SIGNATURE_ED25519, KEYSET_FOUND, 1},
        {"c", SIGNATURE_EDDSA, KEYSET_UNFIT, 0},
        {"c", SIGNATURE_ED25519, KEYSET_FOUND, 1},
        {"A", SIGNATURE_ES256, KEYSET_NONE, 0},
        {"aa", SIGNATURE_ES256, KEYSET_NONE, 0},
        {"../../dev/null", SIGNATURE_ES256, KEYSET_NONE, 0},
        {"", SIGNATURE_ES256, KEYSET_FOUND, 1},
        {"", SIGNATURE_EDDSA, KEYSET_FOUND, 1},
        {"", SIGNATURE_ED25519, KEYSET_FOUND, 2},
        {"", SIGNATURE_RS256, KEYSET_NONE, 0},
        {"", SIGNATURE_NONE, KEYSET_NONE, 0},
    };
    (void)state;
    struct keyset *set = read_set("{\"keys\":[{\"kid\":\"b\"," ED25519 "},{\"kid\":\"a\"," P256 "},"
                                  "{\"kid\":\"c\",\"alg\":\"Ed25519\"," OTHER_ED25519 "}]}");
    assert_int_equal(keyset_count(set), 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct keyset_found found;
        assert_int_equal(keyset_find(set, span_of(cases[i].key_id), cases[i].algorithm, &found),
                         cases[i].answer);
        assert_int_equal(found.count, cases[i].count);
        for (size_t j = 0; j < found.count; j++) {
            assert_true(signature_fits(signature_key_kind(found.keys[j]), cases[i].algorithm));
        }
    }
    struct keyset_found found;
    assert_int_equal(keyset_find(set, span_bytes("a\0", 2), SIGNATURE_ES256, &found), KEYSET_NONE);
    keyset_release(set);
}

static struct keyset *many(int count)
{
    struct error error = {{0}};
    CLEANUP(buffer_done) struct buffer text = buffer_limited(KEYSET_SIZE_MAX);
    buffer_add_text(&text, "{\"keys\":[");
    for (int i = 0; i < count; i++) {
        buffer_format(&text, "%s{\"kid\":\"key-%d\",%s}", i == 0 ? "" : ",", i * 7919 % 1000,
                      i % 2 == 0 ? ED25519 : P256);
    }
    buffer_add_text(&text, "]}");
    struct keyset *set = keyset_new(buffer_span(&text), NULL, &error);
    assert_non_null(set);
    return set;
}

/* J9: no kid, and several keys of the right kind. */
static void test_without_kid(void **state)
{
    static const struct {
        int keys;
        enum keyset_answer answer;
        size_t count;
    } cases[] = {{1, KEYSET_FOUND, 1},
                 {7, KEYSET_FOUND, 4},
                 {9, KEYSET_AMBIGUOUS, 0},
                 {100, KEYSET_AMBIGUOUS, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct keyset_found found;
        struct keyset *set = many(cases[i].keys);
        assert_int_equal(keyset_find(set, (struct span){0}, SIGNATURE_EDDSA, &found),
                         cases[i].answer);
        assert_int_equal(found.count, cases[i].count);
        keyset_release(set);
    }
}

static void test_each_of_a_hundred(void **state)
{
    struct keyset_found found;
    char name[16];
    (void)state;
    struct keyset *set = many(100);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "key-%d", i * 7919 % 1000);
        enum signature_algorithm algorithm = i % 2 == 0 ? SIGNATURE_EDDSA : SIGNATURE_ES256;
        assert_int_equal(keyset_find(set, span_of(name), algorithm, &found), KEYSET_FOUND);
        assert_int_equal(keyset_find(set, span_from(span_of(name), 1), algorithm, &found),
                         KEYSET_NONE);
    }
    keyset_release(set);
}

static void test_equal(void **state)
{
    static const char first[] = "{\"keys\":[{\"kid\":\"a\"," P256 "},{\"kid\":\"b\"," ED25519 "}]}";
    static const struct {
        const char *document;
        bool equal;
    } cases[] = {
        {first, true},
        {"{\"keys\":[{\"kid\":\"b\"," ED25519 "},{\"kid\":\"a\",\"use\":\"sig\"," P256 "}]}", true},
        {"{\"keys\":[{\"kid\":\"a\"," P256 "}]}", false},
        {"{\"keys\":[{\"kid\":\"b\"," P256 "},{\"kid\":\"a\"," ED25519 "}]}", false},
        {"{\"keys\":[{\"kid\":\"a\"," P256 "},{\"kid\":\"c\"," ED25519 "}]}", false},
        {"{\"keys\":[{\"kid\":\"a\"," P256 "},{\"kid\":\"b\"," OTHER_ED25519 "}]}", false},
        {"{\"keys\":[{\"kid\":\"a\"," P256 "},{\"kid\":\"b\",\"alg\":\"EdDSA\"," ED25519 "}]}",
         false},
    };
    (void)state;
    struct keyset *set = read_set(first);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct keyset *other = read_set(cases[i].document);
        assert_int_equal(keyset_equal(set, other), cases[i].equal);
        keyset_release(other);
    }
    keyset_release(set);
}

/* A key that was found outlives the set while somebody holds it. */
static void test_held(void **state)
{
    struct keyset_found found;
    (void)state;
    struct keyset *set = keyset_hold(read_set("{\"keys\":[{" P256 "}]}"));
    keyset_release(set);
    assert_int_equal(keyset_find(set, (struct span){0}, SIGNATURE_ES256, &found), KEYSET_FOUND);
    struct signature_key *key = signature_key_hold(found.keys[0]);
    keyset_release(set);
    assert_int_equal(signature_key_kind(key), SIGNATURE_P256);
    signature_key_release(key);
    keyset_release(NULL);
}

static void test_too_large(void **state)
{
    struct error error = {{0}};
    (void)state;
    size_t size = KEYSET_SIZE_MAX + 1;
    char *text = memory_new(size, 1);
    memset(text, ' ', size);
    memcpy(text, "{\"keys\":[]}", 11);
    assert_null(keyset_new(span_bytes(text, size), NULL, &error));
    struct keyset *set = keyset_new(span_bytes(text, size - 1), NULL, &error);
    assert_non_null(set);
    keyset_release(set);
    memory_free(text);
}

/* What a finding quotes was said by the provider. */
static void test_findings_are_clean(void **state)
{
    struct error error = {{0}};
    CLEANUP(finding_list_done) struct finding_list findings = finding_list_empty();
    (void)state;
    struct keyset *set =
        keyset_new(span_of("{\"keys\":[{\"kty\":\"RSA\\n\\u001b[2J\",\"kid\":\"a\\r\\nb\"},"
                           "{\"kty\":\"RSA\",\"d\":\"topsecret\",\"kid\":\"p\"},"
                           "{\"kty\":\"oct\",\"k\":\"topsecret\"}]}"),
                   &findings, &error);
    assert_non_null(set);
    assert_int_equal(findings.count, 3);
    for (size_t i = 0; i < findings.count; i++) {
        assert_null(strpbrk(findings.items[i].text, "\r\n\033"));
        assert_null(strstr(findings.items[i].text, "topsecret"));
    }
    assert_int_equal(finding_worst(&findings), FINDING_BAD);
    assert_null(findings.items[0].remedy);
    assert_non_null(findings.items[1].remedy);
    keyset_release(set);
}

static int set_up(void **state)
{
    (void)state;
    return secret_init() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),     cmocka_unit_test(test_find),
        cmocka_unit_test(test_without_kid), cmocka_unit_test(test_each_of_a_hundred),
        cmocka_unit_test(test_equal),       cmocka_unit_test(test_held),
        cmocka_unit_test(test_too_large),   cmocka_unit_test(test_findings_are_clean),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
