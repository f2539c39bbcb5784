/* config_secret.h - secrets that lie in files of their own, and who may read them. Internal to config/. */
#ifndef CONFIG_CONFIG_SECRET_H
#define CONFIG_CONFIG_SECRET_H

#include "config/config_table.h"

struct stat;
/* Whether a file with settings may be believed: a plain file of root's (or of whoever runs this) that not
 * everybody can change. After a start the parent could read no other: SIGHUP would refuse it. */
bool config_secret_may_trust(const char *path, const struct stat *status, struct error *error);
/* Fills each secret of `section` whose file `base` names; such a file must not be readable by everybody. A secret
 * that is given twice is an error. */
bool config_secret_read(const char *section, void *base, struct error *error);

#endif
