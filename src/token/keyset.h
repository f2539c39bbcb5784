/* keyset.h - the signing keys of one issuer: its JWKS (RFC 7517) judged once, keys prepared, found by kid.
 *
 * A key that cannot be used (weak, `use` other than "sig", key_ops without "verify", symmetric, of an unknown kind or
 * curve, with private members, of a kid that several have) is left out and counted; one bad key does not take the good
 * ones with it. Immutable; counted, in the loop's thread only. */
#ifndef TOKEN_KEYSET_H
#define TOKEN_KEYSET_H

#include "base/finding.h"
#include "token/signature.h"
#include "wire/json.h"

enum { KEYSET_KEYS_MAX = 100, KEYSET_SIZE_MAX = 512 * 1024, KEYSET_TRIES_MAX = 4 };

struct keyset;

/* NULL and an error: no JSON object with an array `keys`, or more than KEYSET_KEYS_MAX. A set without a usable key is
 * one all the same (keyset_count() is 0). `findings` (or NULL) hears of each key that is left out. */
struct keyset *keyset_new(struct span document, struct finding_list *findings, struct error *error);
struct keyset *keyset_hold(struct keyset *keyset);
void keyset_release(struct keyset *keyset);       /* takes NULL */
size_t keyset_count(const struct keyset *keyset); /* usable keys */
size_t keyset_ignored(const struct keyset *keyset);
bool keyset_equal(const struct keyset *a,
                  const struct keyset *b); /* the same keys under the same names */

enum keyset_answer {
    KEYSET_NONE,  /* no key has this kid, or none fits when there is no kid: a refresh may help */
    KEYSET_UNFIT, /* the kid's key is of another kind, or made for another algorithm: never */
    KEYSET_FOUND,
    KEYSET_AMBIGUOUS, /* no kid and more than KEYSET_TRIES_MAX keys fit: refused */
};

/* The keys to try, at most KEYSET_TRIES_MAX of them: the one with this kid (compared byte for byte), or, when
 * the token has no kid (empty), all that fit. They live as long as the set. */
struct keyset_found {
    struct signature_key *keys[KEYSET_TRIES_MAX];
    size_t count;
};
enum keyset_answer keyset_find(const struct keyset *keyset, struct span key_id,
                               enum signature_algorithm algorithm, struct keyset_found *found);

#endif
