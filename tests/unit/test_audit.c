/* test_audit.c - the audit trail, newest first. */
#include "with_plan.h"

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

static void add_by(struct with_store *with, const char *actor, const char *id, int64_t at)
{
    struct store_change *change = store_change_new();
    const struct audit_entry entry = {.at = at,
                                      .actor = span_of(actor),
                                      .action = SPAN_LITERAL("account_set"),
                                      .subject = SPAN_LITERAL("someone"),
                                      .account_id = span_of(id),
                                      .detail = SPAN_LITERAL("{}")};
    audit_add(change, &entry);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

struct times {
    bool done;
    char text[256];
    int64_t last;
};

static void on_times(const struct store_rows *rows, void *context)
{
    struct times *times = context;
    assert_null(rows->failure);
    for (size_t i = 0; i < rows->rows; i++) {
        struct audit_entry entry;
        size_t used = strlen(times->text);
        times->last = audit_read(rows, i, &entry);
        snprintf(times->text + used, sizeof times->text - used, "%lld ", (long long)entry.at);
    }
    times->done = true;
}

static struct times of_account(struct with_store *with, const char *id, int64_t before,
                               size_t rows_max)
{
    struct times times = {0};
    audit_list_of_account(with->store, span_of(id), before, rows_max, on_times, &times);
    with_store_wait(with, &times.done);
    return times;
}

static struct times of_actor(struct with_store *with, const char *actor, int64_t before,
                             size_t rows_max)
{
    struct times times = {0};
    audit_list_of_actor(with->store, span_of(actor), before, rows_max, on_times, &times);
    with_store_wait(with, &times.done);
    return times;
}

static void test_by_account_and_by_actor(void **state)
{
    struct with_store *with = *state;
    static const struct {
        const char *actor, *id;
    } rows[] = {{"scim:okta", "id-1"},  {"uid:0", "id-1"}, {"scim:okta2", "id-2"},
                {"scim:entra", "id-1"}, {"login", ""},     {"scim:okta", "id-2"},
                {"scim", "id-1"},       {"scin", "id-1"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        add_by(with, rows[i].actor, rows[i].id, (int64_t)i + 1);
    }
    assert_string_equal(of_account(with, "id-1", 0, 10).text, "8 7 4 2 1 ");
    struct times page = of_account(with, "id-1", 0, 2);
    assert_string_equal(page.text, "8 7 ");
    assert_string_equal(of_account(with, "id-1", page.last, 2).text, "4 2 ");
    assert_string_equal(of_account(with, "id-9", 0, 10).text, "");
    assert_string_equal(of_actor(with, "scim:okta", 0, 10).text, "6 1 ");
    assert_string_equal(of_actor(with, "scim:okt", 0, 10).text, "");
    page = of_actor(with, "scim:", 0, 3);
    assert_string_equal(page.text, "6 4 3 ");
    assert_string_equal(of_actor(with, "scim:", page.last, 3).text, "1 ");
    assert_string_equal(of_actor(with, "uid:", 0, 10).text, "2 ");
    assert_string_equal(of_actor(with, "login", 0, 10).text, "5 ");
}

/* All of one sort are sorted, by their numbers alone. */
static void test_lists_use_an_index(void **state)
{
    struct with_store *with = *state;
    size_t count;
    const struct statement *const *statements = audit_statements(&count);
    for (size_t i = 0; i < count; i++) {
        with_plan_check(with, statements[i]->sql, i + 1 < count);
    }
    assert_true(with_plan_names(with, statements[count - 1]->sql, "COVERING INDEX audit_actor"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_newest_first_in_pages, with_store_setup,
                                        with_store_teardown),
        cmocka_unit_test_setup_teardown(test_by_account_and_by_actor, with_store_setup,
                                        with_store_teardown),
        cmocka_unit_test_setup_teardown(test_lists_use_an_index, with_store_setup,
                                        with_store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
