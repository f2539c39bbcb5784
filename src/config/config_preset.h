/* config_preset.h - what is known of a product, so that its block stays small. Internal to config/.
 *
 * A preset is a list of settings that act as defaults of the block that names it, and a few that follow from others of
 * that block (Entra ID's issuers from its tenant). docs/providers.md explains each. */
#ifndef CONFIG_CONFIG_PRESET_H
#define CONFIG_CONFIG_PRESET_H

#include "config/config_table.h"

/* Fills in what the block left open. false: the block lacks what its preset needs, or says two things that do not go
 * together. Once: to do it again to what it filled in would be an error. */
bool config_preset_apply(struct config_table_provider *provider, struct error *error);

#endif
