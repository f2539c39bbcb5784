/* fetch.c - outbound HTTP(S) for the providers: libcurl's multi interface on the loop. */
#include "net/fetch.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/fetch_failure.h"
#include "net/fetch_memory.h"
#include "net/fetch_sockets.h"

#include <assert.h>
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEAD_MAX = 64 * 1024, /* bytes of status line and headers, interim answers included */
    CONTENT_TYPE_MAX = 256,
    FAILURE_MAX = 320,
    CA_CACHE_SECONDS = 600, /* reading the system's authorities takes tens of milliseconds */
};

enum fetch_state {
    FETCH_WAITING,  /* for one of the client's connections */
    FETCH_RUNNING,  /* libcurl has it */
    FETCH_FINISHED, /* fn() comes with the next pass of the later list */
};

struct fetch {
    struct fetch_client *client;
    struct fetch *next, *previous; /* in client->all, in the order of arrival */
    enum fetch_state state;
    fetch_fn *fn;
    void *context;
    struct loop_timer *deadline;
    struct loop_later finished;
    CURL *easy;   /* while it runs */
    bool unclean; /* the kept connection it was given had bytes on it: ask on a fresh one */

    char *url;
    char *ca_file;
    struct curl_slist headers[2];
    struct buffer lines; /* what `headers` point to; has the token */
    int64_t connect_ms, total_ms;
    size_t body_max;

    size_t head_size;
    struct buffer body;
    enum fetch_outcome outcome;
    int status;
    char content_type[CONTENT_TYPE_MAX];
    char curl_text[CURL_ERROR_SIZE];
    char failure[FAILURE_MAX];
};

struct fetch_client {
    struct loop *loop;
    CURLM *multi;
    char *user_agent;
    struct fetch_sockets sockets;
    struct fetch *first, *last;
    size_t count;
    size_t running, running_max;
    struct loop_timer *timer; /* libcurl's */
    struct loop_later kick;   /* its timer, when that is set to "now" */
    CURL **spares;            /* handles for reuse, at most running_max */
    size_t spares_count;
};

static void must(bool held, const char *what)
{
    if (!held) {
        fprintf(stderr, "posternd: libcurl: %s failed\n", what);
        abort();
    }
}

/* For the life of the process; tokens pass through libcurl's memory. */
static void start_library(void)
{
    static bool started;
    if (!started) {
        CURLcode code =
            curl_global_init_mem(CURL_GLOBAL_DEFAULT, fetch_memory_new, fetch_memory_free,
                                 fetch_memory_resize, memory_text, fetch_memory_zeroed);
        must(code == CURLE_OK, "curl_global_init");
        started = true;
    }
}

static void fail(struct fetch *fetch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fail(struct fetch *fetch, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fetch->failure, sizeof fetch->failure, format, arguments);
    va_end(arguments);
    fetch->outcome = FETCH_FAILED;
}

/* -- the end of a fetch -- */

static void start_waiting(struct fetch_client *client);

/* Takes the handle back from libcurl. Not from inside one of its callbacks. */
static void detach(struct fetch *fetch)
{
    struct fetch_client *client = fetch->client;
    if (fetch->state != FETCH_RUNNING) {
        return;
    }
    must(curl_multi_remove_handle(client->multi, fetch->easy) == CURLM_OK, "removing a handle");
    curl_easy_reset(fetch->easy);
    client->spares[client->spares_count] = fetch->easy;
    client->spares_count++;
    client->running--;
    fetch->easy = NULL;
}

static void finish(struct fetch *fetch)
{
    detach(fetch);
    fetch->state = FETCH_FINISHED;
    buffer_wipe(&fetch->lines);
    loop_timer_clear(fetch->deadline);
    loop_later(fetch->client->loop, &fetch->finished);
    start_waiting(fetch->client);
}

static void append_fetch(struct fetch_client *client, struct fetch *fetch)
{
    fetch->previous = client->last;
    if (client->last != NULL) {
        client->last->next = fetch;
    } else {
        client->first = fetch;
    }
    client->last = fetch;
    client->count++;
}

static void unlink_fetch(struct fetch *fetch)
{
    struct fetch_client *client = fetch->client;
    if (fetch->previous != NULL) {
        fetch->previous->next = fetch->next;
    } else {
        client->first = fetch->next;
    }
    if (fetch->next != NULL) {
        fetch->next->previous = fetch->previous;
    } else {
        client->last = fetch->previous;
    }
    client->count--;
}

static void release(struct fetch *fetch)
{
    loop_later_cancel(&fetch->finished);
    loop_timer_free(fetch->deadline);
    buffer_wipe(&fetch->lines);
    buffer_wipe(&fetch->body);
    secret_wipe(fetch->url, strlen(fetch->url)); /* user-info */
    memory_free(fetch->url);
    memory_free(fetch->ca_file);
    memory_free(fetch);
}

static void on_finished(void *context)
{
    struct fetch *fetch = context;
    struct fetch_answer answer = {.outcome = fetch->outcome, .status = fetch->status};
    if (fetch->outcome == FETCH_ANSWERED) {
        answer.content_type = span_of(fetch->content_type);
        answer.body = buffer_span(&fetch->body);
    } else {
        answer.failure = fetch->failure;
    }
    unlink_fetch(fetch);
    fetch->fn(&answer, fetch->context); /* may free the client */
    release(fetch);
}

static void on_deadline(void *context)
{
    struct fetch *fetch = context;
    fail(fetch, "timed out after %lld ms", (long long)fetch->total_ms);
    finish(fetch);
}

void fetch_cancel(struct fetch *fetch)
{
    if (fetch == NULL) {
        return;
    }
    struct fetch_client *client = fetch->client;
    detach(fetch);
    unlink_fetch(fetch);
    release(fetch);
    start_waiting(client);
}

/* -- libcurl calls us: none of these may call libcurl's multi interface -- */

static size_t on_head(char *at, size_t size, size_t count, void *context)
{
    struct fetch *fetch = context;
    (void)at;
    fetch->head_size += size * count;
    if (fetch->head_size > HEAD_MAX) {
        fail(fetch, "the head of the answer is larger than %d bytes", HEAD_MAX);
        return 0;
    }
    return size * count;
}

static size_t on_body(char *at, size_t size, size_t count, void *context)
{
    struct fetch *fetch = context;
    buffer_add(&fetch->body, span_bytes(at, size * count));
    if (buffer_full(&fetch->body)) {
        fail(fetch, "the answer is larger than %zu bytes", fetch->body_max);
        return 0;
    }
    return size * count;
}

static bool decrypted_bytes_wait(CURL *easy)
{
    struct curl_tlssessioninfo *session = NULL;
    return curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) == CURLE_OK && session != NULL &&
           session->backend == CURLSSLBACKEND_OPENSSL && session->internals != NULL &&
           SSL_has_pending(session->internals) != 0;
}

/* A request is about to be sent. On a kept connection nothing may wait to be read: it would be taken
 * for the answer, and be another user's (a proxy that answered twice, say). libcurl 7.88 does not
 * look. An idle connection that the provider closed is found in the same way. */
static int on_request(void *context, char *peer, char *self, int peer_port, int self_port)
{
    struct fetch *fetch = context;
    long connects = 0;
    (void)peer;
    (void)self;
    (void)peer_port;
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_NUM_CONNECTS, &connects);
    if (connects == 0 && (!fetch_sockets_quiet(&fetch->client->sockets, (unsigned)self_port) ||
                          decrypted_bytes_wait(fetch->easy))) {
        fetch->unclean = true;
        return CURL_PREREQFUNC_ABORT;
    }
    return CURL_PREREQFUNC_OK;
}

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct fetch_client *client = context;
    (void)purpose;
    return fetch_sockets_open(&client->sockets, address->family, address->socktype,
                              address->protocol);
}

static int on_close(void *context, curl_socket_t fd)
{
    struct fetch_client *client = context;
    fetch_sockets_close(&client->sockets, fd);
    return 0;
}

static void on_socket_ready(int fd, int events, void *context);

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *kept)
{
    struct fetch_client *client = context;
    struct loop_watch *watch = kept;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        loop_watch_free(watch);
        (void)curl_multi_assign(client->multi, fd, NULL);
        return 0;
    }
    int events = ((what & CURL_POLL_IN) != 0 ? LOOP_READ : 0) |
                 ((what & CURL_POLL_OUT) != 0 ? LOOP_WRITE : 0);
    if (watch != NULL) {
        loop_watch_set(watch, events);
    } else {
        watch = loop_watch_new(client->loop, fd, events, on_socket_ready, client);
        (void)curl_multi_assign(client->multi, fd, watch);
    }
    return 0;
}

static int on_timer_wish(CURLM *multi, long delay_ms, void *context)
{
    struct fetch_client *client = context;
    (void)multi;
    loop_timer_clear(client->timer);
    loop_later_cancel(&client->kick);
    if (delay_ms == 0) {
        loop_later(client->loop, &client->kick);
    } else if (delay_ms > 0) {
        loop_timer_set(client->timer, delay_ms);
    }
    return 0;
}

/* -- we call libcurl -- */

/* Our own words, where a limit of ours ended it, are there already. */
static void describe(struct fetch *fetch, CURLcode code)
{
    struct fetch_failure failure = {
        .easy = fetch->easy,
        .code = (int)code,
        .said = fetch->curl_text,
        .connect_ms = fetch->connect_ms,
        .body_max = fetch->body_max,
    };
    fetch->outcome = FETCH_FAILED;
    if (fetch->failure[0] == '\0') {
        fetch_failure_text(&failure, fetch->failure, sizeof fetch->failure);
    }
}

static void judge(struct fetch *fetch, CURLcode code)
{
    long status = 0;
    const char *type = NULL;
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    fetch->status = (int)status;
    if (code != CURLE_OK) {
        describe(fetch, code);
        return;
    }
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_CONTENT_TYPE, &type);
    fetch->outcome = FETCH_ANSWERED;
    (void)span_fits(span_of(type), fetch->content_type, sizeof fetch->content_type);
}

static void run_afresh(struct fetch *fetch);

static void act(struct fetch_client *client, curl_socket_t fd, int events)
{
    int running = 0, left = 0;
    must(curl_multi_socket_action(client->multi, fd, events, &running) == CURLM_OK, "its action");
    for (;;) {
        CURLMsg *message = curl_multi_info_read(client->multi, &left);
        if (message == NULL) {
            return;
        }
        char *kept = NULL;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &kept);
        struct fetch *fetch = (struct fetch *)(void *)kept;
        if (fetch->unclean && message->data.result == CURLE_ABORTED_BY_CALLBACK) {
            run_afresh(fetch);
        } else {
            judge(fetch, message->data.result);
            finish(fetch);
        }
        /* `message` is gone with either */
    }
}

static void on_socket_ready(int fd, int events, void *context)
{
    act(context, fd,
        ((events & LOOP_READ) != 0 ? CURL_CSELECT_IN : 0) |
            ((events & LOOP_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void on_timer(void *context)
{
    act(context, CURL_SOCKET_TIMEOUT, 0);
}

#define SET(easy, option, value) \
    must(curl_easy_setopt((easy), (option), (value)) == CURLE_OK, #option)

static void set_always(struct fetch_client *client, CURL *easy)
{
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_PROXY, "");
    SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_SECONDS);
    /* One answer at a time on a connection: see on_request(). */
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    SET(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    /* Else giving up on a slow name server would wait for it (the resolver's thread is joined). */
    SET(easy, CURLOPT_QUICK_EXIT, 1L);
    SET(easy, CURLOPT_USERAGENT, client->user_agent);
    SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    SET(easy, CURLOPT_OPENSOCKETDATA, client);
    SET(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    SET(easy, CURLOPT_CLOSESOCKETDATA, client);
    SET(easy, CURLOPT_PREREQFUNCTION, on_request);
    SET(easy, CURLOPT_HEADERFUNCTION, on_head);
    SET(easy, CURLOPT_WRITEFUNCTION, on_body);
}

static void set_request(struct fetch *fetch)
{
    CURL *easy = fetch->easy;
    SET(easy, CURLOPT_URL, fetch->url);
    SET(easy, CURLOPT_HTTPHEADER, fetch->headers);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)fetch->connect_ms);
    SET(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)fetch->body_max);
    if (fetch->ca_file != NULL) {
        SET(easy, CURLOPT_CAINFO, fetch->ca_file);
        SET(easy, CURLOPT_CAPATH, NULL);
    }
    SET(easy, CURLOPT_FRESH_CONNECT, fetch->unclean ? 1L : 0L);
    SET(easy, CURLOPT_PREREQDATA, fetch);
    SET(easy, CURLOPT_HEADERDATA, fetch);
    SET(easy, CURLOPT_WRITEDATA, fetch);
    SET(easy, CURLOPT_PRIVATE, fetch);
    SET(easy, CURLOPT_ERRORBUFFER, fetch->curl_text);
}

static void run(struct fetch *fetch)
{
    struct fetch_client *client = fetch->client;
    if (client->spares_count > 0) {
        client->spares_count--;
        fetch->easy = client->spares[client->spares_count];
    } else {
        fetch->easy = curl_easy_init();
        must(fetch->easy != NULL, "curl_easy_init");
    }
    set_always(client, fetch->easy);
    set_request(fetch);
    fetch->state = FETCH_RUNNING;
    client->running++;
    must(curl_multi_add_handle(client->multi, fetch->easy) == CURLM_OK, "adding a handle");
}

/* libcurl has closed the connection that was not clean. */
static void run_afresh(struct fetch *fetch)
{
    detach(fetch);
    fetch->curl_text[0] = '\0';
    run(fetch);
}

/* libcurl's own queue would not time out what waits in it. */
static void start_waiting(struct fetch_client *client)
{
    struct fetch *fetch = client->first;
    while (fetch != NULL && client->running < client->running_max) {
        struct fetch *next = fetch->next;
        if (fetch->state == FETCH_WAITING) {
            run(fetch);
        }
        fetch = next;
    }
}

static size_t add_line(struct buffer *lines, const char *name, struct span value)
{
    size_t start = lines->length;
    buffer_add_text(lines, name);
    buffer_add(lines, value);
    buffer_add_byte(lines, '\0');
    return start;
}

static void set_headers(struct fetch *fetch, const struct fetch_request *request)
{
    const char *accept = request->accept != NULL ? request->accept : "application/json";
    fetch->lines = buffer_limited(SECRET_MAX + 1024);
    size_t accept_at = add_line(&fetch->lines, "Accept: ", span_of(accept)), bearer_at = 0;
    if (request->bearer != NULL) {
        struct span token = secret_reveal(request->bearer);
        assert(text_b64token(token));
        bearer_at = add_line(&fetch->lines, "Authorization: Bearer ", token);
    }
    assert(!buffer_full(&fetch->lines));
    fetch->headers[0].data = fetch->lines.at + accept_at;
    if (request->bearer != NULL) {
        fetch->headers[0].next = &fetch->headers[1];
        fetch->headers[1].data = fetch->lines.at + bearer_at;
    }
}

struct fetch *fetch_start(struct fetch_client *client, const struct fetch_request *request,
                          fetch_fn *fn, void *context)
{
    assert(request->body_max > 0 && request->connect_ms > 0 && request->total_ms > 0);
    struct fetch *fetch = MEMORY_NEW(struct fetch);
    *fetch = (struct fetch){
        .client = client,
        .fn = fn,
        .context = context,
        .url = memory_text(request->url),
        .ca_file = request->ca_file != NULL ? memory_text(request->ca_file) : NULL,
        .connect_ms = request->connect_ms,
        .total_ms = request->total_ms,
        .body_max = request->body_max,
        .body = buffer_limited(request->body_max),
    };
    set_headers(fetch, request);
    loop_later_init(&fetch->finished, on_finished, fetch);
    fetch->deadline = loop_timer_new(client->loop, on_deadline, fetch);
    loop_timer_set(fetch->deadline, request->total_ms);
    append_fetch(client, fetch);
    start_waiting(client);
    return fetch;
}

size_t fetch_running(const struct fetch_client *client)
{
    return client->count;
}

/* -- the client -- */

#define SET_MULTI(client, option, value) \
    must(curl_multi_setopt((client)->multi, (option), (value)) == CURLM_OK, #option)

struct fetch_client *fetch_client_new(struct loop *loop, size_t connections_max,
                                      const char *user_agent)
{
    assert(connections_max > 0);
    start_library();
    struct fetch_client *client = MEMORY_NEW(struct fetch_client);
    client->loop = loop;
    client->user_agent = memory_text(user_agent);
    client->running_max = connections_max;
    client->spares = memory_new(connections_max, sizeof *client->spares);
    client->timer = loop_timer_new(loop, on_timer, client);
    loop_later_init(&client->kick, on_timer, client);
    client->multi = curl_multi_init();
    must(client->multi != NULL, "curl_multi_init");
    SET_MULTI(client, CURLMOPT_SOCKETFUNCTION, on_socket);
    SET_MULTI(client, CURLMOPT_SOCKETDATA, client);
    SET_MULTI(client, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    SET_MULTI(client, CURLMOPT_TIMERDATA, client);
    SET_MULTI(client, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections_max);
    SET_MULTI(client, CURLMOPT_MAXCONNECTS, (long)connections_max);
    return client;
}

void fetch_client_free(struct fetch_client *client)
{
    if (client == NULL) {
        return;
    }
    client->running_max = 0; /* nothing starts any more */
    while (client->first != NULL) {
        fetch_cancel(client->first);
    }
    for (size_t i = 0; i < client->spares_count; i++) {
        curl_easy_cleanup(client->spares[i]);
    }
    must(curl_multi_cleanup(client->multi) == CURLM_OK, "curl_multi_cleanup");
    loop_timer_free(client->timer);
    loop_later_cancel(&client->kick);
    memory_free(client->spares);
    memory_free(client->user_agent);
    memory_free(client);
}
