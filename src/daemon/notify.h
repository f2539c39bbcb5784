/* notify.h - tells the service manager how we are (sd_notify(3)), and takes its sockets (sd_listen_fds(3)). */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include "base/span.h"

/* The sockets that a service manager handed over start at this descriptor. */
enum { NOTIFY_FD_FIRST = 3, NOTIFY_FDS_MAX = 32 };

/* Keeps NOTIFY_SOCKET and the LISTEN_ variables from the environment `env`; how many sockets were handed to us.
 * Afterwards the process environment holds none of them. */
size_t notify_begin(void);
/* The name of handed socket `index`, "" when it has none. */
struct span notify_name(size_t index);
/* "READY=1" and the like; nothing happens without a service manager. Never waits. */
void notify_send(const char *state);
/* "RELOADING=1" with the time stamp that Type=notify-reload wants. */
void notify_reloading(void);
/* Whether standard error goes to the journal (JOURNAL_STREAM). */
bool notify_journal(void);

#endif
