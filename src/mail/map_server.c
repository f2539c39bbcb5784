/* map_server.c - Postfix's tables, by socketmap: `domains`, `mailboxes`, `aliases`, `senders`. */
#include "mail/map_server.h"

#include "base/memory.h"
#include "mail/door.h"
#include "mail/group_delivery.h"
#include "mail/sender_logins.h"
#include "wire/socketmap.h"

/* What "OK " and the netstring around it leave of a reply. */
enum { VALUE_MAX = SOCKETMAP_REPLY_MAX - 3 };

struct map_server {
    struct map_server_settings settings;
    struct directory *directory;
    struct store *store;
    const struct log *log;
    struct door *door;
    struct buffer out; /* of the reply being written */
};

/* A connection has one request at a time; groups and `senders` are what may take a while. */
struct connection {
    struct door_client client; /* first: the door casts */
    const char *waits;         /* the map that is asked; NULL: none */
    bool part;                 /* of a group: somebody was in it a moment ago */
    struct group_delivery *delivery;
    struct sender_logins *senders;
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

/* -- domains, mailboxes -- */

static void on_domains(struct connection *connection, struct span key)
{
    reply_exists(connection, directory_domain(server_of(connection)->directory, key));
}

/* The address of a group has no mailbox: `aliases` says who has one. */
static bool has_mailbox(const struct account *account)
{
    return account->kind != ACCOUNT_GROUP && !account->no_mailbox && account_receives(account);
}

static void on_mailboxes(struct connection *connection, struct span key)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found = {0};
    struct span tag;
    enum directory_answer answer =
        directory_recipient(server_of(connection)->directory, key, &arena, &found, &tag);
    if (answer == DIRECTORY_FOUND && !has_mailbox(&found.account)) {
        answer = DIRECTORY_NONE;
    }
    reply_exists(connection, answer);
}

/* -- what takes a while -- */

static void waiting_done(struct connection *connection)
{
    group_delivery_cancel(connection->delivery);
    sender_logins_cancel(connection->senders);
    loop_timer_free(connection->deadline);
    connection->delivery = NULL;
    connection->senders = NULL;
    connection->deadline = NULL;
    connection->waits = NULL;
}

/* After the reply: the next request may be read. */
static void waiting_replied(struct connection *connection)
{
    waiting_done(connection);
    stream_release(connection->client.stream);
    door_client_busy(&connection->client, false);
}

static void waiting_failed(struct connection *connection, const char *reason)
{
    log_error(server_of(connection)->log, "lookup_failed", log_text("map", connection->waits),
              log_text("reason", reason));
    reply_temporary(connection);
    waiting_replied(connection);
}

static void on_deadline(void *context)
{
    waiting_failed(context, "no answer from the store in time");
}

static void wait_for(struct connection *connection, const char *map)
{
    connection->waits = map;
    connection->deadline =
        loop_timer_new(door_loop(connection->client.door), on_deadline, connection);
    loop_timer_set(connection->deadline, server_of(connection)->settings.answer_ms);
    door_client_busy(&connection->client, true);
    stream_hold(connection->client.stream);
}

/* -- groups -- */

/* Nobody is left in a part that was just named: what was to come to it is tried again, and then not named. To say that
 * there is no such address would bounce the mail of all. */
static void on_delivery(enum group_delivery_answer answer, struct span addresses, void *context)
{
    struct connection *connection = context;
    connection->delivery = NULL;
    if (answer == GROUP_DELIVERY_TROUBLE) {
        waiting_failed(connection, "the members of a group could not be read");
        return;
    }
    if (answer == GROUP_DELIVERY_ADDRESSES) {
        reply_ok(connection, addresses);
    } else if (connection->part) {
        reply_temporary(connection);
    } else {
        reply_notfound(connection);
    }
    waiting_replied(connection);
}

static void deliver(struct connection *connection, const struct group_rows_group *group,
                    const struct group_delivery_part *part, struct span domain)
{
    const struct group_delivery_question question = {.store = server_of(connection)->store,
                                                     .group = group,
                                                     .first = part->first,
                                                     .last = part->last,
                                                     .domain = domain,
                                                     .bytes_max = VALUE_MAX};
    connection->part = part->key[0] != '\0';
    wait_for(connection, "aliases");
    connection->delivery = group_delivery_start(&question, on_delivery, connection);
}

static void deliver_group(struct connection *connection, const struct account *account,
                          struct arena *arena)
{
    static const struct group_delivery_part WHOLE = {.last = GROUP_ROWS_SLOTS - 1};
    struct group_rows_group group;
    switch (group_rows_by_id(server_of(connection)->store, span_of(account->id), arena, &group)) {
    case STORE_ASK:
        reply_temporary(connection);
        break;
    case STORE_NONE:
        reply_notfound(connection);
        break;
    case STORE_ROW:
        deliver(connection, &group, &WHOLE, address_domain(&account->primary));
        break;
    }
}

/* True when the address is one of a part, and the reply is given or under way. */
static bool deliver_part(struct connection *connection, struct span key, struct arena *arena)
{
    struct map_server *server = server_of(connection);
    struct address address;
    struct error ignored;
    struct group_delivery_part part;
    struct group_rows_group group;
    if (!address_parse(key, &address, &ignored) || !group_delivery_parse(&address, &part)) {
        return false;
    }
    enum store_now now = group_rows_by_part_key(server->store, span_of(part.key), arena, &group);
    enum directory_answer ours = directory_domain(server->directory, address_domain(&address));
    if (now == STORE_ASK || ours == DIRECTORY_UNAVAILABLE) {
        reply_temporary(connection);
        return true;
    }
    if (now == STORE_NONE || ours == DIRECTORY_NONE) {
        return false;
    }
    deliver(connection, &group, &part, address_domain(&address));
    return true;
}

/* -- aliases -- */

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

/* Whether mail to the account goes on to others. What a disabled person had forwarded is suspended, unless the
 * forward is what was asked for. */
static bool forwards(const struct account *account)
{
    bool wanted = account->state == ACCOUNT_ACTIVE || account->on_disable == ACCOUNT_FORWARD;
    return account->kind != ACCOUNT_GROUP && wanted && !span_empty(span_trim(account->forward_to));
}

/* Postfix takes an address that leads to itself as the end of the way. */
static void reply_forwards(struct connection *connection, const struct account *account,
                           struct span own)
{
    CLEANUP(buffer_done) struct buffer value = buffer_limited(VALUE_MAX);
    struct span rest = account->forward_to, word;
    bool keeps = account->keep_copy && account->state == ACCOUNT_ACTIVE && !account->no_mailbox;
    while (span_cut(&rest, ' ', &word)) {
        if (!span_empty(word)) {
            buffer_add_text(&value, value.length > 0 ? "," : "");
            buffer_add(&value, word);
        }
    }
    if (keeps) {
        buffer_add_byte(&value, ',');
        buffer_add(&value, own);
    }
    if (buffer_full(&value)) {
        reply_temporary(connection);
    } else {
        reply_ok(connection, buffer_span(&value));
    }
}

static void reply_alias(struct connection *connection, const struct account_rows_found *found,
                        struct span tag, struct arena *arena)
{
    if (found->address.local_length == 0) {
        tag = (struct span){0}; /* a catch-all: the tag belongs to a name that nobody has */
    }
    struct span primary = tagged(&found->account.primary, tag, arena);
    if (found->kind != ADDRESS_PRIMARY) {
        reply_ok(connection, primary);
    } else if (forwards(&found->account)) {
        reply_forwards(connection, &found->account, primary);
    } else {
        reply_notfound(connection);
    }
}

static void on_aliases(struct connection *connection, struct span key)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found = {0};
    struct span tag = {0};
    if (deliver_part(connection, key, &arena)) {
        return;
    }
    enum directory_answer answer =
        directory_recipient(server_of(connection)->directory, key, &arena, &found, &tag);
    if (answer != DIRECTORY_FOUND || !account_receives(&found.account)) {
        reply_exists(connection, answer == DIRECTORY_FOUND ? DIRECTORY_NONE : answer);
    } else if (found.account.kind == ACCOUNT_GROUP) {
        deliver_group(connection, &found.account, &arena);
    } else {
        reply_alias(connection, &found, tag, &arena);
    }
}

/* -- senders -- */

static void on_sender_logins(const char *failure, struct span logins, void *context)
{
    struct connection *connection = context;
    connection->senders = NULL;
    if (failure != NULL) {
        waiting_failed(connection, failure);
        return;
    }
    if (span_empty(logins)) {
        reply_notfound(connection);
    } else {
        reply_ok(connection, logins);
    }
    waiting_replied(connection);
}

/* sasl_username stays the name of the login for as long as its session lives: after a rename, old
 * and new name are both right for it. */
static void on_senders(struct connection *connection, struct span key)
{
    struct map_server *server = server_of(connection);
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found = {0};
    struct address address;
    struct error ignored;
    struct span tag;
    enum directory_answer answer =
        directory_recipient(server->directory, key, &arena, &found, &tag);
    if (answer == DIRECTORY_UNAVAILABLE || !address_parse(key, &address, &ignored)) {
        reply_exists(connection, answer);
        return;
    }
    bool owned = answer == DIRECTORY_FOUND;
    if (owned && found.address.local_length > 0) {
        address = found.address; /* without its tag */
    }
    wait_for(connection, "senders");
    connection->senders =
        sender_logins_start(server->store, &address, owned ? &found.account : NULL, VALUE_MAX,
                            on_sender_logins, connection);
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
    while (!client->left && connection->waits == NULL && !span_empty(rest)) {
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
    waiting_done((struct connection *)client);
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
