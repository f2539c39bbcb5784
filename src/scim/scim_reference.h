/* scim_reference.h - "bulkId:x": what will be made by another operation of a Bulk request (RFC 7644, 3.7.2). Internal to
 * scim/, pure.
 *
 * A text that is nothing but a reference always is one; `x` is of letters, digits, ".", "_", "~" and "-", or
 * known. Within a text (a path, a filter of PATCH) it is one when `x`, up to the first other byte, is known. */
#ifndef SCIM_SCIM_REFERENCE_H
#define SCIM_SCIM_REFERENCE_H

#include "base/arena.h"
#include "wire/json.h"

/* Asked for each reference: the text that stands for it; a NULL `at`: none, it stays as it is. `whole`: it is all of the text. */
typedef struct span scim_reference_fn(struct span bulk_id, bool whole, void *context);

/* `text` with its references replaced: itself when there are none, else in the arena. */
struct span scim_reference_text(struct span text, struct arena *arena, scim_reference_fn *fn,
                                void *context);
/* The same in all values of a document, not in names. */
void scim_reference_replace(struct json *document, struct arena *arena, scim_reference_fn *fn,
                            void *context);

#endif
