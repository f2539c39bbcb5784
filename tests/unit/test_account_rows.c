/* test_account_rows.c - rows become structs and back, and look-ups use an index. */
#include "with_plan.h"

#include "account/account_rows.h"
#include "account/client.h"
#include "account/resource.h"

static struct account account_of(const char *id, const char *address)
{
    struct account account = {
        .state = ACCOUNT_ACTIVE, .quota_bytes = -1, .created = 10, .changed = 10};
    struct error error;
    snprintf(account.id, sizeof account.id, "%s", id);
    assert_true(address_parse(span_of(address), &account.primary, &error));
    return account;
}

static void add(struct with_store *with, const struct account *account)
{
    struct store_change *change = store_change_new();
    account_rows_add_account(change, account);
    account_rows_add_address(change, address_span(&account->primary), span_of(account->id),
                             ADDRESS_PRIMARY, 10);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static void add_alias(struct with_store *with, const char *address, const char *id,
                      enum address_kind kind)
{
    struct store_change *change = store_change_new();
    account_rows_add_address(change, span_of(address), span_of(id), kind, 20);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static enum store_now find(struct with_store *with, struct arena *arena,
                           struct account_rows_found *found, const char *first, const char *second,
                           const char *third)
{
    const struct span candidates[ACCOUNT_ROWS_CANDIDATES] = {span_of(first), span_of(second),
                                                             span_of(third)};
    return account_rows_by_address(with->store, candidates, arena, found);
}

static void expect_settings(const struct account *read, const struct account *written)
{
    assert_int_equal(read->kind, written->kind);
    assert_int_equal(read->on_disable, written->on_disable);
    assert_true(span_equal(read->forward_to, written->forward_to));
    assert_true(read->keep_copy == written->keep_copy);
    assert_true(read->no_mailbox == written->no_mailbox);
    assert_int_equal(read->services, written->services);
    assert_int_equal(read->retention_days, written->retention_days);
}

static void test_account_comes_back_whole(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct account written = account_of("id-1", "ann@example.com"), read;
    written.name = SPAN_LITERAL("Ann \xc3\x84");
    written.home = SPAN_LITERAL("/srv/ann");
    written.quota_bytes = INT64_C(1) << 50;
    written.password = SPAN_LITERAL("{X}$y");
    written.provider = SPAN_LITERAL("work");
    written.subject = SPAN_LITERAL("s-1");
    written.state = ACCOUNT_DISABLED;
    written.kind = ACCOUNT_SHARED;
    written.on_disable = ACCOUNT_FORWARD;
    written.forward_to = SPAN_LITERAL("a@b.example c@d.example");
    written.keep_copy = true;
    written.no_mailbox = true;
    written.services = ACCOUNT_IMAP | ACCOUNT_DAV;
    written.retention_days = -1;
    add(with, &written);
    assert_int_equal(account_rows_by_id(with->store, SPAN_LITERAL("id-1"), &arena, &read),
                     STORE_ROW);
    assert_string_equal(read.id, "id-1");
    assert_int_equal(read.state, ACCOUNT_DISABLED);
    assert_true(address_equal(&read.primary, &written.primary));
    assert_true(span_is(address_domain(&read.primary), "example.com"));
    assert_true(span_equal(read.name, written.name) && span_equal(read.home, written.home));
    assert_true(span_equal(read.password, written.password));
    assert_true(span_equal(read.provider, written.provider) &&
                span_equal(read.subject, written.subject));
    assert_true(read.quota_bytes == written.quota_bytes);
    assert_int_equal(read.created, 10);
    assert_int_equal(read.last_login, 0);
    assert_int_equal(read.version, 1);
    expect_settings(&read, &written);
    struct store_change *change = store_change_new();
    written.kind = ACCOUNT_PERSON;
    written.on_disable = ACCOUNT_REJECT;
    written.forward_to = (struct span){0};
    written.keep_copy = written.no_mailbox = false;
    written.services = 0;
    written.retention_days = 30;
    account_rows_update_account(change, &written, 1);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    assert_int_equal(account_rows_by_id(with->store, SPAN_LITERAL("id-1"), &arena, &read),
                     STORE_ROW);
    expect_settings(&read, &written);
    assert_int_equal(account_rows_by_id(with->store, SPAN_LITERAL("id-2"), &arena, &read),
                     STORE_NONE);
    assert_int_equal(account_rows_by_subject(with->store, SPAN_LITERAL("work"), SPAN_LITERAL("s-1"),
                                             &arena, &read),
                     STORE_ROW);
    assert_int_equal(account_rows_by_subject(with->store, SPAN_LITERAL("home"), SPAN_LITERAL("s-1"),
                                             &arena, &read),
                     STORE_NONE);
}

static void test_best_candidate_wins(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found;
    struct account ann = account_of("id-1", "ann@example.com"),
                   bob = account_of("id-2", "bob@example.com");
    add(with, &ann);
    add(with, &bob);
    add_alias(with, "@example.com", "id-2", ADDRESS_ALIAS);
    assert_int_equal(
        find(with, &arena, &found, "ann+x@example.com", "ann@example.com", "@example.com"),
        STORE_ROW);
    assert_string_equal(found.account.id, "id-1");
    assert_string_equal(found.address.text, "ann@example.com");
    assert_int_equal(found.kind, ADDRESS_PRIMARY);
    assert_int_equal(find(with, &arena, &found, "eve@example.com", "", "@example.com"), STORE_ROW);
    assert_string_equal(found.account.id, "id-2");
    assert_string_equal(found.address.text, "@example.com");
    assert_int_equal(found.address.local_length, 0);
    assert_int_equal(found.kind, ADDRESS_ALIAS);
    add_alias(with, "ann+x@example.com", "id-2", ADDRESS_RENAMED);
    assert_int_equal(
        find(with, &arena, &found, "ann+x@example.com", "ann@example.com", "@example.com"),
        STORE_ROW);
    assert_string_equal(found.account.id, "id-2");
    assert_int_equal(found.kind, ADDRESS_RENAMED);
    assert_int_equal(find(with, &arena, &found, "eve@example.org", "", "@example.org"), STORE_NONE);
    assert_int_equal(find(with, &arena, &found, "", "", ""), STORE_NONE);
}

/* DESIGN: the loop only looks up by unique keys. SQLite says itself how it would go about it. A page reads its rows in the
 * order of an index, too; only the best of four candidates is sorted. */
static void test_look_ups_use_an_index(void **state)
{
    struct with_store *with = *state;
    size_t count;
    const struct statement *const *lookups = account_rows_statements(&count);
    assert_true(count >= 14);
    for (size_t i = 0; i < count; i++) {
        with_plan_check(with, lookups[i]->sql, i > 0);
    }
    /* Most tombstones are purged long ago: they are not in its way. */
    assert_true(with_plan_names(with, lookups[count - 1]->sql, "account_tombstone"));
}

static void test_another_version_is_a_conflict(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct account account = account_of("id-1", "ann@example.com"), read;
    add(with, &account);
    for (int64_t version = 1; version <= 2; version++) {
        struct store_change *change = store_change_new();
        account.state = version == 1 ? ACCOUNT_DISABLED : ACCOUNT_ACTIVE;
        account_rows_update_account(change, &account, 1);
        assert_int_equal(with_store_write(with, change),
                         version == 1 ? STORE_DONE : STORE_CONFLICT);
    }
    assert_int_equal(account_rows_by_id(with->store, SPAN_LITERAL("id-1"), &arena, &read),
                     STORE_ROW);
    assert_int_equal(read.state, ACCOUNT_DISABLED);
    assert_int_equal(read.version, 2);
}

static void test_one_primary_and_one_subject_each(void **state)
{
    struct with_store *with = *state;
    struct account ann = account_of("id-1", "ann@example.com"),
                   bob = account_of("id-2", "bob@example.com");
    ann.provider = bob.provider = SPAN_LITERAL("work");
    ann.subject = bob.subject = SPAN_LITERAL("s-1");
    add(with, &ann);
    struct store_change *second = store_change_new(), *same = store_change_new();
    account_rows_add_address(second, SPAN_LITERAL("ann2@example.com"), SPAN_LITERAL("id-1"),
                             ADDRESS_PRIMARY, 1);
    assert_int_equal(with_store_write(with, second), STORE_CONFLICT);
    account_rows_add_account(same, &bob);
    assert_int_equal(with_store_write(with, same), STORE_CONFLICT);
    /* A tombstone keeps its subject, and gives way. */
    struct store_change *gone = store_change_new();
    ann.state = ACCOUNT_GONE;
    account_rows_update_account(gone, &ann, 1);
    account_rows_add_account(gone, &bob);
    assert_int_equal(with_store_write(with, gone), STORE_DONE);
}

static void test_hold_release_and_guards(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found;
    struct account ann = account_of("id-1", "ann@example.com");
    add(with, &ann);
    add_alias(with, "@example.com", "id-1", ADDRESS_ALIAS);
    struct store_change *change = store_change_new();
    account_rows_add_domain(change, SPAN_LITERAL("example.com"), 5);
    account_rows_require_domain(change, SPAN_LITERAL("example.com"));
    account_rows_require_only_in_domain(change, SPAN_LITERAL("id-1"), SPAN_LITERAL("example.com"));
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    assert_int_equal(account_rows_domain(with->store, SPAN_LITERAL("example.com")), STORE_ROW);
    assert_int_equal(account_rows_domain(with->store, SPAN_LITERAL("example.org")), STORE_NONE);
    void (*const refused[])(struct store_change *, struct span) = {account_rows_require_domain,
                                                                   account_rows_delete_domain};
    for (size_t i = 0; i < 2; i++) {
        change = store_change_new();
        refused[i](change, i == 0 ? SPAN_LITERAL("example.org") : SPAN_LITERAL("example.com"));
        assert_int_equal(with_store_write(with, change), STORE_CONFLICT);
    }
    change = store_change_new();
    account_rows_release_held(change, SPAN_LITERAL("ann@example.com")); /* is none: stays */
    account_rows_require_only_in_domain(change, SPAN_LITERAL("id-1"), SPAN_LITERAL("example.com"));
    account_rows_hold_addresses(change, SPAN_LITERAL("id-1"));
    account_rows_delete_domain(change, SPAN_LITERAL("example.com"));
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    assert_int_equal(find(with, &arena, &found, "ann@example.com", "", ""), STORE_ROW);
    assert_int_equal(found.kind, ADDRESS_HELD);
    assert_int_equal(find(with, &arena, &found, "@example.com", "", ""), STORE_NONE);
    change = store_change_new();
    account_rows_release_held(change, SPAN_LITERAL("ann@example.com"));
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    assert_int_equal(find(with, &arena, &found, "ann@example.com", "", ""), STORE_NONE);
}

static void test_touch_and_last_login(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct account ann = account_of("id-1", "ann@example.com"), read;
    add(with, &ann);
    struct store_change *change = store_change_new();
    account_rows_touch_account(change, SPAN_LITERAL("id-1"), 77);
    account_rows_set_last_login(change, SPAN_LITERAL("id-1"), 90);
    account_rows_set_last_login(change, SPAN_LITERAL("id-1"), 80); /* never back */
    account_rows_set_last_login(change, SPAN_LITERAL("nobody"), 80);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    assert_int_equal(account_rows_by_id(with->store, SPAN_LITERAL("id-1"), &arena, &read),
                     STORE_ROW);
    assert_int_equal(read.version, 2);
    assert_int_equal(read.changed, 77);
    assert_int_equal(read.last_login, 90);
    change = store_change_new();
    account_rows_touch_account(change, SPAN_LITERAL("nobody"), 77);
    assert_int_equal(with_store_write(with, change), STORE_CONFLICT);
}

static void expect_since(struct with_store *with, const char *address, enum address_kind kind,
                         const char *id, int64_t since)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found;
    assert_int_equal(find(with, &arena, &found, address, "", ""), STORE_ROW);
    assert_int_equal(found.kind, kind);
    assert_string_equal(found.account.id, id);
    assert_int_equal(found.since, since);
}

/* Since when an address is what it is, and whose. */
static void test_since_when(void **state)
{
    struct with_store *with = *state;
    struct account ann = account_of("id-1", "ann@example.com");
    add(with, &ann);
    add_alias(with, "given@example.com", "id-1", ADDRESS_PROVISIONED);
    add_alias(with, "name@example.com", "id-1", ADDRESS_LOGIN);
    add_alias(with, "before@example.com", "id-1", ADDRESS_HELD);
    expect_since(with, "ann@example.com", ADDRESS_PRIMARY, "id-1", 10);
    expect_since(with, "given@example.com", ADDRESS_PROVISIONED, "id-1", 20);
    expect_since(with, "name@example.com", ADDRESS_LOGIN, "id-1", 20);
    struct store_change *change = store_change_new();
    account_rows_become_renamed(change, SPAN_LITERAL("ann@example.com"), SPAN_LITERAL("id-1"), 30);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    expect_since(with, "ann@example.com", ADDRESS_RENAMED, "id-1", 30);
    static const char *const others[] = {"ann@example.com", "given@example.com", "no@example.com"};
    for (size_t i = 0; i < 3; i++) {
        change = store_change_new();
        account_rows_become_renamed(change, span_of(others[i]), SPAN_LITERAL("id-1"), 40);
        assert_int_equal(with_store_write(with, change), STORE_CONFLICT);
    }
    change = store_change_new();
    ann.state = ACCOUNT_GONE;
    ann.changed = 50;
    account_rows_update_account(change, &ann, 1);
    account_rows_hold_addresses(change, SPAN_LITERAL("id-1"));
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    expect_since(with, "ann@example.com", ADDRESS_HELD, "id-1", 50);
    expect_since(with, "name@example.com", ADDRESS_HELD, "id-1", 50);
    expect_since(with, "before@example.com", ADDRESS_HELD, "id-1", 20); /* was held already */
}

/* Lists. */

struct listed {
    bool done;
    char text[512];
};

static void append(struct listed *listed, const char *text)
{
    size_t used = strlen(listed->text);
    snprintf(listed->text + used, sizeof listed->text - used, "%s ", text);
}

static void on_accounts(const struct store_rows *rows, void *context)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct listed *listed = context;
    assert_null(rows->failure);
    for (size_t i = 0; i < rows->rows; i++) {
        struct account account;
        account_rows_read_account(rows, i, &arena, &account);
        append(listed, account.primary.text);
    }
    listed->done = true;
}

static void on_addresses(const struct store_rows *rows, void *context)
{
    struct listed *listed = context;
    assert_null(rows->failure);
    for (size_t i = 0; i < rows->rows; i++) {
        struct account_rows_address address;
        account_rows_read_address(rows, i, &address);
        append(listed, address.address.text);
        append(listed, account_address_kind_name(address.kind));
        append(listed, address.primary.text);
    }
    listed->done = true;
}

static void on_domains(const struct store_rows *rows, void *context)
{
    struct listed *listed = context;
    for (size_t i = 0; i < rows->rows; i++) {
        char name[64];
        int64_t created;
        assert_true(span_fits(account_rows_read_domain(rows, i, &created), name, sizeof name));
        assert_int_equal(created, 5);
        append(listed, name);
    }
    listed->done = true;
}

static void expect_accounts(struct with_store *with, const char *domain, const char *after,
                            size_t rows_max, const char *expected)
{
    struct listed listed = {0};
    account_rows_list_accounts(with->store, span_of(domain), span_of(after), rows_max, on_accounts,
                               &listed);
    with_store_wait(with, &listed.done);
    assert_string_equal(listed.text, expected);
}

static void expect_addresses(struct with_store *with, const char *id, const char *domain,
                             const char *after, const char *expected)
{
    struct listed listed = {0};
    account_rows_list_addresses(with->store, span_of(id), span_of(domain), span_of(after), 10,
                                on_addresses, &listed);
    with_store_wait(with, &listed.done);
    assert_string_equal(listed.text, expected);
}

static void test_lists_and_their_pages(void **state)
{
    struct with_store *with = *state;
    struct account ann = account_of("id-1", "ann@a.example"),
                   bob = account_of("id-2", "bob@b.example"),
                   eve = account_of("id-3", "eve@a.example");
    add(with, &eve);
    add(with, &ann);
    add(with, &bob);
    add_alias(with, "al@b.example", "id-1", ADDRESS_ALIAS);
    add_alias(with, "old@a.example", "id-1", ADDRESS_RENAMED);
    expect_accounts(with, "", "", 10, "ann@a.example bob@b.example eve@a.example ");
    expect_accounts(with, "", "", 2, "ann@a.example bob@b.example ");
    expect_accounts(with, "", "bob@b.example", 2, "eve@a.example ");
    expect_accounts(with, "a.example", "", 10, "ann@a.example eve@a.example ");
    expect_accounts(with, "a.example", "ann@a.example", 10, "eve@a.example ");
    expect_accounts(with, "c.example", "", 10, "");
    expect_addresses(with, "id-1", "", "",
                     "al@b.example alias ann@a.example ann@a.example primary ann@a.example "
                     "old@a.example renamed ann@a.example ");
    expect_addresses(with, "id-1", "b.example", "", "al@b.example alias ann@a.example ");
    expect_addresses(with, "", "b.example", "",
                     "al@b.example alias ann@a.example bob@b.example primary bob@b.example ");
    expect_addresses(with, "", "", "eve@a.example", "old@a.example renamed ann@a.example ");
    struct store_change *change = store_change_new();
    account_rows_add_domain(change, SPAN_LITERAL("b.example"), 5);
    account_rows_add_domain(change, SPAN_LITERAL("a.example"), 5);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    struct listed domains = {0};
    account_rows_list_domains(with->store, on_domains, &domains);
    with_store_wait(with, &domains.done);
    assert_string_equal(domains.text, "a.example b.example ");
}

static void test_groups_are_not_listed(void **state)
{
    struct with_store *with = *state;
    struct account group = account_of("id-1", "group@a.example"),
                   shared = account_of("id-2", "shared@a.example");
    group.kind = ACCOUNT_GROUP;
    shared.kind = ACCOUNT_SHARED;
    add(with, &group);
    add(with, &shared);
    expect_accounts(with, "", "", 10, "shared@a.example ");
    expect_accounts(with, "a.example", "", 10, "shared@a.example ");
    expect_addresses(with, "", "a.example", "",
                     "group@a.example primary group@a.example shared@a.example primary "
                     "shared@a.example ");
}

static void on_send_as(const struct store_rows *rows, void *context)
{
    struct listed *listed = context;
    for (size_t i = 0; i < rows->rows; i++) {
        char address[64];
        assert_true(span_fits(account_rows_read_send_as(rows, i), address, sizeof address));
        append(listed, address);
    }
    listed->done = true;
}

static void expect_senders(struct with_store *with, const char *address, const char *expected)
{
    struct listed listed = {0};
    account_rows_list_senders(with->store, span_of(address), 10, on_accounts, &listed);
    with_store_wait(with, &listed.done);
    assert_string_equal(listed.text, expected);
}

static void test_further_senders(void **state)
{
    struct with_store *with = *state;
    struct account ann = account_of("id-1", "ann@a.example"),
                   bob = account_of("id-2", "bob@a.example");
    add(with, &ann);
    add(with, &bob);
    struct store_change *change = store_change_new();
    account_rows_add_sender(change, SPAN_LITERAL("info@a.example"), SPAN_LITERAL("id-1"));
    account_rows_add_sender(change, SPAN_LITERAL("info@a.example"), SPAN_LITERAL("id-2"));
    account_rows_add_sender(change, SPAN_LITERAL("help@a.example"), SPAN_LITERAL("id-1"));
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    static const char *const again[] = {"id-1", "id-9"};
    for (size_t i = 0; i < 2; i++) {
        change = store_change_new();
        account_rows_add_sender(change, SPAN_LITERAL("info@a.example"), span_of(again[i]));
        assert_int_equal(with_store_write(with, change), STORE_CONFLICT);
    }
    expect_senders(with, "info@a.example", "ann@a.example bob@a.example ");
    expect_senders(with, "help@a.example", "ann@a.example ");
    expect_senders(with, "ann@a.example", ""); /* its own is not a further one */
    struct listed addresses = {0};
    account_rows_list_send_as(with->store, SPAN_LITERAL("id-1"), 10, on_send_as, &addresses);
    with_store_wait(with, &addresses.done);
    assert_string_equal(addresses.text, "help@a.example info@a.example ");
    assert_int_equal(
        account_rows_may_send(with->store, SPAN_LITERAL("help@a.example"), SPAN_LITERAL("id-1")),
        STORE_ROW);
    assert_int_equal(
        account_rows_may_send(with->store, SPAN_LITERAL("help@a.example"), SPAN_LITERAL("id-2")),
        STORE_NONE);
    change = store_change_new();
    bob.state = ACCOUNT_GONE;
    account_rows_update_account(change, &bob, 1);
    account_rows_delete_senders(change, SPAN_LITERAL("id-1"));
    account_rows_delete_senders(change, SPAN_LITERAL("id-9"));
    account_rows_add_sender(change, SPAN_LITERAL("info@a.example"), SPAN_LITERAL("id-1"));
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    expect_senders(with, "info@a.example", "ann@a.example ");
    expect_senders(with, "help@a.example", "");
}

static void on_tombstones(const struct store_rows *rows, void *context)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct listed *listed = context;
    assert_null(rows->failure);
    for (size_t i = 0; i < rows->rows; i++) {
        struct account_rows_tombstone tombstone;
        char text[128];
        account_rows_read_tombstone(rows, i, &arena, &tombstone);
        snprintf(text, sizeof text, "%s@%lld/%lld%s%.*s", tombstone.account.id,
                 (long long)tombstone.since, (long long)tombstone.account.retention_days,
                 tombstone.frozen ? "!" : ":", (int)tombstone.client.length, tombstone.client.at);
        append(listed, text);
    }
    listed->done = true;
}

static void expect_tombstones(struct with_store *with, int64_t before, int64_t after_since,
                              const char *after_id, size_t rows_max, const char *expected)
{
    struct listed listed = {0};
    account_rows_list_tombstones(with->store, before, after_since, span_of(after_id), rows_max,
                                 on_tombstones, &listed);
    with_store_wait(with, &listed.done);
    assert_string_equal(listed.text, expected);
}

static void provision(struct with_store *with, const char *client_id, const char *account_id,
                      bool frozen)
{
    struct client client = {.name = span_of(client_id)};
    struct resource resource = {.type = RESOURCE_USER,
                                .name = span_of(account_id),
                                .name_key = span_of(account_id),
                                .document = SPAN_LITERAL("{}")};
    struct store_change *change = store_change_new();
    snprintf(client.id, sizeof client.id, "%s", client_id);
    snprintf(resource.id, sizeof resource.id, "%s", account_id);
    snprintf(resource.client_id, sizeof resource.client_id, "%s", client_id);
    client_add(change, &client);
    client_set_frozen(change, span_of(client_id), frozen);
    resource_add(change, &resource);
    resource_end(change, span_of(account_id), 5);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static void test_tombstones(void **state)
{
    struct with_store *with = *state;
    static const struct {
        const char *id;
        enum account_state state;
        enum account_kind kind;
        bool no_mailbox;
        int64_t since;
    } cases[] = {
        {"id-3", ACCOUNT_GONE, ACCOUNT_PERSON, false, 20},
        {"id-1", ACCOUNT_GONE, ACCOUNT_PERSON, false, 20},
        {"id-2", ACCOUNT_GONE, ACCOUNT_SHARED, false, 10},
        {"id-4", ACCOUNT_GONE, ACCOUNT_PERSON, false, 40},
        {"id-5", ACCOUNT_GONE, ACCOUNT_PERSON, true, 5}, /* purged, or never had any */
        {"id-6", ACCOUNT_GONE, ACCOUNT_GROUP, false, 5}, /* never had any */
        {"id-7", ACCOUNT_DISABLED, ACCOUNT_PERSON, false, 5},
        {"id-8", ACCOUNT_ACTIVE, ACCOUNT_PERSON, false, 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char address[32];
        snprintf(address, sizeof address, "%s@a.example", cases[i].id);
        struct account account = account_of(cases[i].id, address);
        account.state = cases[i].state;
        account.kind = cases[i].kind;
        account.no_mailbox = cases[i].no_mailbox;
        account.changed = cases[i].since;
        account.retention_days = (int64_t)i - 1;
        add(with, &account);
    }
    provision(with, "cold", "id-1", true);
    provision(with, "warm", "id-4", false);
    expect_tombstones(with, 100, 0, "", 10,
                      "id-2@10/1: id-1@20/0!cold id-3@20/-1: id-4@40/2:warm ");
    expect_tombstones(with, 40, 0, "", 10, "id-2@10/1: id-1@20/0!cold id-3@20/-1: ");
    expect_tombstones(with, 100, 0, "", 2, "id-2@10/1: id-1@20/0!cold ");
    expect_tombstones(with, 100, 20, "id-1", 2, "id-3@20/-1: id-4@40/2:warm ");
    expect_tombstones(with, 10, 0, "", 10, "");
    static const char *const purged[] = {"id-3", "id-3", "id-7", "id-9"};
    for (size_t i = 0; i < 4; i++) {
        struct store_change *change = store_change_new();
        account_rows_mark_purged(change, span_of(purged[i]));
        assert_int_equal(with_store_write(with, change), i == 0 ? STORE_DONE : STORE_CONFLICT);
    }
    expect_tombstones(with, 100, 10, "id-2", 10, "id-1@20/0!cold id-4@40/2:warm ");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, with_store_setup, with_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_account_comes_back_whole),
        CASE(test_best_candidate_wins),
        CASE(test_look_ups_use_an_index),
        CASE(test_another_version_is_a_conflict),
        CASE(test_one_primary_and_one_subject_each),
        CASE(test_hold_release_and_guards),
        CASE(test_touch_and_last_login),
        CASE(test_since_when),
        CASE(test_lists_and_their_pages),
        CASE(test_groups_are_not_listed),
        CASE(test_further_senders),
        CASE(test_tombstones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
