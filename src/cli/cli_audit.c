/* cli_audit.c - `postern audit`: who changed what, when, one line a change, the newest last. */
#include "cli/cli_audit.h"

#include "account/client.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/cli_call.h"
#include "cli/cli_show.h"
#include "cli/cli_time.h"
#include "wire/http.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    SHOWN_MAX = 1000, /* without --since */
    LINE_MAX = 8 * 1024,
    VALUE_MAX = 600,
};

/* One value, in words. */

static void add_number(const char *name, int64_t number, struct buffer *out)
{
    static const char *const ADOPT[] = {"never", "externalId", "address"};
    struct span member = span_of(name);
    if (span_is(member, "quota_bytes")) {
        char size[32];
        cli_show_size(number, size);
        buffer_add_text(out, number < 0 ? "default" : size);
    } else if (span_is(member, "rights") && number >= 0) {
        client_rights_write((unsigned)number, out);
    } else if (span_is(member, "adopt") && number >= 0 && number <= 2) {
        buffer_add_text(out, ADOPT[number]);
    } else {
        buffer_add_number(out, number);
    }
}

static void add_value(const char *name, const struct json *value, struct buffer *out)
{
    bool whole;
    int64_t number;
    double real;
    CLEANUP(buffer_done) struct buffer text = buffer_limited(VALUE_MAX);
    if (json_kind(value) == JSON_KIND_TEXT) {
        json_write_text(text_front(json_value_text(value), VALUE_MAX / 8), &text);
    } else if (json_value_number(value, &whole, &number, &real) && whole) {
        add_number(name, number, &text);
    } else if (json_kind(value) == JSON_KIND_ARRAY) {
        for (size_t i = 0; i < json_size(value) && text.length < VALUE_MAX / 2; i++) {
            buffer_add_text(&text, i > 0 ? " " : "");
            buffer_add(&text, text_front(json_value_text(json_item(value, i)), VALUE_MAX / 4));
        }
        buffer_add_text(&text, json_size(value) == 0 ? "none" : "");
    } else {
        json_write(value, &text);
    }
    buffer_add(out, buffer_span(&text));
    buffer_add_text(out, buffer_full(&text) ? "…" : "");
}

/* Nothing, whichever way it is written. */
static bool is_none(const char *name, const struct json *value)
{
    bool whole;
    int64_t number = 1;
    double real;
    bool count = span_starts(span_of(name), "members_");
    switch (json_kind(value)) {
    case JSON_KIND_ABSENT:
    case JSON_KIND_NULL:
        return true;
    case JSON_KIND_TEXT:
        return span_empty(json_value_text(value));
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT:
        return json_size(value) == 0;
    case JSON_KIND_NUMBER:
        (void)json_value_number(value, &whole, &number, &real);
        return count && number == 0;
    case JSON_KIND_TRUE:
    case JSON_KIND_FALSE:
        break;
    }
    return false;
}

static void add_name(const char *name, const char *between, struct buffer *out)
{
    name = strcmp(name, "quota_bytes") == 0 ? "quota" : name;
    buffer_add_text(out, between);
    for (; *name != '\0'; name++) {
        buffer_add_byte(out, *name == '_' ? ' ' : *name);
    }
    buffer_add_byte(out, ' ');
}

static void add_or_none(const char *name, const struct json *value, struct buffer *out)
{
    if (is_none(name, value)) {
        buffer_add_text(out, "none");
    } else {
        add_value(name, value, out);
    }
}

/* One member; `changed`: there is a before and an after. */
static void add_member(const char *name, const struct json *old, const struct json *new,
                       bool changed, struct buffer *out)
{
    const char *between = span_ends(buffer_span(out), "  ") ? "" : "; ";
    if ((is_none(name, old) && is_none(name, new)) || json_same(old, new)) {
        return;
    }
    add_name(name, between, out);
    if (!changed) {
        add_or_none(name, new != NULL ? new : old, out);
        return;
    }
    add_or_none(name, old, out);
    buffer_add_text(out, " → ");
    add_or_none(name, new, out);
}

/* What of it changed: "state "active" → "disabled"; quota 5.0G → 10G"; of what came or went all of it. */
static void add_detail(const struct json *detail, struct buffer *out)
{
    const struct json *before = json_member(detail, "before"),
                      *after = json_member(detail, "after");
    bool changed = before != NULL && after != NULL;
    struct json_cursor cursor = {0};
    buffer_add_text(out, before != NULL && after == NULL ? "  was:  " : "  ");
    while (after != NULL && json_next(after, &cursor)) {
        add_member(cursor.name, json_member(before, cursor.name), cursor.value, changed, out);
    }
    cursor = (struct json_cursor){0};
    while (before != NULL && json_next(before, &cursor)) {
        if (json_member(after, cursor.name) == NULL) {
            add_member(cursor.name, cursor.value, NULL, changed, out);
        }
    }
}

/* "2026-11-24T03:05:57Z  scim:okta  account rename  mira@example.com  …" */
static char *line_of(const struct json *change)
{
    static const char *const COLUMNS[] = {"at", "actor", "action", "subject"};
    CLEANUP(buffer_done) struct buffer line = buffer_limited(LINE_MAX);
    for (size_t i = 0; i < sizeof COLUMNS / sizeof *COLUMNS; i++) {
        struct span value = json_value_text(json_member(change, COLUMNS[i]));
        buffer_add_text(&line, i > 0 ? "  " : "");
        for (size_t c = 0; c < value.length; c++) {
            bool blank = i == 2 && value.at[c] == '_';
            buffer_add_byte(&line, blank ? ' ' : value.at[c]);
        }
    }
    size_t kept = line.length;
    add_detail(json_member(change, "detail"), &line);
    if (buffer_full(&line)) {
        line.length = kept;
        line.full = false;
        buffer_add_text(&line, "  (too much to show here: see --json)");
    }
    buffer_add_byte(&line, '\0');
    return memory_text(line.at);
}

static char *json_of(const struct json *change)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(JSON_SIZE_MAX);
    json_write(change, &text);
    buffer_add_byte(&text, '\0');
    return memory_text(text.at);
}

/* They come newest first, page by page, and are shown the other way round. */

struct lines {
    char **texts;
    size_t count, room;
    bool more;
};

static void lines_done(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        memory_free(lines->texts[i]);
    }
    memory_free(lines->texts);
}

static void add_line(struct lines *lines, char *taken)
{
    if (lines->count == lines->room) {
        lines->room = lines->room * 2 + 64;
        lines->texts = memory_resize(lines->texts, lines->room * sizeof *lines->texts);
    }
    lines->texts[lines->count++] = taken;
}

static void add_parameter(struct buffer *target, const char *name, struct span value)
{
    if (!span_empty(value)) {
        buffer_add_byte(target, span_has(buffer_span(target), '?') ? '&' : '?');
        buffer_add_text(target, name);
        buffer_add_byte(target, '=');
        http_encode(value, target);
    }
}

static enum cli_exit fetch_page(const struct cli_options *options, struct span since,
                                struct span after, struct json **page)
{
    CLEANUP(buffer_done) struct buffer target = buffer_limited(8192);
    buffer_add_text(&target, "/v1/audit");
    add_parameter(&target, "account", span_of(cli_options_value(options, "account")));
    add_parameter(&target, "actor", span_of(cli_options_value(options, "actor")));
    add_parameter(&target, "since", since);
    add_parameter(&target, "after", after);
    buffer_add_byte(&target, '\0');
    if (buffer_full(&target)) {
        fputs("postern: audit: that is too long to be an account\n", stderr);
        return CLI_REFUSED;
    }
    return cli_call(options, "GET", target.at, NULL, page);
}

static enum cli_exit fetch(const struct cli_options *options, struct span since,
                           struct lines *lines)
{
    char after[32] = "";
    do {
        struct json *page;
        struct span next = {0};
        enum cli_exit result = fetch_page(options, since, span_of(after), &page);
        if (result != CLI_OK) {
            return result;
        }
        const struct json *changes = json_member(page, "changes");
        for (size_t i = 0; i < json_size(changes); i++) {
            const struct json *change = json_item(changes, i);
            add_line(lines, options->json ? json_of(change) : line_of(change));
        }
        (void)json_text(page, "next", &next);
        (void)span_fits(next, after, sizeof after);
        json_free(page);
        lines->more = span_empty(since) && lines->count >= SHOWN_MAX && after[0] != '\0';
    } while (after[0] != '\0' && !lines->more);
    return CLI_OK;
}

static void show(const struct cli_options *options, const struct lines *lines)
{
    if (options->json) {
        fputs("[", stdout);
    }
    for (size_t i = lines->count; i > 0; i--) {
        cli_show_text(span_of(lines->texts[i - 1]));
        fputs(!options->json ? "\n" : i > 1 ? ",\n " : "", stdout);
    }
    if (options->json) {
        puts("]");
    } else if (lines->count == 0) {
        puts("no such changes");
    }
    if (lines->more) {
        fprintf(stderr, "postern: these are the last %zu; --since shows more\n", lines->count);
    }
}

enum cli_exit cli_audit(const struct cli_options *options)
{
    char since[32] = "";
    const char *asked = cli_options_value(options, "since");
    int64_t seconds;
    if (asked != NULL && !cli_time_since(asked, time(NULL), &seconds)) {
        fputs("postern: audit: --since: write 2d, 12h, or a date such as 2026-11-24\n", stderr);
        return CLI_USAGE;
    }
    if (asked != NULL) {
        snprintf(since, sizeof since, "%lld", (long long)(seconds < 1 ? 1 : seconds));
    }
    CLEANUP(lines_done) struct lines lines = {0};
    enum cli_exit result = fetch(options, span_of(since), &lines);
    if (result == CLI_OK) {
        show(options, &lines);
    }
    return result;
}
