/* account_rows.c - the SQL of accounts, addresses and domains. */
#include "account/account_rows.h"

#include "base/memory.h"

#include <assert.h>

/* The numbers of enum account_state and enum address_kind are what the tables hold. */
_Static_assert(ACCOUNT_GONE == 0 && ACCOUNT_DISABLED == 1 && ACCOUNT_ACTIVE == 2, "stored");
_Static_assert(ADDRESS_HELD == 0 && ADDRESS_PRIMARY == 1 && ADDRESS_ALIAS == 2 &&
                   ADDRESS_RENAMED == 3 && ADDRESS_PROVISIONED == 4 && ADDRESS_LOGIN == 5,
               "stored");
_Static_assert(ACCOUNT_PERSON == 0 && ACCOUNT_GROUP == 1 && ACCOUNT_SHARED == 2, "stored");
_Static_assert(ACCOUNT_DELIVER == 0 && ACCOUNT_REJECT == 1 && ACCOUNT_FORWARD == 2, "stored");

enum {
    ACCOUNT_COLUMNS = 20,
    FOUND_COLUMNS = 3 + ACCOUNT_COLUMNS,
    ADDRESS_COLUMNS = 5,
    DOMAINS_MAX = 100000
};
#define ACCOUNT_COLUMN_NAMES                                                                       \
    "c.id, c.version, c.state, c.address, c.name, c.home, c.quota_bytes, c.password, c.provider, " \
    "c.subject,"                                                                                   \
    " c.created, c.changed, c.last_login, c.kind, c.on_disable, c.forward_to, c.keep_copy, "       \
    "c.no_mailbox,"                                                                                \
    " c.services, c.retention_days"

#define FOUND                                                    \
    "SELECT a.address, a.kind, a.created, " ACCOUNT_COLUMN_NAMES \
    " FROM address a JOIN account c ON c.id = a.account_id"
static const struct statement BY_ADDRESS = {FOUND " WHERE a.address = $1", 1, FOUND_COLUMNS};
static const struct statement BY_CANDIDATES = {
    FOUND
    " WHERE a.address IN ($1, $2, $3, $4)"
    " ORDER BY CASE a.address WHEN $1 THEN 1 WHEN $2 THEN 2 WHEN $3 THEN 3 ELSE 4 END LIMIT 1",
    4, FOUND_COLUMNS};
static const struct statement BY_ID = {
    "SELECT " ACCOUNT_COLUMN_NAMES " FROM account c WHERE c.id = $1", 1, ACCOUNT_COLUMNS};
static const struct statement BY_SUBJECT = {
    "SELECT " ACCOUNT_COLUMN_NAMES
    " FROM account c WHERE c.provider = $1 AND c.subject = $2 AND c.state <> 0",
    2, ACCOUNT_COLUMNS};
static const struct statement BY_DOMAIN = {"SELECT created FROM domain WHERE name = $1", 1, 1};

/* Rows to structs. */

static struct address address_of(struct span text)
{
    struct address address = {0};
    if (span_fits(text, address.text, sizeof address.text)) {
        address.local_length = span_find_last(text, '@');
    }
    return address;
}

static enum account_on_disable on_disable_of(int64_t number)
{
    return number == ACCOUNT_REJECT || number == ACCOUNT_FORWARD ? (enum account_on_disable)number
                                                                 : ACCOUNT_DELIVER;
}

static void read_account(const struct value *row, struct account *account)
{
    *account = (struct account){
        .version = row[1].integer,
        .state = row[2].integer == ACCOUNT_ACTIVE || row[2].integer == ACCOUNT_DISABLED
                     ? (enum account_state)row[2].integer
                     : ACCOUNT_GONE,
        .primary = address_of(row[3].text),
        .name = row[4].text,
        .home = row[5].text,
        .quota_bytes = row[6].integer,
        .password = row[7].text,
        .provider = row[8].text,
        .subject = row[9].text,
        .created = row[10].integer,
        .changed = row[11].integer,
        .last_login = row[12].integer,
        .kind = row[13].integer == ACCOUNT_GROUP || row[13].integer == ACCOUNT_SHARED
                    ? (enum account_kind)row[13].integer
                    : ACCOUNT_PERSON,
        .on_disable = on_disable_of(row[14].integer),
        .forward_to = row[15].text,
        .keep_copy = row[16].integer != 0,
        .no_mailbox = row[17].integer != 0,
        .services = (unsigned)row[18].integer,
        .retention_days = row[19].integer,
    };
    (void)span_fits(row[0].text, account->id, sizeof account->id);
}

static enum address_kind kind_of(int64_t number)
{
    return number > ADDRESS_HELD && number <= ADDRESS_LOGIN ? (enum address_kind)number
                                                            : ADDRESS_HELD;
}

/* Look-ups. */

static enum store_now look_up_address(struct store *store, const struct statement *statement,
                                      const struct value *keys, struct arena *arena,
                                      struct account_rows_found *found)
{
    struct value row[FOUND_COLUMNS];
    enum store_now now = store_lookup(store, statement, keys, arena, row);
    if (now == STORE_ROW) {
        found->address = address_of(row[0].text);
        found->kind = kind_of(row[1].integer);
        found->since = row[2].integer;
        read_account(row + 3, &found->account);
    }
    return now;
}

/* Most often it is the first, and with one key SQLite needs no table for the keys and none to sort in:
 * half the time. If not, all are asked at once, lest a change come in between. */
enum store_now account_rows_by_address(struct store *store,
                                       const struct span candidates[ACCOUNT_ROWS_CANDIDATES],
                                       struct arena *arena, struct account_rows_found *found)
{
    struct value keys[ACCOUNT_ROWS_CANDIDATES];
    bool more = false;
    for (size_t i = 0; i < ACCOUNT_ROWS_CANDIDATES; i++) {
        keys[i] = value_text(candidates[i]);
        more |= i > 0 && !span_empty(candidates[i]);
    }
    enum store_now now = look_up_address(store, &BY_ADDRESS, keys, arena, found);
    if (now == STORE_NONE && more) {
        now = look_up_address(store, &BY_CANDIDATES, keys, arena, found);
    }
    return now;
}

enum store_now account_rows_by_id(struct store *store, struct span id, struct arena *arena,
                                  struct account *account)
{
    struct value row[ACCOUNT_COLUMNS], key = value_text(id);
    enum store_now now = store_lookup(store, &BY_ID, &key, arena, row);
    if (now == STORE_ROW) {
        read_account(row, account);
    }
    return now;
}

enum store_now account_rows_by_subject(struct store *store, struct span provider,
                                       struct span subject, struct arena *arena,
                                       struct account *account)
{
    struct value row[ACCOUNT_COLUMNS];
    const struct value key[] = {value_text(provider), value_text(subject)};
    enum store_now now = store_lookup(store, &BY_SUBJECT, key, arena, row);
    if (now == STORE_ROW) {
        read_account(row, account);
    }
    return now;
}

enum store_now account_rows_domain(struct store *store, struct span domain)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct value row, key = value_text(domain);
    return store_lookup(store, &BY_DOMAIN, &key, &arena, &row);
}

static const struct statement MAY_SEND = {
    "SELECT 1 FROM sender WHERE address = $1 AND account_id = $2", 2, 1};

enum store_now account_rows_may_send(struct store *store, struct span address,
                                     struct span account_id)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const struct value key[] = {value_text(address), value_text(account_id)};
    struct value row;
    return store_lookup(store, &MAY_SEND, key, &arena, &row);
}

/* Lists. */

/* Only the living have a primary address; groups are listed by account/group_rows. */
static const struct statement LIST_ACCOUNTS = {
    "SELECT " ACCOUNT_COLUMN_NAMES " FROM address a JOIN account c ON c.id = a.account_id"
    " WHERE a.address > $1 AND a.kind = 1 AND c.kind <> 1 ORDER BY a.address",
    1, ACCOUNT_COLUMNS};
static const struct statement LIST_ACCOUNTS_OF_DOMAIN = {
    "SELECT " ACCOUNT_COLUMN_NAMES " FROM address a JOIN account c ON c.id = a.account_id"
    " WHERE a.domain = $1 AND a.address > $2 AND a.kind = 1 AND c.kind <> 1 ORDER BY a.address",
    2, ACCOUNT_COLUMNS};

#define ADDRESS_ROWS                                                                              \
    "SELECT a.address, a.kind, a.created, a.account_id, c.address FROM address a JOIN account c " \
    "ON c.id = a.account_id"
static const struct statement LIST_ADDRESSES = {
    ADDRESS_ROWS " WHERE a.address > $1 ORDER BY a.address", 1, ADDRESS_COLUMNS};
static const struct statement LIST_ADDRESSES_OF_DOMAIN = {
    ADDRESS_ROWS " WHERE a.domain = $1 AND a.address > $2 ORDER BY a.address", 2, ADDRESS_COLUMNS};
static const struct statement LIST_ADDRESSES_OF_ACCOUNT = {
    ADDRESS_ROWS
    " WHERE a.account_id = $1 AND a.address > $2 AND ($3 = '' OR a.domain = $3) ORDER BY a.address",
    3, ADDRESS_COLUMNS};
static const struct statement LIST_DOMAINS = {"SELECT name, created FROM domain ORDER BY name", 0,
                                              2};

static const struct statement LIST_SENDERS = {
    "SELECT " ACCOUNT_COLUMN_NAMES " FROM sender s JOIN account c ON c.id = s.account_id"
    " WHERE s.address = $1 AND c.state <> 0 ORDER BY s.account_id",
    1, ACCOUNT_COLUMNS};
static const struct statement LIST_SEND_AS = {
    "SELECT address FROM sender WHERE account_id = $1 ORDER BY address", 1, 1};
static const struct statement LIST_TOMBSTONES = {
    "SELECT " ACCOUNT_COLUMN_NAMES ", COALESCE(k.frozen, 0), k.name FROM account c"
    " LEFT JOIN resource r ON r.id = c.id LEFT JOIN client k ON k.id = r.client_id"
    " WHERE c.state = 0 AND c.no_mailbox = 0 AND c.changed < $1 AND (c.changed, c.id) > ($2, $3)"
    " AND c.kind <> 1 ORDER BY c.changed, c.id",
    3, ACCOUNT_COLUMNS + 2};

struct store_read *account_rows_list_accounts(struct store *store, struct span domain,
                                              struct span after, size_t rows_max, store_read_fn *fn,
                                              void *context)
{
    const struct value keys[] = {value_text(domain), value_text(after)};
    return span_empty(domain)
               ? store_read_start(store, &LIST_ACCOUNTS, keys + 1, rows_max, fn, context)
               : store_read_start(store, &LIST_ACCOUNTS_OF_DOMAIN, keys, rows_max, fn, context);
}

struct store_read *account_rows_list_addresses(struct store *store, struct span account_id,
                                               struct span domain, struct span after,
                                               size_t rows_max, store_read_fn *fn, void *context)
{
    if (!span_empty(account_id)) {
        const struct value keys[] = {value_text(account_id), value_text(after), value_text(domain)};
        return store_read_start(store, &LIST_ADDRESSES_OF_ACCOUNT, keys, rows_max, fn, context);
    }
    const struct value keys[] = {value_text(domain), value_text(after)};
    return span_empty(domain)
               ? store_read_start(store, &LIST_ADDRESSES, keys + 1, rows_max, fn, context)
               : store_read_start(store, &LIST_ADDRESSES_OF_DOMAIN, keys, rows_max, fn, context);
}

struct store_read *account_rows_list_domains(struct store *store, store_read_fn *fn, void *context)
{
    return store_read_start(store, &LIST_DOMAINS, NULL, DOMAINS_MAX, fn, context);
}

struct store_read *account_rows_list_senders(struct store *store, struct span address,
                                             size_t rows_max, store_read_fn *fn, void *context)
{
    const struct value key = value_text(address);
    return store_read_start(store, &LIST_SENDERS, &key, rows_max, fn, context);
}

struct store_read *account_rows_list_send_as(struct store *store, struct span account_id,
                                             size_t rows_max, store_read_fn *fn, void *context)
{
    const struct value key = value_text(account_id);
    return store_read_start(store, &LIST_SEND_AS, &key, rows_max, fn, context);
}

struct store_read *account_rows_list_tombstones(struct store *store, int64_t before,
                                                int64_t after_since, struct span after_id,
                                                size_t rows_max, store_read_fn *fn, void *context)
{
    const struct value keys[] = {value_integer(before), value_integer(after_since),
                                 value_text(after_id)};
    return store_read_start(store, &LIST_TOMBSTONES, keys, rows_max, fn, context);
}

const struct statement *const *account_rows_statements(size_t *count)
{
    static const struct statement *const all[] = {&BY_CANDIDATES,
                                                  &BY_ADDRESS,
                                                  &BY_ID,
                                                  &BY_SUBJECT,
                                                  &BY_DOMAIN,
                                                  &LIST_ACCOUNTS,
                                                  &LIST_ACCOUNTS_OF_DOMAIN,
                                                  &LIST_ADDRESSES,
                                                  &LIST_ADDRESSES_OF_DOMAIN,
                                                  &LIST_ADDRESSES_OF_ACCOUNT,
                                                  &MAY_SEND,
                                                  &LIST_SENDERS,
                                                  &LIST_SEND_AS,
                                                  &LIST_TOMBSTONES};
    *count = sizeof all / sizeof all[0];
    return all;
}

static const struct value *row_of(const struct store_rows *rows, size_t row, size_t columns)
{
    assert(rows->columns == columns && row < rows->rows);
    return rows->values + row * columns;
}

static void read_copied(const struct value *row, struct arena *arena, struct account *account)
{
    read_account(row, account);
    struct span *const texts[] = {&account->name,     &account->home,    &account->password,
                                  &account->provider, &account->subject, &account->forward_to};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i] = span_copy(arena, *texts[i]);
    }
}

void account_rows_read_account(const struct store_rows *rows, size_t row, struct arena *arena,
                               struct account *account)
{
    read_copied(row_of(rows, row, ACCOUNT_COLUMNS), arena, account);
}

void account_rows_read_tombstone(const struct store_rows *rows, size_t row, struct arena *arena,
                                 struct account_rows_tombstone *tombstone)
{
    const struct value *values = row_of(rows, row, ACCOUNT_COLUMNS + 2);
    read_copied(values, arena, &tombstone->account);
    tombstone->since = tombstone->account.changed;
    tombstone->frozen = values[ACCOUNT_COLUMNS].integer != 0;
    tombstone->client = values[ACCOUNT_COLUMNS + 1].text;
}

struct span account_rows_read_send_as(const struct store_rows *rows, size_t row)
{
    return row_of(rows, row, 1)->text;
}

void account_rows_read_address(const struct store_rows *rows, size_t row,
                               struct account_rows_address *address)
{
    const struct value *values = row_of(rows, row, ADDRESS_COLUMNS);
    *address = (struct account_rows_address){
        .address = address_of(values[0].text),
        .kind = kind_of(values[1].integer),
        .created = values[2].integer,
        .primary = address_of(values[4].text),
    };
    (void)span_fits(values[3].text, address->account_id, sizeof address->account_id);
}

struct span account_rows_read_domain(const struct store_rows *rows, size_t row, int64_t *created)
{
    const struct value *values = row_of(rows, row, 2);
    *created = values[1].integer;
    return values[0].text;
}

/* Steps: accounts. */

void account_rows_add_account(struct store_change *change, const struct account *account)
{
    static const struct statement add = {
        "INSERT INTO account (id, version, state, address, name, home, quota_bytes, password, "
        "provider, subject, created, changed, last_login, kind, on_disable, forward_to, keep_copy, "
        "no_mailbox, services, retention_days) VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
        "$11, 0, $12, $13, $14, $15, $16, $17, $18)",
        18, 0};
    const struct value row[] = {
        value_text(span_of(account->id)),
        value_integer(account->state),
        value_text(address_span(&account->primary)),
        value_text_or_null(account->name),
        value_text_or_null(account->home),
        value_integer(account->quota_bytes),
        value_text_or_null(account->password),
        value_text_or_null(account->provider),
        value_text_or_null(account->subject),
        value_integer(account->created),
        value_integer(account->changed),
        value_integer(account->kind),
        value_integer(account->on_disable),
        value_text_or_null(account->forward_to),
        value_integer(account->keep_copy),
        value_integer(account->no_mailbox),
        value_integer(account->services),
        value_integer(account->retention_days),
    };
    store_change_add(change, &add, row, 1);
}

void account_rows_update_account(struct store_change *change, const struct account *account,
                                 int64_t version_read)
{
    static const struct statement update = {
        "UPDATE account SET version = version + 1, state = $1, address = $2, name = $3, home = $4, "
        "quota_bytes = $5, password = $6, provider = $7, subject = $8, changed = $9, kind = $10, "
        "on_disable = $11, forward_to = $12, keep_copy = $13, no_mailbox = $14, services = $15, "
        "retention_days = $16 WHERE id = $17 AND version = $18",
        18, 0};
    const struct value row[] = {
        value_integer(account->state),         value_text(address_span(&account->primary)),
        value_text_or_null(account->name),     value_text_or_null(account->home),
        value_integer(account->quota_bytes),   value_text_or_null(account->password),
        value_text_or_null(account->provider), value_text_or_null(account->subject),
        value_integer(account->changed),       value_integer(account->kind),
        value_integer(account->on_disable),    value_text_or_null(account->forward_to),
        value_integer(account->keep_copy),     value_integer(account->no_mailbox),
        value_integer(account->services),      value_integer(account->retention_days),
        value_text(span_of(account->id)),      value_integer(version_read),
    };
    store_change_add(change, &update, row, 1);
}

void account_rows_touch_account(struct store_change *change, struct span id, int64_t now)
{
    static const struct statement touch = {
        "UPDATE account SET version = version + 1, changed = $1 WHERE id = $2 AND state <> 0", 2,
        0};
    const struct value row[] = {value_integer(now), value_text(id)};
    store_change_add(change, &touch, row, 1);
}

void account_rows_require_only_in_domain(struct store_change *change, struct span id,
                                         struct span domain)
{
    static const struct statement require = {
        "UPDATE account SET version = version WHERE id = $1"
        " AND NOT EXISTS (SELECT 1 FROM address WHERE account_id = $1 AND domain <> $2)",
        2, 0};
    const struct value row[] = {value_text(id), value_text(domain)};
    store_change_add(change, &require, row, 1);
}

void account_rows_set_last_login(struct store_change *change, struct span id, int64_t when)
{
    static const struct statement set = {
        "UPDATE account SET last_login = $1 WHERE id = $2 AND last_login < $1", 2, 0};
    const struct value row[] = {value_integer(when), value_text(id)};
    store_change_add(change, &set, row, -1);
}

void account_rows_mark_purged(struct store_change *change, struct span id)
{
    static const struct statement mark = {
        "UPDATE account SET no_mailbox = 1 WHERE id = $1 AND state = 0 AND no_mailbox = 0", 1, 0};
    const struct value row[] = {value_text(id)};
    store_change_add(change, &mark, row, 1);
}

/* Steps: addresses. */

void account_rows_add_address(struct store_change *change, struct span address,
                              struct span account_id, enum address_kind kind, int64_t now)
{
    static const struct statement add = {"INSERT INTO address (address, domain, account_id, kind, "
                                         "created) VALUES ($1, $2, $3, $4, $5)",
                                         5, 0};
    const struct value row[] = {
        value_text(address),    value_text(span_from(address, span_find_last(address, '@') + 1)),
        value_text(account_id), value_integer(kind),
        value_integer(now),
    };
    store_change_add(change, &add, row, 1);
}

void account_rows_set_address_kind(struct store_change *change, struct span address,
                                   struct span account_id, enum address_kind from,
                                   enum address_kind to)
{
    static const struct statement set = {
        "UPDATE address SET kind = $1 WHERE address = $2 AND account_id = $3 AND kind = $4", 4, 0};
    const struct value row[] = {value_integer(to), value_text(address), value_text(account_id),
                                value_integer(from)};
    store_change_add(change, &set, row, 1);
}

void account_rows_become_renamed(struct store_change *change, struct span address,
                                 struct span account_id, int64_t now)
{
    static const struct statement become = {
        "UPDATE address SET kind = 3, created = $1 WHERE address = $2 AND account_id = $3 AND kind "
        "= 1",
        3, 0};
    const struct value row[] = {value_integer(now), value_text(address), value_text(account_id)};
    store_change_add(change, &become, row, 1);
}

void account_rows_delete_address(struct store_change *change, struct span address,
                                 struct span account_id)
{
    static const struct statement delete = {
        "DELETE FROM address WHERE address = $1 AND account_id = $2", 2, 0};
    const struct value row[] = {value_text(address), value_text(account_id)};
    store_change_add(change, &delete, row, 1);
}

void account_rows_release_held(struct store_change *change, struct span address)
{
    static const struct statement release = {"DELETE FROM address WHERE address = $1 AND kind = 0",
                                             1, 0};
    const struct value row[] = {value_text(address)};
    store_change_add(change, &release, row, -1);
}

/* A catch-all keeps no one's mail from a successor: it is not held. What was held before keeps its time. */
void account_rows_hold_addresses(struct store_change *change, struct span account_id)
{
    static const struct statement drop = {
        "DELETE FROM address WHERE account_id = $1 AND address LIKE '@%'", 1, 0};
    static const struct statement hold = {
        "UPDATE address SET kind = 0, created = (SELECT changed FROM account WHERE id = $1)"
        " WHERE account_id = $1 AND kind <> 0",
        1, 0};
    const struct value row[] = {value_text(account_id)};
    store_change_add(change, &drop, row, -1);
    store_change_add(change, &hold, row, -1);
}

/* Steps: further senders. */

void account_rows_delete_senders(struct store_change *change, struct span account_id)
{
    static const struct statement delete = {"DELETE FROM sender WHERE account_id = $1", 1, 0};
    const struct value row[] = {value_text(account_id)};
    store_change_add(change, &delete, row, -1);
}

void account_rows_add_sender(struct store_change *change, struct span address,
                             struct span account_id)
{
    static const struct statement add = {"INSERT INTO sender (address, account_id) VALUES ($1, $2)",
                                         2, 0};
    const struct value row[] = {value_text(address), value_text(account_id)};
    store_change_add(change, &add, row, 1);
}

/* Steps: domains. */

void account_rows_add_domain(struct store_change *change, struct span domain, int64_t now)
{
    static const struct statement add = {"INSERT INTO domain (name, created) VALUES ($1, $2)", 2,
                                         0};
    const struct value row[] = {value_text(domain), value_integer(now)};
    store_change_add(change, &add, row, 1);
}

/* An update, so that it also holds off a deletion that runs beside it (a row lock in PostgreSQL). */
void account_rows_require_domain(struct store_change *change, struct span domain)
{
    static const struct statement require = {"UPDATE domain SET name = name WHERE name = $1", 1, 0};
    const struct value row[] = {value_text(domain)};
    store_change_add(change, &require, row, 1);
}

void account_rows_delete_domain(struct store_change *change, struct span domain)
{
    static const struct statement delete = {
        "DELETE FROM domain WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM address WHERE domain = "
        "$1 AND kind <> 0)",
        1, 0};
    const struct value row[] = {value_text(domain)};
    store_change_add(change, &delete, row, 1);
}
