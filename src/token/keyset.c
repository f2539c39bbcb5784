/* keyset.c - the signing keys of one issuer: its JWKS judged once, keys prepared, found by kid. */
#include "token/keyset.h"

#include "base/digest.h"
#include "base/memory.h"
#include "wire/jwt.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 1100 }; /* bytes: RSA of 8192 bits has 1024 */

struct entry {
    char *key_id; /* its own; empty: none */
    size_t key_id_length;
    struct signature_key *key;
    enum signature_algorithm only; /* SIGNATURE_NONE: all that fit */
    struct digest material;        /* of kind and numbers */
};

struct keyset {
    size_t users;
    size_t count, ignored;
    struct entry entries[KEYSET_KEYS_MAX]; /* in the order of compare() */
};

/* Why a key is left out, for findings. */
enum fate { FATE_GOOD, FATE_UNKNOWN, FATE_OTHER_USE, FATE_SYMMETRIC, FATE_PRIVATE, FATE_WEAK };

static struct span name_of(const struct entry *entry)
{
    return span_bytes(entry->key_id, entry->key_id_length);
}

/* -- one JWK (RFC 7517, 4) -- */

static bool has_verify(const struct json *operations)
{
    for (size_t i = 0; json_kind(operations) == JSON_KIND_ARRAY && i < json_size(operations); i++) {
        if (span_is(json_value_text(json_item(operations, i)), "verify")) {
            return true;
        }
    }
    return false;
}

static bool for_signatures(const struct json *jwk)
{
    const struct json *use = json_member(jwk, "use"), *operations = json_member(jwk, "key_ops");
    return (use == NULL || span_is(json_value_text(use), "sig")) &&
           (operations == NULL || has_verify(operations));
}

/* RFC 7518, 6.2.2, 6.3.2, 6.4. */
static bool has_private_part(const struct json *jwk)
{
    static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (json_member(jwk, members[i]) != NULL) {
            return true;
        }
    }
    return false;
}

struct number {
    unsigned char bytes[NUMBER_MAX];
    struct span span;
};

static bool read_number(const struct json *jwk, const char *member, struct number *number,
                        struct error *error)
{
    struct span text;
    size_t length;
    if (!json_text(jwk, member, &text) || span_empty(text) ||
        !jwt_base64url_decode(text, number->bytes, sizeof number->bytes, &length)) {
        return error_set(error, "its \"%s\" is missing, no base64url, or too long", member);
    }
    number->span = span_bytes(number->bytes, length);
    return true;
}

static void fingerprint(struct entry *entry, const char *kind, struct span first,
                        struct span second)
{
    const struct span parts[] = {span_of(kind), first, second};
    entry->material = digest_parts(parts, 3);
}

static enum fate read_rsa(const struct json *jwk, struct entry *entry, struct error *error)
{
    struct number modulus, exponent;
    if (!read_number(jwk, "n", &modulus, error) || !read_number(jwk, "e", &exponent, error)) {
        return FATE_WEAK;
    }
    fingerprint(entry, "RSA", modulus.span, exponent.span);
    entry->key = signature_key_rsa(modulus.span, exponent.span, error);
    return entry->key == NULL ? FATE_WEAK : FATE_GOOD;
}

static enum fate read_ec(const struct json *jwk, struct entry *entry, struct error *error)
{
    static const struct {
        const char *name;
        enum signature_kind kind;
    } curves[] = {{"P-256", SIGNATURE_P256}, {"P-384", SIGNATURE_P384}, {"P-521", SIGNATURE_P521}};
    struct span name = json_value_text(json_member(jwk, "crv"));
    struct number x, y;
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (!span_is(name, curves[i].name)) {
            continue;
        }
        if (!read_number(jwk, "x", &x, error) || !read_number(jwk, "y", &y, error)) {
            return FATE_WEAK;
        }
        fingerprint(entry, curves[i].name, x.span, y.span);
        entry->key = signature_key_ec(curves[i].kind, x.span, y.span, error);
        return entry->key == NULL ? FATE_WEAK : FATE_GOOD;
    }
    error_set(error, "its curve \"%.*s\" is not used here", (int)span_first(name, 32).length,
              name.length == 0 ? "" : name.at);
    return FATE_UNKNOWN;
}

static enum fate read_okp(const struct json *jwk, struct entry *entry, struct error *error)
{
    struct span name = json_value_text(json_member(jwk, "crv"));
    struct number x;
    if (!span_is(name, "Ed25519")) {
        error_set(error, "its curve \"%.*s\" is not used here", (int)span_first(name, 32).length,
                  name.length == 0 ? "" : name.at);
        return FATE_UNKNOWN;
    }
    if (!read_number(jwk, "x", &x, error)) {
        return FATE_WEAK;
    }
    fingerprint(entry, "Ed25519", x.span, (struct span){0});
    entry->key = signature_key_ed25519(x.span, error);
    return entry->key == NULL ? FATE_WEAK : FATE_GOOD;
}

static enum fate read_material(const struct json *jwk, struct entry *entry, struct error *error)
{
    struct span kind = json_value_text(json_member(jwk, "kty"));
    if (span_is(kind, "RSA")) {
        return read_rsa(jwk, entry, error);
    }
    if (span_is(kind, "EC")) {
        return read_ec(jwk, entry, error);
    }
    if (span_is(kind, "OKP")) {
        return read_okp(jwk, entry, error);
    }
    error_set(error, "its kind \"%.*s\" is not used here", (int)span_first(kind, 32).length,
              kind.length == 0 ? "" : kind.at);
    return FATE_UNKNOWN;
}

/* RFC 7517, 4.4: a key that names an algorithm serves that one alone. */
static enum fate restrict_to(const struct json *jwk, struct entry *entry, struct error *error)
{
    const struct json *member = json_member(jwk, "alg");
    struct span name = json_value_text(member);
    entry->only = signature_algorithm_of(name);
    if (member == NULL || signature_fits(signature_key_kind(entry->key), entry->only)) {
        return FATE_GOOD;
    }
    error_set(error, "its algorithm \"%.*s\" is not used here, or not with such a key",
              (int)span_first(name, 32).length, name.length == 0 ? "" : name.at);
    return FATE_UNKNOWN;
}

static enum fate read_name(const struct json *jwk, struct entry *entry, struct error *error)
{
    const struct json *member = json_member(jwk, "kid");
    struct span name = json_value_text(member);
    if (member != NULL && (json_kind(member) != JSON_KIND_TEXT || name.length > JWT_KEY_ID_MAX)) {
        error_set(error, "its \"kid\" is no string of at most %d bytes", JWT_KEY_ID_MAX);
        return FATE_UNKNOWN;
    }
    entry->key_id = memory_new(name.length + 1, 1);
    entry->key_id_length = name.length;
    if (name.length > 0) {
        memcpy(entry->key_id, name.at, name.length);
    }
    return FATE_GOOD;
}

static void entry_done(struct entry *entry)
{
    signature_key_release(entry->key);
    memory_free(entry->key_id);
}

static enum fate read_jwk(const struct json *jwk, struct entry *entry, struct error *error)
{
    if (json_kind(jwk) != JSON_KIND_OBJECT) {
        error_set(error, "it is no JSON object");
        return FATE_UNKNOWN;
    }
    if (span_is(json_value_text(json_member(jwk, "kty")), "oct")) {
        return FATE_SYMMETRIC;
    }
    if (has_private_part(jwk)) {
        return FATE_PRIVATE;
    }
    if (!for_signatures(jwk)) {
        return FATE_OTHER_USE;
    }
    enum fate fate = read_material(jwk, entry, error);
    fate = fate == FATE_GOOD ? restrict_to(jwk, entry, error) : fate;
    return fate == FATE_GOOD ? read_name(jwk, entry, error) : fate;
}

/* -- findings -- */

static void tell(struct finding_list *findings, enum fate fate, size_t index,
                 const struct json *jwk, const struct error *error)
{
    struct span name = span_first(json_value_text(json_member(jwk, "kid")), 64);
    int length = (int)name.length;
    const char *id = length == 0 ? "" : name.at;
    switch (fate) {
    case FATE_GOOD:
        return;
    case FATE_OTHER_USE:
        finding_skipped(findings, "keys-other-use",
                        "key %zu (kid \"%.*s\") is not for verifying signatures", index + 1, length,
                        id);
        return;
    case FATE_UNKNOWN:
        finding_skipped(findings, "keys-unknown", "key %zu (kid \"%.*s\") is left out: %s",
                        index + 1, length, id, error->text);
        return;
    case FATE_SYMMETRIC:
        finding_warning(findings, "keys-symmetric",
                        "at the provider: sign with a key pair (RS256 or ES256), and take the "
                        "secret out of the published keys; it is a secret no more",
                        "key %zu (kid \"%.*s\") is a symmetric one (kty \"oct\"), published to "
                        "everybody; it is left out",
                        index + 1, length, id);
        return;
    case FATE_PRIVATE:
        finding_bad(findings, "keys-private",
                    "at the provider: make a new signing key, and publish only its public part; "
                    "whoever saw this one can sign tokens",
                    "key %zu (kid \"%.*s\") is published with its private part; it is left out",
                    index + 1, length, id);
        return;
    case FATE_WEAK:
        finding_warning(findings, "keys-weak",
                        "at the provider: make a new signing key (RSA of 2048 bits or more, "
                        "P-256 or Ed25519)",
                        "key %zu (kid \"%.*s\") is left out: %s", index + 1, length, id,
                        error->text);
        return;
    }
}

static void tell_ambiguous(struct finding_list *findings, const struct entry *entry)
{
    struct span name = span_first(name_of(entry), 64);
    finding_warning(
        findings, "keys-ambiguous-kid", "at the provider: give each published key a kid of its own",
        "several keys have the kid \"%.*s\"; none of them is used", (int)name.length, name.at);
}

/* -- the set -- */

static int compare(const void *one, const void *other)
{
    const struct entry *a = one, *b = other;
    int names = span_compare(name_of(a), name_of(b));
    return names != 0 ? names : memcmp(a->material.bytes, b->material.bytes, DIGEST_SIZE);
}

static void read_all(struct keyset *keyset, const struct json *keys, struct finding_list *findings)
{
    for (size_t i = 0; i < json_size(keys); i++) {
        const struct json *jwk = json_item(keys, i);
        struct entry *entry = &keyset->entries[keyset->count];
        struct error error = {{0}};
        enum fate fate = read_jwk(jwk, entry, &error);
        tell(findings, fate, i, jwk, &error);
        if (fate == FATE_GOOD) {
            keyset->count++;
            continue;
        }
        keyset->ignored++;
        entry_done(entry);
        *entry = (struct entry){0};
    }
}

/* RFC 7517, 4.5 wants names to be distinct; of two keys of one name we would have to guess. Also of the same key
 * said twice: an honest provider has no reason to. */
static void drop_ambiguous(struct keyset *keyset, struct finding_list *findings)
{
    struct entry *entries = keyset->entries;
    size_t kept = 0;
    for (size_t first = 0, next; first < keyset->count; first = next) {
        next = first + 1;
        while (entries[first].key_id_length > 0 && next < keyset->count &&
               span_equal(name_of(&entries[first]), name_of(&entries[next]))) {
            next++;
        }
        if (next == first + 1) {
            struct entry moved = entries[first];
            entries[first] = (struct entry){0};
            entries[kept++] = moved;
            continue;
        }
        tell_ambiguous(findings, &entries[first]);
        for (size_t i = first; i < next; i++) {
            keyset->ignored++;
            entry_done(&entries[i]);
            entries[i] = (struct entry){0};
        }
    }
    keyset->count = kept;
}

struct keyset *keyset_new(struct span document, struct finding_list *findings, struct error *error)
{
    CLEANUP(json_cleanup) struct json *set = json_parse(document, KEYSET_SIZE_MAX, error);
    if (set == NULL) {
        return NULL;
    }
    const struct json *keys = json_member(set, "keys");
    if (json_kind(keys) != JSON_KIND_ARRAY) {
        error_set(error, "no array \"keys\" in it (RFC 7517, 5)");
        return NULL;
    }
    if (json_size(keys) > KEYSET_KEYS_MAX) {
        error_set(error, "%zu keys: at most %d are accepted", json_size(keys), KEYSET_KEYS_MAX);
        return NULL;
    }
    struct keyset *keyset = MEMORY_NEW(struct keyset);
    keyset->users = 1;
    read_all(keyset, keys, findings);
    qsort(keyset->entries, keyset->count, sizeof *keyset->entries, compare);
    drop_ambiguous(keyset, findings);
    return keyset;
}

struct keyset *keyset_hold(struct keyset *keyset)
{
    keyset->users++;
    return keyset;
}

void keyset_release(struct keyset *keyset)
{
    if (keyset == NULL) {
        return;
    }
    assert(keyset->users > 0);
    keyset->users--;
    if (keyset->users > 0) {
        return;
    }
    for (size_t i = 0; i < keyset->count; i++) {
        entry_done(&keyset->entries[i]);
    }
    memory_free(keyset);
}

size_t keyset_count(const struct keyset *keyset)
{
    return keyset->count;
}

size_t keyset_ignored(const struct keyset *keyset)
{
    return keyset->ignored;
}

bool keyset_equal(const struct keyset *a, const struct keyset *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (compare(&a->entries[i], &b->entries[i]) != 0 ||
            a->entries[i].only != b->entries[i].only) {
            return false;
        }
    }
    return true;
}

/* -- finding -- */

static bool fits(const struct entry *entry, enum signature_algorithm algorithm)
{
    return signature_fits(signature_key_kind(entry->key), algorithm) &&
           (entry->only == SIGNATURE_NONE || entry->only == algorithm);
}

static const struct entry *by_name(const struct keyset *keyset, struct span name)
{
    size_t low = 0, high = keyset->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_compare(name, name_of(&keyset->entries[middle]));
        if (order == 0) {
            return &keyset->entries[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static enum keyset_answer find_all(const struct keyset *keyset, enum signature_algorithm algorithm,
                                   struct keyset_found *found)
{
    for (size_t i = 0; i < keyset->count; i++) {
        if (!fits(&keyset->entries[i], algorithm)) {
            continue;
        }
        if (found->count == KEYSET_TRIES_MAX) {
            found->count = 0;
            return KEYSET_AMBIGUOUS;
        }
        found->keys[found->count++] = keyset->entries[i].key;
    }
    return found->count == 0 ? KEYSET_NONE : KEYSET_FOUND;
}

enum keyset_answer keyset_find(const struct keyset *keyset, struct span key_id,
                               enum signature_algorithm algorithm, struct keyset_found *found)
{
    *found = (struct keyset_found){0};
    if (span_empty(key_id)) {
        return find_all(keyset, algorithm, found);
    }
    const struct entry *entry = by_name(keyset, key_id);
    if (entry == NULL) {
        return KEYSET_NONE;
    }
    if (!fits(entry, algorithm)) {
        return KEYSET_UNFIT;
    }
    found->keys[0] = entry->key;
    found->count = 1;
    return KEYSET_FOUND;
}
