/* door.h - the clients of one listening socket: accepted, bounded, and shown out.
 *
 * What the servers of this folder have in common. A client is new until the server calls
 * door_client_ready() (its handshake is complete). New clients have a share and a time limit of their
 * own, so that connections that never finish cannot keep others out: when the share is used up the
 * oldest new client makes room. When the share of ready clients is used up, the one idle longest
 * makes room (Postfix and Dovecot connect again by themselves); are all busy, the newcomer is
 * turned away, which its peer takes for a temporary failure. */
#ifndef MAIL_DOOR_H
#define MAIL_DOOR_H

#include "base/log.h"
#include "net/listener.h"
#include "net/stream.h"

struct door;

struct door_settings {
    const char *name;     /* of the socket, for log lines; a literal */
    size_t ready_max;     /* clients whose handshake is complete */
    size_t new_max;       /* clients whose handshake is not */
    int64_t handshake_ms; /* how long a client may stay new */
    size_t input_max;     /* bytes of the longest request */
    size_t client_size;   /* of the server's struct, which begins with struct door_client */
};

/* Begins the struct that a server keeps for each of its clients; that struct is zeroed at first and
 * belongs to the door. */
struct door_client {
    void *server; /* the context given to door_new() */
    struct door *door;
    struct stream *stream;
    struct stream_peer peer;
    bool left; /* dropped or finished: the server must not do anything more for it */
    /* The door's own: */
    bool ready, busy, inside, ended;
    struct moment since; /* new: accepted; ready: last became idle */
    struct door_client *next, *previous;
};

struct door_events {
    /* Accepted: may write or drop. May be NULL. */
    void (*greet)(struct door_client *client);
    /* As of a stream; after a drop any return value will do. */
    size_t (*input)(struct span bytes, struct door_client *client);
    /* Once: cancel what is under way; the door frees the struct. May be NULL. */
    void (*gone)(struct door_client *client);
};

/* Takes over the descriptor `fd` (closed by door_free()). `log` and `events` outlive the door. */
struct door *door_new(struct loop *loop, int fd, const struct door_settings *settings,
                      const struct door_events *events, const struct log *log, void *server);
/* Takes no more clients and finishes each as soon as it is not busy. */
void door_drain(struct door *door);
/* Calls `visit` for every client that has not left; it may drop or finish that client. */
void door_visit(struct door *door, void (*visit)(struct door_client *client));
size_t door_clients(const struct door *door); /* also those whose last bytes are still on the way */
void door_free(struct door *door);            /* closes everything at once; takes NULL */
struct loop *door_loop(const struct door *door);

void door_client_ready(struct door_client *client); /* may drop it: ask client->left */
/* A client that is no longer busy while the door drains is finished. */
void door_client_busy(struct door_client *client, bool busy);
void door_client_drop(struct door_client *client);   /* closes at once */
void door_client_finish(struct door_client *client); /* closes when what was written is out */
/* Logs that something was refused: at most one line a minute for each user and reason, and eight a
 * minute for each door; the next line says how many were left out. */
void door_client_complain(struct door_client *client, const char *reason);

#endif
