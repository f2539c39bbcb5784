/* dovecot_line.c - the lines of the Dovecot auth protocol, parsed and written. */
#include "wire/dovecot_line.h"

#include "base/arena.h"
#include "base/text.h"

#include <assert.h>
#include <string.h>

enum { ESCAPE = '\001' };

/* One line on its way into the struct. */
struct reader {
    struct dovecot_line *line;
    struct arena *arena;
    struct error *error;
    struct span rest; /* fields not yet read */
};

static int unescaped_byte(int byte)
{
    switch (byte) {
    case '1':
        return ESCAPE;
    case '0':
        return '\0';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    default:
        return -1;
    }
}

/* Values rarely hold an escape; only those that do are copied. */
static bool unescape(struct reader *reader, struct span field, struct span *value)
{
    if (!span_has(field, ESCAPE)) {
        *value = field;
        return true;
    }
    char *bytes = arena_new(reader->arena, field.length);
    size_t length = 0;
    for (size_t i = 0; i < field.length; i++) {
        int byte = (unsigned char)field.at[i];
        if (byte == ESCAPE) {
            i++;
            byte = unescaped_byte(span_at(field, i));
            if (byte < 0) {
                return error_set(reader->error, "auth protocol: bad escape");
            }
        }
        bytes[length] = (char)byte;
        length++;
    }
    *value = span_bytes(bytes, length);
    return true;
}

static bool read_number(struct reader *reader, const char *what, uint32_t *number)
{
    struct span field;
    uint64_t value;
    if (!span_cut(&reader->rest, '\t', &field) || !span_number(field, UINT32_MAX, &value)) {
        return error_set(reader->error, "auth protocol: no %s", what);
    }
    *number = (uint32_t)value;
    return true;
}

static bool read_user(struct reader *reader)
{
    struct span field;
    if (!span_cut(&reader->rest, '\t', &field) || !unescape(reader, field, &reader->line->user)) {
        return error_set(reader->error, "auth protocol: no user name");
    }
    return !span_empty(reader->line->user) ||
           error_set(reader->error, "auth protocol: empty user name");
}

/* The parameters we know, by kind. Dovecot escapes what clients say, so a parameter that contradicts
 * an earlier one is no client's doing but a confused or hostile peer. */
struct text_parameter {
    const char *name;
    struct span *to;
};
struct number_parameter {
    const char *name;
    uint64_t max;
    uint64_t *to;
    bool *given;
};
struct flag_parameter {
    const char *name;
    bool *to;
};

struct numbers {
    uint64_t lport, rport, session_pid;
    bool has_lport, has_rport, has_session_pid;
};

static bool set_text(struct reader *reader, struct span field, struct span *to)
{
    struct span value;
    if (!unescape(reader, field, &value)) {
        return false;
    }
    if (to->at != NULL && !span_equal(*to, value)) {
        return error_set(reader->error, "auth protocol: a parameter with two values");
    }
    *to = value;
    return true;
}

static bool set_number(struct reader *reader, struct span field,
                       const struct number_parameter *parameter)
{
    uint64_t value;
    if (!span_number(field, parameter->max, &value)) {
        return error_set(reader->error, "auth protocol: %s is no number", parameter->name);
    }
    if (*parameter->given && *parameter->to != value) {
        return error_set(reader->error, "auth protocol: a parameter with two values");
    }
    *parameter->to = value;
    *parameter->given = true;
    return true;
}

static bool read_text_parameter(struct reader *reader, struct span name, struct span value,
                                bool *known)
{
    struct dovecot_line *line = reader->line;
    const struct text_parameter texts[] = {
        {"service", &line->service},
        {"protocol", &line->service},
        {"session", &line->session},
        {"lip", &line->lip},
        {"rip", &line->rip},
        {"local_name", &line->local_name},
        {"client_id", &line->client_id},
    };
    if (line->command == DOVECOT_LINE_LIST && span_is(name, "user")) {
        *known = true;
        return set_text(reader, value, &line->user);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (span_is(name, texts[i].name)) {
            *known = true;
            return set_text(reader, value, texts[i].to);
        }
    }
    return true;
}

static bool read_number_parameter(struct reader *reader, struct span name, struct span value,
                                  struct numbers *numbers)
{
    const struct number_parameter parameters[] = {
        {"lport", UINT16_MAX, &numbers->lport, &numbers->has_lport},
        {"rport", UINT16_MAX, &numbers->rport, &numbers->has_rport},
        {"session_pid", UINT32_MAX, &numbers->session_pid, &numbers->has_session_pid},
    };
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        if (span_is(name, parameters[i].name)) {
            return set_number(reader, value, &parameters[i]);
        }
    }
    return true;
}

static void read_flag(struct reader *reader, struct span name, struct span value)
{
    struct dovecot_line *line = reader->line;
    const struct flag_parameter flags[] = {
        {"secured", &line->secured},
        {"nologin", &line->nologin},
        {"no-penalty", &line->no_penalty},
        {"debug", &line->debug},
        {"final-resp-ok", &line->final_resp_ok},
        {"valid-client-cert", &line->valid_client_cert},
        {"request_auth_token", &line->request_auth_token},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (span_is(name, flags[i].name)) {
            *flags[i].to = true;
        }
    }
    line->secured_tls |= span_is(name, "secured") && span_is(value, "tls");
}

/* resp= is always last, so whatever stands behind it belongs to it. */
static void read_response(struct dovecot_line *line, struct span response)
{
    line->has_response = true;
    line->empty_response = span_is(response, "=");
    line->response = line->empty_response ? span_first(response, 0) : response;
}

static bool read_parameters(struct reader *reader)
{
    struct dovecot_line *line = reader->line;
    struct numbers numbers = {0};
    struct span before = reader->rest, field;
    while (span_cut(&reader->rest, '\t', &field)) {
        size_t equals = span_find(field, '=');
        struct span name = span_first(field, equals), value = span_from(field, equals + 1);
        bool known = false;
        if (line->command == DOVECOT_LINE_AUTH && span_starts(field, "resp=")) {
            read_response(line, span_from(before, equals + 1));
            break;
        }
        if (!read_text_parameter(reader, name, value, &known)) {
            return false;
        }
        if (!known && !read_number_parameter(reader, name, value, &numbers)) {
            return false;
        }
        if (!known) {
            read_flag(reader, name, value);
        }
        before = reader->rest;
    }
    line->lport = (uint16_t)numbers.lport;
    line->rport = (uint16_t)numbers.rport;
    line->session_pid = (uint32_t)numbers.session_pid;
    return true;
}

static bool read_version(struct reader *reader)
{
    return read_number(reader, "major version", &reader->line->major) &&
           read_number(reader, "minor version", &reader->line->minor);
}

static bool read_cpid(struct reader *reader)
{
    return read_number(reader, "process id", &reader->line->client_pid);
}

static bool read_auth(struct reader *reader)
{
    struct span field;
    if (!read_number(reader, "request id", &reader->line->id)) {
        return false;
    }
    if (!span_cut(&reader->rest, '\t', &field) || span_empty(field)) {
        return error_set(reader->error, "auth protocol: no mechanism");
    }
    return unescape(reader, field, &reader->line->mechanism) && read_parameters(reader);
}

/* 2.4 may put channel_binding= behind the data. A client's empty answer may lack its TAB. */
static bool read_cont(struct reader *reader)
{
    struct span field = {0};
    if (!read_number(reader, "request id", &reader->line->id)) {
        return false;
    }
    span_cut(&reader->rest, '\t', &field);
    read_response(reader->line, field);
    return true;
}

static bool read_id(struct reader *reader)
{
    return read_number(reader, "request id", &reader->line->id);
}

static bool read_cookie(struct reader *reader)
{
    struct span field;
    if (!span_cut(&reader->rest, '\t', &field) ||
        field.length != (size_t)2 * DOVECOT_LINE_COOKIE_SIZE) {
        return error_set(reader->error, "auth protocol: no cookie");
    }
    for (size_t i = 0; i < DOVECOT_LINE_COOKIE_SIZE; i++) {
        int high = text_hex_digit(span_at(field, 2 * i)),
            low = text_hex_digit(span_at(field, 2 * i + 1));
        if (high < 0 || low < 0) {
            return error_set(reader->error, "auth protocol: cookie is not hexadecimal");
        }
        reader->line->cookie[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool read_request(struct reader *reader)
{
    return read_id(reader) && read_number(reader, "process id", &reader->line->client_pid) &&
           read_number(reader, "id of the login", &reader->line->auth_id) && read_cookie(reader) &&
           read_parameters(reader);
}

static bool read_lookup(struct reader *reader)
{
    return read_id(reader) && read_user(reader) && read_parameters(reader);
}

static bool read_list(struct reader *reader)
{
    return read_id(reader) && read_parameters(reader);
}

static bool read_cache_flush(struct reader *reader)
{
    return read_id(reader) && (reader->rest.at == NULL || read_user(reader));
}

static const struct {
    const char *name;
    enum dovecot_line_command command;
    bool (*read)(struct reader *reader);
} commands[] = {
    {"AUTH", DOVECOT_LINE_AUTH, read_auth},
    {"CONT", DOVECOT_LINE_CONT, read_cont},
    {"REQUEST", DOVECOT_LINE_REQUEST, read_request},
    {"USER", DOVECOT_LINE_USER, read_lookup},
    {"PASS", DOVECOT_LINE_PASS, read_lookup},
    {"LIST", DOVECOT_LINE_LIST, read_list},
    {"CANCEL", DOVECOT_LINE_CANCEL, read_id},
    {"VERSION", DOVECOT_LINE_VERSION, read_version},
    {"CPID", DOVECOT_LINE_CPID, read_cpid},
    {"CACHE-FLUSH", DOVECOT_LINE_CACHE_FLUSH, read_cache_flush},
};

static bool well_formed(struct span text, struct error *error)
{
    size_t fields = 1;
    if (text.length > DOVECOT_LINE_MAX) {
        return error_set(error, "auth protocol: line longer than %d bytes", DOVECOT_LINE_MAX);
    }
    if (span_has(text, '\0') || span_has(text, '\r') || span_has(text, '\n')) {
        return error_set(error, "auth protocol: a NUL, CR or LF within a line");
    }
    for (size_t tab = span_find(text, '\t'); tab < text.length; tab = span_find(text, '\t')) {
        text = span_from(text, tab + 1);
        fields++;
    }
    return fields <= DOVECOT_LINE_PARAMETERS_MAX ||
           error_set(error, "auth protocol: too many fields");
}

bool dovecot_line_parse(struct span text, struct arena *arena, struct dovecot_line *line,
                        struct error *error)
{
    struct reader reader = {line, arena, error, text};
    *line = (struct dovecot_line){0};
    if (!well_formed(text, error)) {
        return false;
    }
    span_cut(&reader.rest, '\t', &line->name);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (span_is(line->name, commands[i].name)) {
            line->command = commands[i].command;
            return commands[i].read(&reader);
        }
    }
    return true;
}

bool dovecot_line_responds(const struct dovecot_line *line, uint32_t client_minor)
{
    return line->has_response &&
           (!span_empty(line->response) || line->empty_response || client_minor >= 2);
}

static bool literal(const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        bool letter = span_lower(text[i]) >= 'a' && span_lower(text[i]) <= 'z';
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (!letter && !digit && strchr("_-./ ", text[i]) == NULL) {
            return false;
        }
    }
    return text[0] != '\0';
}

static void add_escaped(struct buffer *out, struct span value)
{
    static const char letters[] = {
        ['\0'] = '0', [ESCAPE] = '1', ['\t'] = 't', ['\n'] = 'n', ['\r'] = 'r'};
    size_t from = 0;
    for (size_t i = 0; i < value.length; i++) {
        unsigned char byte = (unsigned char)value.at[i];
        if (byte < sizeof letters && letters[byte] != '\0') {
            buffer_add(out, span_first(span_from(value, from), i - from));
            buffer_add_byte(out, ESCAPE);
            buffer_add_byte(out, letters[byte]);
            from = i + 1;
        }
    }
    buffer_add(out, span_from(value, from));
}

static void add_field(struct buffer *out, const char *name, struct span value)
{
    assert(literal(name));
    buffer_add_byte(out, '\t');
    buffer_add_text(out, name);
    buffer_add_byte(out, '=');
    add_escaped(out, value);
}

static void add_fields(struct buffer *out, const struct dovecot_line_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].bare) {
            assert(literal(fields[i].name));
            buffer_add_byte(out, '\t');
            buffer_add_text(out, fields[i].name);
        } else {
            add_field(out, fields[i].name, fields[i].value);
        }
    }
}

/* A command and its number; returns where the line begins. */
static size_t begin(struct buffer *out, const char *command, uint32_t id)
{
    size_t start = out->length;
    buffer_add_text(out, command);
    buffer_add_byte(out, '\t');
    buffer_add_number(out, id);
    return start;
}

/* Half a line must never be sent: the next one would run into it. */
static bool end(struct buffer *out, size_t start, size_t max)
{
    buffer_add_byte(out, '\n');
    if (buffer_full(out) || out->length - start > max) {
        out->length = start;
        return false;
    }
    return true;
}

bool dovecot_line_client_hello(struct buffer *out, const struct dovecot_line_hello *hello)
{
    size_t start = out->length;
    assert(hello->count > 0);
    buffer_add_text(out, "VERSION\t1\t2\n");
    for (size_t i = 0; i < hello->count; i++) {
        assert(literal(hello->mechanisms[i].name));
        buffer_add_text(out, "MECH\t");
        buffer_add_text(out, hello->mechanisms[i].name);
        buffer_add_byte(out, '\t');
        buffer_add_text(out, hello->mechanisms[i].flags);
        buffer_add_byte(out, '\n');
    }
    begin(out, "SPID", hello->server_pid);
    buffer_add_byte(out, '\n');
    begin(out, "CUID", hello->connection);
    buffer_add_text(out, "\nCOOKIE\t");
    text_hex_encode(span_bytes(hello->cookie, sizeof hello->cookie), out);
    buffer_add_text(out, "\nDONE");
    return end(out, start, DOVECOT_LINE_CLIENT_MAX);
}

bool dovecot_line_ok(struct buffer *out, uint32_t id, struct span user,
                     const struct dovecot_line_field *fields, size_t count)
{
    size_t start = begin(out, "OK", id);
    add_field(out, "user", user);
    add_fields(out, fields, count);
    return end(out, start, DOVECOT_LINE_CLIENT_MAX);
}

bool dovecot_line_cont(struct buffer *out, uint32_t id, struct span challenge)
{
    size_t start = begin(out, "CONT", id);
    buffer_add_byte(out, '\t');
    text_base64_encode(challenge, out);
    return end(out, start, DOVECOT_LINE_CLIENT_MAX);
}

static void add_reason(struct buffer *out, const char *code, const char *reason)
{
    if (code != NULL) {
        add_field(out, "code", span_of(code));
    }
    if (reason != NULL) {
        add_field(out, "reason", span_of(reason));
    }
}

bool dovecot_line_fail(struct buffer *out, uint32_t id, struct span user, const char *code,
                       const char *reason)
{
    size_t start = begin(out, "FAIL", id);
    if (!span_empty(user)) {
        add_field(out, "user", user);
    }
    add_reason(out, code, reason);
    return end(out, start, DOVECOT_LINE_CLIENT_MAX);
}

bool dovecot_line_cancelled(struct buffer *out, uint32_t id)
{
    return end(out, begin(out, "CANCELLED", id), DOVECOT_LINE_CLIENT_MAX);
}

bool dovecot_line_master_hello(struct buffer *out, uint32_t server_pid)
{
    size_t start = out->length;
    buffer_add_text(out, "VERSION\t1\t1\n");
    begin(out, "SPID", server_pid);
    return end(out, start, DOVECOT_LINE_MASTER_MAX);
}

bool dovecot_line_user(struct buffer *out, uint32_t id, struct span user,
                       const struct dovecot_line_field *fields, size_t count)
{
    size_t start = begin(out, "USER", id);
    buffer_add_byte(out, '\t');
    add_escaped(out, user);
    add_fields(out, fields, count);
    return end(out, start, DOVECOT_LINE_MASTER_MAX);
}

bool dovecot_line_notfound(struct buffer *out, uint32_t id)
{
    return end(out, begin(out, "NOTFOUND", id), DOVECOT_LINE_MASTER_MAX);
}

bool dovecot_line_master_fail(struct buffer *out, uint32_t id, const char *reason)
{
    size_t start = begin(out, "FAIL", id);
    add_reason(out, NULL, reason);
    return end(out, start, DOVECOT_LINE_MASTER_MAX);
}

bool dovecot_line_pass(struct buffer *out, uint32_t id, struct span user,
                       const struct dovecot_line_field *fields, size_t count)
{
    size_t start = begin(out, "PASS", id);
    add_field(out, "user", user);
    add_fields(out, fields, count);
    return end(out, start, DOVECOT_LINE_MASTER_MAX);
}

bool dovecot_line_list(struct buffer *out, uint32_t id, struct span user)
{
    size_t start = begin(out, "LIST", id);
    buffer_add_byte(out, '\t');
    add_escaped(out, user);
    return end(out, start, DOVECOT_LINE_MASTER_MAX);
}

bool dovecot_line_done(struct buffer *out, uint32_t id, bool complete)
{
    size_t start = begin(out, "DONE", id);
    buffer_add_text(out, complete ? "\t" : "\tfail");
    return end(out, start, DOVECOT_LINE_MASTER_MAX);
}

bool dovecot_line_flushed(struct buffer *out, uint32_t id, uint32_t entries)
{
    size_t start = begin(out, "OK", id);
    buffer_add_byte(out, '\t');
    buffer_add_number(out, entries);
    return end(out, start, DOVECOT_LINE_MASTER_MAX);
}
