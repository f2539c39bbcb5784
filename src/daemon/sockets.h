/* sockets.h - every socket that posternd listens on: where, whose, which mode; bound by the parent and held by it.
 *
 * The table in sockets.c is the one of DESIGN, section 4. Sockets are born under umask in directories
 * that only root can write to, and get their owner there. Dovecot's well-known paths become symlinks to
 * ours. A socket that a service manager hands over, by name or by path, is used as it is. */
#ifndef DAEMON_SOCKETS_H
#define DAEMON_SOCKETS_H

#include "config/config.h"

enum sockets_name {
    SOCKETS_LOGIN,       /* Dovecot's login processes, inside their chroot */
    SOCKETS_TOKENLOGIN,  /* imap-urlauth-login */
    SOCKETS_AUTH_LOGIN,  /* doveadm auth login */
    SOCKETS_AUTH_CLIENT, /* doveadm auth test */
    SOCKETS_AUTH_USERDB,
    SOCKETS_AUTH_MASTER,
    SOCKETS_ADMIN,
    SOCKETS_POSTFIX_AUTH,
    SOCKETS_POSTFIX_MAP,
    SOCKETS_POSTFIX_POLICY,
    SOCKETS_INTERNAL, /* HTTP, for the mail servers and Prometheus: TCP on loopback, or UNIX */
    SOCKETS_PUBLIC,   /* HTTP, for identity providers: TCP or UNIX; public_socket.h */
    SOCKETS_COUNT,
};

struct sockets {
    int fd[SOCKETS_COUNT];      /* -1: not in use */
    char *path[SOCKETS_COUNT];  /* of those that we bound; else NULL */
    bool handed[SOCKETS_COUNT]; /* by the service manager */
};

/* "login", "auth-master", "postfix-map": what FileDescriptorName= says in a .socket unit. */
const char *sockets_name(enum sockets_name name);

void sockets_init(struct sockets *sockets);
/* Takes `count` descriptors from `first` on, which a service manager handed over (notify.h). One that is not a
 * listening socket of ours is an error. */
bool sockets_take(struct sockets *sockets, const struct config *config, int first, size_t count,
                  struct error *error);
/* Makes the directories, binds what is not there yet, and places the symlinks. A socket that is left over is
 * replaced; one that somebody listens on is an error (after waiting `wait_ms` for it to go). */
bool sockets_open(struct sockets *sockets, const struct config *config, int64_t wait_ms,
                  struct error *error);
/* Closes all; removes the files of those that we bound. */
void sockets_close(struct sockets *sockets);

#endif
