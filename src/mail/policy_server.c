/* policy_server.c - Postfix's policy service: may this authenticated sender still send? */
#include "mail/policy_server.h"

#include <assert.h>

#include "base/memory.h"
#include "mail/door.h"
#include "wire/policy_request.h"

struct policy_server {
    struct policy_server_settings settings;
    struct directory *directory;
    const struct log *log;
    struct door *door;
    struct buffer out; /* of the reply being written */
};

enum ruling { RULING_ENDED, RULING_UNAVAILABLE, RULING_NULL_SENDER, RULING_PASS };

/* MAIL FROM:<> is right for receipts and automatic answers, which have one recipient; with more it
 * would be a way around the sender check. The count is known from DATA on. */
static enum ruling rule_sender(const struct policy_request *request)
{
    return span_empty(request->sender) && request->recipient_count > 1 ? RULING_NULL_SENDER
                                                                       : RULING_PASS;
}

static enum ruling rule(struct policy_server *server, const struct policy_request *request)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_rows_found found;
    struct address name;
    if (span_empty(request->sasl_username)) {
        return RULING_PASS;
    }
    if (!directory_login_name(server->directory, request->sasl_username, &name)) {
        return RULING_ENDED;
    }
    switch (directory_login(server->directory, &name, &arena, &found)) {
    case DIRECTORY_UNAVAILABLE:
        return RULING_UNAVAILABLE;
    case DIRECTORY_NONE:
        return RULING_ENDED;
    case DIRECTORY_FOUND:
        break;
    }
    return found.account.state == ACCOUNT_ACTIVE ? rule_sender(request) : RULING_ENDED;
}

static void log_stop(struct policy_server *server, const struct policy_request *request,
                     const char *reason)
{
    log_info(server->log, "sending_stopped", log_span("user", request->sasl_username),
             log_text("reason", reason), log_span("rip", request->client_address),
             log_span("state", request->protocol_state));
}

static void on_request(struct policy_server *server, const struct policy_request *request)
{
    struct buffer *out = &server->out;
    bool written = false;
    switch (rule(server, request)) {
    case RULING_ENDED:
        log_stop(server, request, "account ended");
        written = policy_request_reply(out, "421 4.7.0", "This account may no longer send mail");
        break;
    case RULING_UNAVAILABLE:
        written = policy_request_reply(out, "451 4.3.0", "Temporary failure, try again later");
        break;
    case RULING_NULL_SENDER:
        log_stop(server, request, "empty sender with several recipients");
        written = policy_request_reply(out, "550 5.7.1",
                                       "An empty sender address may have one recipient only");
        break;
    case RULING_PASS:
        written = policy_request_reply(out, "DUNNO", NULL);
        break;
    }
    assert(written);
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
                                        struct directory *directory, const struct log *log)
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
