/* fetch.c - outbound HTTP(S) for the providers: libcurl's multi interface on the loop. */
#include "net/fetch.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "net/fetch_failure.h"
#include "net/fetch_head.h"
#include "net/fetch_multi.h"
#include "net/fetch_request.h"
#include "net/fetch_sockets.h"
#include "net/fetch_tls.h"
#include "wire/url.h"

#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
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
    bool unclean; /* the kept connection it was given is not for it: ask on a fresh one */

    struct fetch_request_copy asked;
    struct curl_slist headers[FETCH_REQUEST_LINES];
    struct curl_slist connect_to;
    size_t sockets;                 /* that were opened for it */
    char refused[INET6_ADDRSTRLEN]; /* an address that was not public; empty: none */

    size_t head_size;
    struct buffer body;
    enum fetch_outcome outcome;
    int status;
    int64_t max_age, date, certificate_end;
    bool refused_address;
    char content_type[CONTENT_TYPE_MAX];
    char curl_text[CURL_ERROR_SIZE];
    char failure[FAILURE_MAX];
};

struct fetch_client {
    struct loop *loop;
    struct fetch_multi *multi;
    char *user_agent;
    struct fetch_sockets sockets;
    struct fetch *first, *last;
    size_t count;
    size_t running, running_max;
    CURL **spares; /* handles for reuse, at most running_max */
    size_t spares_count;
};

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
    fetch_multi_remove(client->multi, fetch->easy);
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
    fetch_request_wipe(&fetch->asked);
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
    fetch_request_done(&fetch->asked);
    buffer_wipe(&fetch->body);
    memory_free(fetch);
}

static void on_finished(void *context)
{
    struct fetch *fetch = context;
    struct fetch_answer answer = {
        .outcome = fetch->outcome,
        .status = fetch->status,
        .max_age = fetch->max_age,
        .date = fetch->date,
        .certificate_end = fetch->certificate_end,
        .refused_address = fetch->refused_address,
    };
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
    fail(fetch, "timed out after %lld ms", (long long)fetch->asked.total_ms);
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
        fail(fetch, "the answer is larger than %zu bytes", fetch->asked.body_max);
        return 0;
    }
    return size * count;
}

/* A request is about to be sent. On a kept connection nothing may wait to be read: it would be taken
 * for the answer, and be another user's (a proxy that answered twice, say). libcurl 7.88 does not
 * look. An idle connection that the provider closed is found in the same way, and one that was opened
 * under other rules. */
static int on_request(void *context, char *peer, char *self, int peer_port, int self_port)
{
    struct fetch *fetch = context;
    long connects = 0;
    (void)peer;
    (void)self;
    (void)peer_port;
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_NUM_CONNECTS, &connects);
    if (connects != 0) {
        fetch->certificate_end = fetch_tls_certificate_end(fetch->easy);
        return CURL_PREREQFUNC_OK;
    }
    if (!fetch_sockets_usable(&fetch->client->sockets, fetch->asked.purpose, (unsigned)self_port) ||
        fetch_tls_waits(fetch->easy)) {
        fetch->unclean = true;
        return CURL_PREREQFUNC_ABORT;
    }
    return CURL_PREREQFUNC_OK;
}

/* libcurl asks with the address that it is about to connect to: no name server gets in between. */
static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct fetch *fetch = context;
    char text[INET6_ADDRSTRLEN];
    (void)purpose;
    if (fetch->asked.public_only && !fetch_sockets_public(&address->addr, text, sizeof text)) {
        memcpy(fetch->refused, text, sizeof text);
        return CURL_SOCKET_BAD;
    }
    fetch->sockets++;
    return fetch_sockets_open(&fetch->client->sockets, fetch->asked.purpose, address->family,
                              address->socktype, address->protocol);
}

static int on_close(void *context, curl_socket_t fd)
{
    struct fetch_client *client = context;
    fetch_sockets_close(&client->sockets, fd);
    return 0;
}

/* -- we call libcurl -- */

static void describe_refused(struct fetch *fetch)
{
    struct url url;
    bool known = url_parse(span_of(fetch->asked.url), &url);
    struct span host = known ? url.host : SPAN_LITERAL("the host");
    fetch->refused_address = true;
    fail(fetch, "%.*s leads to a private address (%s), which only an address that you typed may",
         (int)(host.length < 200 ? host.length : 200), host.at, fetch->refused);
}

/* Our own words, where a limit of ours ended it, are there already. */
static void describe(struct fetch *fetch, CURLcode code)
{
    struct fetch_failure failure = {
        .easy = fetch->easy,
        .code = (int)code,
        .said = fetch->curl_text,
        .connect_ms = fetch->asked.connect_ms,
        .body_max = fetch->asked.body_max,
    };
    fetch->outcome = FETCH_FAILED;
    if (fetch->refused[0] != '\0' && fetch->sockets == 0) {
        describe_refused(fetch);
    } else if (fetch->failure[0] == '\0') {
        fetch_failure_text(&failure, fetch->failure, sizeof fetch->failure);
    }
}

static void read_head(struct fetch *fetch)
{
    struct curl_header *header = NULL;
    const unsigned final = CURLH_HEADER; /* not of interim answers, nor of trailers */
    fetch->max_age = -1;
    for (size_t i = 0;
         curl_easy_header(fetch->easy, "Cache-Control", i, final, -1, &header) == CURLHE_OK; i++) {
        fetch->max_age = fetch_head_max_age(span_of(header->value), fetch->max_age);
    }
    if (curl_easy_header(fetch->easy, "Date", 0, final, -1, &header) == CURLHE_OK) {
        time_t date = curl_getdate(header->value, NULL);
        fetch->date = date > 0 ? date : 0;
    }
}

static void judge(struct fetch *fetch, CURLcode code)
{
    long status = 0;
    const char *type = NULL;
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    fetch->status = (int)status;
    read_head(fetch);
    if (code != CURLE_OK) {
        describe(fetch, code);
        return;
    }
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_CONTENT_TYPE, &type);
    fetch->outcome = FETCH_ANSWERED;
    (void)span_fits(span_of(type), fetch->content_type, sizeof fetch->content_type);
}

static void run_afresh(struct fetch *fetch);

static void on_done(void *easy, int code, void *unused)
{
    char *kept = NULL;
    (void)unused;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &kept);
    struct fetch *fetch = (struct fetch *)(void *)kept;
    if (fetch->unclean && code == CURLE_ABORTED_BY_CALLBACK) {
        run_afresh(fetch);
    } else {
        judge(fetch, (CURLcode)code);
        finish(fetch);
    }
}

#define SET(easy, option, value) \
    fetch_multi_must(curl_easy_setopt((easy), (option), (value)) == CURLE_OK, #option)

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
    SET(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    SET(easy, CURLOPT_CLOSESOCKETDATA, client);
    SET(easy, CURLOPT_PREREQFUNCTION, on_request);
    SET(easy, CURLOPT_HEADERFUNCTION, on_head);
    SET(easy, CURLOPT_WRITEFUNCTION, on_body);
}

/* libcurl reads these lists and changes nothing in them. */
static void set_lists(struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->asked.count; i++) {
        fetch->headers[i] = (struct curl_slist){
            .data = fetch_request_line(&fetch->asked, i),
            .next = i + 1 < fetch->asked.count ? &fetch->headers[i + 1] : NULL,
        };
    }
    fetch->connect_to = (struct curl_slist){.data = fetch->asked.connect_to};
    SET(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers);
    SET(fetch->easy, CURLOPT_CONNECT_TO,
        fetch->asked.connect_to != NULL ? &fetch->connect_to : NULL);
}

static void set_request(struct fetch *fetch)
{
    CURL *easy = fetch->easy;
    SET(easy, CURLOPT_URL, fetch->asked.url);
    set_lists(fetch);
    if (fetch->asked.post) {
        SET(easy, CURLOPT_POST, 1L);
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->asked.body.length);
        SET(easy, CURLOPT_POSTFIELDS, fetch->asked.body.at); /* libcurl takes no copy */
    }
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)fetch->asked.connect_ms);
    SET(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)fetch->asked.body_max);
    if (fetch->asked.ca_file != NULL) {
        SET(easy, CURLOPT_CAINFO, fetch->asked.ca_file);
        SET(easy, CURLOPT_CAPATH, NULL);
    }
    SET(easy, CURLOPT_FRESH_CONNECT, fetch->unclean ? 1L : 0L);
    SET(easy, CURLOPT_OPENSOCKETDATA, fetch);
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
        fetch_multi_must(fetch->easy != NULL, "curl_easy_init");
    }
    set_always(client, fetch->easy);
    set_request(fetch);
    fetch->state = FETCH_RUNNING;
    client->running++;
    fetch_multi_add(client->multi, fetch->easy);
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

struct fetch *fetch_start(struct fetch_client *client, const struct fetch_request *request,
                          fetch_fn *fn, void *context)
{
    struct fetch *fetch = MEMORY_NEW(struct fetch);
    *fetch = (struct fetch){
        .client = client,
        .fn = fn,
        .context = context,
        .body = buffer_limited(request->body_max),
        .max_age = -1,
    };
    fetch_request_copy(&fetch->asked, request);
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

struct fetch_client *fetch_client_new(struct loop *loop, size_t connections_max,
                                      const char *user_agent)
{
    assert(connections_max > 0);
    struct fetch_client *client = MEMORY_NEW(struct fetch_client);
    client->loop = loop;
    client->user_agent = memory_text(user_agent);
    client->running_max = connections_max;
    client->spares = memory_new(connections_max, sizeof *client->spares);
    client->multi = fetch_multi_new(loop, connections_max, on_done, client);
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
    fetch_multi_free(client->multi);
    memory_free(client->spares);
    memory_free(client->user_agent);
    memory_free(client);
}
