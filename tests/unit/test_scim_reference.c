/* test_scim_reference.c - "bulkId:x" in texts and documents: found, replaced, left alone. */
#include "scim/scim_reference.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct span answer(struct span bulk_id, bool whole, void *context)
{
    int *unknown = context;
    if (span_is(bulk_id, "a")) {
        return SPAN_LITERAL("1-2");
    }
    if (span_is(bulk_id, "with blanks")) {
        return SPAN_LITERAL("3");
    }
    *unknown += whole;
    return (struct span){0};
}

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *replaced;
        int unknown;
    } cases[] = {
        {"", "", 0},
        {"a", "a", 0},
        {"bulkId:a", "1-2", 0},
        {"bulkId:with blanks", "3", 0},
        {"bulkId:none", "bulkId:none", 1},
        {"bulkId:none at all", "bulkId:none at all", 0},
        {"bulkId:", "bulkId:", 1},
        {"BULKID:a", "BULKID:a", 0},
        {"/Groups/bulkId:a", "/Groups/1-2", 0},
        {"/Groups/bulkId:b", "/Groups/bulkId:b", 0},
        {"members[value eq \"bulkId:a\"]", "members[value eq \"1-2\"]", 0},
        {"bulkId:a or bulkId:b or bulkId:a", "1-2 or bulkId:b or 1-2", 0},
        {"bulkId:bulkId:a", "bulkId:bulkId:a", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        int unknown = 0;
        struct span after = scim_reference_text(span_of(cases[i].text), &arena, answer, &unknown);
        if (!span_is(after, cases[i].replaced) || unknown != cases[i].unknown) {
            fail_msg("\"%s\" became \"%.*s\", %d unknown", cases[i].text, (int)after.length,
                     after.at, unknown);
        }
        arena_done(&arena);
    }
}

static void test_documents(void **state)
{
    (void)state;
    static const char before[] =
        "{\"bulkId:a\":\"x\",\"manager\":{\"value\":\"bulkId:a\"},"
        "\"list\":[\"bulkId:a\",{\"value\":\"bulkId:none\"},[\"bulkId:a\"],5,null],"
        "\"a\":\"bulkId:a\",\"b\":\"bulkId:a\"}";
    static const char after[] = "{\"bulkId:a\":\"x\",\"manager\":{\"value\":\"1-2\"},"
                                "\"list\":[\"1-2\",{\"value\":\"bulkId:none\"},[\"1-2\"],5,null],"
                                "\"a\":\"1-2\",\"b\":\"1-2\"}";
    struct arena arena = {0};
    struct error error;
    int unknown = 0;
    CLEANUP(json_cleanup)
    struct json *document = json_parse(span_of(before), sizeof before, &error);
    assert_non_null(document);
    scim_reference_replace(document, &arena, answer, &unknown);
    CLEANUP(buffer_done) struct buffer out = buffer_limited(1024);
    json_write(document, &out);
    assert_true(span_is(buffer_span(&out), after));
    assert_int_equal(unknown, 1);
    scim_reference_replace(NULL, &arena, answer, &unknown);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
