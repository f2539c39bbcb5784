/* test_scim_sort.c - the order of lists: kinds of keys, case, what is missing, ties (RFC 7644, 3.4.2.3). */
#include "scim/scim_sort.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void add(struct scim_sort *sort, const char *by, const char *text, int64_t row)
{
    struct arena arena = {0};
    struct error error;
    struct scim_error refused;
    struct scim_path path;
    CLEANUP(json_cleanup)
    struct json *shown = json_parse(span_of(text), 4096, &error);
    assert_non_null(shown);
    assert_true(scim_path_parse(SCIM_SCHEMA_USERS, span_of(by), false, &arena, &path, &refused));
    scim_sort_add(sort, &path, shown, SCIM_SCHEMA_USERS, row);
    arena_done(&arena);
}

/* Rows 1, 2, … in the order that they come in, as digits. */
static void expect(const char *by, bool descending, const char *const *texts, const char *wanted)
{
    char order[16] = "";
    struct scim_sort *sort = scim_sort_new(descending);
    for (int i = 0; texts[i] != NULL; i++) {
        add(sort, by, texts[i], i + 1);
    }
    scim_sort_order(sort);
    for (size_t i = 0; i < sort->count; i++) {
        order[i] = (char)('0' + sort->entries[i].row);
    }
    scim_sort_drop(sort);
    assert_string_equal(order, wanted);
}

static void test_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"title\":\"b\"}", "{}",
                                        "{\"title\":\"A\"}", "{\"title\":\"a\"}",
                                        "{\"title\":\"Ä\"}", NULL};
    expect("title", false, texts, "34152");
    expect("title", true, texts, "25134");
    /* externalId is caseExact. */
    static const char *const exact[] = {"{\"externalId\":\"b\"}", "{\"externalId\":\"B\"}",
                                        "{\"externalId\":\"a\"}", NULL};
    expect("externalId", false, exact, "231");
}

static void test_parts(void **state)
{
    (void)state;
    static const char *const names[] = {"{\"name\":{\"familyName\":\"z\"}}",
                                        "{\"name\":{\"familyName\":\"y\",\"givenName\":\"a\"}}",
                                        "{\"name\":{}}", NULL};
    expect("name.familyName", false, names, "213");
    expect("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", false, names, "213");
    static const char *const mails[] = {
        "{\"emails\":[{\"value\":\"a\"},{\"value\":\"z\",\"primary\":true}]}",
        "{\"emails\":[{\"value\":\"m\"},{\"value\":\"a\"}]}", "{\"emails\":[]}",
        "{\"emails\":[{\"value\":\"b\"}]}", NULL};
    expect("emails", false, mails, "4213");
    expect("emails.value", true, mails, "3124");
}

static void test_other_kinds(void **state)
{
    (void)state;
    static const char *const flags[] = {"{\"active\":true}", "{\"active\":false}", "{}", NULL};
    expect("active", false, flags, "213");
    static const char *const numbers[] = {
        "{\"urn:ietf:params:scim:schemas:extension:mail:2.0:User\":{\"quotaBytes\":10}}",
        "{\"urn:ietf:params:scim:schemas:extension:mail:2.0:User\":{\"quotaBytes\":9}}",
        "{\"urn:ietf:params:scim:schemas:extension:mail:2.0:User\":{\"quotaBytes\":100}}", NULL};
    expect("urn:ietf:params:scim:schemas:extension:mail:2.0:User:quotaBytes", false, numbers,
           "213");
    /* Nobody has it: the order of the rows. */
    expect("nothing", false, numbers, "123");
    expect("nothing", true, numbers, "123");
}

static void test_too_many(void **state)
{
    (void)state;
    struct scim_sort *sort = scim_sort_new(false);
    struct scim_path path = {.name = SPAN_LITERAL("nothing")};
    CLEANUP(json_cleanup) struct json *shown = json_new_object();
    for (int i = 0; i < SCIM_SORT_MAX; i++) {
        scim_sort_add(sort, &path, shown, SCIM_SCHEMA_USERS, SCIM_SORT_MAX - i);
    }
    assert_false(sort->overflow);
    scim_sort_add(sort, &path, shown, SCIM_SCHEMA_USERS, 0);
    assert_true(sort->overflow);
    assert_int_equal(sort->count, SCIM_SORT_MAX);
    scim_sort_order(sort);
    assert_int_equal(sort->entries[0].row, 1);
    scim_sort_keep(sort);
    scim_sort_drop(sort);
    scim_sort_drop(sort);
    scim_sort_drop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
