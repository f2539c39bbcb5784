/* test_audit.c - the audit trail, newest first. */
#include "with_store.h"

#include "account/audit.h"

struct listed {
    bool done;
    size_t rows;
    int64_t first, last;
    char actions[256];
};

static void on_rows(const struct store_rows *rows, void *context)
{
    struct listed *listed = context;
    assert_null(rows->failure);
    listed->rows = rows->rows;
    for (size_t i = 0; i < rows->rows; i++) {
        struct audit_entry entry;
        int64_t number = audit_read(rows, i, &entry);
        listed->first = i == 0 ? number : listed->first;
        assert_true(i == 0 || number < listed->last);
        listed->last = number;
        size_t used = strlen(listed->actions);
        snprintf(listed->actions + used, sizeof listed->actions - used, "%.*s=%lld ",
                 (int)entry.action.length, entry.action.at, (long long)entry.at);
        assert_true(span_is(entry.actor, "uid:0"));
        assert_true(span_is(entry.detail, "{}"));
        assert_true(span_is(entry.account_id, span_is(entry.subject, "example.com") ? "" : "id-1"));
    }
    listed->done = true;
}

static void add(struct with_store *with, const char *action, const char *subject, const char *id,
                int64_t at)
{
    struct store_change *change = store_change_new();
    const struct audit_entry entry = {.at = at,
                                      .actor = SPAN_LITERAL("uid:0"),
                                      .action = span_of(action),
                                      .subject = span_of(subject),
                                      .account_id = span_of(id),
                                      .detail = SPAN_LITERAL("{}")};
    audit_add(change, &entry);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static struct listed list(struct with_store *with, const char *subject, int64_t before,
                          size_t rows_max)
{
    struct listed listed = {0};
    audit_list(with->store, span_of(subject), before, rows_max, on_rows, &listed);
    with_store_wait(with, &listed.done);
    return listed;
}

static void test_newest_first_in_pages(void **state)
{
    struct with_store *with = *state;
    assert_int_equal(list(with, "", 0, 10).rows, 0);
    add(with, "domain_add", "example.com", "", 1);
    add(with, "account_add", "ann@example.com", "id-1", 2);
    add(with, "account_set", "ann@example.com", "id-1", 3);
    struct listed page = list(with, "", 0, 2);
    assert_string_equal(page.actions, "account_set=3 account_add=2 ");
    assert_string_equal(list(with, "", page.last, 2).actions, "domain_add=1 ");
    assert_string_equal(list(with, "ann@example.com", 0, 10).actions,
                        "account_set=3 account_add=2 ");
    assert_string_equal(list(with, "ann@example.com", page.first, 10).actions, "account_add=2 ");
    assert_int_equal(list(with, "bob@example.com", 0, 10).rows, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_newest_first_in_pages, with_store_setup,
                                        with_store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
