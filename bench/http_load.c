/* http_load.c - asks an HTTP server on loopback over kept connections, as fast as it answers.
 *
 * http_load PORT CONNECTIONS REQUESTS FIRST METHOD PATH [BODY]
 *
 * Each "#" in PATH and BODY becomes the number of the request, counted from FIRST. The bearer token is read from the environment,
 * HTTP_LOAD_TOKEN. Prints one line:
 *     requests=N ok=N seconds=S p50_us=N p99_us=N bytes=N
 * ok: answered 2xx. Times are from a request's first byte to the last of its answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, REQUEST_MAX = 64 * 1024, ANSWER_MAX = 32 * 1024 * 1024 };

struct connection {
    int fd;
    bool busy;
    long long began;
    size_t have, need; /* bytes of the answer; need is 0 until its head is there */
    size_t room;
    char *input;
};

struct load {
    const char *method, *path, *body, *token;
    unsigned short port;
    long first, requests, sent, done, ok;
    long long bytes, *times;
    struct connection connections[CONNECTIONS_MAX];
    size_t count;
};

static void die(const char *what)
{
    fprintf(stderr, "http_load: %s: %s\n", what, errno == 0 ? "not as expected" : strerror(errno));
    exit(1);
}

static long long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static size_t fill(const char *template, long number, char *out, size_t room)
{
    size_t length = 0;
    for (; *template != '\0' && length + 24 < room; template ++) {
        if (*template == '#') {
            length += (size_t)snprintf(out + length, room - length, "%ld", number);
        } else {
            out[length++] = *template;
        }
    }
    out[length] = '\0';
    return length;
}

static void ask(struct load *load, struct connection *connection)
{
    static char body[REQUEST_MAX], path[REQUEST_MAX], request[2 * REQUEST_MAX + 4096];
    long number = load->first + load->sent++;
    size_t length = fill(load->body, number, body, sizeof body);
    fill(load->path, number, path, sizeof path);
    int size = snprintf(request, sizeof request,
                        "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                        "Content-Type: application/scim+json\r\nContent-Length: %zu\r\n\r\n%s",
                        load->method, path, load->token, length, body);
    connection->began = now_us();
    connection->busy = true;
    connection->have = connection->need = 0;
    for (char *at = request; size > 0;) {
        ssize_t sent = send(connection->fd, at, (size_t)size, MSG_NOSIGNAL);
        if (sent <= 0) {
            die("send");
        }
        at += sent;
        size -= (int)sent;
    }
}

/* The whole size of the answer, once its head is there. */
static size_t answer_size(struct connection *connection)
{
    connection->input[connection->have] = '\0';
    char *end = strstr(connection->input, "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }
    char *length = strcasestr(connection->input, "\r\ncontent-length:");
    size_t head = (size_t)(end - connection->input) + 4;
    return length != NULL && length < end ? head + strtoul(length + 17, NULL, 10) : head;
}

static void finish(struct load *load, struct connection *connection)
{
    load->times[load->done++] = now_us() - connection->began;
    load->ok += connection->have > 12 && connection->input[9] == '2';
    load->bytes += (long long)connection->have;
    connection->busy = false;
}

static void take(struct load *load, struct connection *connection)
{
    if (connection->room - connection->have < 65536) {
        connection->room = connection->room * 2 + 131072;
        connection->input = realloc(connection->input, connection->room + 1);
        if (connection->input == NULL || connection->room > ANSWER_MAX) {
            die("answer");
        }
    }
    ssize_t got = recv(connection->fd, connection->input + connection->have,
                       connection->room - connection->have, 0);
    if (got <= 0) {
        die("the server closed a connection");
    }
    connection->have += (size_t)got;
    if (connection->need == 0) {
        connection->need = answer_size(connection);
    }
    if (connection->need > 0 && connection->have >= connection->need) {
        finish(load, connection);
    }
}

static void run(struct load *load)
{
    struct pollfd polls[CONNECTIONS_MAX];
    while (load->done < load->requests) {
        for (size_t i = 0; i < load->count; i++) {
            if (!load->connections[i].busy && load->sent < load->requests) {
                ask(load, &load->connections[i]);
            }
            polls[i] = (struct pollfd){.fd = load->connections[i].fd, .events = POLLIN};
        }
        if (poll(polls, load->count, 60000) <= 0) {
            die("no answer for a minute");
        }
        for (size_t i = 0; i < load->count; i++) {
            if (polls[i].revents != 0) {
                take(load, &load->connections[i]);
            }
        }
    }
}

static void connect_all(struct load *load)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(load->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (size_t i = 0; i < load->count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
            die("connect");
        }
        load->connections[i].fd = fd;
    }
}

static int compare(const void *a, const void *b)
{
    const long long *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

int main(int count, char **arguments)
{
    static struct load load;
    if (count < 7) {
        fprintf(stderr, "usage: http_load PORT CONNECTIONS REQUESTS FIRST METHOD PATH [BODY]\n");
        return 2;
    }
    load.port = (unsigned short)atoi(arguments[1]);
    load.count = (size_t)atoi(arguments[2]);
    load.requests = atol(arguments[3]);
    load.first = atol(arguments[4]);
    load.method = arguments[5];
    load.path = arguments[6];
    load.body = count > 7 ? arguments[7] : "";
    load.token = getenv("HTTP_LOAD_TOKEN");
    load.times = calloc((size_t)load.requests + 1, sizeof *load.times);
    if (load.token == NULL || load.times == NULL || load.count == 0 ||
        load.count > CONNECTIONS_MAX || load.requests <= 0) {
        die("arguments");
    }
    connect_all(&load);
    long long began = now_us();
    run(&load);
    double seconds = (double)(now_us() - began) / 1e6;
    qsort(load.times, (size_t)load.done, sizeof *load.times, compare);
    printf("requests=%ld ok=%ld seconds=%.4f p50_us=%lld p99_us=%lld bytes=%lld\n", load.done,
           load.ok, seconds, load.times[load.done / 2], load.times[load.done * 99 / 100],
           load.bytes);
    return 0;
}
