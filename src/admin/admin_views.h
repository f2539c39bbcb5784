/* admin_views.h - the calls that only look, and how an account is shown. Internal to admin/. */
#ifndef ADMIN_ADMIN_VIEWS_H
#define ADMIN_ADMIN_VIEWS_H

#include "admin/admin_call.h"

/* An account as JSON, without its addresses and without its password (only whether it has one). */
struct json *admin_views_account(struct admin_call *call, const struct account *account);

/* Who `text`, an address, leads to. false: the call has been refused. */
bool admin_views_find(struct admin_call *call, struct span text, struct account_rows_found *found);

void admin_views_domains(struct admin_call *call);
/* ?domain=, ?after=: pages of ADMIN_CALL_PAGE, "next" when more follow */
void admin_views_accounts(struct admin_call *call);
void admin_views_show(
    struct admin_call *call); /* one account with all its addresses, and its groups */
void admin_views_source(struct admin_call *call);  /* what its client last sent (admin_origin.h) */
void admin_views_aliases(struct admin_call *call); /* ?domain=, ?account=, ?after= */

#endif
