/* json_view.c - a strict JSON reader without allocation: one pass over the caller's bytes, no recursion. */
#include "wire/json_view.h"

#include "base/text.h"
#include "wire/decimal.h"

#include <string.h>

/* Members of an object that are compared one by one; more are sorted. */
enum { SCAN_MAX = 32 };

/* An array or object that is still open. */
struct level {
    uint16_t parent, last;
    size_t count;
    uint64_t seen; /* a bit for each name; one that is not set was not there */
};

struct reader {
    struct json_view *view;
    char *bytes;
    size_t length, at;
    const char *problem;
    size_t depth;
    struct level levels[JSON_VIEW_DEPTH_MAX];
};

static bool fail(struct reader *reader, const char *problem)
{
    reader->problem = problem;
    return false;
}

static bool malformed(struct reader *reader)
{
    return fail(reader, "it is no well-formed JSON");
}

static int peek(const struct reader *reader)
{
    return reader->at < reader->length ? (unsigned char)reader->bytes[reader->at] : -1;
}

static bool take(struct reader *reader, char byte)
{
    bool there = peek(reader) == (unsigned char)byte;
    reader->at += there;
    return there;
}

static void skip_blanks(struct reader *reader)
{
    int byte = peek(reader);
    while (byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r') {
        reader->at++;
        byte = peek(reader);
    }
}

/* -- strings -- */

/* Four hexadecimal digits; -1 when they are none. */
static int32_t read_unit(struct reader *reader)
{
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = text_hex_digit(peek(reader));
        if (digit < 0) {
            return -1;
        }
        unit = unit << 4 | digit;
        reader->at++;
    }
    return unit;
}

/* Never longer than the escape was, so what is written stays behind what is read. */
static void write_utf8(struct reader *reader, size_t *end, int32_t character)
{
    static const unsigned char LEAD[] = {0, 0, 0xc0, 0xe0, 0xf0};
    unsigned more = character < 0x80 ? 0 : character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    int32_t lead = more == 0 ? character : LEAD[more + 1] | character >> (6 * more);
    reader->bytes[(*end)++] = (char)lead;
    while (more > 0) {
        more--;
        reader->bytes[(*end)++] = (char)(0x80 | (character >> (6 * more) & 0x3f));
    }
}

/* RFC 8259, 7: what is beyond the first plane is a pair of surrogates; half a pair is no character. */
static bool read_character(struct reader *reader, size_t *end)
{
    int32_t unit = read_unit(reader);
    if (unit < 0) {
        return malformed(reader);
    }
    if (unit >= 0xd800 && unit <= 0xdbff && take(reader, '\\') && take(reader, 'u')) {
        int32_t low = read_unit(reader);
        unit = low >= 0xdc00 && low <= 0xdfff ? 0x10000 + (unit - 0xd800) * 0x400 + (low - 0xdc00)
                                              : -1;
    }
    if (unit < 0 || (unit >= 0xd800 && unit <= 0xdfff)) {
        return fail(reader, "half a surrogate pair is in a string");
    }
    if (unit == 0) {
        return fail(reader, "a NUL is in a string");
    }
    write_utf8(reader, end, unit);
    return true;
}

/* At the byte behind a backslash. */
static bool read_escape(struct reader *reader, size_t *end)
{
    static const char LETTERS[] = "\"\\/bfnrt", BYTES[] = "\"\\/\b\f\n\r\t";
    int byte = peek(reader);
    reader->at++;
    if (byte == 'u') {
        return read_character(reader, end);
    }
    const char *letter = byte <= 0 ? NULL : strchr(LETTERS, byte);
    if (letter == NULL) {
        return malformed(reader);
    }
    reader->bytes[(*end)++] = BYTES[letter - LETTERS];
    return true;
}

/* Moves what follows the first escape to the front, piece by piece. */
static bool read_escaped(struct reader *reader, size_t *end, unsigned *seen)
{
    int byte = peek(reader);
    while (byte >= ' ' && byte != '"') {
        reader->at++;
        if (byte != '\\') {
            *seen |= (unsigned)byte;
            reader->bytes[(*end)++] = (char)byte;
        } else if (!read_escape(reader, end)) {
            return false;
        }
        byte = peek(reader);
    }
    return true;
}

static bool read_string(struct reader *reader, struct span *text)
{
    if (!take(reader, '"')) {
        return malformed(reader);
    }
    size_t start = reader->at, end = start;
    unsigned seen = 0;
    while (end < reader->length) {
        unsigned byte = (unsigned char)reader->bytes[end];
        if (byte < ' ' || byte == '"' || byte == '\\') {
            break;
        }
        seen |= byte;
        end++;
    }
    reader->at = end;
    if (peek(reader) == '\\' && !read_escaped(reader, &end, &seen)) {
        return false;
    }
    if (!take(reader, '"')) {
        return fail(reader, reader->at < reader->length ? "a control byte is in a string"
                                                        : "it ends within a string");
    }
    *text = span_bytes(&reader->bytes[start], end - start);
    /* What escapes wrote is whole characters, so it cannot complete half of one. */
    return (seen & 0x80) == 0 || text_utf8(*text) || fail(reader, "it is no valid UTF-8");
}

/* -- numbers -- */

static bool is_of_number(int byte)
{
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == 'e' ||
           byte == 'E' || byte == '+';
}

static bool read_number(struct reader *reader, struct span *text)
{
    size_t start = reader->at;
    struct decimal decimal;
    while (is_of_number(peek(reader))) {
        reader->at++;
    }
    *text = span_bytes(&reader->bytes[start], reader->at - start);
    if (!decimal_parse(*text, &decimal)) {
        return malformed(reader);
    }
    return decimal_bounded(&decimal) || fail(reader, "a number is too large");
}

/* -- members -- */

static uint64_t name_bit(struct span name)
{
    unsigned mixed = (unsigned)name.length * 7;
    if (name.length > 0) {
        mixed += (unsigned char)name.at[0] + 31U * (unsigned char)name.at[name.length - 1] +
                 13U * (unsigned char)name.at[name.length / 2];
    }
    return UINT64_C(1) << (mixed & 63);
}

/* Among the first members, before another is added. */
static bool named_before(const struct reader *reader, struct level *level, struct span name)
{
    const struct json_view_value *values = reader->view->values;
    uint64_t bit = name_bit(name);
    bool maybe = (level->seen & bit) != 0 && level->count <= SCAN_MAX;
    level->seen |= bit;
    for (uint16_t i = maybe ? values[level->parent].first : 0; i != 0; i = values[i].next) {
        if (span_equal(values[i].name, name)) {
            return true;
        }
    }
    return false;
}

static void sift(const struct json_view_value *values, uint16_t *heap, size_t at, size_t count)
{
    while (2 * at + 1 < count) {
        size_t child = 2 * at + 1;
        if (child + 1 < count &&
            span_compare(values[heap[child]].name, values[heap[child + 1]].name) < 0) {
            child++;
        }
        if (span_compare(values[heap[at]].name, values[heap[child]].name) >= 0) {
            return;
        }
        uint16_t kept = heap[at];
        heap[at] = heap[child];
        heap[child] = kept;
        at = child;
    }
}

/* A heap sort: whoever chooses the names cannot make it slow. */
static bool any_twice(const struct json_view_value *values, uint16_t first)
{
    uint16_t heap[JSON_VIEW_VALUES_MAX];
    size_t count = 0;
    for (uint16_t i = first; i != 0; i = values[i].next) {
        heap[count++] = i;
    }
    for (size_t i = count / 2; i > 0; i--) {
        sift(values, heap, i - 1, count);
    }
    for (size_t end = count; end > 1; end--) {
        uint16_t greatest = heap[0];
        heap[0] = heap[end - 1];
        sift(values, heap, 0, end - 1);
        if (span_equal(values[greatest].name, values[heap[0]].name)) {
            return true;
        }
    }
    return false;
}

/* -- values -- */

static bool add(struct reader *reader, struct span name, enum json_view_kind kind)
{
    struct json_view *view = reader->view;
    if (view->count == JSON_VIEW_VALUES_MAX) {
        return fail(reader, "it has too many values");
    }
    uint16_t index = (uint16_t)view->count++;
    view->values[index] = (struct json_view_value){.name = name, .kind = (uint8_t)kind};
    if (reader->depth > 0) {
        struct level *level = &reader->levels[reader->depth - 1];
        if (level->count == 0) {
            view->values[level->parent].first = index;
        } else {
            view->values[level->last].next = index;
        }
        level->last = index;
        level->count++;
    }
    return true;
}

static bool open(struct reader *reader, struct span name, enum json_view_kind kind)
{
    reader->at++;
    if (reader->depth == JSON_VIEW_DEPTH_MAX) {
        return fail(reader, "it is nested too deep");
    }
    if (!add(reader, name, kind)) {
        return false;
    }
    reader->levels[reader->depth++] = (struct level){.parent = (uint16_t)(reader->view->count - 1)};
    return true;
}

static bool close(struct reader *reader)
{
    const struct level *level = &reader->levels[--reader->depth];
    const struct json_view_value *parent = &reader->view->values[level->parent];
    reader->at++;
    if (parent->kind == JSON_VIEW_OBJECT && level->count > SCAN_MAX &&
        any_twice(reader->view->values, parent->first)) {
        return fail(reader, "a member is named twice");
    }
    return true;
}

static bool read_word(struct reader *reader, struct span name, const char *word,
                      enum json_view_kind kind)
{
    struct span rest = span_bytes(&reader->bytes[reader->at], reader->length - reader->at);
    if (!span_starts(rest, word)) {
        return malformed(reader);
    }
    reader->at += strlen(word);
    return add(reader, name, kind);
}

static bool read_value(struct reader *reader, struct span name)
{
    struct span text;
    int byte = peek(reader);
    bool quoted = byte == '"';
    switch (byte) {
    case '{':
        return open(reader, name, JSON_VIEW_OBJECT);
    case '[':
        return open(reader, name, JSON_VIEW_ARRAY);
    case 't':
        return read_word(reader, name, "true", JSON_VIEW_TRUE);
    case 'f':
        return read_word(reader, name, "false", JSON_VIEW_FALSE);
    case 'n':
        return read_word(reader, name, "null", JSON_VIEW_NULL);
    default:
        break;
    }
    if (!(quoted ? read_string(reader, &text) : read_number(reader, &text)) ||
        !add(reader, name, quoted ? JSON_VIEW_TEXT : JSON_VIEW_NUMBER)) {
        return false;
    }
    reader->view->values[reader->view->count - 1].text = text;
    return true;
}

static bool read_name(struct reader *reader, struct level *level, struct span *name)
{
    if (!read_string(reader, name)) {
        return false;
    }
    if (named_before(reader, level, *name)) {
        return fail(reader, "a member is named twice");
    }
    skip_blanks(reader);
    if (!take(reader, ':')) {
        return malformed(reader);
    }
    skip_blanks(reader);
    return true;
}

/* The next member or item of the innermost array or object, or its end. */
static bool step(struct reader *reader)
{
    struct level *level = &reader->levels[reader->depth - 1];
    bool object = reader->view->values[level->parent].kind == JSON_VIEW_OBJECT;
    struct span name = {0};
    skip_blanks(reader);
    if (peek(reader) == (object ? '}' : ']')) {
        return close(reader);
    }
    if (level->count > 0) {
        if (!take(reader, ',')) {
            return malformed(reader);
        }
        skip_blanks(reader);
    }
    return (!object || read_name(reader, level, &name)) && read_value(reader, name);
}

static bool read_document(struct reader *reader)
{
    skip_blanks(reader);
    if (peek(reader) != '{') {
        return fail(reader, "it is no JSON object");
    }
    if (!open(reader, (struct span){0}, JSON_VIEW_OBJECT)) {
        return false;
    }
    while (reader->depth > 0) {
        if (!step(reader)) {
            return false;
        }
    }
    skip_blanks(reader);
    return reader->at == reader->length || fail(reader, "something follows the JSON object");
}

bool json_view_parse(struct json_view *view, char *bytes, size_t length, const char **problem)
{
    struct reader reader;
    reader.view = view;
    reader.bytes = bytes;
    reader.length = length;
    reader.at = 0;
    reader.depth = 0;
    reader.problem = NULL;
    view->count = 0;
    bool read = read_document(&reader);
    if (!read) {
        view->count = 0;
    }
    *problem = reader.problem;
    return read;
}

/* -- looking -- */

const struct json_view_value *json_view_top(const struct json_view *view)
{
    return view->count == 0 ? NULL : &view->values[0];
}

const struct json_view_value *json_view_first(const struct json_view *view,
                                              const struct json_view_value *parent)
{
    return parent == NULL || parent->first == 0 ? NULL : &view->values[parent->first];
}

const struct json_view_value *json_view_next(const struct json_view *view,
                                             const struct json_view_value *value)
{
    return value == NULL || value->next == 0 ? NULL : &view->values[value->next];
}

const struct json_view_value *json_view_member(const struct json_view *view,
                                               const struct json_view_value *object,
                                               struct span name)
{
    if (json_view_kind(object) != JSON_VIEW_OBJECT) {
        return NULL;
    }
    const struct json_view_value *member = json_view_first(view, object);
    while (member != NULL && !span_equal(member->name, name)) {
        member = json_view_next(view, member);
    }
    return member;
}

/* The member with the longest name that the path begins with. */
static const struct json_view_value *path_step(const struct json_view *view,
                                               const struct json_view_value *object,
                                               struct span *path)
{
    struct span name = *path;
    const struct json_view_value *member = json_view_member(view, object, name);
    while (member == NULL && span_has(name, '.')) {
        name = span_first(name, span_find_last(name, '.'));
        member = json_view_member(view, object, name);
    }
    *path = name.length < path->length ? span_from(*path, name.length + 1) : (struct span){0};
    return member;
}

const struct json_view_value *json_view_path(const struct json_view *view, struct span path)
{
    const struct json_view_value *value = json_view_top(view);
    do {
        value = path_step(view, value, &path);
    } while (value != NULL && path.at != NULL);
    return value;
}

enum json_view_kind json_view_kind(const struct json_view_value *value)
{
    return value == NULL ? JSON_VIEW_ABSENT : (enum json_view_kind)value->kind;
}

bool json_view_number(const struct json_view_value *value, int64_t *number)
{
    struct decimal decimal;
    return json_view_kind(value) == JSON_VIEW_NUMBER && decimal_parse(value->text, &decimal) &&
           decimal_floor(&decimal, number);
}
