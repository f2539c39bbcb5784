/* config_provider.h - one provider's block, from what was written to what is meant. Internal to config/. */
#ifndef CONFIG_CONFIG_PROVIDER_H
#define CONFIG_CONFIG_PROVIDER_H

#include "config/config_draft.h"

/* Preset, secret files, what follows from the rest, warnings. What belongs together across providers is
 * provider_set_check()'s to say. */
bool config_provider_finish(struct config_draft *draft, struct config_table_provider *provider,
                            struct error *error);

#endif
