/* test_account_cache.c - accounts that are remembered: nothing old, nothing lost, no more than may be.
 *
 * Stands with the tests of auth/: what matters is that the cache and a changing database agree. */
#include "with_accounts.h"

#include <sched.h>

static struct account_rows_found someone(const char *address, const char *id)
{
    struct account_rows_found found = {.kind = ADDRESS_ALIAS,
                                       .since = 7,
                                       .account = {.state = ACCOUNT_DISABLED,
                                                   .name = SPAN_LITERAL("Some One"),
                                                   .home = SPAN_LITERAL("/srv/one"),
                                                   .quota_bytes = -1,
                                                   .password = SPAN_LITERAL("$6$salt$hash"),
                                                   .provider = SPAN_LITERAL("work"),
                                                   .subject = SPAN_LITERAL("4711"),
                                                   .created = 1,
                                                   .changed = 2,
                                                   .last_login = 3,
                                                   .version = 4,
                                                   .kind = ACCOUNT_SHARED,
                                                   .on_disable = ACCOUNT_FORWARD,
                                                   .forward_to = SPAN_LITERAL("x@y.example"),
                                                   .keep_copy = true,
                                                   .no_mailbox = true,
                                                   .services = ACCOUNT_DAV,
                                                   .retention_days = 9}};
    struct error error;
    assert_true(address_parse(span_of(address), &found.address, &error));
    assert_true(address_parse(SPAN_LITERAL("primary@example.org"), &found.account.primary, &error));
    snprintf(found.account.id, sizeof found.account.id, "%s", id);
    return found;
}

static bool there(struct account_cache *cache, const char *address)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found;
    enum store_now now;
    return account_cache_lookup(cache, span_of(address), &arena, &now, &found);
}

static void test_comes_back_whole(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_cache *cache = account_cache_new(10000);
    struct account_rows_found in = someone("a@example.com", "id-a"), out;
    enum store_now now = STORE_ASK;
    account_cache_put(cache, SPAN_LITERAL("a@example.com"), STORE_ROW, &in);
    account_cache_put(cache, SPAN_LITERAL("no@example.com"), STORE_NONE, NULL);
    assert_true(account_cache_lookup(cache, SPAN_LITERAL("a@example.com"), &arena, &now, &out));
    assert_int_equal(now, STORE_ROW);
    account_cache_clear(cache); /* the texts are copies */
    assert_int_equal(out.kind, ADDRESS_ALIAS);
    assert_true(address_equal(&out.address, &in.address));
    assert_int_equal(out.address.local_length, 1);
    assert_true(address_equal(&out.account.primary, &in.account.primary));
    assert_string_equal(out.account.id, "id-a");
    assert_int_equal(out.account.state, ACCOUNT_DISABLED);
    assert_true(span_is(out.account.name, "Some One"));
    assert_true(span_is(out.account.home, "/srv/one"));
    assert_true(span_is(out.account.password, "$6$salt$hash"));
    assert_true(span_is(out.account.provider, "work"));
    assert_true(span_is(out.account.subject, "4711"));
    assert_int_equal(out.account.quota_bytes, -1);
    assert_int_equal(out.account.created, 1);
    assert_int_equal(out.account.changed, 2);
    assert_int_equal(out.account.last_login, 3);
    assert_int_equal(out.account.version, 4);
    assert_int_equal(out.since, 7);
    assert_int_equal(out.account.kind, ACCOUNT_SHARED);
    assert_int_equal(out.account.on_disable, ACCOUNT_FORWARD);
    assert_true(span_is(out.account.forward_to, "x@y.example"));
    assert_true(out.account.keep_copy && out.account.no_mailbox);
    assert_int_equal(out.account.services, ACCOUNT_DAV);
    assert_int_equal(out.account.retention_days, 9);
    account_cache_put(cache, SPAN_LITERAL("no@example.com"), STORE_NONE, NULL);
    assert_true(account_cache_lookup(cache, SPAN_LITERAL("no@example.com"), &arena, &now, &out));
    assert_int_equal(now, STORE_NONE);
    assert_int_equal(account_cache_hits(cache), 2);
    assert_int_equal(account_cache_misses(cache), 0);
    account_cache_free(cache);
    account_cache_free(NULL);
}

static void test_by_id(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_cache *cache = account_cache_new(10000);
    struct account_rows_found a = someone("a@example.com", "id-a");
    struct account_rows_found b = someone("b@example.com", "id-b");
    struct account account;
    assert_false(account_cache_lookup_id(cache, SPAN_LITERAL("id-a"), &arena, &account));
    account_cache_put(cache, SPAN_LITERAL("no@example.com"), STORE_NONE, NULL);
    account_cache_put(cache, SPAN_LITERAL("a@example.com"), STORE_ROW, &a);
    account_cache_put(cache, SPAN_LITERAL("b@example.com"), STORE_ROW, &b);
    assert_true(account_cache_lookup_id(cache, SPAN_LITERAL("id-b"), &arena, &account));
    assert_string_equal(account.id, "id-b");
    assert_true(address_equal(&account.primary, &b.account.primary));
    assert_false(account_cache_lookup_id(cache, SPAN_LITERAL(""), &arena, &account));
    account_cache_forget_account(cache, SPAN_LITERAL("id-b"));
    assert_false(account_cache_lookup_id(cache, SPAN_LITERAL("id-b"), &arena, &account));
    assert_true(account_cache_lookup_id(cache, SPAN_LITERAL("id-a"), &arena, &account));
    account_cache_free(cache);
}

static void test_bounded(void **state)
{
    (void)state;
    enum { MAX = 20000 };
    struct account_cache *cache = account_cache_new(MAX);
    size_t most = 0;
    for (int i = 0; i < 1000; i++) {
        char address[40], id[20];
        snprintf(address, sizeof address, "user%d@example.com", i);
        snprintf(id, sizeof id, "id-%d", i);
        struct account_rows_found found = someone(address, id);
        account_cache_put(cache, span_of(address), i % 2 == 0 ? STORE_ROW : STORE_NONE, &found);
        assert_true(account_cache_bytes(cache) <= MAX);
        assert_true(there(cache, "user0@example.com")); /* in use: stays */
        most = account_cache_count(cache) > most ? account_cache_count(cache) : most;
    }
    assert_true(most > 30 && most < 200);
    assert_true(there(cache, "user999@example.com"));
    assert_false(there(cache, "user1@example.com"));
    account_cache_clear(cache);
    assert_int_equal(account_cache_count(cache), 0);
    assert_int_equal(account_cache_bytes(cache), 0);
    account_cache_free(cache);
    cache = account_cache_new(0);
    account_cache_put(cache, SPAN_LITERAL("a@example.com"), STORE_NONE, NULL);
    assert_int_equal(account_cache_count(cache), 0);
    account_cache_free(cache);
}

static void test_forgets(void **state)
{
    (void)state;
    struct account_cache *cache = account_cache_new(100000);
    static const char *const addresses[] = {"a1@example.com", "a2@example.com", "b@example.com"};
    for (int twice = 0; twice < 2; twice++) {
        for (int i = 0; i < 3; i++) {
            struct account_rows_found found = someone(addresses[i], i < 2 ? "A" : "B");
            account_cache_put(cache, span_of(addresses[i]), STORE_ROW, &found);
        }
    }
    assert_int_equal(account_cache_count(cache), 3);
    account_cache_forget_account(cache, SPAN_LITERAL("A"));
    assert_false(there(cache, addresses[0]) || there(cache, addresses[1]));
    assert_true(there(cache, addresses[2]));
    account_cache_forget_address(cache, span_of(addresses[2]));
    account_cache_forget_address(cache, span_of(addresses[2]));
    account_cache_forget_account(cache, SPAN_LITERAL("B"));
    account_cache_forget_account(cache, (struct span){0});
    assert_int_equal(account_cache_count(cache), 0);
    account_cache_free(cache);
}

/* -- with a database that changes -- */

static const char *const everybody[] = {
    "ann@example.com",   "anna@example.com", "al@example.com",
    "bob@example.com",   "new@example.com",  "postmaster@example.com",
    "abuse@example.com", "ann@example.org",  "postmaster@example.org"};
enum { EVERYBODY = sizeof everybody / sizeof *everybody };

/* What the directory says equals what is committed, for everybody, whatever was remembered. */
static void expect_fresh(struct with_accounts *with)
{
    for (size_t i = 0; i < EVERYBODY; i++) {
        CLEANUP(arena_done) struct arena arena = {0};
        struct account_rows_found said = {0}, is = {0}, mail = {0};
        struct address name;
        struct span tag;
        const struct span key[ACCOUNT_ROWS_CANDIDATES] = {span_of(everybody[i])};
        assert_true(directory_login_name(with->directory, key[0], &name));
        enum directory_answer answer = directory_login(with->directory, &name, &arena, &said);
        enum store_now now = account_rows_by_address(with->store.store, key, &arena, &is);
        bool living =
            now == STORE_ROW && is.kind != ADDRESS_HELD && is.account.state != ACCOUNT_GONE;
        assert_int_equal(answer, living ? DIRECTORY_FOUND : DIRECTORY_NONE);
        directory_recipient(with->directory, key[0], &arena, &mail, &tag);
        if (living) {
            assert_int_equal(said.account.version, is.account.version);
            assert_int_equal(said.account.state, is.account.state);
            assert_string_equal(said.account.id, is.account.id);
            assert_int_equal(said.kind, is.kind);
            assert_true(span_equal(said.account.provider, is.account.provider));
            assert_string_equal(mail.account.id, is.account.id);
            assert_int_equal(mail.account.version, is.account.version);
        }
    }
}

static void test_every_change(void **state)
{
    struct with_accounts *with = *state;
    static const struct {
        enum change_kind kind;
        const char *address, *target;
    } steps[] = {
        {CHANGE_DOMAIN_ADD, "example.com", ""},
        {CHANGE_ACCOUNT_ADD, "ann@example.com", ""},
        {CHANGE_ACCOUNT_ADD, "bob@example.com", ""},
        {CHANGE_ALIAS_ADD, "Al@Example.com", "ann@example.com"},
        {CHANGE_ALIAS_ADD, "@example.com", "bob@example.com"},
        {CHANGE_ACCOUNT_DISABLE, "al@example.com", ""},
        {CHANGE_ACCOUNT_ENABLE, "ann@example.com", ""},
        {CHANGE_ACCOUNT_RENAME, "ann@example.com", "anna@example.com"},
        {CHANGE_ACCOUNT_DISABLE, "anna@example.com", ""},
        {CHANGE_ALIAS_DELETE, "ann@example.com", ""},
        {CHANGE_ACCOUNT_ADD, "ann@example.com", ""},
        {CHANGE_ACCOUNT_DELETE, "anna@example.com", ""},
        {CHANGE_ACCOUNT_ADD, "al@example.com", ""},
        {CHANGE_ALIAS_DELETE, "@example.com", ""},
        {CHANGE_DOMAIN_ADD, "example.org", "bob@example.com"},
        {CHANGE_ALIAS_ADD, "ann@example.org", "al@example.com"},
        {CHANGE_ALIAS_DELETE, "ann@example.org", ""},
        {CHANGE_DOMAIN_DELETE, "example.org", ""},
    };
    expect_fresh(with);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(with_accounts_do(with, steps[i].kind, steps[i].address, steps[i].target),
                         CHANGE_DONE);
        expect_fresh(with);
    }
    struct change bind = {.kind = CHANGE_ACCOUNT_BIND,
                          .account_id = span_of(with->last.account.id),
                          .provider = SPAN_LITERAL("work"),
                          .subject = SPAN_LITERAL("s")};
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_DISABLE, "bob@example.com", ""),
                     CHANGE_DONE);
    expect_fresh(with);
    char id[UUID_SIZE];
    memcpy(id, with->last.account.id, sizeof id);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_ENABLE, "bob@example.com", ""),
                     CHANGE_DONE);
    expect_fresh(with);
    bind.account_id = span_of(id);
    assert_int_equal(with_accounts_change(with, bind), CHANGE_DONE);
    expect_fresh(with);
    assert_true(account_cache_hits(directory_cache(with->directory)) > 0);
}

/* A repeated login asks no database: it goes on without one. */
static void test_touches_no_database(void **state)
{
    struct with_accounts *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found;
    struct address name;
    with_accounts_do(with, CHANGE_DOMAIN_ADD, "example.com", "");
    with_accounts_do(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    assert_true(directory_login_name(with->directory, SPAN_LITERAL("ann"), &name));
    for (uint64_t i = 0; i < 5; i++) {
        uint64_t misses = account_cache_misses(directory_cache(with->directory));
        assert_int_equal(directory_login(with->directory, &name, &arena, &found), DIRECTORY_FOUND);
        assert_int_equal(account_cache_misses(directory_cache(with->directory)) - misses, i == 0);
    }
}

struct watcher {
    struct with_accounts *with;
    bool heard;
    enum account_state seen;
};

static enum account_state state_of_ann(struct with_accounts *with)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found;
    struct address name;
    assert_true(directory_login_name(with->directory, SPAN_LITERAL("ann"), &name));
    return directory_login(with->directory, &name, &arena, &found) == DIRECTORY_FOUND
               ? found.account.state
               : ACCOUNT_GONE;
}

static void on_change(const struct change_result *result, void *context)
{
    struct watcher *watcher = context;
    assert_int_equal(result->answer, CHANGE_DONE);
    watcher->seen = state_of_ann(watcher->with);
    watcher->heard = true;
}

/* Remembered before the commit, looked up again when it is durable but not yet reported: whoever hears that it is
 * done finds it done. */
static void test_a_commit_between(void **state)
{
    struct with_accounts *with = *state;
    struct watcher watcher = {with, false, ACCOUNT_GONE};
    with_accounts_do(with, CHANGE_DOMAIN_ADD, "example.com", "");
    with_accounts_do(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    char id[UUID_SIZE];
    memcpy(id, with->last.account.id, sizeof id);
    assert_int_equal(state_of_ann(with), ACCOUNT_ACTIVE);
    struct change change = {.kind = CHANGE_ACCOUNT_DISABLE,
                            .actor = SPAN_LITERAL("uid:0"),
                            .address = SPAN_LITERAL("ann@example.com")};
    change_start(with->changes, &change, on_change, &watcher);
    loop_turn(with->store.loop, 0); /* planned, and with the writer */
    struct account account = {.state = ACCOUNT_ACTIVE};
    while (!watcher.heard && account.state == ACCOUNT_ACTIVE) {
        CLEANUP(arena_done) struct arena arena = {0};
        assert_int_equal(account_rows_by_id(with->store.store, span_of(id), &arena, &account),
                         STORE_ROW);
        state_of_ann(with);
        sched_yield();
    }
    with_store_wait(&with->store, &watcher.heard);
    assert_int_equal(watcher.seen, ACCOUNT_DISABLED);
    assert_int_equal(state_of_ann(with), ACCOUNT_DISABLED);
}

/* The times of logins are written in batches; 4096 of them make one. */
static void test_times_of_logins(void **state)
{
    struct with_accounts *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found = {0};
    struct address name;
    with_accounts_do(with, CHANGE_DOMAIN_ADD, "example.com", "");
    with_accounts_do(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    assert_true(directory_login_name(with->directory, SPAN_LITERAL("ann"), &name));
    assert_int_equal(directory_login(with->directory, &name, &arena, &found), DIRECTORY_FOUND);
    assert_int_equal(found.account.last_login, 0);
    changes_note_login(with->changes, span_of(found.account.id), 77);
    for (int i = 0; i < 4096; i++) {
        char id[UUID_SIZE];
        uuid_new(id);
        changes_note_login(with->changes, span_of(id), 78);
    }
    for (int turn = 0; turn < 300 && found.account.last_login == 0; turn++) {
        loop_turn(with->store.loop, 100);
        directory_login(with->directory, &name, &arena, &found);
    }
    assert_int_equal(found.account.last_login, 77);
}

int main(void)
{
    assert_true(secret_init());
#define WITH(test) \
    cmocka_unit_test_setup_teardown(test, with_accounts_setup, with_accounts_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_back_whole),
        cmocka_unit_test(test_by_id),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_forgets),
        WITH(test_every_change),
        WITH(test_touches_no_database),
        WITH(test_a_commit_between),
        WITH(test_times_of_logins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
