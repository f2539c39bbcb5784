/* pool.h - threads for work that would hold up the loop: hashes, signatures.
 *
 * A job owns copies of all it reads. It runs in a thread and is reported in the loop. Cancelling
 * takes a queued job out and orphans a running one, which is dropped when it is back. Threads
 * neither log nor count, and hold no lock while they work. */
#ifndef NET_POOL_H
#define NET_POOL_H

#include "net/loop.h"

#include <stddef.h>

struct pool;
struct pool_job;

struct pool_task {
    void (*run)(void *work); /* in a thread */
    /* in the loop: `work` is still the job's; never after pool_cancel() */
    void (*done)(void *work, void *context);
    /* in the loop: wipes and frees `work`, after done() or instead of it */
    void (*drop)(void *work);
};

/* `nice` is added to the threads' nice value (0 to 19). */
struct pool *pool_new(struct loop *loop, unsigned threads, size_t queue_max, int nice);
void pool_free(struct pool *pool); /* joins the threads; jobs left are dropped, not reported */
/* NULL when queue_max jobs wait: `work` then stays the caller's. */
struct pool_job *pool_start(struct pool *pool, const struct pool_task *task, void *work,
                            void *context);
/* Several short jobs with one lock and one wake-up; a thread then takes up to `take` of them at a time and reports
 * them at once (for what takes less time than waking a thread does). jobs[i] is told for works[i]. false when they do
 * not all fit: then none is started. Their context is `work` itself. */
bool pool_start_batch(struct pool *pool, const struct pool_task *task, void *const *works,
                      struct pool_job **jobs, size_t count, unsigned take);
void pool_cancel(struct pool_job *job); /* takes NULL */
size_t pool_waiting(const struct pool *pool);

#endif
