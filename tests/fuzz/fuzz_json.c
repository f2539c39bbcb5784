/* fuzz_json.c - any bytes as JSON: what is read is written and read again as the same. */
#include "fuzz.h"

#include "base/text.h"
#include "wire/json.h"

/* Calls every accessor on every value; kind and accessors must agree. */
static void walk(const struct json *value, unsigned depth)
{
    struct span text;
    int64_t number;
    bool flag;
    enum json_kind kind = json_kind(value);
    bool nests = kind == JSON_KIND_ARRAY || kind == JSON_KIND_OBJECT;
    assert(depth <= JSON_DEPTH_MAX + !nests && kind != JSON_KIND_ABSENT);
    assert(text_utf8(json_value_text(value)));
    assert(span_empty(json_value_text(value)) || kind == JSON_KIND_TEXT);
    assert(json_size(value) == 0 || kind == JSON_KIND_ARRAY || kind == JSON_KIND_OBJECT);
    for (size_t i = 0; kind == JSON_KIND_ARRAY && i < json_size(value); i++) {
        walk(json_item(value, i), depth + 1);
    }
    static const char *const NAMES[] = {"", "a", "b", "sub", "email", "email_verified"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const struct json *member = json_member(value, NAMES[i]);
        enum json_kind found = json_kind(member);
        assert(json_text(value, NAMES[i], &text) == (found == JSON_KIND_TEXT));
        assert(!json_number(value, NAMES[i], &number) || found == JSON_KIND_NUMBER);
        assert(json_boolean(value, NAMES[i], &flag) ==
               (found == JSON_KIND_TRUE || found == JSON_KIND_FALSE));
        if (found != JSON_KIND_ABSENT) {
            walk(member, depth + 1);
        }
    }
}

static void check_written(const struct json *document)
{
    struct error error;
    CLEANUP(buffer_done) struct buffer first = buffer_limited(JSON_SIZE_MAX);
    CLEANUP(buffer_done) struct buffer second = buffer_limited(JSON_SIZE_MAX);
    json_write(document, &first);
    /* Reals may be written longer than they came. */
    if (buffer_full(&first)) {
        assert(first.length == 0);
        return;
    }
    CLEANUP(json_cleanup)
    struct json *again = json_parse(buffer_span(&first), JSON_SIZE_MAX, &error);
    assert(again != NULL);
    json_write(again, &second);
    assert(span_equal(buffer_span(&first), buffer_span(&second)));
}

/* Text of any kind, put into a document of ours, comes out of it unchanged. */
static void check_built(struct span text)
{
    struct error error;
    CLEANUP(json_cleanup) struct json *built = json_new_object();
    CLEANUP(buffer_done) struct buffer out = buffer_limited(JSON_SIZE_MAX);
    struct json *list = json_new_array();
    json_append_text(list, text);
    json_append(list, json_new_object());
    json_put(built, "list", list);
    json_put_text(built, "text", text);
    json_put_integer(built, "number", (int64_t)text.length);
    json_put_boolean(built, "yes", true);
    json_put_boolean(built, "no", false);
    json_put_null(built, "null");
    json_write(built, &out);
    if (buffer_full(&out)) {
        return;
    }
    CLEANUP(json_cleanup) struct json *again = json_parse(buffer_span(&out), JSON_SIZE_MAX, &error);
    struct span found;
    assert(again != NULL && json_text(again, "text", &found) && span_equal(found, text));
    assert(span_equal(json_value_text(json_item(json_member(again, "list"), 0)), text));
    buffer_clear(&out);
    json_write_text(text, &out);
    assert(!span_has(buffer_span(&out), '\n'));
}

/* A copy is the same until it is changed; what it is of does not change with it. */
static void check_edited(const struct json *document)
{
    CLEANUP(json_cleanup) struct json *copy = json_clone(document);
    CLEANUP(json_cleanup) struct json *kept = json_clone(document);
    struct json_cursor cursor = {0};
    size_t members = 0;
    assert(json_same(copy, document));
    while (json_next(document, &cursor)) {
        bool whole = false;
        int64_t integer = 0;
        double number = 0;
        struct json *member = json_member_edit(copy, cursor.name);
        assert(member != NULL && json_same(member, cursor.value));
        assert(json_value_number(member, &whole, &integer, &number) ==
               (json_kind(member) == JSON_KIND_NUMBER));
        if (json_kind(member) == JSON_KIND_ARRAY && json_size(member) > 0) {
            json_item_put(member, 0, json_new_null());
            assert(json_kind(json_item_edit(member, 0)) == JSON_KIND_NULL);
            size_t size = json_size(member);
            json_item_remove(member, 0);
            assert(json_size(member) == size - 1);
        } else if (json_kind(member) == JSON_KIND_OBJECT) {
            json_clear(member);
            assert(json_size(member) == 0);
        } else {
            json_remove(copy, cursor.name);
            assert(json_member(copy, cursor.name) == NULL);
        }
        members++;
    }
    assert(members == json_size(document) && json_same(kept, document));
    json_clear(copy);
    json_put(copy, "new", json_new_boolean(members > 0));
    json_put(copy, "text", json_new_text(SPAN_LITERAL("x")));
    assert(json_size(copy) == 2 && json_same(kept, document));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct span text = span_bytes(data, size);
    CLEANUP(json_cleanup) struct json *document = json_parse(text, JSON_SIZE_MAX, &error);
    if (document != NULL) {
        assert(json_kind(document) == JSON_KIND_OBJECT);
        walk(document, 1);
        check_written(document);
        check_edited(document);
    }
    if (text_utf8(text)) {
        check_built(text);
    }
    CLEANUP(json_cleanup) struct json *shorter = json_parse(text, 16, &error);
    assert(shorter == NULL || size <= 16);
    return 0;
}
