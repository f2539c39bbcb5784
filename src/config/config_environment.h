/* config_environment.h - settings from environment variables: ours, and docker-mailserver's. Internal to config/.
 *
 * POSTERN_<SECTION>_<NAME>, or POSTERN_<NAME> outside any section, stands over the file. Those of a
 * provider speak of the only one, and make one named "default" when there is none. docker-mailserver's
 * OAUTH2_INTROSPECTION_URL makes that provider with docker-mailserver's own trust. */
#ifndef CONFIG_CONFIG_ENVIRONMENT_H
#define CONFIG_CONFIG_ENVIRONMENT_H

#include "config/config_draft.h"

bool config_environment_apply(struct config_draft *draft, const char *const *env,
                              struct error *error);

#endif
