/* with_store.h - for tests: a store in a directory of its own, and a loop that is turned until an answer is there. */
#ifndef TESTS_WITH_STORE_H
#define TESTS_WITH_STORE_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct with_store {
    char directory[32]; /* below /tmp: a path stays short */
    char path[48];
    char where[64];
    struct loop *loop;
    struct store *store;
};

static inline void with_store_directory(struct with_store *with)
{
    strcpy(with->directory, "/tmp/postern-store-XXXXXX");
    assert_non_null(mkdtemp(with->directory));
    snprintf(with->path, sizeof with->path, "%s/a.db", with->directory);
    snprintf(with->where, sizeof with->where, "sqlite:%s", with->path);
}

static inline void with_store_open(struct with_store *with)
{
    struct error error = {""};
    with->loop = loop_new();
    with->store = store_open(with->loop, with->where, 0, &error);
    if (with->store == NULL) {
        fail_msg("%s", error.text);
    }
}

static inline void with_store_close(struct with_store *with)
{
    store_close(with->store);
    loop_free(with->loop);
    with->store = NULL;
    with->loop = NULL;
}

static inline void with_store_remove(const struct with_store *with)
{
    static const char *const ends[] = {"a.db", "a.db-wal", "a.db-shm", "a.db.lock"};
    char path[64];
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", with->directory, ends[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(with->directory), 0);
}

static inline int with_store_setup(void **state)
{
    struct with_store *with = MEMORY_NEW(struct with_store);
    with_store_directory(with);
    with_store_open(with);
    *state = with;
    return 0;
}

static inline int with_store_teardown(void **state)
{
    struct with_store *with = *state;
    with_store_close(with);
    with_store_remove(with);
    memory_free(with);
    return 0;
}

/* Turns the loop until `*done`; half a minute without is a failure. */
static inline void with_store_wait(struct with_store *with, const bool *done)
{
    for (int turn = 0; !*done && turn < 300; turn++) {
        loop_turn(with->loop, 100);
    }
    assert_true(*done);
}

struct with_store_answer {
    bool done;
    struct store_result result;
    char failure[ERROR_MAX];
};

static inline void with_store_on_write(const struct store_result *result, void *context)
{
    struct with_store_answer *answer = context;
    assert_false(answer->done);
    answer->done = true;
    answer->result = *result;
    snprintf(answer->failure, sizeof answer->failure, "%s",
             result->failure == NULL ? "" : result->failure);
}

/* Carries out one change. */
static inline enum store_answer with_store_write(struct with_store *with,
                                                 struct store_change *change)
{
    struct with_store_answer answer = {0};
    store_write_start(with->store, change, with_store_on_write, &answer);
    with_store_wait(with, &answer.done);
    return answer.result.answer;
}

#endif
