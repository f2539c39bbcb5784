/* digest.h - SHA-256 and HMAC, for keys of tables, cookies and tokens of our own. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/span.h"

enum { DIGEST_SIZE = 32 };

struct digest {
    unsigned char bytes[DIGEST_SIZE];
};

struct digest digest_sha256(struct span bytes);
/* SHA-256 over several parts, each preceded by its length, so that no two lists collide. */
struct digest digest_parts(const struct span *parts, size_t count);
struct digest digest_hmac(struct span key, struct span bytes);     /* RFC 2104 with SHA-256 */
bool digest_equal(const struct digest *a, const struct digest *b); /* constant time */

#endif
