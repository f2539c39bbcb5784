/* pool.c - threads for work that would hold up the loop: hashes, signatures. */
#include "net/pool.h"

#include "base/memory.h"
#include "net/niceness.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Where a job is; changed under the lock. */
enum pool_stage { POOL_QUEUED, POOL_RUNNING, POOL_FINISHED };

struct pool_job {
    struct pool *pool;
    struct pool_task task;
    void *work;
    void *context;
    enum pool_stage stage;
    unsigned take;  /* a thread may take so many like this at a time */
    bool cancelled; /* the loop's: not to be reported */
    struct pool_job *next, *previous;
};

struct pool_list {
    struct pool_job *first, *last;
};

struct pool {
    struct loop_watch *watch;
    int wake; /* eventfd: there is something in `finished` */
    int nice;
    size_t queue_max;
    bool reporting;
    unsigned threads_count;
    pthread_t *threads;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t work;
    struct pool_list queued, finished;
    size_t queued_count;
    bool closing;
};

static void must(int error, const char *what)
{
    if (error != 0) {
        fprintf(stderr, "posternd: %s: %s\n", what, strerror(error));
        abort();
    }
}

static void list_append(struct pool_list *list, struct pool_job *job)
{
    job->next = NULL;
    job->previous = list->last;
    if (list->last != NULL) {
        list->last->next = job;
    } else {
        list->first = job;
    }
    list->last = job;
}

static void list_remove(struct pool_list *list, struct pool_job *job)
{
    if (job->previous != NULL) {
        job->previous->next = job->next;
    } else {
        list->first = job->next;
    }
    if (job->next != NULL) {
        job->next->previous = job->previous;
    } else {
        list->last = job->previous;
    }
}

/* -- in a thread -- */

/* The first job in the queue says how many of them. */
static size_t share(const struct pool *pool)
{
    size_t even = (pool->queued_count + pool->threads_count - 1) / pool->threads_count;
    size_t take = pool->queued.first == NULL ? 0 : pool->queued.first->take;
    return take < even ? take : even;
}

/* The next jobs; none when the pool closes. Called with the lock held. */
static struct pool_list take_jobs(struct pool *pool)
{
    while (pool->queued.first == NULL && !pool->closing) {
        pthread_cond_wait(&pool->work, &pool->lock);
    }
    struct pool_list taken = {0};
    for (size_t left = pool->closing ? 0 : share(pool); left > 0; left--) {
        struct pool_job *job = pool->queued.first;
        assert(job != NULL);
        list_remove(&pool->queued, job);
        pool->queued_count--;
        job->stage = POOL_RUNNING;
        list_append(&taken, job);
    }
    return taken;
}

/* True: the loop is to be woken, once for whatever gathers until it comes round. Called with the lock held. */
static bool give_back(struct pool *pool, struct pool_list *done)
{
    bool first = pool->finished.first == NULL;
    while (done->first != NULL) {
        struct pool_job *job = done->first;
        list_remove(done, job);
        job->stage = POOL_FINISHED;
        list_append(&pool->finished, job);
    }
    return first;
}

/* Not under the lock: the loop may come at once in our place, would need it, and wait for us, who are less in a hurry. */
static void wake(struct pool *pool)
{
    uint64_t one = 1;
    ssize_t length = write(pool->wake, &one, sizeof one);
    must(length == (ssize_t)sizeof one ? 0 : errno, "waking the loop");
}

static void *serve(void *context)
{
    struct pool *pool = context;
    niceness_add(pool->nice);
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct pool_list jobs = take_jobs(pool);
        if (jobs.first == NULL) {
            break;
        }
        pthread_mutex_unlock(&pool->lock);
        for (struct pool_job *job = jobs.first; job != NULL; job = job->next) {
            job->task.run(job->work);
        }
        pthread_mutex_lock(&pool->lock);
        if (give_back(pool, &jobs)) {
            pthread_mutex_unlock(&pool->lock);
            wake(pool);
            pthread_mutex_lock(&pool->lock);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* -- in the loop -- */

static void discard(struct pool_job *job)
{
    job->task.drop(job->work);
    memory_free(job);
}

static void discard_all(struct pool_list *list)
{
    while (list->first != NULL) {
        struct pool_job *job = list->first;
        list_remove(list, job);
        discard(job);
    }
}

static void report(struct pool_job *job)
{
    if (!job->cancelled) {
        job->task.done(job->work, job->context);
    }
    discard(job);
}

static void on_finished(int fd, int events, void *context)
{
    struct pool *pool = context;
    uint64_t count;
    (void)events;
    (void)!read(fd, &count, sizeof count);
    pthread_mutex_lock(&pool->lock);
    struct pool_list finished = pool->finished;
    pool->finished = (struct pool_list){0};
    pthread_mutex_unlock(&pool->lock);
    pool->reporting = true;
    while (finished.first != NULL) {
        struct pool_job *job = finished.first;
        list_remove(&finished, job);
        report(job);
    }
    pool->reporting = false;
}

/* Signals are the loop's: a thread starts with all of them blocked. */
static void start_threads(struct pool *pool)
{
    sigset_t all, before;
    sigfillset(&all);
    must(pthread_sigmask(SIG_SETMASK, &all, &before), "blocking signals");
    for (unsigned i = 0; i < pool->threads_count; i++) {
        must(pthread_create(&pool->threads[i], NULL, serve, pool), "starting a thread");
    }
    must(pthread_sigmask(SIG_SETMASK, &before, NULL), "unblocking signals");
}

struct pool *pool_new(struct loop *loop, unsigned threads, size_t queue_max, int nice)
{
    assert(threads > 0 && queue_max > 0);
    struct pool *pool = MEMORY_NEW(struct pool);
    pool->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    must(pool->wake >= 0 ? 0 : errno, "eventfd");
    pool->nice = nice;
    pool->queue_max = queue_max;
    pool->threads_count = threads;
    pool->threads = memory_new(threads, sizeof *pool->threads);
    must(pthread_mutex_init(&pool->lock, NULL), "pthread_mutex_init");
    must(pthread_cond_init(&pool->work, NULL), "pthread_cond_init");
    pool->watch = loop_watch_new(loop, pool->wake, LOOP_READ, on_finished, pool);
    start_threads(pool);
    return pool;
}

void pool_free(struct pool *pool)
{
    if (pool == NULL) {
        return;
    }
    assert(!pool->reporting);
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->threads_count; i++) {
        must(pthread_join(pool->threads[i], NULL), "pthread_join");
    }
    discard_all(&pool->queued);
    discard_all(&pool->finished);
    loop_watch_free(pool->watch);
    close(pool->wake);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    memory_free(pool->threads);
    memory_free(pool);
}

static struct pool_job *job_new(struct pool *pool, const struct pool_task *task, void *work,
                                void *context, unsigned take)
{
    struct pool_job *job = MEMORY_NEW(struct pool_job);
    *job = (struct pool_job){
        .pool = pool, .task = *task, .work = work, .context = context, .take = take};
    return job;
}

/* All of `jobs`, or none when they do not fit. */
static bool enqueue(struct pool *pool, struct pool_job *const *jobs, size_t count)
{
    pthread_mutex_lock(&pool->lock);
    bool fits = count <= pool->queue_max && pool->queued_count <= pool->queue_max - count;
    for (size_t i = 0; fits && i < count; i++) {
        list_append(&pool->queued, jobs[i]);
        pool->queued_count++;
    }
    bool for_all = share(pool) < pool->queued_count;
    pthread_mutex_unlock(&pool->lock);
    if (fits && for_all) {
        pthread_cond_broadcast(&pool->work);
    } else if (fits) {
        pthread_cond_signal(&pool->work);
    }
    return fits;
}

struct pool_job *pool_start(struct pool *pool, const struct pool_task *task, void *work,
                            void *context)
{
    struct pool_job *job = job_new(pool, task, work, context, 1);
    if (!enqueue(pool, &job, 1)) {
        memory_free(job);
        return NULL;
    }
    return job;
}

bool pool_start_batch(struct pool *pool, const struct pool_task *task, void *const *works,
                      struct pool_job **jobs, size_t count, unsigned take)
{
    assert(count > 0 && take > 0);
    for (size_t i = 0; i < count; i++) {
        jobs[i] = job_new(pool, task, works[i], works[i], take);
    }
    if (enqueue(pool, jobs, count)) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        memory_free(jobs[i]);
        jobs[i] = NULL;
    }
    return false;
}

void pool_cancel(struct pool_job *job)
{
    if (job == NULL) {
        return;
    }
    struct pool *pool = job->pool;
    pthread_mutex_lock(&pool->lock);
    bool queued = job->stage == POOL_QUEUED;
    if (queued) {
        list_remove(&pool->queued, job);
        pool->queued_count--;
    }
    pthread_mutex_unlock(&pool->lock);
    job->cancelled = true;
    if (queued) {
        discard(job);
    }
}

size_t pool_waiting(const struct pool *pool)
{
    struct pool *unlocked = (struct pool *)(uintptr_t)pool;
    pthread_mutex_lock(&unlocked->lock);
    size_t waiting = pool->queued_count;
    pthread_mutex_unlock(&unlocked->lock);
    return waiting;
}
