/* test_resource_index.c - positions of resources: nothing lost and nothing twice, whatever happens while they are read. */
#include "with_store.h"

#include "account/resource_index.h"

#include <sqlite3.h>

struct with_index {
    struct with_store store;
    struct resource_index *index;
};

static int set_up(void **state)
{
    struct with_index *with = MEMORY_NEW(struct with_index);
    with_store_directory(&with->store);
    with_store_open(&with->store);
    with->index = resource_index_new(with->store.store);
    *state = with;
    return 0;
}

static int tear_down(void **state)
{
    struct with_index *with = *state;
    resource_index_free(with->index);
    with_store_close(&with->store);
    with_store_remove(&with->store);
    memory_free(with);
    return 0;
}

static const struct span CLIENT = {"c-1", 3};

static void add_step(struct store_change *change, int number, const char *client,
                     enum resource_type type)
{
    char text[16];
    snprintf(text, sizeof text, "r-%d", number);
    struct resource resource = {.type = type,
                                .name = span_of(text),
                                .name_key = span_of(text),
                                .document = SPAN_LITERAL("{}")};
    snprintf(resource.id, sizeof resource.id, "%s", text);
    snprintf(resource.client_id, sizeof resource.client_id, "%s", client);
    resource_add(change, &resource);
}

/* Users of c-1 with these numbers, in an empty database. */
static void add(struct with_index *with, int first, int last)
{
    struct store_change *change = store_change_new();
    for (int i = first; i <= last; i++) {
        add_step(change, i, "c-1", RESOURCE_USER);
    }
    assert_int_equal(with_store_write(&with->store, change), STORE_DONE);
}

static void end(struct with_index *with, int number)
{
    char id[16];
    snprintf(id, sizeof id, "r-%d", number);
    struct store_change *change = store_change_new();
    resource_end(change, span_of(id), 10);
    assert_int_equal(with_store_write(&with->store, change), STORE_DONE);
}

static struct resource user_of(int64_t number)
{
    return (struct resource){.number = number, .type = RESOURCE_USER, .client_id = "c-1"};
}

static void came(struct with_index *with, int64_t number)
{
    const struct resource resource = user_of(number);
    resource_index_came(with->index, &resource);
}

static void went(struct with_index *with, int64_t number)
{
    const struct resource resource = user_of(number);
    resource_index_went(with->index, &resource);
}

struct waiting {
    bool done;
    char failure[ERROR_MAX];
    struct with_index *with;
    struct resource_index_wait **cancel; /* another one, from within */
    struct waiting *again;               /* starts this one, from within */
};

static void on_filled(const char *failure, void *context)
{
    struct waiting *waiting = context;
    assert_false(waiting->done);
    waiting->done = true;
    snprintf(waiting->failure, sizeof waiting->failure, "%s", failure == NULL ? "" : failure);
    if (waiting->cancel != NULL) {
        resource_index_cancel(*waiting->cancel);
    }
    if (waiting->again != NULL) {
        resource_index_fill(waiting->with->index, CLIENT, RESOURCE_USER, on_filled, waiting->again);
        assert_false(waiting->again->done);
    }
}

static struct resource_index_wait *start(struct with_index *with, struct waiting *waiting)
{
    waiting->with = with;
    struct resource_index_wait *wait =
        resource_index_fill(with->index, CLIENT, RESOURCE_USER, on_filled, waiting);
    assert_false(waiting->done);
    return wait;
}

static void fill(struct with_index *with)
{
    struct waiting waiting = {0};
    start(with, &waiting);
    with_store_wait(&with->store, &waiting.done);
    assert_string_equal(waiting.failure, "");
}

/* "1 2 5 ", and that the count agrees. */
static void expect(struct with_index *with, const char *expected)
{
    char text[256] = "";
    size_t count;
    assert_true(resource_index_count(with->index, CLIENT, RESOURCE_USER, &count));
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%lld ",
                 (long long)resource_index_at(with->index, CLIENT, RESOURCE_USER, i));
    }
    assert_string_equal(text, expected);
    assert_int_equal(resource_index_at(with->index, CLIENT, RESOURCE_USER, count), 0);
    assert_int_equal(resource_index_at(with->index, CLIENT, RESOURCE_USER, SIZE_MAX), 0);
}

static bool filled(struct with_index *with, const char *client, enum resource_type type)
{
    size_t count;
    return resource_index_count(with->index, span_of(client), type, &count);
}

static void test_empty_until_asked(void **state)
{
    struct with_index *with = *state;
    add(with, 1, 3);
    came(with, 3); /* nobody listed it yet */
    went(with, 2);
    assert_false(filled(with, "c-1", RESOURCE_USER));
    assert_int_equal(resource_index_at(with->index, CLIENT, RESOURCE_USER, 0), 0);
    fill(with);
    expect(with, "1 2 3 ");
    assert_false(filled(with, "c-1", RESOURCE_GROUP));
    assert_false(filled(with, "c-2", RESOURCE_USER));
}

static void test_each_client_and_type_has_its_own(void **state)
{
    struct with_index *with = *state;
    struct store_change *change = store_change_new();
    add_step(change, 1, "c-1", RESOURCE_USER);
    add_step(change, 2, "c-2", RESOURCE_USER);
    add_step(change, 3, "c-1", RESOURCE_GROUP);
    add_step(change, 4, "c-1", RESOURCE_USER);
    assert_int_equal(with_store_write(&with->store, change), STORE_DONE);
    struct waiting groups = {0};
    fill(with);
    expect(with, "1 4 ");
    resource_index_fill(with->index, CLIENT, RESOURCE_GROUP, on_filled, &groups);
    with_store_wait(&with->store, &groups.done);
    assert_int_equal(resource_index_at(with->index, CLIENT, RESOURCE_GROUP, 0), 3);
    struct resource group = user_of(9);
    group.type = RESOURCE_GROUP;
    resource_index_came(with->index, &group);
    group.type = RESOURCE_USER;
    group.client_id[2] = '2';
    resource_index_came(with->index, &group);
    expect(with, "1 4 ");
    assert_int_equal(resource_index_at(with->index, CLIENT, RESOURCE_GROUP, 1), 9);
}

static void test_comes_and_goes(void **state)
{
    struct with_index *with = *state;
    add(with, 1, 3);
    fill(with);
    static const struct {
        int64_t came, went;
        const char *expected;
    } steps[] = {
        {4, 0, "1 2 3 4 "},   {0, 2, "1 3 4 "},   {0, 2, "1 3 4 "},   {0, 1, "3 4 "},
        {7, 0, "3 4 7 "},     {7, 0, "3 4 7 "},   {5, 0, "3 4 5 7 "}, /* heard of late */
        {1, 0, "1 3 4 5 7 "}, {0, 7, "1 3 4 5 "}, {0, 9, "1 3 4 5 "},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].came > 0) {
            came(with, steps[i].came);
        } else {
            went(with, steps[i].went);
        }
        expect(with, steps[i].expected);
    }
}

/* The read saw what was; the events came before its answer did. */
static void test_what_happens_while_it_is_read(void **state)
{
    struct with_index *with = *state;
    struct waiting waiting = {0};
    add(with, 1, 5);
    start(with, &waiting);
    came(with, 6);
    went(with, 2);
    came(with, 7);
    went(with, 7); /* came and went */
    went(with, 3);
    assert_false(filled(with, "c-1", RESOURCE_USER));
    with_store_wait(&with->store, &waiting.done);
    expect(with, "1 4 5 6 ");
    came(with, 8);
    expect(with, "1 4 5 6 8 ");
}

/* Of what was committed before the page was read, news may still arrive. */
static void test_news_that_come_twice(void **state)
{
    struct with_index *with = *state;
    struct waiting waiting = {0};
    add(with, 1, 5);
    end(with, 4);
    start(with, &waiting);
    came(with, 5);
    went(with, 4);
    with_store_wait(&with->store, &waiting.done);
    came(with, 5);
    went(with, 4);
    expect(with, "1 2 3 5 ");
}

/* Filling what is filled answers later, and what it reads does not bring back what went meanwhile. */
static void test_filled_twice(void **state)
{
    struct with_index *with = *state;
    struct waiting waiting = {0};
    add(with, 1, 2);
    fill(with);
    add(with, 3, 4); /* not heard of yet */
    start(with, &waiting);
    came(with, 3);
    went(with, 3);
    expect(with, "1 2 ");
    with_store_wait(&with->store, &waiting.done);
    expect(with, "1 2 4 ");
}

static void test_several_wait_for_one_read(void **state)
{
    struct with_index *with = *state;
    struct waiting waiting[5] = {{0}}, again = {0};
    struct resource_index_wait *waits[5];
    add(with, 1, 3);
    for (int i = 0; i < 5; i++) {
        waits[i] = start(with, &waiting[i]);
    }
    assert_int_equal(store_reads_waiting(with->store.store) <= 1, true);
    resource_index_cancel(waits[1]);
    resource_index_cancel(NULL);
    waiting[0].cancel = &waits[3];
    waiting[2].again = &again;
    with_store_wait(&with->store, &waiting[4].done);
    assert_true(waiting[0].done && waiting[2].done);
    assert_false(waiting[1].done || waiting[3].done);
    assert_false(again.done);
    with_store_wait(&with->store, &again.done);
    expect(with, "1 2 3 ");
}

/* The last who waited leaves: the read goes on, and what happens is not lost. */
static void test_nobody_waits_any_more(void **state)
{
    struct with_index *with = *state;
    struct waiting waiting = {0};
    add(with, 1, 3);
    resource_index_cancel(start(with, &waiting));
    went(with, 1);
    fill(with);
    assert_false(waiting.done);
    expect(with, "2 3 ");
}

static void test_freed_while_it_is_read(void **state)
{
    struct with_index *with = *state;
    struct waiting waiting = {0};
    add(with, 1, 3);
    start(with, &waiting);
    came(with, 4);
    resource_index_free(with->index);
    with->index = resource_index_new(with->store.store);
    fill(with);
    assert_false(waiting.done);
    resource_index_free(NULL);
}

static void test_forgets(void **state)
{
    struct with_index *with = *state;
    struct waiting waiting = {0};
    add(with, 1, 3);
    fill(with);
    end(with, 2); /* nobody says so */
    expect(with, "1 2 3 ");
    resource_index_forget(with->index);
    assert_false(filled(with, "c-1", RESOURCE_USER));
    start(with, &waiting);
    went(with, 3); /* what was heard before counts no more */
    resource_index_forget(with->index);
    assert_false(waiting.done);
    with_store_wait(&with->store, &waiting.done);
    expect(with, "1 3 ");
}

static void run_sql(struct with_index *with, const char *sql)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open(with->store.path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void test_trouble(void **state)
{
    struct with_index *with = *state;
    struct waiting first = {0}, second = {0}, third = {0};
    add(with, 1, 3);
    run_sql(with, "ALTER TABLE resource RENAME TO away");
    start(with, &first);
    came(with, 4);
    with_store_wait(&with->store, &first.done);
    assert_non_null(strstr(first.failure, "no such table"));
    assert_false(filled(with, "c-1", RESOURCE_USER));
    run_sql(with, "ALTER TABLE away RENAME TO resource");
    start(with, &second);
    with_store_wait(&with->store, &second.done);
    assert_string_equal(second.failure, "");
    expect(with, "1 2 3 ");
    run_sql(with, "ALTER TABLE resource RENAME TO away");
    start(with, &third);
    went(with, 2);
    with_store_wait(&with->store, &third.done);
    assert_true(third.failure[0] != '\0');
    expect(with, "1 3 "); /* what was filled stays */
}

/* More than one page: what comes and goes between pages is right, too. */
static void test_pages(void **state)
{
    struct with_index *with = *state;
    enum { MANY = 45000 };
    struct waiting waiting = {0};
    size_t count;
    add(with, 1, MANY);
    start(with, &waiting);
    went(with, 1);
    went(with, MANY);
    went(with, 20000);
    came(with, MANY + 1);
    with_store_wait(&with->store, &waiting.done);
    assert_true(resource_index_count(with->index, CLIENT, RESOURCE_USER, &count));
    assert_int_equal(count, MANY - 2);
    assert_int_equal(resource_index_at(with->index, CLIENT, RESOURCE_USER, 0), 2);
    assert_int_equal(resource_index_at(with->index, CLIENT, RESOURCE_USER, 19997), 19999);
    assert_int_equal(resource_index_at(with->index, CLIENT, RESOURCE_USER, 19998), 20001);
    assert_int_equal(resource_index_at(with->index, CLIENT, RESOURCE_USER, count - 1), MANY + 1);
    size_t bytes = resource_index_bytes(with->index);
    assert_true(bytes >= count * 8 && bytes < count * 16);
    for (int64_t number = MANY + 1; number > 100; number--) {
        went(with, number);
    }
    assert_true(resource_index_bytes(with->index) < bytes / 4);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_empty_until_asked),
        CASE(test_each_client_and_type_has_its_own),
        CASE(test_comes_and_goes),
        CASE(test_what_happens_while_it_is_read),
        CASE(test_news_that_come_twice),
        CASE(test_filled_twice),
        CASE(test_several_wait_for_one_read),
        CASE(test_nobody_waits_any_more),
        CASE(test_freed_while_it_is_read),
        CASE(test_forgets),
        CASE(test_trouble),
        CASE(test_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
