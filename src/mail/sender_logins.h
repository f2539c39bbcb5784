/* sender_logins.h - the login names that may send as an address.
 *
 * The owner's primary address and, for sessions that began before a rename, its former ones; of a shared mailbox its
 * members with all rights; and whoever was given the address to send as (sendAs), which may also be an address of a group
 * or one that receives nothing. */
#ifndef MAIL_SENDER_LOGINS_H
#define MAIL_SENDER_LOGINS_H

#include "account/group_rows.h"
#include "base/buffer.h"

/* Names parted by commas, empty: nobody. NULL in `failure`, or why the store could not say. Valid during the call, after
 * which the question is gone. */
typedef void sender_logins_fn(const char *failure, struct span logins, void *context);

struct sender_logins;
/* `owner` is NULL when the address leads to nobody; both are copied. Names that do not fit in `bytes_max` are left
 * out, the owner's never. Answers later, never before it returned. */
struct sender_logins *sender_logins_start(struct store *store, const struct address *address,
                                          const struct account *owner, size_t bytes_max,
                                          sender_logins_fn *fn, void *context);
void sender_logins_cancel(struct sender_logins *question); /* no callback after it; takes NULL */

#endif
