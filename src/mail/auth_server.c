/* auth_server.c - the auth protocol's client side: where Dovecot's login processes, Postfix and doveadm sign people in. */
#include "mail/auth_server.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "mail/auth_token.h"
#include "mail/door.h"

enum { PROTOCOL_MAJOR = 1, MINOR_CANCELLED = 4 };

struct auth_server {
    struct auth_server_settings settings;
    struct login_service *service;
    struct pending_login_table *pending;
    const struct log *log;
    struct door *door;
    struct buffer out; /* of the answer being written */
    size_t requests;
    uint32_t connections_ever;
    bool draining;
};

struct request;

struct connection {
    struct door_client client; /* first: the door casts */
    unsigned char cookie[DOVECOT_LINE_COOKIE_SIZE];
    bool version_seen, pends;
    uint32_t minor;
    struct request *newest;
    size_t open;
    uint32_t highest_id; /* that was ever used */
};

/* One AUTH that is not answered yet. */
struct request {
    struct connection *connection;
    struct login *login; /* NULL once it has answered */
    uint32_t id;
    bool nologin;                 /* no REQUEST will follow */
    bool closes;                  /* a temporary failure is told by closing: the peer is Postfix */
    struct pending_login pending; /* but for the account; its texts are in `arena` */
    struct arena arena;
    struct request *older, *newer;
};

static struct auth_server *server_of(const struct connection *connection)
{
    return connection->client.server;
}

static void refuse_peer(struct connection *connection, const char *reason)
{
    door_client_complain(&connection->client, reason);
    door_client_drop(&connection->client);
}

/* -- open requests -- */

static struct request *request_find(const struct connection *connection, uint32_t id)
{
    if (id > connection->highest_id) {
        return NULL; /* ids grow: the usual case */
    }
    struct request *request = connection->newest;
    while (request != NULL && request->id != id) {
        request = request->older;
    }
    return request;
}

static struct request *request_new(struct connection *connection, const struct dovecot_line *line)
{
    struct auth_server *server = server_of(connection);
    struct request *request = MEMORY_NEW(struct request);
    request->connection = connection;
    request->id = line->id;
    request->nologin = line->nologin;
    request->closes =
        server->settings.kind == AUTH_SERVER_POSTFIX && span_is(line->service, "smtp");
    request->pending.mechanism = span_copy(&request->arena, line->mechanism);
    request->pending.service = span_copy(&request->arena, line->service);
    request->pending.session = span_copy(&request->arena, line->session);
    request->older = connection->newest;
    if (request->older != NULL) {
        request->older->newer = request;
    }
    connection->newest = request;
    if (request->id > connection->highest_id) {
        connection->highest_id = request->id;
    }
    connection->open++;
    server->requests++;
    return request;
}

static void request_free(struct request *request)
{
    struct connection *connection = request->connection;
    login_cancel(request->login);
    if (request->older != NULL) {
        request->older->newer = request->newer;
    }
    *(request->newer != NULL ? &request->newer->older : &connection->newest) = request->older;
    connection->open--;
    server_of(connection)->requests--;
    arena_done(&request->arena);
    memory_free(request);
}

/* The last thing done for a request: the connection may be finished by it when the server drains. */
static void request_end(struct request *request)
{
    struct connection *connection = request->connection;
    request_free(request);
    if (connection->open == 0) {
        door_client_busy(&connection->client, false);
    }
}

/* Also for a connection that is gone. */
static void requests_cancel(struct connection *connection)
{
    while (connection->newest != NULL) {
        request_free(connection->newest);
    }
}

/* -- answers -- */

static struct buffer *answer_begin(struct connection *connection)
{
    struct buffer *out = &server_of(connection)->out;
    buffer_clear(out);
    return out;
}

/* Names, reasons and challenges are bounded far below what a line may have. */
static void answer_send(struct connection *connection, bool written)
{
    assert(written);
    stream_write(connection->client.stream, buffer_span(&server_of(connection)->out));
}

static void answer_fail(struct connection *connection, uint32_t id, struct span user,
                        const char *code, const char *reason)
{
    answer_send(connection, dovecot_line_fail(answer_begin(connection), id, user, code, reason));
}

/* What a client may hear beside "no". IMAP clients show a reason as an alert, so it is for what
 * the user or the admin can change. */
static const char *hint_reason(enum login_hint hint)
{
    switch (hint) {
    case LOGIN_HINT_NONE:
        return NULL;
    case LOGIN_HINT_TRUNCATED:
        return "initial response was cut at the mail server's line_length_limit; its administrator "
               "should raise it";
    case LOGIN_HINT_TOO_LONG:
        return "credential too long";
    case LOGIN_HINT_INVALID_BASE64:
        return "Invalid base64 data";
    case LOGIN_HINT_NEEDS_TLS:
        return "sign-in needs an encrypted connection";
    case LOGIN_HINT_MECHANISM:
        return "authentication mechanism not supported";
    }
    assert(false);
    return NULL;
}

static void answer_refused(struct request *request, const struct login_outcome *outcome)
{
    const char *code = outcome->hint == LOGIN_HINT_INVALID_BASE64 ? "invalid_base64" : NULL;
    answer_fail(request->connection, request->id, outcome->user, code, hint_reason(outcome->hint));
    request_end(request);
}

/* Postfix makes 535 of every FAIL, whatever its code; only a lost connection gives 454. */
static void answer_unavailable(struct request *request)
{
    struct connection *connection = request->connection;
    if (!request->closes) {
        answer_fail(connection, request->id, (struct span){0}, "temp_fail", NULL);
        request_end(request);
        return;
    }
    request_free(request);
    door_client_finish(&connection->client);
}

static struct pending_login_key key_of(const struct connection *connection, uint32_t id)
{
    struct pending_login_key key = {.id = id};
    memcpy(key.cookie, connection->cookie, sizeof key.cookie);
    return key;
}

/* False when a REQUEST will follow and there is no room to remember the login. */
static bool remember(struct connection *connection, uint32_t id, const struct pending_login *login)
{
    struct auth_server *server = server_of(connection);
    struct pending_login_key key = key_of(connection, id);
    connection->pends = true;
    return pending_login_add(server->pending, &key, login);
}

static void answer_accepted(struct request *request, const struct login_outcome *outcome)
{
    struct connection *connection = request->connection;
    struct auth_server *server = server_of(connection);
    request->pending.account_id = outcome->account_id;
    if (server->pending != NULL && !request->nologin &&
        !remember(connection, request->id, &request->pending)) {
        door_client_complain(&connection->client, "too many logins wait for their REQUEST");
        answer_unavailable(request);
        return;
    }
    answer_send(connection,
                dovecot_line_ok(answer_begin(connection), request->id, outcome->user, NULL, 0));
    request_end(request);
}

static void on_login(const struct login_outcome *outcome, void *context)
{
    struct request *request = context;
    struct connection *connection = request->connection;
    if (outcome->answer == LOGIN_CHALLENGE) {
        answer_send(connection,
                    dovecot_line_cont(answer_begin(connection), request->id, outcome->challenge));
        return;
    }
    request->login = NULL; /* this was its last call */
    switch (outcome->answer) {
    case LOGIN_REFUSED:
        answer_refused(request, outcome);
        break;
    case LOGIN_UNAVAILABLE:
        answer_unavailable(request);
        break;
    case LOGIN_ACCEPTED:
        answer_accepted(request, outcome);
        break;
    case LOGIN_CHALLENGE:
        break;
    }
}

/* -- DOVECOT-TOKEN -- */

static void auth_by_token(struct connection *connection, const struct dovecot_line *line,
                          struct arena *arena)
{
    struct auth_server *server = server_of(connection);
    struct auth_token_claim claim = {0};
    struct account account = {0};
    enum directory_answer answer =
        auth_token_account(server->settings.token_key, server->service->directory, line->response,
                           arena, &claim, &account);
    struct pending_login login = {
        .account_id = span_of(account.id),
        .mechanism = SPAN_LITERAL("DOVECOT-TOKEN"),
        .service = line->service,
        .session = line->session,
        .client_service = claim.service,
    };
    if (answer == DIRECTORY_NONE) {
        door_client_complain(&connection->client, "session token refused");
        answer_fail(connection, line->id, (struct span){0}, NULL, NULL);
    } else if (answer == DIRECTORY_UNAVAILABLE || (server->pending != NULL && !line->nologin &&
                                                   !remember(connection, line->id, &login))) {
        answer_fail(connection, line->id, (struct span){0}, "temp_fail", NULL);
    } else {
        log_info(server->log, "session_token_accepted",
                 log_span("user", address_span(&account.primary)),
                 log_span("service", claim.service), log_span("session", claim.session));
        answer_send(connection, dovecot_line_ok(answer_begin(connection), line->id,
                                                address_span(&account.primary), NULL, 0));
    }
}

/* -- commands -- */

static bool is_root(const struct connection *connection)
{
    const struct stream_peer *peer = &connection->client.peer;
    return peer->known && peer->uid == server_of(connection)->settings.root_uid;
}

/* Which services a socket serves is decided by who can reach it, not by what the peer says. */
static bool service_allowed(const struct connection *connection, struct span service)
{
    if (span_is(service, "doveadm")) {
        return is_root(connection) && server_of(connection)->settings.kind != AUTH_SERVER_TOKEN;
    }
    switch (server_of(connection)->settings.kind) {
    case AUTH_SERVER_POSTFIX:
        return span_is(service, "smtp");
    case AUTH_SERVER_DOVECOT:
        return !span_empty(service) && !span_is_fold(service, "smtp");
    case AUTH_SERVER_TOKEN:
        return span_is(service, "imap-urlauth");
    }
    return false;
}

static void start_login(struct connection *connection, const struct dovecot_line *line)
{
    struct auth_server *server = server_of(connection);
    struct request *request = request_new(connection, line);
    const struct login_request what = {
        .mechanism = sasl_find(line->mechanism),
        .protocol = line->service,
        .client = line->rip,
        .server = line->lip,
        .session = line->session,
        /* doveadm says nothing of TLS: root on a UNIX socket needs none. */
        .secured = line->secured || (span_is(line->service, "doveadm") && is_root(connection)),
        .line_limit = request->closes,
        .has_response = dovecot_line_responds(line, connection->minor),
        .response = line->response,
    };
    request->login = login_start(server->service, &what, on_login, request);
    if (connection->open == 1) {
        door_client_busy(&connection->client, true);
    }
}

static void on_auth(struct connection *connection, const struct dovecot_line *line,
                    struct arena *arena)
{
    struct auth_server *server = server_of(connection);
    if (request_find(connection, line->id) != NULL) {
        refuse_peer(connection, "request id used twice");
        return;
    }
    if (!service_allowed(connection, line->service)) {
        door_client_complain(&connection->client, "this socket does not serve that service");
        answer_fail(connection, line->id, (struct span){0}, NULL, NULL);
        return;
    }
    if (server->settings.kind == AUTH_SERVER_TOKEN) {
        auth_by_token(connection, line, arena);
        return;
    }
    if (server->settings.kind == AUTH_SERVER_POSTFIX) {
        requests_cancel(connection); /* Postfix has one at a time, and never says CANCEL */
    }
    if (connection->open >= server->settings.requests_max) {
        /* Read on: what comes next may be the CONT or CANCEL that makes room. */
        door_client_complain(&connection->client, "too many logins on one connection");
        answer_fail(connection, line->id, (struct span){0}, "temp_fail", NULL);
        return;
    }
    start_login(connection, line);
}

/* An answer to a challenge that nobody waits for any more has crossed our FAIL on its way. */
static void on_cont(struct connection *connection, const struct dovecot_line *line)
{
    struct request *request = request_find(connection, line->id);
    if (request != NULL) {
        login_continue(request->login, line->response);
    }
}

static void on_cancel(struct connection *connection, const struct dovecot_line *line)
{
    struct auth_server *server = server_of(connection);
    struct request *request = request_find(connection, line->id);
    if (server->pending != NULL) {
        struct pending_login_key key = key_of(connection, line->id);
        pending_login_remove(server->pending, &key);
    }
    if (connection->minor >= MINOR_CANCELLED) {
        answer_send(connection, dovecot_line_cancelled(answer_begin(connection), line->id));
    }
    if (request != NULL) {
        request_end(request);
    }
}

static void on_version(struct connection *connection, const struct dovecot_line *line)
{
    if (line->major != PROTOCOL_MAJOR) {
        refuse_peer(connection, "another major version of the auth protocol");
        return;
    }
    connection->version_seen = true;
    connection->minor = line->minor;
}

static void on_line(struct connection *connection, const struct dovecot_line *line,
                    struct arena *arena)
{
    bool ready = connection->client.ready;
    switch (line->command) {
    case DOVECOT_LINE_VERSION:
        on_version(connection, line);
        return;
    case DOVECOT_LINE_CPID:
        if (connection->version_seen && !ready) {
            door_client_ready(&connection->client);
        }
        return;
    case DOVECOT_LINE_UNKNOWN:
        return; /* later versions may say more */
    case DOVECOT_LINE_AUTH:
    case DOVECOT_LINE_CONT:
    case DOVECOT_LINE_CANCEL:
        break;
    case DOVECOT_LINE_REQUEST:
    case DOVECOT_LINE_USER:
    case DOVECOT_LINE_PASS:
    case DOVECOT_LINE_LIST:
    case DOVECOT_LINE_CACHE_FLUSH:
        refuse_peer(connection, "a master's command");
        return;
    }
    if (!ready) {
        refuse_peer(connection, "command before the handshake");
    } else if (line->command == DOVECOT_LINE_AUTH) {
        on_auth(connection, line, arena);
    } else if (line->command == DOVECOT_LINE_CONT) {
        on_cont(connection, line);
    } else {
        on_cancel(connection, line);
    }
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
    while (!client->left) {
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
    struct connection *connection = (struct connection *)client;
    struct auth_server *server = server_of(connection);
    requests_cancel(connection);
    /* Draining, it is us who closed: those logins still get their answer on auth-master. */
    if (connection->pends && !server->draining) {
        pending_login_forget(server->pending, connection->cookie);
    }
}

static void greet(struct door_client *client)
{
    static const struct dovecot_line_mechanism TOKEN[] = {{"DOVECOT-TOKEN", "private"}};
    static const struct dovecot_line_mechanism ALL[] = {{"PLAIN", "plaintext"},
                                                        {"LOGIN", "plaintext"},
                                                        {"OAUTHBEARER", "plaintext"},
                                                        {"XOAUTH2", "plaintext"}};
    enum { PASSWORDS = 2, COUNT = sizeof ALL / sizeof ALL[0] };
    struct connection *connection = (struct connection *)client;
    struct auth_server *server = server_of(connection);
    size_t left_out = server->service->settings.passwords ? 0 : PASSWORDS;
    bool token = server->settings.kind == AUTH_SERVER_TOKEN;
    struct dovecot_line_hello hello = {
        .mechanisms = token ? TOKEN : ALL + left_out,
        .count = token ? 1 : COUNT - left_out,
        .server_pid = server->settings.server_pid,
        .connection = ++server->connections_ever,
    };
    secret_random(connection->cookie, sizeof connection->cookie);
    memcpy(hello.cookie, connection->cookie, sizeof hello.cookie);
    answer_send(connection, dovecot_line_client_hello(answer_begin(connection), &hello));
}

static const struct door_events EVENTS = {.greet = greet, .input = on_input, .gone = on_gone};

/* -- the server -- */

struct auth_server *auth_server_new(struct loop *loop, int fd,
                                    const struct auth_server_settings *settings,
                                    struct login_service *service,
                                    struct pending_login_table *pending, const struct log *log)
{
    const struct door_settings door = {
        .name = settings->name,
        .ready_max = settings->connections_max,
        .new_max = settings->handshakes_max,
        .handshake_ms = settings->handshake_ms,
        .input_max = DOVECOT_LINE_MAX + 1,
        .client_size = sizeof(struct connection),
    };
    struct auth_server *server = MEMORY_NEW(struct auth_server);
    server->settings = *settings;
    server->service = service;
    server->pending = settings->kind == AUTH_SERVER_POSTFIX ? NULL : pending;
    server->log = log;
    server->out = buffer_limited(DOVECOT_LINE_CLIENT_MAX);
    server->door = door_new(loop, fd, &door, &EVENTS, log, server);
    return server;
}

void auth_server_drain(struct auth_server *server)
{
    server->draining = true;
    door_drain(server->door);
}

static void abandon(struct door_client *client)
{
    struct connection *connection = (struct connection *)client;
    while (!client->left && connection->newest != NULL) {
        struct request *request = connection->newest;
        login_cancel(request->login);
        request->login = NULL;
        answer_unavailable(request);
    }
    door_client_finish(client);
}

void auth_server_abandon(struct auth_server *server)
{
    auth_server_drain(server);
    door_visit(server->door, abandon);
}

size_t auth_server_requests(const struct auth_server *server)
{
    return server->requests;
}

size_t auth_server_connections(const struct auth_server *server)
{
    return door_clients(server->door);
}

void auth_server_free(struct auth_server *server)
{
    if (server == NULL) {
        return;
    }
    door_free(server->door);
    buffer_done(&server->out);
    memory_free(server);
}
