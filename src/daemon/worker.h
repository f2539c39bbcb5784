/* worker.h - the process that serves: no privileges, one loop, and a parent that watches it.
 *
 * Started by parent.c with the descriptors of control.h, an empty environment and no argument that says
 * anything secret. Sends CONTROL_READY, then CONTROL_ALIVE at every heartbeat. SIGTERM ends it: sign-ins
 * under way are finished for at most worker.stop_timeout, the rest hear that it is temporary. */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <stdbool.h>

/* `foreground`: log to standard error whatever the configuration says. `journal`: standard error is the journal's.
 * Returns the exit status. */
int worker_main(bool foreground, bool journal);

#endif
