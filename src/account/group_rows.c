/* group_rows.c - the SQL of groups and their members. */
#include "account/group_rows.h"

#include "base/digest.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"

#include <assert.h>

/* The numbers of these are what the tables hold. */
_Static_assert(GROUP_ROWS_ACCESS == 0 && GROUP_ROWS_ALIAS == 1 && GROUP_ROWS_LIST == 2 &&
                   GROUP_ROWS_SHARED == 3,
               "stored");
_Static_assert(GROUP_ROWS_ANYONE == 0 && GROUP_ROWS_INTERNAL == 1 && GROUP_ROWS_MEMBERS == 2 &&
                   GROUP_ROWS_OWNERS == 3,
               "stored");
_Static_assert(GROUP_ROWS_LOOK == 0 && GROUP_ROWS_LOOK_AND_MARK == 1 && GROUP_ROWS_FULL == 2,
               "stored");
_Static_assert(GROUP_ROWS_MEMBER == 0 && GROUP_ROWS_OWNER == 1, "stored");
_Static_assert(GROUP_ROWS_ACCOUNT == 0 && GROUP_ROWS_GROUP == 1 && GROUP_ROWS_EXTERNAL == 2,
               "stored");
_Static_assert(GROUP_ROWS_DEPTH_MAX == 16, "the statements say 15, 16 and 17");

/* Names. */

static const char *const KINDS[] = {"access", "alias", "list", "sharedMailbox"};
static const char *const SENDERS[] = {"anyone", "internal", "members", "owners"};
static const char *const RIGHTS[] = {"lr", "lrs", "full"};

const char *group_rows_kind_name(enum group_rows_kind kind)
{
    return KINDS[kind];
}

const char *group_rows_senders_name(enum group_rows_senders senders)
{
    return SENDERS[senders];
}

const char *group_rows_rights_name(enum group_rows_rights rights)
{
    return RIGHTS[rights];
}

static bool find_name(const char *const *names, size_t count, struct span text, size_t *found)
{
    for (*found = 0; *found < count; (*found)++) {
        if (span_is_fold(text, names[*found])) {
            return true;
        }
    }
    return false;
}

bool group_rows_kind_parse(struct span text, enum group_rows_kind *kind)
{
    size_t found;
    bool there = find_name(KINDS, sizeof KINDS / sizeof KINDS[0], text, &found);
    *kind = there ? (enum group_rows_kind)found : *kind;
    return there;
}

bool group_rows_senders_parse(struct span text, enum group_rows_senders *senders)
{
    size_t found;
    bool there = find_name(SENDERS, sizeof SENDERS / sizeof SENDERS[0], text, &found);
    *senders = there ? (enum group_rows_senders)found : *senders;
    return there;
}

bool group_rows_rights_parse(struct span text, enum group_rows_rights *rights)
{
    size_t found;
    bool there = find_name(RIGHTS, sizeof RIGHTS / sizeof RIGHTS[0], text, &found);
    *rights = there ? (enum group_rows_rights)found : *rights;
    return there;
}

/* The first digits of an id of version 4 are random: members spread over the slots evenly. */
unsigned group_rows_slot(struct span member_id)
{
    unsigned slot = 0;
    if (span_has(member_id, '@')) {
        struct digest digest = digest_sha256(member_id);
        return (unsigned)digest.bytes[0] << 8 | digest.bytes[1];
    }
    for (size_t i = 0; i < 4; i++) {
        int digit = text_hex_digit(span_at(member_id, i));
        slot = slot << 4 | (digit < 0 ? 0 : (unsigned)digit);
    }
    return slot;
}

/* Groups. */

enum { GROUP_COLUMNS = 7 };
/* Its account, when it has an address. */
#define GROUPS                                                                                   \
    "SELECT g.id, g.kind, g.senders, g.rights, g.part_key, g.name, c.address FROM mail_group g " \
    "LEFT JOIN account c ON c.id = g.id AND c.state <> 0"
static const struct statement BY_ID = {GROUPS " WHERE g.id = $1", 1, GROUP_COLUMNS};
static const struct statement BY_PART_KEY = {GROUPS " WHERE g.part_key = $1", 1, GROUP_COLUMNS};
static const struct statement LIST = {GROUPS " WHERE g.id > $1 ORDER BY g.id", 1, GROUP_COLUMNS};
static const struct statement LIST_OF_MEMBER = {
    GROUPS " WHERE g.id IN (SELECT group_id FROM membership WHERE member_id = $1 AND role = $2)"
           " ORDER BY g.id",
    2, GROUP_COLUMNS};

static struct address address_of(struct span text)
{
    struct address address = {0};
    if (span_fits(text, address.text, sizeof address.text) && !span_empty(text)) {
        address.local_length = span_find_last(text, '@');
    }
    return address;
}

/* A number that the table should not hold becomes `none`. */
static int within(int64_t number, int last, int none)
{
    return number >= 0 && number <= last ? (int)number : none;
}

static void read_group(const struct value *row, struct group_rows_group *group)
{
    *group = (struct group_rows_group){
        .kind = (enum group_rows_kind)within(row[1].integer, GROUP_ROWS_SHARED, GROUP_ROWS_ACCESS),
        .senders =
            (enum group_rows_senders)within(row[2].integer, GROUP_ROWS_OWNERS, GROUP_ROWS_OWNERS),
        .rights = (enum group_rows_rights)within(row[3].integer, GROUP_ROWS_FULL, GROUP_ROWS_LOOK),
        .name = row[5].text,
        .primary = address_of(row[6].text),
    };
    (void)span_fits(row[0].text, group->id, sizeof group->id);
    (void)span_fits(row[4].text, group->part_key, sizeof group->part_key);
}

static const struct value *row_of(const struct store_rows *rows, size_t row, size_t columns)
{
    assert(rows->columns == columns && row < rows->rows);
    return rows->values + row * columns;
}

static enum store_now look_up(struct store *store, const struct statement *statement,
                              struct span text, struct arena *arena, struct group_rows_group *group)
{
    struct value row[GROUP_COLUMNS];
    const struct value key = value_text(text);
    enum store_now now = store_lookup(store, statement, &key, arena, row);
    if (now == STORE_ROW) {
        read_group(row, group);
    }
    return now;
}

enum store_now group_rows_by_id(struct store *store, struct span id, struct arena *arena,
                                struct group_rows_group *group)
{
    return look_up(store, &BY_ID, id, arena, group);
}

enum store_now group_rows_by_part_key(struct store *store, struct span part_key,
                                      struct arena *arena, struct group_rows_group *group)
{
    return look_up(store, &BY_PART_KEY, part_key, arena, group);
}

struct store_read *group_rows_list(struct store *store, struct span after, size_t rows_max,
                                   store_read_fn *fn, void *context)
{
    const struct value key = value_text(after);
    return store_read_start(store, &LIST, &key, rows_max, fn, context);
}

struct store_read *group_rows_list_of_member(struct store *store, struct span member_id,
                                             enum group_rows_role role, size_t rows_max,
                                             store_read_fn *fn, void *context)
{
    const struct value keys[] = {value_text(member_id), value_integer(role)};
    return store_read_start(store, &LIST_OF_MEMBER, keys, rows_max, fn, context);
}

void group_rows_read_group(const struct store_rows *rows, size_t row,
                           struct group_rows_group *group)
{
    read_group(row_of(rows, row, GROUP_COLUMNS), group);
}

/* Who is in it. */

static const struct statement HAS = {
    "SELECT 1 FROM membership WHERE group_id = $1 AND role = $2 AND member_id = $3", 3, 1};
/* Upwards, from the member to what it is in: a person is in few groups, a group may have many members. UNION drops what
 * was there before; the depth ends what a cycle would not, were there one. */
static const struct statement REACHES = {
    "WITH RECURSIVE up (id, depth) AS (SELECT $1, 0 UNION"
    " SELECT m.group_id, up.depth + 1 FROM up JOIN membership m ON m.member_id = up.id"
    " WHERE m.role = 0 AND up.depth < 15 LIMIT 2000)"
    " SELECT 1 FROM up CROSS JOIN membership t WHERE t.group_id = $2 AND t.role = $3"
    " AND t.member_id = up.id LIMIT 1",
    3, 1};
static const struct statement COUNT = {
    "SELECT COUNT(*) FROM membership WHERE group_id = $1 AND role = 0 AND slot BETWEEN $2 AND $3",
    3, 1};

enum store_now group_rows_has(struct store *store, struct span group_id, enum group_rows_role role,
                              struct span member_id)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const struct value keys[] = {value_text(group_id), value_integer(role), value_text(member_id)};
    struct value row;
    return store_lookup(store, &HAS, keys, &arena, &row);
}

enum store_now group_rows_reaches(struct store *store, struct span group_id,
                                  enum group_rows_role role, struct span account_id)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const struct value keys[] = {value_text(account_id), value_text(group_id), value_integer(role)};
    struct value row;
    return store_lookup(store, &REACHES, keys, &arena, &row);
}

enum store_now group_rows_count(struct store *store, struct span group_id, unsigned first,
                                unsigned last, int64_t *count)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const struct value keys[] = {value_text(group_id), value_integer(first), value_integer(last)};
    struct value row;
    enum store_now now = store_lookup(store, &COUNT, keys, &arena, &row);
    *count = now == STORE_ROW ? row.integer : 0;
    return now;
}

/* What delivery leads to. */

enum { TARGET_COLUMNS = 10 };
static const struct statement TARGETS = {
    "SELECT m.kind, m.member_id, m.slot, c.address, c.kind, c.state, c.on_disable, c.no_mailbox, "
    "c.forward_to, g.part_key FROM membership m"
    " LEFT JOIN account c ON c.id = m.member_id AND m.kind = 0"
    " LEFT JOIN mail_group g ON g.id = m.member_id AND m.kind = 1"
    " WHERE m.group_id = $1 AND m.role = 0 AND m.slot BETWEEN $2 AND $3"
    " ORDER BY m.slot, m.member_id",
    3, TARGET_COLUMNS};

struct store_read *group_rows_targets(struct store *store, struct span group_id, unsigned first,
                                      unsigned last, size_t rows_max, store_read_fn *fn,
                                      void *context)
{
    const struct value keys[] = {value_text(group_id), value_integer(first), value_integer(last)};
    return store_read_start(store, &TARGETS, keys, rows_max, fn, context);
}

static enum group_rows_member_kind member_kind_of(int64_t number)
{
    return (enum group_rows_member_kind)within(number, GROUP_ROWS_EXTERNAL, GROUP_ROWS_ACCOUNT);
}

static bool receives(const struct value *row)
{
    const struct account account = {
        .kind = (enum account_kind)within(row[4].integer, ACCOUNT_SHARED, ACCOUNT_PERSON),
        .state = (enum account_state)within(row[5].integer, ACCOUNT_ACTIVE, ACCOUNT_GONE),
        .on_disable =
            (enum account_on_disable)within(row[6].integer, ACCOUNT_FORWARD, ACCOUNT_DELIVER),
        .no_mailbox = row[7].integer != 0,
        .forward_to = row[8].text,
    };
    return account_receives(&account);
}

void group_rows_read_target(const struct store_rows *rows, size_t row,
                            struct group_rows_target *target)
{
    const struct value *values = row_of(rows, row, TARGET_COLUMNS);
    *target = (struct group_rows_target){
        .kind = member_kind_of(values[0].integer),
        .slot = (unsigned)within(values[2].integer, GROUP_ROWS_SLOTS - 1, 0),
    };
    switch (target->kind) {
    case GROUP_ROWS_ACCOUNT:
        (void)span_fits(values[1].text, target->id, sizeof target->id);
        target->address = address_of(values[3].text);
        target->receives = receives(values);
        break;
    case GROUP_ROWS_GROUP:
        (void)span_fits(values[1].text, target->id, sizeof target->id);
        (void)span_fits(values[9].text, target->part_key, sizeof target->part_key);
        target->receives = target->part_key[0] != '\0';
        break;
    case GROUP_ROWS_EXTERNAL:
        target->address = address_of(values[1].text);
        target->receives = true;
        break;
    }
}

/* Members, and what they are in. */

enum { MEMBER_COLUMNS = 3, MEMBERSHIP_COLUMNS = 4, ACCESS_COLUMNS = 3 };
static const struct statement MEMBERS = {
    "SELECT m.kind, m.member_id, COALESCE(r.name, c.address, g.name) FROM membership m"
    " LEFT JOIN resource r ON r.id = m.member_id AND r.gone = 0"
    " LEFT JOIN account c ON c.id = m.member_id AND c.state <> 0"
    " LEFT JOIN mail_group g ON g.id = m.member_id"
    " WHERE m.group_id = $1 AND m.role = $2 AND m.member_id > $3 ORDER BY m.member_id",
    3, MEMBER_COLUMNS};
/* Only groups of the same client: it sees no others. */
static const struct statement MEMBERSHIPS = {
    "WITH RECURSIVE up (number, group_id, depth) AS ("
    "SELECT r.number, m.group_id, 1 FROM resource r CROSS JOIN membership m WHERE r.client_id = $1"
    " AND r.type IN (1, 2) AND r.gone = 0 AND r.number BETWEEN $2 AND $3"
    " AND m.member_id = r.id AND m.role = 0 UNION"
    " SELECT up.number, m.group_id, up.depth + 1 FROM up JOIN membership m ON m.member_id = "
    "up.group_id WHERE m.role = 0 AND up.depth < 16)"
    " SELECT up.number, up.group_id, g.name, MIN(up.depth) FROM up CROSS JOIN resource g"
    " WHERE g.id = up.group_id AND g.client_id = $1 AND g.gone = 0"
    " GROUP BY up.number, up.group_id, g.name ORDER BY up.number, up.group_id",
    3, MEMBERSHIP_COLUMNS};
/* A group in a shared mailbox's group shares with its members, too. Mailbox by mailbox in the order of an index: what a
 * page does not reach is not looked for. */
static const struct statement ACCESSES = {
    "SELECT c.address, a.address, g.rights FROM account c CROSS JOIN mail_group g CROSS JOIN "
    "account a WHERE c.kind = 2 AND c.state <> 0 AND c.address >= $1 AND g.id = c.id AND g.kind = 3"
    " AND a.id IN (WITH RECURSIVE down (group_id, depth) AS (SELECT c.id, 1 UNION"
    " SELECT m.member_id, down.depth + 1 FROM down JOIN membership m"
    " ON m.group_id = down.group_id WHERE m.role = 0 AND m.kind = 1 AND down.depth < 16)"
    " SELECT m.member_id FROM down CROSS JOIN membership m WHERE m.group_id = down.group_id"
    " AND m.role = 0 AND m.kind = 0)"
    " AND a.kind = 0 AND a.state <> 0 AND (c.address > $1 OR a.address > $2)"
    " ORDER BY c.address, a.address",
    2, ACCESS_COLUMNS};

struct store_read *group_rows_members(struct store *store, struct span group_id,
                                      enum group_rows_role role, struct span after, size_t rows_max,
                                      store_read_fn *fn, void *context)
{
    const struct value keys[] = {value_text(group_id), value_integer(role), value_text(after)};
    return store_read_start(store, &MEMBERS, keys, rows_max, fn, context);
}

void group_rows_read_member(const struct store_rows *rows, size_t row,
                            struct group_rows_member *member)
{
    const struct value *values = row_of(rows, row, MEMBER_COLUMNS);
    *member = (struct group_rows_member){
        .kind = member_kind_of(values[0].integer), .id = values[1].text, .display = values[2].text};
}

struct store_read *group_rows_memberships(struct store *store, struct span client_id, int64_t first,
                                          int64_t last, size_t rows_max, store_read_fn *fn,
                                          void *context)
{
    const struct value keys[] = {value_text(client_id), value_integer(first), value_integer(last)};
    return store_read_start(store, &MEMBERSHIPS, keys, rows_max, fn, context);
}

void group_rows_read_membership(const struct store_rows *rows, size_t row,
                                struct group_rows_membership *membership)
{
    const struct value *values = row_of(rows, row, MEMBERSHIP_COLUMNS);
    *membership = (struct group_rows_membership){.number = values[0].integer,
                                                 .group_id = values[1].text,
                                                 .display = values[2].text,
                                                 .direct = values[3].integer == 1};
}

struct store_read *group_rows_accesses(struct store *store, struct span after_mailbox,
                                       struct span after_member, size_t rows_max, store_read_fn *fn,
                                       void *context)
{
    const struct value keys[] = {value_text(after_mailbox), value_text(after_member)};
    return store_read_start(store, &ACCESSES, keys, rows_max, fn, context);
}

void group_rows_read_access(const struct store_rows *rows, size_t row,
                            struct group_rows_access *access)
{
    const struct value *values = row_of(rows, row, ACCESS_COLUMNS);
    *access = (struct group_rows_access){
        .mailbox = address_of(values[0].text),
        .member = address_of(values[1].text),
        .rights =
            (enum group_rows_rights)within(values[2].integer, GROUP_ROWS_FULL, GROUP_ROWS_LOOK),
    };
}

/* Steps. */

void group_rows_new_key(struct group_rows_group *group)
{
    unsigned char random[(GROUP_ROWS_KEY_SIZE - 1) / 2];
    CLEANUP(buffer_done) struct buffer text = buffer_limited(GROUP_ROWS_KEY_SIZE - 1);
    secret_random(random, sizeof random);
    text_hex_encode(span_bytes(random, sizeof random), &text);
    (void)span_fits(buffer_span(&text), group->part_key, sizeof group->part_key);
}

void group_rows_add(struct store_change *change, const struct group_rows_group *group)
{
    static const struct statement add = {
        "INSERT INTO mail_group (id, kind, senders, rights, part_key, name) VALUES ($1, $2, $3, "
        "$4, $5, $6)",
        6, 0};
    const struct value row[] = {value_text(span_of(group->id)),       value_integer(group->kind),
                                value_integer(group->senders),        value_integer(group->rights),
                                value_text(span_of(group->part_key)), value_text(group->name)};
    store_change_add(change, &add, row, 1);
}

/* Its part key stays: mail on its way to a part of it shall arrive. */
void group_rows_update(struct store_change *change, const struct group_rows_group *group)
{
    static const struct statement update = {
        "UPDATE mail_group SET kind = $1, senders = $2, rights = $3, name = $4 WHERE id = $5", 5,
        0};
    const struct value row[] = {value_integer(group->kind), value_integer(group->senders),
                                value_integer(group->rights), value_text(group->name),
                                value_text(span_of(group->id))};
    store_change_add(change, &update, row, 1);
}

void group_rows_leave_all(struct store_change *change, struct span member_id)
{
    static const struct statement leave = {"DELETE FROM membership WHERE member_id = $1", 1, 0};
    const struct value row[] = {value_text(member_id)};
    store_change_add(change, &leave, row, -1);
}

void group_rows_end(struct store_change *change, struct span id)
{
    static const struct statement members = {"DELETE FROM membership WHERE group_id = $1", 1, 0};
    static const struct statement end = {"DELETE FROM mail_group WHERE id = $1", 1, 0};
    const struct value row[] = {value_text(id)};
    store_change_add(change, &members, row, -1);
    group_rows_leave_all(change, id);
    store_change_add(change, &end, row, 1);
}

#define ADD_MEMBER \
    "INSERT INTO membership (group_id, role, member_id, kind, slot) SELECT $1, $2, $3, $4, $5"
/* That it is a member already, or that there is no such group, the table itself refuses. */
static const struct statement ADD_EXTERNAL = {ADD_MEMBER, 5, 0};
static const struct statement ADD_ANY_ACCOUNT = {
    ADD_MEMBER " WHERE EXISTS (SELECT 1 FROM account WHERE id = $3 AND state <> 0 AND kind <> 1)",
    5, 0};
static const struct statement ADD_ACCOUNT = {
    ADD_MEMBER " WHERE EXISTS (SELECT 1 FROM resource WHERE id = $3 AND client_id = $6 AND type = 1"
               " AND gone = 0)",
    6, 0};
/* All ways up from the group and down from the member, each at most NESTING_MAX: ways and not groups, because a message to the
 * outermost takes each of them, and because it bounds what this costs. 1: a circle. 2: deeper than 16, or too many ways. */
#define NESTING(member)                                                                          \
    "WITH RECURSIVE up (id, depth) AS (SELECT $1, 1 UNION ALL"                                   \
    " SELECT m.group_id, up.depth + 1 FROM up JOIN membership m ON m.member_id = up.id"          \
    " WHERE m.role = 0 AND up.depth < 17 LIMIT 2001), down (id, depth) AS (SELECT " member ", 1" \
    " UNION ALL SELECT m.member_id, down.depth + 1 FROM down"                                    \
    " JOIN membership m ON m.group_id = down.id"                                                 \
    " WHERE m.role = 0 AND m.kind = 1 AND down.depth < 17 LIMIT 2001)"                           \
    " SELECT CASE WHEN EXISTS (SELECT 1 FROM up WHERE up.id = " member ") THEN 1"                \
    " WHEN (SELECT MAX(depth) FROM up) + (SELECT MAX(depth) FROM down) > 16"                     \
    " OR (SELECT COUNT(*) FROM up) * (SELECT COUNT(*) FROM down) > 2000 THEN 2 ELSE 0 END"
#define ADD_GROUP ADD_MEMBER " WHERE ($2 <> 0 OR (" NESTING("$3") ") = 0)"
static const struct statement NESTS = {NESTING("$2"), 2, 1};
static const struct statement ADD_ANY_GROUP = {
    ADD_GROUP " AND EXISTS (SELECT 1 FROM mail_group WHERE id = $3)", 5, 0};
static const struct statement ADD_OWN_GROUP = {
    ADD_GROUP " AND EXISTS (SELECT 1 FROM resource WHERE id = $3 AND client_id = $6 AND type = 2"
              " AND gone = 0)",
    6, 0};

enum store_now group_rows_nesting(struct store *store, struct span group_id, struct span member_id,
                                  enum group_rows_nesting *nesting)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const struct value keys[] = {value_text(group_id), value_text(member_id)};
    struct value row;
    enum store_now now = store_lookup(store, &NESTS, keys, &arena, &row);
    int64_t answer = now == STORE_ROW ? row.integer : GROUP_ROWS_NESTS_TOO_DEEP;
    *nesting = (enum group_rows_nesting)within(answer, GROUP_ROWS_NESTS_TOO_DEEP,
                                               GROUP_ROWS_NESTS_TOO_DEEP);
    return now;
}

static const struct statement *add_member(enum group_rows_member_kind kind, bool any)
{
    switch (kind) {
    case GROUP_ROWS_ACCOUNT:
        return any ? &ADD_ANY_ACCOUNT : &ADD_ACCOUNT;
    case GROUP_ROWS_GROUP:
        return any ? &ADD_ANY_GROUP : &ADD_OWN_GROUP;
    case GROUP_ROWS_EXTERNAL:
        break;
    }
    return &ADD_EXTERNAL;
}

void group_rows_add_member(struct store_change *change, struct span group_id,
                           enum group_rows_role role, enum group_rows_member_kind kind,
                           struct span member_id, struct span client_id)
{
    const struct value row[] = {
        value_text(group_id),
        value_integer(role),
        value_text(member_id),
        value_integer(kind),
        value_integer(group_rows_slot(member_id)),
        value_text(client_id),
    };
    store_change_add(change, add_member(kind, span_empty(client_id)), row, 1);
}

void group_rows_delete_member(struct store_change *change, struct span group_id,
                              enum group_rows_role role, struct span member_id)
{
    static const struct statement delete = {
        "DELETE FROM membership WHERE group_id = $1 AND role = $2 AND member_id = $3", 3, 0};
    const struct value row[] = {value_text(group_id), value_integer(role), value_text(member_id)};
    store_change_add(change, &delete, row, -1);
}

void group_rows_delete_members(struct store_change *change, struct span group_id,
                               enum group_rows_role role, enum group_rows_member_kind kind)
{
    static const struct statement delete = {
        "DELETE FROM membership WHERE group_id = $1 AND role = $2 AND kind = $3", 3, 0};
    const struct value row[] = {value_text(group_id), value_integer(role), value_integer(kind)};
    store_change_add(change, &delete, row, -1);
}

const struct statement *const *group_rows_statements(size_t *count)
{
    static const struct statement *const all[] = {
        &BY_ID,           &BY_PART_KEY, &LIST,          &HAS,           &REACHES,
        &COUNT,           &TARGETS,     &MEMBERS,       &MEMBERSHIPS,   &ACCESSES,
        &ADD_ANY_ACCOUNT, &ADD_ACCOUNT, &ADD_ANY_GROUP, &ADD_OWN_GROUP, &NESTS,
        &LIST_OF_MEMBER};
    *count = sizeof all / sizeof all[0];
    return all;
}
