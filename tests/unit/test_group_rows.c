/* test_group_rows.c - groups: who is in them, who may be, and what mail to them leads to. */
#include "with_plan.h"

#include "account/account_rows.h"
#include "account/group_rows.h"
#include "account/resource.h"

static enum store_answer try_step(struct with_store *with, const char *group,
                                  enum group_rows_role role, enum group_rows_member_kind kind,
                                  const char *member, const char *client)
{
    struct store_change *change = store_change_new();
    group_rows_add_member(change, span_of(group), role, kind, span_of(member), span_of(client));
    return with_store_write(with, change);
}

static void put(struct with_store *with, const char *group, enum group_rows_member_kind kind,
                const char *member)
{
    assert_int_equal(try_step(with, group, GROUP_ROWS_MEMBER, kind, member, ""), STORE_DONE);
}

static struct group_rows_group group_of(const char *id, enum group_rows_kind kind)
{
    struct group_rows_group group = {.kind = kind,
                                     .senders = GROUP_ROWS_MEMBERS,
                                     .rights = GROUP_ROWS_LOOK_AND_MARK,
                                     .name = span_of(id)};
    snprintf(group.id, sizeof group.id, "%s", id);
    snprintf(group.part_key, sizeof group.part_key, "key-%s", id);
    return group;
}

static void add_group(struct with_store *with, const char *id)
{
    struct store_change *change = store_change_new();
    struct group_rows_group group = group_of(id, GROUP_ROWS_LIST);
    group_rows_add(change, &group);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static struct account account_of(const char *id, const char *address)
{
    struct account account = {.state = ACCOUNT_ACTIVE};
    struct error error;
    snprintf(account.id, sizeof account.id, "%s", id);
    assert_true(address_parse(span_of(address), &account.primary, &error));
    return account;
}

static void add_account(struct with_store *with, const struct account *account)
{
    struct store_change *change = store_change_new();
    account_rows_add_account(change, account);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static void add_person(struct with_store *with, const char *id)
{
    char address[64];
    snprintf(address, sizeof address, "%s@example.com", id);
    struct account account = account_of(id, address);
    add_account(with, &account);
}

static void add_resource(struct with_store *with, const char *id, enum resource_type type,
                         const char *client, const char *name)
{
    struct resource resource = {.type = type,
                                .name = span_of(name),
                                .name_key = span_of(name),
                                .document = SPAN_LITERAL("{}")};
    snprintf(resource.id, sizeof resource.id, "%s", id);
    snprintf(resource.client_id, sizeof resource.client_id, "%s", client);
    struct store_change *change = store_change_new();
    resource_add(change, &resource);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static bool reaches(struct with_store *with, const char *group, enum group_rows_role role,
                    const char *account)
{
    return group_rows_reaches(with->store, span_of(group), role, span_of(account)) == STORE_ROW;
}

static int64_t count(struct with_store *with, const char *group)
{
    int64_t members;
    assert_int_equal(
        group_rows_count(with->store, span_of(group), 0, GROUP_ROWS_SLOTS - 1, &members),
        STORE_ROW);
    return members;
}

static void test_names(void **state)
{
    (void)state;
    enum group_rows_kind kind = GROUP_ROWS_LIST;
    enum group_rows_senders senders = GROUP_ROWS_OWNERS;
    enum group_rows_rights rights = GROUP_ROWS_FULL;
    for (int i = GROUP_ROWS_ACCESS; i <= GROUP_ROWS_SHARED; i++) {
        const char *name = group_rows_kind_name((enum group_rows_kind)i);
        assert_true(group_rows_kind_parse(span_of(name), &kind) && (int)kind == i);
    }
    for (int i = GROUP_ROWS_ANYONE; i <= GROUP_ROWS_OWNERS; i++) {
        const char *name = group_rows_senders_name((enum group_rows_senders)i);
        assert_true(group_rows_senders_parse(span_of(name), &senders) && (int)senders == i);
    }
    for (int i = GROUP_ROWS_LOOK; i <= GROUP_ROWS_FULL; i++) {
        const char *name = group_rows_rights_name((enum group_rows_rights)i);
        assert_true(group_rows_rights_parse(span_of(name), &rights) && (int)rights == i);
    }
    assert_true(group_rows_kind_parse(SPAN_LITERAL("SHAREDmailbox"), &kind));
    assert_int_equal(kind, GROUP_ROWS_SHARED);
    assert_false(group_rows_kind_parse(SPAN_LITERAL("shared"), &kind));
    assert_int_equal(kind, GROUP_ROWS_SHARED); /* as it was */
    assert_false(group_rows_senders_parse(SPAN_LITERAL(""), &senders));
    assert_false(group_rows_rights_parse(SPAN_LITERAL("l"), &rights));
}

static void test_slots(void **state)
{
    (void)state;
    assert_int_equal(group_rows_slot(SPAN_LITERAL("00000000-0000-4000-8000-000000000000")), 0);
    assert_int_equal(group_rows_slot(SPAN_LITERAL("ffff0000-0000-4000-8000-000000000000")), 65535);
    assert_int_equal(group_rows_slot(SPAN_LITERAL("12ab0000-0000-4000-8000-000000000000")), 0x12ab);
    /* printf a@b.example | sha256sum */
    assert_int_equal(group_rows_slot(SPAN_LITERAL("a@b.example")), 0xebb1);
    assert_int_equal(group_rows_slot(SPAN_LITERAL("")), 0);
}

static void test_group_comes_back_whole(void **state)
{
    struct with_store *with = *state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct group_rows_group in = group_of("g-1", GROUP_ROWS_SHARED), out;
    struct account account = account_of("g-1", "team@example.com");
    account.kind = ACCOUNT_SHARED;
    struct store_change *change = store_change_new();
    group_rows_add(change, &in);
    account_rows_add_account(change, &account);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    add_group(with, "g-2");
    assert_int_equal(group_rows_by_id(with->store, SPAN_LITERAL("g-1"), &arena, &out), STORE_ROW);
    assert_string_equal(out.id, "g-1");
    assert_string_equal(out.part_key, "key-g-1");
    assert_int_equal(out.kind, GROUP_ROWS_SHARED);
    assert_int_equal(out.senders, GROUP_ROWS_MEMBERS);
    assert_int_equal(out.rights, GROUP_ROWS_LOOK_AND_MARK);
    assert_true(span_is(out.name, "g-1"));
    assert_string_equal(out.primary.text, "team@example.com");
    assert_int_equal(out.primary.local_length, 4);
    change = store_change_new();
    in.kind = GROUP_ROWS_ACCESS;
    in.senders = GROUP_ROWS_ANYONE;
    in.rights = GROUP_ROWS_FULL;
    in.name = SPAN_LITERAL("Crew");
    group_rows_update(change, &in);
    account.state = ACCOUNT_GONE; /* its address went */
    account_rows_update_account(change, &account, 1);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    assert_int_equal(group_rows_by_part_key(with->store, SPAN_LITERAL("key-g-1"), &arena, &out),
                     STORE_ROW);
    assert_int_equal(out.kind, GROUP_ROWS_ACCESS);
    assert_int_equal(out.senders, GROUP_ROWS_ANYONE);
    assert_int_equal(out.rights, GROUP_ROWS_FULL);
    assert_true(span_is(out.name, "Crew"));
    assert_string_equal(out.primary.text, "");
    assert_int_equal(group_rows_by_id(with->store, SPAN_LITERAL("g-9"), &arena, &out), STORE_NONE);
    assert_int_equal(group_rows_by_part_key(with->store, SPAN_LITERAL("g-1"), &arena, &out),
                     STORE_NONE);
    struct group_rows_group nobody = group_of("g-9", GROUP_ROWS_LIST);
    change = store_change_new();
    group_rows_update(change, &nobody);
    assert_int_equal(with_store_write(with, change), STORE_CONFLICT);
}

static void test_members_come_and_go(void **state)
{
    struct with_store *with = *state;
    add_group(with, "g-1");
    add_person(with, "u-1");
    add_person(with, "u-2");
    put(with, "g-1", GROUP_ROWS_ACCOUNT, "u-1");
    put(with, "g-1", GROUP_ROWS_ACCOUNT, "u-2");
    put(with, "g-1", GROUP_ROWS_EXTERNAL, "a@else.example");
    assert_int_equal(count(with, "g-1"), 3);
    assert_int_equal(
        group_rows_has(with->store, SPAN_LITERAL("g-1"), GROUP_ROWS_MEMBER, SPAN_LITERAL("u-1")),
        STORE_ROW);
    assert_int_equal(
        group_rows_has(with->store, SPAN_LITERAL("g-1"), GROUP_ROWS_OWNER, SPAN_LITERAL("u-1")),
        STORE_NONE);
    assert_int_equal(try_step(with, "g-1", GROUP_ROWS_OWNER, GROUP_ROWS_ACCOUNT, "u-1", ""),
                     STORE_DONE);
    assert_int_equal(count(with, "g-1"), 3); /* owners are no members */
    struct store_change *change = store_change_new();
    group_rows_delete_member(change, SPAN_LITERAL("g-1"), GROUP_ROWS_MEMBER, SPAN_LITERAL("u-1"));
    group_rows_delete_member(change, SPAN_LITERAL("g-1"), GROUP_ROWS_MEMBER, SPAN_LITERAL("u-9"));
    group_rows_delete_members(change, SPAN_LITERAL("g-1"), GROUP_ROWS_MEMBER, GROUP_ROWS_EXTERNAL);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    assert_int_equal(count(with, "g-1"), 1);
    assert_true(reaches(with, "g-1", GROUP_ROWS_OWNER, "u-1"));
    change = store_change_new();
    group_rows_leave_all(change, SPAN_LITERAL("u-1"));
    group_rows_leave_all(change, SPAN_LITERAL("u-2"));
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    assert_int_equal(count(with, "g-1"), 0);
    assert_false(reaches(with, "g-1", GROUP_ROWS_OWNER, "u-1"));
}

/* Every row is one refusal, or the one thing beside it that is allowed. */
static void test_who_may_be_a_member(void **state)
{
    struct with_store *with = *state;
    struct account gone = account_of("u-gone", "gone@example.com"),
                   group = account_of("g-2", "two@example.com"),
                   shared = account_of("s-1", "shared@example.com");
    gone.state = ACCOUNT_GONE;
    group.kind = ACCOUNT_GROUP;
    shared.kind = ACCOUNT_SHARED;
    add_account(with, &gone);
    add_account(with, &group);
    add_account(with, &shared);
    add_person(with, "u-1");
    add_person(with, "u-2");
    add_group(with, "g-1");
    add_group(with, "g-2");
    add_group(with, "g-3");
    add_resource(with, "u-1", RESOURCE_USER, "c-1", "one");
    add_resource(with, "u-ended", RESOURCE_USER, "c-1", "ended");
    add_resource(with, "g-2", RESOURCE_GROUP, "c-1", "two");
    struct store_change *change = store_change_new();
    resource_end(change, SPAN_LITERAL("u-ended"), 10);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    static const struct {
        const char *group;
        enum group_rows_member_kind kind;
        const char *member, *client;
        enum store_answer answer;
    } cases[] = {
        {"g-1", GROUP_ROWS_ACCOUNT, "u-1", "c-2", STORE_CONFLICT}, /* another client's */
        {"g-1", GROUP_ROWS_ACCOUNT, "u-2", "c-1", STORE_CONFLICT}, /* nobody's */
        {"g-1", GROUP_ROWS_ACCOUNT, "u-ended", "c-1", STORE_CONFLICT},
        {"g-1", GROUP_ROWS_ACCOUNT, "g-2", "c-1", STORE_CONFLICT}, /* is a group */
        {"g-1", GROUP_ROWS_GROUP, "u-1", "c-1", STORE_CONFLICT},
        {"g-1", GROUP_ROWS_GROUP, "g-2", "c-2", STORE_CONFLICT},
        {"g-1", GROUP_ROWS_GROUP, "g-3", "c-1", STORE_CONFLICT},
        {"g-9", GROUP_ROWS_ACCOUNT, "u-1", "c-1", STORE_CONFLICT}, /* no such group */
        {"g-9", GROUP_ROWS_EXTERNAL, "a@b.example", "c-1", STORE_CONFLICT},
        {"g-1", GROUP_ROWS_ACCOUNT, "u-1", "c-1", STORE_DONE},
        {"g-1", GROUP_ROWS_ACCOUNT, "u-1", "c-1", STORE_CONFLICT}, /* is one already */
        {"g-1", GROUP_ROWS_GROUP, "g-2", "c-1", STORE_DONE},
        {"g-1", GROUP_ROWS_EXTERNAL, "a@b.example", "c-1", STORE_DONE},
        {"g-1", GROUP_ROWS_EXTERNAL, "a@b.example", "", STORE_CONFLICT},
        /* An admin takes any living account. */
        {"g-3", GROUP_ROWS_ACCOUNT, "u-gone", "", STORE_CONFLICT},
        {"g-3", GROUP_ROWS_ACCOUNT, "u-9", "", STORE_CONFLICT},
        {"g-3", GROUP_ROWS_ACCOUNT, "g-2", "", STORE_CONFLICT},
        {"g-3", GROUP_ROWS_GROUP, "u-2", "", STORE_CONFLICT},
        {"g-3", GROUP_ROWS_ACCOUNT, "u-2", "", STORE_DONE},
        {"g-3", GROUP_ROWS_ACCOUNT, "s-1", "", STORE_DONE},
        {"g-3", GROUP_ROWS_GROUP, "g-2", "", STORE_DONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum store_answer answer = try_step(with, cases[i].group, GROUP_ROWS_MEMBER, cases[i].kind,
                                            cases[i].member, cases[i].client);
        if (answer != cases[i].answer) {
            fail_msg("case %zu: %d", i, answer);
        }
    }
}

static void add_groups(struct with_store *with, int number)
{
    for (int i = 0; i < number; i++) {
        char id[16];
        snprintf(id, sizeof id, "g-%02d", i);
        add_group(with, id);
    }
}

static void test_no_cycles(void **state)
{
    struct with_store *with = *state;
    add_groups(with, 5);
    assert_int_equal(try_step(with, "g-00", GROUP_ROWS_MEMBER, GROUP_ROWS_GROUP, "g-00", ""),
                     STORE_CONFLICT);
    put(with, "g-00", GROUP_ROWS_GROUP, "g-01");
    put(with, "g-01", GROUP_ROWS_GROUP, "g-02");
    put(with, "g-00", GROUP_ROWS_GROUP, "g-02"); /* two ways are no cycle */
    put(with, "g-02", GROUP_ROWS_GROUP, "g-03");
    static const char *const below[] = {"g-01", "g-02", "g-03"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(try_step(with, below[i], GROUP_ROWS_MEMBER, GROUP_ROWS_GROUP, "g-00", ""),
                         STORE_CONFLICT);
    }
    put(with, "g-04", GROUP_ROWS_GROUP, "g-00");
    /* Both in one change: the second sees the first. */
    add_group(with, "h-1");
    add_group(with, "h-2");
    struct store_change *change = store_change_new();
    group_rows_add_member(change, SPAN_LITERAL("h-1"), GROUP_ROWS_MEMBER, GROUP_ROWS_GROUP,
                          SPAN_LITERAL("h-2"), SPAN_LITERAL(""));
    group_rows_add_member(change, SPAN_LITERAL("h-2"), GROUP_ROWS_MEMBER, GROUP_ROWS_GROUP,
                          SPAN_LITERAL("h-1"), SPAN_LITERAL(""));
    assert_int_equal(with_store_write(with, change), STORE_CONFLICT);
    assert_int_equal(count(with, "h-1"), 0);
    /* Who owns a group is not in it. */
    assert_int_equal(try_step(with, "g-03", GROUP_ROWS_OWNER, GROUP_ROWS_GROUP, "g-00", ""),
                     STORE_DONE);
}

/* A chain of 16 groups is the longest, at whichever end or joint it grows. */
static void test_depth(void **state)
{
    struct with_store *with = *state;
    add_groups(with, 20);
    add_person(with, "u-1");
    for (int i = 0; i < 15; i++) {
        char group[16], member[16];
        snprintf(group, sizeof group, "g-%02d", i);
        snprintf(member, sizeof member, "g-%02d", i + 1);
        if (i != 7) {
            put(with, group, GROUP_ROWS_GROUP, member);
        }
    }
    put(with, "g-07", GROUP_ROWS_GROUP, "g-08"); /* 8 and 8 */
    put(with, "g-15", GROUP_ROWS_ACCOUNT, "u-1");
    assert_true(reaches(with, "g-00", GROUP_ROWS_MEMBER, "u-1"));
    assert_int_equal(try_step(with, "g-15", GROUP_ROWS_MEMBER, GROUP_ROWS_GROUP, "g-16", ""),
                     STORE_CONFLICT);
    assert_int_equal(try_step(with, "g-16", GROUP_ROWS_MEMBER, GROUP_ROWS_GROUP, "g-00", ""),
                     STORE_CONFLICT);
    put(with, "g-14", GROUP_ROWS_GROUP, "g-16"); /* beside the end */
    put(with, "g-17", GROUP_ROWS_GROUP, "g-18");
    assert_int_equal(try_step(with, "g-14", GROUP_ROWS_MEMBER, GROUP_ROWS_GROUP, "g-17", ""),
                     STORE_CONFLICT);
    put(with, "g-13", GROUP_ROWS_GROUP, "g-17");
}

static void test_reaching(void **state)
{
    struct with_store *with = *state;
    add_groups(with, 4);
    add_person(with, "u-1");
    add_person(with, "u-2");
    put(with, "g-00", GROUP_ROWS_GROUP, "g-01");
    put(with, "g-01", GROUP_ROWS_GROUP, "g-02");
    put(with, "g-02", GROUP_ROWS_ACCOUNT, "u-1");
    put(with, "g-00", GROUP_ROWS_ACCOUNT, "u-2");
    assert_int_equal(try_step(with, "g-03", GROUP_ROWS_OWNER, GROUP_ROWS_GROUP, "g-01", ""),
                     STORE_DONE);
    add_person(with, "u-3");
    assert_int_equal(try_step(with, "g-02", GROUP_ROWS_OWNER, GROUP_ROWS_ACCOUNT, "u-3", ""),
                     STORE_DONE);
    static const struct {
        const char *group;
        enum group_rows_role role;
        const char *account;
        bool reached;
    } cases[] = {
        {"g-02", GROUP_ROWS_OWNER, "u-3", true},
        {"g-01", GROUP_ROWS_MEMBER, "u-3", false}, /* owns a member of it */
        {"g-00", GROUP_ROWS_MEMBER, "u-1", true},
        {"g-01", GROUP_ROWS_MEMBER, "u-1", true},
        {"g-02", GROUP_ROWS_MEMBER, "u-1", true},
        {"g-03", GROUP_ROWS_MEMBER, "u-1", false},
        {"g-00", GROUP_ROWS_MEMBER, "u-2", true},
        {"g-01", GROUP_ROWS_MEMBER, "u-2", false},
        {"g-03", GROUP_ROWS_OWNER, "u-1", true},
        {"g-03", GROUP_ROWS_OWNER, "u-2", false},
        {"g-00", GROUP_ROWS_OWNER, "u-2", false},
        {"g-00", GROUP_ROWS_MEMBER, "u-9", false},
        {"g-00", GROUP_ROWS_MEMBER, "g-02", true},
        {"g-09", GROUP_ROWS_MEMBER, "u-1", false},
        {"g-00", GROUP_ROWS_MEMBER, "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (reaches(with, cases[i].group, cases[i].role, cases[i].account) != cases[i].reached) {
            fail_msg("case %zu", i);
        }
    }
}

/* A graph kept beside the database, and judged the plain way. */
enum { NODES = 22 };

struct graph {
    bool edge[NODES][NODES];
};

static int longest(const struct graph *graph, int from, bool down)
{
    int most = 0;
    for (int to = 0; to < NODES; to++) {
        if (down ? graph->edge[from][to] : graph->edge[to][from]) {
            int length = longest(graph, to, down);
            most = length > most ? length : most;
        }
    }
    return most + 1;
}

static bool leads(const struct graph *graph, int from, int to)
{
    for (int next = 0; next < NODES; next++) {
        if (graph->edge[from][next] && (next == to || leads(graph, next, to))) {
            return true;
        }
    }
    return false;
}

/* What the rules allow is done, and nothing else, whatever the graph looks like. Edges lead to the next few nodes mostly, so
 * that chains grow as long as they may. */
static void test_any_graph(void **state)
{
    struct with_store *with = *state;
    struct graph graph = {{{false}}};
    uint32_t random = 4711;
    int done = 0, cycles = 0, deep = 0;
    add_groups(with, NODES);
    for (int i = 0; i < 400; i++) {
        random = random * 1664525u + 1013904223u;
        int group = (int)(random >> 8) % NODES;
        random = random * 1664525u + 1013904223u;
        int member = (random >> 28) < 14 ? (group + 1 + (int)((random >> 8) % 2)) % NODES
                                         : (int)(random >> 8) % NODES;
        char group_id[16], member_id[16];
        snprintf(group_id, sizeof group_id, "g-%02d", group);
        snprintf(member_id, sizeof member_id, "g-%02d", member);
        bool cycle = group == member || leads(&graph, member, group);
        bool too_deep = !cycle && longest(&graph, group, false) + longest(&graph, member, true) >
                                      GROUP_ROWS_DEPTH_MAX;
        bool allowed = !cycle && !too_deep && !graph.edge[group][member];
        enum store_answer answer =
            try_step(with, group_id, GROUP_ROWS_MEMBER, GROUP_ROWS_GROUP, member_id, "");
        if (answer != (allowed ? STORE_DONE : STORE_CONFLICT)) {
            fail_msg("step %d: %s in %s: %d", i, member_id, group_id, answer);
        }
        graph.edge[group][member] |= allowed;
        done += allowed;
        cycles += cycle;
        deep += too_deep;
    }
    assert_true(done > 20 && cycles > 20 && deep > 5);
    for (int group = 0; group < NODES; group++) {
        for (int member = 0; member < NODES; member++) {
            char group_id[16], member_id[16];
            snprintf(group_id, sizeof group_id, "g-%02d", group);
            snprintf(member_id, sizeof member_id, "g-%02d", member);
            assert_true(reaches(with, group_id, GROUP_ROWS_MEMBER, member_id) ==
                        leads(&graph, group, member));
        }
    }
}

static void test_end(void **state)
{
    struct with_store *with = *state;
    add_groups(with, 3);
    add_person(with, "u-1");
    put(with, "g-00", GROUP_ROWS_GROUP, "g-01");
    put(with, "g-01", GROUP_ROWS_ACCOUNT, "u-1");
    put(with, "g-02", GROUP_ROWS_ACCOUNT, "u-1");
    struct store_change *change = store_change_new();
    group_rows_end(change, SPAN_LITERAL("g-01"));
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    assert_int_equal(count(with, "g-00"), 0);
    assert_int_equal(count(with, "g-01"), 0);
    assert_int_equal(count(with, "g-02"), 1);
    change = store_change_new();
    group_rows_end(change, SPAN_LITERAL("g-01"));
    assert_int_equal(with_store_write(with, change), STORE_CONFLICT);
}

/* Reads. */

struct listed {
    bool done;
    size_t rows;
    char text[1024];
};

static void note(struct listed *listed, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(struct listed *listed, const char *format, ...)
{
    va_list arguments;
    size_t used = strlen(listed->text);
    va_start(arguments, format);
    vsnprintf(listed->text + used, sizeof listed->text - used, format, arguments);
    va_end(arguments);
}

static void on_targets(const struct store_rows *rows, void *context)
{
    struct listed *listed = context;
    assert_null(rows->failure);
    for (size_t i = 0; i < rows->rows; i++) {
        struct group_rows_target target;
        group_rows_read_target(rows, i, &target);
        note(listed, "%04x%s%s%s%s ", target.slot, target.kind == GROUP_ROWS_GROUP ? "*" : "=",
             target.address.text, target.part_key, target.receives ? "" : "!");
    }
    listed->rows = rows->rows;
    listed->done = true;
}

static const char *targets(struct with_store *with, const char *group, unsigned first,
                           unsigned last, size_t rows_max)
{
    static struct listed listed;
    listed = (struct listed){0};
    group_rows_targets(with->store, span_of(group), first, last, rows_max, on_targets, &listed);
    with_store_wait(with, &listed.done);
    return listed.text;
}

static void test_targets(void **state)
{
    struct with_store *with = *state;
    static const struct {
        const char *id;
        enum account_state state;
        enum account_on_disable on_disable;
        bool no_mailbox;
        const char *forward_to;
    } people[] = {
        {"0001", ACCOUNT_ACTIVE, ACCOUNT_REJECT, false, ""},
        {"0002", ACCOUNT_ACTIVE, ACCOUNT_DELIVER, true, ""}, /* not */
        {"0003", ACCOUNT_ACTIVE, ACCOUNT_DELIVER, true, "x@y.example"},
        {"0004", ACCOUNT_DISABLED, ACCOUNT_DELIVER, false, ""},
        {"0005", ACCOUNT_DISABLED, ACCOUNT_REJECT, false, "x@y.example"}, /* not */
        {"0006", ACCOUNT_DISABLED, ACCOUNT_FORWARD, false, "x@y.example"},
        {"0007", ACCOUNT_DISABLED, ACCOUNT_FORWARD, false, ""}, /* not */
    };
    add_group(with, "g-1");
    add_group(with, "00aa");
    for (size_t i = 0; i < sizeof people / sizeof people[0]; i++) {
        char address[32];
        snprintf(address, sizeof address, "%s@a.example", people[i].id);
        struct account account = account_of(people[i].id, address);
        account.state = people[i].state;
        account.on_disable = people[i].on_disable;
        account.no_mailbox = people[i].no_mailbox;
        account.forward_to = span_of(people[i].forward_to);
        add_account(with, &account);
        put(with, "g-1", GROUP_ROWS_ACCOUNT, people[i].id);
    }
    put(with, "g-1", GROUP_ROWS_GROUP, "00aa");
    put(with, "g-1", GROUP_ROWS_EXTERNAL, "a@b.example");
    assert_int_equal(try_step(with, "g-1", GROUP_ROWS_OWNER, GROUP_ROWS_ACCOUNT, "0001", ""),
                     STORE_DONE);
    assert_string_equal(targets(with, "g-1", 0, 4, 10),
                        "0001=0001@a.example 0002=0002@a.example! 0003=0003@a.example "
                        "0004=0004@a.example ");
    assert_string_equal(targets(with, "g-1", 5, 0xffff, 10),
                        "0005=0005@a.example! 0006=0006@a.example 0007=0007@a.example! "
                        "00aa*key-00aa ebb1=a@b.example ");
    assert_string_equal(targets(with, "g-1", 2, 4, 2), "0002=0002@a.example! 0003=0003@a.example ");
    assert_string_equal(targets(with, "g-1", 8, 9, 2), "");
    assert_string_equal(targets(with, "g-9", 0, 0xffff, 2), "");
    int64_t members;
    assert_int_equal(group_rows_count(with->store, SPAN_LITERAL("g-1"), 2, 4, &members), STORE_ROW);
    assert_int_equal(members, 3);
}

static void on_members(const struct store_rows *rows, void *context)
{
    struct listed *listed = context;
    assert_null(rows->failure);
    for (size_t i = 0; i < rows->rows; i++) {
        struct group_rows_member member;
        group_rows_read_member(rows, i, &member);
        note(listed, "%.*s(%d)%.*s ", (int)member.id.length, member.id.at, (int)member.kind,
             (int)member.display.length, member.display.at);
    }
    listed->done = true;
}

static void expect_members(struct with_store *with, enum group_rows_role role, const char *after,
                           size_t rows_max, const char *expected)
{
    struct listed listed = {0};
    group_rows_members(with->store, SPAN_LITERAL("g-1"), role, span_of(after), rows_max, on_members,
                       &listed);
    with_store_wait(with, &listed.done);
    assert_string_equal(listed.text, expected);
}

static void test_members_in_pages(void **state)
{
    struct with_store *with = *state;
    add_group(with, "g-1");
    add_group(with, "h-1");
    add_group(with, "h-2");
    add_person(with, "u-1");
    add_person(with, "u-2");
    add_resource(with, "u-2", RESOURCE_USER, "c-1", "Two");
    add_resource(with, "h-2", RESOURCE_GROUP, "c-1", "Crew");
    static const char *const ids[] = {"u-2", "u-1", "h-2", "h-1", "z@b.example"};
    for (size_t i = 0; i < 5; i++) {
        put(with, "g-1",
            i < 2   ? GROUP_ROWS_ACCOUNT
            : i < 4 ? GROUP_ROWS_GROUP
                    : GROUP_ROWS_EXTERNAL,
            ids[i]);
    }
    assert_int_equal(try_step(with, "g-1", GROUP_ROWS_OWNER, GROUP_ROWS_ACCOUNT, "u-1", ""),
                     STORE_DONE);
    expect_members(with, GROUP_ROWS_MEMBER, "", 10,
                   "h-1(1)h-1 h-2(1)Crew u-1(0)u-1@example.com u-2(0)Two z@b.example(2) ");
    expect_members(with, GROUP_ROWS_MEMBER, "", 2, "h-1(1)h-1 h-2(1)Crew ");
    expect_members(with, GROUP_ROWS_MEMBER, "h-2", 2, "u-1(0)u-1@example.com u-2(0)Two ");
    expect_members(with, GROUP_ROWS_MEMBER, "z@b.example", 2, "");
    expect_members(with, GROUP_ROWS_OWNER, "", 10, "u-1(0)u-1@example.com ");
}

static void on_memberships(const struct store_rows *rows, void *context)
{
    struct listed *listed = context;
    assert_null(rows->failure);
    for (size_t i = 0; i < rows->rows; i++) {
        struct group_rows_membership membership;
        group_rows_read_membership(rows, i, &membership);
        note(listed, "%lld:%.*s%s%.*s ", (long long)membership.number,
             (int)membership.group_id.length, membership.group_id.at, membership.direct ? "=" : "~",
             (int)membership.display.length, membership.display.at);
    }
    listed->done = true;
}

static void expect_memberships(struct with_store *with, const char *client, int64_t first,
                               int64_t last, const char *expected)
{
    struct listed listed = {0};
    group_rows_memberships(with->store, span_of(client), first, last, 100, on_memberships, &listed);
    with_store_wait(with, &listed.done);
    assert_string_equal(listed.text, expected);
}

static void test_memberships(void **state)
{
    struct with_store *with = *state;
    for (int i = 1; i <= 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "u-%d", i);
        add_person(with, id);
        add_resource(with, id, RESOURCE_USER, i == 3 ? "c-2" : "c-1", id); /* 1 to 3 */
    }
    add_groups(with, 5);
    add_resource(with, "g-00", RESOURCE_GROUP, "c-1", "Top");    /* 4 */
    add_resource(with, "g-01", RESOURCE_GROUP, "c-1", "Middle"); /* 5 */
    add_resource(with, "g-02", RESOURCE_GROUP, "c-1", "Low");    /* 6 */
    add_resource(with, "g-03", RESOURCE_GROUP, "c-2", "Other");  /* 7; g-04 is an admin's */
    put(with, "g-00", GROUP_ROWS_GROUP, "g-01");
    put(with, "g-01", GROUP_ROWS_GROUP, "g-02");
    put(with, "g-02", GROUP_ROWS_ACCOUNT, "u-1");
    put(with, "g-00", GROUP_ROWS_ACCOUNT, "u-1"); /* directly as well */
    put(with, "g-01", GROUP_ROWS_ACCOUNT, "u-2");
    put(with, "g-03", GROUP_ROWS_ACCOUNT, "u-1");
    put(with, "g-04", GROUP_ROWS_ACCOUNT, "u-1");
    put(with, "g-02", GROUP_ROWS_ACCOUNT, "u-3");
    assert_int_equal(try_step(with, "g-02", GROUP_ROWS_OWNER, GROUP_ROWS_ACCOUNT, "u-2", ""),
                     STORE_DONE);
    expect_memberships(with, "c-1", 1, 3,
                       "1:g-00=Top 1:g-01~Middle 1:g-02=Low 2:g-00~Top 2:g-01=Middle ");
    expect_memberships(with, "c-1", 2, 2, "2:g-00~Top 2:g-01=Middle ");
    expect_memberships(with, "c-1", 4, 9, "5:g-00=Top 6:g-00~Top 6:g-01=Middle ");
    expect_memberships(with, "c-2", 1, 3, ""); /* u-3 is in groups of others only */
    struct store_change *change = store_change_new();
    resource_end(change, SPAN_LITERAL("g-01"), 20);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    expect_memberships(with, "c-1", 2, 2, "2:g-00~Top ");
}

static void on_groups(const struct store_rows *rows, void *context)
{
    struct listed *listed = context;
    for (size_t i = 0; i < rows->rows; i++) {
        struct group_rows_group group;
        group_rows_read_group(rows, i, &group);
        note(listed, "%s %s ", group.id, group.primary.text);
    }
    listed->done = true;
}

static void test_groups_in_pages(void **state)
{
    struct with_store *with = *state;
    struct listed first = {0}, second = {0};
    struct account account = account_of("g-01", "one@example.com");
    account.kind = ACCOUNT_GROUP;
    add_groups(with, 3);
    add_account(with, &account);
    group_rows_list(with->store, SPAN_LITERAL(""), 2, on_groups, &first);
    with_store_wait(with, &first.done);
    assert_string_equal(first.text, "g-00  g-01 one@example.com ");
    group_rows_list(with->store, SPAN_LITERAL("g-01"), 2, on_groups, &second);
    with_store_wait(with, &second.done);
    assert_string_equal(second.text, "g-02  ");
}

static void test_groups_of_a_member(void **state)
{
    struct with_store *with = *state;
    struct listed members = {0}, owners = {0};
    add_groups(with, 3);
    add_person(with, "u-1");
    put(with, "g-02", GROUP_ROWS_ACCOUNT, "u-1");
    put(with, "g-00", GROUP_ROWS_ACCOUNT, "u-1");
    put(with, "g-01", GROUP_ROWS_GROUP, "g-00"); /* not directly */
    assert_int_equal(try_step(with, "g-01", GROUP_ROWS_OWNER, GROUP_ROWS_ACCOUNT, "u-1", ""),
                     STORE_DONE);
    group_rows_list_of_member(with->store, SPAN_LITERAL("u-1"), GROUP_ROWS_MEMBER, 10, on_groups,
                              &members);
    with_store_wait(with, &members.done);
    assert_string_equal(members.text, "g-00  g-02  ");
    group_rows_list_of_member(with->store, SPAN_LITERAL("u-1"), GROUP_ROWS_OWNER, 10, on_groups,
                              &owners);
    with_store_wait(with, &owners.done);
    assert_string_equal(owners.text, "g-01  ");
}

static void on_accesses(const struct store_rows *rows, void *context)
{
    struct listed *listed = context;
    assert_null(rows->failure);
    for (size_t i = 0; i < rows->rows; i++) {
        struct group_rows_access access;
        group_rows_read_access(rows, i, &access);
        note(listed, "%s<%s:%s ", access.mailbox.text, access.member.text,
             group_rows_rights_name(access.rights));
    }
    listed->done = true;
}

static void expect_accesses(struct with_store *with, const char *mailbox, const char *member,
                            size_t rows_max, const char *expected)
{
    struct listed listed = {0};
    group_rows_accesses(with->store, span_of(mailbox), span_of(member), rows_max, on_accesses,
                        &listed);
    with_store_wait(with, &listed.done);
    assert_string_equal(listed.text, expected);
}

static void add_shared(struct with_store *with, const char *id, const char *address,
                       enum group_rows_rights rights)
{
    struct account account = account_of(id, address);
    struct group_rows_group group = group_of(id, GROUP_ROWS_SHARED);
    account.kind = ACCOUNT_SHARED;
    group.rights = rights;
    struct store_change *change = store_change_new();
    account_rows_add_account(change, &account);
    group_rows_add(change, &group);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
}

static void test_accesses(void **state)
{
    struct with_store *with = *state;
    add_shared(with, "s-1", "info@example.com", GROUP_ROWS_FULL);
    add_shared(with, "s-2", "books@example.com", GROUP_ROWS_LOOK);
    add_shared(with, "s-3", "empty@example.com", GROUP_ROWS_LOOK);
    add_groups(with, 2); /* lists: no mailbox */
    for (int i = 1; i <= 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "u-%d", i);
        add_person(with, id);
    }
    put(with, "s-1", GROUP_ROWS_ACCOUNT, "u-1");
    put(with, "s-1", GROUP_ROWS_GROUP, "g-00");
    put(with, "g-00", GROUP_ROWS_GROUP, "g-01");
    put(with, "g-00", GROUP_ROWS_ACCOUNT, "u-1"); /* both ways: once */
    put(with, "g-01", GROUP_ROWS_ACCOUNT, "u-2");
    put(with, "s-2", GROUP_ROWS_ACCOUNT, "u-3");
    put(with, "s-2", GROUP_ROWS_EXTERNAL, "x@y.example");
    assert_int_equal(try_step(with, "s-2", GROUP_ROWS_OWNER, GROUP_ROWS_ACCOUNT, "u-4", ""),
                     STORE_DONE);
    static const char all[] = "books@example.com<u-3@example.com:lr "
                              "info@example.com<u-1@example.com:full "
                              "info@example.com<u-2@example.com:full ";
    expect_accesses(with, "", "", 10, all);
    expect_accesses(with, "", "", 1, "books@example.com<u-3@example.com:lr ");
    expect_accesses(with, "books@example.com", "u-3@example.com", 1,
                    "info@example.com<u-1@example.com:full ");
    expect_accesses(with, "info@example.com", "u-1@example.com", 10,
                    "info@example.com<u-2@example.com:full ");
    expect_accesses(with, "info@example.com", "u-2@example.com", 10, "");
    CLEANUP(arena_done) struct arena arena = {0};
    struct account shared;
    assert_int_equal(account_rows_by_id(with->store, SPAN_LITERAL("s-1"), &arena, &shared),
                     STORE_ROW);
    struct store_change *change = store_change_new();
    shared.state = ACCOUNT_GONE;
    account_rows_update_account(change, &shared, 1);
    assert_int_equal(with_store_write(with, change), STORE_DONE);
    expect_accesses(with, "", "", 10, "books@example.com<u-3@example.com:lr ");
}

static void test_look_ups_use_an_index(void **state)
{
    struct with_store *with = *state;
    static const bool sorted[] = {true,  true,  true, true, true, true, true, true,
                                  false, false, true, true, true, true, true, true};
    size_t statements_count;
    const struct statement *const *statements = group_rows_statements(&statements_count);
    assert_int_equal(statements_count, sizeof sorted / sizeof sorted[0]);
    for (size_t i = 0; i < statements_count; i++) {
        with_plan_check(with, statements[i]->sql, sorted[i]);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, with_store_setup, with_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_slots),
        CASE(test_group_comes_back_whole),
        CASE(test_members_come_and_go),
        CASE(test_who_may_be_a_member),
        CASE(test_no_cycles),
        CASE(test_depth),
        CASE(test_reaching),
        CASE(test_any_graph),
        CASE(test_end),
        CASE(test_targets),
        CASE(test_members_in_pages),
        CASE(test_memberships),
        CASE(test_groups_in_pages),
        CASE(test_groups_of_a_member),
        CASE(test_accesses),
        CASE(test_look_ups_use_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
