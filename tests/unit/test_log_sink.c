/* test_log_sink.c - log lines on their way out: pipes that fill, sockets that go away, nothing waits. */
#include "with_net.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "net/log_sink.h"

static struct loop *loop;
static int saved_stderr;
static int reader; /* the other end of stderr */
static char got[512 * 1024];

static int set_up(void **state)
{
    (void)state;
    loop = loop_new();
    saved_stderr = dup(STDERR_FILENO);
    reader = -1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    if (reader >= 0) {
        close(reader);
    }
    loop_free(loop);
    return 0;
}

static void stderr_is(int fd, int other_end)
{
    dup2(fd, STDERR_FILENO);
    close(fd);
    reader = other_end;
}

static void stderr_is_pipe(void)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    stderr_is(ends[1], ends[0]);
}

/* Appends what the other end has to `got`. */
static void read_more(size_t *length)
{
    ssize_t more = read(reader, got + *length, sizeof got - 1 - *length);
    *length += more > 0 ? (size_t)more : 0;
    got[*length] = '\0';
}

static void test_plain(void **state)
{
    int ends[2];
    (void)state;
    /* Each write to a SOCK_SEQPACKET is a packet: one a turn. */
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    stderr_is(ends[1], ends[0]);
    struct log_sink *sink = log_sink_new_stderr(loop, false);
    struct log log = {.sink = log_sink_write, .context = sink, .level = LOG_LEVEL_INFO};
    log_info(&log, "first", log_number("n", 1));
    log_warning(&log, "second", log_text("text", "a\nb"));
    assert_int_equal(recv(reader, got, sizeof got, MSG_DONTWAIT), -1);
    loop_turn(loop, 0);
    ssize_t length = recv(reader, got, sizeof got - 1, MSG_DONTWAIT);
    assert_true(length > 0);
    got[length] = '\0';
    int year, month, day, hour, minute, second, ms, used = 0;
    assert_int_equal(sscanf(got, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ first n=1\n%n", &year, &month, &day,
                            &hour, &minute, &second, &ms, &used),
                     7);
    assert_true(year >= 2024 && used == 35);
    assert_string_equal(got + used + 25, "second text=\"a\\x0ab\"\n");
    log_sink_free(sink);
}

static void test_journal(void **state)
{
    size_t length = 0;
    (void)state;
    stderr_is_pipe();
    struct log_sink *sink = log_sink_new_stderr(loop, true);
    log_sink_write(LOG_LEVEL_ERROR, SPAN_LITERAL("e x=1"), sink);
    log_sink_write(LOG_LEVEL_WARNING, SPAN_LITERAL("w x=2"), sink);
    log_sink_write(LOG_LEVEL_INFO, SPAN_LITERAL("i x=3"), sink);
    log_sink_write(LOG_LEVEL_DEBUG, SPAN_LITERAL("d x=4"), sink);
    log_sink_free(sink); /* flushes */
    read_more(&length);
    assert_string_equal(got, "<3>e x=1\n<4>w x=2\n<6>i x=3\n<7>d x=4\n");
}

static void test_file(void **state)
{
    char path[] = "/tmp/sink-XXXXXX";
    (void)state;
    int fd = mkstemp(path);
    stderr_is(fd, open(path, O_RDONLY | O_CLOEXEC));
    unlink(path);
    struct log_sink *sink = log_sink_new_stderr(loop, true);
    for (int i = 0; i < 1000; i++) {
        log_sink_write(LOG_LEVEL_INFO, SPAN_LITERAL("event with=a few=bytes in=it"), sink);
    }
    loop_turn(loop, 0);
    size_t length = 0;
    read_more(&length);
    assert_int_equal(length, 1000 * strlen("<6>event with=a few=bytes in=it\n"));
    log_sink_free(sink);
}

/* Counts the lines, which must be whole and in order, and how many were reported as dropped. */
static void count_lines(unsigned *lines, unsigned *reported)
{
    unsigned next = 0, number;
    *lines = *reported = 0;
    for (char *line = strtok(got, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (sscanf(line, "<6>event number=%u padding=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.",
                   &number) == 1) {
            assert_true(number >= next);
            next = number + 1;
            (*lines)++;
        } else {
            assert_int_equal(sscanf(line, "<4>log_dropped count=%u", &number), 1);
            *reported += number;
        }
    }
}

static void write_numbered(struct log_sink *sink, unsigned number)
{
    char line[128];
    snprintf(line, sizeof line, "event number=%u padding=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.",
             number);
    log_sink_write(LOG_LEVEL_INFO, span_of(line), sink);
}

/* Nobody reads: we do not wait, keep what may be kept, and say what was lost. */
static void test_full_pipe(void **state)
{
    enum { LINES = 6000 };
    size_t length = 0;
    unsigned lines, reported;
    (void)state;
    stderr_is_pipe();
    struct log_sink *sink = log_sink_new_stderr(loop, true);
    for (unsigned i = 0; i < LINES; i++) {
        write_numbered(sink, i);
        if (i % 10 == 0) {
            loop_turn(loop, 0);
        }
    }
    unsigned dropped = (unsigned)log_sink_dropped(sink);
    assert_true(dropped > 0 && dropped < LINES);
    for (size_t before = SIZE_MAX; before != length || strstr(got, "log_dropped") == NULL;) {
        before = length;
        read_more(&length);
        loop_turn(loop, 50); /* longer than it takes to try again */
    }
    write_numbered(sink, LINES);
    log_sink_flush(sink);
    read_more(&length);
    count_lines(&lines, &reported);
    assert_int_equal(reported, dropped);
    assert_int_equal(lines + dropped, LINES + 1);
    assert_int_equal(log_sink_dropped(sink), dropped);
    log_sink_free(sink);
}

static void test_closed_pipe(void **state)
{
    (void)state;
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    stderr_is_pipe();
    close(reader);
    reader = -1;
    struct log_sink *sink = log_sink_new_stderr(loop, true);
    for (unsigned i = 0; i < 5000; i++) {
        write_numbered(sink, i);
    }
    net_turns(loop, 3);
    assert_true(log_sink_dropped(sink) > 0);
    log_sink_free(sink);
    signal(SIGPIPE, before);
}

/* -- syslog -- */

static char directory[] = "/tmp/sink-XXXXXX";
static char path[64];

static int bind_syslog(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)(void *)&address, sizeof address), 0);
    return fd;
}

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/log", directory);
    return set_up(state);
}

static int remove_directory(void **state)
{
    unlink(path);
    rmdir(directory);
    return tear_down(state);
}

static const char *receive(int fd)
{
    ssize_t length = recv(fd, got, sizeof got - 1, 0);
    got[length > 0 ? length : 0] = '\0';
    return got;
}

static void test_syslog(void **state)
{
    char month[4], ident[32];
    int priority, day, hour, minute, second, pid, used = 0;
    (void)state;
    int fd = bind_syslog();
    struct log_sink *sink = log_sink_new_syslog(loop, path, "postern");
    log_sink_write(LOG_LEVEL_INFO, SPAN_LITERAL("login_accepted user=a"), sink);
    log_sink_write(LOG_LEVEL_ERROR, SPAN_LITERAL("second x=1"), sink);
    loop_turn(loop, 0);
    receive(fd);
    assert_int_equal(sscanf(got, "<%d>%3s %2d %2d:%2d:%2d %31[^[][%d]: %n", &priority, month, &day,
                            &hour, &minute, &second, ident, &pid, &used),
                     8);
    assert_int_equal(priority, 2 * 8 + 6); /* mail, info */
    assert_string_equal(ident, "postern");
    assert_int_equal(pid, getpid());
    assert_int_equal(got[3 + 1 + 3], ' ');
    assert_string_equal(got + used, "login_accepted user=a"); /* a datagram each, without its end */
    assert_int_equal(strncmp(receive(fd), "<19>", 4), 0);
    assert_string_equal(receive(fd), "");
    close(fd);
    log_sink_free(sink);
}

/* Away at the start, back, restarted: lines wait for it. */
static void test_syslog_comes_and_goes(void **state)
{
    (void)state;
    struct log_sink *sink = log_sink_new_syslog(loop, path, "postern");
    log_sink_write(LOG_LEVEL_INFO, SPAN_LITERAL("one x=1"), sink);
    net_turns(loop, 3);
    int fd = bind_syslog();
    TURN_UNTIL(loop, strstr(receive(fd), "one x=1") != NULL);
    close(fd);
    fd = bind_syslog();
    log_sink_write(LOG_LEVEL_INFO, SPAN_LITERAL("two x=2"), sink);
    loop_turn(loop, 0);
    assert_non_null(strstr(receive(fd), "two x=2")); /* at once, not at a retry */
    assert_int_equal(log_sink_dropped(sink), 0);
    close(fd);
    log_sink_free(sink);
}

/* A receiver that does not read: its queue fills, lines wait, none is doubled or torn. */
static void test_syslog_full(void **state)
{
    unsigned number, next = 0;
    (void)state;
    int fd = bind_syslog();
    struct log_sink *sink = log_sink_new_syslog(loop, path, "postern");
    for (unsigned i = 0; i < 500; i++) {
        write_numbered(sink, i);
    }
    net_turns(loop, 3);
    while (next < 500) {
        char *line = strstr(receive(fd), "number=");
        if (line == NULL) {
            loop_turn(loop, 50);
            continue;
        }
        assert_int_equal(sscanf(line, "number=%u", &number), 1);
        assert_int_equal(number, next);
        next++;
    }
    assert_int_equal(log_sink_dropped(sink), 0);
    close(fd);
    log_sink_free(sink);
}

#define CASE(name)        cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define SYSLOG_CASE(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_plain),
        CASE(test_journal),
        CASE(test_file),
        CASE(test_full_pipe),
        CASE(test_closed_pipe),
        SYSLOG_CASE(test_syslog),
        SYSLOG_CASE(test_syslog_comes_and_goes),
        SYSLOG_CASE(test_syslog_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
