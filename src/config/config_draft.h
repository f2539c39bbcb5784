/* config_draft.h - a configuration while it is read: from defaults to checked. Internal to config/. */
#ifndef CONFIG_CONFIG_DRAFT_H
#define CONFIG_CONFIG_DRAFT_H

#include "config/config_table.h"

enum { CONFIG_DRAFT_WARNINGS_MAX = 32 };

struct config_draft {
    struct config config;
    struct config_table_provider providers[CONFIG_PROVIDERS_MAX];
    size_t count;
    size_t warnings;
    bool complete;    /* from config_print(): nothing is to be added, no file to be read */
    bool others_read; /* everybody may read one of the files: then no secret may stand in it */
};

/* A draft with all defaults, on the heap. `path` is for messages. */
struct config_draft *config_draft_new(const char *path);
void config_draft_free(struct config_draft *draft);

/* A new provider with all defaults; NULL and an error when the name is no good or taken. */
struct config_table_provider *config_draft_provider(struct config_draft *draft, struct span name,
                                                    struct error *error);
/* Somebody says this setting of it: a preset does not. */
void config_draft_give(struct config_table_provider *provider,
                       const struct config_table_setting *setting);
/* Something to be said at every start; beyond the limit it is left out. */
void config_draft_warn(struct config_draft *draft, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reads secret files, completes what follows from the rest, checks what belongs together (config_check.h) and
 * moves it all to `config`. The draft is only good for freeing then. */
bool config_draft_finish(struct config_draft *draft, struct config *config, struct error *error);

#endif
