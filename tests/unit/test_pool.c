/* test_pool.c - jobs run in threads, are reported in the loop, and can be given up at any moment. */
#include "with_net.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>

#include "net/pool.h"

struct job {
    sem_t *gate; /* run() waits for it when set */
    sem_t *started;
    pthread_t thread;
    int nice, policy;
    bool signals_blocked;
    int runs, dones, drops;
};

static struct loop *loop;
static struct pool *pool;
static sem_t gate, started;

static void run(void *work)
{
    struct job *job = work;
    sigset_t mask;
    job->runs++;
    job->thread = pthread_self();
    job->nice = getpriority(PRIO_PROCESS, 0);
    job->policy = sched_getscheduler(0);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    job->signals_blocked = sigismember(&mask, SIGTERM) == 1;
    if (job->started != NULL) {
        sem_post(job->started);
    }
    if (job->gate != NULL) {
        sem_wait(job->gate);
    }
}

static void done(void *work, void *context)
{
    struct job *job = work;
    assert_int_equal(job->drops, 0);
    job->dones++;
    (*(int *)context)++;
}

static void drop(void *work)
{
    struct job *job = work;
    job->drops++;
}

static const struct pool_task TASK = {run, done, drop};

static int set_up(void **state)
{
    (void)state;
    sem_init(&gate, 0, 0);
    sem_init(&started, 0, 0);
    loop = loop_new();
    pool = pool_new(loop, 1, 3, 5);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pool_free(pool);
    loop_free(loop);
    sem_destroy(&gate);
    sem_destroy(&started);
    return 0;
}

static void test_runs_in_a_thread(void **state)
{
    struct job job = {0};
    int reported = 0;
    (void)state;
    assert_non_null(pool_start(pool, &TASK, &job, &reported));
    assert_int_equal(reported, 0);
    TURN_UNTIL(loop, reported == 1);
    assert_int_equal(job.runs, 1);
    assert_int_equal(job.drops, 1);
    assert_false(pthread_equal(job.thread, pthread_self()));
    int own = getpriority(PRIO_PROCESS, 0);
    assert_int_equal(job.nice, own + 5 > 19 ? 19 : own + 5);
    assert_int_equal(job.policy, SCHED_BATCH);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
    assert_true(job.signals_blocked);
}

static void test_queue_is_bounded(void **state)
{
    struct job first = {.gate = &gate, .started = &started}, jobs[4] = {0};
    int reported = 0;
    (void)state;
    assert_non_null(pool_start(pool, &TASK, &first, &reported));
    sem_wait(&started);
    for (int i = 0; i < 3; i++) {
        assert_non_null(pool_start(pool, &TASK, &jobs[i], &reported));
    }
    assert_int_equal(pool_waiting(pool), 3);
    assert_null(pool_start(pool, &TASK, &jobs[3], &reported));
    assert_int_equal(jobs[3].drops, 0); /* stays the caller's */
    sem_post(&gate);
    TURN_UNTIL(loop, reported == 4);
    assert_int_equal(pool_waiting(pool), 0);
    assert_int_equal(jobs[3].runs, 0);
}

static void test_cancel(void **state)
{
    struct job running = {.gate = &gate, .started = &started}, queued = {0}, last = {0};
    int reported = 0;
    (void)state;
    struct pool_job *one = pool_start(pool, &TASK, &running, &reported);
    struct pool_job *two = pool_start(pool, &TASK, &queued, &reported);
    pool_start(pool, &TASK, &last, &reported);
    sem_wait(&started);
    pool_cancel(two);
    assert_int_equal(queued.drops, 1);
    assert_int_equal(pool_waiting(pool), 1);
    pool_cancel(one);
    assert_int_equal(running.drops, 0); /* the thread still has it */
    sem_post(&gate);
    TURN_UNTIL(loop, reported == 1);
    assert_int_equal(queued.runs, 0);
    assert_int_equal(running.dones, 0);
    assert_int_equal(running.drops, 1);
    assert_int_equal(last.dones, 1);
    pool_cancel(NULL);
}

/* It has run, and is given up before the loop came round to hear of it. */
static void test_cancel_finished(void **state)
{
    struct job first = {0}, second = {.started = &started};
    int reported = 0;
    (void)state;
    struct pool_job *job = pool_start(pool, &TASK, &first, &reported);
    pool_start(pool, &TASK, &second, &reported);
    sem_wait(&started); /* one thread: the first is through */
    pool_cancel(job);
    TURN_UNTIL(loop, reported == 1);
    assert_int_equal(first.runs, 1);
    assert_int_equal(first.dones, 0);
    assert_int_equal(first.drops, 1);
}

static void test_free_with_jobs(void **state)
{
    struct job running = {.gate = &gate, .started = &started}, queued[2] = {0};
    int reported = 0;
    (void)state;
    pool_start(pool, &TASK, &running, &reported);
    pool_start(pool, &TASK, &queued[0], &reported);
    pool_start(pool, &TASK, &queued[1], &reported);
    sem_wait(&started);
    sem_post(&gate);
    pool_free(pool);
    pool = NULL;
    net_turns(loop, 3);
    assert_int_equal(reported, 0);
    assert_int_equal(running.drops, 1);
    assert_int_equal(queued[0].drops + queued[1].drops, 2);
}

/* A callback that starts the next job, and gives up another's. */
struct chain {
    struct job jobs[300];
    struct pool *pool;
    int count, reported;
};

static void chain_done(void *work, void *context)
{
    static const struct pool_task task = {run, chain_done, drop};
    struct chain *chain = context;
    ((struct job *)work)->dones++;
    chain->reported++;
    if (chain->count < 300) {
        chain->count++;
        assert_non_null(pool_start(chain->pool, &task, &chain->jobs[chain->count - 1], chain));
    }
}

static void test_many_jobs_on_three_threads(void **state)
{
    static const struct pool_task task = {run, chain_done, drop};
    struct chain chain = {.count = 20};
    (void)state;
    chain.pool = pool_new(loop, 3, 64, 0);
    for (int i = 0; i < 20; i++) {
        assert_non_null(pool_start(chain.pool, &task, &chain.jobs[i], &chain));
    }
    TURN_UNTIL(loop, chain.reported == 300);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(chain.jobs[i].runs, 1);
        assert_int_equal(chain.jobs[i].dones, 1);
        assert_int_equal(chain.jobs[i].drops, 1);
    }
    pool_free(chain.pool);
}

static void batch_done(void *work, void *context)
{
    assert_ptr_equal(work, context);
    ((struct job *)work)->dones++;
}

static const struct pool_task BATCH = {run, batch_done, drop};

static void test_batch_fits_or_not(void **state)
{
    struct job running = {.gate = &gate, .started = &started}, jobs[4] = {0};
    void *works[4] = {&jobs[0], &jobs[1], &jobs[2], &jobs[3]};
    struct pool_job *handles[4];
    int reported = 0;
    (void)state;
    pool_start(pool, &TASK, &running, &reported);
    sem_wait(&started);
    assert_false(pool_start_batch(pool, &BATCH, works, handles, 4, 16));
    assert_int_equal(pool_waiting(pool), 0);
    assert_true(pool_start_batch(pool, &BATCH, works, handles, 2, 16));
    assert_false(pool_start_batch(pool, &BATCH, &works[2], &handles[2], 2, 16));
    assert_true(pool_start_batch(pool, &BATCH, &works[2], &handles[2], 1, 16));
    pool_cancel(handles[1]);
    assert_int_equal(jobs[1].drops, 1);
    assert_int_equal(pool_waiting(pool), 2);
    sem_post(&gate);
    TURN_UNTIL(loop, jobs[0].dones == 1 && jobs[2].dones == 1);
    assert_int_equal(jobs[0].drops + jobs[2].drops, 2);
    assert_int_equal(jobs[1].runs + jobs[3].runs + jobs[3].drops, 0);
}

/* The thread has both: what it did first is heard of with the last. */
static void test_batch_is_reported_at_once(void **state)
{
    struct job jobs[3] = {{0}, {.gate = &gate, .started = &started}, {0}};
    void *works[3] = {&jobs[0], &jobs[1], &jobs[2]};
    struct pool_job *handles[3];
    (void)state;
    assert_true(pool_start_batch(pool, &BATCH, works, handles, 3, 2));
    sem_wait(&started);
    assert_int_equal(pool_waiting(pool), 1);
    net_turns(loop, 3);
    assert_int_equal(jobs[0].dones, 0);
    pool_cancel(handles[0]); /* it ran, and is nobody's now */
    assert_int_equal(jobs[0].drops, 0);
    sem_post(&gate);
    TURN_UNTIL(loop, jobs[1].dones == 1 && jobs[2].dones == 1);
    assert_int_equal(jobs[0].runs, 1);
    assert_int_equal(jobs[0].dones, 0);
    assert_int_equal(jobs[0].drops, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_runs_in_a_thread),
        CASE(test_queue_is_bounded),
        CASE(test_cancel),
        CASE(test_cancel_finished),
        CASE(test_free_with_jobs),
        CASE(test_many_jobs_on_three_threads),
        CASE(test_batch_fits_or_not),
        CASE(test_batch_is_reported_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
