/* with_net.h - what the tests of src/net/ share: sockets on loopback, and waiting without sleeping. */
#ifndef TESTS_WITH_NET_H
#define TESTS_WITH_NET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"

/* Turns the loop until `condition` holds; 20 s are for a machine that is busy with other things. */
#define TURN_UNTIL(loop, condition)                                     \
    do {                                                                \
        struct moment turn_until = moment_after(loop_now(loop), 20000); \
        while (!(condition)) {                                          \
            if (moment_reached(loop_now(loop), turn_until)) {           \
                fail_msg("this never came: %s", #condition);            \
            }                                                           \
            loop_turn((loop), 20);                                      \
        }                                                               \
    } while (0)

/* A few turns in which nothing may happen. */
static inline void net_turns(struct loop *loop, int count)
{
    for (int i = 0; i < count; i++) {
        loop_turn(loop, 0);
    }
}

/* A TCP socket that listens on 127.0.0.1, at a port the kernel chose. */
static inline int net_listen(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)(void *)&address, size), 0);
    assert_int_equal(listen(fd, 512), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static inline int net_connect(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)(void *)&address, sizeof address), 0);
    return fd;
}

/* Blocking: all of `text` leaves. False when the other end is gone. */
static inline bool net_send(int fd, const char *text)
{
    size_t length = strlen(text);
    return send(fd, text, length, MSG_NOSIGNAL) == (ssize_t)length;
}

#endif
