/* password.h - an account's own password: old hashes checked, new ones made, never on the loop.
 *
 * Understood with or without Dovecot's {SCHEME} prefix: SHA512-CRYPT ($6$), SHA256-CRYPT ($5$), BLF-CRYPT
 * ($2a$ $2b$ $2y$), yescrypt ($y$), ARGON2ID and ARGON2I ($argon2…), PBKDF2 (Dovecot's $1$salt$rounds$hash).
 * New hashes are ARGON2ID. Costs a hash may ask for are bounded: beyond them it is refused when
 * it is set. Hashing runs in a pool of its own at nice 10. */
#ifndef ACCOUNT_PASSWORD_H
#define ACCOUNT_PASSWORD_H

#include "base/error.h"
#include "base/secret.h"
#include "net/pool.h"

enum { PASSWORD_HASH_MAX = 512, PASSWORD_MAX = 1024 };

enum password_answer {
    PASSWORD_WRONG,
    PASSWORD_BUSY,
    PASSWORD_RIGHT
}; /* BUSY: the queue is full, temporary */

struct password_checks;
struct password_check;
typedef void password_fn(enum password_answer answer, void *context);

struct password_settings {
    unsigned threads;
    size_t queue_max;
};
struct password_checks *password_checks_new(struct loop *loop,
                                            const struct password_settings *settings);
void password_checks_free(struct password_checks *checks);
/* Checks `password` against `hash`. An empty `hash` (unknown user, no password) costs as long as one of
 * the scheme last made here and is always PASSWORD_WRONG. Answers later. */
struct password_check *password_check_start(struct password_checks *checks, struct span hash,
                                            const struct secret *password, password_fn *fn,
                                            void *context);
void password_check_cancel(struct password_check *check); /* takes NULL */
size_t password_checks_waiting(const struct password_checks *checks);

/* A new hash, made in the pool; `hash` is empty when the queue was full. */
struct password_hash;
typedef void password_hash_fn(struct span hash, void *context);
struct password_hash *password_hash_start(struct password_checks *checks,
                                          const struct secret *password, password_hash_fn *fn,
                                          void *context);
void password_hash_cancel(struct password_hash *hash);
/* Whether a hash that an admin brings can be checked here, at a bearable cost. */
bool password_hash_valid(struct span hash, struct error *error);

#endif
