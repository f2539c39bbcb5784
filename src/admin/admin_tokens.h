/* admin_tokens.h - the call that says whether a token would sign in. Internal to admin/. */
#ifndef ADMIN_ADMIN_TOKENS_H
#define ADMIN_ADMIN_TOKENS_H

#include "admin/admin_call.h"

/* {"token": "…", "user": "…" (optional), "protocol": "imap" (optional)}. Answers 200 with "answer" ("accepted",
 * "refused", "unavailable"), "reason" (as in the log), "summary", and "findings": each check in order, first the
 * token's, then the account's. Changes nothing: no account is bound by it, no throttle counts it. */
void admin_tokens_check(struct admin_call *call);

#endif
