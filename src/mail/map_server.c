/* map_server.c - Postfix's tables, by socketmap: `domains`, `mailboxes`, `aliases`, `senders`. */
#include "mail/map_server.h"

#include "base/memory.h"
#include "mail/door.h"
#include "wire/socketmap.h"

enum { OWNER_PAGE = 200 };

struct map_server {
    struct map_server_settings settings;
    struct directory *directory;
    struct store *store;
    const struct log *log;
    struct door *door;
    struct buffer out; /* of the reply being written */
};

/* A connection has one request at a time; `senders` is the one that waits. */
struct connection {
    struct door_client client; /* first: the door casts */
    bool waits;
    char account_id[UUID_SIZE]; /* of the sender's owner */
    struct buffer logins;       /* its login names, as far as they are known */
    struct store_read *read;
    struct loop_timer *deadline;
};

static struct map_server *server_of(const struct connection *connection)
{
    return connection->client.server;
}

/* -- replies -- */

static void reply_send(struct connection *connection)
{
    struct buffer *out = &server_of(connection)->out;
    stream_write(connection->client.stream, buffer_span(out));
    buffer_clear(out);
}

static void reply_ok(struct connection *connection, struct span value)
{
    (void)socketmap_ok(&server_of(connection)->out, value);
    reply_send(connection);
}

static void reply_notfound(struct connection *connection)
{
    (void)socketmap_notfound(&server_of(connection)->out);
    reply_send(connection);
}

static void reply_temporary(struct connection *connection)
{
    (void)socketmap_temporary(&server_of(connection)->out, "accounts are not available now");
    reply_send(connection);
}

/* For the maps that only say whether there is one; an empty value would be an error to Postfix. */
static void reply_exists(struct connection *connection, enum directory_answer answer)
{
    switch (answer) {
    case DIRECTORY_UNAVAILABLE:
        reply_temporary(connection);
        break;
    case DIRECTORY_NONE:
        reply_notfound(connection);
        break;
    case DIRECTORY_FOUND:
        reply_ok(connection, SPAN_LITERAL("1"));
        break;
    }
}

/* -- domains, mailboxes, aliases -- */

static void on_domains(struct connection *connection, struct span key)
{
    reply_exists(connection, directory_domain(server_of(connection)->directory, key));
}

static void on_mailboxes(struct connection *connection, struct span key)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found;
    struct span tag;
    reply_exists(connection,
                 directory_recipient(server_of(connection)->directory, key, &arena, &found, &tag));
}

/* The primary address, with the tag that the mail was sent to; without it where it would make an address
 * longer than any may be, which lmtp could only refuse when the mail is accepted already. */
static struct span tagged(const struct address *primary, struct span tag, struct arena *arena)
{
    struct span local = address_local(primary);
    struct span domain = address_domain(primary);
    if (local.length + tag.length > ADDRESS_LOCAL_MAX) {
        tag = (struct span){0};
    }
    return span_of(arena_format(arena, "%.*s%.*s@%.*s", (int)local.length, local.at,
                                (int)tag.length, tag.length > 0 ? tag.at : "", (int)domain.length,
                                domain.at));
}

static void on_aliases(struct connection *connection, struct span key)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found = {0};
    struct span tag = {0};
    enum directory_answer answer =
        directory_recipient(server_of(connection)->directory, key, &arena, &found, &tag);
    if (answer != DIRECTORY_FOUND || found.kind == ADDRESS_PRIMARY) {
        reply_exists(connection, answer == DIRECTORY_FOUND ? DIRECTORY_NONE : answer);
        return;
    }
    if (found.address.local_length == 0) {
        tag = (struct span){0}; /* a catch-all: the tag belongs to a name that nobody has */
    }
    reply_ok(connection, tagged(&found.account.primary, tag, &arena));
}

/* -- senders -- */

static void owner_page(struct connection *connection, struct span after);

static void owner_done(struct connection *connection)
{
    store_read_cancel(connection->read);
    loop_timer_free(connection->deadline);
    buffer_done(&connection->logins);
    connection->read = NULL;
    connection->deadline = NULL;
    connection->waits = false;
}

/* After the reply: the next request may be read. */
static void owner_replied(struct connection *connection)
{
    owner_done(connection);
    stream_release(connection->client.stream);
    door_client_busy(&connection->client, false);
}

static void on_deadline(void *context)
{
    struct connection *connection = context;
    log_error(server_of(connection)->log, "lookup_failed", log_text("map", "senders"),
              log_text("reason", "no answer from the store in time"));
    reply_temporary(connection);
    owner_replied(connection);
}

static void on_addresses(const struct store_rows *rows, void *context)
{
    struct connection *connection = context;
    struct account_rows_address address;
    connection->read = NULL;
    if (rows->failure != NULL) {
        log_error(server_of(connection)->log, "lookup_failed", log_text("map", "senders"),
                  log_text("reason", rows->failure));
        reply_temporary(connection);
        owner_replied(connection);
        return;
    }
    for (size_t row = 0; row < rows->rows; row++) {
        account_rows_read_address(rows, row, &address);
        if (address.kind == ADDRESS_RENAMED) {
            buffer_add_byte(&connection->logins, ',');
            buffer_add(&connection->logins, address_span(&address.address));
        }
    }
    if (rows->rows == OWNER_PAGE) {
        owner_page(connection, address_span(&address.address));
        return;
    }
    if (buffer_full(&connection->logins)) {
        reply_temporary(connection);
    } else {
        reply_ok(connection, buffer_span(&connection->logins));
    }
    owner_replied(connection);
}

static void owner_page(struct connection *connection, struct span after)
{
    connection->read =
        account_rows_list_addresses(server_of(connection)->store, span_of(connection->account_id),
                                    (struct span){0}, after, OWNER_PAGE, on_addresses, connection);
}

/* sasl_username stays the name of the login for as long as its session lives: after a rename, old
 * and new name are both right for it. */
static void on_senders(struct connection *connection, struct span key)
{
    struct map_server *server = server_of(connection);
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found = {0};
    struct span tag;
    enum directory_answer answer =
        directory_recipient(server->directory, key, &arena, &found, &tag);
    if (answer != DIRECTORY_FOUND) {
        reply_exists(connection, answer);
        return;
    }
    (void)span_fits(span_of(found.account.id), connection->account_id,
                    sizeof connection->account_id);
    connection->logins = buffer_limited(SOCKETMAP_REPLY_MAX);
    buffer_add(&connection->logins, address_span(&found.account.primary));
    connection->waits = true;
    connection->deadline =
        loop_timer_new(door_loop(connection->client.door), on_deadline, connection);
    loop_timer_set(connection->deadline, server->settings.answer_ms);
    door_client_busy(&connection->client, true);
    stream_hold(connection->client.stream);
    owner_page(connection, (struct span){0});
}

/* -- requests -- */

struct map {
    const char *name;
    void (*run)(struct connection *connection, struct span key);
};

static const struct map MAPS[] = {
    {"domains", on_domains},
    {"mailboxes", on_mailboxes},
    {"aliases", on_aliases},
    {"senders", on_senders},
};

static void on_request(struct connection *connection, const struct socketmap_request *request)
{
    for (size_t i = 0; i < sizeof MAPS / sizeof MAPS[0]; i++) {
        if (span_is(request->name, MAPS[i].name)) {
            MAPS[i].run(connection, request->key);
            return;
        }
    }
    door_client_complain(&connection->client, "no such map");
    (void)socketmap_permanent(&server_of(connection)->out, "no such map");
    reply_send(connection);
}

static size_t on_input(struct span bytes, struct door_client *client)
{
    struct connection *connection = (struct connection *)client;
    struct span rest = bytes;
    while (!client->left && !connection->waits && !span_empty(rest)) {
        struct socketmap_request request;
        enum socketmap_answer answer = socketmap_parse(rest, &request);
        if (answer == SOCKETMAP_MORE) {
            break;
        }
        if (answer == SOCKETMAP_BAD) {
            door_client_complain(client, "not a socketmap request");
            door_client_drop(client);
            break;
        }
        on_request(connection, &request);
        rest = span_from(rest, request.consumed);
    }
    return bytes.length - rest.length;
}

static void on_gone(struct door_client *client)
{
    owner_done((struct connection *)client);
}

static const struct door_events EVENTS = {
    .greet = door_client_ready, .input = on_input, .gone = on_gone};

/* -- the server -- */

struct map_server *map_server_new(struct loop *loop, int fd,
                                  const struct map_server_settings *settings,
                                  struct directory *directory, struct store *store,
                                  const struct log *log)
{
    const struct door_settings door = {
        .name = settings->name,
        .ready_max = settings->connections_max,
        .new_max = 1, /* there is no handshake */
        .input_max = SOCKETMAP_REQUEST_MAX,
        .client_size = sizeof(struct connection),
    };
    struct map_server *server = MEMORY_NEW(struct map_server);
    server->settings = *settings;
    server->directory = directory;
    server->store = store;
    server->log = log;
    server->out = buffer_limited(SOCKETMAP_REPLY_MAX + 16);
    server->door = door_new(loop, fd, &door, &EVENTS, log, server);
    return server;
}

void map_server_drain(struct map_server *server)
{
    door_drain(server->door);
}

size_t map_server_connections(const struct map_server *server)
{
    return door_clients(server->door);
}

void map_server_free(struct map_server *server)
{
    if (server == NULL) {
        return;
    }
    door_free(server->door);
    buffer_done(&server->out);
    memory_free(server);
}
