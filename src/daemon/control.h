/* control.h - what parent and worker say to each other, over a socket pair of their own.
 *
 * One packet, one message; a configuration travels as a sealed memory file beside it. */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include "base/buffer.h"
#include "base/error.h"

/* The worker's descriptors, beyond the standard ones. Listening socket i of sockets.h is CONTROL_FD_SOCKETS + i;
 * those that are not in use are closed. */
enum { CONTROL_FD = 3, CONTROL_FD_CONFIG = 4, CONTROL_FD_KEY = 5, CONTROL_FD_SOCKETS = 6 };

enum control_message {
    CONTROL_NOTHING, /* nothing waits to be read */
    CONTROL_CLOSED,  /* the other side is gone */
    CONTROL_READY,   /* worker: it serves */
    CONTROL_ALIVE,   /* worker: its loop turns */
    CONTROL_APPLIED, /* worker: the new configuration is in use */
    CONTROL_REFUSED, /* worker: it cannot read the new configuration, and keeps the old one */
    CONTROL_CONFIG,  /* parent: a new configuration */
};

bool control_pair(int fds[2], struct error *error); /* non-blocking, close-on-exec */
/* `file`: a descriptor that goes along, or -1. False when the other side is gone or does not read. */
bool control_send(int fd, enum control_message message, int file);
/* `file` gets the descriptor that came along, or -1; the caller's to close. */
enum control_message control_receive(int fd, int *file);

/* A memory file that can no longer change. -1 and an error. */
int control_file_new(const char *name, struct span bytes, struct error *error);
bool control_file_read(int fd, struct buffer *bytes, struct error *error);

#endif
