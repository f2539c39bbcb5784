/* spawn.h - starts the worker: fork, descriptors in their places, exec of ourselves with an empty environment. */
#ifndef DAEMON_SPAWN_H
#define DAEMON_SPAWN_H

#include "base/secret.h"
#include "config/config.h"
#include "daemon/sockets.h"

#include <sys/types.h>

struct spawn_inputs {
    const struct config *config;
    const struct sockets *sockets;
    const struct secret *token_key;
    bool foreground, journal;
};

/* The worker's process id, and our end of the control socket; 0 and an error. */
pid_t spawn_worker(const struct spawn_inputs *inputs, int *control, struct error *error);
/* The configuration as a sealed memory file (control.h). -1 and an error. */
int spawn_config_file(const struct config *config, struct error *error);

#endif
