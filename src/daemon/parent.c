/* parent.c - the process that holds every socket and keeps a worker running. */
#include "daemon/parent.h"

#include "base/memory.h"
#include "base/secret.h"
#include "config/config.h"
#include "daemon/control.h"
#include "daemon/logging.h"
#include "daemon/notify.h"
#include "daemon/prepare.h"
#include "daemon/privileges.h"
#include "daemon/sockets.h"
#include "daemon/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STOP_MORE_MS = 3000, PREDECESSOR_MS = 3000 };

enum parent_state {
    PARENT_STARTING, /* the worker has not been ready yet */
    PARENT_SERVING,  /* it is, and has a heartbeat */
    PARENT_WAITING,  /* there is none: the back-off runs */
    PARENT_STOPPING, /* it was told to end */
};

struct parent {
    const struct parent_options *options;
    struct config config;
    struct prepare prepared;
    struct sockets sockets;
    struct loop *loop;
    struct logging *logging;
    struct loop_signal *signals[4];
    enum parent_state state;
    pid_t worker; /* 0: none */
    int control;  /* our end; -1: none */
    struct loop_watch *watch;
    struct loop_timer
        *silence; /* since the worker's last message; while stopping: until it is killed */
    struct loop_timer *backoff;
    int64_t backoff_ms; /* the next wait */
    bool served;        /* this worker had a heartbeat */
    bool ever_ready, hung;
    int status; /* our exit status */
};

static void start_worker(struct parent *parent);

static const struct log *parent_log(const struct parent *parent)
{
    return logging_log(parent->logging);
}

/* ---- the worker dies ---- */

static void drop_control(struct parent *parent)
{
    loop_watch_free(parent->watch);
    parent->watch = NULL;
    if (parent->control >= 0) {
        close(parent->control);
    }
    parent->control = -1;
}

/* One that had served is replaced at once; others wait longer each time. */
static void start_another(struct parent *parent)
{
    const struct config_worker *settings = &parent->config.worker;
    if (parent->served) {
        parent->backoff_ms = settings->backoff_min_ms;
        start_worker(parent);
        return;
    }
    parent->state = PARENT_WAITING;
    log_warning(parent_log(parent), "worker_backoff", log_number("wait_ms", parent->backoff_ms));
    loop_timer_set(parent->backoff, parent->backoff_ms);
    parent->backoff_ms = parent->backoff_ms * 2 < settings->backoff_max_ms
                             ? parent->backoff_ms * 2
                             : settings->backoff_max_ms;
}

static void log_death(const struct parent *parent, int status)
{
    int64_t pid = parent->worker;
    if (WIFSIGNALED(status)) {
        log_error(parent_log(parent), "worker_died", log_number("pid", pid),
                  log_number("signal", WTERMSIG(status)),
                  log_text("reason", parent->hung ? "hung" : strsignal(WTERMSIG(status))));
    } else {
        log_error(parent_log(parent), "worker_died", log_number("pid", pid),
                  log_number("status", WEXITSTATUS(status)));
    }
}

static void on_child(int number, void *context)
{
    struct parent *parent = context;
    int status = 0;
    (void)number;
    if (parent->worker == 0 || waitpid(parent->worker, &status, WNOHANG) != parent->worker) {
        return;
    }
    drop_control(parent);
    loop_timer_clear(parent->silence);
    bool stopping = parent->state == PARENT_STOPPING;
    bool told = stopping && (status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
    if (!told) {
        log_death(parent, status);
    }
    parent->worker = 0;
    if (stopping) {
        loop_stop(parent->loop);
    } else if (!parent->ever_ready) {
        /* A first worker that cannot start is for a person to look at: the reason stands above. */
        parent->status = 1;
        loop_stop(parent->loop);
    } else {
        start_another(parent);
    }
}

/* ---- the worker lives ---- */

static void on_silence(void *context)
{
    struct parent *parent = context;
    const struct config_worker *settings = &parent->config.worker;
    int64_t silent = parent->state == PARENT_STARTING ? settings->start_timeout_ms
                                                      : settings->heartbeat_timeout_ms;
    if (parent->state != PARENT_STOPPING) {
        log_error(parent_log(parent), "worker_hung", log_number("pid", parent->worker),
                  log_number("silent_ms", silent));
    }
    parent->hung = true;
    kill(parent->worker, SIGKILL);
}

static void on_ready(struct parent *parent)
{
    parent->state = PARENT_SERVING;
    parent->ever_ready = true;
    log_info(parent_log(parent), "ready", log_number("worker", parent->worker));
    notify_send("READY=1");
}

static void on_control(int fd, int events, void *context)
{
    struct parent *parent = context;
    int file;
    (void)events;
    enum control_message message = control_receive(fd, &file);
    if (file >= 0) {
        close(file);
    }
    switch (message) {
    case CONTROL_CLOSED:
        /* It is about to die, or closed its end and must: SIGCHLD tells the rest. */
        loop_watch_set(parent->watch, 0);
        return;
    case CONTROL_READY:
        on_ready(parent);
        break;
    case CONTROL_ALIVE:
        parent->served = parent->served || parent->state == PARENT_SERVING;
        break;
    case CONTROL_APPLIED:
        log_info(parent_log(parent), "reloaded", log_text("file", parent->config.path));
        notify_send("READY=1");
        break;
    case CONTROL_REFUSED:
        log_error(parent_log(parent), "reload_refused",
                  log_text("reason", "the worker cannot read it"));
        notify_send("READY=1");
        break;
    case CONTROL_NOTHING:
    case CONTROL_CONFIG:
        return;
    }
    if (parent->state == PARENT_SERVING) {
        loop_timer_set(parent->silence, parent->config.worker.heartbeat_timeout_ms);
    }
}

static void start_worker(struct parent *parent)
{
    struct error error;
    struct spawn_inputs inputs = {.config = &parent->config,
                                  .sockets = &parent->sockets,
                                  .token_key = &parent->prepared.token_key,
                                  .foreground = parent->options->foreground,
                                  .journal = parent->options->journal};
    parent->served = parent->hung = false;
    parent->state = PARENT_STARTING;
    parent->worker = spawn_worker(&inputs, &parent->control, &error);
    if (parent->worker == 0) {
        log_error(parent_log(parent), "worker_not_started", log_text("reason", error.text));
        start_another(parent);
        return;
    }
    parent->watch = loop_watch_new(parent->loop, parent->control, LOOP_READ, on_control, parent);
    loop_timer_set(parent->silence, parent->config.worker.start_timeout_ms);
}

static void on_backoff(void *context)
{
    start_worker(context);
}

/* ---- what people want ---- */

static bool send_config(struct parent *parent, struct error *error)
{
    if (parent->worker == 0) {
        return true; /* the next one gets it from the start */
    }
    int file = spawn_config_file(&parent->config, error);
    if (file < 0) {
        return false;
    }
    bool sent = control_send(parent->control, CONTROL_CONFIG, file);
    close(file);
    return sent || error_set(error, "the worker does not listen");
}

static void log_warnings(const struct parent *parent)
{
    for (size_t i = 0; parent->config.warnings[i] != NULL; i++) {
        log_warning(parent_log(parent), "config_warning",
                    log_text("text", parent->config.warnings[i]));
    }
}

static void on_reload(int number, void *context)
{
    struct parent *parent = context;
    struct config fresh;
    struct error error;
    (void)number;
    notify_reloading();
    if (!config_load(parent->options->config, parent->options->env, &fresh, &error)) {
        log_error(parent_log(parent), "reload_refused", log_text("reason", error.text));
        notify_send("READY=1");
        return;
    }
    CLEANUP(buffer_done) struct buffer changed = buffer_limited(ERROR_MAX);
    config_keep(&fresh, &parent->config, &changed);
    config_free(&parent->config);
    parent->config = fresh;
    logging_set_level(parent->logging, fresh.log_level);
    log_warnings(parent);
    if (changed.length > 0) {
        log_warning(parent_log(parent), "restart_needed",
                    log_span("settings", buffer_span(&changed)));
    }
    if (!send_config(parent, &error)) {
        log_error(parent_log(parent), "reload_refused", log_text("reason", error.text));
        notify_send("READY=1");
    }
}

static void on_stop(int number, void *context)
{
    struct parent *parent = context;
    (void)number;
    notify_send("STOPPING=1");
    if (parent->worker == 0) {
        loop_stop(parent->loop);
        return;
    }
    parent->state = PARENT_STOPPING;
    kill(parent->worker, SIGTERM);
    loop_timer_set(parent->silence, parent->config.worker.stop_timeout_ms + STOP_MORE_MS);
}

/* ---- the start and the end ---- */

static void watch(struct parent *parent)
{
    parent->signals[0] = loop_signal_new(parent->loop, SIGCHLD, on_child, parent);
    parent->signals[1] = loop_signal_new(parent->loop, SIGHUP, on_reload, parent);
    parent->signals[2] = loop_signal_new(parent->loop, SIGTERM, on_stop, parent);
    parent->signals[3] = loop_signal_new(parent->loop, SIGINT, on_stop, parent);
    parent->silence = loop_timer_new(parent->loop, on_silence, parent);
    parent->backoff = loop_timer_new(parent->loop, on_backoff, parent);
    parent->backoff_ms = parent->config.worker.backoff_min_ms;
}

/* Each step once, in this order. */
static bool start(struct parent *parent, struct error *error)
{
    const struct parent_options *options = parent->options;
    return prepare_all(&parent->config, &parent->prepared, error) &&
           sockets_take(&parent->sockets, &parent->config, NOTIFY_FD_FIRST, options->handed,
                        error) &&
           sockets_open(&parent->sockets, &parent->config, PREDECESSOR_MS, error) &&
           privileges_keep_few(error);
}

static void done(struct parent *parent)
{
    sockets_close(&parent->sockets);
    prepare_done(&parent->prepared);
    loop_timer_free(parent->silence);
    loop_timer_free(parent->backoff);
    drop_control(parent);
    for (size_t i = 0; i < sizeof(parent->signals) / sizeof(parent->signals[0]); i++) {
        if (parent->signals[i] != NULL) {
            loop_signal_free(parent->signals[i]);
        }
    }
    logging_free(parent->logging);
    loop_free(parent->loop);
    config_free(&parent->config);
}

static void run(struct parent *parent)
{
    struct error error;
    parent->loop = loop_new();
    parent->logging = logging_new(parent->loop, &parent->config, parent->options->foreground,
                                  parent->options->journal);
    log_info(parent_log(parent), "started", log_text("version", POSTERN_VERSION),
             log_text("file", parent->config.path));
    log_warnings(parent);
    if (!start(parent, &error)) {
        log_error(parent_log(parent), "not_started", log_text("reason", error.text));
        if (!logging_is_stderr(parent->logging)) {
            fprintf(stderr, "posternd: %s\n", error.text);
        }
        parent->status = 1;
        return;
    }
    for (size_t i = 0; i < PREPARE_NOTICES_MAX && parent->prepared.notices[i] != NULL; i++) {
        log_warning(parent_log(parent), "notice", log_text("text", parent->prepared.notices[i]));
    }
    watch(parent);
    start_worker(parent);
    loop_run(parent->loop);
    log_info(parent_log(parent), "stopped", log_number("status", parent->status));
}

int parent_main(const struct parent_options *options)
{
    struct parent parent = {.options = options, .control = -1};
    struct error error;
    sockets_init(&parent.sockets);
    if (!config_load(options->config, options->env, &parent.config, &error)) {
        fprintf(stderr, "posternd: %s\n", error.text);
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); /* until there is something to reload */
    run(&parent);
    done(&parent);
    return parent.status;
}

bool parent_check(const struct parent_options *options, struct error *error)
{
    struct config config;
    if (!config_load(options->config, options->env, &config, error)) {
        return false;
    }
    bool good = prepare_check(&config, error);
    for (size_t i = 0; config.warnings[i] != NULL; i++) {
        fprintf(stderr, "posternd: warning: %s\n", config.warnings[i]);
    }
    config_free(&config);
    return good;
}
