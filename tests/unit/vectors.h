/* vectors.h - reads tests/vectors/<file>: cases as plain text, one a line, columns separated by TABs.
 *
 * Lines that begin with "#" and empty lines are skipped; "-" is an empty column. In a column,
 * \t \r \n \\ \xHH stand for bytes and \{N*c} for N times the byte c. A case that fails prints
 * its file, line and id. */
#ifndef UNIT_VECTORS_H
#define UNIT_VECTORS_H

#include "base/buffer.h"
#include "base/memory.h"
#include "base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VECTOR_COLUMNS_MAX = 10, VECTOR_LINE_MAX = 64 * 1024 };

struct vector {
    const char *file;
    int line;
    size_t count;
    struct span column[VECTOR_COLUMNS_MAX]; /* [0] is the id; what is missing is empty */
};

typedef void vector_fn(const struct vector *vector);

static inline size_t vector_repeat(const char *text, struct buffer *out)
{
    char *end = NULL;
    unsigned long times = strtoul(text, &end, 10);
    assert_true(end[0] == '*' && end[1] != '\0' && end[2] == '}' && times < 600000);
    for (unsigned long i = 0; i < times; i++) {
        buffer_add_byte(out, end[1]);
    }
    return (size_t)(end - text) + 3;
}

/* Appends what the escape behind a backslash stands for; returns how long it was. */
static inline size_t vector_escape(const char *text, struct buffer *out)
{
    static const char LETTERS[] = "trn\\", BYTES[] = "\t\r\n\\";
    const char *known = text[0] == '\0' ? NULL : strchr(LETTERS, text[0]);
    if (known != NULL) {
        buffer_add_byte(out, BYTES[known - LETTERS]);
        return 1;
    }
    if (text[0] == 'x' && strlen(text) >= 3) {
        char hex[3] = {text[1], text[2], '\0'};
        buffer_add_byte(out, (char)strtoul(hex, NULL, 16));
        return 3;
    }
    assert_int_equal(text[0], '{');
    return 1 + vector_repeat(text + 1, out);
}

/* A copy of its own for every column, so that a reader that walks too far is caught by ASan. */
static inline struct span vector_bytes(const char *column)
{
    struct buffer out = buffer_limited(SIZE_MAX / 2);
    for (size_t i = 0; column[i] != '\0' && strcmp(column, "-") != 0;) {
        if (column[i] == '\\') {
            i += 1 + vector_escape(&column[i + 1], &out);
        } else {
            buffer_add_byte(&out, column[i]);
            i++;
        }
    }
    char *exact = out.length == 0 ? NULL : memory_new(out.length, 1);
    if (exact != NULL) {
        memcpy(exact, out.at, out.length);
    }
    struct span bytes = span_bytes(exact == NULL ? "" : exact, out.length);
    buffer_done(&out);
    return bytes;
}

static inline void vector_run(const char *file, int number, char *text, vector_fn *run)
{
    struct vector vector = {.file = file, .line = number};
    char *allocated[VECTOR_COLUMNS_MAX] = {0}, *saved = NULL;
    for (char *column = strtok_r(text, "\t", &saved); column != NULL;
         column = strtok_r(NULL, "\t", &saved)) {
        assert_true(vector.count < VECTOR_COLUMNS_MAX);
        vector.column[vector.count] = vector_bytes(column);
        if (vector.column[vector.count].length > 0) {
            memcpy(&allocated[vector.count], &vector.column[vector.count].at, sizeof(char *));
        }
        vector.count++;
    }
    run(&vector);
    for (size_t i = 0; i < VECTOR_COLUMNS_MAX; i++) {
        memory_free(allocated[i]);
    }
}

/* Runs every case of a file; at least `least` of them, so that an empty file fails. */
static inline void vectors_run(const char *name, int least, vector_fn *run)
{
    char path[512];
    static char line[VECTOR_LINE_MAX];
    const char *folder = getenv("VECTORS");
    assert_non_null(folder);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "re");
    assert_non_null(stream);
    int cases = 0;
    for (int number = 1; fgets(line, sizeof line, stream) != NULL; number++) {
        assert_non_null(strchr(line, '\n'));
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '#' && line[0] != '\0') {
            vector_run(name, number, line, run);
            cases++;
        }
    }
    fclose(stream);
    assert_true(cases >= least);
}

static inline void vector_must(const struct vector *vector, bool holds, const char *what)
{
    if (!holds) {
        fail_msg("%s:%d: %.*s: %s", vector->file, vector->line, (int)vector->column[0].length,
                 vector->column[0].at, what);
    }
}

/* Expected and got must be the same bytes; both are shown when they are not. */
static inline void vector_same(const struct vector *vector, struct span got, struct span expected)
{
    if (!span_equal(got, expected)) {
        fail_msg("%s:%d: %.*s:\n  got      %.*s\n  expected %.*s", vector->file, vector->line,
                 (int)vector->column[0].length, vector->column[0].at, (int)got.length,
                 got.length == 0 ? "" : got.at, (int)expected.length, expected.at);
    }
}

#endif
