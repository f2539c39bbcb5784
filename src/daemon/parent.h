/* parent.h - the process that holds every socket and keeps a worker running. It parses nothing from outside. */
#ifndef DAEMON_PARENT_H
#define DAEMON_PARENT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct parent_options {
    const char *config;       /* path of postern.conf; NULL: the environment alone */
    const char *const *env;   /* the settings in it are read again by every reload */
    bool foreground, journal; /* as in logging.h */
    size_t handed;            /* sockets from the service manager (notify.h) */
};

/* Everything that a start would look at, without a trace: configuration, users, Dovecot's service auth. */
bool parent_check(const struct parent_options *options, struct error *error);
/* Runs until SIGTERM or SIGINT. Returns the exit status; why a start failed stands on standard error and in the log. */
int parent_main(const struct parent_options *options);

#endif
