/* test_resource.c - what clients asked for becomes rows and comes back; each client finds its own, by an index. */
#include "with_plan.h"

#include "account/account_rows.h"
#include "account/client.h"
#include "account/group_rows.h"
#include "account/resource.h"

static struct resource resource_of(const char *id, enum resource_type type, const char *client,
                                   const char *name)
{
    struct resource resource = {.type = type,
                                .name = span_of(name),
                                .name_key = span_of(name),
                                .document = SPAN_LITERAL("{}"),
                                .created = 10,
                                .changed = 10};
    snprintf(resource.id, sizeof resource.id, "%s", id);
    snprintf(resource.client_id, sizeof resource.client_id, "%s", client);
    return resource;
}

static enum store_answer add(struct with_store *with, const struct resource *resource)
{
    struct store_change *change = store_change_new();
    resource_add(change, resource);
    return with_store_write(with, change);
}

static void add_user(struct with_store *with, const char *id, const char *client, const char *name,
                     const char *external_id)
{
    struct resource resource = resource_of(id, RESOURCE_USER, client, name);
    resource.external_id = span_of(external_id);
    assert_int_equal(add(with, &resource), STORE_DONE);
}

static void add_client(struct with_store *with, const char *id)
{
    struct client client = {.name = span_of(id), .rights = CLIENT_USERS};
    snprintf(client.id, sizeof client.id, "%s", id);
    struct store_change *change = store_change_new();
    client_add(change, &client);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static void end(struct with_store *with, const char *id, int64_t now)
{
    struct store_change *change = store_change_new();
    resource_end(change, span_of(id), now);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static void add_account(struct with_store *with, const char *id, enum account_state state,
                        bool no_mailbox)
{
    struct account account = {.state = state, .created = 10, .no_mailbox = no_mailbox};
    snprintf(account.id, sizeof account.id, "%s", id);
    strcpy(account.primary.text, "a@b");
    struct store_change *change = store_change_new();
    account_rows_add_account(change, &account);
    account_rows_set_last_login(change, span_of(id), 99);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static void test_comes_back_whole(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct resource in = resource_of("id-1", RESOURCE_USER, "c-1", "Mira"), out;
    in.name_key = SPAN_LITERAL("mira");
    in.display_key = SPAN_LITERAL("mira voss");
    in.external_id = SPAN_LITERAL("5f1C");
    in.addresses = SPAN_LITERAL("mira@example.com mv@example.com");
    in.document = SPAN_LITERAL("{\"userName\":\"Mira\"}");
    in.changed = 11;
    assert_int_equal(add(with, &in), STORE_DONE);
    assert_int_equal(resource_by_id(with->store, SPAN_LITERAL("id-1"), &arena, &out), STORE_ROW);
    assert_true(out.number > 0);
    assert_string_equal(out.id, "id-1");
    assert_string_equal(out.client_id, "c-1");
    assert_int_equal(out.type, RESOURCE_USER);
    assert_int_equal(out.version, 1);
    assert_true(span_equal(out.external_id, in.external_id) && span_equal(out.name, in.name) &&
                span_equal(out.name_key, in.name_key));
    assert_true(span_equal(out.display_key, in.display_key) &&
                span_equal(out.addresses, in.addresses) && span_equal(out.document, in.document));
    assert_int_equal(out.created, 10);
    assert_int_equal(out.changed, 11);
    assert_int_equal(out.gone, 0);
    assert_int_equal(out.state, ACCOUNT_GONE); /* no account yet */
    add_account(with, "id-1", ACCOUNT_DISABLED, false);
    assert_int_equal(resource_by_name(with->store, SPAN_LITERAL("c-1"), RESOURCE_USER,
                                      SPAN_LITERAL("mira"), &arena, &out),
                     STORE_ROW);
    assert_int_equal(out.state, ACCOUNT_DISABLED);
    assert_int_equal(out.last_login, 99);
    assert_int_equal(resource_by_id(with->store, SPAN_LITERAL("id-2"), &arena, &out), STORE_NONE);
}

/* userName is unique among the living of one client: SCIM lets a name be used again after DELETE. */
static void test_names_are_unique_among_the_living(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct resource first = resource_of("id-1", RESOURCE_USER, "c-1", "mira"), out;
    struct resource second = resource_of("id-2", RESOURCE_USER, "c-1", "mira");
    struct resource group = resource_of("id-3", RESOURCE_GROUP, "c-1", "mira");
    struct resource other = resource_of("id-4", RESOURCE_USER, "c-2", "mira");
    struct resource again = resource_of("id-1", RESOURCE_USER, "c-2", "zoe");
    assert_int_equal(add(with, &first), STORE_DONE);
    assert_int_equal(add(with, &second), STORE_CONFLICT);
    assert_int_equal(add(with, &group), STORE_DONE);
    assert_int_equal(add(with, &other), STORE_DONE);
    assert_int_equal(add(with, &again), STORE_CONFLICT);
    end(with, "id-1", 50);
    assert_int_equal(add(with, &again), STORE_CONFLICT); /* nor is an id used again */
    assert_int_equal(add(with, &second), STORE_DONE);
    assert_int_equal(resource_by_name(with->store, SPAN_LITERAL("c-1"), RESOURCE_USER,
                                      SPAN_LITERAL("mira"), &arena, &out),
                     STORE_ROW);
    assert_string_equal(out.id, "id-2");
    assert_int_equal(resource_by_id(with->store, SPAN_LITERAL("id-1"), &arena, &out), STORE_ROW);
    assert_int_equal(out.gone, 50);
    assert_int_equal(out.version, 2);
}

static void test_another_version_is_a_conflict(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct resource row = resource_of("id-1", RESOURCE_USER, "c-1", "mira"), out;
    assert_int_equal(add(with, &row), STORE_DONE);
    row.name = row.name_key = SPAN_LITERAL("zoe");
    row.changed = 20;
    row.external_id = SPAN_LITERAL("x");
    for (int i = 0; i < 2; i++) {
        struct store_change *change = store_change_new();
        resource_update(change, &row, 1);
        assert_int_equal(with_store_write(with, change), i == 0 ? STORE_DONE : STORE_CONFLICT);
    }
    struct store_change *touch = store_change_new();
    resource_touch(touch, SPAN_LITERAL("id-1"), 30);
    resource_touch(touch, SPAN_LITERAL("nobody"), 30); /* was not provisioned */
    resource_end(touch, SPAN_LITERAL("nobody"), 30);
    assert_int_equal(with_store_write(with, touch), STORE_DONE);
    assert_int_equal(resource_by_id(with->store, SPAN_LITERAL("id-1"), &arena, &out), STORE_ROW);
    assert_int_equal(out.version, 3);
    assert_int_equal(out.changed, 30);
    assert_int_equal(out.created, 10);
    assert_true(span_is(out.name, "zoe") && span_is(out.external_id, "x"));
    end(with, "id-1", 40);
    struct store_change *late = store_change_new();
    resource_update(late, &row, 4); /* the version that it has now */
    assert_int_equal(with_store_write(with, late), STORE_CONFLICT);
}

/* Re-attachment: the newest tombstone of the same client and externalId, while its mail is there. */
static void test_gone_by_external_id(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct resource out;
    const struct span client = SPAN_LITERAL("c-1"), external_id = SPAN_LITERAL("x");
    add_user(with, "id-1", "c-1", "a", "x");
    add_account(with, "id-1", ACCOUNT_GONE, false);
    assert_int_equal(resource_gone_by_external_id(with->store, client, external_id, &arena, &out),
                     STORE_NONE);
    end(with, "id-1", 20);
    add_user(with, "id-2", "c-1", "a", "x");
    add_account(with, "id-2", ACCOUNT_GONE, false);
    end(with, "id-2", 30);
    add_user(with, "id-3", "c-1", "a", "x"); /* purged */
    add_account(with, "id-3", ACCOUNT_GONE, true);
    end(with, "id-3", 40);
    add_user(with, "id-4", "c-1", "a", "x"); /* somebody took its account over */
    add_account(with, "id-4", ACCOUNT_ACTIVE, false);
    end(with, "id-4", 50);
    add_user(with, "id-5", "c-2", "a", "x"); /* another client's */
    add_account(with, "id-5", ACCOUNT_GONE, false);
    end(with, "id-5", 60);
    assert_int_equal(resource_gone_by_external_id(with->store, client, external_id, &arena, &out),
                     STORE_ROW);
    assert_string_equal(out.id, "id-2");
    assert_int_equal(
        resource_gone_by_external_id(with->store, client, SPAN_LITERAL(""), &arena, &out),
        STORE_NONE);
}

static void expect_count(struct with_store *with, const char *client, int64_t since, int64_t living,
                         int64_t deleted)
{
    int64_t lives, gone;
    assert_int_equal(resource_count(with->store, span_of(client), since, &lives, &gone), STORE_ROW);
    assert_int_equal(lives, living);
    assert_int_equal(gone, deleted);
}

static void test_count_for_the_brake(void **state)
{
    struct with_store *with = *state;
    int64_t living, deleted;
    add_client(with, "c-1");
    add_client(with, "c-2");
    expect_count(with, "c-1", 0, 0, 0);
    for (int i = 0; i < 5; i++) {
        char id[16];
        snprintf(id, sizeof id, "id-%d", i);
        add_user(with, id, "c-1", id, "");
    }
    struct resource group = resource_of("g-1", RESOURCE_GROUP, "c-1", "g");
    assert_int_equal(add(with, &group), STORE_DONE);
    add_user(with, "id-9", "c-2", "a", "");
    expect_count(with, "c-1", 0, 5, 0);
    end(with, "id-0", 100);
    end(with, "id-1", 200);
    end(with, "id-1", 300); /* twice is once */
    end(with, "g-1", 300);
    expect_count(with, "c-1", 0, 3, 2);
    expect_count(with, "c-1", -1, 3, 2);
    expect_count(with, "c-1", 99, 3, 2);
    expect_count(with, "c-1", 100, 3, 1);
    expect_count(with, "c-1", 200, 3, 0);
    expect_count(with, "c-2", 0, 1, 0);
    assert_int_equal(resource_count(with->store, SPAN_LITERAL("c-3"), 0, &living, &deleted),
                     STORE_NONE);
    /* What is undone was never counted. */
    struct store_change *change = store_change_new();
    resource_end(change, SPAN_LITERAL("id-2"), 400);
    account_rows_require_domain(change, SPAN_LITERAL("not.ours"));
    assert_int_equal(with_store_write(with, change), STORE_CONFLICT);
    expect_count(with, "c-1", 0, 3, 2);
}

/* Lists. */

struct listed {
    bool done;
    char text[256];
};

static void on_rows(const struct store_rows *rows, void *context)
{
    struct listed *listed = context;
    assert_null(rows->failure);
    for (size_t i = 0; i < rows->rows; i++) {
        size_t used = strlen(listed->text);
        struct resource resource = {0};
        if (rows->columns == 1) {
            snprintf(listed->text + used, sizeof listed->text - used, "%lld ",
                     (long long)resource_read_number(rows, i));
        } else {
            resource_read(rows, i, &resource);
            snprintf(listed->text + used, sizeof listed->text - used, "%s ", resource.id);
        }
    }
    listed->done = true;
}

static void expect_find(struct with_store *with, enum resource_type type,
                        enum resource_index_kind by, const char *value, const char *expected)
{
    struct listed listed = {0};
    const struct resource_key key = {by, span_of(value)};
    resource_find(with->store, SPAN_LITERAL("c-1"), type, &key, 10, on_rows, &listed);
    with_store_wait(with, &listed.done);
    assert_string_equal(listed.text, expected);
}

static void test_lists(void **state)
{
    struct with_store *with = *state;
    add_user(with, "id-1", "c-1", "a", "");
    add_user(with, "id-2", "c-2", "a", "");
    add_user(with, "id-3", "c-1", "b", "");
    struct resource group = resource_of("id-4", RESOURCE_GROUP, "c-1", "g");
    assert_int_equal(add(with, &group), STORE_DONE);
    add_user(with, "id-5", "c-1", "c", "");
    add_user(with, "id-6", "c-1", "d", "");
    end(with, "id-3", 20);
    static const struct {
        int64_t from;
        size_t rows_max;
        const char *ids, *numbers;
    } cases[] = {{0, 10, "id-1 id-5 id-6 ", "1 5 6 "},
                 {0, 2, "id-1 id-5 ", "1 5 "},
                 {5, 10, "id-5 id-6 ", "5 6 "},
                 {6, 10, "id-6 ", "6 "},
                 {7, 10, "", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct listed ids = {0}, numbers = {0};
        resource_list(with->store, SPAN_LITERAL("c-1"), RESOURCE_USER, cases[i].from,
                      cases[i].rows_max, on_rows, &ids);
        resource_numbers(with->store, SPAN_LITERAL("c-1"), RESOURCE_USER, cases[i].from,
                         cases[i].rows_max, on_rows, &numbers);
        with_store_wait(with, &ids.done);
        with_store_wait(with, &numbers.done);
        assert_string_equal(ids.text, cases[i].ids);
        assert_string_equal(numbers.text, cases[i].numbers);
    }
}

static void give_emails(struct with_store *with, const char *client, const char *id,
                        const char *const *keys, size_t count)
{
    struct store_change *change = store_change_new();
    resource_delete_emails(change, span_of(id));
    for (size_t i = 0; i < count; i++) {
        resource_add_email(change, span_of(client), span_of(id), span_of(keys[i]));
    }
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static void test_finds(void **state)
{
    struct with_store *with = *state;
    static const char *const keys[] = {"m@a.example", "m@b.example", "m@a.example"};
    for (int i = 1; i <= 4; i++) {
        char id[16], name[16];
        snprintf(id, sizeof id, "id-%d", i);
        snprintf(name, sizeof name, "name-%d", i);
        struct resource user = resource_of(id, RESOURCE_USER, i == 4 ? "c-2" : "c-1", name);
        user.external_id = SPAN_LITERAL("X");
        user.display_key = SPAN_LITERAL("shown");
        assert_int_equal(add(with, &user), STORE_DONE);
        give_emails(with, user.client_id, id, keys, 3);
    }
    struct resource group = resource_of("id-5", RESOURCE_GROUP, "c-1", "team");
    assert_int_equal(add(with, &group), STORE_DONE);
    static const struct {
        enum resource_type type;
        enum resource_index_kind by;
        const char *value, *before, *after; /* id-2 went */
    } cases[] = {
        {RESOURCE_USER, RESOURCE_BY_ID, "id-2", "id-2 ", ""},
        {RESOURCE_USER, RESOURCE_BY_ID, "id-4", "", ""},
        {RESOURCE_USER, RESOURCE_BY_ID, "id-5", "", ""},
        {RESOURCE_USER, RESOURCE_BY_EXTERNAL_ID, "X", "id-1 id-2 id-3 ", "id-1 id-3 "},
        {RESOURCE_USER, RESOURCE_BY_EXTERNAL_ID, "x", "", ""},
        {RESOURCE_USER, RESOURCE_BY_EXTERNAL_ID, "", "", ""},
        {RESOURCE_USER, RESOURCE_BY_NAME, "name-2", "id-2 ", ""},
        {RESOURCE_USER, RESOURCE_BY_DISPLAY, "shown", "id-1 id-2 id-3 ", "id-1 id-3 "},
        {RESOURCE_USER, RESOURCE_BY_EMAIL, "m@a.example", "id-1 id-2 id-3 ", "id-1 id-3 "},
        {RESOURCE_USER, RESOURCE_BY_EMAIL, "m@c.example", "", ""},
        {RESOURCE_GROUP, RESOURCE_BY_DISPLAY, "team", "id-5 ", "id-5 "},
        {RESOURCE_GROUP, RESOURCE_BY_NAME, "team", "id-5 ", "id-5 "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_find(with, cases[i].type, cases[i].by, cases[i].value, cases[i].before);
    }
    end(with, "id-2", 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_find(with, cases[i].type, cases[i].by, cases[i].value, cases[i].after);
    }
    give_emails(with, "c-1", "id-1", keys + 1, 1);
    expect_find(with, RESOURCE_USER, RESOURCE_BY_EMAIL, "m@a.example", "id-3 ");
}

static void test_finds_groups_by_member(void **state)
{
    struct with_store *with = *state;
    static const char *const ids[] = {"g-1", "g-2", "g-3", "g-4"};
    add_user(with, "u-1", "c-1", "u", "");
    for (int i = 0; i < 4; i++) {
        struct resource row = resource_of(ids[i], RESOURCE_GROUP, i == 3 ? "c-2" : "c-1", ids[i]);
        struct group_rows_group group = {.name = span_of(ids[i])};
        snprintf(group.id, sizeof group.id, "%s", ids[i]);
        snprintf(group.part_key, sizeof group.part_key, "%s", ids[i]);
        struct store_change *change = store_change_new();
        resource_add(change, &row);
        group_rows_add(change, &group);
        enum group_rows_role role = i == 1 ? GROUP_ROWS_OWNER : GROUP_ROWS_MEMBER;
        group_rows_add_member(change, span_of(ids[i]), role, GROUP_ROWS_ACCOUNT,
                              SPAN_LITERAL("u-1"), SPAN_LITERAL("c-1"));
        assert_int_equal(with_store_write(with, change), STORE_DONE);
    }
    expect_find(with, RESOURCE_GROUP, RESOURCE_BY_MEMBER, "u-1", "g-1 g-3 ");
    expect_find(with, RESOURCE_USER, RESOURCE_BY_MEMBER, "u-1", "");
    expect_find(with, RESOURCE_GROUP, RESOURCE_BY_MEMBER, "u-2", "");
}

static void test_look_ups_use_an_index(void **state)
{
    struct with_store *with = *state;
    static const struct {
        bool sorted;
        const char *index;
    } wanted[] = {
        {true, "sqlite_autoindex_resource_1"}, /* by id */
        {true, "resource_name"},
        {true, "resource_external"}, /* gone */
        {true, "resource_gone"},     /* count */
        {true, "resource_order"},    /* list */
        {true, "resource_order"},    /* numbers */
        {true, "sqlite_autoindex_resource_1"},
        {true, "resource_external"},
        {true, "resource_name"},
        {true, "resource_display"},
        {false, "sqlite_autoindex_resource_email_1"},
        {false, "membership_member"},
    };
    size_t count;
    const struct statement *const *statements = resource_statements(&count);
    assert_int_equal(count, sizeof wanted / sizeof wanted[0]);
    for (size_t i = 0; i < count; i++) {
        with_plan_check(with, statements[i]->sql, wanted[i].sorted);
        if (!with_plan_names(with, statements[i]->sql, wanted[i].index)) {
            fail_msg("%s: not by %s", statements[i]->sql, wanted[i].index);
        }
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, with_store_setup, with_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_comes_back_whole),
        CASE(test_names_are_unique_among_the_living),
        CASE(test_another_version_is_a_conflict),
        CASE(test_gone_by_external_id),
        CASE(test_count_for_the_brake),
        CASE(test_lists),
        CASE(test_finds),
        CASE(test_finds_groups_by_member),
        CASE(test_look_ups_use_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
