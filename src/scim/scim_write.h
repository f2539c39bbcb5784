/* scim_write.h - what all writing calls do: find what is there, ask whether it is the one that the client knows, hand the wish to
 * auth/change and tell how it went. Internal to scim/. */
#ifndef SCIM_SCIM_WRITE_H
#define SCIM_SCIM_WRITE_H

#include "scim/scim_call.h"

/* A resource has another version also when something else that it shows changed, such as a group. */
enum { SCIM_WRITE_TRIES_MAX = 8 };

/* The resource of the path. Another client's is as unknown as one that never was. false: the call has ended. */
bool scim_write_find(struct scim_call *call, struct resource *resource);
/* If-Match. false: the call has ended with 412. */
bool scim_write_condition(struct scim_call *call, const struct resource *resource);
/* The stored document; NULL: the call has ended. */
struct json *scim_write_stored(struct scim_call *call, const struct resource *resource);
/* The document as it is stored, in the arena; false: it is too large, the call has ended. */
bool scim_write_text(struct scim_call *call, const struct json *document, struct span *text);
/* The answers of a change that was not made: ends the call. STALE is a client's that insists (412), or came too often. */
void scim_write_refused(struct scim_call *call, const struct change_result *result);
/* DELETE, of users and groups alike. */
void scim_write_delete(struct scim_call *call);

#endif
