/* store_queue.c - a thread with a queue in front and a way back into the loop. */
#include "store/store_queue.h"

#include "base/memory.h"
#include "net/niceness.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct list {
    struct store_job *first, *last;
};

struct store_queue {
    const struct store_queue_work *work;
    void *context;
    struct loop_watch *watch;
    int wake; /* eventfd: something is reported */
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t added;
    struct list waiting, reported;
    size_t count; /* of `waiting` */
    bool stopping;
};

static void list_add(struct list *list, struct store_job *job)
{
    job->next = NULL;
    if (list->last == NULL) {
        list->first = job;
    } else {
        list->last->next = job;
    }
    list->last = job;
}

static struct store_job *list_take(struct list *list)
{
    struct store_job *first = list->first;
    *list = (struct list){0};
    return first;
}

/* Cuts the first `max` jobs off `waiting`. */
static struct store_job *take_batch(struct store_queue *queue)
{
    struct store_job *first = queue->waiting.first, *last = first;
    size_t taken = 1;
    while (last->next != NULL && taken < queue->work->batch_max) {
        last = last->next;
        taken++;
    }
    queue->waiting.first = last->next;
    if (last->next == NULL) {
        queue->waiting.last = NULL;
    }
    last->next = NULL;
    queue->count -= taken;
    return first;
}

/* Takes a list of jobs. The loop is woken behind the lock: it may come at once in our place, would need it, and wait for
 * us, who are less in a hurry. */
static void report_later(struct store_queue *queue, struct store_job *jobs)
{
    pthread_mutex_lock(&queue->lock);
    bool first = queue->reported.first == NULL;
    while (jobs != NULL) {
        struct store_job *next = jobs->next;
        list_add(&queue->reported, jobs);
        jobs = next;
    }
    pthread_mutex_unlock(&queue->lock);
    if (first) {
        uint64_t one = 1;
        ssize_t written = write(queue->wake, &one, sizeof one);
        assert(written == (ssize_t)sizeof one);
        (void)written;
    }
}

static void *run_thread(void *context)
{
    struct store_queue *queue = context;
    niceness_add(queue->work->nice);
    pthread_mutex_lock(&queue->lock);
    for (;;) {
        while (queue->waiting.first == NULL && !queue->stopping) {
            pthread_cond_wait(&queue->added, &queue->lock);
        }
        if (queue->waiting.first == NULL) {
            break;
        }
        struct store_job *jobs = take_batch(queue);
        pthread_mutex_unlock(&queue->lock);
        queue->work->run(jobs, queue->context);
        report_later(queue, jobs);
        if (queue->work->after != NULL) {
            queue->work->after(queue->context);
        }
        pthread_mutex_lock(&queue->lock);
    }
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

static void report_all(struct store_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    struct store_job *jobs = list_take(&queue->reported);
    pthread_mutex_unlock(&queue->lock);
    while (jobs != NULL) {
        struct store_job *next = jobs->next;
        queue->work->report(jobs, queue->context);
        jobs = next;
    }
}

static void on_wake(int fd, int events, void *context)
{
    (void)events;
    uint64_t count;
    if (read(fd, &count, sizeof count) == (ssize_t)sizeof count) {
        report_all(context);
    }
}

/* Signals reach only the loop. */
static void start_thread(struct store_queue *queue)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&queue->thread, NULL, run_thread, queue);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert(failed == 0);
}

struct store_queue *store_queue_new(struct loop *loop, const struct store_queue_work *work,
                                    void *context)
{
    struct store_queue *queue = MEMORY_NEW(struct store_queue);
    queue->work = work;
    queue->context = context;
    queue->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert(queue->wake >= 0);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->added, NULL);
    queue->watch = loop_watch_new(loop, queue->wake, LOOP_READ, on_wake, queue);
    start_thread(queue);
    return queue;
}

void store_queue_free(struct store_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    pthread_cond_signal(&queue->added);
    pthread_mutex_unlock(&queue->lock);
    pthread_join(queue->thread, NULL);
    report_all(queue);
    loop_watch_free(queue->watch);
    close(queue->wake);
    pthread_cond_destroy(&queue->added);
    pthread_mutex_destroy(&queue->lock);
    memory_free(queue);
}

void store_queue_add(struct store_queue *queue, struct store_job *job)
{
    pthread_mutex_lock(&queue->lock);
    list_add(&queue->waiting, job);
    queue->count++;
    pthread_mutex_unlock(&queue->lock);
    pthread_cond_signal(&queue->added);
}

void store_queue_skip(struct store_queue *queue, struct store_job *job)
{
    job->next = NULL;
    report_later(queue, job);
}

bool store_queue_remove(struct store_queue *queue, struct store_job *job)
{
    pthread_mutex_lock(&queue->lock);
    struct store_job *before = NULL, *at = queue->waiting.first;
    while (at != NULL && at != job) {
        before = at;
        at = at->next;
    }
    if (at != NULL) {
        *(before == NULL ? &queue->waiting.first : &before->next) = at->next;
        queue->waiting.last = at->next == NULL ? before : queue->waiting.last;
        queue->count--;
    }
    pthread_mutex_unlock(&queue->lock);
    return at != NULL;
}

size_t store_queue_waiting(struct store_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    pthread_mutex_unlock(&queue->lock);
    return count;
}
