/* purge.c - `postern purge`: mail of deleted accounts, and its end. */
#include "cli/purge.h"

#include "base/arena.h"
#include "base/memory.h"
#include "cli/cli_call.h"
#include "cli/cli_list.h"
#include "cli/cli_time.h"
#include "cli/purge_marks.h"
#include "cli/purge_places.h"
#include "cli/purge_tree.h"
#include "config/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DELETED "/v1/deleted"

enum { DAY_S = 24 * 3600 };

enum outcome { OUTCOME_PURGED, OUTCOME_KEPT, OUTCOME_FAILED, OUTCOMES };

struct work {
    const struct cli_options *options;
    struct config config;
    bool tries; /* --dry-run */
    int64_t now, older_than;
    int root;
    struct purge_marks marks;
    struct purge_places places;
    struct json **pages; /* of tombstones */
    size_t pages_count;
    size_t counts[OUTCOMES];
    struct json *told; /* for --json */
};

static void work_done(struct work *work)
{
    purge_marks_close(&work->marks);
    if (work->root >= 0) {
        close(work->root);
    }
    purge_places_done(&work->places);
    for (size_t i = 0; i < work->pages_count; i++) {
        json_free(work->pages[i]);
    }
    memory_free(work->pages);
    json_free(work->told);
    config_free(&work->config);
}

/* Saying what became of one. */

static const char *const OUTCOME_NAMES[] = {"purged", "kept", "failed"};

static void tell(struct work *work, enum outcome outcome, const struct json *tombstone,
                 const char *why)
{
    const char *word =
        outcome == OUTCOME_PURGED && work->tries ? "would purge" : OUTCOME_NAMES[outcome];
    struct span address = json_value_text(json_member(tombstone, "address"));
    struct span home = json_value_text(json_member(tombstone, "home"));
    work->counts[outcome]++;
    if (!work->options->json) {
        printf("%s: %.*s: ", word, (int)address.length, address.at == NULL ? "" : address.at);
        cli_show_text(home);
        printf("%s%s\n", why[0] == '\0' ? "" : ": ", why);
        return;
    }
    struct json *one = json_new_object();
    json_put_text(one, "outcome", span_of(OUTCOME_NAMES[outcome]));
    json_put_text(one, "address", address);
    json_put_text(one, "id", json_value_text(json_member(tombstone, "id")));
    json_put_text(one, "home", home);
    if (why[0] != '\0') {
        json_put_text(one, "why", span_of(why));
    }
    json_append(work->told, one);
}

/* Times of tombstones. */

static int64_t time_of(const struct json *tombstone, const char *member)
{
    char text[32];
    int64_t seconds = 0;
    bool good = span_fits(json_value_text(json_member(tombstone, member)), text, sizeof text) &&
                cli_time_read(text, &seconds);
    return good ? seconds : -1;
}

/* Its retention is over, it was deleted long enough ago, and no brake holds. */
static bool is_due(const struct work *work, const struct json *tombstone)
{
    int64_t deleted = time_of(tombstone, "deleted"), over = time_of(tombstone, "purge_after");
    return deleted > 0 && over > 0 && over <= work->now && deleted + work->older_than <= work->now;
}

/* What must not be taken away. */

static struct span other_tombstone(const struct work *work, struct span id, struct span home)
{
    for (size_t p = 0; p < work->pages_count; p++) {
        const struct json *list = json_member(work->pages[p], "deleted");
        for (size_t i = 0; i < json_size(list); i++) {
            const struct json *other = json_item(list, i);
            struct span own = json_value_text(json_member(other, "home"));
            if (!span_equal(json_value_text(json_member(other, "id")), id) &&
                purge_places_overlap(own, home) && !is_due(work, other)) {
                return json_value_text(json_member(other, "address"));
            }
        }
    }
    return (struct span){0};
}

/* Where it lies below the mail root. NULL: it stays, as was told. */
static const char *removable(struct work *work, const struct json *tombstone, struct arena *arena)
{
    struct span home = json_value_text(json_member(tombstone, "home"));
    const char *below =
        purge_places_below(work->config.directory.mail_root, span_text(arena, home));
    struct span user = purge_places_user(&work->places, home);
    if (span_empty(user)) {
        user = other_tombstone(work, json_value_text(json_member(tombstone, "id")), home);
    }
    if (below == NULL) {
        tell(work, OUTCOME_KEPT, tombstone, "lies outside mail.root: remove it by hand");
        return NULL;
    }
    if (!span_empty(user)) {
        tell(work, OUTCOME_KEPT, tombstone,
             arena_format(arena, "%.*s uses it", (int)user.length, user.at));
        return NULL;
    }
    return below;
}

/* One account. */

static void remove_files(struct work *work, const struct json *tombstone, const char *below,
                         const char *id)
{
    struct error error;
    switch (purge_tree(work->root, below, &error)) {
    case PURGE_TREE_FAILED:
        tell(work, OUTCOME_FAILED, tombstone,
             error.text); /* the mark stays: the next run goes on */
        return;
    case PURGE_TREE_MISSING:
        tell(work, OUTCOME_PURGED, tombstone, "there was nothing");
        break;
    case PURGE_TREE_REMOVED:
        tell(work, OUTCOME_PURGED, tombstone, "");
        break;
    }
    purge_marks_clear(&work->marks, id);
}

/* Asks the daemon to give it up. `why` is set when it does not. */
static enum cli_exit give_up(const struct work *work, const char *id, struct error *why)
{
    struct json *answer;
    char *target = cli_call_target(DELETED "/", id, "/purge");
    const char *socket = work->options->socket != NULL ? work->options->socket : CLI_CALL_SOCKET;
    enum cli_exit result = cli_call_post_quietly(socket, target, &answer, why);
    memory_free(target);
    json_free(answer);
    return result;
}

static void purge_one(struct work *work, const struct json *tombstone)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct error error;
    const char *id = span_text(&arena, json_value_text(json_member(tombstone, "id")));
    const char *below = removable(work, tombstone, &arena);
    if (below == NULL) {
        return;
    }
    if (work->tries) {
        tell(work, OUTCOME_PURGED, tombstone, "");
        return;
    }
    if (!purge_marks_set(&work->marks, id, &error)) {
        tell(work, OUTCOME_FAILED, tombstone, error.text);
        return;
    }
    switch (give_up(work, id, &error)) {
    case CLI_OK:
        remove_files(work, tombstone, below, id);
        return;
    case CLI_REFUSED:
    case CLI_NOT_FOUND:
        purge_marks_clear(&work->marks, id);
        tell(work, OUTCOME_KEPT, tombstone, error.text);
        return;
    case CLI_FAILED: /* it may be so, or not: the mark stays, and the next run sees */
    case CLI_USAGE:
    case CLI_EXISTS:
    case CLI_NO_DAEMON:
        break;
    }
    tell(work, OUTCOME_FAILED, tombstone, error.text);
}

/* What a run before left half done. */
static void resume(struct work *work, const char *id)
{
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(json_cleanup) struct json *account = NULL;
    struct error error;
    bool purged = false;
    const char *socket = work->options->socket != NULL ? work->options->socket : CLI_CALL_SOCKET;
    char *target = cli_call_target(DELETED "/", id, "");
    enum cli_exit result = cli_call_quietly(socket, target, false, &account, &error);
    memory_free(target);
    if (result == CLI_OK && json_boolean(account, "purged", &purged) && purged) {
        const char *below = removable(work, account, &arena);
        if (below == NULL) {
            purge_marks_clear(&work->marks, id); /* re-attached, and in use */
        } else if (work->tries) {
            tell(work, OUTCOME_PURGED, account, "");
        } else {
            remove_files(work, account, below, id);
        }
    } else if (result == CLI_OK || result == CLI_NOT_FOUND) {
        purge_marks_clear(&work->marks,
                          id); /* still listed, or living: as if nothing had been begun */
    }
}

/* All of them. */

static enum cli_exit fetch_tombstones(struct work *work)
{
    char after[80] = "";
    do {
        struct json *page;
        struct span next = {0};
        char *target = cli_call_target(DELETED "?after=", after, "");
        enum cli_exit result = cli_call(work->options, "GET", target, NULL, &page);
        memory_free(target);
        if (result != CLI_OK) {
            return result;
        }
        work->pages = memory_resize(work->pages, (work->pages_count + 1) * sizeof(struct json *));
        work->pages[work->pages_count++] = page;
        (void)json_text(page, "next", &next);
        (void)span_fits(next, after, sizeof after);
    } while (after[0] != '\0');
    return CLI_OK;
}

static size_t count_due(const struct work *work)
{
    size_t count = 0;
    for (size_t p = 0; p < work->pages_count; p++) {
        const struct json *list = json_member(work->pages[p], "deleted");
        for (size_t i = 0; i < json_size(list); i++) {
            count += is_due(work, json_item(list, i));
        }
    }
    return count;
}

static void purge_due(struct work *work)
{
    for (size_t p = 0; p < work->pages_count; p++) {
        const struct json *list = json_member(work->pages[p], "deleted");
        for (size_t i = 0; i < json_size(list); i++) {
            if (is_due(work, json_item(list, i))) {
                purge_one(work, json_item(list, i));
            }
        }
    }
}

static enum cli_exit purge_all(struct work *work)
{
    struct error error;
    char(*ids)[UUID_SIZE];
    size_t count, due = count_due(work);
    if (!purge_marks_open(&work->marks, work->root, work->tries || due == 0, &error) ||
        !purge_marks_list(&work->marks, &ids, &count, &error)) {
        fprintf(stderr, "postern: purge: %s\n", error.text);
        return CLI_FAILED;
    }
    enum cli_exit result =
        due + count > 0 ? purge_places_fetch(work->options, &work->places) : CLI_OK;
    if (result == CLI_OK) {
        for (size_t i = 0; i < count; i++) {
            resume(work, ids[i]);
        }
        purge_due(work);
    }
    memory_free(ids);
    return result;
}

/* An empty mail root is one that is not mounted: nothing of it would ever be removed, and all be noted as gone. */
static bool has_entries(int root)
{
    int copy = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);
    size_t count = 0;
    while (directory != NULL && readdir(directory) != NULL) {
        count++;
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return count > 2; /* "." and ".." */
}

static bool open_root(struct work *work)
{
    struct error error;
    const char *file = cli_options_value(work->options, "config");
    const char *const *environment = (const char *const *)environ;
    if (!config_load(file != NULL ? file : CONFIG_PATH, environment, &work->config, &error)) {
        fprintf(stderr, "postern: %s\n", error.text);
        return false;
    }
    const char *path = work->config.directory.mail_root;
    work->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (work->root < 0 || !has_entries(work->root)) {
        fprintf(stderr, "postern: purge: %s: %s\n", path,
                work->root < 0 ? strerror(errno) : "is empty: is it mounted? nothing was changed");
        return false;
    }
    return true;
}

static bool read_options(struct work *work)
{
    const char *older_than = cli_options_value(work->options, "older-than");
    work->tries = cli_options_value(work->options, "dry-run") != NULL;
    work->now = time(NULL);
    work->older_than = DAY_S;
    if (older_than == NULL || cli_time_span(older_than, &work->older_than)) {
        return true;
    }
    fputs("postern: purge: --older-than: write a time such as 12h or 7d\n", stderr);
    return false;
}

static void conclude(const struct work *work)
{
    if (work->options->json) {
        CLEANUP(json_cleanup) struct json *answer = json_new_object();
        json_put_text(answer, "code", SPAN_LITERAL("done"));
        json_put(answer, "accounts", json_clone(work->told));
        cli_show_json(answer);
    } else if (work->counts[OUTCOME_PURGED] + work->counts[OUTCOME_KEPT] +
                   work->counts[OUTCOME_FAILED] ==
               0) {
        puts("nothing to purge: see 'postern account deleted'");
    } else {
        printf("%zu %s, %zu kept, %zu failed\n", work->counts[OUTCOME_PURGED],
               work->tries ? "would be purged" : "purged", work->counts[OUTCOME_KEPT],
               work->counts[OUTCOME_FAILED]);
    }
}

enum cli_exit purge(const struct cli_options *options)
{
    CLEANUP(work_done)
    struct work work = {
        .options = options, .root = -1, .marks = {-1, -1}, .told = json_new_array()};
    if (!read_options(&work)) {
        return CLI_USAGE;
    }
    if (geteuid() != 0) {
        fputs("postern: purge: only root may remove mail\n", stderr);
        return CLI_REFUSED;
    }
    if (!open_root(&work)) {
        return CLI_FAILED;
    }
    enum cli_exit result = fetch_tombstones(&work);
    if (result == CLI_OK) {
        result = purge_all(&work);
    }
    if (result != CLI_OK) {
        return result;
    }
    conclude(&work);
    return work.counts[OUTCOME_FAILED] > 0 ? CLI_FAILED : CLI_OK;
}

/* Looking only. */

static const struct cli_column LISTED[] = {{"ADDRESS", "address"},
                                           {"DELETED", "deleted"},
                                           {"PURGE AFTER", "purge_is"},
                                           {"CLIENT", "client"},
                                           {"MAIL", "home"}};

static void prepare(struct json *tombstone)
{
    bool frozen = false;
    (void)json_boolean(tombstone, "frozen", &frozen);
    struct span after = json_value_text(json_member(tombstone, "purge_after"));
    json_put_text(tombstone, "purge_is", frozen ? SPAN_LITERAL("the brake holds") : after);
}

enum cli_exit purge_list(const struct cli_options *options)
{
    struct cli_list list = {.target = DELETED,
                            .member = "deleted",
                            .none = "no mail of deleted accounts is kept",
                            .columns = LISTED,
                            .columns_count = sizeof LISTED / sizeof *LISTED,
                            .prepare = prepare};
    return cli_list(options, &list);
}
