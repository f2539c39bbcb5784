/* provider_check.h - whether the settings of one provider make sense together; provider.c checks the set. */
#ifndef TOKEN_PROVIDER_CHECK_H
#define TOKEN_PROVIDER_CHECK_H

#include "token/provider.h"

/* The error says what to change. */
bool provider_check_settings(const struct provider *provider, struct error *error);

#endif
