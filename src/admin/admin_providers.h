/* admin_providers.h - the calls about identity providers. Internal to admin/. */
#ifndef ADMIN_ADMIN_PROVIDERS_H
#define ADMIN_ADMIN_PROVIDERS_H

#include "admin/admin_call.h"

/* {"providers": [{"name", "preset", "check", "domains", "issuers", "clients", "audiences", "shown"}, …]}: those in use
 * now */
void admin_providers_list(struct admin_call *call);
/* Asks one provider everything (token/provider_test.h): {"provider": "…", "findings": […]}. */
void admin_providers_test(struct admin_call *call);

#endif
