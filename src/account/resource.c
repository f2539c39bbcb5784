/* resource.c - the SQL of what provisioning clients asked for. */
#include "account/resource.h"

#include "base/memory.h"

#include <assert.h>

/* The numbers of enum resource_type are what the table holds. */
_Static_assert(RESOURCE_USER == 1 && RESOURCE_GROUP == 2, "stored");

enum { COLUMNS = 16 };
#define COLUMN_NAMES                                                                              \
    "SELECT r.number, r.id, r.type, r.client_id, r.version, r.external_id, r.name, r.name_key, "  \
    "r.display_key, r.addresses, r.document, r.created, r.changed, r.gone, COALESCE(c.state, 0)," \
    " COALESCE(c.last_login, 0)"
#define OF_ACCOUNT " LEFT JOIN account c ON c.id = r.id"
#define RESOURCES  COLUMN_NAMES " FROM resource r" OF_ACCOUNT
#define LIVING     " WHERE r.client_id = $1 AND r.type = $2 AND r.gone = 0"

static const struct statement BY_ID = {RESOURCES " WHERE r.id = $1", 1, COLUMNS};
static const struct statement BY_NAME = {RESOURCES LIVING " AND r.name_key = $3", 3, COLUMNS};
static const struct statement GONE_BY_EXTERNAL_ID = {
    COLUMN_NAMES " FROM resource r JOIN account c ON c.id = r.id"
                 " WHERE r.client_id = $1 AND r.type = 1 AND r.external_id = $2 AND r.gone > 0"
                 " AND c.state = 0 AND c.no_mailbox = 0 ORDER BY r.gone DESC LIMIT 1",
    2, COLUMNS};
static const struct statement COUNT = {
    "SELECT k.users, (SELECT COUNT(*) FROM resource r WHERE r.client_id = k.id AND r.type = 1 AND "
    "r.gone <> 0 AND r.gone > $1) FROM client k WHERE k.id = $2",
    2, 2};
static const struct statement LIST = {RESOURCES LIVING " AND r.number >= $3 ORDER BY r.number", 3,
                                      COLUMNS};
static const struct statement NUMBERS = {
    "SELECT r.number FROM resource r" LIVING " AND r.number >= $3 ORDER BY r.number", 3, 1};

/* CROSS JOIN keeps SQLite from walking through all resources of a client in the wanted order instead. */
static const struct statement FIND[] = {
    [RESOURCE_BY_ID] = {RESOURCES LIVING " AND r.id = $3", 3, COLUMNS},
    [RESOURCE_BY_EXTERNAL_ID] = {RESOURCES LIVING " AND r.external_id = $3 ORDER BY r.number", 3,
                                 COLUMNS},
    [RESOURCE_BY_NAME] = {RESOURCES LIVING " AND r.name_key = $3", 3, COLUMNS},
    [RESOURCE_BY_DISPLAY] = {RESOURCES LIVING " AND r.display_key = $3 ORDER BY r.number", 3,
                             COLUMNS},
    [RESOURCE_BY_EMAIL] = {COLUMN_NAMES
                           " FROM resource_email e CROSS JOIN resource r" OF_ACCOUNT
                           " WHERE e.client_id = $1 AND r.id = e.resource_id AND r.type = $2 AND "
                           "r.gone = 0 AND e.value_key = $3 ORDER BY r.number",
                           3, COLUMNS},
    [RESOURCE_BY_MEMBER] = {COLUMN_NAMES
                            " FROM membership m CROSS JOIN resource r" OF_ACCOUNT
                            " WHERE r.id = m.group_id AND r.client_id = $1 AND r.type = $2 AND "
                            "r.gone = 0 AND m.member_id = $3 AND m.role = 0 ORDER BY r.number",
                            3, COLUMNS},
};

const struct statement *const *resource_statements(size_t *count)
{
    static const struct statement *const all[] = {
        &BY_ID,
        &BY_NAME,
        &GONE_BY_EXTERNAL_ID,
        &COUNT,
        &LIST,
        &NUMBERS,
        &FIND[RESOURCE_BY_ID],
        &FIND[RESOURCE_BY_EXTERNAL_ID],
        &FIND[RESOURCE_BY_NAME],
        &FIND[RESOURCE_BY_DISPLAY],
        &FIND[RESOURCE_BY_EMAIL],
        &FIND[RESOURCE_BY_MEMBER],
    };
    *count = sizeof all / sizeof all[0];
    return all;
}

/* Rows to structs. */

static enum account_state state_of(int64_t number)
{
    return number == ACCOUNT_ACTIVE || number == ACCOUNT_DISABLED ? (enum account_state)number
                                                                  : ACCOUNT_GONE;
}

static void read_row(const struct value *row, struct resource *resource)
{
    *resource = (struct resource){
        .number = row[0].integer,
        .type = row[2].integer == RESOURCE_USER || row[2].integer == RESOURCE_GROUP
                    ? (enum resource_type)row[2].integer
                    : RESOURCE_NONE,
        .version = row[4].integer,
        .external_id = row[5].text,
        .name = row[6].text,
        .name_key = row[7].text,
        .display_key = row[8].text,
        .addresses = row[9].text,
        .document = row[10].text,
        .created = row[11].integer,
        .changed = row[12].integer,
        .gone = row[13].integer,
        .state = state_of(row[14].integer),
        .last_login = row[15].integer,
    };
    (void)span_fits(row[1].text, resource->id, sizeof resource->id);
    (void)span_fits(row[3].text, resource->client_id, sizeof resource->client_id);
}

void resource_read(const struct store_rows *rows, size_t row, struct resource *resource)
{
    assert(rows->columns == COLUMNS && row < rows->rows);
    read_row(rows->values + row * COLUMNS, resource);
}

int64_t resource_read_number(const struct store_rows *rows, size_t row)
{
    assert(rows->columns == 1 && row < rows->rows);
    return rows->values[row].integer;
}

/* Look-ups. */

static enum store_now look_up(struct store *store, const struct statement *statement,
                              const struct value *keys, struct arena *arena,
                              struct resource *resource)
{
    struct value row[COLUMNS];
    enum store_now now = store_lookup(store, statement, keys, arena, row);
    if (now == STORE_ROW) {
        read_row(row, resource);
    }
    return now;
}

enum store_now resource_by_id(struct store *store, struct span id, struct arena *arena,
                              struct resource *resource)
{
    const struct value key = value_text(id);
    return look_up(store, &BY_ID, &key, arena, resource);
}

enum store_now resource_by_name(struct store *store, struct span client_id, enum resource_type type,
                                struct span name_key, struct arena *arena,
                                struct resource *resource)
{
    const struct value keys[] = {value_text(client_id), value_integer(type), value_text(name_key)};
    return look_up(store, &BY_NAME, keys, arena, resource);
}

enum store_now resource_gone_by_external_id(struct store *store, struct span client_id,
                                            struct span external_id, struct arena *arena,
                                            struct resource *resource)
{
    const struct value keys[] = {value_text(client_id), value_text(external_id)};
    return look_up(store, &GONE_BY_EXTERNAL_ID, keys, arena, resource);
}

enum store_now resource_count(struct store *store, struct span client_id, int64_t since,
                              int64_t *living, int64_t *deleted)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const struct value keys[] = {value_integer(since), value_text(client_id)};
    struct value row[2];
    enum store_now now = store_lookup(store, &COUNT, keys, &arena, row);
    *living = now == STORE_ROW ? row[0].integer : 0;
    *deleted = now == STORE_ROW ? row[1].integer : 0;
    return now;
}

/* Reads. */

struct store_read *resource_list(struct store *store, struct span client_id,
                                 enum resource_type type, int64_t from_number, size_t rows_max,
                                 store_read_fn *fn, void *context)
{
    const struct value keys[] = {value_text(client_id), value_integer(type),
                                 value_integer(from_number)};
    return store_read_start(store, &LIST, keys, rows_max, fn, context);
}

struct store_read *resource_numbers(struct store *store, struct span client_id,
                                    enum resource_type type, int64_t from_number, size_t rows_max,
                                    store_read_fn *fn, void *context)
{
    const struct value keys[] = {value_text(client_id), value_integer(type),
                                 value_integer(from_number)};
    return store_read_start(store, &NUMBERS, keys, rows_max, fn, context);
}

/* A group's displayName is its name. */
struct store_read *resource_find(struct store *store, struct span client_id,
                                 enum resource_type type, const struct resource_key *by,
                                 size_t rows_max, store_read_fn *fn, void *context)
{
    assert(by->kind <= RESOURCE_BY_MEMBER);
    const struct value keys[] = {value_text(client_id), value_integer(type), value_text(by->value)};
    bool name = by->kind == RESOURCE_BY_DISPLAY && type == RESOURCE_GROUP;
    return store_read_start(store, &FIND[name ? RESOURCE_BY_NAME : by->kind], keys, rows_max, fn,
                            context);
}

/* Steps. */

void resource_add(struct store_change *change, const struct resource *resource)
{
    static const struct statement add = {
        "INSERT INTO resource (id, type, client_id, version, created, changed, gone, external_id, "
        "name, name_key, display_key, addresses, document)"
        " VALUES ($1, $2, $3, 1, $4, $5, 0, $6, $7, $8, $9, $10, $11)",
        11, 0};
    static const struct statement count = {
        "UPDATE client SET users = users + 1 WHERE id = $1 AND $2 = 1", 2, 0};
    const struct value row[] = {
        value_text(span_of(resource->id)),
        value_integer(resource->type),
        value_text(span_of(resource->client_id)),
        value_integer(resource->created),
        value_integer(resource->changed),
        value_text_or_null(resource->external_id),
        value_text(resource->name),
        value_text(resource->name_key),
        value_text_or_null(resource->display_key),
        value_text_or_null(resource->addresses),
        value_text(resource->document),
    };
    const struct value counted[] = {row[2], row[1]};
    assert(resource->document.length <= RESOURCE_DOCUMENT_MAX);
    store_change_add(change, &add, row, 1);
    store_change_add(change, &count, counted, -1);
}

void resource_update(struct store_change *change, const struct resource *resource,
                     int64_t version_read)
{
    static const struct statement update = {
        "UPDATE resource SET version = version + 1, changed = $1, external_id = $2, name = $3, "
        "name_key = $4, display_key = $5, addresses = $6, document = $7"
        " WHERE id = $8 AND version = $9 AND gone = 0",
        9, 0};
    const struct value row[] = {
        value_integer(resource->changed),
        value_text_or_null(resource->external_id),
        value_text(resource->name),
        value_text(resource->name_key),
        value_text_or_null(resource->display_key),
        value_text_or_null(resource->addresses),
        value_text(resource->document),
        value_text(span_of(resource->id)),
        value_integer(version_read),
    };
    assert(resource->document.length <= RESOURCE_DOCUMENT_MAX);
    store_change_add(change, &update, row, 1);
}

void resource_touch(struct store_change *change, struct span id, int64_t now)
{
    static const struct statement touch = {
        "UPDATE resource SET version = version + 1, changed = $1 WHERE id = $2 AND gone = 0", 2, 0};
    const struct value row[] = {value_integer(now), value_text(id)};
    store_change_add(change, &touch, row, -1);
}

void resource_require_version(struct store_change *change, struct span id, int64_t version)
{
    static const struct statement require = {
        "UPDATE resource SET version = version WHERE id = $1 AND version = $2 AND gone = 0", 2, 0};
    const struct value row[] = {value_text(id), value_integer(version)};
    store_change_add(change, &require, row, 1);
}

void resource_touch_groups_of(struct store_change *change, struct span member_id, int64_t now)
{
    static const struct statement touch = {
        "UPDATE resource SET version = version + 1, changed = $1 WHERE gone = 0"
        " AND id IN (SELECT group_id FROM membership WHERE member_id = $2)",
        2, 0};
    const struct value row[] = {value_integer(now), value_text(member_id)};
    store_change_add(change, &touch, row, -1);
}

void resource_touch_members_of(struct store_change *change, struct span group_id, int64_t now)
{
    static const struct statement touch = {
        "UPDATE resource SET version = version + 1, changed = $1 WHERE gone = 0"
        " AND id IN (SELECT member_id FROM membership WHERE group_id = $2 AND role = 0)",
        2, 0};
    const struct value row[] = {value_integer(now), value_text(group_id)};
    store_change_add(change, &touch, row, -1);
}

/* Counted before it ends: a second time it is gone already, and counts no more. */
void resource_end(struct store_change *change, struct span id, int64_t now)
{
    static const struct statement count = {
        "UPDATE client SET users = users - 1"
        " WHERE id = (SELECT client_id FROM resource WHERE id = $1 AND type = 1 AND gone = 0)",
        1, 0};
    static const struct statement end = {
        "UPDATE resource SET version = version + 1, changed = $1, gone = $1"
        " WHERE id = $2 AND gone = 0",
        2, 0};
    const struct value row[] = {value_integer(now), value_text(id)};
    assert(now > 0);
    store_change_add(change, &count, row + 1, -1);
    store_change_add(change, &end, row, -1);
    resource_delete_emails(change, id);
}

void resource_add_email(struct store_change *change, struct span client_id, struct span id,
                        struct span value_key)
{
    static const struct statement add = {
        "INSERT INTO resource_email (client_id, value_key, resource_id) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        3, 0};
    const struct value row[] = {value_text(client_id), value_text(value_key), value_text(id)};
    store_change_add(change, &add, row, -1);
}

void resource_delete_emails(struct store_change *change, struct span id)
{
    static const struct statement delete = {"DELETE FROM resource_email WHERE resource_id = $1", 1,
                                            0};
    const struct value row[] = {value_text(id)};
    store_change_add(change, &delete, row, -1);
}
