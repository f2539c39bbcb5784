/* control.c - what parent and worker say to each other, over a socket pair of their own. */
#include "daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

bool control_pair(int fds[2], struct error *error)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) {
        return error_set(error, "no socket pair for the worker: %s", strerror(errno));
    }
    return true;
}

union ancillary {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

bool control_send(int fd, enum control_message message, int file)
{
    unsigned char byte = (unsigned char)message;
    struct iovec part = {&byte, 1};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    union ancillary ancillary;
    if (file >= 0) {
        memset(&ancillary, 0, sizeof(ancillary));
        packet.msg_control = &ancillary;
        packet.msg_controllen = sizeof(ancillary);
        struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &file, sizeof(int));
    }
    return sendmsg(fd, &packet, MSG_NOSIGNAL) == 1;
}

enum control_message control_receive(int fd, int *file)
{
    unsigned char byte = 0;
    struct iovec part = {&byte, 1};
    union ancillary ancillary;
    struct msghdr packet = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &ancillary,
                            .msg_controllen = sizeof(ancillary)};
    *file = -1;
    ssize_t count = recvmsg(fd, &packet, MSG_CMSG_CLOEXEC);
    if (count < 0) {
        return errno == EAGAIN || errno == EINTR ? CONTROL_NOTHING : CONTROL_CLOSED;
    }
    struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS) {
        memcpy(file, CMSG_DATA(header), sizeof(int));
    }
    bool known = count == 1 && byte > CONTROL_CLOSED && byte <= CONTROL_CONFIG;
    return known ? (enum control_message)byte : CONTROL_CLOSED;
}

static bool write_all(int fd, struct span bytes)
{
    while (!span_empty(bytes)) {
        ssize_t count = write(fd, bytes.at, bytes.length);
        if (count <= 0) {
            return false;
        }
        bytes = span_from(bytes, (size_t)count);
    }
    return true;
}

int control_file_new(const char *name, struct span bytes, struct error *error)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || !write_all(fd, bytes) ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
        error_set(error, "no memory file for %s: %s", name, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

bool control_file_read(int fd, struct buffer *bytes, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_size < 0) {
        return error_set(error, "memory file: %s", strerror(errno));
    }
    size_t length = (size_t)status.st_size;
    char *room = buffer_room(bytes, length);
    /* By offset: every worker shares one descriptor's position with those before it. */
    if (room == NULL || pread(fd, room, length, 0) != status.st_size) {
        return error_set(error, "a memory file of %zu bytes cannot be read", length);
    }
    buffer_took(bytes, length);
    return true;
}
