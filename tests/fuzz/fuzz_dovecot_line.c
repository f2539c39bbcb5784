/* fuzz_dovecot_line.c - any bytes as lines of the auth protocol; whatever we write is one line and reads the same. */
#include "fuzz.h"

#include "wire/dovecot_line.h"

static void parse_back(const struct buffer *out, struct arena *arena, struct dovecot_line *line)
{
    struct error error;
    struct span text = buffer_span(out);
    assert(span_find(text, '\n') + 1 == text.length);
    assert(!span_has(text, '\0') && !span_has(text, '\r'));
    assert(dovecot_line_parse(span_first(text, text.length - 1), arena, line, &error));
}

static size_t count_fields(struct span text)
{
    struct span piece;
    size_t count = 0;
    while (span_cut(&text, '\t', &piece)) {
        count++;
    }
    return count;
}

/* USER is a command in both directions, with the same first fields: the round trip. */
static void check_user(struct span user, struct span value, struct arena *arena)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(100000);
    const struct dovecot_line_field fields[] = {{"session", value, false}, {"debug", {0}, true}};
    struct dovecot_line line;
    if (!dovecot_line_user(&out, 7, user, fields, 2)) {
        assert(out.length == 0);
        return;
    }
    assert(out.length <= DOVECOT_LINE_MASTER_MAX);
    if (!span_empty(user)) {
        parse_back(&out, arena, &line);
        assert(line.command == DOVECOT_LINE_USER && line.id == 7 && span_equal(line.user, user));
        assert(span_equal(line.session, value) && line.debug);
    }
}

/* The others have as many fields as they were given, whatever these hold. */
static void check_answers(struct span value, struct arena *arena)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(20000);
    const struct dovecot_line_field fields[] = {{"original_user", value, false},
                                                {"nologin", {0}, true}};
    const char *reason = span_text(arena, value);
    struct dovecot_line line;
    for (unsigned kind = 0; kind < 7; kind++) {
        static const size_t FIELDS[] = {5, 3, 5, 3, 5, 3, 3};
        bool written = kind == 0   ? dovecot_line_ok(&out, 1, value, fields, 2)
                       : kind == 1 ? dovecot_line_cont(&out, 1, value)
                       : kind == 2
                           ? dovecot_line_fail(&out, 1, SPAN_LITERAL("u"), "temp_fail", reason)
                       : kind == 3 ? dovecot_line_master_fail(&out, 1, reason)
                       : kind == 4 ? dovecot_line_pass(&out, 1, value, fields, 2)
                       : kind == 5 ? dovecot_line_list(&out, 1, value)
                                   : dovecot_line_done(&out, 1, value.length % 2 == 0);
        assert(written == (out.length > 0) && out.length <= DOVECOT_LINE_CLIENT_MAX);
        if (written && kind != 4 && kind != 5 && kind != 1) {
            parse_back(&out, arena, &line);
        }
        assert(!written || count_fields(buffer_span(&out)) == FIELDS[kind]);
        buffer_clear(&out);
    }
}

static void check_hellos(struct span bytes)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(10 + bytes.length);
    static const struct dovecot_line_mechanism MECHANISMS[] = {{"XOAUTH2", "plaintext"}};
    struct dovecot_line_hello hello = {MECHANISMS, 1, 1, (uint32_t)bytes.length, {0}};
    memcpy(hello.cookie, bytes.at,
           bytes.length < sizeof hello.cookie ? bytes.length : sizeof hello.cookie);
    bool written = dovecot_line_client_hello(&out, &hello);
    assert(written == span_ends(buffer_span(&out), "\nDONE\n"));
    bool more = dovecot_line_master_hello(&out, 1) && dovecot_line_notfound(&out, 2) &&
                dovecot_line_cancelled(&out, 3) && dovecot_line_flushed(&out, 4, 5);
    assert(!more || !buffer_full(&out));
    assert(span_empty(buffer_span(&out)) || span_ends(buffer_span(&out), "\n"));
}

static void check_line(struct span text, struct arena *arena)
{
    struct dovecot_line line;
    struct error error;
    if (!dovecot_line_parse(text, arena, &line, &error)) {
        assert(error.text[0] != '\0');
        return;
    }
    assert(span_equal(line.name, span_first(text, line.name.length)));
    assert(line.command != DOVECOT_LINE_AUTH || !span_empty(line.mechanism));
    assert(!line.secured_tls || line.secured);
    assert(line.has_response || span_empty(line.response));
    assert(line.response.at == NULL ||
           (line.response.at >= text.at && line.response.at <= text.at + text.length));
    assert(!dovecot_line_responds(&line, 0) || dovecot_line_responds(&line, 2));
    check_user(line.user, line.session, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct span text = span_bytes(data, size), rest = text, line;
    check_line(text, &arena);
    while (span_cut(&rest, '\n', &line)) {
        check_line(line, &arena);
    }
    check_user(text, span_first(text, 9), &arena);
    check_answers(text, &arena);
    check_hellos(text);
    return 0;
}
