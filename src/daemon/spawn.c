/* spawn.c - starts the worker: fork, descriptors in their places, exec of ourselves with an empty environment. */
#include "daemon/spawn.h"

#include "daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Above all places of control.h. */
enum { ASIDE = 64, PLACES = CONTROL_FD_SOCKETS + SOCKETS_COUNT };

int spawn_config_file(const struct config *config, struct error *error)
{
    struct buffer text = buffer_limited(CONFIG_TEXT_MAX);
    config_print(config, &text);
    int file = -1;
    if (buffer_full(&text)) {
        error_set(error, "the configuration is longer than %d bytes", CONFIG_TEXT_MAX);
    } else {
        file = control_file_new("postern.conf", buffer_span(&text), error);
    }
    buffer_wipe(&text);
    return file;
}

/* In the child, after fork: only calls that are safe there. `wanted[place]` is the descriptor for each place. */
static void arrange(const int wanted[PLACES])
{
    int aside[PLACES];
    for (int place = CONTROL_FD; place < PLACES; place++) {
        aside[place] = wanted[place] < 0 ? -1 : fcntl(wanted[place], F_DUPFD, ASIDE);
    }
    for (int place = CONTROL_FD; place < PLACES; place++) {
        if (aside[place] < 0) {
            close(place);
        } else {
            dup2(aside[place], place);
        }
    }
    close_range(PLACES, ~0U, 0);
}

static void become_worker(const struct spawn_inputs *inputs, const int wanted[PLACES])
{
    const char *arguments[5] = {"posternd", "--worker"};
    size_t count = 2;
    if (inputs->foreground) {
        arguments[count++] = "--foreground";
    }
    if (inputs->journal) {
        arguments[count++] = "--journal";
    }
    char *const environment[] = {NULL};
    sigset_t none;
    /* Both are the parent's, also when a terminal sends them to everybody; being ignored outlives the exec. */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    arrange(wanted);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve("/proc/self/exe", (char *const *)(uintptr_t)arguments, environment);
    _exit(127);
}

static pid_t fork_worker(const struct spawn_inputs *inputs, const int wanted[PLACES],
                         struct error *error)
{
    pid_t pid = fork();
    if (pid == 0) {
        become_worker(inputs, wanted);
    }
    if (pid < 0) {
        error_set(error, "fork: %s", strerror(errno));
        return 0;
    }
    return pid;
}

pid_t spawn_worker(const struct spawn_inputs *inputs, int *control, struct error *error)
{
    int pair[2] = {-1, -1}, wanted[PLACES];
    pid_t pid = 0;
    int config = spawn_config_file(inputs->config, error);
    int key =
        config < 0 ? -1 : control_file_new("auth-token", secret_reveal(inputs->token_key), error);
    if (key >= 0 && control_pair(pair, error)) {
        wanted[CONTROL_FD] = pair[1];
        wanted[CONTROL_FD_CONFIG] = config;
        wanted[CONTROL_FD_KEY] = key;
        for (int i = 0; i < SOCKETS_COUNT; i++) {
            wanted[CONTROL_FD_SOCKETS + i] = inputs->sockets->fd[i];
        }
        pid = fork_worker(inputs, wanted, error);
    }
    int ours[] = {config, key, pair[1], pid == 0 ? pair[0] : -1};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (ours[i] >= 0) {
            close(ours[i]);
        }
    }
    *control = pid == 0 ? -1 : pair[0];
    return pid;
}
