/* test_provision.c - users, groups and clients as provisioning wants them: the rules of plan_user.c, plan_group.c and plan_client.c. */
#include "with_accounts.h"

#include "auth/provision.h"

#define LIST_MAX 8

struct with_provision {
    struct with_accounts accounts; /* first: with_accounts_teardown() casts */
    struct client hr, other;
    /* of the last change */
    enum change_answer answer;
    bool done, created;
    char problem[ERROR_MAX], attribute[64], note[512], id[UUID_SIZE], primary[ADDRESS_MAX + 1];
    char home[ACCOUNT_HOME_MAX + 1], addresses[1024];
    struct account account;
    int64_t version;
};

static struct client new_client(struct with_provision *with, const char *name, const char *domains)
{
    struct client client = {.name = span_of(name),
                            .domains = span_of(domains),
                            .default_domain = SPAN_LITERAL("example.com"),
                            .rights = CLIENT_USERS | CLIENT_GROUPS};
    CLEANUP(secret_done) struct secret text = {0};
    struct change change = {.kind = CHANGE_CLIENT_ADD, .client = &client};
    client_secret_new(&text, &change.secret.hash);
    assert_int_equal(with_accounts_change(&with->accounts, change), CHANGE_DONE);
    CLEANUP(arena_done) struct arena arena = {0};
    struct client found;
    assert_int_equal(client_by_name(with->accounts.store.store, span_of(name), &arena, &found),
                     STORE_ROW);
    (void)span_fits(span_of(found.id), client.id, sizeof client.id);
    return client;
}

static int setup(void **state)
{
    struct with_provision *with = MEMORY_NEW(struct with_provision);
    with_store_directory(&with->accounts.store);
    with_accounts_open(&with->accounts);
    static const struct change_settings settings = {
        .hold_s = 1000, .retention_s = 1000, .brake_deletes = 2, .brake_percent = 10};
    changes_configure(with->accounts.changes, &settings);
    assert_int_equal(with_accounts_do(&with->accounts, CHANGE_DOMAIN_ADD, "example.com", ""),
                     CHANGE_DONE);
    assert_int_equal(with_accounts_do(&with->accounts, CHANGE_DOMAIN_ADD, "example.org", ""),
                     CHANGE_DONE);
    with->hr = new_client(with, "hr", "example.com");
    with->other = new_client(with, "other", "example.com example.org");
    *state = with;
    return 0;
}

static void on_change(const struct change_result *result, void *context)
{
    struct with_provision *with = context;
    with->done = true;
    with->answer = result->answer;
    with->created = result->created;
    snprintf(with->problem, sizeof with->problem, "%s", result->problem ? result->problem : "");
    snprintf(with->attribute, sizeof with->attribute, "%s",
             result->attribute ? result->attribute : "");
    assert_true(span_fits(result->note, with->note, sizeof with->note));
    if (result->account != NULL) {
        with->account = *result->account;
        memcpy(with->primary, result->account->primary.text, sizeof with->primary);
        assert_true(span_fits(result->account->home, with->home, sizeof with->home));
    }
    if (result->resource != NULL) {
        memcpy(with->id, result->resource->id, sizeof with->id);
        with->version = result->resource->version;
        assert_true(
            span_fits(result->resource->addresses, with->addresses, sizeof with->addresses));
    }
}

static enum change_answer change(struct with_provision *with, struct change change)
{
    change.actor = SPAN_LITERAL("scim:hr");
    with->done = false;
    change_start(with->accounts.changes, &change, on_change, with);
    with_store_wait(&with->accounts.store, &with->done);
    return with->answer;
}

/* A user as a test writes one: words of addresses parted by blanks. */
struct wish {
    const char *id, *name, *addresses, *external, *login, *document;
    enum provision_state state;
    int64_t quota;
    const struct wish *before;
    int64_t version;
};

static size_t words(const char *text, struct span items[LIST_MAX])
{
    size_t count = 0;
    struct span rest = span_of(text), word;
    while (!span_empty(rest) && span_cut(&rest, ' ', &word)) {
        items[count++] = word;
    }
    return count;
}

static struct provision_user user_of(const struct wish *wish, struct span items[LIST_MAX])
{
    return (struct provision_user){
        .resource = {.id = span_of(wish->id),
                     .version_read = wish->version,
                     .external_id = span_of(wish->external),
                     .name = span_of(wish->name),
                     .name_key = span_of(wish->name),
                     .document = span_of(wish->document == NULL ? "{}" : wish->document)},
        .state = wish->state,
        .full_name = SPAN_LITERAL("A Name"),
        .set_addresses = wish->addresses != NULL,
        .addresses = {{items, wish->addresses == NULL ? 0 : words(wish->addresses, items)},
                      "emails",
                      "emails",
                      0},
        .login_name = span_of(wish->login),
        .quota_bytes = wish->quota,
        .keep_copy = true,
        .mailbox = true,
        .retention_days = -1,
    };
}

static enum change_answer provision_by(struct with_provision *with, const struct client *client,
                                       const struct wish *wish)
{
    struct span items[LIST_MAX], items_before[LIST_MAX];
    struct provision_user user = user_of(wish, items), before;
    if (wish->before != NULL) {
        before = user_of(wish->before, items_before);
        user.before = &before;
    }
    return change(with,
                  (struct change){.kind = CHANGE_USER_PROVISION, .client = client, .user = &user});
}

static enum change_answer provision(struct with_provision *with, struct wish wish)
{
    return provision_by(with, &with->hr, &wish);
}

static void made(struct with_provision *with, struct wish wish)
{
    enum change_answer answer = provision(with, wish);
    if (answer != CHANGE_DONE) {
        fail_msg("%s: answer %d: %s", wish.name, answer, with->problem);
    }
}

static enum change_answer end(struct with_provision *with, const char *id)
{
    return change(with, (struct change){.kind = CHANGE_USER_DEPROVISION,
                                        .client = &with->hr,
                                        .account_id = span_of(id)});
}

static void expect_problem(const struct with_provision *with, const char *attribute,
                           const char *part)
{
    assert_string_equal(with->attribute, attribute);
    if (strstr(with->problem, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, with->problem);
    }
}

/* `kind` -1: nobody has it. */
static void expect(struct with_provision *with, const char *address, const char *id, int kind)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found = {0};
    const struct span candidates[ACCOUNT_ROWS_CANDIDATES] = {span_of(address)};
    enum store_now now =
        account_rows_by_address(with->accounts.store.store, candidates, &arena, &found);
    assert_int_equal(now, kind < 0 ? STORE_NONE : STORE_ROW);
    if (kind >= 0) {
        assert_string_equal(found.account.id, id);
        assert_int_equal(found.kind, kind);
    }
}

/* Users. */

static void test_user_is_made_whole(void **state)
{
    struct with_provision *with = *state;
    made(with, (struct wish){.name = "mira",
                             .addresses = "Mira@Example.com mv@example.com",
                             .external = "x1",
                             .login = "mira.v@example.com",
                             .quota = 7});
    assert_true(with->created);
    assert_string_equal(with->primary, "mira@example.com");
    assert_string_equal(with->addresses, "mira@example.com mv@example.com");
    assert_int_equal(with->account.quota_bytes, 7);
    assert_int_equal(with->account.state, ACCOUNT_ACTIVE);
    assert_true(span_empty(with->account.subject));
    expect(with, "mira@example.com", with->id, ADDRESS_PRIMARY);
    expect(with, "mv@example.com", with->id, ADDRESS_PROVISIONED);
    expect(with, "mira.v@example.com", with->id, ADDRESS_LOGIN);
}

static void test_user_made_disabled_is_disabled(void **state)
{
    struct with_provision *with = *state;
    made(with,
         (struct wish){.name = "a", .addresses = "a@example.com", .state = PROVISION_DISABLED});
    assert_int_equal(with->account.state, ACCOUNT_DISABLED);
}

static void test_names_and_addresses_are_unique(void **state)
{
    struct with_provision *with = *state;
    made(with, (struct wish){.name = "a", .addresses = "a@example.com"});
    assert_int_equal(provision(with, (struct wish){.name = "a", .addresses = "b@example.com"}),
                     CHANGE_EXISTS);
    expect_problem(with, "userName", "of this name already");
    assert_int_equal(
        provision(with, (struct wish){.name = "b", .addresses = "b@example.com A@example.com"}),
        CHANGE_EXISTS);
    expect_problem(with, "emails", "a@example.com is in use");
    expect(with, "b@example.com", NULL, -1);
    assert_int_equal(provision(with, (struct wish){.name = "b",
                                                   .addresses = "b@example.com",
                                                   .login = "a@example.com"}),
                     CHANGE_EXISTS);
    expect_problem(with, "userName", "a@example.com is in use");
    /* Names are each client's own. */
    assert_int_equal(
        provision_by(with, &with->other, &(struct wish){.name = "a", .addresses = "a@example.org"}),
        CHANGE_DONE);
}

static void test_only_own_domains_and_nothing_reserved(void **state)
{
    static const char *const reserved[] = {"hostmaster", "webmaster", "Admin",
                                           "root",       "security",  "administrator"};
    struct with_provision *with = *state;
    assert_int_equal(provision(with, (struct wish){.name = "a", .addresses = "a@example.org"}),
                     CHANGE_INVALID);
    expect_problem(with, "emails", "may not write addresses like a@example.org");
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        char alias[64], login[64];
        snprintf(alias, sizeof alias, "a@example.com %s@example.com", reserved[i]);
        snprintf(login, sizeof login, "%s@example.com", reserved[i]);
        struct wish by_alias = {.name = "a", .addresses = alias};
        struct wish by_login = {.name = "a", .addresses = "a@example.com", .login = login};
        assert_int_equal(provision(with, by_alias), CHANGE_REFUSED);
        expect_problem(with, "emails", "reserved");
        assert_int_equal(provision(with, by_login), CHANGE_REFUSED);
        expect_problem(with, "userName", "reserved");
    }
    with->hr.rights |= CLIENT_RESERVED;
    made(with, (struct wish){.name = "a", .addresses = "a@example.com security@example.com"});
}

static void test_the_same_again_changes_nothing(void **state)
{
    struct with_provision *with = *state;
    struct wish wish = {.name = "a", .addresses = "a@example.com b@example.com", .external = "1"};
    made(with, wish);
    struct wish again = wish;
    again.id = with->id;
    again.before = &wish;
    again.version = with->version;
    assert_int_equal(provision(with, again), CHANGE_SAME);
    again.version = with->version + 1;
    assert_int_equal(provision(with, again), CHANGE_STALE);
}

static void test_rename_keeps_the_old_name(void **state)
{
    struct with_provision *with = *state;
    struct wish wish = {.name = "a", .addresses = "a@example.com al@example.com"};
    made(with, wish);
    struct wish next = {.id = with->id,
                        .name = "a",
                        .addresses = "new@example.com",
                        .before = &wish,
                        .document = "{\"b\":1}"};
    made(with, next);
    assert_false(with->created);
    assert_string_equal(with->primary, "new@example.com");
    expect(with, "new@example.com", with->id, ADDRESS_PRIMARY);
    expect(with, "a@example.com", with->id, ADDRESS_RENAMED);
    expect(with, "al@example.com", NULL, -1);
    /* Nobody else gets it meanwhile; an admin is not asked. */
    assert_int_equal(provision(with, (struct wish){.name = "b", .addresses = "a@example.com"}),
                     CHANGE_EXISTS);
    struct wish back = {.id = with->id,
                        .name = "a",
                        .addresses = "a@example.com new@example.com",
                        .before = &next,
                        .document = "{\"c\":1}"};
    made(with, back);
    expect(with, "a@example.com", with->id, ADDRESS_PRIMARY);
    expect(with, "new@example.com", with->id, ADDRESS_PROVISIONED);
}

static void test_an_admins_doing_outlives_provisioning(void **state)
{
    struct with_provision *with = *state;
    struct wish wish = {.name = "a", .addresses = "a@example.com b@example.com", .quota = -1};
    made(with, wish);
    struct with_accounts *accounts = &with->accounts;
    struct change quota = {.kind = CHANGE_ACCOUNT_SET,
                           .address = SPAN_LITERAL("a@example.com"),
                           .set_quota = true,
                           .quota_bytes = 99};
    assert_int_equal(with_accounts_change(accounts, quota), CHANGE_DONE);
    assert_int_equal(
        with_accounts_do(accounts, CHANGE_ALIAS_ADD, "mine@example.com", "a@example.com"),
        CHANGE_DONE);
    assert_int_equal(
        with_accounts_do(accounts, CHANGE_ACCOUNT_RENAME, "a@example.com", "boss@example.com"),
        CHANGE_DONE);
    struct wish next = wish;
    next.id = with->id;
    next.before = &wish;
    next.document = "{\"nickName\":\"x\"}";
    made(with, next);
    assert_int_equal(with->account.quota_bytes, 99);
    assert_string_equal(with->primary, "boss@example.com");
    expect(with, "mine@example.com", with->id, ADDRESS_ALIAS);
    expect(with, "b@example.com", with->id, ADDRESS_PROVISIONED);
    expect(with, "a@example.com", with->id, ADDRESS_RENAMED);
}

static void test_addresses_not_asserted_stay(void **state)
{
    struct with_provision *with = *state;
    struct wish wish = {.name = "a", .addresses = "a@example.com b@example.com"};
    made(with, wish);
    struct wish next = {.id = with->id, .name = "a", .before = &wish, .state = PROVISION_DISABLED};
    made(with, next);
    assert_int_equal(with->account.state, ACCOUNT_DISABLED);
    expect(with, "b@example.com", with->id, ADDRESS_PROVISIONED);
    struct wish keeps = {.id = with->id, .name = "a", .before = &wish, .document = "{\"x\":1}"};
    made(with, keeps);
    assert_int_equal(with->account.state, ACCOUNT_DISABLED);
}

static void test_the_deleted_can_come_again(void **state)
{
    struct with_provision *with = *state;
    char first[UUID_SIZE], home[ACCOUNT_HOME_MAX + 1];
    struct wish wish = {.name = "a", .addresses = "a@example.com", .external = "e1"};
    made(with, wish);
    memcpy(first, with->id, sizeof first);
    snprintf(home, sizeof home, "/var/vmail/%s", first);
    assert_int_equal(end(with, first), CHANGE_DONE);
    expect(with, "a@example.com", first, ADDRESS_HELD);
    assert_int_equal(end(with, first), CHANGE_NOT_FOUND);
    assert_int_equal(provision(with, (struct wish){.id = first, .name = "a"}), CHANGE_NOT_FOUND);
    /* Another externalId: another person, another mailbox. */
    struct wish stranger = wish;
    stranger.external = "e2";
    made(with, stranger);
    assert_string_not_equal(with->id, first);
    assert_string_equal(with->home, "");
    assert_int_equal(end(with, with->id), CHANGE_DONE);
    made(with, wish);
    assert_string_equal(with->home, home);
    assert_non_null(strstr(with->note, "there again"));
    /* Once. */
    char second[UUID_SIZE];
    memcpy(second, with->id, sizeof second);
    assert_int_equal(end(with, second), CHANGE_DONE);
    made(with, wish);
    assert_string_equal(with->home, home);
}

static void test_what_another_client_deleted_is_held(void **state)
{
    struct with_provision *with = *state;
    made(with, (struct wish){.name = "a", .addresses = "a@example.com"});
    assert_int_equal(end(with, with->id), CHANGE_DONE);
    struct wish wish = {.name = "a", .addresses = "a@example.com"};
    assert_int_equal(provision_by(with, &with->other, &wish), CHANGE_EXISTS);
    expect_problem(with, "emails", "on hold");
    made(with, wish);
}

static void test_anothers_resources_do_not_exist(void **state)
{
    struct with_provision *with = *state;
    made(with, (struct wish){.name = "a", .addresses = "a@example.com"});
    struct wish theirs = {.id = with->id, .name = "z", .addresses = "z@example.com"};
    assert_int_equal(provision_by(with, &with->other, &theirs), CHANGE_NOT_FOUND);
    struct change delete = {
        .kind = CHANGE_USER_DEPROVISION, .client = &with->other, .account_id = span_of(with->id)};
    char id[UUID_SIZE];
    memcpy(id, with->id, sizeof id);
    assert_int_equal(change(with, delete), CHANGE_NOT_FOUND);
    expect(with, "a@example.com", id, ADDRESS_PRIMARY);
}

/* Adoption. */

static void test_nothing_is_adopted_unless_the_client_may(void **state)
{
    struct with_provision *with = *state;
    assert_int_equal(with_accounts_do(&with->accounts, CHANGE_ACCOUNT_ADD, "ann@example.com", ""),
                     CHANGE_DONE);
    struct wish wish = {.name = "ann", .addresses = "ann@example.com new@example.com"};
    assert_int_equal(provision(with, wish), CHANGE_EXISTS);
    with->hr.adopt = CLIENT_ADOPT_ADDRESS;
    with->hr.adopt_until = 1; /* long ago */
    assert_int_equal(provision(with, wish), CHANGE_EXISTS);
    with->hr.adopt_until = INT64_MAX;
    wish.state = PROVISION_DISABLED;
    made(with, wish);
    assert_string_equal(with->primary, "ann@example.com");
    assert_int_equal(with->account.state, ACCOUNT_DISABLED); /* linking must not keep it open */
    expect(with, "new@example.com", NULL, -1); /* the first contact changes no address */
    /* It is somebody's now. */
    with->other.adopt = CLIENT_ADOPT_ADDRESS;
    with->other.adopt_until = INT64_MAX;
    assert_int_equal(provision_by(with, &with->other, &wish), CHANGE_EXISTS);
    assert_int_equal(with_accounts_do(&with->accounts, CHANGE_ALIAS_ADD, "x@example.com",
                                      "postmaster@example.com"),
                     CHANGE_DONE);
    struct wish duty = {.name = "p", .addresses = "postmaster@example.com"};
    assert_int_not_equal(provision(with, duty), CHANGE_DONE);
}

static void test_an_external_id_binds_only_with_a_provider(void **state)
{
    struct with_provision *with = *state;
    made(with, (struct wish){.name = "a", .addresses = "a@example.com", .external = "sub-1"});
    assert_true(span_empty(with->account.subject));
    with->hr.provider = SPAN_LITERAL("work");
    made(with, (struct wish){.name = "b", .addresses = "b@example.com", .external = "sub-2"});
    CLEANUP(arena_done) struct arena arena = {0};
    struct account bound;
    assert_int_equal(account_rows_by_subject(with->accounts.store.store, SPAN_LITERAL("work"),
                                             SPAN_LITERAL("sub-2"), &arena, &bound),
                     STORE_ROW);
    assert_string_equal(bound.id, with->id);
    assert_int_equal(
        provision(with,
                  (struct wish){.name = "c", .addresses = "c@example.com", .external = "sub-2"}),
        CHANGE_EXISTS);
    expect_problem(with, "externalId", "bound to another");
}

static void test_too_many_deletions_brake_the_purge_only(void **state)
{
    struct with_provision *with = *state;
    char ids[3][UUID_SIZE];
    for (int i = 0; i < 3; i++) {
        char name[8], address[32];
        snprintf(name, sizeof name, "u%d", i);
        snprintf(address, sizeof address, "u%d@example.com", i);
        made(with, (struct wish){.name = name, .addresses = address});
        memcpy(ids[i], with->id, UUID_SIZE);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(end(with, ids[i]), CHANGE_DONE);
        CLEANUP(arena_done) struct arena arena = {0};
        struct client client;
        assert_int_equal(
            client_by_id(with->accounts.store.store, span_of(with->hr.id), &arena, &client),
            STORE_ROW);
        assert_int_equal(client.frozen, i == 2);
    }
    assert_non_null(strstr(with->accounts.lines, "provisioning_braked"));
    struct client named = {.name = SPAN_LITERAL("hr")};
    struct change release = {.kind = CHANGE_CLIENT_RELEASE, .client = &named};
    assert_int_equal(with_accounts_change(&with->accounts, release), CHANGE_DONE);
    assert_int_equal(with_accounts_change(&with->accounts, release), CHANGE_SAME);
}

/* Groups. */

struct group_wish {
    const char *id, *name, *addresses, *add, *remove;
    enum group_rows_kind kind;
    enum group_rows_member_kind member_kind;
    bool changed;
    int64_t version;
};

static enum change_answer group(struct with_provision *with, struct group_wish wish)
{
    struct span items[LIST_MAX], ids[LIST_MAX];
    struct provision_member add[LIST_MAX], remove[LIST_MAX];
    struct provision_group group = {
        .resource = {.id = span_of(wish.id),
                     .version_read = wish.version,
                     .name = span_of(wish.name),
                     .name_key = span_of(wish.name),
                     .document = SPAN_LITERAL("{}")},
        .kind = wish.kind,
        .resource_changed = wish.changed,
        .quota_bytes = -1,
        .addresses = {{items, words(wish.addresses, items)}, "address", "aliases", 0},
        .add = add,
        .remove = remove,
    };
    group.add_count = words(wish.add, ids);
    for (size_t i = 0; i < group.add_count; i++) {
        add[i] = (struct provision_member){ids[i], wish.member_kind};
    }
    group.remove_count = words(wish.remove, ids);
    for (size_t i = 0; i < group.remove_count; i++) {
        remove[i] = (struct provision_member){ids[i], wish.member_kind};
    }
    return change(with, (struct change){
                            .kind = CHANGE_GROUP_PROVISION, .client = &with->hr, .group = &group});
}

static void test_members_come_and_go(void **state)
{
    struct with_provision *with = *state;
    char user[UUID_SIZE];
    struct store *store = with->accounts.store.store;
    made(with, (struct wish){.name = "a", .addresses = "a@example.com"});
    memcpy(user, with->id, sizeof user);
    int64_t seen = with->version;
    assert_int_equal(group(with, (struct group_wish){.name = "ops", .add = user}), CHANGE_DONE);
    char id[UUID_SIZE];
    memcpy(id, with->id, sizeof id);
    assert_int_equal(group_rows_has(store, span_of(id), GROUP_ROWS_MEMBER, span_of(user)),
                     STORE_ROW);
    CLEANUP(arena_done) struct arena arena = {0};
    struct resource resource;
    assert_int_equal(resource_by_id(store, span_of(user), &arena, &resource), STORE_ROW);
    assert_true(resource.version > seen); /* its `groups` is another */
    /* Lost a race: it is there already. */
    assert_int_equal(group(with, (struct group_wish){.id = id, .name = "ops", .add = user}),
                     CHANGE_STALE);
    assert_int_equal(group(with, (struct group_wish){.id = id, .name = "ops", .remove = user}),
                     CHANGE_DONE);
    assert_int_equal(group_rows_has(store, span_of(id), GROUP_ROWS_MEMBER, span_of(user)),
                     STORE_NONE);
    assert_int_equal(group(with, (struct group_wish){.id = id, .name = "ops"}), CHANGE_SAME);
}

static void test_deleting_a_user_takes_it_out_of_its_groups(void **state)
{
    struct with_provision *with = *state;
    char user[UUID_SIZE], id[UUID_SIZE];
    struct store *store = with->accounts.store.store;
    made(with, (struct wish){.name = "a", .addresses = "a@example.com"});
    memcpy(user, with->id, sizeof user);
    assert_int_equal(group(with, (struct group_wish){.name = "ops", .add = user}), CHANGE_DONE);
    memcpy(id, with->id, sizeof id);
    /* Also by the command line. */
    assert_int_equal(with_accounts_do(&with->accounts, CHANGE_ACCOUNT_DELETE, "a@example.com", ""),
                     CHANGE_DONE);
    assert_int_equal(group_rows_has(store, span_of(id), GROUP_ROWS_MEMBER, span_of(user)),
                     STORE_NONE);
    CLEANUP(arena_done) struct arena arena = {0};
    struct resource resource;
    assert_int_equal(resource_by_id(store, span_of(user), &arena, &resource), STORE_ROW);
    assert_int_not_equal(resource.gone, 0);
}

static void test_groups_make_no_circle(void **state)
{
    struct with_provision *with = *state;
    char one[UUID_SIZE], two[UUID_SIZE];
    assert_int_equal(group(with, (struct group_wish){.name = "one"}), CHANGE_DONE);
    memcpy(one, with->id, sizeof one);
    assert_int_equal(
        group(with,
              (struct group_wish){.name = "two", .add = one, .member_kind = GROUP_ROWS_GROUP}),
        CHANGE_DONE);
    memcpy(two, with->id, sizeof two);
    assert_int_equal(group(with, (struct group_wish){.id = one,
                                                     .name = "one",
                                                     .add = two,
                                                     .member_kind = GROUP_ROWS_GROUP}),
                     CHANGE_INVALID);
    expect_problem(with, "members", "member of itself");
    assert_int_equal(group(with, (struct group_wish){.id = one,
                                                     .name = "one",
                                                     .add = one,
                                                     .member_kind = GROUP_ROWS_GROUP}),
                     CHANGE_INVALID);
}

static void test_a_group_has_addresses(void **state)
{
    struct with_provision *with = *state;
    char id[UUID_SIZE];
    assert_int_equal(group(with, (struct group_wish){.name = "all", .kind = GROUP_ROWS_LIST}),
                     CHANGE_INVALID);
    expect_problem(with, "address", "needs an address");
    assert_int_equal(
        group(with, (struct group_wish){.name = "all",
                                        .kind = GROUP_ROWS_LIST,
                                        .addresses = "all@example.com a2@example.com"}),
        CHANGE_DONE);
    memcpy(id, with->id, sizeof id);
    expect(with, "all@example.com", id, ADDRESS_PRIMARY);
    expect(with, "a2@example.com", id, ADDRESS_PROVISIONED);
    assert_int_equal(with->account.kind, ACCOUNT_GROUP);
    assert_int_equal(provision(with, (struct wish){.name = "x", .addresses = "all@example.com"}),
                     CHANGE_EXISTS);
    struct group_wish shared = {.id = id,
                                .name = "all",
                                .kind = GROUP_ROWS_SHARED,
                                .addresses = "team@example.com",
                                .changed = true};
    assert_int_equal(group(with, shared), CHANGE_DONE);
    expect(with, "team@example.com", id, ADDRESS_PRIMARY);
    expect(with, "all@example.com", id, ADDRESS_RENAMED);
    expect(with, "a2@example.com", NULL, -1);
    assert_int_equal(with->account.kind, ACCOUNT_SHARED);
    /* No address any more, then one again. */
    struct group_wish none = {.id = id, .name = "all", .changed = true};
    assert_int_equal(group(with, none), CHANGE_DONE);
    expect(with, "team@example.com", id, ADDRESS_HELD);
    assert_int_equal(group(with, shared), CHANGE_DONE);
    expect(with, "team@example.com", id, ADDRESS_PRIMARY);
    struct change delete = {
        .kind = CHANGE_GROUP_DEPROVISION, .client = &with->hr, .account_id = span_of(id)};
    assert_int_equal(change(with, delete), CHANGE_DONE);
    expect(with, "team@example.com", id, ADDRESS_HELD);
    assert_int_equal(change(with, delete), CHANGE_NOT_FOUND);
}

int main(void)
{
    if (!secret_init()) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, with_accounts_teardown)
        TEST(test_user_is_made_whole),
        TEST(test_user_made_disabled_is_disabled),
        TEST(test_names_and_addresses_are_unique),
        TEST(test_only_own_domains_and_nothing_reserved),
        TEST(test_the_same_again_changes_nothing),
        TEST(test_rename_keeps_the_old_name),
        TEST(test_an_admins_doing_outlives_provisioning),
        TEST(test_addresses_not_asserted_stay),
        TEST(test_the_deleted_can_come_again),
        TEST(test_what_another_client_deleted_is_held),
        TEST(test_anothers_resources_do_not_exist),
        TEST(test_nothing_is_adopted_unless_the_client_may),
        TEST(test_an_external_id_binds_only_with_a_provider),
        TEST(test_too_many_deletions_brake_the_purge_only),
        TEST(test_members_come_and_go),
        TEST(test_deleting_a_user_takes_it_out_of_its_groups),
        TEST(test_groups_make_no_circle),
        TEST(test_a_group_has_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
