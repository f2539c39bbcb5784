/* cli_call.c - one call to the daemon over its admin socket: HTTP out, JSON back. */
#include "cli/cli_call.h"

#include "base/memory.h"
#include "wire/http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 2 * 1024 * 1024, HEAD_MAX = 16 * 1024, WAIT_SECONDS = 60 };

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

static enum cli_exit no_daemon(const char *path, const char *problem)
{
    fprintf(
        stderr,
        "postern: %s: %s\nIs posternd running? See 'systemctl status postern' and the mail log, "
        "or name its socket with --socket.\n",
        path, problem);
    return CLI_NO_DAEMON;
}

/* Root's socket only: whoever else bound one there would be told passwords. */
static int connect_to(const char *path)
{
    struct stat status;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = WAIT_SECONDS};
    if (strlen(path) >= sizeof address.sun_path) {
        no_daemon(path, "the path is too long for a socket");
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (lstat(path, &status) != 0) {
        no_daemon(path, strerror(errno));
        return -1;
    }
    if (!S_ISSOCK(status.st_mode) || status.st_uid != 0) {
        no_daemon(path, "not a socket of root: refused");
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        no_daemon(path, strerror(errno));
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

/* What the daemon's answer means for the exit code; says the error. Takes over `document`. */
static enum cli_exit judge(const struct cli_options *options, const struct http_response *response,
                           struct json *document, struct json **answer)
{
    struct span code = {0}, problem = {0};
    enum cli_exit result = response->status == 200 ? CLI_OK : CLI_FAILED;
    json_text(document, "code", &code);
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++) {
        if (span_is(code, CODES[i].code)) {
            result = CODES[i].exit;
        }
    }
    if (result == CLI_OK) {
        *answer = document;
        return CLI_OK;
    }
    if (options->json) {
        printf("%.*s\n", (int)response->body.length, response->body.at);
    } else {
        json_text(document, "error", &problem);
        fprintf(stderr, "postern: %.*s\n", (int)problem.length, problem.at);
    }
    json_free(document);
    return result;
}

static enum cli_exit exchange(const struct cli_options *options, struct span call,
                              struct json **answer)
{
    const char *path = options->socket != NULL ? options->socket : CLI_CALL_SOCKET;
    const char *problem = "the call could not be sent";
    struct http_response response;
    struct error error;
    CLEANUP(buffer_done) struct buffer bytes = buffer_limited(ANSWER_MAX + HEAD_MAX);
    CLEANUP(close_fd) int fd = connect_to(path);
    if (fd < 0) {
        return CLI_NO_DAEMON;
    }
    /* A refusal may come, and the connection be closed, before all was sent: read in any case. */
    (void)send_all(fd, call);
    if (!receive(fd, &bytes, &response, &problem)) {
        fprintf(stderr, "postern: no usable answer from the daemon: %s\n", problem);
        return CLI_FAILED;
    }
    struct json *document = json_parse(response.body, ANSWER_MAX, &error);
    if (document == NULL) {
        fprintf(stderr, "postern: no usable answer from the daemon: %s\n", error.text);
        return CLI_FAILED;
    }
    return judge(options, &response, document, answer);
}

enum cli_exit cli_call(const struct cli_options *options, const char *method, const char *target,
                       struct json *body, struct json **answer)
{
    CLEANUP(buffer_wipe) struct buffer call = buffer_limited(JSON_SIZE_MAX + HEAD_MAX);
    *answer = NULL;
    bool written = write_call(&call, method, target, body);
    json_free(body);
    if (!written) {
        fputs("postern: that is too long to be an account\n", stderr);
        return CLI_REFUSED;
    }
    return exchange(options, buffer_span(&call), answer);
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
