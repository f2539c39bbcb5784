/* store_queue.h - one thread that works off a queue and reports back into the loop, in order.
 *
 * The thread takes what has gathered (up to `batch_max` jobs) at once: what queues while it waits
 * for the disk shares the next wait. */
#ifndef STORE_STORE_QUEUE_H
#define STORE_STORE_QUEUE_H

#include "net/loop.h"

#include <stddef.h>

/* The first member of whatever is queued. */
struct store_job {
    struct store_job *next;
};

struct store_queue_work {
    size_t batch_max;
    int nice; /* added to the thread's nice value (0 to 19) */
    void (*run)(struct store_job *jobs, void *context); /* in the thread; a list, not NULL */
    void (*after)(void *context); /* in the thread, when those are reported; may be NULL */
    void (*report)(struct store_job *job, void *context); /* in the loop; takes the job */
};

struct store_queue;
/* `work` is static. */
struct store_queue *store_queue_new(struct loop *loop, const struct store_queue_work *work,
                                    void *context);
/* Works off what waits, ends the thread, reports everything. */
void store_queue_free(struct store_queue *queue); /* takes NULL */
void store_queue_add(struct store_queue *queue, struct store_job *job);
/* Reports a job later without running it. */
void store_queue_skip(struct store_queue *queue, struct store_job *job);
/* Takes a waiting job out; false when the thread already has it, then it will be reported. */
bool store_queue_remove(struct store_queue *queue, struct store_job *job);
size_t store_queue_waiting(struct store_queue *queue);

#endif
