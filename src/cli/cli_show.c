/* cli_show.c - answers as people read them: tables, sizes, one-line results. */
#include "cli/cli_show.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { CELL_MAX = 400, HEADING_WIDTH = 12, DEPTH_MAX = 40 };

void cli_show_json(const struct json *answer)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(4 * 1024 * 1024);
    json_write(answer, &text);
    printf("%.*s\n", (int)text.length, text.at);
}

void cli_show_size(int64_t bytes, char text[32])
{
    static const char *const UNITS[] = {"", "K", "M", "G", "T", "P"};
    size_t unit = 0;
    double size = (double)bytes;
    while (size >= 1024 && unit + 1 < sizeof UNITS / sizeof *UNITS) {
        size /= 1024;
        unit++;
    }
    snprintf(text, 32,
             bytes == 0              ? "unlimited"
             : size < 10 && unit > 0 ? "%.1f%s"
                                     : "%.0f%s",
             size, UNITS[unit]);
}

/* A subject is the provider's text. C1 as UTF-8 has them (C2 80 to C2 9F) moves a terminal's cursor like C0. */
static void hide_controls(char *text)
{
    for (unsigned char *byte = (unsigned char *)text; *byte != '\0'; byte++) {
        bool c1 = byte[0] == 0xc2 && byte[1] >= 0x80 && byte[1] <= 0x9f;
        if (*byte < 0x20 || *byte == 0x7f) {
            *byte = '?';
        } else if (c1) {
            byte[0] = byte[1] = '?';
        }
    }
}

void cli_show_text(struct span text)
{
    char *copy = memory_new(1, text.length + 1);
    if (text.length > 0) {
        memcpy(copy, text.at, text.length);
    }
    hide_controls(copy);
    fputs(copy, stdout);
    memory_free(copy);
}

static void show_value(const struct json *value)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(JSON_SIZE_MAX);
    if (json_kind(value) == JSON_KIND_TEXT) {
        json_write_text(json_value_text(value), &text);
    } else {
        json_write(value, &text);
    }
    cli_show_text(buffer_span(&text));
}

void cli_show_pretty(const struct json *value, int depth)
{
    bool object = json_kind(value) == JSON_KIND_OBJECT;
    size_t size = json_size(value), done = 0;
    if (size == 0 || depth > DEPTH_MAX) {
        show_value(value);
        return;
    }
    puts(object ? "{" : "[");
    struct json_cursor cursor = {0};
    while (done < size && (!object || json_next(value, &cursor))) {
        CLEANUP(buffer_done) struct buffer name = buffer_limited(JSON_SIZE_MAX);
        printf("%*s", 2 * (depth + 1), "");
        if (object) {
            json_write_text(span_of(cursor.name), &name);
            cli_show_text(buffer_span(&name));
            fputs(": ", stdout);
        }
        cli_show_pretty(object ? cursor.value : json_item(value, done), depth + 1);
        puts(++done < size ? "," : "");
    }
    printf("%*s%c", 2 * depth, "", object ? '}' : ']');
}

static void list_text(const struct json *list, char text[CELL_MAX])
{
    CLEANUP(buffer_done) struct buffer joined = buffer_limited(CELL_MAX - 1);
    for (size_t i = 0; i < json_size(list); i++) {
        buffer_add_text(&joined, i > 0 ? ", " : "");
        buffer_add(&joined, json_value_text(json_item(list, i)));
    }
    if (joined.length > 0) {
        snprintf(text, CELL_MAX, "%.*s", (int)joined.length, joined.at);
    }
}

static void cell_text(const struct json *object, const struct cli_column *column,
                      char text[CELL_MAX])
{
    const char *member = column->member;
    int64_t number;
    struct span value;
    bool flag;
    snprintf(text, CELL_MAX, "-");
    if (json_text(object, member, &value)) {
        snprintf(text, CELL_MAX, "%.*s", (int)value.length, value.at);
    } else if (json_number(object, member, &number)) {
        if (column->form == CLI_COLUMN_SIZE) {
            cli_show_size(number, text);
        } else {
            snprintf(text, CELL_MAX, "%lld", (long long)number);
        }
    } else if (json_boolean(object, member, &flag)) {
        snprintf(text, CELL_MAX, "%s", flag ? "yes" : "no");
    } else if (json_kind(json_member(object, member)) == JSON_KIND_ARRAY) {
        list_text(json_member(object, member), text);
    }
    hide_controls(text);
}

/* Characters, not bytes: continuation bytes of UTF-8 take no column. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void print_cell(const char *text, int width, bool last)
{
    printf("%s", text);
    if (last) {
        putchar('\n');
        return;
    }
    printf("%*s", width - width_of(text) + 2, "");
}

void cli_show_table(const struct json *const *rows, size_t count, const struct cli_column *columns,
                    size_t columns_count, const char *none)
{
    int *widths = memory_new(columns_count, sizeof *widths);
    char cell[CELL_MAX];
    for (size_t c = 0; c < columns_count; c++) {
        widths[c] = width_of(columns[c].heading);
        for (size_t r = 0; r < count; r++) {
            cell_text(rows[r], &columns[c], cell);
            widths[c] = width_of(cell) > widths[c] ? width_of(cell) : widths[c];
        }
    }
    for (size_t c = 0; count > 0 && c < columns_count; c++) {
        print_cell(columns[c].heading, widths[c], c + 1 == columns_count);
    }
    for (size_t r = 0; r < count; r++) {
        for (size_t c = 0; c < columns_count; c++) {
            cell_text(rows[r], &columns[c], cell);
            print_cell(cell, widths[c], c + 1 == columns_count);
        }
    }
    if (count == 0) {
        puts(none);
    }
    memory_free(widths);
}

void cli_show_object(const struct json *object, const struct cli_column *columns,
                     size_t columns_count)
{
    char cell[CELL_MAX];
    int width = HEADING_WIDTH;
    for (size_t c = 0; c < columns_count; c++) {
        width = width_of(columns[c].heading) > width ? width_of(columns[c].heading) : width;
    }
    for (size_t c = 0; c < columns_count; c++) {
        cell_text(object, &columns[c], cell);
        printf("%-*s %s\n", width, columns[c].heading, cell);
    }
}

void cli_show_change(const struct cli_options *options, const struct json *answer,
                     const char *subject, const char *done)
{
    struct span code = {0}, note = {0};
    if (options->json) {
        cli_show_json(answer);
        return;
    }
    json_text(answer, "code", &code);
    printf("%s: %s\n", subject,
           span_is(code, "same") ? "nothing to change, it is so already" : done);
    if (json_text(answer, "note", &note)) {
        printf("%.*s\n", (int)note.length, note.at);
    }
}
