/* stack_check.c - the mail servers' configuration, judged by their own tools. */
#include "config/stack_check.h"

#include "base/arena.h"
#include "base/memory.h"
#include "base/moment.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_MAX = 512 * 1024, TOOL_MS = 30 * 1000, NOT_THERE = 127 };

/* ---- tools ---- */

struct tool {
    const char *const *words; /* the program first; NULL-terminated */
    struct buffer said;       /* standard output; complaints too unless `quiet` */
    struct buffer complained;
    int status; /* exit status, NOT_THERE, or -1: killed by a signal or by us */
};

static void become(const struct tool *tool, int out, int complaints)
{
    static const char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(complaints, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    environ = (char **)(uintptr_t)environment;
    execvp(tool->words[0], (char *const *)(uintptr_t)tool->words);
    _exit(NOT_THERE);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is there to read; false at the end. What does not fit is read and forgotten. */
static bool drink(int fd, struct buffer *text)
{
    char bytes[4096];
    ssize_t count = read(fd, bytes, sizeof(bytes));
    if (count > 0) {
        buffer_add(text, span_bytes(bytes, (size_t)count));
    }
    return count > 0 || (count < 0 && errno == EINTR);
}

/* Reads both until they end or the time is over; returns whether they ended. */
static bool listen_to(struct tool *tool, int out, int complaints)
{
    struct pollfd fds[2] = {{out, POLLIN, 0}, {complaints, POLLIN, 0}};
    int64_t until = now_ms() + TOOL_MS, left = TOOL_MS;
    while ((fds[0].fd >= 0 || fds[1].fd >= 0) && left > 0) {
        poll(fds, 2, (int)left);
        if (fds[0].revents != 0 && !drink(out, &tool->said)) {
            fds[0].fd = -1;
        }
        if (fds[1].revents != 0 && !drink(complaints, &tool->complained)) {
            fds[1].fd = -1;
        }
        fds[0].revents = fds[1].revents = 0;
        left = until - now_ms();
    }
    return fds[0].fd < 0 && fds[1].fd < 0;
}

static bool tool_run(struct tool *tool, const char *const *words, struct error *error)
{
    int out[2] = {-1, -1}, complaints[2] = {-1, -1}, status = 0;
    *tool = (struct tool){words, buffer_limited(OUTPUT_MAX), buffer_limited(OUTPUT_MAX), -1};
    pid_t pid = -1;
    if (pipe2(out, O_CLOEXEC) == 0 && pipe2(complaints, O_CLOEXEC) == 0) {
        pid = fork();
    }
    if (pid == 0) {
        become(tool, out[1], complaints[1]);
    }
    close(out[1]);
    close(complaints[1]);
    if (pid > 0) {
        if (!listen_to(tool, out[0], complaints[0])) {
            kill(pid, SIGKILL);
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        tool->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    close(out[0]);
    close(complaints[0]);
    return pid > 0 || error_set(error, "%s cannot be started: %s", words[0], strerror(errno));
}

static void tool_done(struct tool *tool)
{
    buffer_done(&tool->said);
    buffer_done(&tool->complained);
}

/* The first line of what it complained, or of what it said. */
static bool complain(const struct tool *tool, struct error *error)
{
    struct span text = buffer_span(&tool->complained), line;
    if (span_empty(text)) {
        text = buffer_span(&tool->said);
    }
    while (span_cut(&text, '\n', &line) && span_empty(line)) {
    }
    return error_set(error, "%s: %.*s", tool->words[0], (int)span_first(line, 400).length, line.at);
}

/* ---- Dovecot's service auth ---- */

/* Octal digits, as doveconf writes modes: 0600, 00. */
static bool is_zero(struct span number)
{
    for (size_t i = 0; i < number.length; i++) {
        if (number.at[i] != '0') {
            return false;
        }
    }
    return number.length > 0;
}

/* "  unix_listener login/login {" begins a block, whose "    mode = 0666" or "    port = 993" decides. */
enum stack_check_dovecot stack_check_listeners(struct span doveconf, struct error *error)
{
    struct span line, listener = {0};
    size_t listeners = 0;
    while (span_cut(&doveconf, '\n', &line)) {
        line = span_trim(line);
        bool network = span_starts(listener, "inet_listener");
        bool begins = span_starts(line, "unix_listener ") || span_starts(line, "fifo_listener ") ||
                      span_starts(line, "inet_listener ");
        struct span value = span_trim(span_from(line, span_find(line, '=') + 1));
        if (begins) {
            listener = span_trim(span_first(line, span_find(line, '{')));
            listeners++;
        } else if (span_is(line, "}")) {
            listener = span_of(NULL);
        } else if (!span_empty(listener) && span_starts(line, network ? "port =" : "mode =") &&
                   !is_zero(value)) {
            error_set(error,
                      "Dovecot's own auth service is not switched off: it has \"%.*s\" with %s; "
                      "write `service auth { %.*s { %s = 0 } }`",
                      (int)listener.length, listener.at, network ? "a port" : "a mode other than 0",
                      (int)listener.length, listener.at, network ? "port" : "mode");
            return STACK_CHECK_ON;
        }
    }
    if (listeners == 0) {
        error_set(error, "doveconf lists no listener of service auth");
        return STACK_CHECK_FAILED;
    }
    return STACK_CHECK_OFF;
}

enum stack_check_dovecot stack_check_dovecot(const char *config, struct error *error)
{
    const char *const words[] = {"doveconf", "-c", config, "service/auth", NULL};
    struct tool tool;
    enum stack_check_dovecot answer = STACK_CHECK_FAILED;
    if (!tool_run(&tool, words, error)) {
        return STACK_CHECK_FAILED;
    }
    if (tool.status == NOT_THERE) {
        answer = STACK_CHECK_ABSENT;
    } else if (tool.status != 0 || buffer_full(&tool.said)) {
        complain(&tool, error);
    } else {
        answer = stack_check_listeners(buffer_span(&tool.said), error);
    }
    tool_done(&tool);
    return answer;
}

/* ---- what was rendered ---- */

static bool judge(const char *const *words, bool silent, struct error *error)
{
    struct tool tool;
    if (!tool_run(&tool, words, error)) {
        return false;
    }
    bool good = tool.status == 0 && (!silent || tool.complained.length == 0);
    if (tool.status == NOT_THERE) {
        error_set(error, "%s is not installed", words[0]);
    } else if (!good) {
        complain(&tool, error);
    }
    tool_done(&tool);
    return good;
}

bool stack_check(const char *root, struct error *error)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const char *postfix = arena_format(&arena, "%s/postfix", root);
    const char *dovecot = arena_format(&arena, "%s/dovecot.conf", root);
    const char *const main_cf[] = {"postconf", "-c", postfix, "-n", NULL};
    const char *const master_cf[] = {"postconf", "-c", postfix, "-M", NULL};
    const char *const owners[] = {"postfix", "-c", postfix, "check", NULL};
    const char *const all[] = {"doveconf", "-c", dovecot, "-n", NULL};
    if (!judge(main_cf, true, error) || !judge(master_cf, true, error) ||
        !judge(owners, false, error)) {
        return error_prefix(error, "%s: ", postfix);
    }
    if (!judge(all, true, error)) {
        return error_prefix(error, "%s: ", dovecot);
    }
    enum stack_check_dovecot answer = stack_check_dovecot(dovecot, error);
    if (answer == STACK_CHECK_ABSENT) {
        return error_set(error, "doveconf is not installed");
    }
    return answer == STACK_CHECK_OFF || error_prefix(error, "%s: ", dovecot);
}
