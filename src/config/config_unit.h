/* config_unit.h - durations as people write them, and how many processors there are. Internal to config/. */
#ifndef CONFIG_CONFIG_UNIT_H
#define CONFIG_CONFIG_UNIT_H

#include "base/buffer.h"

#include <stdint.h>

/* 500ms, 8s, 10m, 1h; a bare 0. false: it is none of them. */
bool config_unit_duration(struct span text, int64_t *ms);
/* The largest unit that says `ms` without a fraction. */
void config_unit_print(int64_t ms, struct buffer *text);
/* One less than the processors this process may use, and at least 0. */
int64_t config_unit_spare_processors(void);

#endif
