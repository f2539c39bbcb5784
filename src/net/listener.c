/* listener.c - accepts connections on a socket that someone else bound. */
#include "net/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

enum { ACCEPTS_A_TURN = 64, PAUSE_MS = 100, PAUSES_A_SECOND = 1000 / PAUSE_MS };

struct listener {
    int fd;
    listener_fn *fn;
    void *context;
    struct loop_watch *watch;
    struct loop *loop;
    struct loop_timer *retry; /* runs while descriptors or memory are short, or there were enough */
    size_t share, taken;      /* how many in one PAUSE_MS (0: any number); how many since `since` */
    struct moment since;
    bool paused;    /* by the owner */
    bool accepting; /* on_ready() is below us: freeing waits for it */
    bool freed;
};

static void update_watch(struct listener *listener)
{
    bool waits = listener->paused || loop_timer_pending(listener->retry);
    loop_watch_set(listener->watch, waits ? 0 : LOOP_READ);
}

static void on_retry(void *context)
{
    update_watch(context);
}

/* accept(2): an error of the connection itself is no error of the listening socket. */
static bool connection_failed(int error)
{
    switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
        return true;
    default:
        return false;
    }
}

static void pause_for(struct listener *listener, int64_t ms)
{
    loop_timer_set(listener->retry, ms);
    update_watch(listener);
}

/* False when as many were accepted as may be for now. */
static bool may_accept(struct listener *listener)
{
    struct moment now = loop_now(listener->loop);
    if (listener->share == 0) {
        return true;
    }
    if (moment_since(now, listener->since) >= PAUSE_MS) {
        listener->since = now;
        listener->taken = 0;
    }
    if (listener->taken == listener->share) {
        pause_for(listener, PAUSE_MS);
        return false;
    }
    return true;
}

/* False when there is nothing more to accept now. */
static bool accept_one(struct listener *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        listener->taken++;
        listener->fn(fd, listener->context);
        return !listener->freed && !listener->paused;
    }
    if (errno == EAGAIN) {
        return false;
    }
    if (connection_failed(errno)) {
        return true;
    }
    pause_for(listener, PAUSE_MS);
    return false;
}

static void on_ready(int fd, int events, void *context)
{
    struct listener *listener = context;
    (void)fd;
    (void)events;
    listener->accepting = true;
    for (int count = 0; count < ACCEPTS_A_TURN && may_accept(listener) && accept_one(listener);
         count++) {
    }
    listener->accepting = false;
    if (listener->freed) {
        memory_free(listener);
    }
}

struct listener *listener_new(struct loop *loop, int fd, listener_fn *fn, void *context)
{
    struct listener *listener = MEMORY_NEW(struct listener);
    *listener = (struct listener){.fd = fd, .fn = fn, .context = context, .loop = loop};
    int flags = fcntl(fd, F_GETFL);
    assert(flags >= 0);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    listener->retry = loop_timer_new(loop, on_retry, listener);
    listener->watch = loop_watch_new(loop, fd, LOOP_READ, on_ready, listener);
    return listener;
}

void listener_limit(struct listener *listener, unsigned per_second)
{
    if (listener == NULL) {
        return;
    }
    listener->share = (per_second + PAUSES_A_SECOND - 1) / PAUSES_A_SECOND;
}

void listener_pause(struct listener *listener)
{
    listener->paused = true;
    update_watch(listener);
}

void listener_resume(struct listener *listener)
{
    listener->paused = false;
    update_watch(listener);
}

void listener_free(struct listener *listener)
{
    if (listener == NULL || listener->freed) {
        return;
    }
    loop_watch_free(listener->watch);
    loop_timer_free(listener->retry);
    close(listener->fd);
    listener->freed = true;
    if (!listener->accepting) {
        memory_free(listener);
    }
}
