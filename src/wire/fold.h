/* fold.h - texts as they are compared when case does not matter. Pure. */
#ifndef WIRE_FOLD_H
#define WIRE_FOLD_H

#include "base/arena.h"
#include "base/span.h"

/* Every character in lower case (simple case mapping of Unicode), in NFC. ASCII is its own NFC and costs one pass. Text that is
 * not UTF-8 is copied as it is. The result lives in `arena`. */
struct span fold_lower(struct span text, struct arena *arena);
/* The same without accents: "Zürich" becomes "zurich". What has no plain form stays as it is. */
struct span fold_plain(struct span text, struct arena *arena);

#endif
