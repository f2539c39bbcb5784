/* uuid.h - identifiers that are never reused (RFC 9562, version 4). */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/span.h"

enum { UUID_SIZE = 37 }; /* 36 characters and the NUL */

void uuid_new(char text[UUID_SIZE]);
bool uuid_valid(struct span text); /* the canonical lower-case form */

#endif
