/* with_mail.h - for tests of src/mail/: a socket to listen on, clients of it, and a directory that is made up. */
#ifndef TESTS_WITH_MAIL_H
#define TESTS_WITH_MAIL_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/directory.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WITH_MAIL_PATIENCE_MS = 20000 }; /* for a machine that is busy with other things */

static struct loop *with_mail_loop;

/* -- log lines -- */

static char with_mail_lines[64 * 1024];

static void with_mail_sink(enum log_level level, struct span line, void *context)
{
    size_t length = strlen(with_mail_lines);
    (void)level;
    (void)context;
    snprintf(with_mail_lines + length, sizeof with_mail_lines - length, "%.*s\n", (int)line.length,
             line.at);
}

static const struct log with_mail_log = {.sink = with_mail_sink, .level = LOG_LEVEL_DEBUG};

static inline size_t with_mail_logged(const char *what)
{
    size_t count = 0;
    for (const char *at = strstr(with_mail_lines, what); at != NULL; at = strstr(at + 1, what)) {
        count++;
    }
    return count;
}

/* -- sockets: in the abstract name space, where the kernel picks the name -- */

struct with_mail_place {
    struct sockaddr_un name;
    socklen_t size;
};

static inline int with_mail_listen(struct with_mail_place *place)
{
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)(void *)&any, sizeof(sa_family_t)), 0);
    place->size = sizeof place->name;
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&place->name, &place->size), 0);
    assert_int_equal(listen(fd, 4096), 0);
    return fd;
}

struct with_mail_peer {
    int fd;
    char *in;
    size_t length;
    bool closed;
    char line[16 * 1024];
};

static inline struct with_mail_peer *with_mail_connect(const struct with_mail_place *place)
{
    struct with_mail_peer *peer = MEMORY_NEW(struct with_mail_peer);
    peer->in = memory_new(1, 512 * 1024);
    peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(peer->fd >= 0);
    assert_int_equal(
        connect(peer->fd, (const struct sockaddr *)(const void *)&place->name, place->size), 0);
    return peer;
}

static inline void with_mail_leave(struct with_mail_peer *peer)
{
    if (peer != NULL) {
        close(peer->fd);
        memory_free(peer->in);
        memory_free(peer);
    }
}

static inline void with_mail_say_bytes(struct with_mail_peer *peer, const char *bytes,
                                       size_t length)
{
    size_t sent = 0;
    while (sent < length) {
        ssize_t some = send(peer->fd, bytes + sent, length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (some < 0 && errno != EAGAIN) {
            return; /* closed: the test will see */
        }
        sent += some < 0 ? 0 : (size_t)some;
        if (sent < length) {
            loop_turn(with_mail_loop, 1);
        }
    }
}

static inline void with_mail_say(struct with_mail_peer *peer, const char *text)
{
    with_mail_say_bytes(peer, text, strlen(text));
}

/* Takes in what is there. */
static inline void with_mail_hear(struct with_mail_peer *peer)
{
    ssize_t length =
        recv(peer->fd, peer->in + peer->length, 512 * 1024 - peer->length, MSG_DONTWAIT);
    if (length > 0) {
        peer->length += (size_t)length;
    } else if (length == 0 || errno != EAGAIN) {
        peer->closed = true;
    }
}

static inline void with_mail_used(struct with_mail_peer *peer, size_t length)
{
    memmove(peer->in, peer->in + length, peer->length - length);
    peer->length -= length;
}

/* The next line without its LF; "(closed)" when there is none any more. */
static inline const char *with_mail_line(struct with_mail_peer *peer)
{
    struct moment until = moment_after(loop_now(with_mail_loop), WITH_MAIL_PATIENCE_MS);
    for (;;) {
        const char *end = memchr(peer->in, '\n', peer->length);
        if (end != NULL) {
            size_t length = (size_t)(end - peer->in);
            assert_true(length < sizeof peer->line);
            memcpy(peer->line, peer->in, length);
            peer->line[length] = '\0';
            with_mail_used(peer, length + 1);
            return peer->line;
        }
        if (peer->closed) {
            return "(closed)";
        }
        assert_false(moment_reached(loop_now(with_mail_loop), until));
        loop_turn(with_mail_loop, 5);
        with_mail_hear(peer);
    }
}

/* Waits until `length` bytes have come, and forgets them. */
static inline const char *with_mail_bytes(struct with_mail_peer *peer, size_t length)
{
    struct moment until = moment_after(loop_now(with_mail_loop), WITH_MAIL_PATIENCE_MS);
    assert_true(length < sizeof peer->line);
    while (peer->length < length && !peer->closed) {
        assert_false(moment_reached(loop_now(with_mail_loop), until));
        loop_turn(with_mail_loop, 5);
        with_mail_hear(peer);
    }
    size_t taken = peer->length < length ? peer->length : length;
    memcpy(peer->line, peer->in, taken);
    peer->line[taken] = '\0';
    with_mail_used(peer, taken);
    return peer->line;
}

/* What has come after all that is ready has happened. */
static inline size_t with_mail_quiet(struct with_mail_peer *peer)
{
    for (int i = 0; i < 10; i++) {
        loop_turn(with_mail_loop, 0);
    }
    with_mail_hear(peer);
    return peer->length;
}

/* -- the directory -- */

struct with_mail_account {
    const char *id, *primary;
    enum account_state state;
    int64_t quota;
    enum account_kind kind;
    enum account_on_disable on_disable;
    const char *forward_to;
    bool keep_copy, no_mailbox;
    unsigned services;
};

static const struct with_mail_account WITH_MAIL_ACCOUNTS[] = {
    {"11111111-1111-4111-8111-111111111111", "hello@example.com", ACCOUNT_ACTIVE, 0},
    {"22222222-2222-4222-8222-222222222222", "off@example.com", ACCOUNT_DISABLED, 0},
    {"33333333-3333-4333-8333-333333333333", "quota@example.com", ACCOUNT_ACTIVE, 5000},
    {"44444444-4444-4444-8444-444444444444", "gone@example.com", ACCOUNT_GONE, 0},
    {.id = "55555555-5555-4555-8555-555555555555",
     .primary = "list@example.com",
     .state = ACCOUNT_ACTIVE,
     .kind = ACCOUNT_GROUP},
    {.id = "66666666-6666-4666-8666-666666666666",
     .primary = "team@example.com",
     .state = ACCOUNT_ACTIVE,
     .kind = ACCOUNT_SHARED},
    {.id = "77777777-7777-4777-8777-777777777771",
     .primary = "refuses@example.com",
     .state = ACCOUNT_DISABLED,
     .on_disable = ACCOUNT_REJECT,
     .forward_to = "x@example.net"},
    {.id = "77777777-7777-4777-8777-777777777772",
     .primary = "passes@example.com",
     .state = ACCOUNT_ACTIVE,
     .forward_to = "x@example.net y@example.net"},
    {.id = "77777777-7777-4777-8777-777777777773",
     .primary = "copies@example.com",
     .state = ACCOUNT_ACTIVE,
     .forward_to = "x@example.net",
     .keep_copy = true},
    {.id = "77777777-7777-4777-8777-777777777774",
     .primary = "suspended@example.com",
     .state = ACCOUNT_DISABLED,
     .forward_to = "x@example.net",
     .keep_copy = true},
    {.id = "77777777-7777-4777-8777-777777777775",
     .primary = "moved@example.com",
     .state = ACCOUNT_DISABLED,
     .on_disable = ACCOUNT_FORWARD,
     .forward_to = "x@example.net",
     .keep_copy = true},
    {.id = "77777777-7777-4777-8777-777777777776",
     .primary = "nobox@example.com",
     .state = ACCOUNT_ACTIVE,
     .no_mailbox = true},
    {.id = "77777777-7777-4777-8777-777777777777",
     .primary = "relay@example.com",
     .state = ACCOUNT_ACTIVE,
     .forward_to = "x@example.net",
     .keep_copy = true,
     .no_mailbox = true},
    {.id = "77777777-7777-4777-8777-777777777778",
     .primary = "reader@example.com",
     .state = ACCOUNT_ACTIVE,
     .services = ACCOUNT_IMAP},
    {.id = "77777777-7777-4777-8777-777777777779",
     .primary = "lost@example.com",
     .state = ACCOUNT_DISABLED,
     .on_disable = ACCOUNT_FORWARD},
};

static const struct {
    const char *address, *primary;
    enum address_kind kind;
} WITH_MAIL_ADDRESSES[] = {
    {"hello@example.com", "hello@example.com", ADDRESS_PRIMARY},
    {"off@example.com", "off@example.com", ADDRESS_PRIMARY},
    {"quota@example.com", "quota@example.com", ADDRESS_PRIMARY},
    {"alias@example.com", "hello@example.com", ADDRESS_ALIAS},
    {"former@example.com", "hello@example.com", ADDRESS_RENAMED},
    {"@catch.example.com", "hello@example.com", ADDRESS_ALIAS},
    {"list@example.com", "list@example.com", ADDRESS_PRIMARY},
    {"all@example.com", "list@example.com", ADDRESS_ALIAS},
    {"team@example.com", "team@example.com", ADDRESS_PRIMARY},
    {"desk@example.com", "team@example.com", ADDRESS_PROVISIONED},
    {"refuses@example.com", "refuses@example.com", ADDRESS_PRIMARY},
    {"refuses.too@example.com", "refuses@example.com", ADDRESS_PROVISIONED},
    {"passes@example.com", "passes@example.com", ADDRESS_PRIMARY},
    {"passes.too@example.com", "passes@example.com", ADDRESS_PROVISIONED},
    {"copies@example.com", "copies@example.com", ADDRESS_PRIMARY},
    {"suspended@example.com", "suspended@example.com", ADDRESS_PRIMARY},
    {"moved@example.com", "moved@example.com", ADDRESS_PRIMARY},
    {"nobox@example.com", "nobox@example.com", ADDRESS_PRIMARY},
    {"relay@example.com", "relay@example.com", ADDRESS_PRIMARY},
    {"reader@example.com", "reader@example.com", ADDRESS_PRIMARY},
    {"lost@example.com", "lost@example.com", ADDRESS_PRIMARY},
};

static bool with_mail_trouble;                              /* the store does not answer */
static enum account_state with_mail_state = ACCOUNT_ACTIVE; /* of hello@example.com */

static inline void with_mail_account(const struct with_mail_account *from, struct account *account)
{
    struct error error;
    memset(account, 0, sizeof *account);
    snprintf(account->id, sizeof account->id, "%s", from->id);
    account->state = from == WITH_MAIL_ACCOUNTS ? with_mail_state : from->state;
    account->quota_bytes = from->quota;
    account->kind = from->kind;
    account->on_disable = from->on_disable;
    account->forward_to = span_of(from->forward_to);
    account->keep_copy = from->keep_copy;
    account->no_mailbox = from->no_mailbox;
    account->services = from->services;
    assert_true(address_parse(span_of(from->primary), &account->primary, &error));
}

static inline bool with_mail_find(struct span address, struct account_rows_found *found)
{
    struct error error;
    for (size_t i = 0; i < sizeof WITH_MAIL_ADDRESSES / sizeof WITH_MAIL_ADDRESSES[0]; i++) {
        if (!span_is(address, WITH_MAIL_ADDRESSES[i].address)) {
            continue;
        }
        found->kind = WITH_MAIL_ADDRESSES[i].kind;
        assert_true(address_parse_pattern(address, &found->address, &error));
        for (size_t j = 0; j < sizeof WITH_MAIL_ACCOUNTS / sizeof WITH_MAIL_ACCOUNTS[0]; j++) {
            if (strcmp(WITH_MAIL_ACCOUNTS[j].primary, WITH_MAIL_ADDRESSES[i].primary) == 0) {
                with_mail_account(&WITH_MAIL_ACCOUNTS[j], &found->account);
                return true;
            }
        }
    }
    return false;
}

bool directory_login_name(const struct directory *directory, struct span text, struct address *name)
{
    struct error error;
    (void)directory;
    return address_parse_login(text, SPAN_LITERAL("example.com"), name, &error);
}

enum directory_answer directory_login(struct directory *directory, const struct address *name,
                                      struct arena *arena, struct account_rows_found *found)
{
    (void)directory;
    (void)arena;
    if (with_mail_trouble) {
        return DIRECTORY_UNAVAILABLE;
    }
    return with_mail_find(address_span(name), found) && found->account.kind == ACCOUNT_PERSON
               ? DIRECTORY_FOUND
               : DIRECTORY_NONE;
}

enum directory_answer directory_recipient(struct directory *directory, struct span text,
                                          struct arena *arena, struct account_rows_found *found,
                                          struct span *tag)
{
    struct address address, base;
    struct error error;
    char catch_all[ADDRESS_MAX + 1];
    (void)directory;
    *tag = (struct span){0};
    if (with_mail_trouble) {
        return DIRECTORY_UNAVAILABLE;
    }
    if (!address_parse(text, &address, &error)) {
        return DIRECTORY_NONE;
    }
    if (with_mail_find(address_span(&address), found)) {
        return DIRECTORY_FOUND;
    }
    if (address_strip_tag(&address, '+', &base, tag)) {
        *tag = span_copy(arena, *tag);
        if (with_mail_find(address_span(&base), found)) {
            return DIRECTORY_FOUND;
        }
    }
    struct span domain = address_domain(&address);
    snprintf(catch_all, sizeof catch_all, "@%.*s", (int)domain.length, domain.at);
    return with_mail_find(span_of(catch_all), found) ? DIRECTORY_FOUND : DIRECTORY_NONE;
}

enum directory_answer directory_domain(struct directory *directory, struct span text)
{
    (void)directory;
    if (with_mail_trouble) {
        return DIRECTORY_UNAVAILABLE;
    }
    return span_is_fold(text, "example.com") ? DIRECTORY_FOUND : DIRECTORY_NONE;
}

void directory_mailbox(const struct directory *directory, const struct account *account,
                       struct arena *arena, struct directory_mailbox *mailbox)
{
    (void)directory;
    struct span local = address_local(&account->primary);
    *mailbox = (struct directory_mailbox){
        .home = span_of(arena_format(arena, "/srv/mail/%.*s", (int)local.length, local.at)),
        .uid = 5000,
        .gid = 5000,
        .quota_bytes = account->quota_bytes,
    };
}

enum directory_answer directory_account(struct directory *directory, struct span id,
                                        struct arena *arena, struct account *account)
{
    (void)directory;
    (void)arena;
    if (with_mail_trouble) {
        return DIRECTORY_UNAVAILABLE;
    }
    for (size_t i = 0; i < sizeof WITH_MAIL_ACCOUNTS / sizeof WITH_MAIL_ACCOUNTS[0]; i++) {
        if (span_is(id, WITH_MAIL_ACCOUNTS[i].id)) {
            with_mail_account(&WITH_MAIL_ACCOUNTS[i], account);
            return DIRECTORY_FOUND;
        }
    }
    return DIRECTORY_NONE;
}

/* -- lists: each answers when the test says so, or by itself on a later turn -- */

struct store_read {
    struct loop_later later;
    store_read_fn *fn;
    void *context;
    char after[ADDRESS_MAX + 1];
    size_t rows_max;
    /* Of groups (with_groups.h): writes the numbers that stand for the rows. NULL: a list of accounts or addresses */
    size_t (*run)(const struct store_read *read, int64_t *numbers);
    char key[ADDRESS_MAX + 1];
    unsigned first, last;
};

static struct store_read with_mail_read; /* tests start one at a time */
static size_t with_mail_reads, with_mail_cancels;
static size_t with_mail_list_count = 1; /* accounts that a list has */
static bool with_mail_read_stalls, with_mail_read_fails;

static void with_mail_read_answer(void *context)
{
    struct store_rows rows = {.columns = 1};
    struct value values[1024];
    (void)context;
    struct store_read read = with_mail_read;
    memset(&with_mail_read, 0, sizeof with_mail_read);
    if (with_mail_read_fails) {
        rows.failure = "made up";
    } else if (read.run != NULL) {
        int64_t numbers[1024];
        rows.rows = read.run(&read, numbers);
        for (size_t i = 0; i < rows.rows; i++) {
            values[i].integer = numbers[i];
        }
        rows.values = values;
    } else {
        /* A row's number stands for the row. */
        long first = read.after[0] == '\0' ? 0 : strtol(read.after + 1, NULL, 10) + 1;
        if (strncmp(read.after, "hello", 5) == 0) {
            first = 1;
        }
        for (size_t i = (size_t)first; i < with_mail_list_count && rows.rows < read.rows_max; i++) {
            values[rows.rows++].integer = (int64_t)i;
        }
        rows.values = values;
    }
    read.fn(&rows, read.context);
}

static inline struct store_read *with_mail_read_start(struct span after, size_t rows_max,
                                                      store_read_fn *fn, void *context)
{
    assert_null(with_mail_read.fn);
    assert_true(rows_max <= 1024);
    with_mail_read.fn = fn;
    with_mail_read.context = context;
    with_mail_read.rows_max = rows_max;
    assert_true(span_fits(after, with_mail_read.after, sizeof with_mail_read.after));
    with_mail_reads++;
    loop_later_init(&with_mail_read.later, with_mail_read_answer, NULL);
    if (!with_mail_read_stalls) {
        loop_later(with_mail_loop, &with_mail_read.later);
    }
    return &with_mail_read;
}

void store_read_cancel(struct store_read *read)
{
    if (read != NULL) {
        with_mail_cancels++;
        loop_later_cancel(&read->later);
        memset(read, 0, sizeof *read);
    }
}

struct store_read *account_rows_list_accounts(struct store *store, struct span domain,
                                              struct span after, size_t rows_max, store_read_fn *fn,
                                              void *context)
{
    (void)store;
    assert_true(span_empty(domain));
    return with_mail_read_start(after, rows_max, fn, context);
}

/* hello@example.com, u00001@example.com, u00002@example.com … */
void account_rows_read_account(const struct store_rows *rows, size_t row, struct arena *arena,
                               struct account *account)
{
    int64_t number = rows->values[row].integer;
    struct error error;
    struct with_mail_account made_up = WITH_MAIL_ACCOUNTS[1];
    const char *name = arena_format(arena, "u%05d@example.com", (int)number);
    with_mail_account(&made_up, account);
    assert_true(address_parse(span_of(number == 0 ? "hello@example.com" : name), &account->primary,
                              &error));
}

/* 77 may send as sent.as@example.com. */
static size_t with_mail_given(const struct store_read *read, int64_t *numbers)
{
    numbers[0] = 77;
    return span_is(span_of(read->key), "sent.as@example.com") ? 1 : 0;
}

struct store_read *account_rows_list_senders(struct store *store, struct span address,
                                             size_t rows_max, store_read_fn *fn, void *context)
{
    (void)store;
    struct store_read *read = with_mail_read_start((struct span){0}, rows_max, fn, context);
    assert_true(span_fits(address, read->key, sizeof read->key));
    read->run = with_mail_given;
    return read;
}

struct store_read *account_rows_list_addresses(struct store *store, struct span account_id,
                                               struct span domain, struct span after,
                                               size_t rows_max, store_read_fn *fn, void *context)
{
    (void)store;
    assert_false(span_empty(account_id));
    assert_true(span_empty(domain));
    return with_mail_read_start(after, rows_max, fn, context);
}

/* An alias, a former address, the primary one, then more former ones. */
void account_rows_read_address(const struct store_rows *rows, size_t row,
                               struct account_rows_address *address)
{
    static const char *const FIRST[] = {"alias@example.com", "former@example.com",
                                        "hello@example.com"};
    static const enum address_kind KINDS[] = {ADDRESS_ALIAS, ADDRESS_RENAMED, ADDRESS_PRIMARY};
    int64_t number = rows->values[row].integer;
    struct error error;
    char name[ADDRESS_MAX + 1];
    snprintf(name, sizeof name, "r%05d@example.com", (int)number);
    memset(address, 0, sizeof *address);
    address->kind = number < 3 ? KINDS[number] : ADDRESS_RENAMED;
    assert_true(
        address_parse(span_of(number < 3 ? FIRST[number] : name), &address->address, &error));
}

static inline void with_mail_start(void)
{
    with_mail_loop = loop_new();
    with_mail_lines[0] = '\0';
    with_mail_trouble = with_mail_read_stalls = with_mail_read_fails = false;
    with_mail_state = ACCOUNT_ACTIVE;
    with_mail_list_count = 1;
    with_mail_reads = with_mail_cancels = 0;
    memset(&with_mail_read, 0, sizeof with_mail_read);
}

static inline void with_mail_stop(void)
{
    loop_free(with_mail_loop);
    with_mail_loop = NULL;
}

#include "with_groups.h"

#endif
