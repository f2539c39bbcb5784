/* scim_filter_parse.c - filters: text to tree, within bounds. */
#include "base/memory.h"
#include "base/text.h"
#include "document/scim_filter.h"
#include "document/scim_resource.h"

struct parser {
    enum scim_schema_resource resource;
    const struct scim_schema_attribute *of; /* within brackets: whose parts are named */
    bool inner;                             /* within brackets */
    struct span rest;
    size_t length;
    struct arena *arena;
    struct scim_error *error;
    unsigned depth, nodes;
};

static const struct scim_filter *parse_chain(struct parser *parser, enum scim_filter_kind kind);

static bool refuse(struct parser *parser, const char *why)
{
    scim_error_set(parser->error, 400, SCIM_ERROR_INVALID_FILTER, "filter, at byte %zu: %s",
                   parser->length - parser->rest.length + 1, why);
    return false;
}

static bool refuse_for(struct parser *parser, const struct scim_schema_attribute *attribute,
                       const char *why)
{
    return scim_error_set(parser->error, 400, SCIM_ERROR_INVALID_FILTER, "filter: %s %s",
                          attribute->name, why);
}

/* -- words -- */

static bool is_blank(int byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void skip_blanks(struct parser *parser)
{
    while (is_blank(span_at(parser->rest, 0))) {
        parser->rest = span_from(parser->rest, 1);
    }
}

static bool take(struct parser *parser, char byte)
{
    bool there = span_at(parser->rest, 0) == (unsigned char)byte;
    parser->rest = span_from(parser->rest, there);
    return there;
}

/* What ends a word: nothing that a name, a URN or a bare value may hold. */
static bool is_word_byte(int byte)
{
    return byte > ' ' && byte != 0x7f && byte != '(' && byte != ')' && byte != '[' && byte != ']' &&
           byte != '"';
}

static struct span front_word(const struct parser *parser)
{
    size_t length = 0;
    while (is_word_byte(span_at(parser->rest, length))) {
        length++;
    }
    return span_first(parser->rest, length);
}

static bool take_word(struct parser *parser, const char *word)
{
    skip_blanks(parser);
    bool there = span_is_fold(front_word(parser), word);
    parser->rest = span_from(parser->rest, there ? strlen(word) : 0);
    return there;
}

/* `not`, but only before a bracket: it could be an attribute's name otherwise. */
static bool take_not(struct parser *parser)
{
    struct span before = parser->rest;
    if (take_word(parser, "not")) {
        skip_blanks(parser);
        if (span_at(parser->rest, 0) == '(') {
            return true;
        }
        parser->rest = before;
    }
    return false;
}

static struct scim_filter *node_new(struct parser *parser, enum scim_filter_kind kind)
{
    parser->nodes++;
    if (parser->nodes > SCIM_FILTER_NODES_MAX) {
        refuse(parser, "has too many conditions");
        return NULL;
    }
    struct scim_filter *node = arena_new(parser->arena, sizeof *node);
    node->kind = kind;
    return node;
}

static bool deeper(struct parser *parser)
{
    parser->depth++;
    return parser->depth <= SCIM_FILTER_DEPTH_MAX || refuse(parser, "is nested too deep");
}

/* -- values -- */

/* With its quotes. Empty: it does not end. */
static struct span take_quoted(struct parser *parser)
{
    size_t end = 1;
    while (end < parser->rest.length && parser->rest.at[end] != '"') {
        end += parser->rest.at[end] == '\\' ? 2 : 1;
    }
    if (end >= parser->rest.length) {
        return (struct span){0};
    }
    struct span quoted = span_first(parser->rest, end + 1);
    parser->rest = span_from(parser->rest, end + 1);
    return quoted;
}

/* One JSON value, read by the one reader of JSON. NULL: it is none. The caller's. */
static struct json *read_json(struct span text)
{
    struct error unused;
    CLEANUP(buffer_done) struct buffer document = buffer_limited(SCIM_FILTER_MAX + 16);
    buffer_add_text(&document, "{\"v\":");
    buffer_add(&document, text);
    buffer_add_byte(&document, '}');
    return json_parse(buffer_span(&document), SCIM_FILTER_MAX + 16, &unused);
}

static bool parse_quoted(struct parser *parser, struct scim_filter_value *value)
{
    CLEANUP(json_cleanup) struct json *document = read_json(take_quoted(parser));
    const struct json *text = json_member(document, "v");
    if (json_kind(text) != JSON_KIND_TEXT) {
        return refuse(parser, "has a string in front that is no JSON string");
    }
    value->kind = JSON_KIND_TEXT;
    value->text = span_copy(parser->arena, json_value_text(text));
    return true;
}

static bool is_number_byte(int byte)
{
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' ||
           byte == 'e' || byte == 'E';
}

/* A JSON number and nothing but it. */
static bool read_number(struct span word, struct scim_filter_value *value)
{
    for (size_t i = 0; i < word.length; i++) {
        if (!is_number_byte(span_at(word, i))) {
            return false;
        }
    }
    CLEANUP(json_cleanup) struct json *document = read_json(word);
    return json_value_number(json_member(document, "v"), &value->whole, &value->integer,
                             &value->number);
}

/* true, False, null, a number; whatever else is a string without quotes (N36). */
static bool parse_bare(struct parser *parser, struct scim_filter_value *value)
{
    struct span word = front_word(parser);
    if (span_empty(word)) {
        return refuse(parser, "a value is missing");
    }
    value->text = span_copy(parser->arena, word);
    value->kind = span_is_fold(word, "true")    ? JSON_KIND_TRUE
                  : span_is_fold(word, "false") ? JSON_KIND_FALSE
                  : span_is_fold(word, "null")  ? JSON_KIND_NULL
                  : read_number(word, value)    ? JSON_KIND_NUMBER
                                                : JSON_KIND_TEXT;
    parser->rest = span_from(parser->rest, word.length);
    return true;
}

/* -- what an attribute can be compared with -- */

static bool is_ordering(enum scim_filter_operator compare)
{
    return compare >= SCIM_FILTER_GT;
}

static bool is_substring(enum scim_filter_operator compare)
{
    return compare == SCIM_FILTER_CO || compare == SCIM_FILTER_SW || compare == SCIM_FILTER_EW;
}

static bool fit_boolean(struct parser *parser, const struct scim_schema_attribute *leaf,
                        struct scim_filter *node)
{
    struct scim_filter_value *value = &node->value;
    if (node->compare != SCIM_FILTER_EQ && node->compare != SCIM_FILTER_NE) {
        return refuse_for(parser, leaf, "is true or false: only eq and ne can be asked");
    }
    if (value->kind == JSON_KIND_TEXT && span_is_fold(value->text, "true")) {
        value->kind = JSON_KIND_TRUE;
    } else if (value->kind == JSON_KIND_TEXT && span_is_fold(value->text, "false")) {
        value->kind = JSON_KIND_FALSE;
    }
    return value->kind == JSON_KIND_TRUE || value->kind == JSON_KIND_FALSE ||
           refuse_for(parser, leaf, "is true or false");
}

static bool fit_number(struct parser *parser, const struct scim_schema_attribute *leaf,
                       struct scim_filter *node)
{
    struct scim_filter_value *value = &node->value;
    if (is_substring(node->compare)) {
        return refuse_for(parser, leaf, "is a number: co, sw and ew cannot be asked");
    }
    if (value->kind == JSON_KIND_TEXT && read_number(value->text, value)) {
        value->kind = JSON_KIND_NUMBER;
    }
    return value->kind == JSON_KIND_NUMBER || refuse_for(parser, leaf, "is a number");
}

/* Of a time, co, sw and ew mean its text. */
static bool fit_date(struct parser *parser, const struct scim_schema_attribute *leaf,
                     struct scim_filter *node)
{
    struct scim_filter_value *value = &node->value;
    if (value->kind != JSON_KIND_TEXT ||
        (!is_substring(node->compare) && !scim_date_read(value->text, &value->date))) {
        return refuse_for(parser, leaf, "is a time like \"2026-11-24T03:05:57Z\"");
    }
    return true;
}

/* Unquoted `true` or 17 is taken as the string it looks like. */
static bool fit_text(struct parser *parser, const struct scim_schema_attribute *leaf,
                     struct scim_filter *node)
{
    if (leaf->type == SCIM_SCHEMA_BINARY && is_ordering(node->compare)) {
        return refuse_for(parser, leaf, "is binary: it has no order");
    }
    node->value.kind = JSON_KIND_TEXT;
    return true;
}

static bool fit_type(struct parser *parser, const struct scim_schema_attribute *leaf,
                     struct scim_filter *node)
{
    switch (leaf->type) {
    case SCIM_SCHEMA_BOOLEAN:
        return fit_boolean(parser, leaf, node);
    case SCIM_SCHEMA_INTEGER:
    case SCIM_SCHEMA_DECIMAL:
        return fit_number(parser, leaf, node);
    case SCIM_SCHEMA_DATETIME:
        return fit_date(parser, leaf, node);
    case SCIM_SCHEMA_STRING:
    case SCIM_SCHEMA_REFERENCE:
    case SCIM_SCHEMA_BINARY:
        return fit_text(parser, leaf, node);
    case SCIM_SCHEMA_COMPLEX:
        break;
    }
    return refuse_for(parser, leaf, "has parts: name one of them");
}

/* `emails co "x"` means emails.value (RFC 7644, figure 2). */
static bool choose_value(struct parser *parser, struct scim_path *path)
{
    const struct scim_schema_attribute *attribute = path->attribute;
    if (attribute == NULL) {
        return span_empty(path->name) ? refuse(parser, "a schema has no value of its own") : true;
    }
    if (attribute->type != SCIM_SCHEMA_COMPLEX || !span_empty(path->part_name)) {
        return true;
    }
    path->part_name = SPAN_LITERAL("value");
    path->part = scim_schema_find(attribute->parts, path->part_name);
    return path->part != NULL || refuse_for(parser, attribute, "has parts: name one of them");
}

/* `eq null` and `ne null` ask whether there is a value. */
static bool fit_value(struct parser *parser, struct scim_filter *node)
{
    const struct scim_schema_attribute *leaf = scim_filter_leaf(&node->path);
    bool ordered = node->compare != SCIM_FILTER_EQ && node->compare != SCIM_FILTER_NE;
    if (node->value.kind == JSON_KIND_NULL) {
        return !ordered || refuse(parser, "null can only be asked for by eq and ne");
    }
    if (leaf == NULL) {
        return true;
    }
    if (!fit_type(parser, leaf, node)) {
        return false;
    }
    if (node->value.kind == JSON_KIND_TEXT && !leaf->exact) {
        node->value.folded = scim_resource_fold(node->value.text, parser->arena);
    }
    return true;
}

/* -- conditions -- */

static bool take_operator(struct parser *parser, enum scim_filter_operator *compare)
{
    static const char *const NAMES[] = {"eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le"};
    skip_blanks(parser);
    struct span word = front_word(parser);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (span_is_fold(word, NAMES[i])) {
            *compare = (enum scim_filter_operator)i;
            parser->rest = span_from(parser->rest, word.length);
            return true;
        }
    }
    return refuse(parser, "an operator is missing: eq, ne, co, sw, ew, gt, ge, lt, le or pr");
}

/* N37: whoever may ask what a password begins with, knows it soon. */
static bool is_secret(const struct scim_path *path)
{
    return (path->attribute != NULL && path->attribute->returned == SCIM_SCHEMA_NEVER) ||
           (path->part != NULL && path->part->returned == SCIM_SCHEMA_NEVER);
}

/* What follows an attribute. */
static const struct scim_filter *parse_condition(struct parser *parser,
                                                 const struct scim_path *path)
{
    bool present = take_word(parser, "pr");
    struct scim_filter *node =
        node_new(parser, present ? SCIM_FILTER_PRESENT : SCIM_FILTER_COMPARE);
    if (node == NULL) {
        return NULL;
    }
    node->path = *path;
    if (is_secret(path)) {
        refuse_for(parser, path->attribute, "cannot be asked for");
        return NULL;
    }
    if (present) {
        return node;
    }
    if (!take_operator(parser, &node->compare) || !choose_value(parser, &node->path)) {
        return NULL;
    }
    skip_blanks(parser);
    bool read = span_at(parser->rest, 0) == '"' ? parse_quoted(parser, &node->value)
                                                : parse_bare(parser, &node->value);
    return read && fit_value(parser, node) ? node : NULL;
}

/* A part of parser->of, by its plain name. */
static bool read_part(struct parser *parser, struct span word, struct scim_path *path)
{
    const struct scim_schema_attribute *of = parser->of;
    *path = (struct scim_path){.attribute = of, .part_name = word};
    path->name = of == NULL ? word : span_of(of->name);
    if (span_has(word, '.') || span_has(word, ':')) {
        return refuse(parser, "within brackets parts have plain names");
    }
    if (of != NULL && of->type == SCIM_SCHEMA_COMPLEX) {
        path->part = scim_schema_find(of->parts, word);
    } else if (span_is_fold(word, "value")) {
        path->part_name = (struct span){0};
    }
    return true;
}

static bool read_path(struct parser *parser, struct span word, struct scim_path *path)
{
    struct scim_error why;
    if (span_empty(word)) {
        return refuse(parser, "an attribute is missing");
    }
    if (parser->inner) {
        return read_part(parser, word, path);
    }
    return scim_path_parse(parser->resource, word, false, parser->arena, path, &why)
               ? true
               : refuse(parser, why.detail.text);
}

/* Behind `emails[`: the inner filter, the bracket, and perhaps `.value eq "x"`. */
static const struct scim_filter *parse_element(struct parser *parser, const struct scim_path *path)
{
    struct scim_filter *node = node_new(parser, SCIM_FILTER_ELEMENT);
    if (node == NULL || !deeper(parser)) {
        return NULL;
    }
    if (parser->inner || span_empty(path->name) || !span_empty(path->part_name)) {
        refuse(parser, "a bracket stands behind an attribute that has values with parts");
        return NULL;
    }
    node->path = *path;
    parser->inner = true;
    parser->of = path->attribute;
    node->left = parse_chain(parser, SCIM_FILTER_OR);
    skip_blanks(parser);
    if (node->left == NULL || (!take(parser, ']') && !refuse(parser, "a bracket is not closed"))) {
        return NULL;
    }
    if (take(parser, '.')) {
        struct scim_path part = {0};
        struct span word = front_word(parser);
        parser->rest = span_from(parser->rest, word.length);
        node->right = read_path(parser, word, &part) ? parse_condition(parser, &part) : NULL;
        node = node->right == NULL ? NULL : node;
    }
    parser->inner = false;
    parser->of = NULL;
    parser->depth--;
    return node;
}

static const struct scim_filter *parse_group(struct parser *parser)
{
    if (!deeper(parser)) {
        return NULL;
    }
    const struct scim_filter *node = parse_chain(parser, SCIM_FILTER_OR);
    skip_blanks(parser);
    if (node == NULL || (!take(parser, ')') && !refuse(parser, "a parenthesis is not closed"))) {
        return NULL;
    }
    parser->depth--;
    return node;
}

static const struct scim_filter *parse_not(struct parser *parser)
{
    struct scim_filter *node = node_new(parser, SCIM_FILTER_NOT);
    if (node == NULL) {
        return NULL;
    }
    take(parser, '(');
    node->left = parse_group(parser);
    return node->left == NULL ? NULL : node;
}

static const struct scim_filter *parse_term(struct parser *parser)
{
    struct scim_path path = {0};
    skip_blanks(parser);
    if (take(parser, '(')) {
        return parse_group(parser);
    }
    if (take_not(parser)) {
        return parse_not(parser);
    }
    struct span word = front_word(parser);
    if (!read_path(parser, word, &path)) {
        return NULL;
    }
    parser->rest = span_from(parser->rest, word.length);
    return take(parser, '[') ? parse_element(parser, &path) : parse_condition(parser, &path);
}

/* Terms joined by `and`, or such chains joined by `or`, which binds less (N32). It leans to the right: matching walks it
 * in a loop. */
static const struct scim_filter *parse_chain(struct parser *parser, enum scim_filter_kind kind)
{
    bool is_or = kind == SCIM_FILTER_OR;
    const struct scim_filter *chain =
        is_or ? parse_chain(parser, SCIM_FILTER_AND) : parse_term(parser);
    const struct scim_filter **last = &chain;
    while (chain != NULL && take_word(parser, is_or ? "or" : "and")) {
        struct scim_filter *node = node_new(parser, kind);
        if (node == NULL) {
            return NULL;
        }
        node->left = *last;
        node->right = is_or ? parse_chain(parser, SCIM_FILTER_AND) : parse_term(parser);
        if (node->right == NULL) {
            return NULL;
        }
        *last = node;
        last = &node->right;
    }
    return chain;
}

static const struct scim_filter *parse_all(struct parser *parser)
{
    if (parser->length > SCIM_FILTER_MAX || !text_utf8(parser->rest)) {
        parser->rest = span_from(parser->rest, parser->length);
        refuse(parser, "is longer than 4096 bytes or not UTF-8");
        return NULL;
    }
    const struct scim_filter *filter = parse_chain(parser, SCIM_FILTER_OR);
    skip_blanks(parser);
    if (filter != NULL && !span_empty(parser->rest)) {
        refuse(parser, "`and`, `or` or the end is expected");
        return NULL;
    }
    return filter;
}

static struct parser parser_of(struct span text, struct arena *arena, struct scim_error *error)
{
    return (struct parser){
        .rest = span_copy(arena, text), .length = text.length, .arena = arena, .error = error};
}

const struct scim_filter *scim_filter_parse(enum scim_schema_resource resource, struct span text,
                                            struct arena *arena, struct scim_error *error)
{
    struct parser parser = parser_of(span_first(text, SCIM_FILTER_MAX + 1), arena, error);
    parser.resource = resource;
    return parse_all(&parser);
}

const struct scim_filter *scim_filter_parse_inner(const struct scim_schema_attribute *of,
                                                  struct span text, struct arena *arena,
                                                  struct scim_error *error)
{
    struct parser parser = parser_of(span_first(text, SCIM_FILTER_MAX + 1), arena, error);
    parser.inner = true;
    parser.of = of;
    return parse_all(&parser);
}
