/* signature_queue.c - signatures of first-seen tokens, checked where it costs least. */
#include "token/signature_queue.h"

#include "base/memory.h"
#include "net/pool.h"

#include <assert.h>

enum {
    TURN_US = 200,   /* of work in the loop, each turn */
    INLINE_MAX = 2,  /* so few are not worth a wake-up */
    TAKE = 16,       /* by a thread at a time */
    AHEAD = 2 * TAKE /* for each thread: it has the next while it reports the last */
};

enum stage { STAGE_GATHERED, STAGE_BUSY, STAGE_POOLED };

struct signature_check {
    struct signature_queue *queue;
    enum stage stage;
    struct signature_check *next, *previous; /* in gathered, or in busy */
    struct pool_job *job;                    /* STAGE_POOLED */
    struct keyset_found keys;
    enum signature_algorithm algorithm;
    struct secret signed_part, signature;
    bool good;
    signature_check_fn *fn;
    void *context;
};

struct list {
    struct signature_check *first, *last;
    size_t count;
};

struct signature_queue {
    struct loop *loop;
    struct loop_later turn;
    struct pool *pool; /* NULL: no threads */
    unsigned threads;
    void **works; /* room for what is handed over at once */
    struct pool_job **jobs;
    size_t waiting_max;
    struct list gathered;
    struct list busy; /* too many: to be told so */
    size_t pooled;    /* in threads, and waited for */
    uint64_t done_inline, done_pooled;
    bool telling;
};

static void append(struct list *list, struct signature_check *check)
{
    check->next = NULL;
    check->previous = list->last;
    if (list->last != NULL) {
        list->last->next = check;
    } else {
        list->first = check;
    }
    list->last = check;
    list->count++;
}

static void take_out(struct list *list, struct signature_check *check)
{
    if (check->previous != NULL) {
        check->previous->next = check->next;
    } else {
        list->first = check->next;
    }
    if (check->next != NULL) {
        check->next->previous = check->previous;
    } else {
        list->last = check->previous;
    }
    list->count--;
}

/* -- one check -- */

/* Microseconds, roughly and rather too many: it says how much fits into a turn. */
static unsigned cost_of(const struct signature_key *key)
{
    unsigned bits = signature_key_bits(key);
    switch (signature_key_kind(key)) {
    case SIGNATURE_RSA:
        return 25 * (bits / 1024) * (bits / 1024) / 4;
    case SIGNATURE_P256:
        return 100;
    case SIGNATURE_OKP:
        return 60;
    case SIGNATURE_P384:
    case SIGNATURE_P521:
        break;
    }
    return 1000;
}

static unsigned cost(const struct signature_check *check)
{
    unsigned sum = 0;
    for (size_t i = 0; i < check->keys.count; i++) {
        sum += cost_of(check->keys.keys[i]);
    }
    return sum > 0 ? sum : 1;
}

/* In a thread, or in the loop. */
static void check_run(void *work)
{
    struct signature_check *check = work;
    struct span signed_part = secret_reveal(&check->signed_part);
    struct span signature = secret_reveal(&check->signature);
    for (size_t i = 0; i < check->keys.count && !check->good; i++) {
        check->good =
            signature_verify(check->keys.keys[i], check->algorithm, signed_part, signature);
    }
}

/* Of an orphan its queue may be gone: it touches only what is its own. */
static void check_drop(void *work)
{
    struct signature_check *check = work;
    for (size_t i = 0; i < check->keys.count; i++) {
        signature_key_release(check->keys.keys[i]);
    }
    secret_done(&check->signed_part);
    secret_done(&check->signature);
    memory_free(check);
}

static void tell(struct signature_check *check, enum signature_answer answer)
{
    struct signature_queue *queue = check->queue;
    bool before = queue->telling;
    queue->telling = true;
    check->fn(answer, check->context);
    queue->telling = before;
}

static enum signature_answer answer_of(const struct signature_check *check)
{
    return check->good ? SIGNATURE_GOOD : SIGNATURE_BAD;
}

/* The pool drops it when this is back. */
static void check_done(void *work, void *context)
{
    struct signature_check *check = work;
    (void)context;
    check->queue->pooled--;
    check->queue->done_pooled++;
    tell(check, answer_of(check));
}

static const struct pool_task TASK = {check_run, check_done, check_drop};

/* -- one turn -- */

static void tell_busy(struct signature_queue *queue)
{
    /* Whoever is told may come again at once. */
    for (size_t left = queue->busy.count; left > 0 && queue->busy.first != NULL; left--) {
        struct signature_check *check = queue->busy.first;
        take_out(&queue->busy, check);
        tell(check, SIGNATURE_BUSY);
        check_drop(check);
    }
}

static bool few(const struct list *list)
{
    return list->count <= 1 ||
           (list->count <= INLINE_MAX && cost(list->first) + cost(list->last) <= TURN_US);
}

/* How many the threads get: all but the loop's share, and no more than keeps them at work; what is left over is there
 * for whoever is free first. */
static size_t for_threads(const struct signature_queue *queue)
{
    if (queue->pool == NULL || few(&queue->gathered)) {
        return 0;
    }
    size_t all = queue->gathered.count, sharers = (size_t)queue->threads + 1;
    size_t theirs = all - (all + sharers - 1) / sharers;
    size_t room = (size_t)queue->threads * AHEAD - queue->pooled;
    return theirs < room ? theirs : room;
}

static void hand_over(struct signature_queue *queue, size_t count)
{
    struct signature_check *check = queue->gathered.first;
    for (size_t i = 0; i < count; i++, check = check->next) {
        queue->works[i] = check;
    }
    if (count == 0) {
        return;
    }
    bool started = pool_start_batch(queue->pool, &TASK, queue->works, queue->jobs, count, TAKE);
    assert(started);
    queue->pooled += count;
    for (size_t i = 0; i < count; i++) {
        check = queue->gathered.first;
        take_out(&queue->gathered, check);
        check->stage = STAGE_POOLED;
        check->job = queue->jobs[i];
    }
}

static void verify_some(struct signature_queue *queue)
{
    unsigned spent = 0;
    while (queue->gathered.first != NULL) {
        struct signature_check *check = queue->gathered.first;
        if (spent > 0 && spent + cost(check) > TURN_US) {
            break;
        }
        spent += cost(check);
        take_out(&queue->gathered, check);
        check_run(check);
        queue->done_inline++;
        tell(check, answer_of(check));
        check_drop(check);
    }
}

static void on_turn(void *context)
{
    struct signature_queue *queue = context;
    tell_busy(queue);
    hand_over(queue, for_threads(queue));
    verify_some(queue);
    if (queue->gathered.count > 0 || queue->busy.count > 0) {
        loop_later(queue->loop, &queue->turn);
    }
}

/* -- the queue -- */

struct signature_queue *signature_queue_new(struct loop *loop, unsigned threads, size_t waiting_max)
{
    struct signature_queue *queue = MEMORY_NEW(struct signature_queue);
    queue->loop = loop;
    queue->threads = threads;
    queue->waiting_max = waiting_max;
    loop_later_init(&queue->turn, on_turn, queue);
    if (threads > 0) {
        size_t room = (size_t)threads * AHEAD;
        queue->works = memory_new(room, sizeof *queue->works);
        queue->jobs = memory_new(room, sizeof(struct pool_job *));
        queue->pool = pool_new(loop, threads, room, 0);
    }
    return queue;
}

size_t signature_queue_waiting(const struct signature_queue *queue)
{
    return queue->gathered.count + queue->pooled;
}

void signature_queue_free(struct signature_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    assert(signature_queue_waiting(queue) == 0 && queue->busy.count == 0 && !queue->telling);
    pool_free(queue->pool);
    loop_later_cancel(&queue->turn);
    memory_free(queue->works);
    memory_free(queue->jobs);
    memory_free(queue);
}

struct signature_check *signature_queue_start(struct signature_queue *queue,
                                              const struct keyset_found *keys,
                                              enum signature_algorithm algorithm,
                                              struct span signed_part, struct span signature,
                                              signature_check_fn *fn, void *context)
{
    struct signature_check *check = MEMORY_NEW(struct signature_check);
    check->queue = queue;
    check->fn = fn;
    check->context = context;
    loop_later(queue->loop, &queue->turn);
    if (signature_queue_waiting(queue) >= queue->waiting_max) {
        check->stage = STAGE_BUSY;
        append(&queue->busy, check);
        return check;
    }
    check->keys = *keys;
    for (size_t i = 0; i < keys->count; i++) {
        signature_key_hold(keys->keys[i]);
    }
    check->algorithm = algorithm;
    check->signed_part = secret_new(signed_part);
    check->signature = secret_new(signature);
    append(&queue->gathered, check);
    return check;
}

void signature_queue_cancel(struct signature_check *check)
{
    if (check == NULL) {
        return;
    }
    switch (check->stage) {
    case STAGE_GATHERED:
        take_out(&check->queue->gathered, check);
        check_drop(check);
        return;
    case STAGE_BUSY:
        take_out(&check->queue->busy, check);
        check_drop(check);
        return;
    case STAGE_POOLED:
        check->queue->pooled--;
        pool_cancel(check->job);
        return;
    }
}

uint64_t signature_queue_inline(const struct signature_queue *queue)
{
    return queue->done_inline;
}

uint64_t signature_queue_pooled(const struct signature_queue *queue)
{
    return queue->done_pooled;
}
