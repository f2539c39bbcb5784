/* niceness.h - threads that are in less of a hurry than the loop. */
#ifndef NET_NICENESS_H
#define NET_NICENESS_H

/* The calling thread, from now on: nicer by `by` (0: nothing changes), and one that never takes the processor from
 * another at the moment it is woken (SCHED_BATCH). Without that the kernel may let it go first when the loop hands it work,
 * and every login waits for it. What the system does not allow is left as it is. */
void niceness_add(int by);

#endif
