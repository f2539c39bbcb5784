/* password.c - checks and makes password hashes in a pool of their own, so that the loop never waits for one. */
#include "account/password.h"

#include "account/password_scheme.h"
#include "base/memory.h"

#include <assert.h>

enum { NICE = 10 };

struct password_checks {
    struct loop *loop;
    struct pool *pool;
    char typical[PASSWORD_HASH_MAX +
                 1];      /* the last hash that was checked: what an unknown user costs */
    struct work *refused; /* the queue was full; they hear of it later */
};

/* What waits in the pool, or in `refused`. */
struct work {
    struct password_checks *checks;
    struct pool_job *job; /* NULL: refused */
    struct loop_later later;
    struct work *next, *previous; /* in `refused` */
    void (*report)(struct work *work, bool refused);
    struct secret password;
    char hash[PASSWORD_HASH_MAX + 1]; /* to check against, or made */
    bool unknown;                     /* checked for the time it takes: always wrong */
    bool right;
    void *context;
};

struct password_check {
    struct work work;
    password_fn *fn;
};

struct password_hash {
    struct work work;
    password_hash_fn *fn;
};

/* In a pool thread. */

/* A NUL would end the password early for crypt(3): "secret" and "secret\0x" are not the same. */
static bool usable(struct span password)
{
    return password.length <= PASSWORD_MAX && !span_has(password, '\0');
}

static void run_check(void *context)
{
    struct work *work = context;
    struct span password = secret_reveal(&work->password);
    struct span text = usable(password) && password.at != NULL ? password : SPAN_LITERAL("");
    bool right = password_scheme_verify(span_of(work->hash), text);
    work->right = right && !work->unknown && usable(password) && !span_empty(password);
}

static void run_hash(void *context)
{
    struct work *work = context;
    struct span password = secret_reveal(&work->password);
    work->right =
        usable(password) && !span_empty(password) && password_scheme_make(password, work->hash);
}

/* In the loop. */

static void on_done(void *context, void *ignored)
{
    (void)ignored;
    struct work *work = context;
    work->report(work, false);
}

static void drop(void *context)
{
    struct work *work = context;
    secret_done(&work->password);
    secret_wipe(work->hash, sizeof work->hash);
    memory_free(work);
}

static void drop_refused(struct work *work)
{
    loop_later_cancel(&work->later);
    *(work->previous == NULL ? &work->checks->refused : &work->previous->next) = work->next;
    if (work->next != NULL) {
        work->next->previous = work->previous;
    }
    drop(work);
}

static void on_refused(void *context)
{
    struct work *work = context;
    work->report(work, true);
    drop_refused(work);
}

static void start(struct password_checks *checks, struct work *work, const struct pool_task *task)
{
    work->checks = checks;
    work->job = pool_start(checks->pool, task, work, NULL);
    if (work->job != NULL) {
        return;
    }
    work->next = checks->refused;
    if (work->next != NULL) {
        work->next->previous = work;
    }
    checks->refused = work;
    loop_later_init(&work->later, on_refused, work);
    loop_later(checks->loop, &work->later);
}

static void cancel(struct work *work)
{
    if (work->job != NULL) {
        pool_cancel(work->job);
    } else {
        drop_refused(work);
    }
}

/* Checking. */

static void report_check(struct work *work, bool refused)
{
    struct password_check *check = (struct password_check *)work;
    enum password_answer answer = refused       ? PASSWORD_BUSY
                                  : work->right ? PASSWORD_RIGHT
                                                : PASSWORD_WRONG;
    check->fn(answer, work->context);
}

struct password_check *password_check_start(struct password_checks *checks, struct span hash,
                                            const struct secret *password, password_fn *fn,
                                            void *context)
{
    static const struct pool_task task = {run_check, on_done, drop};
    struct password_check *check = MEMORY_NEW(struct password_check);
    check->fn = fn;
    check->work.report = report_check;
    check->work.context = context;
    check->work.password = secret_copy(password);
    struct error ignored;
    if (!span_empty(hash) && password_scheme_valid(hash, &ignored)) {
        bool fits = span_fits(hash, checks->typical, sizeof checks->typical);
        assert(fits);
    } else {
        check->work.unknown = true;
    }
    bool fits = span_fits(span_of(checks->typical), check->work.hash, sizeof check->work.hash);
    assert(fits);
    start(checks, &check->work, &task);
    return check;
}

void password_check_cancel(struct password_check *check)
{
    if (check != NULL) {
        cancel(&check->work);
    }
}

/* Making. */

static void report_hash(struct work *work, bool refused)
{
    struct password_hash *hash = (struct password_hash *)work;
    hash->fn(refused || !work->right ? (struct span){0} : span_of(work->hash), work->context);
}

struct password_hash *password_hash_start(struct password_checks *checks,
                                          const struct secret *password, password_hash_fn *fn,
                                          void *context)
{
    static const struct pool_task task = {run_hash, on_done, drop};
    struct password_hash *hash = MEMORY_NEW(struct password_hash);
    hash->fn = fn;
    hash->work.report = report_hash;
    hash->work.context = context;
    hash->work.password = secret_copy(password);
    start(checks, &hash->work, &task);
    return hash;
}

void password_hash_cancel(struct password_hash *hash)
{
    if (hash != NULL) {
        cancel(&hash->work);
    }
}

bool password_hash_valid(struct span hash, struct error *error)
{
    return password_scheme_valid(hash, error);
}

/* Life. */

struct password_checks *password_checks_new(struct loop *loop,
                                            const struct password_settings *settings)
{
    struct password_checks *checks = MEMORY_NEW(struct password_checks);
    checks->loop = loop;
    checks->pool = pool_new(loop, settings->threads, settings->queue_max, NICE);
    bool fits = span_fits(password_scheme_dummy(), checks->typical, sizeof checks->typical);
    assert(fits);
    return checks;
}

void password_checks_free(struct password_checks *checks)
{
    if (checks == NULL) {
        return;
    }
    pool_free(checks->pool);
    while (checks->refused != NULL) {
        drop_refused(checks->refused);
    }
    secret_wipe(checks->typical, sizeof checks->typical);
    memory_free(checks);
}

size_t password_checks_waiting(const struct password_checks *checks)
{
    return pool_waiting(checks->pool);
}
