/* config_check.h - what belongs together in a configuration, beyond each setting's own limits. Internal to config/. */
#ifndef CONFIG_CONFIG_CHECK_H
#define CONFIG_CONFIG_CHECK_H

#include "config/config.h"

bool config_check(const struct config *config, struct error *error);

#endif
