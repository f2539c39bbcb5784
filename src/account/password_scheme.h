/* password_scheme.h - what a password hash is: its schemes, their costs, checking and making one.
 *
 * For any thread: nothing here keeps state or takes a struct secret. */
#ifndef ACCOUNT_PASSWORD_SCHEME_H
#define ACCOUNT_PASSWORD_SCHEME_H

#include "base/error.h"
#include "base/span.h"

enum { PASSWORD_SCHEME_MADE_MAX = 128 };

/* Well-formed, of a scheme that is understood, and at a cost of at most about a second and 256 MiB. */
bool password_scheme_valid(struct span hash, struct error *error);
/* False for whatever is not password_scheme_valid(). As slow for a wrong password as for the right one. */
bool password_scheme_verify(struct span hash, struct span password);
/* ARGON2ID with its prefix: t=2, m=19 MiB, p=1 (OWASP's password storage cheat sheet). `password` has no NUL. */
bool password_scheme_make(struct span password, char hash[PASSWORD_SCHEME_MADE_MAX + 16]);
/* A well-formed hash of no password, as costly as those that are made here. */
struct span password_scheme_dummy(void);

#endif
