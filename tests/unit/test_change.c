/* test_change.c - every kind of change: what it does, when it is refused, what it leaves behind. */
#include "with_accounts.h"

#include "wire/json.h"

#define HASH       \
    "$6$saltsalt$" \
    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static void do_it(struct with_accounts *with, enum change_kind kind, const char *address,
                  const char *target)
{
    enum change_answer answer = with_accounts_do(with, kind, address, target);
    if (answer != CHANGE_DONE) {
        fail_msg("%s: answer %d: %s", address, answer, with->last.problem);
    }
}

static enum directory_answer find(struct with_accounts *with, const char *text,
                                  struct account_rows_found *found, struct arena *arena)
{
    struct span tag;
    return directory_recipient(with->directory, span_of(text), arena, found, &tag);
}

/* Expects `text` to lead to the account `primary` as `kind`; NULL: nowhere. */
static void expect(struct with_accounts *with, const char *text, const char *primary,
                   enum address_kind kind)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found = {0};
    assert_int_equal(find(with, text, &found, &arena),
                     primary == NULL ? DIRECTORY_NONE : DIRECTORY_FOUND);
    if (primary != NULL) {
        assert_string_equal(found.account.primary.text, primary);
        assert_int_equal(found.kind, kind);
    }
}

/* Domains. */

static void test_domain_gets_postmaster_and_abuse(void **state)
{
    struct with_accounts *with = *state;
    do_it(with, CHANGE_DOMAIN_ADD, "Example.COM", "");
    assert_false(with->last.has_account);
    assert_non_null(strstr(with->last.note, "postmaster@example.com"));
    expect(with, "postmaster@example.com", "postmaster@example.com", ADDRESS_PRIMARY);
    expect(with, "abuse@example.com", "postmaster@example.com", ADDRESS_ALIAS);
    do_it(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    do_it(with, CHANGE_DOMAIN_ADD, "example.org", "ann@example.com");
    expect(with, "postmaster@example.org", "ann@example.com", ADDRESS_ALIAS);
    expect(with, "abuse@example.org", "ann@example.com", ADDRESS_ALIAS);
    assert_int_equal(with_accounts_do(with, CHANGE_DOMAIN_ADD, "example.org", ""), CHANGE_EXISTS);
    with_accounts_problem(with, "example.org is there already");
    assert_int_equal(with_accounts_do(with, CHANGE_DOMAIN_ADD, "example.net", "nobody@example.com"),
                     CHANGE_NOT_FOUND);
    assert_int_equal(with_accounts_do(with, CHANGE_DOMAIN_ADD, "not a domain", ""), CHANGE_INVALID);
    with_accounts_problem(with, "domain: ");
    assert_int_equal(directory_domain(with->directory, SPAN_LITERAL("example.net")),
                     DIRECTORY_NONE);
}

static void test_domain_is_deleted_when_empty(void **state)
{
    struct with_accounts *with = *state;
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    do_it(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    assert_int_equal(with_accounts_do(with, CHANGE_DOMAIN_DELETE, "example.com", ""),
                     CHANGE_REFUSED);
    with_accounts_problem(with, "still has addresses");
    expect(with, "postmaster@example.com", "postmaster@example.com", ADDRESS_PRIMARY);
    do_it(with, CHANGE_ACCOUNT_DELETE, "ann@example.com", "");
    do_it(with, CHANGE_DOMAIN_DELETE, "example.com", "");
    assert_non_null(strstr(with->last.note, "its mail stays in /var/vmail/"));
    assert_int_equal(directory_domain(with->directory, SPAN_LITERAL("example.com")),
                     DIRECTORY_NONE);
    expect(with, "postmaster@example.com", NULL, ADDRESS_HELD);
    assert_int_equal(with_accounts_do(with, CHANGE_DOMAIN_DELETE, "example.com", ""),
                     CHANGE_NOT_FOUND);
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    expect(with, "postmaster@example.com", "postmaster@example.com", ADDRESS_PRIMARY);
    expect(with, "ann@example.com", NULL, ADDRESS_HELD);
}

static void test_domain_of_someone_elses_postmaster_is_deleted(void **state)
{
    struct with_accounts *with = *state;
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    do_it(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    do_it(with, CHANGE_DOMAIN_ADD, "example.org", "ann@example.com");
    do_it(with, CHANGE_DOMAIN_DELETE, "example.org", "");
    expect(with, "ann@example.com", "ann@example.com", ADDRESS_PRIMARY);
    expect(with, "postmaster@example.org", NULL, ADDRESS_HELD);
}

static void test_postmaster_in_use_keeps_its_domain(void **state)
{
    struct with_accounts *with = *state;
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    do_it(with, CHANGE_DOMAIN_ADD, "example.org", "");
    do_it(with, CHANGE_ALIAS_ADD, "help@example.org", "postmaster@example.com");
    assert_int_equal(with_accounts_do(with, CHANGE_DOMAIN_DELETE, "example.com", ""),
                     CHANGE_REFUSED);
    with_accounts_problem(with, "addresses in other domains");
    do_it(with, CHANGE_ALIAS_DELETE, "help@example.org", "");
    struct change secret = {.kind = CHANGE_ACCOUNT_SET,
                            .address = SPAN_LITERAL("postmaster@example.com"),
                            .set_password = true,
                            .password_hash = SPAN_LITERAL(HASH)};
    assert_int_equal(with_accounts_change(with, secret), CHANGE_DONE);
    assert_int_equal(with_accounts_do(with, CHANGE_DOMAIN_DELETE, "example.com", ""),
                     CHANGE_REFUSED);
    with_accounts_problem(with, "account in use");
}

/* Accounts. */

static void test_account_is_added_whole(void **state)
{
    struct with_accounts *with = *state;
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    struct change change = {.kind = CHANGE_ACCOUNT_ADD,
                            .address = SPAN_LITERAL("Ann@EXAMPLE.com"),
                            .set_name = true,
                            .name = SPAN_LITERAL("Ann"),
                            .set_home = true,
                            .home = SPAN_LITERAL("/srv/ann"),
                            .set_quota = true,
                            .quota_bytes = 77,
                            .set_password = true,
                            .password_hash = SPAN_LITERAL(HASH)};
    assert_int_equal(with_accounts_change(with, change), CHANGE_DONE);
    assert_true(with->last.has_account);
    assert_true(uuid_valid(span_of(with->last.account.id)));
    assert_string_equal(with->last.account.primary.text, "ann@example.com");
    assert_string_equal(with->last.home, "/srv/ann");
    assert_int_equal(with->last.account.state, ACCOUNT_ACTIVE);
    assert_true(with->last.account.quota_bytes == 77);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_ADD, "ann@example.com", ""),
                     CHANGE_EXISTS);
    with_accounts_problem(with, "ann@example.com is in use");
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_ADD, "abuse@example.com", ""),
                     CHANGE_EXISTS);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_ADD, "ann@example.org", ""),
                     CHANGE_REFUSED);
    with_accounts_problem(with, "postern domain add example.org");
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_ADD, "@example.com", ""),
                     CHANGE_INVALID);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_ADD, "ann", ""), CHANGE_INVALID);
    with_accounts_problem(with, "address");
}

static void test_attributes_are_checked(void **state)
{
    struct with_accounts *with = *state;
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    const struct {
        struct change change;
        const char *problem;
    } bad[] = {
        {{.set_name = true, .name = SPAN_LITERAL("a\nb")}, "name"},
        {{.set_home = true, .home = SPAN_LITERAL("relative")}, "home"},
        {{.set_quota = true, .quota_bytes = -2}, "quota"},
        {{.set_quota = true, .quota_bytes = INT64_MAX}, "quota"},
        {{.set_password = true, .password_hash = SPAN_LITERAL("secret")}, "password hash"},
        {{.set_password = true, .password_hash = SPAN_LITERAL("{PLAIN}secret")}, "password hash"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct change change = bad[i].change;
        change.kind = CHANGE_ACCOUNT_ADD;
        change.address = SPAN_LITERAL("ann@example.com");
        assert_int_equal(with_accounts_change(with, change), CHANGE_INVALID);
        with_accounts_problem(with, bad[i].problem);
    }
    expect(with, "ann@example.com", NULL, ADDRESS_HELD);
}

static void test_set_changes_what_is_given(void **state)
{
    struct with_accounts *with = *state;
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    do_it(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    struct change change = {.kind = CHANGE_ACCOUNT_SET,
                            .address = SPAN_LITERAL("ann@example.com"),
                            .set_quota = true,
                            .quota_bytes = 5};
    assert_int_equal(with_accounts_change(with, change), CHANGE_DONE);
    assert_true(with->last.account.quota_bytes == 5);
    assert_int_equal(with->last.account.version, 2);
    assert_string_equal(with->last.note, "");
    assert_int_equal(with_accounts_change(with, change), CHANGE_SAME);
    assert_int_equal(with->last.account.version, 2);
    struct change move = {.kind = CHANGE_ACCOUNT_SET,
                          .address = SPAN_LITERAL("ann@example.com"),
                          .set_home = true,
                          .home = SPAN_LITERAL("/srv/ann")};
    assert_int_equal(with_accounts_change(with, move), CHANGE_DONE);
    assert_non_null(strstr(with->last.note, "no mail is moved"));
    assert_non_null(strstr(with->last.note, with->last.account.id));
    assert_true(with->last.account.quota_bytes == 5);
    change.address = SPAN_LITERAL("nobody@example.com");
    assert_int_equal(with_accounts_change(with, change), CHANGE_NOT_FOUND);
}

static void test_disable_and_enable(void **state)
{
    struct with_accounts *with = *state;
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    do_it(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    do_it(with, CHANGE_ACCOUNT_DISABLE, "ann@example.com", "");
    assert_int_equal(with->last.account.state, ACCOUNT_DISABLED);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_DISABLE, "ann@example.com", ""),
                     CHANGE_SAME);
    expect(with, "ann@example.com", "ann@example.com", ADDRESS_PRIMARY);
    do_it(with, CHANGE_ACCOUNT_ENABLE, "ann@example.com", "");
    assert_int_equal(with->last.account.state, ACCOUNT_ACTIVE);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_ENABLE, "nobody@example.com", ""),
                     CHANGE_NOT_FOUND);
}

static void test_rename_leaves_the_old_name(void **state)
{
    struct with_accounts *with = *state;
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    do_it(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    do_it(with, CHANGE_ACCOUNT_ADD, "bob@example.com", "");
    do_it(with, CHANGE_ALIAS_ADD, "al@example.com", "ann@example.com");
    char id[UUID_SIZE];
    strcpy(id, with->last.account.id);
    do_it(with, CHANGE_ACCOUNT_RENAME, "ann@example.com", "anna@example.com");
    assert_string_equal(with->last.account.id, id);
    expect(with, "ann@example.com", "anna@example.com", ADDRESS_RENAMED);
    expect(with, "anna@example.com", "anna@example.com", ADDRESS_PRIMARY);
    /* Back, and to an alias of its own: kinds change places. */
    do_it(with, CHANGE_ACCOUNT_RENAME, "anna@example.com", "ann@example.com");
    expect(with, "ann@example.com", "ann@example.com", ADDRESS_PRIMARY);
    expect(with, "anna@example.com", "ann@example.com", ADDRESS_RENAMED);
    do_it(with, CHANGE_ACCOUNT_RENAME, "anna@example.com", "al@example.com");
    expect(with, "al@example.com", "al@example.com", ADDRESS_PRIMARY);
    expect(with, "ann@example.com", "al@example.com", ADDRESS_RENAMED);
    assert_int_equal(
        with_accounts_do(with, CHANGE_ACCOUNT_RENAME, "al@example.com", "al@example.com"),
        CHANGE_SAME);
    assert_int_equal(
        with_accounts_do(with, CHANGE_ACCOUNT_RENAME, "al@example.com", "bob@example.com"),
        CHANGE_EXISTS);
    assert_int_equal(
        with_accounts_do(with, CHANGE_ACCOUNT_RENAME, "bob@example.com", "ann@example.com"),
        CHANGE_EXISTS);
    with_accounts_problem(with, "former name of al@example.com");
    assert_int_equal(
        with_accounts_do(with, CHANGE_ACCOUNT_RENAME, "bob@example.com", "bob@example.org"),
        CHANGE_REFUSED);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_RENAME, "bob@example.com", "bob"),
                     CHANGE_INVALID);
    with_accounts_problem(with, "target: ");
}

static void test_deleted_account_holds_its_addresses(void **state)
{
    struct with_accounts *with = *state;
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    do_it(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    char id[UUID_SIZE], note[128];
    strcpy(id, with->last.account.id);
    do_it(with, CHANGE_ALIAS_ADD, "al@example.com", "ann@example.com");
    struct change secret = {.kind = CHANGE_ACCOUNT_SET,
                            .address = SPAN_LITERAL("ann@example.com"),
                            .set_password = true,
                            .password_hash = SPAN_LITERAL(HASH)};
    assert_int_equal(with_accounts_change(with, secret), CHANGE_DONE);
    do_it(with, CHANGE_ACCOUNT_DELETE, "al@example.com", "");
    snprintf(note, sizeof note, "its mail stays in /var/vmail/%s", id);
    assert_string_equal(with->last.note, note);
    assert_int_equal(with->last.account.state, ACCOUNT_GONE);
    assert_true(span_empty(with->last.account.password));
    expect(with, "ann@example.com", NULL, ADDRESS_HELD);
    expect(with, "al@example.com", NULL, ADDRESS_HELD);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_DELETE, "ann@example.com", ""),
                     CHANGE_NOT_FOUND);
    assert_int_equal(with_accounts_do(with, CHANGE_ALIAS_DELETE, "al@example.com", ""),
                     CHANGE_NOT_FOUND);
    /* An admin may give them to someone else: with a mailbox of its own. */
    do_it(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    assert_string_not_equal(with->last.account.id, id);
    do_it(with, CHANGE_ALIAS_ADD, "al@example.com", "ann@example.com");
    expect(with, "al@example.com", "ann@example.com", ADDRESS_ALIAS);
}

/* Aliases. */

static void test_aliases(void **state)
{
    struct with_accounts *with = *state;
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    do_it(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    do_it(with, CHANGE_ACCOUNT_ADD, "bob@example.com", "");
    do_it(with, CHANGE_ALIAS_ADD, "al@example.com", "ann@example.com");
    assert_string_equal(with->last.account.primary.text, "ann@example.com");
    assert_int_equal(with_accounts_do(with, CHANGE_ALIAS_ADD, "al@example.com", "ann@example.com"),
                     CHANGE_SAME);
    assert_int_equal(with_accounts_do(with, CHANGE_ALIAS_ADD, "al@example.com", "bob@example.com"),
                     CHANGE_EXISTS);
    assert_int_equal(with_accounts_do(with, CHANGE_ALIAS_ADD, "bob@example.com", "ann@example.com"),
                     CHANGE_EXISTS);
    assert_int_equal(with_accounts_do(with, CHANGE_ALIAS_ADD, "x@example.org", "ann@example.com"),
                     CHANGE_REFUSED);
    assert_int_equal(
        with_accounts_do(with, CHANGE_ALIAS_ADD, "x@example.com", "nobody@example.com"),
        CHANGE_NOT_FOUND);
    /* By any address of the account; a former name becomes a given one. */
    do_it(with, CHANGE_ALIAS_ADD, "@example.com", "al@example.com");
    expect(with, "anything@example.com", "ann@example.com", ADDRESS_ALIAS);
    do_it(with, CHANGE_ACCOUNT_RENAME, "ann@example.com", "anna@example.com");
    do_it(with, CHANGE_ALIAS_ADD, "ann@example.com", "anna@example.com");
    expect(with, "ann@example.com", "anna@example.com", ADDRESS_ALIAS);
    do_it(with, CHANGE_ALIAS_DELETE, "@example.com", "");
    expect(with, "anything@example.com", NULL, ADDRESS_HELD);
    assert_int_equal(with_accounts_do(with, CHANGE_ALIAS_DELETE, "@example.com", ""),
                     CHANGE_NOT_FOUND);
    assert_int_equal(with_accounts_do(with, CHANGE_ALIAS_DELETE, "anna@example.com", ""),
                     CHANGE_REFUSED);
    with_accounts_problem(with, "account's own address");
}

/* Binding. */

static enum change_answer bind(struct with_accounts *with, const char *id, const char *provider,
                               const char *subject)
{
    struct change change = {.kind = CHANGE_ACCOUNT_BIND,
                            .account_id = span_of(id),
                            .provider = span_of(provider),
                            .subject = span_of(subject)};
    return with_accounts_change(with, change);
}

static void test_bind_once(void **state)
{
    struct with_accounts *with = *state;
    char ann[UUID_SIZE], bob[UUID_SIZE];
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    do_it(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    strcpy(ann, with->last.account.id);
    do_it(with, CHANGE_ACCOUNT_ADD, "bob@example.com", "");
    strcpy(bob, with->last.account.id);
    assert_int_equal(bind(with, ann, "work", "s-1"), CHANGE_DONE);
    assert_int_equal(bind(with, ann, "work", "s-1"), CHANGE_SAME);
    assert_int_equal(bind(with, ann, "work", "s-2"), CHANGE_REFUSED);
    with_accounts_problem(with, "bound to another identity");
    assert_int_equal(bind(with, bob, "work", "s-1"), CHANGE_REFUSED);
    with_accounts_problem(with, "another account, ann@example.com");
    assert_int_equal(bind(with, bob, "home", "s-1"), CHANGE_DONE);
    assert_int_equal(bind(with, bob, "", "s-1"), CHANGE_INVALID);
    assert_int_equal(bind(with, bob, "home", "\xff"), CHANGE_INVALID);
    assert_int_equal(bind(with, "no-such-id", "home", "s-3"), CHANGE_NOT_FOUND);
    do_it(with, CHANGE_ACCOUNT_DELETE, "ann@example.com", "");
    assert_int_equal(bind(with, ann, "work", "s-9"), CHANGE_NOT_FOUND);
    do_it(with, CHANGE_ACCOUNT_ADD, "ann2@example.com", "");
    strcpy(bob, with->last.account.id);
    assert_int_equal(bind(with, bob, "work", "s-1"), CHANGE_DONE);
}

/* After it the next subject binds the account: another one of the same address, or another account's. */
static void test_unbind(void **state)
{
    struct with_accounts *with = *state;
    char ann[UUID_SIZE], bob[UUID_SIZE];
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    do_it(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    strcpy(ann, with->last.account.id);
    do_it(with, CHANGE_ACCOUNT_ADD, "bob@example.com", "");
    strcpy(bob, with->last.account.id);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_UNBIND, "ann@example.com", ""),
                     CHANGE_SAME);
    assert_int_equal(bind(with, ann, "work", "s-1"), CHANGE_DONE);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_UNBIND, "ann@example.com", ""),
                     CHANGE_DONE);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_UNBIND, "ann@example.com", ""),
                     CHANGE_SAME);
    assert_int_equal(bind(with, bob, "work", "s-1"), CHANGE_DONE);
    assert_int_equal(bind(with, ann, "work", "s-2"), CHANGE_DONE);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_UNBIND, "nobody@example.com", ""),
                     CHANGE_NOT_FOUND);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_UNBIND, "no address", ""),
                     CHANGE_INVALID);
}

/* What is left behind: a log line, an audit row, no secret. */

struct trail {
    bool done;
    char text[4096];
};

static void on_trail(const struct store_rows *rows, void *context)
{
    struct trail *trail = context;
    assert_null(rows->failure);
    for (size_t i = 0; i < rows->rows; i++) {
        struct audit_entry entry;
        struct error error;
        audit_read(rows, i, &entry);
        struct json *detail = json_parse(entry.detail, JSON_SIZE_MAX, &error);
        assert_non_null(detail);
        json_free(detail);
        size_t used = strlen(trail->text);
        snprintf(trail->text + used, sizeof trail->text - used, "%.*s %.*s %.*s %.*s\n",
                 (int)entry.actor.length, entry.actor.at, (int)entry.action.length, entry.action.at,
                 (int)entry.subject.length, entry.subject.at, (int)entry.detail.length,
                 entry.detail.at);
    }
    trail->done = true;
}

static void test_one_line_and_one_row_a_change(void **state)
{
    struct with_accounts *with = *state;
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    with->lines[0] = '\0';
    struct change change = {.kind = CHANGE_ACCOUNT_ADD,
                            .address = SPAN_LITERAL("ann@example.com"),
                            .set_password = true,
                            .password_hash = SPAN_LITERAL(HASH)};
    assert_int_equal(with_accounts_change(with, change), CHANGE_DONE);
    char expected[256];
    snprintf(expected, sizeof expected,
             "account_changed action=account_add address=ann@example.com account=ann@example.com "
             "id=%s actor=uid:0\n",
             with->last.account.id);
    assert_string_equal(with->lines, expected);
    assert_int_equal(with_accounts_change(with, change), CHANGE_EXISTS);
    assert_int_equal(with_accounts_do(with, CHANGE_ACCOUNT_ENABLE, "ann@example.com", ""),
                     CHANGE_SAME);
    assert_string_equal(with->lines, expected);
    do_it(with, CHANGE_ACCOUNT_RENAME, "ann@example.com", "anna@example.com");
    struct trail trail = {0};
    audit_list(with->store.store, (struct span){0}, 0, 10, on_trail, &trail);
    with_store_wait(&with->store, &trail.done);
    assert_string_equal(
        trail.text,
        "uid:0 account_rename ann@example.com "
        "{\"before\":{\"address\":\"ann@example.com\",\"state\":\"active\","
        "\"quota_bytes\":-1,\"password\":\"set\"},\"after\":{\"address\":\"anna@example.com\","
        "\"state\":\"active\","
        "\"quota_bytes\":-1,\"password\":\"set\"}}\n"
        "uid:0 account_add ann@example.com "
        "{\"after\":{\"address\":\"ann@example.com\",\"state\":\"active\","
        "\"quota_bytes\":-1,\"password\":\"set\"}}\n"
        "uid:0 domain_add example.com "
        "{\"after\":{\"domain\":\"example.com\",\"postmaster\":\"postmaster@example.com\"}}\n");
}

/* Races. */

enum { RACERS = 4 };

static void test_losers_of_a_race_try_again(void **state)
{
    struct with_accounts *with = *state;
    struct with_accounts_answer answers[RACERS] = {0};
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    do_it(with, CHANGE_ACCOUNT_ADD, "ann@example.com", "");
    for (int i = 0; i < RACERS; i++) {
        struct change change = {.kind = CHANGE_ACCOUNT_SET,
                                .actor = SPAN_LITERAL("uid:0"),
                                .address = SPAN_LITERAL("ann@example.com"),
                                .set_quota = i % 2 == 0,
                                .quota_bytes = 100 + i,
                                .set_name = i % 2 == 1,
                                .name = SPAN_LITERAL("Ann")};
        change_start(with->changes, &change, with_accounts_on_change, &answers[i]);
    }
    for (int i = 0; i < RACERS; i++) {
        with_store_wait(&with->store, &answers[i].done);
        assert_true(answers[i].answer == CHANGE_DONE || answers[i].answer == CHANGE_SAME);
    }
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found;
    assert_int_equal(find(with, "ann@example.com", &found, &arena), DIRECTORY_FOUND);
    assert_true(
        span_is(found.account.name, "Ann")); /* no one's change was overwritten by a stale copy */
    assert_true(found.account.quota_bytes == 100 || found.account.quota_bytes == 102);
}

static void test_one_address_is_given_once(void **state)
{
    struct with_accounts *with = *state;
    struct with_accounts_answer answers[RACERS] = {0};
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    for (int i = 0; i < RACERS; i++) {
        struct change change = {.kind = CHANGE_ACCOUNT_ADD,
                                .actor = SPAN_LITERAL("uid:0"),
                                .address = SPAN_LITERAL("ann@example.com")};
        change_start(with->changes, &change, with_accounts_on_change, &answers[i]);
    }
    int done = 0;
    for (int i = 0; i < RACERS; i++) {
        with_store_wait(&with->store, &answers[i].done);
        assert_true(answers[i].answer == CHANGE_DONE || answers[i].answer == CHANGE_EXISTS);
        done += answers[i].answer == CHANGE_DONE;
    }
    assert_int_equal(done, 1);
}

/* A domain goes while someone moves in: one of them loses, and no address is left without its domain. */
static void test_domain_goes_while_an_account_comes(void **state)
{
    struct with_accounts *with = *state;
    struct with_accounts_answer gone = {0}, added = {0};
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    struct change delete = {.kind = CHANGE_DOMAIN_DELETE,
                            .actor = SPAN_LITERAL("uid:0"),
                            .domain = SPAN_LITERAL("example.com")};
    struct change add = {.kind = CHANGE_ACCOUNT_ADD,
                         .actor = SPAN_LITERAL("uid:0"),
                         .address = SPAN_LITERAL("ann@example.com")};
    change_start(with->changes, &delete, with_accounts_on_change, &gone);
    change_start(with->changes, &add, with_accounts_on_change, &added);
    with_store_wait(&with->store, &gone.done);
    with_store_wait(&with->store, &added.done);
    assert_true((gone.answer == CHANGE_DONE && added.answer == CHANGE_REFUSED) ||
                (gone.answer == CHANGE_REFUSED && added.answer == CHANGE_DONE));
    expect(with, "ann@example.com", added.answer == CHANGE_DONE ? "ann@example.com" : NULL,
           ADDRESS_PRIMARY);
}

/* Nobody listens any more. */
static void test_forgotten_and_abandoned_changes_commit(void **state)
{
    struct with_accounts *with = *state;
    struct with_accounts_answer unheard = {0}, heard = {0};
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    struct change change = {.kind = CHANGE_ACCOUNT_ADD,
                            .actor = SPAN_LITERAL("uid:0"),
                            .address = SPAN_LITERAL("ann@example.com")};
    change_forget(change_start(with->changes, &change, with_accounts_on_change, &unheard));
    change_forget(NULL);
    change.address = SPAN_LITERAL("bob@example.com");
    change_start(with->changes, &change, with_accounts_on_change, &heard);
    with_store_wait(&with->store, &heard.done);
    change.address = SPAN_LITERAL("eve@example.com");
    change_start(with->changes, &change, with_accounts_on_change, &unheard);
    changes_note_login(with->changes, span_of(heard.account.id), 1234);
    with_accounts_close(with);
    assert_false(unheard.done);
    with_accounts_open(with);
    expect(with, "ann@example.com", "ann@example.com", ADDRESS_PRIMARY);
    expect(with, "eve@example.com", "eve@example.com", ADDRESS_PRIMARY);
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found;
    assert_int_equal(find(with, "bob@example.com", &found, &arena), DIRECTORY_FOUND);
    assert_int_equal(found.account.last_login, 1234);
}

static void test_login_times_share_a_write(void **state)
{
    struct with_accounts *with = *state;
    char ids[RACERS][UUID_SIZE], address[64];
    do_it(with, CHANGE_DOMAIN_ADD, "example.com", "");
    for (int i = 0; i < RACERS; i++) {
        snprintf(address, sizeof address, "a%d@example.com", i);
        do_it(with, CHANGE_ACCOUNT_ADD, address, "");
        strcpy(ids[i], with->last.account.id);
    }
    uint64_t before = store_commits(with->store.store);
    for (int round = 0; round < 100; round++) {
        changes_note_login(with->changes, span_of(ids[round % RACERS]), 1000 + round);
    }
    changes_note_login(with->changes, SPAN_LITERAL("not an id"), 1);
    loop_turn(with->store.loop, 0);
    assert_int_equal(store_commits(with->store.store), before);
    with_accounts_close(with);
    with_accounts_open(with);
    for (int i = 0; i < RACERS; i++) {
        CLEANUP(arena_done) struct arena arena = {0};
        struct account account;
        assert_int_equal(account_rows_by_id(with->store.store, span_of(ids[i]), &arena, &account),
                         STORE_ROW);
        assert_int_equal(account.last_login, 1096 + i);
        assert_int_equal(account.version, 1);
    }
}

#define CASE(test) \
    cmocka_unit_test_setup_teardown(test, with_accounts_setup, with_accounts_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_domain_gets_postmaster_and_abuse),
        CASE(test_domain_is_deleted_when_empty),
        CASE(test_domain_of_someone_elses_postmaster_is_deleted),
        CASE(test_postmaster_in_use_keeps_its_domain),
        CASE(test_account_is_added_whole),
        CASE(test_attributes_are_checked),
        CASE(test_set_changes_what_is_given),
        CASE(test_disable_and_enable),
        CASE(test_rename_leaves_the_old_name),
        CASE(test_deleted_account_holds_its_addresses),
        CASE(test_aliases),
        CASE(test_bind_once),
        CASE(test_unbind),
        CASE(test_one_line_and_one_row_a_change),
        CASE(test_losers_of_a_race_try_again),
        CASE(test_one_address_is_given_once),
        CASE(test_domain_goes_while_an_account_comes),
        CASE(test_forgotten_and_abandoned_changes_commit),
        CASE(test_login_times_share_a_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
