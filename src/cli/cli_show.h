/* cli_show.h - answers as people read them: tables, sizes, one-line results. */
#ifndef CLI_CLI_SHOW_H
#define CLI_CLI_SHOW_H

#include "cli/cli_options.h"
#include "wire/json.h"

/* How numbers are shown: "5.0G" and "unlimited", or as they are. */
enum cli_column_form { CLI_COLUMN_SIZE, CLI_COLUMN_COUNT };

/* A column of a table: a heading and the member that fills it. Absent and null are "-", a list is joined. */
struct cli_column {
    const char *heading;
    const char *member;
    enum cli_column_form form;
};

/* The daemon's answer as it is, one line. */
void cli_show_json(const struct json *answer);
/* Any value over several lines, for people; `depth` of blanks before the inner ones. */
void cli_show_pretty(const struct json *value, int depth);
void cli_show_size(int64_t bytes, char text[32]); /* "5.0G"; 0: "unlimited" */
/* A text from outside with control bytes as "?". */
void cli_show_text(struct span text);
/* Rows in columns as wide as their widest entry; says `none` when there are no rows. Control bytes are
 * shown as "?": a name from outside must not steer a terminal. */
void cli_show_table(const struct json *const *rows, size_t count, const struct cli_column *columns,
                    size_t columns_count, const char *none);
/* "Heading: value" lines of one object. */
void cli_show_object(const struct json *object, const struct cli_column *columns,
                     size_t columns_count);
/* After a change: with --json the answer, else "ADDRESS verb" (or "… is so already") and the note. */
void cli_show_change(const struct cli_options *options, const struct json *answer,
                     const char *subject, const char *done);

#endif
