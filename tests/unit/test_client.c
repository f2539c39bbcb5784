/* test_client.c - provisioning clients: what their rules say, what their rows keep, and what a secret opens. */
#include "with_plan.h"

#include "account/client.h"
#include "account/resource.h"

static void test_secrets(void **state)
{
    (void)state;
    CLEANUP(secret_done) struct secret first = {0}, second = {0};
    struct digest hash, other;
    client_secret_new(&first, &hash);
    client_secret_new(&second, &other);
    struct span text = secret_reveal(&first);
    assert_int_equal(text.length, 47);
    assert_true(text.length <= CLIENT_SECRET_MAX && span_starts(text, "psc_"));
    for (size_t i = 4; i < text.length; i++) {
        assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                               span_at(text, i)));
    }
    assert_false(secret_equal(&first, &second));
    assert_false(digest_equal(&hash, &other));
    other = client_secret_hash(text);
    assert_true(digest_equal(&hash, &other));
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool valid;
    } cases[] = {{"okta", true}, {"Entra-2.b_c", true}, {"", false},   {"a b", false},
                 {"a/b", false}, {"\xc3\xa4", false},   {"a:", false}, {"a\n", false}};
    char name[CLIENT_NAME_MAX + 2];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(client_name_valid(span_of(cases[i].name)) == cases[i].valid);
    }
    memset(name, 'a', sizeof name);
    assert_true(client_name_valid(span_bytes(name, CLIENT_NAME_MAX)));
    assert_false(client_name_valid(span_bytes(name, CLIENT_NAME_MAX + 1)));
}

static void test_rights(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written; /* NULL: refused */
        unsigned rights;
    } cases[] = {
        {"users,groups", "users,groups", CLIENT_USERS | CLIENT_GROUPS},
        {" groups ,  users users", "users,groups", CLIENT_USERS | CLIENT_GROUPS},
        {"", "", 0},
        {"set_password forward move reserved read_only",
         "set_password,forward,move,reserved,read_only",
         CLIENT_SET_PASSWORD | CLIENT_FORWARD | CLIENT_MOVE | CLIENT_RESERVED | CLIENT_READ_ONLY},
        {"users,root", NULL, 0},
        {"Users", NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buffer_done) struct buffer out = buffer_limited(200);
        struct error error = {""};
        unsigned rights = 4711;
        bool good = client_rights_parse(span_of(cases[i].text), &rights, &error);
        assert_true(good == (cases[i].written != NULL));
        if (good) {
            assert_int_equal(rights, cases[i].rights);
            client_rights_write(rights, &out);
            assert_true(span_is(buffer_span(&out), cases[i].written));
        } else {
            assert_int_equal(rights, 4711);
        }
    }
    struct error error;
    unsigned rights;
    assert_false(client_rights_parse(SPAN_LITERAL("users,root"), &rights, &error));
    assert_non_null(strstr(error.text, "\"root\" is no right: users,"));
}

static void test_domains(void **state)
{
    (void)state;
    const struct client client = {.domains = SPAN_LITERAL("example.com b.example")}, none = {{0}};
    assert_true(client_may_write(&client, SPAN_LITERAL("example.com")));
    assert_true(client_may_write(&client, SPAN_LITERAL("b.example")));
    static const char *const no[] = {"",          "example",       "example.co",
                                     "ample.com", "a.example.com", "example.com b.example"};
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        assert_false(client_may_write(&client, span_of(no[i])));
    }
    assert_false(client_may_write(&none, SPAN_LITERAL("example.com")));
    assert_false(client_may_write(&none, SPAN_LITERAL("")));
}

static void test_reserved(void **state)
{
    (void)state;
    static const char *const yes[] = {"postmaster",     "abuse",         "hostmaster", "webmaster",
                                      "admin",          "administrator", "root",       "security",
                                      "PostMaster",     "admin+x",       "abuse+",     "admin+x+y",
                                      "Root+postmaster"};
    static const char *const no[] = {"",       "postmaste", "postmasters", "the-admin",
                                     "+admin", "admin-x",   "admin2",      "x+admin"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        assert_true(client_local_reserved(span_of(yes[i]), '+'));
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        assert_false(client_local_reserved(span_of(no[i]), '+'));
    }
    assert_true(client_local_reserved(SPAN_LITERAL("admin-x"), '-'));
}

/* Rows. */

static struct client client_of(const char *id, const char *name)
{
    struct client client = {.name = span_of(name),
                            .domains = SPAN_LITERAL("example.com b.example"),
                            .default_domain = SPAN_LITERAL("example.com"),
                            .group_template = SPAN_LITERAL("%s@lists.example.com"),
                            .provider = SPAN_LITERAL("work"),
                            .networks = SPAN_LITERAL("192.0.2.0/24 2001:db8::/32"),
                            .rights = CLIENT_USERS | CLIENT_FORWARD,
                            .members = CLIENT_MEMBERS_SKIP,
                            .adopt = CLIENT_ADOPT_ADDRESS,
                            .adopt_until = 1000,
                            .created = 10,
                            .changed = 11};
    snprintf(client.id, sizeof client.id, "%s", id);
    return client;
}

static void add(struct with_store *with, const char *id, const char *name)
{
    struct store_change *change = store_change_new();
    struct client client = client_of(id, name);
    client_add(change, &client);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static enum store_answer add_secret(struct with_store *with, const char *id, const char *text,
                                    int64_t expires, int64_t now)
{
    struct store_change *change = store_change_new();
    struct client_secret secret = {
        .hash = client_secret_hash(span_of(text)), .created = now, .expires = expires};
    snprintf(secret.client_id, sizeof secret.client_id, "%s", id);
    client_add_secret(change, &secret, now);
    return with_store_write(with, change);
}

/* Which client a secret opens; "" none. */
static const char *opened(struct with_store *with, const char *text)
{
    static char id[UUID_SIZE];
    CLEANUP(arena_done) struct arena arena = {0};
    struct digest hash = client_secret_hash(span_of(text));
    struct client client;
    struct client_secret secret;
    if (client_by_secret(with->store, &hash, &arena, &client, &secret) != STORE_ROW) {
        return "";
    }
    assert_true(digest_equal(&secret.hash, &hash));
    assert_string_equal(secret.client_id, client.id);
    strcpy(id, client.id);
    return id;
}

static void expect_same(const struct client *a, const struct client *b)
{
    assert_string_equal(a->id, b->id);
    assert_true(span_equal(a->name, b->name) && span_equal(a->domains, b->domains));
    assert_true(span_equal(a->default_domain, b->default_domain));
    assert_true(span_equal(a->group_template, b->group_template));
    assert_true(span_equal(a->provider, b->provider) && span_equal(a->networks, b->networks));
    assert_int_equal(a->rights, b->rights);
    assert_int_equal(a->members, b->members);
    assert_int_equal(a->adopt, b->adopt);
    assert_int_equal(a->adopt_until, b->adopt_until);
    assert_int_equal(a->created, b->created);
    assert_int_equal(a->changed, b->changed);
}

static void test_comes_back_whole(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct client in = client_of("c-1", "okta"), out;
    add(with, "c-1", "okta");
    assert_int_equal(client_by_name(with->store, SPAN_LITERAL("okta"), &arena, &out), STORE_ROW);
    expect_same(&in, &out);
    assert_int_equal(out.version, 1);
    assert_int_equal(out.last_used, 0);
    assert_false(out.frozen);
    assert_int_equal(client_by_id(with->store, SPAN_LITERAL("c-1"), &arena, &out), STORE_ROW);
    expect_same(&in, &out);
    assert_int_equal(client_by_id(with->store, SPAN_LITERAL("okta"), &arena, &out), STORE_NONE);
    assert_int_equal(client_by_name(with->store, SPAN_LITERAL("c-1"), &arena, &out), STORE_NONE);
    struct store_change *same = store_change_new();
    struct client other = client_of("c-2", "okta");
    client_add(same, &other);
    assert_int_equal(with_store_write(with, same), STORE_CONFLICT);
}

static void test_update(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct client client = client_of("c-1", "okta"), out;
    add(with, "c-1", "okta");
    struct store_change *change = store_change_new();
    client_set_last_used(change, SPAN_LITERAL("c-1"), 90);
    client_set_last_used(change, SPAN_LITERAL("c-1"), 80);
    client_set_last_used(change, SPAN_LITERAL("c-9"), 80);
    client_set_frozen(change, SPAN_LITERAL("c-1"), true);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    client.name = SPAN_LITERAL("okta2");
    client.domains = client.networks = client.provider = (struct span){0};
    client.default_domain = client.group_template = (struct span){0};
    client.rights = CLIENT_READ_ONLY;
    client.members = CLIENT_MEMBERS_REJECT;
    client.adopt = CLIENT_ADOPT_NEVER;
    client.adopt_until = 0;
    client.changed = 99;
    for (int i = 0; i < 2; i++) {
        change = store_change_new();
        client_update(change, &client, 2);
        assert_int_equal(with_store_write(with, change), i == 0 ? STORE_DONE : STORE_CONFLICT);
    }
    assert_int_equal(client_by_id(with->store, SPAN_LITERAL("c-1"), &arena, &out), STORE_ROW);
    expect_same(&client, &out);
    assert_int_equal(out.version, 3);
    assert_int_equal(out.last_used, 90);
    assert_true(out.frozen);
    change = store_change_new();
    client_set_frozen(change, SPAN_LITERAL("c-1"), false);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    assert_int_equal(client_by_id(with->store, SPAN_LITERAL("c-1"), &arena, &out), STORE_ROW);
    assert_false(out.frozen);
}

/* Two at once, for rotation: expired ones do not count, and go. */
static void test_two_secrets(void **state)
{
    struct with_store *with = *state;
    add(with, "c-1", "okta");
    add(with, "c-2", "entra");
    assert_string_equal(opened(with, "psc_1"), "");
    assert_int_equal(add_secret(with, "c-1", "psc_1", 100, 10), STORE_DONE);
    assert_int_equal(add_secret(with, "c-1", "psc_2", 0, 20), STORE_DONE);
    assert_int_equal(add_secret(with, "c-1", "psc_3", 0, 30), STORE_CONFLICT);
    assert_int_equal(add_secret(with, "c-2", "psc_4", 0, 30), STORE_DONE);
    assert_int_equal(add_secret(with, "c-2", "psc_1", 0, 30), STORE_CONFLICT);
    assert_int_equal(add_secret(with, "c-9", "psc_5", 0, 30), STORE_CONFLICT);
    assert_string_equal(opened(with, "psc_1"), "c-1");
    assert_string_equal(opened(with, "psc_2"), "c-1");
    assert_string_equal(opened(with, "psc_4"), "c-2");
    assert_int_equal(add_secret(with, "c-1", "psc_3", 0, 99), STORE_CONFLICT);
    assert_int_equal(add_secret(with, "c-1", "psc_3", 0, 100), STORE_DONE);
    assert_string_equal(opened(with, "psc_1"), "");
    struct digest other = client_secret_hash(SPAN_LITERAL("psc_4"));
    for (int i = 0; i < 2; i++) {
        struct store_change *change = store_change_new();
        client_delete_secret(change, &other);
        assert_int_equal(with_store_write(with, change), i == 0 ? STORE_DONE : STORE_CONFLICT);
    }
    assert_string_equal(opened(with, "psc_4"), "");
}

/* Whichever of the two is kept. */
static void test_all_secrets_but_one(void **state)
{
    struct with_store *with = *state;
    static const char *const secrets[] = {"psc_1", "psc_2"};
    for (int kept = 0; kept < 2; kept++) {
        struct digest hash = client_secret_hash(span_of(secrets[kept]));
        const char *id = kept == 0 ? "c-1" : "c-2";
        add(with, id, id);
        assert_int_equal(add_secret(with, id, secrets[0], 0, 10), STORE_DONE);
        assert_int_equal(add_secret(with, id, secrets[1], 0, 10), STORE_DONE);
        struct store_change *others = store_change_new(), *all = store_change_new();
        client_delete_secrets_but(others, span_of("c-9"), &hash);
        client_delete_secrets_but(others, span_of(id), &hash);
        assert_int_equal(with_store_write(with, others), STORE_DONE);
        assert_string_equal(opened(with, secrets[kept]), id);
        assert_string_equal(opened(with, secrets[1 - kept]), "");
        client_delete_secret(all, &hash);
        assert_int_equal(with_store_write(with, all), STORE_DONE);
    }
}

/* Neither the secret nor a part of it is in the file. */
static void test_only_the_hash_is_stored(void **state)
{
    struct with_store *with = *state;
    CLEANUP(secret_done) struct secret text = {0};
    struct client_secret secret = {.client_id = "c-1"};
    add(with, "c-1", "okta");
    client_secret_new(&text, &secret.hash);
    struct store_change *change = store_change_new();
    client_add_secret(change, &secret, 10);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    static const char *const files[] = {"a.db", "a.db-wal"};
    size_t seen = 0;
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        CLEANUP(buffer_done) struct buffer bytes = buffer_limited(16 << 20);
        snprintf(path, sizeof path, "%s/%s", with->directory, files[i]);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t got;
        do {
            got = fread(buffer_room(&bytes, 4096), 1, 4096, file);
            buffer_took(&bytes, got);
        } while (got > 0);
        fclose(file);
        struct span all = buffer_span(&bytes), part = span_from(secret_reveal(&text), 4);
        assert_int_equal(span_search(all, span_first(part, 16)), all.length);
        seen += span_search(all, SPAN_LITERAL("okta")) < all.length;
    }
    assert_true(seen > 0);
}

static void test_deletion(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct client out;
    struct resource user = {.type = RESOURCE_USER,
                            .id = "u-1",
                            .client_id = "c-1",
                            .name = SPAN_LITERAL("u"),
                            .name_key = SPAN_LITERAL("u"),
                            .document = SPAN_LITERAL("{}")};
    add(with, "c-1", "okta");
    add(with, "c-2", "entra");
    assert_int_equal(add_secret(with, "c-1", "psc_1", 0, 10), STORE_DONE);
    struct store_change *change = store_change_new();
    resource_add(change, &user);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    change = store_change_new();
    client_delete(change, SPAN_LITERAL("c-1"));
    assert_int_equal(with_store_write(with, change), STORE_CONFLICT);
    assert_string_equal(opened(with, "psc_1"), "c-1"); /* nothing of it was done */
    change = store_change_new();
    resource_end(change, SPAN_LITERAL("u-1"), 20);
    client_delete(change, SPAN_LITERAL("c-1"));
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    assert_string_equal(opened(with, "psc_1"), "");
    assert_int_equal(client_by_id(with->store, SPAN_LITERAL("c-1"), &arena, &out), STORE_NONE);
    assert_int_equal(client_by_id(with->store, SPAN_LITERAL("c-2"), &arena, &out), STORE_ROW);
    change = store_change_new();
    client_delete(change, SPAN_LITERAL("c-1"));
    assert_int_equal(with_store_write(with, change), STORE_CONFLICT);
}

struct listed {
    bool done;
    char text[256];
};

static void on_clients(const struct store_rows *rows, void *context)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct listed *listed = context;
    for (size_t i = 0; i < rows->rows; i++) {
        struct client client, same = client_of("", "");
        client_read(rows, i, &arena, &client);
        snprintf(same.id, sizeof same.id, "%s", client.id);
        same.name = client.name;
        expect_same(&client, &same);
        size_t used = strlen(listed->text);
        snprintf(listed->text + used, sizeof listed->text - used, "%.*s ", (int)client.name.length,
                 client.name.at);
    }
    listed->done = true;
}

static void on_secrets(const struct store_rows *rows, void *context)
{
    struct listed *listed = context;
    for (size_t i = 0; i < rows->rows; i++) {
        struct client_secret secret;
        client_read_secret(rows, i, &secret);
        assert_string_equal(secret.client_id, "c-1");
        size_t used = strlen(listed->text);
        snprintf(listed->text + used, sizeof listed->text - used, "%lld-%lld ",
                 (long long)secret.created, (long long)secret.expires);
    }
    listed->done = true;
}

static void test_lists(void **state)
{
    struct with_store *with = *state;
    struct listed clients = {0}, secrets = {0};
    add(with, "c-1", "okta");
    add(with, "c-2", "entra");
    assert_int_equal(add_secret(with, "c-1", "psc_1", 0, 20), STORE_DONE);
    assert_int_equal(add_secret(with, "c-1", "psc_2", 100, 10), STORE_DONE);
    assert_int_equal(add_secret(with, "c-2", "psc_3", 100, 10), STORE_DONE);
    client_list(with->store, on_clients, &clients);
    with_store_wait(with, &clients.done);
    assert_string_equal(clients.text, "entra okta ");
    client_list_secrets(with->store, SPAN_LITERAL("c-1"), on_secrets, &secrets);
    with_store_wait(with, &secrets.done);
    assert_string_equal(secrets.text, "10-100 20-0 ");
}

static void test_look_ups_use_an_index(void **state)
{
    struct with_store *with = *state;
    size_t count;
    const struct statement *const *statements = client_statements(&count);
    assert_true(count >= 4);
    for (size_t i = 0; i < count; i++) {
        with_plan_check(with, statements[i]->sql, true);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, with_store_setup, with_store_teardown)

int main(void)
{
    if (!secret_init()) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_reserved),
        CASE(test_comes_back_whole),
        CASE(test_update),
        CASE(test_two_secrets),
        CASE(test_all_secrets_but_one),
        CASE(test_only_the_hash_is_stored),
        CASE(test_deletion),
        CASE(test_lists),
        CASE(test_look_ups_use_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
