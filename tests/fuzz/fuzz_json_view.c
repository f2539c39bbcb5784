/* fuzz_json_view.c - any bytes as JSON: read in place means what jansson reads; both refuse the same, but for stated bounds. */
#include "fuzz.h"

#include "base/text.h"
#include "wire/json.h"
#include "wire/json_view.h"

static struct json_view view;

static void compare(const struct json_view_value *ours, const struct json *theirs);

static void compare_number(const struct json_view_value *ours, const struct json *parent,
                           const char *name)
{
    int64_t number, expected;
    bool read = json_view_number(ours, &number);
    if (json_number(parent, name, &expected)) {
        assert(read == (ours->text.at[0] != '-' && expected <= INT64_C(1) << 53));
        assert(!read || number == expected);
    }
    assert(!read || (number >= 0 && number <= INT64_C(1) << 53));
}

static void compare_members(const struct json_view_value *ours, const struct json *theirs)
{
    size_t count = 0;
    CLEANUP(arena_done) struct arena arena = {0};
    const struct json_view_value *member = json_view_first(&view, ours);
    for (; member != NULL; member = json_view_next(&view, member)) {
        const char *name = span_text(&arena, member->name);
        assert(text_utf8(member->name));
        assert(json_view_member(&view, ours, member->name) == member);
        compare(member, json_member(theirs, name));
        if (json_view_kind(member) == JSON_VIEW_NUMBER) {
            compare_number(member, theirs, name);
        }
        count++;
    }
    assert(count == json_size(theirs));
}

static void compare_items(const struct json_view_value *ours, const struct json *theirs)
{
    size_t count = 0;
    const struct json_view_value *item = json_view_first(&view, ours);
    for (; item != NULL; item = json_view_next(&view, item)) {
        assert(span_empty(item->name));
        compare(item, json_item(theirs, count));
        count++;
    }
    assert(count == json_size(theirs));
}

static void compare(const struct json_view_value *ours, const struct json *theirs)
{
    int64_t number;
    enum json_view_kind kind = json_view_kind(ours);
    /* Both enums have the same order. */
    assert((int)kind == (int)json_kind(theirs) && kind != JSON_VIEW_ABSENT);
    assert(span_equal(json_value_text(theirs),
                      kind == JSON_VIEW_TEXT ? ours->text : (struct span){0}));
    assert(kind == JSON_VIEW_NUMBER || !json_view_number(ours, &number));
    if (kind == JSON_VIEW_OBJECT) {
        compare_members(ours, theirs);
    } else if (kind == JSON_VIEW_ARRAY) {
        compare_items(ours, theirs);
    } else {
        assert(json_view_first(&view, ours) == NULL);
    }
}

static void check_paths(const struct json_view_value *top)
{
    static const char *const PATHS[] = {"a", "a.b", "a.b.c", "", ".", "sub", "resource.mail"};
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        const struct json_view_value *found = json_view_path(&view, span_of(PATHS[i]));
        const struct json_view_value *member = json_view_member(&view, top, span_of(PATHS[i]));
        assert(member == NULL || found == member);
        assert(found == NULL || found != top);
    }
}

/* What we refuse and jansson takes. */
static bool is_bound(const char *problem)
{
    return strcmp(problem, "it is nested too deep") == 0 ||
           strcmp(problem, "it has too many values") == 0 ||
           strcmp(problem, "a number is too large") == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    const char *problem = NULL;
    CLEANUP(json_cleanup)
    struct json *theirs = json_parse(span_bytes(data, size), JSON_SIZE_MAX, &error);
    char *bytes = memory_new(size + 1, 1);
    bytes = memory_resize(bytes, size > 0 ? size : 1); /* ASan watches the end */
    if (size > 0) {
        memcpy(bytes, data, size);
    }
    bool read = json_view_parse(&view, bytes, size, &problem);
    assert(read == (problem == NULL) && read == (json_view_top(&view) != NULL));
    if (read) {
        assert(theirs != NULL && view.count <= JSON_VIEW_VALUES_MAX);
        compare(json_view_top(&view), theirs);
        check_paths(json_view_top(&view));
    } else {
        assert(theirs == NULL || is_bound(problem));
    }
    memory_free(bytes);
    return 0;
}
