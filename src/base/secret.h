/* secret.h - bytes that must not show: passwords, tokens, keys.
 *
 * A secret lives in pages that are left out of core files, is wiped when it goes, and has no way
 * into a log line: no log field takes one. All functions but secret_wipe() belong to the loop's
 * thread; a pool job that reads one owns it until it is back. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/span.h"

enum { SECRET_MAX = 128 * 1024 };

struct secret {
    char *at; /* NUL-terminated beyond `length`, for libraries that need it */
    size_t length;
};

/* Once, first thing in main(), before any thread; false when the system has no random numbers. */
bool secret_init(void);
/* A copy of `bytes` (at most SECRET_MAX: asserted). The original is the caller's to wipe. */
struct secret secret_new(struct span bytes);
struct secret secret_copy(const struct secret *secret);
void secret_done(struct secret *secret); /* wipes and frees; for CLEANUP() */
bool secret_empty(const struct secret *secret);
/* As slow for every answer of one length. */
bool secret_equal(const struct secret *a, const struct secret *b);
bool secret_equal_span(struct span a, struct span b); /* likewise, for digests and cookies */
/* The bytes, for the one call that needs them; never keep the span. */
struct span secret_reveal(const struct secret *secret);
void secret_wipe(void *at, size_t length);
/* `length` random bytes: the only source of chance in the program. */
void secret_random(void *at, size_t length);

#endif
