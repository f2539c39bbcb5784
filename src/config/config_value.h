/* config_value.h - the value of one setting: text to field and back, by its type. Internal to config/. */
#ifndef CONFIG_CONFIG_VALUE_H
#define CONFIG_CONFIG_VALUE_H

#include "config/config_table.h"

/* Reads `text` into the field that `setting` has in `base`, in place of what was there; a list gets one
 * more item. The error says what is wrong and what to write instead; the caller names the setting. No
 * URL is repeated in it. */
bool config_value_read(const struct config_table_setting *setting, struct span text, void *base,
                       struct error *error);
/* Likewise from one text for everything: a list's items are separated by blanks or commas, and it replaces
 * what was there. For defaults and the environment. */
bool config_value_read_all(const struct config_table_setting *setting, struct span text, void *base,
                           struct error *error);
/* Frees what the field holds. */
void config_value_clear(const struct config_table_setting *setting, void *base);
void config_value_swap(const struct config_table_setting *setting, void *one, void *other);
/* As postern.conf says it: 'value', or {'a', 'b'}. */
void config_value_print(const struct config_table_setting *setting, const void *base,
                        struct buffer *text);

#endif
