/* stack_files.c - the configuration of Postfix and Dovecot, rendered from postern.conf into a directory. */
#include "config/stack_files.h"

#include "base/memory.h"
#include "config/stack_files_embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 256 * 1024, NUMBER_MAX = 24, VARIABLES_MAX = 40 };

/* ---- templates ---- */

struct template
{
    const char *name;
    const struct stack_files_variable *variables;
    size_t count;
    struct buffer *out;
    size_t line;
    bool inside, left_out; /* of an @if; its lines are left out */
};

static const struct stack_files_variable *find(const struct template *template, struct span name)
{
    for (size_t i = 0; i < template->count; i++) {
        if (span_is(name, template->variables[i].name)) {
            return &template->variables[i];
        }
    }
    return NULL;
}

static bool unknown(const struct template *template, struct span name, struct error *error)
{
    return error_set(error, "%s, line %zu: there is no variable %.*s", template->name,
                     template->line, (int)name.length, name.at);
}

static bool is_name(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.at[i];
        if (!(byte >= 'A' && byte <= 'Z') && !(byte >= '0' && byte <= '9') && byte != '_') {
            return false;
        }
    }
    return text.length > 0;
}

static bool add_value(const struct template *template, struct span name, struct error *error)
{
    const struct stack_files_variable *variable = find(template, name);
    if (variable == NULL) {
        return unknown(template, name, error);
    }
    struct span value = span_of(variable->value);
    if (span_has(value, '\n') || span_has(value, '\r')) {
        return error_set(error, "%s: the value of %s has a line end in it", template->name,
                         variable->name);
    }
    buffer_add(template->out, value);
    return true;
}

/* A line with its values. An "@" that is not part of an @NAME@ stands for itself. */
static bool add_line(const struct template *template, struct span line, struct error *error)
{
    while (!span_empty(line)) {
        size_t at = span_find(line, '@');
        buffer_add(template->out, span_first(line, at));
        line = span_from(line, at);
        struct span name = span_from(line, 1);
        size_t end = span_find(name, '@');
        name = span_first(name, end);
        if (span_at(line, end + 1) == '@' && is_name(name)) {
            if (!add_value(template, name, error)) {
                return false;
            }
            line = span_from(line, end + 2);
        } else if (!span_empty(line)) {
            buffer_add_byte(template->out, '@');
            line = span_from(line, 1);
        }
    }
    buffer_add_byte(template->out, '\n');
    return true;
}

static bool begin_if(struct template *template, struct span condition, struct error *error)
{
    struct span name = span_first(condition, span_find(condition, '@'));
    const struct stack_files_variable *variable = find(template, name);
    if (variable == NULL) {
        return unknown(template, name, error);
    }
    if (template->inside) {
        return error_set(error, "%s, line %zu: @if inside an @if", template->name, template->line);
    }
    template->inside = true;
    template->left_out = span_empty(span_of(variable->value));
    return true;
}

static bool expand_line(struct template *template, struct span line, struct error *error)
{
    if (span_starts(line, "@#")) {
        return true;
    }
    if (span_starts(line, "@if ")) {
        return begin_if(template, span_from(line, 4), error);
    }
    if (span_is(line, "@end@")) {
        bool was_inside = template->inside;
        template->inside = template->left_out = false;
        return was_inside ||
               error_set(error, "%s, line %zu: @end@ without @if", template->name, template->line);
    }
    if (template->left_out) {
        return true;
    }
    if (span_starts(line, "#")) {
        buffer_add(template->out, line);
        buffer_add_byte(template->out, '\n');
        return true;
    }
    return add_line(template, line, error);
}

bool stack_files_expand(const char *name, struct span text,
                        const struct stack_files_variable *variables, size_t count,
                        struct buffer *out, struct error *error)
{
    struct template template = {.name = name, .variables = variables, .count = count, .out = out};
    struct span line;
    while (span_cut(&text, '\n', &line)) {
        template.line++;
        bool behind_the_end = text.at == NULL && span_empty(line);
        if (!behind_the_end && !expand_line(&template, line, error)) {
            return false;
        }
    }
    if (template.inside) {
        return error_set(error, "%s: an @if without @end@", name);
    }
    return !buffer_full(out) || error_set(error, "%s: it becomes too long", name);
}

/* ---- values ---- */

static const char *number(struct arena *arena, int64_t value)
{
    return value == 0 ? NULL : arena_format(arena, "%lld", (long long)value);
}

static const char *directory_of(struct arena *arena, const char *path)
{
    struct span all = span_of(path);
    return path == NULL ? NULL : span_text(arena, span_first(all, span_find_last(all, '/')));
}

static size_t collect(const struct config *config, struct arena *arena,
                      struct stack_files_variable variables[VARIABLES_MAX])
{
    const struct config_stack *stack = &config->stack;
    const struct stack_files_variable all[] = {
        {"HOSTNAME", stack->hostname},
        {"PUBLIC", stack->public ? "yes" : NULL},
        {"LOOPBACK", stack->public ? NULL : "yes"},
        {"TLS_CERT", stack->tls_cert},
        {"TLS_KEY", stack->tls_key},
        {"MESSAGE_SIZE_MAX", number(arena, stack->message_size)},
        {"CHROOT", stack->chroot ? "y" : "n"},
        {"POSTFIX_USER", stack->postfix_user},
        {"POSTFIX_QUEUE_DIR", config->postfix.queue_directory},
        {"POSTFIX_DATA_DIR", stack->postfix_data},
        {"POSTFIX_LOG_FILE", stack->postfix_log},
        {"POSTFIX_LOG_DIR", directory_of(arena, stack->postfix_log)},
        {"DOVECOT_BASE_DIR", config->dovecot.base_dir},
        {"DOVECOT_STATE_DIR", stack->dovecot_state},
        {"DOVECOT_LISTEN", stack->dovecot_listen},
        {"DOVECOT_LOG_CHROOT", stack->dovecot_log_chroot},
        {"MAIL_UID", number(arena, config->mail_user.number)},
        {"MAIL_LOCATION",
         config->mail_format == CONFIG_FORMAT_MDBOX ? "mdbox:~/mdbox" : "maildir:~/Maildir"},
        {"SHARED_LOCATION",
         config->mail_format == CONFIG_FORMAT_MDBOX ? "mdbox:%%h/mdbox" : "maildir:%%h/Maildir"},
        {"SHARED_DIR", arena_format(arena, "%s/shared", config->run_directory)},
        {"PORT_SMTP", number(arena, stack->port_smtp)},
        {"PORT_SUBMISSION", number(arena, stack->port_submission)},
        {"PORT_SUBMISSIONS", number(arena, stack->port_submissions)},
        {"PORT_IMAP", number(arena, stack->port_imap)},
        {"PORT_IMAPS", number(arena, stack->port_imaps)},
        {"PORT_POP3", number(arena, stack->port_pop3)},
        {"PORT_POP3S", number(arena, stack->port_pop3s)},
        {"PORT_SIEVE", number(arena, stack->port_sieve)},
        {"PORT_SIEVES", number(arena, stack->port_sieves)},
    };
    _Static_assert(sizeof(all) / sizeof(all[0]) <= VARIABLES_MAX, "room for all variables");
    memcpy(variables, all, sizeof(all));
    return sizeof(all) / sizeof(all[0]);
}

static bool check_present(const struct config *config, struct error *error)
{
    const struct {
        const char *name, *value, *example;
    } needed[] = {
        {"stack.hostname", config->stack.hostname, "mail.example.com"},
        {"stack.tls_cert", config->stack.tls_cert, "/etc/postern/tls/cert.pem"},
        {"stack.tls_key", config->stack.tls_key, "/etc/postern/tls/key.pem"},
        {"stack.postfix_user", config->stack.postfix_user, "postfix"},
        {"stack.postfix_data", config->stack.postfix_data, "/var/lib/postfix"},
        {"stack.dovecot_state", config->stack.dovecot_state, "/var/lib/dovecot"},
        {"stack.dovecot_listen", config->stack.dovecot_listen, "*, ::"},
        {"postfix.queue_directory", config->postfix.queue_directory, "/var/spool/postfix"},
        {"dovecot.base_dir", config->dovecot.base_dir, "/run/dovecot"},
    };
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (needed[i].value == NULL) {
            return error_set(error, "%s is missing; write it like \"%s\"", needed[i].name,
                             needed[i].example);
        }
    }
    return true;
}

/* ---- files ---- */

static bool write_all(int fd, struct span bytes)
{
    while (!span_empty(bytes)) {
        ssize_t count = write(fd, bytes.at, bytes.length);
        if (count <= 0) {
            return false;
        }
        bytes = span_from(bytes, (size_t)count);
    }
    return true;
}

/* The old file stays until the new one is complete. */
static bool write_file(const char *path, struct span text, struct error *error)
{
    char fresh[PATH_MAX];
    int length = snprintf(fresh, sizeof(fresh), "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof(fresh)) {
        return error_set(error, "%s is too long a name", path);
    }
    unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool good = fd >= 0 && write_all(fd, text);
    int reason = errno;
    if (fd >= 0 && close(fd) != 0) {
        good = false;
        reason = errno;
    }
    if (good && rename(fresh, path) != 0) {
        good = false;
        reason = errno;
    }
    return good || error_set(error, "%s: %s", path, strerror(reason));
}

static const struct file {
    const char *name; /* below the root */
    const char *template;
} files[] = {
    {"postfix/main.cf", stack_files_embedded_postfix_main_cf},
    {"postfix/master.cf", stack_files_embedded_postfix_master_cf},
    {"dovecot.conf", stack_files_embedded_dovecot_2_3_conf},
};

static bool make_directory(const char *root, struct arena *arena, struct error *error)
{
    const char *path = arena_format(arena, "%s/postfix", root);
    return mkdir(path, 0755) == 0 || errno == EEXIST ||
           error_set(error, "%s: %s", path, strerror(errno));
}

bool stack_files_render(const struct config *config, const char *root, struct error *error)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct stack_files_variable variables[VARIABLES_MAX];
    if (!check_present(config, error) || !make_directory(root, &arena, error)) {
        return false;
    }
    size_t count = collect(config, &arena, variables);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        CLEANUP(buffer_done) struct buffer text = buffer_limited(FILE_MAX);
        const char *path = arena_format(&arena, "%s/%s", root, files[i].name);
        if (!stack_files_expand(files[i].name, span_of(files[i].template), variables, count, &text,
                                error) ||
            !write_file(path, buffer_span(&text), error)) {
            return false;
        }
    }
    return true;
}
