/* test_scim_filter.c - filters: vectors/scim_filter.txt, indexes, bounds, and random ones against a naive second evaluator. */
#include "vectors.h"

#include "base/arena.h"
#include "document/scim_filter.h"

#define ENTERPRISE "\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":"
#define MAIL       "\"urn:ietf:params:scim:schemas:extension:mail:2.0:User\":"

/* -- vectors: who of these matches -- */

static const struct person {
    const char *name, *json;
} USERS[] = {
    {"mira", "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"id\":\"Aa-1\","
             "\"userName\":\"Mira\","
             "\"externalId\":\"X1\",\"displayName\":\"Mira Voss\",\"active\":true,"
             "\"name\":{\"givenName\":\"Mira\",\"familyName\":\"Voss\"},"
             "\"emails\":[{\"value\":\"mira@example.com\",\"type\":\"work\",\"primary\":true},"
             "{\"value\":\"m@example.org\",\"type\":\"home\"}],"
             "\"meta\":{\"created\":\"2026-11-24T03:05:57Z\",\"lastModified\":\"2026-11-24T03:05:"
             "57Z\"}," MAIL "{\"quotaBytes\":100,\"aliases\":[\"mv@example.com\"]}}"},
    {"tor", "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"id\":\"bb-2\","
            "\"userName\":\"TOR\","
            "\"active\":false,\"emails\":[{\"value\":\"tor@example.org\",\"type\":\"work\"},"
            "{\"value\":\"mira@example.com\",\"type\":\"other\"}],"
            "\"meta\":{\"created\":\"2026-11-23T20:05:57.8617979-07:00\"}," ENTERPRISE
            "{\"employeeNumber\":\"701984\",\"manager\":{\"value\":\"Aa-1\"}}," MAIL
            "{\"quotaBytes\":9007199254740992}}"},
    {"asa", "{\"id\":\"cc-3\",\"userName\":\"\303\205sa\",\"nickName\":\"\",\"title\":\"true\","
            "\"name\":{\"familyName\":\"\"},\"emails\":[],"
            "\"meta\":{\"created\":\"2026-11-24T03:05:57.1Z\"}}"},
    {NULL, NULL},
};

static const struct person GROUPS[] = {
    {"sales",
     "{\"id\":\"g-1\",\"displayName\":\"Sales\",\"members\":[{\"value\":\"u-1\",\"type\":\"User\"},"
     "{\"value\":\"u-2\",\"type\":\"User\",\"display\":\"tor\"}]}"},
    {"ops", "{\"id\":\"g-2\",\"displayName\":\"Ops\",\"members\":[{\"value\":\"g-1\",\"type\":"
            "\"Group\"}]}"},
    {"empty", "{\"id\":\"g-3\",\"displayName\":\"Empty\"}"},
    {NULL, NULL},
};

static struct json *parse_json(const char *text)
{
    struct error error;
    struct json *document = json_parse(span_of(text), JSON_SIZE_MAX, &error);
    assert_non_null(document);
    return document;
}

static void show_matches(const struct scim_filter *filter, const struct person *people,
                         struct buffer *out)
{
    for (; people->name != NULL; people++) {
        CLEANUP(json_cleanup) struct json *resource = parse_json(people->json);
        if (scim_filter_match(filter, resource)) {
            buffer_add_text(out, out->length == 0 ? "" : " ");
            buffer_add_text(out, people->name);
        }
    }
}

static void show_index(const struct scim_filter *filter, struct buffer *out)
{
    static const char *const NAMES[] = {"",        "id",    "externalId", "name",
                                        "display", "email", "member"};
    struct scim_filter_key key = scim_filter_key(filter);
    buffer_add_text(out, NAMES[key.index]);
    if (key.index != SCIM_FILTER_NO_INDEX) {
        buffer_add_byte(out, '=');
        buffer_add(out, key.value);
    }
    buffer_add_text(out, scim_filter_needs_members(filter) ? " members" : "");
}

static void run_filter(const struct vector *vector)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(SIZE_MAX / 2);
    CLEANUP(arena_done) struct arena arena = {0};
    struct scim_error error = {0};
    bool groups = span_is(vector->column[1], "Group");
    const struct scim_filter *filter = scim_filter_parse(
        groups ? SCIM_SCHEMA_GROUPS : SCIM_SCHEMA_USERS, vector->column[2], &arena, &error);
    if (filter == NULL) {
        const char *type = scim_error_type_name(error.type);
        assert_int_equal(error.status, 400);
        assert_string_equal(type, "invalidFilter");
        buffer_format(&out, "! %s", error.detail.text);
    } else {
        show_matches(filter, groups ? GROUPS : USERS, &out);
        buffer_add_text(&out, " | ");
        show_index(filter, &out);
    }
    vector_same(vector, buffer_span(&out), vector->column[3]);
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_run("scim_filter.txt", 100, run_filter);
}

/* -- bounds (N37) -- */

static bool parses(struct span text)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct scim_error error;
    return scim_filter_parse(SCIM_SCHEMA_USERS, text, &arena, &error) != NULL;
}

static void add_times(struct buffer *out, const char *text, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        buffer_add_text(out, text);
    }
}

static bool parses_nested(const char *open, const char *close, unsigned depth)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(SIZE_MAX / 2);
    add_times(&text, open, depth);
    buffer_add_text(&text, "userName pr");
    add_times(&text, close, depth);
    return parses(buffer_span(&text));
}

static bool parses_chain(const char *joint, unsigned conditions)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(SIZE_MAX / 2);
    buffer_add_text(&text, "id pr");
    for (unsigned i = 1; i < conditions; i++) {
        buffer_add_text(&text, joint);
        buffer_add_text(&text, "id pr");
    }
    return parses(buffer_span(&text));
}

static bool parses_length(size_t length)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(SIZE_MAX / 2);
    buffer_add_text(&text, "id eq ");
    while (text.length < length) {
        buffer_add_byte(&text, 'a');
    }
    return parses(buffer_span(&text));
}

static void test_bounds(void **state)
{
    (void)state;
    assert_true(parses_nested("(", ")", SCIM_FILTER_DEPTH_MAX));
    assert_false(parses_nested("(", ")", SCIM_FILTER_DEPTH_MAX + 1));
    assert_true(parses_nested("not (", ")", SCIM_FILTER_DEPTH_MAX));
    assert_false(parses_nested("not (", ")", SCIM_FILTER_DEPTH_MAX + 1));
    assert_false(parses_nested("(", "", 5000));
    assert_false(parses_nested("not(", "", 1000));
    assert_true(parses_chain(" or ", SCIM_FILTER_NODES_MAX / 2));
    assert_false(parses_chain(" or ", SCIM_FILTER_NODES_MAX / 2 + 1));
    assert_false(parses_chain(" and ", SCIM_FILTER_NODES_MAX / 2 + 1));
    assert_true(parses_length(SCIM_FILTER_MAX));
    assert_false(parses_length(SCIM_FILTER_MAX + 1));
    assert_false(parses((struct span){0}));
}

/* -- the values of a path's filter -- */

static void check_values(const char *inner, const char *expected)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(SIZE_MAX / 2);
    CLEANUP(arena_done) struct arena arena = {0};
    struct scim_error error;
    struct span values[3];
    size_t count;
    const struct scim_schema_attribute *members =
        scim_schema_attribute(SCIM_SCHEMA_GROUPS, SPAN_LITERAL("members"));
    const struct scim_filter *filter =
        scim_filter_parse_inner(members, span_of(inner), &arena, &error);
    assert_non_null(filter);
    bool equalities = scim_filter_member_values(filter, values, 3, &count);
    for (size_t i = 0; equalities && i < count; i++) {
        buffer_add(&out, values[i]);
        buffer_add_byte(&out, ' ');
    }
    buffer_add_byte(&out, '\0');
    assert_string_equal(equalities ? out.at : "-", expected);
}

static void test_member_values(void **state)
{
    (void)state;
    check_values("value eq \"a\"", "a ");
    check_values("value eq \"a\" or (value eq \"b\")", "a b ");
    check_values("VALUE EQ a or value eq b or value eq c or value eq d", "a b c ");
    check_values("value eq \"a\" and value eq \"b\"", "-");
    check_values("value eq \"a\" or type eq \"User\"", "-");
    check_values("value ne \"a\"", "-");
    check_values("not (value eq \"a\")", "-");
    check_values("value pr", "-");
    check_values("colour eq \"a\"", "-");
    check_values("value eq null", "-");
}

/* -- random filters against a second evaluator, which walks the tree of its own that the text was made of -- */

static uint32_t dice_state;

static unsigned dice(unsigned sides)
{
    dice_state = dice_state * 1664525U + 1013904223U;
    return (dice_state >> 8) % sides;
}

enum { SHAPES_MAX = 256, NAMES = 3, WORDS = 4 };

struct shape {
    char kind; /* & | ! = p e: and, or, not, comparison, pr, elements */
    unsigned left, right, name, verb, word;
};

static struct shape shapes[SHAPES_MAX];
static unsigned shape_count;

static const char *const WORD[WORDS] = {"a", "ab", "b", "B"};
static const char *const PLAIN[NAMES] = {"userName", "nickName", "externalId"};
static const char *const PART[NAMES] = {"value", "type", "display"};
static const char *const VERB[] = {"eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le"};

static unsigned shape_new(unsigned depth, bool inner)
{
    unsigned at = shape_count++;
    assert_true(at < SHAPES_MAX);
    struct shape shape = {.kind = "&|!=p=e="[dice(depth == 0 ? 2 : 8)],
                          .name = dice(NAMES),
                          .verb = dice(9),
                          .word = dice(WORDS)};
    if (depth == 0) {
        shape.kind = shape.kind == '&' ? '=' : 'p';
    }
    if (shape.kind == 'e' && inner) {
        shape.kind = '=';
    }
    if (shape.kind == '&' || shape.kind == '|') {
        shape.left = shape_new(depth - 1, inner);
        shape.right = shape_new(depth - 1, inner);
    } else if (shape.kind == '!' || shape.kind == 'e') {
        shape.left = shape_new(depth - 1, inner || shape.kind == 'e');
    }
    shapes[at] = shape;
    return at;
}

/* Parentheses only where they are needed, or by chance. */
static void print_shape(unsigned at, int binds, bool inner, struct buffer *out)
{
    const struct shape *shape = &shapes[at];
    int own = shape->kind == '|' ? 1 : shape->kind == '&' ? 2 : 3;
    bool wrapped = own < binds || dice(8) == 0;
    const char *const *names = inner ? PART : PLAIN;
    buffer_add_text(out, wrapped ? "(" : "");
    if (shape->kind == '|' || shape->kind == '&') {
        print_shape(shape->left, own, inner, out);
        buffer_add_text(out, own == 1 ? (dice(2) ? " or " : " OR ") : " and ");
        print_shape(shape->right, own, inner, out);
    } else if (shape->kind == '!') {
        buffer_add_text(out, dice(2) ? "not (" : "NOT(");
        print_shape(shape->left, 0, inner, out);
        buffer_add_byte(out, ')');
    } else if (shape->kind == 'e') {
        buffer_add_text(out, "emails[");
        print_shape(shape->left, 0, true, out);
        buffer_add_byte(out, ']');
    } else if (shape->kind == 'p') {
        buffer_format(out, "%s pr", names[shape->name]);
    } else {
        buffer_format(out, dice(2) ? "%s %s \"%s\"" : "%s %s %s", names[shape->name],
                      VERB[shape->verb], WORD[shape->word]);
    }
    buffer_add_text(out, wrapped ? ")" : "");
}

static bool naive_compare(const char *value, unsigned verb, const char *word, bool exact)
{
    char a[8], b[8];
    snprintf(a, sizeof a, "%s", value);
    snprintf(b, sizeof b, "%s", word);
    for (char *at = a; !exact && *at != '\0'; at++) {
        *at = span_lower(*at);
    }
    for (char *at = b; !exact && *at != '\0'; at++) {
        *at = span_lower(*at);
    }
    size_t la = strlen(a), lb = strlen(b);
    int order = strcmp(a, b);
    const bool answers[] = {order == 0,
                            order != 0,
                            strstr(a, b) != NULL,
                            strncmp(a, b, lb) == 0,
                            la >= lb && strcmp(a + la - lb, b) == 0,
                            order > 0,
                            order < 0,
                            order >= 0,
                            order <= 0};
    return answers[verb];
}

struct naive_user {
    int plain[NAMES]; /* -1: none; else a word */
    unsigned emails;
    int parts[3][NAMES];
};

static bool naive_match(const struct naive_user *user, unsigned at, int element)
{
    const struct shape *shape = &shapes[at];
    int value = element < 0 ? user->plain[shape->name] : user->parts[element][shape->name];
    bool exact = element < 0 && shape->name == 2;
    switch (shape->kind) {
    case '&':
        return naive_match(user, shape->left, element) && naive_match(user, shape->right, element);
    case '|':
        return naive_match(user, shape->left, element) || naive_match(user, shape->right, element);
    case '!':
        return !naive_match(user, shape->left, element);
    case 'p':
        return value >= 0;
    case 'e':
        for (unsigned i = 0; i < user->emails; i++) {
            if (naive_match(user, shape->left, (int)i)) {
                return true;
            }
        }
        return false;
    default:
        return value < 0 ? shape->verb == 1
                         : naive_compare(WORD[value], shape->verb, WORD[shape->word], exact);
    }
}

static void put_words(const int *words, const char *const *names, struct json *object)
{
    for (unsigned i = 0; i < NAMES; i++) {
        if (words[i] >= 0) {
            json_put_text(object, names[i], span_of(WORD[words[i]]));
        }
    }
}

static void throw_words(int *words)
{
    for (unsigned i = 0; i < NAMES; i++) {
        words[i] = (int)dice(WORDS + 1) - 1;
    }
}

static struct json *naive_json(struct naive_user *user)
{
    struct json *resource = json_new_object(), *emails = json_new_array();
    throw_words(user->plain);
    put_words(user->plain, PLAIN, resource);
    user->emails = dice(4);
    for (unsigned i = 0; i < user->emails; i++) {
        struct json *email = json_new_object();
        throw_words(user->parts[i]);
        put_words(user->parts[i], PART, email);
        json_append(emails, email);
    }
    json_put(resource, "emails", emails);
    return resource;
}

static void check_random(unsigned seed)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(SIZE_MAX / 2);
    CLEANUP(arena_done) struct arena arena = {0};
    struct scim_error error = {0};
    dice_state = seed;
    shape_count = 0;
    unsigned top = shape_new(4, false);
    print_shape(top, 0, false, &text);
    const struct scim_filter *filter =
        scim_filter_parse(SCIM_SCHEMA_USERS, buffer_span(&text), &arena, &error);
    if (filter == NULL) {
        fail_msg("seed %u: %.*s: %s", seed, (int)text.length, text.at, error.detail.text);
    }
    for (unsigned i = 0; i < 20; i++) {
        struct naive_user user;
        CLEANUP(json_cleanup) struct json *resource = naive_json(&user);
        if (scim_filter_match(filter, resource) != naive_match(&user, top, -1)) {
            fail_msg("seed %u, user %u: %.*s", seed, i, (int)text.length, text.at);
        }
    }
}

static void test_random(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 5000; seed++) {
        check_random(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_member_values),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
