/* door.c - the clients of one listening socket: accepted, bounded, and shown out. */
#include "mail/door.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { COMPLAIN_MS = 60 * 1000, COMPLAINTS = 8, REASON_MAX = 63 };

/* What was last said of one user and one reason. */
struct complaint {
    bool said;
    struct moment when;
    uid_t uid;
    char reason[REASON_MAX + 1];
    int64_t unsaid; /* since then */
};

/* A ring of clients, oldest first; `head` belongs to no client. */
struct ring {
    struct door_client head;
    size_t count;
};

struct door {
    struct loop *loop;
    struct listener *listener;
    struct door_settings settings;
    struct door_events events;
    const struct log *log;
    void *server;
    struct ring fresh; /* handshake not complete, by time of accept */
    struct ring idle;  /* ready, by time of becoming idle */
    struct ring busy;
    struct ring left;             /* finished; last bytes on their way */
    struct loop_timer *handshake; /* of the oldest new client */
    bool draining;
    struct complaint complaints[COMPLAINTS];
};

/* -- rings -- */

static void ring_init(struct ring *ring)
{
    ring->head.next = ring->head.previous = &ring->head;
}

static void ring_add(struct ring *ring, struct door_client *client)
{
    client->next = &ring->head;
    client->previous = ring->head.previous;
    client->previous->next = client;
    ring->head.previous = client;
    ring->count++;
}

static void ring_take(struct ring *ring, struct door_client *client)
{
    client->next->previous = client->previous;
    client->previous->next = client->next;
    client->next = client->previous = NULL;
    ring->count--;
}

static struct door_client *ring_oldest(const struct ring *ring)
{
    return ring->count == 0 ? NULL : ring->head.next;
}

static struct ring *ring_of(const struct door_client *client)
{
    struct door *door = client->door;
    if (client->left) {
        return &door->left;
    }
    if (!client->ready) {
        return &door->fresh;
    }
    return client->busy ? &door->busy : &door->idle;
}

/* -- complaints -- */

static bool is_silent(const struct door *door, const struct complaint *complaint)
{
    return complaint->said && moment_since(loop_now(door->loop), complaint->when) < COMPLAIN_MS;
}

/* The same again; or else the one whose silence is over, or will be soonest. */
static struct complaint *complaint_like(struct door *door, uid_t uid, const char *reason)
{
    struct complaint *oldest = &door->complaints[0];
    for (size_t i = 0; i < COMPLAINTS; i++) {
        struct complaint *complaint = &door->complaints[i];
        if (complaint->said && complaint->uid == uid &&
            strncmp(complaint->reason, reason, REASON_MAX) == 0) {
            return complaint;
        }
        if (!complaint->said || (oldest->said && complaint->when.ms < oldest->when.ms)) {
            oldest = complaint;
        }
    }
    return oldest;
}

static void complain(struct door *door, const struct stream_peer *peer, const char *reason)
{
    uid_t uid = peer->known ? peer->uid : (uid_t)-1;
    struct complaint *complaint = complaint_like(door, uid, reason);
    if (is_silent(door, complaint)) {
        complaint->unsaid++;
        return;
    }
    log_warning(door->log, "peer_refused", log_text("socket", door->settings.name),
                log_text("reason", reason), log_number("uid", peer->known ? (int64_t)uid : -1),
                log_number("pid", peer->known ? (int64_t)peer->pid : 0),
                log_number("more", complaint->unsaid));
    *complaint = (struct complaint){.said = true, .when = loop_now(door->loop), .uid = uid};
    snprintf(complaint->reason, sizeof complaint->reason, "%s", reason);
}

void door_client_complain(struct door_client *client, const char *reason)
{
    complain(client->door, &client->peer, reason);
}

/* -- leaving -- */

static void watch_handshakes(struct door *door)
{
    const struct door_client *oldest = ring_oldest(&door->fresh);
    if (oldest == NULL) {
        loop_timer_clear(door->handshake);
        return;
    }
    int64_t left = door->settings.handshake_ms - moment_since(loop_now(door->loop), oldest->since);
    loop_timer_set(door->handshake, left > 0 ? left : 0);
}

/* The server hears of it once; what remains of the client is the door's. */
static void leave(struct door_client *client)
{
    struct door *door = client->door;
    ring_take(ring_of(client), client);
    client->left = true;
    ring_add(&door->left, client);
    watch_handshakes(door);
    if (door->events.gone != NULL) {
        door->events.gone(client);
    }
}

/* While on_input() is below us the struct has to stay. */
static void release(struct door_client *client)
{
    if (!client->ended || client->inside) {
        return;
    }
    ring_take(&client->door->left, client);
    memory_free(client);
}

void door_client_drop(struct door_client *client)
{
    if (client->ended) {
        return;
    }
    if (!client->left) {
        leave(client);
    }
    client->ended = true;
    stream_free(client->stream);
    client->stream = NULL;
    release(client);
}

void door_client_finish(struct door_client *client)
{
    if (client->left) {
        return;
    }
    leave(client);
    stream_finish(client->stream);
}

static void on_handshake(void *context)
{
    struct door *door = context;
    struct door_client *oldest = ring_oldest(&door->fresh);
    while (oldest != NULL &&
           moment_since(loop_now(door->loop), oldest->since) >= door->settings.handshake_ms) {
        complain(door, &oldest->peer, "handshake not completed in time");
        door_client_drop(oldest);
        oldest = ring_oldest(&door->fresh);
    }
    watch_handshakes(door);
}

/* -- a client's stream -- */

static size_t on_input(struct span bytes, void *context)
{
    struct door_client *client = context;
    client->inside = true;
    size_t used = client->door->events.input(bytes, client);
    client->inside = false;
    if (client->left) {
        used = bytes.length;
        release(client);
    }
    return used;
}

static void on_end(enum stream_end end, void *context)
{
    struct door_client *client = context;
    if (end == STREAM_TOO_LONG) {
        door_client_complain(client, "request beyond the limit of this socket");
    }
    door_client_drop(client);
}

static const struct stream_events STREAM_EVENTS = {.input = on_input, .end = on_end};

/* False when nobody can make room. */
static bool room_for_new(struct door *door, const struct stream_peer *peer)
{
    if (door->fresh.count < door->settings.new_max) {
        return true;
    }
    struct door_client *oldest = ring_oldest(&door->fresh);
    complain(door, peer, "too many unfinished handshakes: the oldest is dropped");
    if (oldest != NULL) {
        door_client_drop(oldest);
    }
    return oldest != NULL;
}

static void on_accept(int fd, void *context)
{
    struct door *door = context;
    struct door_client *client = memory_new(1, door->settings.client_size);
    client->server = door->server;
    client->door = door;
    client->since = loop_now(door->loop);
    client->stream = stream_new(door->loop, fd, door->settings.input_max, &STREAM_EVENTS, client);
    client->peer = stream_peer(client->stream);
    if (!room_for_new(door, &client->peer)) {
        stream_free(client->stream);
        memory_free(client);
        return;
    }
    ring_add(&door->fresh, client);
    watch_handshakes(door);
    if (door->events.greet != NULL) {
        door->events.greet(client);
    }
}

/* -- ready and busy -- */

static bool room_for_ready(struct door *door, const struct stream_peer *peer)
{
    if (door->idle.count + door->busy.count < door->settings.ready_max) {
        return true;
    }
    struct door_client *oldest = ring_oldest(&door->idle);
    complain(door, peer,
             oldest != NULL ? "too many connections: the one idle longest is closed"
                            : "too many connections, all busy: turned away");
    if (oldest != NULL) {
        door_client_drop(oldest);
    }
    return oldest != NULL;
}

void door_client_ready(struct door_client *client)
{
    struct door *door = client->door;
    assert(!client->ready);
    if (client->left) {
        return;
    }
    if (!room_for_ready(door, &client->peer)) {
        door_client_drop(client);
        return;
    }
    ring_take(&door->fresh, client);
    client->ready = true;
    client->since = loop_now(door->loop);
    ring_add(&door->idle, client);
    watch_handshakes(door);
}

void door_client_busy(struct door_client *client, bool busy)
{
    if (client->left || !client->ready) {
        return;
    }
    ring_take(ring_of(client), client);
    client->busy = busy;
    client->since = loop_now(client->door->loop);
    ring_add(ring_of(client), client);
    if (!busy && client->door->draining) {
        door_client_finish(client);
    }
}

/* -- the door -- */

struct door *door_new(struct loop *loop, int fd, const struct door_settings *settings,
                      const struct door_events *events, const struct log *log, void *server)
{
    assert(settings->client_size >= sizeof(struct door_client));
    struct door *door = MEMORY_NEW(struct door);
    *door = (struct door){
        .loop = loop, .settings = *settings, .events = *events, .log = log, .server = server};
    ring_init(&door->fresh);
    ring_init(&door->idle);
    ring_init(&door->busy);
    ring_init(&door->left);
    door->handshake = loop_timer_new(loop, on_handshake, door);
    door->listener = listener_new(loop, fd, on_accept, door);
    return door;
}

struct loop *door_loop(const struct door *door)
{
    return door->loop;
}

static void visit_ring(struct ring *ring, void (*visit)(struct door_client *client))
{
    struct door_client *next = NULL;
    for (struct door_client *client = ring->head.next; client != &ring->head; client = next) {
        next = client->next;
        visit(client);
    }
}

void door_visit(struct door *door, void (*visit)(struct door_client *client))
{
    visit_ring(&door->fresh, visit);
    visit_ring(&door->idle, visit);
    visit_ring(&door->busy, visit);
}

void door_drain(struct door *door)
{
    listener_free(door->listener);
    door->listener = NULL;
    door->draining = true;
    visit_ring(&door->fresh, door_client_finish);
    visit_ring(&door->idle, door_client_finish);
}

size_t door_clients(const struct door *door)
{
    return door->fresh.count + door->idle.count + door->busy.count + door->left.count;
}

void door_free(struct door *door)
{
    if (door == NULL) {
        return;
    }
    listener_free(door->listener);
    door_visit(door, door_client_drop);
    visit_ring(&door->left, door_client_drop);
    assert(door_clients(door) == 0);
    loop_timer_free(door->handshake);
    memory_free(door);
}
