/* cli_call.c - one call to the daemon over its admin socket: HTTP out, JSON back. */
#include "cli/cli_call.h"

#include "base/memory.h"
#include "cli/cli_show.h"
#include "wire/http.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    ANSWER_MAX = 2 * 1024 * 1024,
    HEAD_MAX = 16 * 1024,
    WAIT_SECONDS = 60,
    SHORT_WAIT_SECONDS = 10,
    LONG_WAIT_SECONDS = 300
};

static const struct {
    const char *code;
    enum cli_exit exit;
} CODES[] = {
    {"done", CLI_OK},         {"same", CLI_OK},
    {"failed", CLI_FAILED},   {"not_found", CLI_NOT_FOUND},
    {"exists", CLI_EXISTS},   {"invalid", CLI_REFUSED},
    {"refused", CLI_REFUSED},
};

static void close_fd(const int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

/* Root's socket only: whoever else bound one there would be told passwords. */
static int connect_to(const char *path, int wait_seconds, struct error *error)
{
    struct stat status;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = wait_seconds};
    if (strlen(path) >= sizeof address.sun_path) {
        error_set(error, "%s: the path is too long for a socket", path);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (lstat(path, &status) != 0) {
        error_set(error, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (!S_ISSOCK(status.st_mode) || status.st_uid != 0) {
        error_set(error, "%s: not a socket of root: refused", path);
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        error_set(error, "%s: %s", path, strerror(errno));
        close_fd(&fd);
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    return fd;
}

static bool send_all(int fd, struct span bytes)
{
    while (!span_empty(bytes)) {
        ssize_t sent = send(fd, bytes.at, bytes.length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        bytes = span_from(bytes, sent > 0 ? (size_t)sent : 0);
    }
    return true;
}

/* Reads until the answer is whole. false: `problem` says why not. */
static bool receive(int fd, struct buffer *bytes, struct http_response *response,
                    const char **problem)
{
    static const struct http_limits LIMITS = {HEAD_MAX, HTTP_HEADERS_MAX, ANSWER_MAX};
    struct http_refusal refusal = {0};
    for (;;) {
        switch (http_response_parse(buffer_span(bytes), &LIMITS, response, &refusal)) {
        case HTTP_COMPLETE:
            return true;
        case HTTP_REFUSED:
            *problem = refusal.text;
            return false;
        case HTTP_MORE:
            break;
        }
        char *room = buffer_room(bytes, HEAD_MAX);
        ssize_t got = room == NULL ? 0 : recv(fd, room, HEAD_MAX, 0);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            *problem = got == 0
                           ? "the daemon closed the connection: it may be restarting, try again"
                       : errno == EAGAIN ? "it takes connections, and says nothing: its worker "
                                           "hangs or dies again and again"
                                         : strerror(errno);
            return false;
        }
        buffer_took(bytes, got > 0 ? (size_t)got : 0);
    }
}

static bool write_call(struct buffer *out, const char *method, const char *target,
                       struct json *body)
{
    static const struct http_header HEADERS[] = {
        {SPAN_LITERAL("Content-Type"), SPAN_LITERAL("application/json")}};
    CLEANUP(buffer_wipe) struct buffer text = buffer_limited(JSON_SIZE_MAX);
    if (body != NULL) {
        json_write(body, &text);
    }
    struct http_call call = {.method = method,
                             .target = span_of(target),
                             .host = SPAN_LITERAL("localhost"),
                             .headers = HEADERS,
                             .headers_count = body != NULL ? 1 : 0,
                             .body = buffer_span(&text)};
    return !buffer_full(&text) && http_call_write(&call, out);
}

/* What the daemon's answer means for the exit code; `error` is its own text. */
static enum cli_exit judge(int status, const struct json *document, struct error *error)
{
    struct span code = {0}, problem = {0};
    enum cli_exit result = status == 200 ? CLI_OK : CLI_FAILED;
    json_text(document, "code", &code);
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++) {
        if (span_is(code, CODES[i].code)) {
            result = CODES[i].exit;
        }
    }
    json_text(document, "error", &problem);
    error_set(error, "%.*s", (int)problem.length, problem.at == NULL ? "" : problem.at);
    return result;
}

/* `document` is what the daemon answered, also when it refused; NULL: nothing that could be read. */
static enum cli_exit exchange(const char *path, struct span call, int wait_seconds,
                              struct json **document, struct error *error)
{
    const char *problem = "the call could not be sent";
    struct http_response response;
    struct error why;
    CLEANUP(buffer_done) struct buffer bytes = buffer_limited(ANSWER_MAX + HEAD_MAX);
    CLEANUP(close_fd) int fd = connect_to(path, wait_seconds, error);
    if (fd < 0) {
        return CLI_NO_DAEMON;
    }
    /* A refusal may come, and the connection be closed, before all was sent: read in any case. */
    (void)send_all(fd, call);
    if (!receive(fd, &bytes, &response, &problem)) {
        error_set(error, "no usable answer from the daemon: %s", problem);
        return CLI_FAILED;
    }
    *document = json_parse(response.body, ANSWER_MAX, &why);
    if (*document == NULL) {
        error_set(error, "no usable answer from the daemon: %s", why.text);
        return CLI_FAILED;
    }
    return judge(response.status, *document, error);
}

static enum cli_exit call(const char *path, const char *method, const char *target,
                          struct json *body, int wait_seconds, struct json **document,
                          struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer text = buffer_limited(JSON_SIZE_MAX + HEAD_MAX);
    *document = NULL;
    bool written = write_call(&text, method, target, body);
    json_free(body);
    if (!written) {
        error_set(error, "that is too long to be an account");
        return CLI_REFUSED;
    }
    return exchange(path, buffer_span(&text), wait_seconds, document, error);
}

static void complain(const struct cli_options *options, enum cli_exit result,
                     const struct json *document, const struct error *error)
{
    if (options->json && document != NULL) {
        cli_show_json(document);
        return;
    }
    fprintf(stderr, "postern: %s\n", error->text);
    if (result == CLI_NO_DAEMON) {
        fputs("Is posternd running? See 'systemctl status postern' and the mail log, or name its "
              "socket with --socket.\n",
              stderr);
    }
}

static enum cli_exit call_aloud(const struct cli_options *options, const char *method,
                                const char *target, struct json *body, int wait_seconds,
                                struct json **answer)
{
    struct error error;
    const char *path = options->socket != NULL ? options->socket : CLI_CALL_SOCKET;
    enum cli_exit result = call(path, method, target, body, wait_seconds, answer, &error);
    if (result != CLI_OK) {
        complain(options, result, *answer, &error);
        json_free(*answer);
        *answer = NULL;
    }
    return result;
}

enum cli_exit cli_call(const struct cli_options *options, const char *method, const char *target,
                       struct json *body, struct json **answer)
{
    return call_aloud(options, method, target, body, WAIT_SECONDS, answer);
}

enum cli_exit cli_call_patiently(const struct cli_options *options, const char *target,
                                 struct json **answer)
{
    return call_aloud(options, "GET", target, NULL, LONG_WAIT_SECONDS, answer);
}

static enum cli_exit call_quietly(const char *socket, const char *method, const char *target,
                                  int wait_seconds, struct json **answer, struct error *error)
{
    enum cli_exit result = call(socket, method, target, NULL, wait_seconds, answer, error);
    if (result != CLI_OK) {
        json_free(*answer);
        *answer = NULL;
    }
    return result;
}

enum cli_exit cli_call_quietly(const char *socket, const char *target, bool patient,
                               struct json **answer, struct error *error)
{
    int wait = patient ? LONG_WAIT_SECONDS : SHORT_WAIT_SECONDS;
    return call_quietly(socket, "GET", target, wait, answer, error);
}

enum cli_exit cli_call_post_quietly(const char *socket, const char *target, struct json **answer,
                                    struct error *error)
{
    return call_quietly(socket, "POST", target, WAIT_SECONDS, answer, error);
}

static int reach_tcp(struct span where)
{
    char host[64], port[8];
    size_t colon = span_find_last(where, ':');
    struct span name = span_first(where, colon);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM},
                    *found = NULL;
    if (span_starts(name, "[") && span_ends(name, "]")) {
        name = span_first(span_from(name, 1), name.length - 2);
    }
    if (!span_fits(name, host, sizeof host) ||
        !span_fits(span_from(where, colon + 1), port, sizeof port) ||
        getaddrinfo(host, port, &hints, &found) != 0) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        close_fd(&fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static int reach_unix(struct span path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (!span_fits(path, address.sun_path, sizeof address.sun_path) ||
                    connect(fd, (struct sockaddr *)&address, sizeof address) != 0)) {
        close_fd(&fd);
        fd = -1;
    }
    return fd;
}

bool cli_call_reaches(const char *where, struct error *error)
{
    struct span text = span_of(where);
    CLEANUP(close_fd)
    int fd = span_starts(text, "unix:") ? reach_unix(span_from(text, sizeof "unix:" - 1))
                                        : reach_tcp(text);
    return fd >= 0 || error_set(error, "%s", strerror(errno));
}

char *cli_call_target(const char *collection, const char *word, const char *tail)
{
    CLEANUP(buffer_done) struct buffer target = buffer_limited(HEAD_MAX);
    buffer_add_text(&target, collection);
    http_encode(span_of(word), &target);
    buffer_add_text(&target, tail);
    buffer_add_byte(&target, '\0');
    return memory_text(buffer_full(&target) ? collection : target.at);
}
