/* notify.c - tells the service manager how we are (sd_notify(3)), and takes its sockets (sd_listen_fds(3)). */
#include "daemon/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct {
    char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
    char names[1024];
} manager;

static size_t listen_count(void)
{
    uint64_t pid = 0, count = 0;
    bool ours = span_number(span_of(getenv("LISTEN_PID")), INT32_MAX, &pid) &&
                pid == (uint64_t)getpid() &&
                span_number(span_of(getenv("LISTEN_FDS")), NOTIFY_FDS_MAX, &count);
    return ours ? (size_t)count : 0;
}

size_t notify_begin(void)
{
    size_t count = listen_count();
    span_fits(span_of(getenv("NOTIFY_SOCKET")), manager.socket, sizeof(manager.socket));
    span_fits(span_of(getenv("LISTEN_FDNAMES")), manager.names, sizeof(manager.names));
    unsetenv("NOTIFY_SOCKET");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return count;
}

struct span notify_name(size_t index)
{
    struct span rest = span_of(manager.names), name = {0};
    for (size_t i = 0; i <= index; i++) {
        if (!span_cut(&rest, ':', &name)) {
            return span_of(NULL);
        }
    }
    return name;
}

void notify_send(const char *state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t length = strlen(manager.socket);
    if (length == 0 || length >= sizeof(to.sun_path)) {
        return;
    }
    memcpy(to.sun_path, manager.socket, length);
    if (to.sun_path[0] == '@') {
        to.sun_path[0] = '\0'; /* an abstract socket */
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return;
    }
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(fd);
}

void notify_reloading(void)
{
    struct timespec now;
    char state[80];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    notify_send(state);
}

bool notify_journal(void)
{
    struct stat status;
    char stream[64];
    const char *journal = getenv("JOURNAL_STREAM");
    if (journal == NULL || fstat(STDERR_FILENO, &status) != 0) {
        return false;
    }
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    return strcmp(stream, journal) == 0;
}
