/* auth_load.c - drives an auth server directly over the Dovecot auth protocol, as fast as it answers.
 *
 * auth_load SOCKET MECHANISM BASE64 CONNECTIONS OUTSTANDING SECONDS [--probe | --sign-in]
 *
 * Keeps OUTSTANDING requests open on each connection and prints one line:
 *     logins=N refused=N seconds=S
 * With --probe one more connection asks, every 5 ms, for the empty challenge that an auth server gives from
 * memory, and the line goes on with probe_p50_us, probe_p99_us and probe_max_us: how long the loop keeps people waiting.
 * With --sign-in that connection signs in every 5 ms instead (and OUTSTANDING may be 0). */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, LINE_SPACE = 256 * 1024, PROBES_MAX = 100000, PROBE_EVERY_US = 5000 };

struct connection {
    int fd;
    bool ready;
    unsigned next_id;
    size_t have, open;
    char *input;
};

struct load {
    const char *mechanism, *response;
    size_t outstanding, logins, refused;
    struct connection connections[CONNECTIONS_MAX + 1];
    size_t count;
    struct connection *probe;
    bool sign_in;
    long long probe_sent, probe_next;
    long long *probes;
    size_t probes_count;
};

static void die(const char *what)
{
    fprintf(stderr, "auth_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void send_text(const struct connection *connection, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(connection->fd, text, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            die("send");
        }
        text += sent;
        length -= (size_t)sent;
    }
}

static void open_connection(struct connection *connection, const char *path, int number)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char hello[64];
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    connection->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        die(path);
    }
    connection->input = malloc(LINE_SPACE);
    int length =
        snprintf(hello, sizeof hello, "VERSION\t1\t2\nCPID\t%d\n", (int)getpid() * 100 + number);
    send_text(connection, hello, (size_t)length);
}

static void fill(struct load *load, struct connection *connection)
{
    static char batch[LINE_SPACE];
    size_t length = 0;
    while (connection->open < load->outstanding &&
           length + strlen(load->response) + 200 < sizeof batch) {
        length += (size_t)snprintf(
            batch + length, sizeof batch - length,
            "AUTH\t%u\t%s\tservice=imap\tsecured\tnologin\tlip=127.0.0.1\trip=127.0.0.1\tresp=%s\n",
            ++connection->next_id, load->mechanism, load->response);
        connection->open++;
    }
    send_text(connection, batch, length);
}

static void ask_probe(struct load *load)
{
    static char text[LINE_SPACE];
    if (load->sign_in) {
        load->probe_sent = now_us();
        load->outstanding = 1;
        fill(load, load->probe);
        load->outstanding = 0;
        return;
    }
    int length = snprintf(text, sizeof text,
                          "AUTH\t%u\tXOAUTH2\tservice=imap\tsecured\tnologin\trip=127.0.0.1\n",
                          ++load->probe->next_id);
    load->probe_sent = now_us();
    send_text(load->probe, text, (size_t)length);
}

static void probe_answered(struct load *load)
{
    char text[64];
    if (load->probe_sent != 0 && load->probes_count < PROBES_MAX) {
        load->probes[load->probes_count++] = now_us() - load->probe_sent;
    }
    load->probe_sent = 0;
    if (load->sign_in) {
        return;
    }
    int length = snprintf(text, sizeof text, "CANCEL\t%u\n", load->probe->next_id);
    send_text(load->probe, text, (size_t)length);
}

static void take_line(struct load *load, struct connection *connection, const char *line)
{
    if (strcmp(line, "DONE") == 0) {
        connection->ready = true;
    } else if (strncmp(line, "CONT\t", 5) == 0 && connection == load->probe) {
        probe_answered(load);
    } else if (strncmp(line, "OK\t", 3) == 0) {
        if (connection == load->probe) {
            probe_answered(load);
        }
        load->logins++;
        connection->open--;
    } else if (strncmp(line, "FAIL\t", 5) == 0) {
        load->refused++;
        connection->open--;
    }
}

static void read_lines(struct load *load, struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->input + connection->have,
                       LINE_SPACE - connection->have - 1, 0);
    if (got <= 0) {
        die("the auth server closed the connection");
    }
    connection->have += (size_t)got;
    connection->input[connection->have] = '\0';
    char *line = connection->input, *end;
    while ((end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        take_line(load, connection, line);
        line = end + 1;
    }
    connection->have -= (size_t)(line - connection->input);
    memmove(connection->input, line, connection->have);
}

static void turn(struct load *load)
{
    struct pollfd polled[CONNECTIONS_MAX + 1];
    for (size_t i = 0; i < load->count; i++) {
        polled[i] = (struct pollfd){.fd = load->connections[i].fd, .events = POLLIN};
    }
    if (poll(polled, load->count, 2) < 0) {
        die("poll");
    }
    for (size_t i = 0; i < load->count; i++) {
        struct connection *connection = &load->connections[i];
        if (polled[i].revents != 0) {
            read_lines(load, connection);
        }
        if (connection->ready && connection != load->probe &&
            connection->open < load->outstanding) {
            fill(load, connection);
        }
    }
    if (load->probe != NULL && load->probe->ready && load->probe_sent == 0 &&
        now_us() >= load->probe_next) {
        load->probe_next = now_us() + PROBE_EVERY_US;
        ask_probe(load);
    }
}

static int ascending(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;
    return (x > y) - (x < y);
}

static void report(struct load *load, double seconds)
{
    printf("logins=%zu refused=%zu seconds=%.3f", load->logins, load->refused, seconds);
    if (load->probes_count > 0) {
        qsort(load->probes, load->probes_count, sizeof *load->probes, ascending);
        printf(" probes=%zu probe_p50_us=%lld probe_p99_us=%lld probe_max_us=%lld",
               load->probes_count, load->probes[load->probes_count / 2],
               load->probes[load->probes_count * 99 / 100], load->probes[load->probes_count - 1]);
    }
    putchar('\n');
}

int main(int count, char **arguments)
{
    static struct load load;
    if (count < 7 || atoi(arguments[4]) < 1 || atoi(arguments[4]) > CONNECTIONS_MAX) {
        fputs("usage: auth_load SOCKET MECHANISM BASE64 CONNECTIONS OUTSTANDING SECONDS"
              " [--probe | --sign-in]\n",
              stderr);
        return 2;
    }
    load.mechanism = arguments[2];
    load.response = arguments[3];
    load.outstanding = (size_t)atoi(arguments[5]);
    load.count = (size_t)atoi(arguments[4]);
    load.probes = calloc(PROBES_MAX, sizeof *load.probes);
    load.sign_in = count > 7 && strcmp(arguments[7], "--sign-in") == 0;
    if (load.sign_in || (count > 7 && strcmp(arguments[7], "--probe") == 0)) {
        load.probe = &load.connections[load.count++];
    }
    for (size_t i = 0; i < load.count; i++) {
        open_connection(&load.connections[i], arguments[1], (int)i);
    }
    long long start = now_us(), end = start + atoll(arguments[6]) * 1000000;
    while (now_us() < end) {
        turn(&load);
    }
    report(&load, (double)(now_us() - start) / 1e6);
    return load.logins > 0 ? 0 : 1;
}
