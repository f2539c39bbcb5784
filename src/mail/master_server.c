/* master_server.c - the auth protocol's master side: who a login is, where a user's mail lies, who there is. */
#include "mail/master_server.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "mail/auth_token.h"
#include "mail/door.h"
#include "mail/user_list.h"

enum {
    PROTOCOL_MAJOR = 1,
    MINOR_2_4 = 3, /* Dovecot 2.4 says 1.3 and more, 2.3 at most 1.2 */
    FIELDS_MAX = 8,
};

struct master_server {
    struct master_server_settings settings;
    struct directory *directory;
    struct store *store;
    struct pending_login_table *pending;
    const struct log *log;
    struct door *door;
    struct buffer out; /* of the answer being written */
};

struct connection {
    struct door_client client; /* first: the door casts */
    uint32_t minor;
    struct user_list list;
};

static struct master_server *server_of(const struct connection *connection)
{
    return connection->client.server;
}

/* -- answers -- */

static struct buffer *answer_begin(struct connection *connection)
{
    struct buffer *out = &server_of(connection)->out;
    buffer_clear(out);
    return out;
}

/* Addresses and homes are bounded far below what a line may have. */
static void answer_send(struct connection *connection, bool written)
{
    assert(written);
    stream_write(connection->client.stream, buffer_span(&server_of(connection)->out));
}

static void answer_fail(struct connection *connection, uint32_t id, const char *reason)
{
    answer_send(connection, dovecot_line_master_fail(answer_begin(connection), id, reason));
}

static void answer_notfound(struct connection *connection, uint32_t id)
{
    answer_send(connection, dovecot_line_notfound(answer_begin(connection), id));
}

struct fields {
    struct dovecot_line_field at[FIELDS_MAX];
    size_t count;
};

static void field_add(struct fields *fields, const char *name, struct span value)
{
    if (span_empty(value)) {
        return;
    }
    assert(fields->count < FIELDS_MAX);
    fields->at[fields->count++] = (struct dovecot_line_field){.name = name, .value = value};
}

/* What Dovecot needs to know of the account's mail, in the peer's dialect. */
static void mailbox_fields(struct connection *connection, const struct account *account,
                           struct arena *arena, struct fields *fields)
{
    struct directory_mailbox mailbox;
    directory_mailbox(server_of(connection)->directory, account, arena, &mailbox);
    field_add(fields, "uid", span_of(arena_format(arena, "%" PRId64, mailbox.uid)));
    field_add(fields, "gid", span_of(arena_format(arena, "%" PRId64, mailbox.gid)));
    field_add(fields, "home", mailbox.home);
    if (mailbox.quota_bytes <= 0) {
        return;
    }
    if (connection->minor >= MINOR_2_4) {
        field_add(fields, "quota_storage_size",
                  span_of(arena_format(arena, "%" PRId64, mailbox.quota_bytes)));
    } else {
        field_add(fields, "quota_rule",
                  span_of(arena_format(arena, "*:bytes=%" PRId64, mailbox.quota_bytes)));
    }
}

/* What an ended account had done with its mail is suspended (redirects, vacation, filing): mail stays in the inbox. The
 * field stands over Pigeonhole's setting of that name; nobody has a script there. */
static void suspend_script(const struct dovecot_line *line, const struct account *account,
                           struct fields *fields)
{
    bool delivers = span_is(line->service, "lmtp") || span_is(line->service, "lda");
    if (delivers && account->state == ACCOUNT_DISABLED) {
        field_add(fields, "sieve", SPAN_LITERAL("file:/nonexistent/sieve"));
    }
}

static void answer_user(struct connection *connection, uint32_t id, const struct account *account,
                        const struct fields *fields)
{
    answer_send(connection,
                dovecot_line_user(answer_begin(connection), id, address_span(&account->primary),
                                  fields->at, fields->count));
}

/* -- REQUEST -- */

/* False when the process that asks is not the one that it says it asks for. */
static bool pid_fits(const struct connection *connection, const struct dovecot_line *line)
{
    return line->session_pid == 0 || stream_peer_is(&connection->client.peer, line->session_pid);
}

static struct span token_for(struct connection *connection, const struct dovecot_line *line,
                             const struct pending_login *login, const struct account *account,
                             struct arena *arena)
{
    const struct secret *key = server_of(connection)->settings.token_key;
    if (key == NULL || !line->request_auth_token) {
        return (struct span){0};
    }
    const struct auth_token_claim claim = {
        .service = login->service,
        .pid = span_of(arena_format(arena, "%" PRIu32, line->session_pid)),
        .user = address_span(&account->primary),
        .session = login->session,
    };
    CLEANUP(buffer_wipe) struct buffer token = buffer_limited(AUTH_TOKEN_SIZE);
    auth_token_make(key, &claim, &token);
    return span_copy(arena, buffer_span(&token));
}

static void answer_request(struct connection *connection, const struct dovecot_line *line,
                           const struct pending_login *login, const struct account *account,
                           struct arena *arena)
{
    struct fields fields = {0};
    mailbox_fields(connection, account, arena, &fields);
    field_add(&fields, "auth_mech", login->mechanism);
    field_add(&fields, "client_service", login->client_service);
    field_add(&fields, "auth_token", token_for(connection, line, login, account, arena));
    answer_user(connection, line->id, account, &fields);
}

static void on_request(struct connection *connection, const struct dovecot_line *line,
                       struct arena *arena)
{
    struct master_server *server = server_of(connection);
    struct pending_login_key key = {.id = line->auth_id};
    struct pending_login login;
    struct account account;
    memcpy(key.cookie, line->cookie, sizeof key.cookie);
    if (!pending_login_take(server->pending, &key, arena, &login)) {
        door_client_complain(&connection->client,
                             "REQUEST for a login that is not, or no longer, known");
        answer_fail(connection, line->id, NULL);
        return;
    }
    if (!pid_fits(connection, line)) {
        door_client_complain(&connection->client,
                             "REQUEST with the session_pid of another process");
        answer_fail(connection, line->id, NULL);
        return;
    }
    switch (directory_account(server->directory, login.account_id, arena, &account)) {
    case DIRECTORY_UNAVAILABLE:
        answer_fail(connection, line->id, NULL);
        return;
    case DIRECTORY_NONE:
        answer_notfound(connection, line->id);
        return;
    case DIRECTORY_FOUND:
        break;
    }
    /* Ended since its OK, a moment ago; or it became something else. */
    if (account.state != ACCOUNT_ACTIVE || account.kind != ACCOUNT_PERSON || account.no_mailbox) {
        answer_fail(connection, line->id, NULL);
        return;
    }
    answer_request(connection, line, &login, &account, arena);
}

/* -- USER, PASS, CACHE-FLUSH -- */

/* Mail may arrive by the catch-all of a domain; an admin's typing error must not act on its mailbox. */
static bool takes_catch_all(struct span service)
{
    return span_is(service, "lmtp") || span_is(service, "lda") || span_is(service, "quota-status");
}

static enum directory_answer find_user(struct connection *connection,
                                       const struct dovecot_line *line, struct arena *arena,
                                       struct account *account)
{
    struct directory *directory = server_of(connection)->directory;
    struct account_rows_found found;
    struct address name;
    struct span tag;
    enum directory_answer answer;
    if (span_has(line->user, '@')) {
        answer = directory_recipient(directory, line->user, arena, &found, &tag);
    } else if (directory_login_name(directory, line->user, &name)) {
        answer = directory_login(directory, &name, arena, &found);
    } else {
        answer = DIRECTORY_NONE;
    }
    if (answer != DIRECTORY_FOUND) {
        return answer;
    }
    if (found.account.state == ACCOUNT_GONE || found.account.kind == ACCOUNT_GROUP ||
        found.account.no_mailbox ||
        (found.address.local_length == 0 && !takes_catch_all(line->service))) {
        return DIRECTORY_NONE;
    }
    *account = found.account;
    return DIRECTORY_FOUND;
}

static void on_user(struct connection *connection, const struct dovecot_line *line,
                    struct arena *arena)
{
    struct account account;
    struct fields fields = {0};
    switch (find_user(connection, line, arena, &account)) {
    case DIRECTORY_UNAVAILABLE:
        answer_fail(connection, line->id, NULL);
        break;
    case DIRECTORY_NONE:
        answer_notfound(connection, line->id);
        break;
    case DIRECTORY_FOUND:
        mailbox_fields(connection, &account, arena, &fields);
        suspend_script(line, &account, &fields);
        answer_user(connection, line->id, &account, &fields);
        break;
    }
}

/* Never a hash: only that there is such a user, and the name. */
static void on_pass(struct connection *connection, const struct dovecot_line *line,
                    struct arena *arena)
{
    struct account account;
    switch (find_user(connection, line, arena, &account)) {
    case DIRECTORY_UNAVAILABLE:
        answer_fail(connection, line->id, NULL);
        break;
    case DIRECTORY_NONE:
        answer_notfound(connection, line->id);
        break;
    case DIRECTORY_FOUND:
        if (account.state != ACCOUNT_ACTIVE || account.kind != ACCOUNT_PERSON) {
            answer_fail(connection, line->id,
                        account.kind == ACCOUNT_PERSON ? "account is disabled"
                                                       : "nobody signs in to a shared mailbox");
            break;
        }
        answer_send(connection, dovecot_line_pass(answer_begin(connection), line->id,
                                                  address_span(&account.primary), NULL, 0));
        break;
    }
}

/* Nothing is cached here that a change would not clear by itself. */
static void on_cache_flush(struct connection *connection, const struct dovecot_line *line,
                           struct arena *arena)
{
    (void)arena;
    answer_send(connection, dovecot_line_flushed(answer_begin(connection), line->id, 0));
}

/* -- LIST -- */

static void on_listed(void *context)
{
    struct connection *connection = context;
    stream_release(connection->client.stream);
    door_client_busy(&connection->client, false);
}

/* The mask (user=) is doveadm's to apply, as it does with every userdb. */
static void on_list(struct connection *connection, const struct dovecot_line *line,
                    struct arena *arena)
{
    const struct user_list_inputs inputs = {
        .loop = door_loop(connection->client.door),
        .stream = connection->client.stream,
        .store = server_of(connection)->store,
        .log = server_of(connection)->log,
        .done = on_listed,
        .context = connection,
    };
    (void)arena;
    door_client_busy(&connection->client, true);
    stream_hold(connection->client.stream);
    user_list_start(&connection->list, line->id, &inputs);
}

/* -- commands -- */

enum right { RIGHT_NOBODY, RIGHT_LOOKUP, RIGHT_ROOT, RIGHT_MASTER };

struct command {
    enum dovecot_line_command command;
    enum right right;
    void (*run)(struct connection *connection, const struct dovecot_line *line,
                struct arena *arena);
};

static const struct command COMMANDS[] = {
    {DOVECOT_LINE_REQUEST, RIGHT_MASTER, on_request},
    {DOVECOT_LINE_USER, RIGHT_LOOKUP, on_user},
    {DOVECOT_LINE_PASS, RIGHT_ROOT, on_pass},
    {DOVECOT_LINE_LIST, RIGHT_ROOT, on_list},
    {DOVECOT_LINE_CACHE_FLUSH, RIGHT_ROOT, on_cache_flush},
};

static bool allowed(const struct connection *connection, enum right right)
{
    const struct master_server_settings *settings = &server_of(connection)->settings;
    const struct stream_peer *peer = &connection->client.peer;
    bool root = peer->known && peer->uid == settings->root_uid;
    bool master = settings->kind == MASTER_SERVER_MASTER;
    bool reader =
        peer->known && !master &&
        ((int64_t)peer->uid == settings->dovecot_uid || (int64_t)peer->uid == settings->mail_uid);
    switch (right) {
    case RIGHT_NOBODY:
        return false;
    case RIGHT_LOOKUP:
        return root || reader;
    case RIGHT_ROOT:
        return root;
    case RIGHT_MASTER:
        return root && master;
    }
    return false;
}

static void refuse_peer(struct connection *connection, const char *reason)
{
    door_client_complain(&connection->client, reason);
    door_client_drop(&connection->client);
}

static void on_version(struct connection *connection, const struct dovecot_line *line)
{
    if (line->major != PROTOCOL_MAJOR) {
        refuse_peer(connection, "another major version of the auth protocol");
        return;
    }
    connection->minor = line->minor;
    if (!connection->client.ready) {
        door_client_ready(&connection->client);
    }
}

static const struct command *command_find(enum dovecot_line_command command)
{
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
        if (COMMANDS[i].command == command) {
            return &COMMANDS[i];
        }
    }
    return NULL;
}

/* What is no command of a master (CPID, CANCEL of an answer that has left already) is ignored. */
static void on_line(struct connection *connection, const struct dovecot_line *line,
                    struct arena *arena)
{
    if (line->command == DOVECOT_LINE_VERSION) {
        on_version(connection, line);
        return;
    }
    const struct command *command = command_find(line->command);
    if (command == NULL) {
        return;
    }
    if (!connection->client.ready) {
        refuse_peer(connection, "command before the handshake");
        return;
    }
    if (!allowed(connection, command->right)) {
        door_client_complain(&connection->client, "command not allowed to this user");
        answer_fail(connection, line->id, NULL);
        return;
    }
    command->run(connection, line, arena);
}

static void take_line(struct connection *connection, struct span text)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct dovecot_line line;
    struct error error;
    if (!dovecot_line_parse(text, &arena, &line, &error)) {
        refuse_peer(connection, error.text);
        return;
    }
    on_line(connection, &line, &arena);
}

/* -- connections -- */

static size_t on_input(struct span bytes, struct door_client *client)
{
    struct connection *connection = (struct connection *)client;
    struct span rest = bytes;
    while (!client->left && !connection->list.running) {
        size_t end = span_find(rest, '\n');
        if (end == rest.length) {
            break;
        }
        take_line(connection, span_first(rest, end));
        rest = span_from(rest, end + 1);
    }
    return bytes.length - rest.length;
}

static void on_gone(struct door_client *client)
{
    user_list_cancel(&((struct connection *)client)->list);
}

/* Dovecot's 2.3 userdb clients wait for it before they say anything. */
static void greet(struct door_client *client)
{
    struct connection *connection = (struct connection *)client;
    answer_send(connection, dovecot_line_master_hello(answer_begin(connection),
                                                      server_of(connection)->settings.server_pid));
}

static const struct door_events EVENTS = {.greet = greet, .input = on_input, .gone = on_gone};

/* -- the server -- */

struct master_server *master_server_new(struct loop *loop, int fd,
                                        const struct master_server_settings *settings,
                                        struct directory *directory, struct store *store,
                                        struct pending_login_table *pending, const struct log *log)
{
    const struct door_settings door = {
        .name = settings->name,
        .ready_max = settings->connections_max,
        .new_max = settings->handshakes_max,
        .handshake_ms = settings->handshake_ms,
        .input_max = DOVECOT_LINE_CLIENT_MAX + 1,
        .client_size = sizeof(struct connection),
    };
    assert(settings->kind == MASTER_SERVER_USERDB || pending != NULL);
    struct master_server *server = MEMORY_NEW(struct master_server);
    server->settings = *settings;
    server->directory = directory;
    server->store = store;
    server->pending = pending;
    server->log = log;
    server->out = buffer_limited(DOVECOT_LINE_MASTER_MAX);
    server->door = door_new(loop, fd, &door, &EVENTS, log, server);
    return server;
}

void master_server_drain(struct master_server *server)
{
    door_drain(server->door);
}

size_t master_server_connections(const struct master_server *server)
{
    return door_clients(server->door);
}

void master_server_free(struct master_server *server)
{
    if (server == NULL) {
        return;
    }
    door_free(server->door);
    buffer_done(&server->out);
    memory_free(server);
}
