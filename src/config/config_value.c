/* config_value.c - the value of one setting: text to field and back, by its type. */
#include "config/config_value.h"

#include "account/account.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"
#include "config/config_unit.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

enum { ID_MAX = 0x7ffffffe };

static char **text_at(const struct config_table_setting *setting, void *base)
{
    return (char **)((char *)base + setting->offset);
}

static char ***list_at(const struct config_table_setting *setting, void *base)
{
    return (char ***)((char *)base + setting->offset);
}

static struct config_id *id_at(const struct config_table_setting *setting, void *base)
{
    return (struct config_id *)((char *)base + setting->offset);
}

static char *text_of(struct span text)
{
    char *copy = memory_new(text.length + 1, 1);
    if (text.length > 0) {
        memcpy(copy, text.at, text.length);
    }
    return copy;
}

/* ---- numbers: what a bounded field holds ---- */

static void number_set(const struct config_table_setting *setting, void *base, int64_t number)
{
    void *field = (char *)base + setting->offset;
    if (setting->type == CONFIG_TABLE_COUNT || setting->type == CONFIG_TABLE_MEMORY) {
        *(size_t *)field = (size_t)number;
    } else if (setting->type == CONFIG_TABLE_THREADS) {
        *(unsigned *)field = (unsigned)number;
    } else {
        *(int64_t *)field = number;
    }
}

static int64_t number_get(const struct config_table_setting *setting, const void *base)
{
    const void *field = (const char *)base + setting->offset;
    if (setting->type == CONFIG_TABLE_COUNT || setting->type == CONFIG_TABLE_MEMORY) {
        return (int64_t) * (const size_t *)field;
    }
    if (setting->type == CONFIG_TABLE_THREADS) {
        return (int64_t) * (const unsigned *)field;
    }
    return *(const int64_t *)field;
}

static bool number_read(const struct config_table_setting *setting, struct span text, void *base,
                        struct error *error)
{
    uint64_t number;
    bool spare = setting->type == CONFIG_TABLE_THREADS && setting->choices != NULL;
    if (spare && span_is(text, setting->choices)) {
        int64_t threads = config_unit_spare_processors();
        number_set(setting, base, threads < setting->max ? threads : setting->max);
        return true;
    }
    if (!span_number(text, INT64_MAX, &number) || (int64_t)number < setting->min ||
        (int64_t)number > setting->max) {
        return error_set(error, "\"%.*s\" is not a number from %lld to %lld", (int)text.length,
                         text.at, (long long)setting->min, (long long)setting->max);
    }
    number_set(setting, base, (int64_t)number);
    return true;
}

static bool duration_read(const struct config_table_setting *setting, struct span text, void *base,
                          struct error *error)
{
    int64_t ms;
    bool seconds = setting->type == CONFIG_TABLE_SECONDS;
    if (!config_unit_duration(text, &ms) || (seconds && ms % 1000 != 0)) {
        return error_set(error, "\"%.*s\" is not a duration; write it like %s8s, 10m, 1h or 30d",
                         (int)text.length, text.at, seconds ? "" : "500ms, ");
    }
    if (ms < setting->min || ms > setting->max) {
        CLEANUP(buffer_done) struct buffer from = buffer_limited(32), to = buffer_limited(32);
        config_unit_print(setting->min, &from);
        config_unit_print(setting->max, &to);
        return error_set(error, "%.*s is out of range; write %.*s to %.*s", (int)text.length,
                         text.at, (int)from.length, from.at, (int)to.length, to.at);
    }
    number_set(setting, base, seconds ? ms / 1000 : ms);
    return true;
}

static bool size_read(const struct config_table_setting *setting, struct span text, void *base,
                      struct error *error)
{
    int64_t bytes;
    if (!account_quota_parse(text, &bytes) || bytes < 0) {
        return error_set(error, "\"%.*s\" is not a size; write it like 500M, 5G or none",
                         (int)text.length, text.at);
    }
    if (bytes < setting->min || bytes > setting->max) {
        return error_set(error, "%.*s is out of range; write %lld to %lld (bytes)",
                         (int)text.length, text.at, (long long)setting->min,
                         (long long)setting->max);
    }
    number_set(setting, base, bytes);
    return true;
}

/* ---- words ---- */

static bool flag_read(const struct config_table_setting *setting, struct span text, void *base,
                      struct error *error)
{
    bool yes = span_is_fold(text, "yes") || span_is_fold(text, "true") || span_is(text, "1");
    bool no = span_is_fold(text, "no") || span_is_fold(text, "false") || span_is(text, "0");
    if (!yes && !no) {
        return error_set(error, "\"%.*s\" is neither yes nor no", (int)text.length, text.at);
    }
    *(bool *)((char *)base + setting->offset) = yes;
    return true;
}

/* Which of `choices` it is; -1 and an error: none. */
static int choice_find(const char *choices, struct span text, struct error *error)
{
    struct span rest = span_of(choices), choice;
    for (int index = 0; span_cut(&rest, '|', &choice); index++) {
        if (span_equal(choice, text)) {
            return index;
        }
    }
    error_set(error, "\"%.*s\" is not one of %s", (int)text.length, text.at, choices);
    return -1;
}

static bool choice_read(const struct config_table_setting *setting, struct span text, void *base,
                        struct error *error)
{
    int index = choice_find(setting->choices, text, error);
    if (index >= 0) {
        *(int *)((char *)base + setting->offset) = index;
    }
    return index >= 0;
}

static void choice_print(const struct config_table_setting *setting, const void *base,
                         struct buffer *text)
{
    int chosen = *(const int *)((const char *)base + setting->offset);
    struct span rest = span_of(setting->choices), choice;
    for (int index = 0; span_cut(&rest, '|', &choice); index++) {
        if (index == chosen) {
            buffer_add(text, choice);
        }
    }
}

static bool byte_read(const struct config_table_setting *setting, struct span text, void *base,
                      struct error *error)
{
    if (text.length > 1 || (text.length == 1 && !text_printable_ascii(text))) {
        return error_set(error, "\"%.*s\" is not one character like +", (int)text.length, text.at);
    }
    *((char *)base + setting->offset) = (char)(text.length == 1 ? text.at[0] : '\0');
    return true;
}

/* ---- users and groups ---- */

static int64_t id_look_up(enum config_table_type type, const char *name)
{
    if (type == CONFIG_TABLE_GROUP) {
        const struct group *group = getgrnam(name);
        return group == NULL ? -1 : (int64_t)group->gr_gid;
    }
    const struct passwd *user = getpwnam(name);
    return user == NULL ? -1 : (int64_t)user->pw_uid;
}

static bool id_read(const struct config_table_setting *setting, struct span text, void *base,
                    struct error *error)
{
    uint64_t number = 0;
    bool numeric = span_number(text, ID_MAX, &number);
    int first = span_at(text, 0);
    if (!numeric && first >= '0' && first <= '9') {
        return error_set(error, "\"%.*s\" is neither a name nor a number up to %d",
                         (int)text.length, text.at, ID_MAX);
    }
    config_value_clear(setting, base);
    struct config_id *id = id_at(setting, base);
    id->number = -1;
    if (!span_empty(text)) {
        id->name = text_of(text);
        id->number = numeric ? (int64_t)number : id_look_up(setting->type, id->name);
    }
    return true;
}

/* ---- texts ---- */

static bool text_allowed(const struct config_table_setting *setting, struct span text,
                         struct error *error)
{
    if (!text_utf8(text)) {
        return error_set(error, "the value is not UTF-8");
    }
    bool lines = setting->type == CONFIG_TABLE_SECRET;
    for (size_t i = 0; i < text.length; i++) {
        bool control = (unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f;
        if (control && !(lines && (text.at[i] == '\n' || text.at[i] == '\r'))) {
            return error_set(error, "the value has a control character in it");
        }
    }
    return true;
}

static bool path_allowed(struct span text, struct error *error)
{
    bool dots = span_search(text, SPAN_LITERAL("/../")) < text.length || span_ends(text, "/..");
    if (!span_starts(text, "/") || dots) {
        return error_set(error, "\"%.*s\" is not an absolute path; begin it with / and use no ..",
                         (int)text.length, text.at);
    }
    return true;
}

static bool url_allowed(struct span text, struct error *error)
{
    if (!span_starts_fold(text, "https://") && !span_starts_fold(text, "http://")) {
        return error_set(error, "it does not begin with https:// (or http://)");
    }
    if (!text_printable_ascii(text)) {
        return error_set(error, "it has a blank, a control character or a byte beyond ASCII in it");
    }
    return true;
}

/* A new text for the field, or NULL and an error. Not for the empty text. */
static char *text_new(const struct config_table_setting *setting, struct span text,
                      struct error *error)
{
    char domain[ADDRESS_DOMAIN_MAX + 1];
    bool is_domain = setting->type == CONFIG_TABLE_DOMAIN || setting->type == CONFIG_TABLE_DOMAINS;
    if (is_domain) {
        return address_parse_domain(text, domain, error) ? memory_text(domain) : NULL;
    }
    bool is_path = setting->type == CONFIG_TABLE_PATH || config_table_is_file(setting);
    bool is_url = setting->type == CONFIG_TABLE_URL || setting->type == CONFIG_TABLE_URLS;
    bool chosen = setting->choices != NULL && !config_table_is_file(setting);
    bool good = (!is_path || path_allowed(text, error)) && (!is_url || url_allowed(text, error)) &&
                (!chosen || choice_find(setting->choices, text, error) >= 0);
    return good ? text_of(text) : NULL;
}

static bool text_read(const struct config_table_setting *setting, struct span text, void *base,
                      struct error *error)
{
    char *value = NULL;
    if (!span_empty(text)) {
        value = text_new(setting, text, error);
        if (value == NULL) {
            return false;
        }
    }
    config_value_clear(setting, base);
    *text_at(setting, base) = value;
    return true;
}

static bool list_add(const struct config_table_setting *setting, struct span text, void *base,
                     struct error *error)
{
    if (span_empty(text)) {
        return error_set(error, "an item of the list is empty");
    }
    char *item = text_new(setting, text, error);
    if (item == NULL) {
        return false;
    }
    char ***list = list_at(setting, base);
    size_t count = 0;
    while (*list != NULL && (*list)[count] != NULL) {
        count++;
    }
    if (count == CONFIG_TABLE_LIST_MAX) {
        memory_free(item);
        return error_set(error, "the list has more than %d items", CONFIG_TABLE_LIST_MAX);
    }
    *list = memory_resize(*list, (count + 2) * sizeof(char *));
    (*list)[count] = item;
    (*list)[count + 1] = NULL;
    return true;
}

/* ---- every type ---- */

static bool length_allowed(const struct config_table_setting *setting, struct span text,
                           struct error *error)
{
    bool texts = config_table_is_text(setting) || config_table_is_list(setting);
    bool own = texts && setting->max > 0;
    int64_t max = own ? setting->max : CONFIG_TABLE_TEXT_MAX;
    if ((int64_t)text.length > max) {
        return error_set(error, "the value has %zu characters; %lld is the limit", text.length,
                         (long long)max);
    }
    return true;
}

bool config_value_read(const struct config_table_setting *setting, struct span text, void *base,
                       struct error *error)
{
    if (!length_allowed(setting, text, error) || !text_allowed(setting, text, error)) {
        return false;
    }
    switch (setting->type) {
    case CONFIG_TABLE_TEXT:
    case CONFIG_TABLE_PATH:
    case CONFIG_TABLE_DOMAIN:
    case CONFIG_TABLE_URL:
    case CONFIG_TABLE_SECRET:
    case CONFIG_TABLE_SECRET_FILE:
    case CONFIG_TABLE_PUBLIC_FILE:
    case CONFIG_TABLE_KEY_FILE:
        return text_read(setting, text, base, error);
    case CONFIG_TABLE_LIST:
    case CONFIG_TABLE_DOMAINS:
    case CONFIG_TABLE_URLS:
        return list_add(setting, text, base, error);
    case CONFIG_TABLE_FLAG:
        return flag_read(setting, text, base, error);
    case CONFIG_TABLE_CHOICE:
        return choice_read(setting, text, base, error);
    case CONFIG_TABLE_NUMBER:
    case CONFIG_TABLE_COUNT:
    case CONFIG_TABLE_THREADS:
        return number_read(setting, text, base, error);
    case CONFIG_TABLE_DURATION:
    case CONFIG_TABLE_SECONDS:
        return duration_read(setting, text, base, error);
    case CONFIG_TABLE_SIZE:
    case CONFIG_TABLE_MEMORY:
        return size_read(setting, text, base, error);
    case CONFIG_TABLE_BYTE:
        return byte_read(setting, text, base, error);
    case CONFIG_TABLE_USER:
    case CONFIG_TABLE_GROUP:
        return id_read(setting, text, base, error);
    }
    return error_set(error, "no such type");
}

bool config_value_read_all(const struct config_table_setting *setting, struct span text, void *base,
                           struct error *error)
{
    if (!config_table_is_list(setting)) {
        return config_value_read(setting, text, base, error);
    }
    config_value_clear(setting, base);
    size_t from = 0;
    for (size_t i = 0; i <= text.length; i++) {
        int byte = span_at(text, i);
        if (byte != ' ' && byte != ',' && byte != '\t' && byte != -1) {
            continue;
        }
        struct span item = span_first(span_from(text, from), i - from);
        if (!span_empty(item) && !config_value_read(setting, item, base, error)) {
            return false;
        }
        from = i + 1;
    }
    return true;
}

void config_value_clear(const struct config_table_setting *setting, void *base)
{
    enum config_table_type type = setting->type;
    if (config_table_is_list(setting)) {
        char ***list = list_at(setting, base);
        for (size_t i = 0; *list != NULL && (*list)[i] != NULL; i++) {
            memory_free((*list)[i]);
        }
        memory_free(*list);
        *list = NULL;
    } else if (type == CONFIG_TABLE_USER || type == CONFIG_TABLE_GROUP) {
        memory_free(id_at(setting, base)->name);
        *id_at(setting, base) = (struct config_id){NULL, -1};
    } else if (config_table_is_text(setting)) {
        bool secret = type == CONFIG_TABLE_SECRET || type == CONFIG_TABLE_URL;
        if (secret && *text_at(setting, base) != NULL) {
            secret_wipe(*text_at(setting, base), strlen(*text_at(setting, base)));
        }
        memory_free(*text_at(setting, base));
        *text_at(setting, base) = NULL;
    }
}

static size_t size_of(enum config_table_type type)
{
    switch (type) {
    case CONFIG_TABLE_TEXT:
    case CONFIG_TABLE_PATH:
    case CONFIG_TABLE_DOMAIN:
    case CONFIG_TABLE_URL:
    case CONFIG_TABLE_SECRET:
    case CONFIG_TABLE_SECRET_FILE:
    case CONFIG_TABLE_PUBLIC_FILE:
    case CONFIG_TABLE_KEY_FILE:
        return sizeof(char *);
    case CONFIG_TABLE_LIST:
    case CONFIG_TABLE_DOMAINS:
    case CONFIG_TABLE_URLS:
        return sizeof(char **);
    case CONFIG_TABLE_FLAG:
        return sizeof(bool);
    case CONFIG_TABLE_CHOICE:
        return sizeof(int);
    case CONFIG_TABLE_NUMBER:
    case CONFIG_TABLE_DURATION:
    case CONFIG_TABLE_SECONDS:
    case CONFIG_TABLE_SIZE:
        return sizeof(int64_t);
    case CONFIG_TABLE_COUNT:
    case CONFIG_TABLE_MEMORY:
        return sizeof(size_t);
    case CONFIG_TABLE_THREADS:
        return sizeof(unsigned);
    case CONFIG_TABLE_BYTE:
        return sizeof(char);
    case CONFIG_TABLE_USER:
    case CONFIG_TABLE_GROUP:
        return sizeof(struct config_id);
    }
    return 0;
}

void config_value_swap(const struct config_table_setting *setting, void *one, void *other)
{
    char kept[sizeof(struct config_id)];
    size_t size = size_of(setting->type);
    memcpy(kept, (char *)one + setting->offset, size);
    memcpy((char *)one + setting->offset, (char *)other + setting->offset, size);
    memcpy((char *)other + setting->offset, kept, size);
}

/* ---- printing ---- */

/* Inside single quotes only the backslash and the quote are special. */
static void quote(const char *value, struct buffer *text)
{
    buffer_add_byte(text, '\'');
    for (size_t i = 0; value != NULL && value[i] != '\0'; i++) {
        if (value[i] == '\'' || value[i] == '\\') {
            buffer_add_byte(text, '\\');
        }
        buffer_add_byte(text, value[i]);
    }
    buffer_add_byte(text, '\'');
}

static void list_print(char *const *list, struct buffer *text)
{
    buffer_add_byte(text, '{');
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        buffer_add_text(text, i == 0 ? "" : ", ");
        quote(list[i], text);
    }
    buffer_add_byte(text, '}');
}

static void id_print(const struct config_id *id, struct buffer *text)
{
    if (id->number < 0) {
        quote(id->name, text);
    } else {
        buffer_add_number(text, id->number);
    }
}

void config_value_print(const struct config_table_setting *setting, const void *base,
                        struct buffer *text)
{
    const void *field = (const char *)base + setting->offset;
    char byte[2] = "";
    switch (setting->type) {
    case CONFIG_TABLE_TEXT:
    case CONFIG_TABLE_PATH:
    case CONFIG_TABLE_DOMAIN:
    case CONFIG_TABLE_URL:
    case CONFIG_TABLE_SECRET:
    case CONFIG_TABLE_SECRET_FILE:
    case CONFIG_TABLE_PUBLIC_FILE:
    case CONFIG_TABLE_KEY_FILE:
        quote(*(char *const *)field, text);
        return;
    case CONFIG_TABLE_LIST:
    case CONFIG_TABLE_DOMAINS:
    case CONFIG_TABLE_URLS:
        list_print(*(char *const *const *)field, text);
        return;
    case CONFIG_TABLE_FLAG:
        buffer_add_text(text, *(const bool *)field ? "yes" : "no");
        return;
    case CONFIG_TABLE_CHOICE:
        choice_print(setting, base, text);
        return;
    case CONFIG_TABLE_NUMBER:
    case CONFIG_TABLE_COUNT:
    case CONFIG_TABLE_THREADS:
    case CONFIG_TABLE_SIZE:
    case CONFIG_TABLE_MEMORY:
        buffer_add_number(text, number_get(setting, base));
        return;
    case CONFIG_TABLE_DURATION:
        config_unit_print(number_get(setting, base), text);
        return;
    case CONFIG_TABLE_SECONDS:
        config_unit_print(number_get(setting, base) * 1000, text);
        return;
    case CONFIG_TABLE_BYTE:
        byte[0] = *(const char *)field;
        quote(byte, text);
        return;
    case CONFIG_TABLE_USER:
    case CONFIG_TABLE_GROUP:
        id_print((const struct config_id *)field, text);
        return;
    }
}
