/* fetch_multi.c - libcurl's multi interface on the loop: transfers in, their ends out. */
#include "net/fetch_multi.h"

#include "base/memory.h"
#include "net/fetch_memory.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

struct fetch_multi {
    struct loop *loop;
    CURLM *curl;
    struct loop_timer *timer; /* libcurl's */
    struct loop_later kick;   /* its timer, when that is set to "now" */
    fetch_multi_fn *done;
    void *context;
};

void fetch_multi_must(bool held, const char *what)
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
        fetch_multi_must(code == CURLE_OK, "curl_global_init");
        started = true;
    }
}

/* -- libcurl calls us -- */

static void on_socket_ready(int fd, int events, void *context);

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *kept)
{
    struct fetch_multi *multi = context;
    struct loop_watch *watch = kept;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        loop_watch_free(watch);
        (void)curl_multi_assign(multi->curl, fd, NULL);
        return 0;
    }
    int events = ((what & CURL_POLL_IN) != 0 ? LOOP_READ : 0) |
                 ((what & CURL_POLL_OUT) != 0 ? LOOP_WRITE : 0);
    if (watch != NULL) {
        loop_watch_set(watch, events);
    } else {
        watch = loop_watch_new(multi->loop, fd, events, on_socket_ready, multi);
        (void)curl_multi_assign(multi->curl, fd, watch);
    }
    return 0;
}

static int on_timer_wish(CURLM *curl, long delay_ms, void *context)
{
    struct fetch_multi *multi = context;
    (void)curl;
    loop_timer_clear(multi->timer);
    loop_later_cancel(&multi->kick);
    if (delay_ms == 0) {
        loop_later(multi->loop, &multi->kick);
    } else if (delay_ms > 0) {
        loop_timer_set(multi->timer, delay_ms);
    }
    return 0;
}

/* -- we call libcurl -- */

static void act(struct fetch_multi *multi, curl_socket_t fd, int events)
{
    int running = 0, left = 0;
    CURLMcode code = curl_multi_socket_action(multi->curl, fd, events, &running);
    fetch_multi_must(code == CURLM_OK, "its action");
    for (CURLMsg *message = curl_multi_info_read(multi->curl, &left); message != NULL;
         message = curl_multi_info_read(multi->curl, &left)) {
        multi->done(message->easy_handle, (int)message->data.result, multi->context);
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

void fetch_multi_add(struct fetch_multi *multi, void *easy)
{
    fetch_multi_must(curl_multi_add_handle(multi->curl, easy) == CURLM_OK, "adding a handle");
}

void fetch_multi_remove(struct fetch_multi *multi, void *easy)
{
    fetch_multi_must(curl_multi_remove_handle(multi->curl, easy) == CURLM_OK, "removing a handle");
}

#define SET(multi, option, value) \
    fetch_multi_must(curl_multi_setopt((multi)->curl, (option), (value)) == CURLM_OK, #option)

struct fetch_multi *fetch_multi_new(struct loop *loop, size_t connections_max, fetch_multi_fn *done,
                                    void *context)
{
    start_library();
    struct fetch_multi *multi = MEMORY_NEW(struct fetch_multi);
    *multi = (struct fetch_multi){.loop = loop, .done = done, .context = context};
    multi->timer = loop_timer_new(loop, on_timer, multi);
    loop_later_init(&multi->kick, on_timer, multi);
    multi->curl = curl_multi_init();
    fetch_multi_must(multi->curl != NULL, "curl_multi_init");
    SET(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    SET(multi, CURLMOPT_SOCKETDATA, multi);
    SET(multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    SET(multi, CURLMOPT_TIMERDATA, multi);
    SET(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections_max);
    SET(multi, CURLMOPT_MAXCONNECTS, (long)connections_max);
    return multi;
}

void fetch_multi_free(struct fetch_multi *multi)
{
    fetch_multi_must(curl_multi_cleanup(multi->curl) == CURLM_OK, "curl_multi_cleanup");
    loop_timer_free(multi->timer);
    loop_later_cancel(&multi->kick);
    memory_free(multi);
}
