/* worker.c - the process that serves: no privileges, one loop, and a parent that watches it. */
#include "daemon/worker.h"

#include "base/memory.h"
#include "config/config.h"
#include "daemon/control.h"
#include "daemon/logging.h"
#include "daemon/privileges.h"
#include "daemon/services.h"
#include "mail/auth_token.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILES_WANTED = 65536,
    LEAVING_MS = 1000,
    TURN_MS = 20,
    FIRST_HEARTBEAT = 20,
    FILES_FEW = 8192
};

struct worker {
    bool foreground, journal;
    struct config config;
    struct secret token_key;
    int sockets[SOCKETS_COUNT];
    struct loop *loop;
    struct logging *logging;
    struct services *services;
    struct loop_watch *watch;
    struct loop_timer *heartbeat;
    struct loop_signal *terminate;
    bool orphaned; /* the parent is gone */
};

/* ---- the start: each step once, in this order ---- */

/* What the parent left open: control.h says where. */
static bool take_descriptors(struct worker *worker, struct error *error)
{
    for (int i = 0; i < SOCKETS_COUNT; i++) {
        int fd = CONTROL_FD_SOCKETS + i;
        bool there = fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
        worker->sockets[i] = there ? fd : -1;
    }
    bool good = fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC) == 0 &&
                fcntl(CONTROL_FD_CONFIG, F_SETFD, FD_CLOEXEC) == 0 &&
                fcntl(CONTROL_FD_KEY, F_SETFD, FD_CLOEXEC) == 0;
    return good || error_set(error, "--worker is for posternd itself: descriptors are missing");
}

static bool read_config(int fd, struct config *config, struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer text = buffer_limited(CONFIG_TEXT_MAX);
    bool good =
        control_file_read(fd, &text, error) && config_read(buffer_span(&text), config, error);
    close(fd);
    return good;
}

static bool read_key(struct worker *worker, struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer key = buffer_limited(AUTH_TOKEN_KEY_SIZE);
    if (!control_file_read(CONTROL_FD_KEY, &key, error)) {
        return false;
    }
    worker->token_key = secret_new(buffer_span(&key));
    close(CONTROL_FD_KEY);
    return true;
}

static bool lose_privileges(const struct config *config, struct error *error)
{
    return privileges_become((uid_t)config->user.number, (gid_t)config->group.number, error) &&
           privileges_give_up(error) && privileges_hide(error);
}

static void start_loop(struct worker *worker)
{
    umask(077);
    size_t files = privileges_raise_files(FILES_WANTED);
    worker->loop = loop_new();
    worker->logging =
        logging_new(worker->loop, &worker->config, worker->foreground, worker->journal);
    if (files < FILES_FEW) {
        log_warning(logging_log(worker->logging), "few_descriptors",
                    log_number("limit", (int64_t)files), log_number("wanted", FILES_WANTED));
    }
}

static bool start_services(struct worker *worker, struct error *error)
{
    struct services_inputs inputs = {.loop = worker->loop,
                                     .log = logging_log(worker->logging),
                                     .logging = worker->logging,
                                     .config = &worker->config,
                                     .fds = worker->sockets,
                                     .token_key = &worker->token_key};
    worker->services = services_new(&inputs, error);
    return worker->services != NULL;
}

static bool start(struct worker *worker, struct error *error)
{
    if (!take_descriptors(worker, error) ||
        !read_config(CONTROL_FD_CONFIG, &worker->config, error) || !read_key(worker, error) ||
        !lose_privileges(&worker->config, error)) {
        return false;
    }
    start_loop(worker);
    /* The place of Landlock and seccomp: no thread runs yet, and no file of ours is open. */
    return start_services(worker, error);
}

/* ---- while it runs ---- */

static void on_heartbeat(void *context)
{
    struct worker *worker = context;
    control_send(CONTROL_FD, CONTROL_ALIVE, -1);
    services_report(worker->services);
    loop_timer_set(worker->heartbeat, worker->config.worker.heartbeat_ms);
}

/* The parent has read and checked it already; what it could not check is nothing. */
static void apply(struct worker *worker, int file)
{
    struct config fresh;
    struct error error;
    if (file < 0 || !read_config(file, &fresh, &error)) {
        control_send(CONTROL_FD, CONTROL_REFUSED, -1);
        return;
    }
    services_configure(worker->services, &fresh);
    logging_set_level(worker->logging, fresh.log_level);
    config_free(&worker->config);
    worker->config = fresh;
    control_send(CONTROL_FD, CONTROL_APPLIED, -1);
}

static void on_control(int fd, int events, void *context)
{
    struct worker *worker = context;
    int file;
    (void)events;
    enum control_message message = control_receive(fd, &file);
    if (message == CONTROL_CONFIG) {
        apply(worker, file);
    } else if (file >= 0) {
        close(file);
    }
    if (message == CONTROL_CLOSED) {
        worker->orphaned = true;
        loop_stop(worker->loop);
    }
}

static void on_signal(int number, void *context)
{
    struct worker *worker = context;
    (void)number;
    loop_stop(worker->loop);
}

static void watch(struct worker *worker)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a failed write to us, like a full disk */
    worker->terminate = loop_signal_new(worker->loop, SIGTERM, on_signal, worker);
    worker->watch = loop_watch_new(worker->loop, CONTROL_FD, LOOP_READ, on_control, worker);
    worker->heartbeat = loop_timer_new(worker->loop, on_heartbeat, worker);
    /* The first comes soon: by then it has served those who waited, and dying costs no back-off. */
    loop_timer_set(worker->heartbeat, worker->config.worker.heartbeat_ms / FIRST_HEARTBEAT);
}

/* ---- the end ---- */

static void turn_while(struct worker *worker, bool (*holds)(const struct services *), int64_t ms)
{
    struct moment until = moment_after(loop_now(worker->loop), ms);
    while (!worker->orphaned && holds(worker->services) &&
           !moment_reached(loop_now(worker->loop), until)) {
        loop_turn(worker->loop, TURN_MS);
    }
}

static void stop(struct worker *worker)
{
    services_drain(worker->services);
    turn_while(worker, services_busy, worker->config.worker.stop_timeout_ms);
    services_abandon(worker->services);
    turn_while(worker, services_leaving, LEAVING_MS);
}

static void done(struct worker *worker)
{
    services_free(worker->services);
    if (worker->loop != NULL) {
        loop_timer_free(worker->heartbeat);
        loop_watch_free(worker->watch);
        if (worker->terminate != NULL) {
            loop_signal_free(worker->terminate);
        }
        logging_free(worker->logging);
        loop_free(worker->loop);
    }
    secret_done(&worker->token_key);
    config_free(&worker->config);
}

int worker_main(bool foreground, bool journal)
{
    struct worker worker = {.foreground = foreground, .journal = journal};
    struct error error;
    bool started = start(&worker, &error);
    if (started) {
        watch(&worker);
        control_send(CONTROL_FD, CONTROL_READY, -1);
        loop_run(worker.loop);
        stop(&worker);
    } else if (worker.logging != NULL) {
        log_error(logging_log(worker.logging), "worker_not_started",
                  log_text("reason", error.text));
    } else {
        fprintf(stderr, "posternd: worker: %s\n", error.text);
    }
    done(&worker);
    return started ? 0 : 1;
}
