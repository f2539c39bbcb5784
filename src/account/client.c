/* client.c - provisioning clients: their rules, their secrets, their rows. */
#include "account/client.h"

#include "base/memory.h"
#include "base/text.h"
#include "wire/jwt.h"

#include <assert.h>

/* The numbers of these are what the table holds. */
_Static_assert(CLIENT_MEMBERS_REJECT == 0 && CLIENT_MEMBERS_SKIP == 1, "stored");
_Static_assert(CLIENT_ADOPT_NEVER == 0 && CLIENT_ADOPT_EXTERNAL_ID == 1 &&
                   CLIENT_ADOPT_ADDRESS == 2,
               "stored");

enum { CLIENT_COLUMNS = 16, SECRET_COLUMNS = 4, RANDOM_SIZE = 32, CLIENTS_MAX = 10000 };
#define SECRET_PREFIX "psc_"

/* Secrets. */

void client_secret_new(struct secret *text, struct digest *hash)
{
    unsigned char random[RANDOM_SIZE];
    struct buffer written = buffer_limited(CLIENT_SECRET_MAX);
    secret_random(random, sizeof random);
    buffer_add_text(&written, SECRET_PREFIX);
    jwt_base64url_encode(span_bytes(random, sizeof random), &written);
    assert(!buffer_full(&written));
    *hash = client_secret_hash(buffer_span(&written));
    *text = secret_new(buffer_span(&written));
    buffer_wipe(&written);
    secret_wipe(random, sizeof random);
}

/* It has 256 random bits: nobody finds it by trying, so the hash need not be slow. */
struct digest client_secret_hash(struct span text)
{
    return digest_sha256(text);
}

/* Rules. */

bool client_name_valid(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        int byte = span_at(name, i), lower = byte | 0x20; /* as ASCII letters go */
        bool letter = lower >= 'a' && lower <= 'z', digit = byte >= '0' && byte <= '9';
        if (!letter && !digit && byte != '.' && byte != '_' && byte != '-') {
            return false;
        }
    }
    return name.length > 0 && name.length <= CLIENT_NAME_MAX;
}

static const struct {
    const char *name;
    enum client_right right;
} RIGHTS[] = {
    {"users", CLIENT_USERS},
    {"groups", CLIENT_GROUPS},
    {"set_password", CLIENT_SET_PASSWORD},
    {"forward", CLIENT_FORWARD},
    {"move", CLIENT_MOVE},
    {"reserved", CLIENT_RESERVED},
    {"read_only", CLIENT_READ_ONLY},
};
enum { RIGHTS_COUNT = sizeof RIGHTS / sizeof RIGHTS[0] };

static unsigned right_of(struct span word)
{
    for (size_t i = 0; i < RIGHTS_COUNT; i++) {
        if (span_is(word, RIGHTS[i].name)) {
            return RIGHTS[i].right;
        }
    }
    return 0;
}

/* The next word; false when there is none. */
static bool next_word(struct span *rest, struct span *word)
{
    size_t start = 0, end;
    while (start < rest->length && (rest->at[start] == ',' || rest->at[start] == ' ')) {
        start++;
    }
    *rest = span_from(*rest, start);
    for (end = 0; end < rest->length && rest->at[end] != ',' && rest->at[end] != ' '; end++) {
    }
    *word = span_first(*rest, end);
    *rest = span_from(*rest, end);
    return end > 0;
}

bool client_rights_parse(struct span text, unsigned *rights, struct error *error)
{
    unsigned all = 0;
    struct span rest = text, word;
    while (next_word(&rest, &word)) {
        unsigned right = right_of(word);
        if (right == 0) {
            return error_set(error,
                             "\"%.*s\" is no right: users, groups, set_password, forward, move, "
                             "reserved, read_only",
                             (int)text_front(word, CLIENT_NAME_MAX).length, word.at);
        }
        all |= right;
    }
    *rights = all;
    return true;
}

void client_rights_write(unsigned rights, struct buffer *out)
{
    const char *between = "";
    for (size_t i = 0; i < RIGHTS_COUNT; i++) {
        if ((rights & RIGHTS[i].right) != 0) {
            buffer_add_text(out, between);
            buffer_add_text(out, RIGHTS[i].name);
            between = ",";
        }
    }
}

bool client_may_write(const struct client *client, struct span domain)
{
    struct span rest = client->domains, name;
    while (!span_empty(domain) && next_word(&rest, &name)) {
        if (span_equal(name, domain)) {
            return true;
        }
    }
    return false;
}

bool client_local_reserved(struct span local, char delimiter)
{
    static const char *const names[] = {"postmaster", "abuse",         "hostmaster", "webmaster",
                                        "admin",      "administrator", "root",       "security"};
    size_t end = span_find(local, delimiter);
    struct span base = end > 0 ? span_first(local, end) : local;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (span_is_fold(base, names[i])) {
            return true;
        }
    }
    return false;
}

/* The list above; and the catch-all, which has those that nobody has. */
static const struct statement HAS_RESERVED = {
    "SELECT 1 FROM address WHERE account_id = $1 AND kind <> 0 AND (address LIKE '@%'"
    " OR address LIKE 'postmaster@%' OR address LIKE 'abuse@%' OR address LIKE 'hostmaster@%'"
    " OR address LIKE 'webmaster@%' OR address LIKE 'admin@%' OR address LIKE 'administrator@%'"
    " OR address LIKE 'root@%' OR address LIKE 'security@%') LIMIT 1",
    1, 1};

enum store_now client_has_reserved(struct store *store, struct span account_id)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const struct value key = value_text(account_id);
    struct value row;
    return store_lookup(store, &HAS_RESERVED, &key, &arena, &row);
}

struct client *client_copy(struct arena *arena, const struct client *client)
{
    struct client *copy = arena_new(arena, sizeof *copy);
    *copy = *client;
    struct span *const texts[] = {&copy->name,           &copy->domains,  &copy->default_domain,
                                  &copy->group_template, &copy->provider, &copy->networks};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i] = span_copy(arena, *texts[i]);
    }
    return copy;
}

/* Rows. */

#define CLIENT_COLUMN_NAMES                                                                       \
    "k.id, k.version, k.name, k.domains, k.default_domain, k.group_template, k.provider, "        \
    "k.networks, k.rights, k.members, k.adopt, k.adopt_until, k.created, k.changed, k.last_used," \
    " k.frozen"
static const struct statement BY_SECRET = {
    "SELECT s.hash, s.client_id, s.created, s.expires, " CLIENT_COLUMN_NAMES
    " FROM client_secret s JOIN client k ON k.id = s.client_id WHERE s.hash = $1",
    1, SECRET_COLUMNS + CLIENT_COLUMNS};
static const struct statement BY_NAME = {
    "SELECT " CLIENT_COLUMN_NAMES " FROM client k WHERE k.name = $1", 1, CLIENT_COLUMNS};
static const struct statement BY_ID = {
    "SELECT " CLIENT_COLUMN_NAMES " FROM client k WHERE k.id = $1", 1, CLIENT_COLUMNS};
static const struct statement LIST = {
    "SELECT " CLIENT_COLUMN_NAMES " FROM client k ORDER BY k.name", 0, CLIENT_COLUMNS};
static const struct statement LIST_SECRETS = {
    "SELECT hash, client_id, created, expires FROM client_secret WHERE client_id = $1"
    " ORDER BY created",
    1, SECRET_COLUMNS};

const struct statement *const *client_statements(size_t *count)
{
    static const struct statement *const all[] = {&BY_SECRET, &BY_NAME, &BY_ID, &LIST_SECRETS,
                                                  &HAS_RESERVED};
    *count = sizeof all / sizeof all[0];
    return all;
}

static void read_client(const struct value *row, struct client *client)
{
    *client = (struct client){
        .version = row[1].integer,
        .name = row[2].text,
        .domains = row[3].text,
        .default_domain = row[4].text,
        .group_template = row[5].text,
        .provider = row[6].text,
        .networks = row[7].text,
        .rights = (unsigned)row[8].integer,
        .members =
            row[9].integer == CLIENT_MEMBERS_SKIP ? CLIENT_MEMBERS_SKIP : CLIENT_MEMBERS_REJECT,
        .adopt =
            row[10].integer == CLIENT_ADOPT_EXTERNAL_ID || row[10].integer == CLIENT_ADOPT_ADDRESS
                ? (enum client_adopt)row[10].integer
                : CLIENT_ADOPT_NEVER,
        .adopt_until = row[11].integer,
        .created = row[12].integer,
        .changed = row[13].integer,
        .last_used = row[14].integer,
        .frozen = row[15].integer != 0,
    };
    (void)span_fits(row[0].text, client->id, sizeof client->id);
}

static void write_hash(const struct digest *hash, struct buffer *out)
{
    text_hex_encode(span_bytes(hash->bytes, sizeof hash->bytes), out);
}

static void read_hash(struct span text, struct digest *hash)
{
    for (size_t i = 0; i < sizeof hash->bytes; i++) {
        int high = text_hex_digit(span_at(text, 2 * i));
        int low = text_hex_digit(span_at(text, 2 * i + 1));
        hash->bytes[i] = high < 0 || low < 0 ? 0 : (unsigned char)(high << 4 | low);
    }
}

static void read_secret(const struct value *row, struct client_secret *secret)
{
    *secret = (struct client_secret){.created = row[2].integer, .expires = row[3].integer};
    read_hash(row[0].text, &secret->hash);
    (void)span_fits(row[1].text, secret->client_id, sizeof secret->client_id);
}

enum store_now client_by_secret(struct store *store, const struct digest *hash, struct arena *arena,
                                struct client *client, struct client_secret *secret)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(2 * DIGEST_SIZE);
    struct value row[SECRET_COLUMNS + CLIENT_COLUMNS];
    write_hash(hash, &text);
    const struct value key = value_text(buffer_span(&text));
    enum store_now now = store_lookup(store, &BY_SECRET, &key, arena, row);
    if (now == STORE_ROW) {
        read_secret(row, secret);
        read_client(row + SECRET_COLUMNS, client);
    }
    return now;
}

static enum store_now look_up(struct store *store, const struct statement *statement,
                              struct span key_text, struct arena *arena, struct client *client)
{
    struct value row[CLIENT_COLUMNS];
    const struct value key = value_text(key_text);
    enum store_now now = store_lookup(store, statement, &key, arena, row);
    if (now == STORE_ROW) {
        read_client(row, client);
    }
    return now;
}

enum store_now client_by_name(struct store *store, struct span name, struct arena *arena,
                              struct client *client)
{
    return look_up(store, &BY_NAME, name, arena, client);
}

enum store_now client_by_id(struct store *store, struct span id, struct arena *arena,
                            struct client *client)
{
    return look_up(store, &BY_ID, id, arena, client);
}

struct store_read *client_list(struct store *store, store_read_fn *fn, void *context)
{
    return store_read_start(store, &LIST, NULL, CLIENTS_MAX, fn, context);
}

void client_read(const struct store_rows *rows, size_t row, struct arena *arena,
                 struct client *client)
{
    assert(rows->columns == CLIENT_COLUMNS && row < rows->rows);
    read_client(rows->values + row * CLIENT_COLUMNS, client);
    struct span *const texts[] = {&client->name,           &client->domains,
                                  &client->default_domain, &client->group_template,
                                  &client->provider,       &client->networks};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i] = span_copy(arena, *texts[i]);
    }
}

struct store_read *client_list_secrets(struct store *store, struct span client_id,
                                       store_read_fn *fn, void *context)
{
    const struct value key = value_text(client_id);
    return store_read_start(store, &LIST_SECRETS, &key, CLIENTS_MAX, fn, context);
}

void client_read_secret(const struct store_rows *rows, size_t row, struct client_secret *secret)
{
    assert(rows->columns == SECRET_COLUMNS && row < rows->rows);
    read_secret(rows->values + row * SECRET_COLUMNS, secret);
}

/* Steps. */

void client_add(struct store_change *change, const struct client *client)
{
    static const struct statement add = {
        "INSERT INTO client (id, version, name, domains, default_domain, group_template, provider, "
        "networks, rights, members, adopt, adopt_until, created, changed, last_used, frozen, users)"
        " VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, 0)",
        13, 0};
    const struct value row[] = {
        value_text(span_of(client->id)),
        value_text(client->name),
        value_text_or_null(client->domains),
        value_text_or_null(client->default_domain),
        value_text_or_null(client->group_template),
        value_text_or_null(client->provider),
        value_text_or_null(client->networks),
        value_integer(client->rights),
        value_integer(client->members),
        value_integer(client->adopt),
        value_integer(client->adopt_until),
        value_integer(client->created),
        value_integer(client->changed),
    };
    store_change_add(change, &add, row, 1);
}

void client_update(struct store_change *change, const struct client *client, int64_t version_read)
{
    static const struct statement update = {
        "UPDATE client SET version = version + 1, name = $1, domains = $2, default_domain = $3, "
        "group_template = $4, provider = $5, networks = $6, rights = $7, members = $8, adopt = $9, "
        "adopt_until = $10, changed = $11 WHERE id = $12 AND version = $13",
        13, 0};
    const struct value row[] = {
        value_text(client->name),
        value_text_or_null(client->domains),
        value_text_or_null(client->default_domain),
        value_text_or_null(client->group_template),
        value_text_or_null(client->provider),
        value_text_or_null(client->networks),
        value_integer(client->rights),
        value_integer(client->members),
        value_integer(client->adopt),
        value_integer(client->adopt_until),
        value_integer(client->changed),
        value_text(span_of(client->id)),
        value_integer(version_read),
    };
    store_change_add(change, &update, row, 1);
}

void client_delete(struct store_change *change, struct span id)
{
    static const struct statement secrets = {"DELETE FROM client_secret WHERE client_id = $1", 1,
                                             0};
    static const struct statement delete = {
        "DELETE FROM client WHERE id = $1 AND NOT EXISTS"
        " (SELECT 1 FROM resource WHERE client_id = $1 AND type IN (1, 2) AND gone = 0)",
        1, 0};
    const struct value row[] = {value_text(id)};
    store_change_add(change, &secrets, row, -1);
    store_change_add(change, &delete, row, 1);
}

/* Those that expired make room. */
void client_add_secret(struct store_change *change, const struct client_secret *secret, int64_t now)
{
    static const struct statement tidy = {
        "DELETE FROM client_secret WHERE client_id = $1 AND expires <> 0 AND expires <= $2", 2, 0};
    static const struct statement add = {
        "INSERT INTO client_secret (hash, client_id, created, expires) SELECT $1, $2, $3, $4"
        " WHERE (SELECT COUNT(*) FROM client_secret WHERE client_id = $2) < $5",
        5, 0};
    CLEANUP(buffer_done) struct buffer hash = buffer_limited(2 * DIGEST_SIZE);
    write_hash(&secret->hash, &hash);
    const struct value old[] = {value_text(span_of(secret->client_id)), value_integer(now)};
    const struct value row[] = {value_text(buffer_span(&hash)), old[0],
                                value_integer(secret->created), value_integer(secret->expires),
                                value_integer(CLIENT_SECRETS_MAX)};
    store_change_add(change, &tidy, old, -1);
    store_change_add(change, &add, row, 1);
}

void client_delete_secret(struct store_change *change, const struct digest *hash)
{
    static const struct statement delete = {"DELETE FROM client_secret WHERE hash = $1", 1, 0};
    CLEANUP(buffer_done) struct buffer text = buffer_limited(2 * DIGEST_SIZE);
    write_hash(hash, &text);
    const struct value row[] = {value_text(buffer_span(&text))};
    store_change_add(change, &delete, row, 1);
}

void client_delete_secrets_but(struct store_change *change, struct span client_id,
                               const struct digest *kept)
{
    static const struct statement delete = {
        "DELETE FROM client_secret WHERE client_id = $1 AND hash <> $2", 2, 0};
    CLEANUP(buffer_done) struct buffer text = buffer_limited(2 * DIGEST_SIZE);
    write_hash(kept, &text);
    const struct value row[] = {value_text(client_id), value_text(buffer_span(&text))};
    store_change_add(change, &delete, row, -1);
}

void client_expire_secrets_but(struct store_change *change, struct span client_id,
                               const struct digest *kept, int64_t expires)
{
    static const struct statement expire = {
        "UPDATE client_secret SET expires = $1"
        " WHERE client_id = $2 AND hash <> $3 AND (expires = 0 OR expires > $1)",
        3, 0};
    CLEANUP(buffer_done) struct buffer text = buffer_limited(2 * DIGEST_SIZE);
    write_hash(kept, &text);
    const struct value row[] = {value_integer(expires), value_text(client_id),
                                value_text(buffer_span(&text))};
    store_change_add(change, &expire, row, -1);
}

void client_set_last_used(struct store_change *change, struct span id, int64_t when)
{
    static const struct statement set = {
        "UPDATE client SET last_used = $1 WHERE id = $2 AND last_used < $1", 2, 0};
    const struct value row[] = {value_integer(when), value_text(id)};
    store_change_add(change, &set, row, -1);
}

void client_set_frozen(struct store_change *change, struct span id, bool frozen)
{
    static const struct statement set = {
        "UPDATE client SET version = version + 1, frozen = $1 WHERE id = $2", 2, 0};
    const struct value row[] = {value_integer(frozen), value_text(id)};
    store_change_add(change, &set, row, 1);
}
