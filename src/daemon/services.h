/* services.h - everything that the worker runs: the modules, built in order from a configuration, and taken down in reverse. */
#ifndef DAEMON_SERVICES_H
#define DAEMON_SERVICES_H

#include "base/log.h"
#include "base/secret.h"
#include "config/config.h"
#include "daemon/logging.h"
#include "daemon/sockets.h"
#include "net/loop.h"

struct services;

struct services_inputs {
    struct loop *loop;
    const struct log *log;
    const struct logging *logging; /* what writes it */
    struct config *config;         /* its providers are taken */
    /* SOCKETS_COUNT listening sockets, -1: not there; taken over, also by a failure */
    const int *fds;
    const struct secret *token_key;
};

/* Opens the store (waiting for another process to leave it) and starts to serve. NULL and an error. Everything in
 * `inputs` but the configuration outlives the services. */
struct services *services_new(const struct services_inputs *inputs, struct error *error);
/* A new configuration, already checked: cannot fail. Its providers are taken. Sign-ins under way go on. */
void services_configure(struct services *services, struct config *config);

/* To be called every now and then: logs, once a minute at most, that the database could not answer. The doors
 * told their clients only that it is temporary. */
void services_report(struct services *services);

/* The end. First no new sign-ins; those under way go on, and so does what mail servers still have to ask about
 * them. services_busy() tells whether anybody waits. */
void services_drain(struct services *services);
bool services_busy(const struct services *services);
/* Whoever still waits hears that it is temporary. services_leaving(): some of that is still on its way. */
void services_abandon(struct services *services);
bool services_leaving(const struct services *services);
void services_free(struct services *services); /* what was begun to be written is written */

#endif
