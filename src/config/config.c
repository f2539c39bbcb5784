/* config.c - postern.conf and the environment, turned into every module's settings. */
#include "config/config.h"

#include "base/arena.h"
#include "base/memory.h"
#include "base/secret.h"
#include "config/config_comment.h"
#include "config/config_draft.h"
#include "config/config_environment.h"
#include "config/config_secret.h"
#include "config/config_table.h"
#include "config/config_value.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTIONS_MAX = 16, INCLUDES_MAX = 8 };

/* The section inside `provider`. */
#define NESTED "introspection"

/* libconfuse takes the end of a file for the end of every section and comment. A call that we put
 * behind the text shows that everything was closed. */
#define LAST_CALL "postern_end_of_file"

/* libconfuse calls back without a context. Only one configuration is read at a time. */
static struct {
    struct config_draft *draft;
    const cfg_t *top; /* knows the name of the file, also of an included one; sections do not */
    struct error *error;
    /* Where the first setting of a provider's block stands; libconfuse keeps the block's end. */
    struct {
        const char *title;
        int line;
    } blocks[CONFIG_PROVIDERS_MAX];
    size_t block_count, depth;
    bool failed, ended;
} reading;

/* ---- libconfuse's side: one array of options for each section, from the table ---- */

/* Keeps the first complaint: "postern.conf:12: what is wrong". */
__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *format,
                                                           va_list arguments)
{
    char text[ERROR_MAX];
    if (reading.failed) {
        return;
    }
    vsnprintf(text, sizeof(text), format, arguments);
    reading.failed = true;
    error_set(reading.error, "%s:%d: %s", reading.top->filename, cfg->line, text);
    if (strstr(text, LAST_CALL) != NULL) {
        error_set(reading.error, "%s: a section is not closed; write } at its end",
                  reading.top->filename);
    } else if (span_starts(span_of(text), "no such option")) {
        size_t used = strlen(reading.error->text);
        snprintf(reading.error->text + used, ERROR_MAX - used,
                 "; `posternd --settings` lists all there are");
    }
}

static void note_block(cfg_t *cfg)
{
    const char *title = cfg_title(cfg);
    size_t count = reading.block_count;
    bool known = count > 0 && reading.blocks[count - 1].title == title;
    if (title != NULL && !known && count < CONFIG_PROVIDERS_MAX) {
        reading.blocks[count].title = title;
        reading.blocks[count].line = cfg->line;
        reading.block_count++;
    }
}

static int line_of(cfg_t *section)
{
    for (size_t i = 0; i < reading.block_count; i++) {
        if (reading.blocks[i].title == cfg_title(section)) {
            return reading.blocks[i].line;
        }
    }
    return section->line;
}

/* As the table names it. */
static const char *section_name(cfg_t *cfg)
{
    const char *name = cfg_name(cfg);
    if (strcmp(name, NESTED) == 0) {
        return "provider." NESTED;
    }
    return strcmp(name, "root") == 0 ? "" : name;
}

/* Reads the values of one option to see whether they are good, while the line is known. */
static int on_value(cfg_t *cfg, cfg_opt_t *option)
{
    const char *section = section_name(cfg);
    note_block(cfg);
    const struct config_table_setting *setting = config_table_find(section, cfg_opt_name(option));
    assert(setting != NULL);
    size_t size = config_table_is_provider(setting) ? sizeof(struct config_table_provider)
                                                    : sizeof(struct config);
    void *scratch = memory_new(1, size);
    struct error error;
    bool good = true;
    for (unsigned i = 0; good && i < cfg_opt_size(option); i++) {
        good = config_value_read(setting, span_of(cfg_opt_getnstr(option, i)), scratch, &error);
    }
    config_value_clear(setting, scratch);
    memory_free(scratch);
    if (!good) {
        cfg_error(cfg, "%s%s%s: %s", section, section[0] == '\0' ? "" : ".", setting->name,
                  error.text);
    }
    return good ? 0 : -1;
}

static bool file_read(struct config_draft *draft, const char *path, struct buffer *text,
                      struct error *error);
static bool text_parse(cfg_t *cfg, struct span text);

/* A line `include("/etc/postern/secret.conf")`. Not libconfuse's own, which reads comments (config_comment.h). */
static int on_include(cfg_t *cfg, cfg_opt_t *option, int count, const char **names)
{
    (void)option;
    if (count != 1 || names[0][0] != '/') {
        cfg_error(cfg, "include takes one absolute path");
        return -1;
    }
    struct error error;
    CLEANUP(buffer_wipe) struct buffer text = buffer_limited(CONFIG_TEXT_MAX);
    if (reading.depth == INCLUDES_MAX) {
        cfg_error(cfg, "files include one another more than %d deep", INCLUDES_MAX);
        return -1;
    }
    if (!file_read(reading.draft, names[0], &text, &error)) {
        cfg_error(cfg, "%s", error.text);
        return -1;
    }
    char *outer = cfg->filename;
    int line = cfg->line;
    cfg->filename = strdup(names[0]);
    reading.depth++;
    bool good = text_parse(cfg, buffer_span(&text));
    reading.depth--;
    reading.ended = false;
    free(cfg->filename);
    cfg->filename = outer;
    cfg->line = line;
    return good ? 0 : -1;
}

static int on_last_call(cfg_t *cfg, cfg_opt_t *option, int count, const char **arguments)
{
    (void)cfg, (void)option, (void)count, (void)arguments;
    reading.ended = true;
    return 0;
}

static cfg_opt_t *options_of(const char *section, const cfg_opt_t *sections, size_t section_count,
                             bool top)
{
    cfg_opt_t *options = memory_new(config_table_count + section_count + 3, sizeof(cfg_opt_t));
    size_t count = 0;
    for (size_t i = 0; i < config_table_count; i++) {
        const struct config_table_setting *setting = &config_table[i];
        if (strcmp(setting->section, section) != 0) {
            continue;
        }
        options[count] = config_table_is_list(setting)
                             ? (cfg_opt_t)CFG_STR_LIST(setting->name, NULL, CFGF_NODEFAULT)
                             : (cfg_opt_t)CFG_STR(setting->name, NULL, CFGF_NODEFAULT);
        options[count++].validcb = on_value;
    }
    for (size_t i = 0; i < section_count; i++) {
        options[count++] = sections[i];
    }
    if (top) {
        options[count++] = (cfg_opt_t)CFG_FUNC("include", on_include);
        options[count++] = (cfg_opt_t)CFG_FUNC(LAST_CALL, on_last_call);
    }
    options[count] = (cfg_opt_t)CFG_END();
    return options;
}

static cfg_t *parser_new(void)
{
    cfg_opt_t sections[SECTIONS_MAX] = {0};
    cfg_opt_t nested =
        CFG_SEC(NESTED, options_of("provider." NESTED, NULL, 0, false), CFGF_NODEFAULT);
    size_t count = 0;
    const char *last = "";
    for (size_t i = 0; i < config_table_count; i++) {
        const char *section = config_table[i].section;
        if (strcmp(section, last) == 0 || strchr(section, '.') != NULL) {
            continue;
        }
        assert(count < SECTIONS_MAX);
        bool provider = config_table_is_provider(&config_table[i]);
        int flags = provider ? CFGF_TITLE | CFGF_MULTI | CFGF_NO_TITLE_DUPES : CFGF_NONE;
        sections[count++] = (cfg_opt_t)CFG_SEC(
            section, options_of(section, &nested, provider ? 1 : 0, false), flags);
        last = section;
    }
    cfg_opt_t *options = options_of("", sections, count, true);
    cfg_t *cfg = cfg_init(options, CFGF_NONE); /* copies all of them */
    if (cfg == NULL) {
        abort();
    }
    cfg_set_error_function(cfg, on_error);
    for (size_t i = 0; i < count; i++) {
        memory_free(sections[i].subopts);
    }
    memory_free(nested.subopts);
    memory_free(options);
    return cfg;
}

/* ---- from libconfuse to the draft ---- */

static bool take_section(cfg_t *cfg, const char *section, void *base, struct error *error)
{
    for (size_t i = 0; i < config_table_count; i++) {
        const struct config_table_setting *setting = &config_table[i];
        if (strcmp(setting->section, section) != 0) {
            continue;
        }
        cfg_opt_t *option = cfg_getopt(cfg, setting->name);
        unsigned count = cfg_opt_size(option);
        bool given = count > 0 || option->flags & CFGF_MODIFIED;
        if (given) {
            config_value_clear(setting, base);
        }
        if (given && config_table_is_provider(setting)) {
            config_draft_give(base, setting);
        }
        for (unsigned v = 0; v < count; v++) {
            if (!config_value_read(setting, span_of(cfg_opt_getnstr(option, v)), base, error)) {
                return false;
            }
        }
    }
    return true;
}

static bool take_provider(struct config_draft *draft, cfg_t *section, struct error *error)
{
    struct config_table_provider *provider =
        config_draft_provider(draft, span_of(cfg_title(section)), error);
    if (provider == NULL || !take_section(section, "provider", provider, error)) {
        return false;
    }
    CLEANUP(arena_done) struct arena arena = {0};
    provider->place =
        memory_text(arena_format(&arena, "%s:%d", section->filename, line_of(section)));
    provider->introspection = cfg_size(section, NESTED) > 0;
    return !provider->introspection ||
           take_section(cfg_getsec(section, NESTED), "provider." NESTED, provider, error);
}

static bool take_providers(struct config_draft *draft, cfg_t *cfg, struct error *error)
{
    for (unsigned i = 0; i < cfg_size(cfg, "provider"); i++) {
        cfg_t *section = cfg_getnsec(cfg, "provider", i);
        if (!take_provider(draft, section, error)) {
            return error_prefix(error, "%s:%d: ", section->filename, line_of(section));
        }
    }
    return true;
}

static bool take_all(struct config_draft *draft, cfg_t *cfg, struct error *error)
{
    const char *last = "provider";
    for (size_t i = 0; i < config_table_count; i++) {
        const char *section = config_table[i].section;
        if (strcmp(section, last) == 0 || config_table_is_provider(&config_table[i])) {
            continue;
        }
        cfg_t *from = section[0] == '\0' ? cfg : cfg_getsec(cfg, section);
        if (!take_section(from, section, &draft->config, error)) {
            return error_prefix(error, "%s: ", draft->config.path);
        }
        last = section;
    }
    return take_providers(draft, cfg, error);
}

/* One file's text, or an included one's; the error is filled in. */
static bool text_parse(cfg_t *cfg, struct span text)
{
    if (span_has(text, '\0')) {
        reading.failed = true;
        return error_set(reading.error, "%s: there is a NUL byte in it", cfg->filename);
    }
    CLEANUP(buffer_wipe) struct buffer all = buffer_limited(CONFIG_TEXT_MAX + 64);
    buffer_add(&all, text);
    buffer_add_text(&all, "\n");
    config_comment_blank(all.at, all.length);
    buffer_add_text(&all, LAST_CALL "()\n");
    FILE *file = fmemopen(all.at, all.length, "r");
    if (file == NULL) {
        reading.failed = true;
        return error_set(reading.error, "%s: %s", cfg->filename, strerror(errno));
    }
    reading.ended = false;
    bool good = cfg_parse_fp(cfg, file) == CFG_SUCCESS && !reading.failed && reading.ended;
    fclose(file);
    if (!good && !reading.failed) {
        reading.failed = true;
        error_set(reading.error, "%s: it ends in the middle of a comment or a text", cfg->filename);
    }
    return good;
}

static bool parse(struct config_draft *draft, struct span text, struct error *error)
{
    cfg_t *cfg = parser_new();
    cfg->filename = strdup(draft->config.path);
    reading.draft = draft;
    reading.top = cfg;
    reading.error = error;
    reading.failed = false;
    reading.block_count = reading.depth = 0;
    bool good = text_parse(cfg, text) && take_all(draft, cfg, error);
    cfg_free(cfg);
    return good;
}

/* ---- from outside ---- */

static bool file_read(struct config_draft *draft, const char *path, struct buffer *text,
                      struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat status;
    if (fd < 0) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    if (fstat(fd, &status) != 0) {
        close(fd);
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    bool good = config_secret_may_trust(path, &status, error);
    draft->others_read |= good && (status.st_mode & S_IROTH) != 0;
    ssize_t count = good ? 1 : 0;
    while (count > 0 && !buffer_full(text)) {
        char *room = buffer_room(text, 4096);
        count = room == NULL ? 0 : read(fd, room, 4096);
        buffer_took(text, count > 0 ? (size_t)count : 0);
    }
    close(fd);
    if (count < 0) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    if (buffer_full(text)) {
        return error_set(error, "%s is longer than %d bytes", path, CONFIG_TEXT_MAX);
    }
    return good;
}

bool config_load(const char *path, const char *const *env, struct config *config,
                 struct error *error)
{
    *config = (struct config){0};
    struct buffer text = buffer_limited(CONFIG_TEXT_MAX);
    struct config_draft *draft = config_draft_new(path == NULL ? "environment" : path);
    bool good = (path == NULL || file_read(draft, path, &text, error)) &&
                parse(draft, buffer_span(&text), error) &&
                config_environment_apply(draft, env, error) &&
                config_draft_finish(draft, config, error);
    config_draft_free(draft);
    buffer_wipe(&text);
    return good;
}

bool config_read(struct span text, struct config *config, struct error *error)
{
    *config = (struct config){0};
    struct config_draft *draft = config_draft_new("configuration");
    draft->complete = true;
    bool good = parse(draft, text, error) && config_draft_finish(draft, config, error);
    config_draft_free(draft);
    return good;
}

void config_free(struct config *config)
{
    for (size_t i = 0; i < config_table_count; i++) {
        if (!config_table_is_provider(&config_table[i])) {
            config_value_clear(&config_table[i], config);
        }
    }
    for (size_t i = 0; config->warnings != NULL && config->warnings[i] != NULL; i++) {
        memory_free(config->warnings[i]);
    }
    memory_free(config->warnings);
    memory_free(config->path);
    provider_set_free(config->providers);
    *config = (struct config){0};
}

struct provider_set *config_take_providers(struct config *config)
{
    struct provider_set *providers = config->providers;
    config->providers = NULL;
    return providers;
}

/* ---- to text ---- */

static void print_section(const char *section, const void *base, struct buffer *text)
{
    for (size_t i = 0; i < config_table_count; i++) {
        const struct config_table_setting *setting = &config_table[i];
        if (!config_table_is_file(setting) && strcmp(setting->section, section) == 0) {
            buffer_format(text, "%s = ", setting->name);
            config_value_print(setting, base, text);
            buffer_add_byte(text, '\n');
        }
    }
}

void config_print(const struct config *config, struct buffer *text)
{
    const char *last = "provider";
    for (size_t i = 0; i < config_table_count; i++) {
        const char *section = config_table[i].section;
        if (strcmp(section, last) == 0 || config_table_is_provider(&config_table[i])) {
            continue;
        }
        buffer_format(text, "%s%s", section, section[0] == '\0' ? "" : " {\n");
        print_section(section, config, text);
        buffer_add_text(text, section[0] == '\0' ? "" : "}\n");
        last = section;
    }
    for (size_t i = 0; config->providers != NULL && i < config->providers->count; i++) {
        struct config_table_provider provider = {.provider = config->providers->providers[i]};
        buffer_format(text, "provider '%s' {\n", provider.provider.name);
        print_section("provider", &provider, text);
        buffer_add_text(text, NESTED " {\n");
        print_section("provider." NESTED, &provider, text);
        buffer_add_text(text, "}\n}\n");
    }
}

void config_describe(struct buffer *text)
{
    CLEANUP(arena_done) struct arena arena = {0};
    for (size_t i = 0; i < config_table_count; i++) {
        const struct config_table_setting *setting = &config_table[i];
        buffer_format(text, "%s\t%s\t%s\t%s\n", config_table_name(setting, &arena),
                      config_table_type_name(setting), setting->value, setting->help);
    }
}

static bool same(const struct config_table_setting *setting, const struct config *one,
                 const struct config *other)
{
    CLEANUP(buffer_done) struct buffer a = buffer_limited(CONFIG_TEXT_MAX);
    CLEANUP(buffer_done) struct buffer b = buffer_limited(CONFIG_TEXT_MAX);
    config_value_print(setting, one, &a);
    config_value_print(setting, other, &b);
    return span_equal(buffer_span(&a), buffer_span(&b));
}

void config_keep(struct config *wanted, struct config *running, struct buffer *changed)
{
    CLEANUP(arena_done) struct arena arena = {0};
    for (size_t i = 0; i < config_table_count; i++) {
        const struct config_table_setting *setting = &config_table[i];
        if (setting->restart && !same(setting, wanted, running)) {
            config_value_swap(setting, wanted, running);
            buffer_add_text(changed, changed->length == 0 ? "" : " ");
            buffer_add_text(changed, config_table_name(setting, &arena));
        }
    }
    wanted->directory.mail_uid = wanted->mail_user.number;
    wanted->directory.mail_gid = wanted->mail_group.number;
}
