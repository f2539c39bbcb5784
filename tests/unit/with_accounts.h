/* with_accounts.h - for tests: a store with a directory and changes in front, and changes that are waited for. */
#ifndef TESTS_WITH_ACCOUNTS_H
#define TESTS_WITH_ACCOUNTS_H

#include "with_store.h"

#include "auth/change.h"

/* What became of a change, kept beyond its callback. */
struct with_accounts_answer {
    bool done;
    enum change_answer answer;
    bool has_account;
    struct account account;
    char problem[ERROR_MAX];
    char note[512];
    char home[ACCOUNT_HOME_MAX + 1];
};

struct with_accounts {
    struct with_store store;
    struct log log;
    char lines[8192]; /* the log, as it was written */
    struct directory *directory;
    struct changes *changes;
    struct with_accounts_answer last;
};

static inline void with_accounts_on_line(enum log_level level, struct span line, void *context)
{
    (void)level;
    struct with_accounts *with = context;
    size_t used = strlen(with->lines);
    snprintf(with->lines + used, sizeof with->lines - used, "%.*s\n", (int)line.length, line.at);
}

static inline void with_accounts_open(struct with_accounts *with)
{
    with_store_open(&with->store);
    char root[] = "/var/vmail", domain[] = "example.com";
    const struct directory_settings settings = {.default_domain = domain,
                                                .mail_root = root,
                                                .quota_bytes = 1000,
                                                .mail_uid = 5000,
                                                .mail_gid = 5001,
                                                .delimiter = '+',
                                                .cache_bytes = 1 << 20};
    with->log = (struct log){with_accounts_on_line, with, LOG_LEVEL_DEBUG};
    with->directory = directory_new(with->store.store, &settings);
    with->changes = changes_new(with->store.loop, &with->log, with->store.store, with->directory);
}

static inline void with_accounts_close(struct with_accounts *with)
{
    changes_free(with->changes);
    directory_free(with->directory);
    with_store_close(&with->store);
}

static inline int with_accounts_setup(void **state)
{
    struct with_accounts *with = MEMORY_NEW(struct with_accounts);
    with_store_directory(&with->store);
    with_accounts_open(with);
    *state = with;
    return 0;
}

static inline int with_accounts_teardown(void **state)
{
    struct with_accounts *with = *state;
    with_accounts_close(with);
    with_store_remove(&with->store);
    memory_free(with);
    return 0;
}

/* Texts of the account are not kept but for its home. */
static inline void with_accounts_on_change(const struct change_result *result, void *context)
{
    struct with_accounts_answer *answer = context;
    assert_false(answer->done);
    *answer = (struct with_accounts_answer){
        .done = true, .answer = result->answer, .has_account = result->account != NULL};
    if (result->account != NULL) {
        answer->account = *result->account;
        assert_true(span_fits(result->account->home, answer->home, sizeof answer->home));
    }
    snprintf(answer->problem, sizeof answer->problem, "%s",
             result->problem == NULL ? "" : result->problem);
    assert_true(span_fits(result->note, answer->note, sizeof answer->note));
    bool fine = result->answer == CHANGE_DONE || result->answer == CHANGE_SAME;
    assert_true(fine == (result->problem == NULL));
}

/* Carries out one change by "uid:0"; what became of it is in with->last. */
static inline enum change_answer with_accounts_change(struct with_accounts *with,
                                                      struct change change)
{
    change.actor = SPAN_LITERAL("uid:0");
    with->last = (struct with_accounts_answer){0};
    change_start(with->changes, &change, with_accounts_on_change, &with->last);
    assert_false(with->last.done);
    with_store_wait(&with->store, &with->last.done);
    return with->last.answer;
}

/* The commonest: a kind, an address, a target. */
static inline enum change_answer with_accounts_do(struct with_accounts *with, enum change_kind kind,
                                                  const char *address, const char *target)
{
    struct change change = {.kind = kind,
                            .address = span_of(address),
                            .domain = span_of(address),
                            .target = span_of(target)};
    return with_accounts_change(with, change);
}

/* Asserts that the last change was refused with a problem that has `part` in it. */
static inline void with_accounts_problem(const struct with_accounts *with, const char *part)
{
    if (strstr(with->last.problem, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, with->last.problem);
    }
}

#endif
