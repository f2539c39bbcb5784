/* niceness.c - threads that are in less of a hurry than the loop. */
#include "net/niceness.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

void niceness_add(int by)
{
    const struct sched_param none = {0};
    if (by <= 0) {
        return;
    }
    /* Linux: each thread has a policy and a nice value of its own, and 0 is the calling one. */
    (void)sched_setscheduler(0, SCHED_BATCH, &none);
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, 0);
    if (errno == 0) {
        (void)setpriority(PRIO_PROCESS, 0, nice + by);
    }
}
