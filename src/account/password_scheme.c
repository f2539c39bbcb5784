/* password_scheme.c - password hashes of Dovecot's schemes: parsed, bounded in cost, computed. */
#include "account/password_scheme.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"

#include <crypt.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

enum {
    HASH_MAX = 512,
    ROUNDS_MAX = 500000,        /* SHA-crypt: 1 ms a thousand */
    BCRYPT_COST_MAX = 14,       /* doubles with each: 10 takes 60 ms */
    ARGON2_MEMORY_MAX = 262144, /* KiB */
    ARGON2_WORK_MAX = 1048576,  /* KiB times passes */
    ARGON2_LANES_MAX = 16,
    PBKDF2_ROUNDS_MAX = 1000000,
    PBKDF2_SIZE = 20, /* HMAC-SHA-1 */
};

enum scheme {
    SCHEME_NONE,
    SCHEME_CRYPT, /* whatever crypt(3) of libxcrypt checks: $5$, $6$, $2y$, $y$ */
    SCHEME_ARGON2,
    SCHEME_PBKDF2, /* Dovecot's $1$salt$rounds$hash; only with its prefix, alone it would be MD5 */
};

struct hash {
    enum scheme scheme;
    struct span text;      /* without the prefix */
    struct span salt, key; /* PBKDF2 */
    uint64_t rounds;
};

/* Well-formed? */

static bool all_of(struct span text, const char *allowed)
{
    for (size_t i = 0; i < text.length; i++) {
        int byte = span_at(text, i);
        if (byte == 0 || strchr(allowed, byte) == NULL) {
            return false;
        }
    }
    return true;
}

/* The alphabet of crypt(3), in its order. */
static const char CRYPT64[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool crypt64(struct span text, size_t min, size_t max)
{
    return text.length >= min && text.length <= max && all_of(text, CRYPT64);
}

/* $6$[rounds=N$]salt$hash */
static bool sha_crypt_valid(struct span rest, size_t key_length)
{
    struct span part;
    uint64_t rounds;
    if (!span_cut(&rest, '$', &part)) {
        return false;
    }
    if (span_starts(part, "rounds=")) {
        if (!span_number(span_from(part, 7), ROUNDS_MAX, &rounds) || rounds < 1000 ||
            !span_cut(&rest, '$', &part)) {
            return false;
        }
    }
    return crypt64(part, 1, 16) && crypt64(rest, key_length, key_length);
}

/* $2y$NN$ and 53 characters */
static bool bcrypt_valid(struct span rest)
{
    int tens = span_at(rest, 0) - '0', ones = span_at(rest, 1) - '0';
    int cost = tens * 10 + ones;
    return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 && cost >= 4 &&
           cost <= BCRYPT_COST_MAX && span_at(rest, 2) == '$' &&
           crypt64(span_from(rest, 3), 53, 53);
}

/* $y$jNR$salt$hash: memory is 2^(N + 1) times R + 1 times 128 bytes (crypt(5)); further parameters are not
 * written by any distribution, and not taken. 'D' and 'T' make 256 MiB. */
static bool yescrypt_valid(struct span rest)
{
    struct span cost, salt;
    return span_cut(&rest, '$', &cost) && cost.length == 3 && span_at(cost, 0) == 'j' &&
           crypt64(cost, 3, 3) && strchr(CRYPT64, span_at(cost, 1)) <= strchr(CRYPT64, 'D') &&
           strchr(CRYPT64, span_at(cost, 2)) <= strchr(CRYPT64, 'T') &&
           span_cut(&rest, '$', &salt) && crypt64(salt, 1, 86) && crypt64(rest, 43, 43);
}

static bool crypt_valid(struct span text)
{
    if (span_starts(text, "$6$")) {
        return sha_crypt_valid(span_from(text, 3), 86);
    }
    if (span_starts(text, "$5$")) {
        return sha_crypt_valid(span_from(text, 3), 43);
    }
    if (span_starts(text, "$y$")) {
        return yescrypt_valid(span_from(text, 3));
    }
    bool bcrypt =
        span_starts(text, "$2a$") || span_starts(text, "$2b$") || span_starts(text, "$2y$");
    return bcrypt && bcrypt_valid(span_from(text, 4));
}

static bool parameter(struct span *rest, const char *name, char end, uint64_t max, uint64_t *number)
{
    struct span part;
    return span_cut(rest, end, &part) && span_starts(part, name) &&
           span_number(span_from(part, strlen(name)), max, number) && *number > 0;
}

/* $argon2id$v=19$m=65536,t=2,p=1$salt$hash, base64 without padding */
static bool argon2_valid(struct span text)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t version, memory, passes, lanes;
    struct span rest = span_from(text, 1), name, salt;
    return text.length < crypto_pwhash_STRBYTES && span_cut(&rest, '$', &name) &&
           (span_is(name, "argon2id") || span_is(name, "argon2i")) &&
           parameter(&rest, "v=", '$', 19, &version) && version == 19 &&
           parameter(&rest, "m=", ',', ARGON2_MEMORY_MAX, &memory) &&
           parameter(&rest, "t=", ',', ARGON2_WORK_MAX, &passes) &&
           memory * passes <= ARGON2_WORK_MAX &&
           parameter(&rest, "p=", '$', ARGON2_LANES_MAX, &lanes) && memory >= 8 * lanes &&
           span_cut(&rest, '$', &salt) && salt.length >= 11 && all_of(salt, base64) &&
           rest.length >= 22 && all_of(rest, base64);
}

static bool pbkdf2_parse(struct span text, struct hash *hash)
{
    struct span rest = span_from(text, 3), rounds;
    return span_starts(text, "$1$") && span_cut(&rest, '$', &hash->salt) &&
           span_cut(&rest, '$', &rounds) && hash->salt.length >= 8 && hash->salt.length <= 64 &&
           text_printable_ascii(hash->salt) &&
           span_number(rounds, PBKDF2_ROUNDS_MAX, &hash->rounds) && hash->rounds > 0 &&
           rest.length == (size_t)PBKDF2_SIZE * 2 && all_of(rest, "0123456789abcdef") &&
           (hash->key = rest, true);
}

/* Which scheme? */

static const struct {
    const char *prefix, *start; /* {SCHEME}, and how the hash behind it begins */
    enum scheme scheme;
} PREFIXES[] = {
    {"{SHA512-CRYPT}", "$6$", SCHEME_CRYPT},     {"{SHA256-CRYPT}", "$5$", SCHEME_CRYPT},
    {"{BLF-CRYPT}", "$2", SCHEME_CRYPT},         {"{CRYPT}", "$", SCHEME_CRYPT},
    {"{ARGON2ID}", "$argon2id$", SCHEME_ARGON2}, {"{ARGON2I}", "$argon2i$", SCHEME_ARGON2},
    {"{PBKDF2}", "$1$", SCHEME_PBKDF2},
};

static enum scheme find_scheme(struct span *text)
{
    if (span_at(*text, 0) != '{') {
        return span_starts(*text, "$argon2") ? SCHEME_ARGON2 : SCHEME_CRYPT;
    }
    for (size_t i = 0; i < sizeof PREFIXES / sizeof PREFIXES[0]; i++) {
        struct span rest = span_from(*text, strlen(PREFIXES[i].prefix));
        if (span_starts_fold(*text, PREFIXES[i].prefix) && span_starts(rest, PREFIXES[i].start)) {
            *text = rest;
            return PREFIXES[i].scheme;
        }
    }
    return SCHEME_NONE;
}

static bool parse(struct span text, struct hash *hash)
{
    *hash = (struct hash){.text = text};
    if (text.length > HASH_MAX) {
        return false;
    }
    hash->scheme = find_scheme(&hash->text);
    switch (hash->scheme) {
    case SCHEME_NONE:
        return false;
    case SCHEME_CRYPT:
        return crypt_valid(hash->text);
    case SCHEME_ARGON2:
        return argon2_valid(hash->text);
    case SCHEME_PBKDF2:
        return pbkdf2_parse(hash->text, hash);
    }
    return false;
}

bool password_scheme_valid(struct span text, struct error *error)
{
    struct hash hash;
    if (!text_printable_ascii(text) || !parse(text, &hash)) {
        return error_set(error,
                         "password hash: must be SHA512-CRYPT, SHA256-CRYPT, BLF-CRYPT, yescrypt, "
                         "ARGON2ID, ARGON2I or "
                         "{PBKDF2}, complete, and cost no more than about a second and 256 MiB");
    }
    return true;
}

/* Checking. */

static bool crypt_verify(const char *hash, const char *password)
{
    struct crypt_data *data = MEMORY_NEW(struct crypt_data);
    /* Not crypt_r: sanitizers put their own in front of it and then find no library behind. */
    const char *made = crypt_rn(password, hash, data, sizeof *data);
    size_t length = strlen(hash);
    bool same = made != NULL && strlen(made) == length && sodium_memcmp(made, hash, length) == 0;
    secret_wipe(data, sizeof *data);
    memory_free(data);
    return same;
}

static bool pbkdf2_verify(const struct hash *hash, struct span password)
{
    unsigned char key[PBKDF2_SIZE];
    CLEANUP(buffer_done) struct buffer made = buffer_limited((size_t)PBKDF2_SIZE * 2);
    if (PKCS5_PBKDF2_HMAC(password.at, (int)password.length, (const unsigned char *)hash->salt.at,
                          (int)hash->salt.length, (int)hash->rounds, EVP_sha1(), PBKDF2_SIZE,
                          key) != 1) {
        return false;
    }
    text_hex_encode(span_bytes(key, sizeof key), &made);
    struct span text = buffer_span(&made);
    return text.length == hash->key.length &&
           sodium_memcmp(text.at, hash->key.at, text.length) == 0;
}

bool password_scheme_verify(struct span text, struct span password)
{
    struct hash hash;
    char plain[HASH_MAX + 1];
    if (!parse(text, &hash) || !span_fits(hash.text, plain, sizeof plain)) {
        return false;
    }
    switch (hash.scheme) {
    case SCHEME_NONE:
        return false;
    case SCHEME_CRYPT:
        return crypt_verify(plain, password.at);
    case SCHEME_ARGON2:
        return crypto_pwhash_str_verify(plain, password.at, password.length) == 0;
    case SCHEME_PBKDF2:
        return pbkdf2_verify(&hash, password);
    }
    return false;
}

/* Making. */

enum { MADE_PASSES = 2, MADE_MEMORY = 19456 * 1024 };

bool password_scheme_make(struct span password, char hash[PASSWORD_SCHEME_MADE_MAX + 16])
{
    static const char prefix[] = "{ARGON2ID}";
    _Static_assert(crypto_pwhash_STRBYTES <= PASSWORD_SCHEME_MADE_MAX, "room for the text");
    memcpy(hash, prefix, sizeof prefix);
    return crypto_pwhash_str_alg(hash + sizeof prefix - 1, password.at, password.length,
                                 MADE_PASSES, MADE_MEMORY, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

struct span password_scheme_dummy(void)
{
    return SPAN_LITERAL("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
}
