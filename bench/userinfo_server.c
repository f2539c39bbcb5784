/* userinfo_server.c - a userinfo endpoint that costs next to nothing: says yes to everybody, counts.
 *
 * userinfo_server PORT JSON
 *
 * Answers every request on 127.0.0.1:PORT with JSON, keep-alive. On SIGUSR1 it prints how many it has
 * answered so far, on SIGTERM once more before it ends. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FDS_MAX = 4096, HEAD_MAX = 65536 };

static struct {
    char *head;
    size_t have;
} clients[FDS_MAX];

static char answer[4096];
static size_t answer_length, answered;

static void add(int poll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

static void serve(int fd)
{
    char *head = clients[fd].head;
    ssize_t got = recv(fd, head + clients[fd].have, HEAD_MAX - 1 - clients[fd].have, 0);
    if (got <= 0) {
        clients[fd].have = 0;
        close(fd);
        return;
    }
    clients[fd].have += (size_t)got;
    head[clients[fd].have] = '\0';
    if (strstr(head, "\r\n\r\n") != NULL) {
        clients[fd].have = 0;
        answered++;
        (void)!write(fd, answer, answer_length);
    }
}

static void accept_one(int poll, int listener)
{
    int one = 1, fd = accept(listener, NULL, NULL);
    if (fd < 0 || fd >= FDS_MAX) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (clients[fd].head == NULL) {
        clients[fd].head = malloc(HEAD_MAX);
    }
    clients[fd].have = 0;
    add(poll, fd);
}

static void on_signal(int fd)
{
    struct signalfd_siginfo info;
    (void)!read(fd, &info, sizeof info);
    printf("%zu\n", answered);
    fflush(stdout);
    if (info.ssi_signo == SIGTERM) {
        exit(0);
    }
}

int main(int count, char **arguments)
{
    if (count != 3) {
        fputs("usage: userinfo_server PORT JSON\n", stderr);
        return 2;
    }
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((unsigned short)atoi(arguments[1]))};
    answer_length = (size_t)snprintf(
        answer, sizeof answer,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        strlen(arguments[2]), arguments[2]);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 512) != 0) {
        fprintf(stderr, "userinfo_server: %s\n", strerror(errno));
        return 1;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int signal_fd = signalfd(-1, &signals, 0);
    add(poll, listener);
    add(poll, signal_fd);
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                accept_one(poll, listener);
            } else if (fd == signal_fd) {
                on_signal(fd);
            } else {
                serve(fd);
            }
        }
    }
}
