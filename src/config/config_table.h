/* config_table.h - every setting once: name, type, default, limits, help, and where it is kept. Internal to config/. */
#ifndef CONFIG_CONFIG_TABLE_H
#define CONFIG_CONFIG_TABLE_H

#include "base/arena.h"
#include "config/config.h"

enum config_table_type {
    /* UTF-8 without control characters; char *, NULL when empty, as the next three */
    CONFIG_TABLE_TEXT,
    CONFIG_TABLE_PATH,   /* an absolute path */
    CONFIG_TABLE_DOMAIN, /* a mail domain, kept in normal form */
    CONFIG_TABLE_URL,    /* http or https; may hold a secret */
    CONFIG_TABLE_SECRET, /* a text that may have several lines; wiped when it goes */
    /* The path of a file whose first line is the secret `choices` of the same section; of a key file it is all of
     * it. Read once, when the draft is finished, and not printed: the secret is. */
    CONFIG_TABLE_SECRET_FILE,
    CONFIG_TABLE_PUBLIC_FILE, /* all of it, and everybody may read it: a certificate */
    CONFIG_TABLE_KEY_FILE,
    CONFIG_TABLE_LIST,    /* texts; char **, NULL-terminated, NULL when empty, as the next two */
    CONFIG_TABLE_DOMAINS, /* mail domains */
    CONFIG_TABLE_URLS,
    CONFIG_TABLE_FLAG,     /* yes, no; bool */
    CONFIG_TABLE_CHOICE,   /* one of `choices`; an enum with the same order */
    CONFIG_TABLE_NUMBER,   /* int64_t */
    CONFIG_TABLE_COUNT,    /* size_t */
    CONFIG_TABLE_THREADS,  /* unsigned */
    CONFIG_TABLE_DURATION, /* 500ms, 8s, 10m, 1h; int64_t of milliseconds */
    CONFIG_TABLE_SECONDS,  /* likewise, in whole seconds; int64_t of seconds */
    CONFIG_TABLE_SIZE,     /* 500K, 50M, 1G; none is 0; int64_t of bytes */
    CONFIG_TABLE_MEMORY,   /* likewise; size_t */
    CONFIG_TABLE_BYTE,     /* one printable ASCII character, or empty; char */
    CONFIG_TABLE_USER,     /* a name or a number; struct config_id */
    CONFIG_TABLE_GROUP,
};

struct config_table_setting {
    /* "" : outside any section; "provider" may be there several times, each with one "provider.introspection" */
    const char *section;
    const char *name;
    enum config_table_type type;
    const char *value; /* the default, as it would be written; lists: separated by blanks */
    size_t offset;     /* in struct config; in struct config_table_provider for providers */
    int64_t min,
        max; /* of numbers, durations, sizes; texts: max is the length, 0: CONFIG_TABLE_TEXT_MAX */
    /* "a|b|c"; texts and lists may have them too. Threads: "auto", one less than there are processors */
    const char *choices;
    const char *help;
    bool restart; /* a running daemon cannot take over a new value */
};

#define CONFIG_TABLE_PRESETS "authentik|authelia|entra|google|kanidm|keycloak|zitadel"

enum { CONFIG_TABLE_TEXT_MAX = 1023, CONFIG_TABLE_LIST_MAX = 1000, CONFIG_TABLE_MAX = 160 };

/* A provider while it is read. */
struct config_table_provider {
    struct provider provider;
    char *tenant;
    char *userinfo_file, *secret_file, *key_file;
    char *place;        /* "postern.conf:12", for messages; may be NULL */
    bool introspection; /* the section stands there */
    bool warned;        /* what it leaves open is said already */
    /* By index in the table: somebody says it, so no preset does. */
    bool given[CONFIG_TABLE_MAX];
};

extern const struct config_table_setting config_table[];
extern const size_t config_table_count;

bool config_table_is_provider(
    const struct config_table_setting *setting);                       /* or of a section in it */
bool config_table_is_text(const struct config_table_setting *setting); /* one char * */
bool config_table_is_list(const struct config_table_setting *setting);
bool config_table_is_file(
    const struct config_table_setting *setting); /* that holds a secret, or a certificate */
const struct config_table_setting *config_table_find(const char *section,
                                                     const char *name); /* NULL: none */
/* "login.deadline", or "user" outside any section. Lives as long as the arena. */
const char *config_table_name(const struct config_table_setting *setting, struct arena *arena);
const char *config_table_type_name(const struct config_table_setting *setting);

#endif
