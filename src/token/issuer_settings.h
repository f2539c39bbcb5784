/* issuer_settings.h - an issuer's settings: kept as a copy, and compared with those of a reload. */
#ifndef TOKEN_ISSUER_SETTINGS_H
#define TOKEN_ISSUER_SETTINGS_H

#include "token/issuer.h"

enum { ISSUER_SETTINGS_TEXTS = 5 };

struct issuer_settings_copy {
    struct issuer_settings settings; /* defaults filled in; views of the texts */
    char *texts[ISSUER_SETTINGS_TEXTS];
};

void issuer_settings_copy(struct issuer_settings_copy *copy,
                          const struct issuer_settings *settings);
void issuer_settings_done(struct issuer_settings_copy *copy);
bool issuer_settings_same(const struct issuer_settings_copy *copy,
                          const struct issuer_settings *settings);

#endif
