/* test_uri.c - request targets: vectors/uri.txt. */
#include "vectors.h"

#include "wire/uri.h"

/* id, target, path, query; without a path it is refused. */
static void run_target(const struct vector *vector)
{
    struct span path, query;
    bool good = uri_split(vector->column[1], &path, &query);
    vector_must(vector, good == (vector->count > 2), good ? "is taken" : "is refused");
    if (good) {
        vector_same(vector, path, vector->column[2]);
        vector_same(vector, query, vector->column[3]);
    }
}

static void test_targets(void **state)
{
    (void)state;
    vectors_run("uri.txt", 40, run_target);
}

static void test_escaped(void **state)
{
    (void)state;
    assert_int_equal(uri_escaped(SPAN_LITERAL("%4a+")), 'J');
    assert_int_equal(uri_escaped(SPAN_LITERAL("%4A")), 'J');
    assert_int_equal(uri_escaped(SPAN_LITERAL("%ff")), 255);
    assert_int_equal(uri_escaped(SPAN_LITERAL("%00")), 0);
    static const char *const NONE[] = {"",    "%",   "%4",  "4a",  "%g0", "%0g",
                                       "%/0", "%:0", "%@0", "%`0", "%G0"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        assert_int_equal(uri_escaped(span_of(NONE[i])), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_targets),
                                       cmocka_unit_test(test_escaped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
