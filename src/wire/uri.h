/* uri.h - the targets of HTTP requests in origin-form (RFC 9112, 3.2.1; RFC 3986, 3.3 and 3.4), strictly.
 *
 * What a front could resolve to another path than we do is refused: dot segments in any spelling,
 * encoded slashes and backslashes, encoded control bytes, broken escapes, bytes that belong encoded. Pure. */
#ifndef WIRE_URI_H
#define WIRE_URI_H

#include "base/span.h"

/* Cuts "/path?query" in two, both still encoded: views into `target`; the query is without its "?".
 * false when it is no such target. */
bool uri_split(struct span target, struct span *path, struct span *query);
/* The byte that "%hh" at the front of `text` stands for, or -1. */
int uri_escaped(struct span text);

#endif
