/* scim_batch.h - takes a page from its rows to what is shown of them: loads groups, members and addresses where they are
 * needed, works in the pool or at once. Internal to scim/. */
#ifndef SCIM_SCIM_BATCH_H
#define SCIM_SCIM_BATCH_H

#include "scim/scim_call.h"

enum scim_batch_answer {
    SCIM_BATCH_UNAVAILABLE, /* the store or the pool could not */
    SCIM_BATCH_TOO_MANY,    /* the filter needs more members than are read at once */
    SCIM_BATCH_DONE,
};
typedef void scim_batch_fn(enum scim_batch_answer answer, void *context);

struct scim_batch;
/* Matches, chooses and renders what stands in `page`, of which it keeps a reference. `fn` runs once, later. */
struct scim_batch *scim_batch_start(struct scim_call *call, struct scim_page *page,
                                    scim_batch_fn *fn, void *context);
void scim_batch_cancel(struct scim_batch *batch); /* takes NULL */

#endif
