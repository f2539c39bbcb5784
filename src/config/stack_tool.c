/* stack_tool.c - a program of the mail servers, run to its end: what it said, and how it ended. */
#include "config/stack_tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_MAX = 512 * 1024, TOOL_MS = 30 * 1000 };

static void become(const struct stack_tool *tool, int out, int complaints)
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
    _exit(STACK_TOOL_ABSENT);
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
static bool listen_to(struct stack_tool *tool, int out, int complaints)
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

bool stack_tool_run(struct stack_tool *tool, const char *const *words, struct error *error)
{
    int out[2] = {-1, -1}, complaints[2] = {-1, -1}, status = 0;
    *tool = (struct stack_tool){words, buffer_limited(OUTPUT_MAX), buffer_limited(OUTPUT_MAX), -1};
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

void stack_tool_done(struct stack_tool *tool)
{
    buffer_done(&tool->said);
    buffer_done(&tool->complained);
}

bool stack_tool_complain(const struct stack_tool *tool, struct error *error)
{
    struct span text = buffer_span(&tool->complained), line;
    if (span_empty(text)) {
        text = buffer_span(&tool->said);
    }
    while (span_cut(&text, '\n', &line) && span_empty(line)) {
    }
    return error_set(error, "%s: %.*s", tool->words[0], (int)span_first(line, 400).length, line.at);
}
