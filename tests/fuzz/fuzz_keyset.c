/* fuzz_keyset.c - any bytes as an issuer's keys: read again they are the same, and each is found under its name only. */
#include "fuzz.h"

#include "base/text.h"
#include "token/keyset.h"
#include "wire/jwt.h"

static const struct json *keys_of(const struct json *document)
{
    return json_member(document, "keys");
}

static void check_found(const struct keyset *keyset, struct span key_id)
{
    for (int i = SIGNATURE_NONE + 1; i < SIGNATURE_ALGORITHMS; i++) {
        enum signature_algorithm algorithm = (enum signature_algorithm)i;
        struct keyset_found found;
        enum keyset_answer answer = keyset_find(keyset, key_id, algorithm, &found);
        assert((answer == KEYSET_FOUND) == (found.count > 0) && found.count <= KEYSET_TRIES_MAX);
        assert(span_empty(key_id) ? answer != KEYSET_UNFIT : found.count <= 1);
        for (size_t key = 0; key < found.count; key++) {
            enum signature_kind kind = signature_key_kind(found.keys[key]);
            assert(signature_fits(kind, algorithm));
            assert(kind != SIGNATURE_RSA || (signature_key_bits(found.keys[key]) >= 2048 &&
                                             signature_key_bits(found.keys[key]) <= 8192));
            assert(!signature_verify(found.keys[key], algorithm, SPAN_LITERAL("a.b"),
                                     SPAN_LITERAL("no signature at all")));
        }
    }
}

static void check_keys(const struct keyset *keyset, const struct json *keys)
{
    assert(keyset_count(keyset) + keyset_ignored(keyset) == json_size(keys));
    check_found(keyset, (struct span){0});
    check_found(keyset, SPAN_LITERAL("nobody's name"));
    for (size_t i = 0; i < json_size(keys) && i < 8; i++) {
        struct span key_id;
        json_text(json_item(keys, i), "kid", &key_id);
        check_found(keyset, key_id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(finding_list_done) struct finding_list findings = finding_list_empty();
    struct error error = {{0}};
    struct span text = span_bytes(data, size);
    struct keyset *keyset = keyset_new(text, &findings, &error);
    CLEANUP(json_cleanup) struct json *document = json_parse(text, KEYSET_SIZE_MAX, &error);
    if (keyset == NULL) {
        assert(error.text[0] != '\0' && text_utf8(span_of(error.text)));
        return 0;
    }
    assert(document != NULL && json_size(keys_of(document)) <= KEYSET_KEYS_MAX);
    check_keys(keyset, keys_of(document));
    assert(findings.count <= keyset_ignored(keyset));
    for (size_t i = 0; i < findings.count; i++) {
        assert(text_utf8(span_of(findings.items[i].text)));
    }
    struct keyset *again = keyset_new(text, NULL, &error);
    assert(again != NULL && keyset_equal(keyset, again));
    keyset_release(keyset_hold(again));
    keyset_release(again);
    keyset_release(keyset);
    return 0;
}
