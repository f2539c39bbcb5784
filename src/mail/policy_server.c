/* policy_server.c - Postfix's policy service: may this sender send, and may this recipient get it? */
#include "mail/policy_server.h"

#include <assert.h>
#include <string.h>

#include "account/group_rows.h"
#include "base/memory.h"
#include "mail/door.h"
#include "mail/group_delivery.h"
#include "wire/policy_request.h"

struct policy_server {
    struct policy_server_settings settings;
    struct directory *directory;
    struct store *store;
    const struct log *log;
    struct door *door;
    struct buffer out; /* of the reply being written */
};

enum ruling {
    RULING_ENDED,
    RULING_NO_SMTP,
    RULING_UNAVAILABLE,
    RULING_NULL_SENDER,
    RULING_LATER,
    RULING_PART,
    RULING_ROUTED,
    RULING_DISABLED,
    RULING_INTERNAL,
    RULING_MEMBERS,
    RULING_OWNERS,
    RULING_PASS,
};

/* `stopped`: why a person who signed in may send nothing any more, for our log; refused recipients are in Postfix's. */
static const struct {
    const char *action, *text, *stopped;
} RULINGS[] = {
    [RULING_ENDED] = {"421 4.7.0", "This account may no longer send mail", "account ended"},
    [RULING_NO_SMTP] = {"421 4.7.0", "This account may not send mail by SMTP", "smtp not allowed"},
    [RULING_UNAVAILABLE] = {"451 4.3.0", "Temporary failure, try again later", NULL},
    [RULING_NULL_SENDER] = {"550 5.7.1", "An empty sender address may have one recipient only",
                            "empty sender with several recipients"},
    [RULING_LATER] = {"DEFER_IF_PERMIT", "Temporary failure, try again later", NULL},
    [RULING_PART] = {"550 5.1.1", "No such address", NULL},
    [RULING_ROUTED] = {"550 5.1.3", "A route is no address: write to the address itself", NULL},
    [RULING_DISABLED] = {"550 5.2.1", "This mailbox is disabled and takes no mail", NULL},
    [RULING_INTERNAL] = {"550 5.7.1",
                         "Only people of this mail server may write to this address: sign in to "
                         "its submission service and send again",
                         NULL},
    [RULING_MEMBERS] = {"550 5.7.1",
                        "Only members may write to this address: sign in to the submission "
                        "service as a member, or ask an owner to be added",
                        NULL},
    [RULING_OWNERS] = {"550 5.7.1",
                       "Only owners may write to this address: ask one of them to send it, signed "
                       "in to the submission service",
                       NULL},
    [RULING_PASS] = {"DUNNO", NULL, NULL},
};

/* -- the sender, if it signed in -- */

/* MAIL FROM:<> is right for receipts and automatic answers, which have one recipient; with more it
 * would be a way around the sender check. The count is known from DATA on. */
static enum ruling rule_sender(const struct policy_request *request, const struct account *account)
{
    if (account->state != ACCOUNT_ACTIVE) {
        return RULING_ENDED;
    }
    if (account->services != 0 && (account->services & ACCOUNT_SMTP) == 0) {
        return RULING_NO_SMTP;
    }
    return span_empty(request->sender) && request->recipient_count > 1 ? RULING_NULL_SENDER
                                                                       : RULING_PASS;
}

static enum ruling find_sender(struct policy_server *server, const struct policy_request *request,
                               struct arena *arena, struct account_rows_found *found)
{
    struct address name;
    if (!directory_login_name(server->directory, request->sasl_username, &name)) {
        return RULING_ENDED;
    }
    switch (directory_login(server->directory, &name, arena, found)) {
    case DIRECTORY_UNAVAILABLE:
        return RULING_UNAVAILABLE;
    case DIRECTORY_NONE:
        return RULING_ENDED;
    case DIRECTORY_FOUND:
        break;
    }
    return rule_sender(request, &found->account);
}

/* -- the recipient -- */

/* As Postfix goes on to understand it: "a@example.com." is asked about as it came, and delivered to a@example.com. */
static struct span recipient_of(const struct policy_request *request)
{
    struct span recipient = request->recipient;
    bool rooted = span_ends(recipient, ".") && span_has(recipient, '@');
    return rooted ? span_first(recipient, recipient.length - 1) : recipient;
}

/* "team%example.com@[127.0.0.1]", "team@example.com@localhost.example", "example.com!team@…": where the last domain is its
 * own, Postfix goes on to what is in front of it, past the rules for the address that is meant. Theirs who sign in, or
 * whom mynetworks names: of others it takes no routes. */
static enum ruling rule_route(struct policy_server *server, struct span recipient)
{
    enum { WORDS_MAX = 8 };
    struct span rest = span_first(recipient, span_find_last(recipient, '@'));
    if (!span_has(rest, '@') && !span_has(rest, '%') && !span_has(rest, '!')) {
        return RULING_PASS;
    }
    for (size_t words = 0; rest.at != NULL; words++) {
        size_t end = 0;
        while (end < rest.length && strchr("@%!", span_at(rest, end)) == NULL) {
            end++;
        }
        struct span word = span_first(rest, end);
        rest = end < rest.length ? span_from(rest, end + 1) : (struct span){0};
        word = span_ends(word, ".") ? span_first(word, word.length - 1) : word;
        switch (directory_domain(server->directory, word)) {
        case DIRECTORY_UNAVAILABLE:
            return RULING_LATER;
        case DIRECTORY_FOUND:
            return RULING_ROUTED;
        case DIRECTORY_NONE:
            break;
        }
        if (words == WORDS_MAX) {
            return RULING_ROUTED;
        }
    }
    return RULING_PASS;
}

/* Postfix alone makes use of the parts of a group, after it asked here. */
static enum ruling rule_part(struct policy_server *server, const struct policy_request *request,
                             struct arena *arena)
{
    struct address address;
    struct error ignored;
    struct group_delivery_part part;
    struct group_rows_group group;
    if (!address_parse(recipient_of(request), &address, &ignored) ||
        !group_delivery_parse(&address, &part)) {
        return RULING_PASS;
    }
    switch (group_rows_by_part_key(server->store, span_of(part.key), arena, &group)) {
    case STORE_ASK:
        return RULING_LATER;
    case STORE_NONE:
        break;
    case STORE_ROW:
        return RULING_PART;
    }
    return RULING_PASS;
}

static enum ruling rule_role(struct policy_server *server, const struct group_rows_group *group,
                             enum group_rows_role role, struct span sender, enum ruling otherwise)
{
    switch (group_rows_reaches(server->store, span_of(group->id), role, sender)) {
    case STORE_ASK:
        return RULING_LATER;
    case STORE_NONE:
        return otherwise;
    case STORE_ROW:
        break;
    }
    return RULING_PASS;
}

/* `sender` is the id of who signed in, empty for strangers: anybody can write anything into MAIL FROM. Who owns a
 * group may write to it, a member or not. */
static enum ruling rule_group(struct policy_server *server, const struct group_rows_group *group,
                              struct span sender)
{
    enum ruling ruling = RULING_PASS;
    switch (group->senders) {
    case GROUP_ROWS_ANYONE:
        return RULING_PASS;
    case GROUP_ROWS_INTERNAL:
        return span_empty(sender) ? RULING_INTERNAL : RULING_PASS;
    case GROUP_ROWS_MEMBERS:
        ruling = RULING_MEMBERS;
        break;
    case GROUP_ROWS_OWNERS:
        ruling = RULING_OWNERS;
        break;
    }
    if (span_empty(sender)) {
        return ruling;
    }
    enum ruling owner = rule_role(server, group, GROUP_ROWS_OWNER, sender, ruling);
    return owner == RULING_MEMBERS ? rule_role(server, group, GROUP_ROWS_MEMBER, sender, ruling)
                                   : owner;
}

static enum ruling rule_account(struct policy_server *server, const struct account *account,
                                struct span sender, struct arena *arena)
{
    struct group_rows_group group;
    if (account->state == ACCOUNT_DISABLED && account->on_disable != ACCOUNT_DELIVER &&
        !account_receives(account)) {
        return RULING_DISABLED;
    }
    if (account->kind == ACCOUNT_PERSON) {
        return RULING_PASS;
    }
    switch (group_rows_by_id(server->store, span_of(account->id), arena, &group)) {
    case STORE_ASK:
        return RULING_LATER;
    case STORE_NONE:
        break;
    case STORE_ROW:
        return rule_group(server, &group, sender);
    }
    return RULING_PASS;
}

static enum ruling rule_recipient(struct policy_server *server,
                                  const struct policy_request *request, struct span sender,
                                  struct arena *arena)
{
    struct account_rows_found found = {0};
    struct span tag;
    enum ruling ruling = rule_route(server, recipient_of(request));
    ruling = ruling == RULING_PASS ? rule_part(server, request, arena) : ruling;
    if (ruling != RULING_PASS) {
        return ruling;
    }
    switch (directory_recipient(server->directory, recipient_of(request), arena, &found, &tag)) {
    case DIRECTORY_UNAVAILABLE:
        return RULING_LATER;
    case DIRECTORY_NONE:
        break;
    case DIRECTORY_FOUND:
        return rule_account(server, &found.account, sender, arena);
    }
    return RULING_PASS;
}

/* -- requests -- */

static enum ruling rule(struct policy_server *server, const struct policy_request *request)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found = {0};
    bool signed_in = !span_empty(request->sasl_username);
    enum ruling ruling = signed_in ? find_sender(server, request, &arena, &found) : RULING_PASS;
    bool asked = span_is(request->protocol_state, "RCPT") && !span_empty(request->recipient);
    if (ruling != RULING_PASS || !asked) {
        return ruling;
    }
    struct span sender = span_of(signed_in ? found.account.id : NULL);
    return rule_recipient(server, request, sender, &arena);
}

static void on_request(struct policy_server *server, const struct policy_request *request)
{
    enum ruling ruling = rule(server, request);
    if (RULINGS[ruling].stopped != NULL) {
        log_info(server->log, "sending_stopped", log_span("user", request->sasl_username),
                 log_text("reason", RULINGS[ruling].stopped),
                 log_span("rip", request->client_address),
                 log_span("state", request->protocol_state));
    }
    bool written = policy_request_reply(&server->out, RULINGS[ruling].action, RULINGS[ruling].text);
    assert(written);
    (void)written;
}

static size_t on_input(struct span bytes, struct door_client *client)
{
    struct policy_server *server = client->server;
    struct span rest = bytes;
    while (!span_empty(rest)) {
        struct policy_request request;
        enum policy_request_answer answer = policy_request_parse(rest, &request);
        if (answer == POLICY_REQUEST_MORE) {
            break;
        }
        if (answer == POLICY_REQUEST_BAD) {
            door_client_complain(client, "not a policy request");
            door_client_drop(client);
            break;
        }
        buffer_clear(&server->out);
        on_request(server, &request);
        stream_write(client->stream, buffer_span(&server->out));
        rest = span_from(rest, request.consumed);
    }
    return bytes.length - rest.length;
}

static const struct door_events EVENTS = {.greet = door_client_ready, .input = on_input};

struct policy_server *policy_server_new(struct loop *loop, int fd,
                                        const struct policy_server_settings *settings,
                                        struct directory *directory, struct store *store,
                                        const struct log *log)
{
    const struct door_settings door = {
        .name = settings->name,
        .ready_max = settings->connections_max,
        .new_max = 1, /* there is no handshake */
        .input_max = POLICY_REQUEST_MAX,
        .client_size = sizeof(struct door_client),
    };
    struct policy_server *server = MEMORY_NEW(struct policy_server);
    server->settings = *settings;
    server->directory = directory;
    server->store = store;
    server->log = log;
    server->out = buffer_limited(1024);
    server->door = door_new(loop, fd, &door, &EVENTS, log, server);
    return server;
}

void policy_server_drain(struct policy_server *server)
{
    door_drain(server->door);
}

size_t policy_server_connections(const struct policy_server *server)
{
    return door_clients(server->door);
}

void policy_server_free(struct policy_server *server)
{
    if (server == NULL) {
        return;
    }
    door_free(server->door);
    buffer_done(&server->out);
    memory_free(server);
}
