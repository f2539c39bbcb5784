/* changes.c - owns the changes under way, and writes the times of logins in batches. */
#include "auth/changes.h"

#include "base/memory.h"

#include <string.h>

enum {
    LOGIN_BATCH_MS = 60 * 1000,   /* so that an account's row is written once a minute at most */
    LOGIN_SLOTS = 8192,           /* a power of two */
    LOGINS_MAX = LOGIN_SLOTS / 2, /* beyond it the batch is written early */
};

struct login_time {
    char id[UUID_SIZE]; /* "": free */
    int64_t when;
};

struct changes_logins {
    struct loop_timer *timer;
    struct store_write *write;  /* the batch under way */
    char (*written)[UUID_SIZE]; /* whose times are in it */
    size_t written_count;
    size_t count;
    struct login_time slots[LOGIN_SLOTS];
};

/* Times of logins. */

static void on_logins_written(const struct store_result *result, void *context)
{
    struct changes *changes = context;
    struct changes_logins *logins = changes->logins;
    logins->write = NULL;
    for (size_t i = 0; i < logins->written_count; i++) {
        directory_forget_account(changes->directory, span_of(logins->written[i]));
    }
    if (result->answer != STORE_DONE) {
        log_warning(changes->log, "last_login_not_written", log_text("reason", result->failure));
    }
}

static void write_logins(struct changes *changes)
{
    struct changes_logins *logins = changes->logins;
    struct store_change *change = store_change_new();
    logins->written = memory_resize(logins->written, logins->count * UUID_SIZE);
    logins->written_count = 0;
    for (size_t i = 0; i < LOGIN_SLOTS; i++) {
        const struct login_time *slot = &logins->slots[i];
        if (slot->id[0] != '\0') {
            account_rows_set_last_login(change, span_of(slot->id), slot->when);
            memcpy(logins->written[logins->written_count++], slot->id, UUID_SIZE);
        }
    }
    memset(logins->slots, 0, sizeof logins->slots);
    logins->count = 0;
    loop_timer_clear(logins->timer);
    logins->write = store_write_start(changes->store, change, on_logins_written, changes);
}

static void on_logins_due(void *context)
{
    struct changes *changes = context;
    if (changes->logins->write == NULL) {
        write_logins(changes);
    } else {
        loop_timer_set(changes->logins->timer, LOGIN_BATCH_MS);
    }
}

/* The slot of an account: its own or a free one. */
static struct login_time *find_slot(struct changes_logins *logins, struct span id)
{
    size_t at = 0;
    for (size_t i = 0; i < id.length; i++) {
        at = at * 31 + (size_t)span_at(id, i);
    }
    struct login_time *slot = &logins->slots[at % LOGIN_SLOTS];
    while (slot->id[0] != '\0' && !span_is(id, slot->id)) {
        slot = &logins->slots[++at % LOGIN_SLOTS];
    }
    return slot;
}

void changes_note_login(struct changes *changes, struct span account_id, int64_t when)
{
    struct changes_logins *logins = changes->logins;
    if (!uuid_valid(account_id)) {
        return;
    }
    if (logins->count == LOGINS_MAX && logins->write == NULL) {
        write_logins(changes);
    }
    if (logins->count == LOGINS_MAX) {
        return; /* a time is not worth more memory */
    }
    struct login_time *slot = find_slot(logins, account_id);
    if (slot->id[0] == '\0') {
        (void)span_fits(account_id, slot->id, sizeof slot->id);
        logins->count++;
    }
    slot->when = when > slot->when ? when : slot->when;
    if (!loop_timer_pending(logins->timer)) {
        loop_timer_set(logins->timer, LOGIN_BATCH_MS);
    }
}

/* Life. */

struct changes *changes_new(struct loop *loop, const struct log *log, struct store *store,
                            struct directory *directory)
{
    struct changes *changes = MEMORY_NEW(struct changes);
    changes->loop = loop;
    changes->log = log;
    changes->store = store;
    changes->directory = directory;
    changes->logins = MEMORY_NEW(struct changes_logins);
    changes->logins->timer = loop_timer_new(loop, on_logins_due, changes);
    return changes;
}

void changes_free(struct changes *changes)
{
    if (changes == NULL) {
        return;
    }
    while (changes->runs != NULL) {
        change_abandon(changes->runs);
    }
    store_write_forget(changes->logins->write);
    if (changes->logins->count > 0) {
        write_logins(changes);
        store_write_forget(changes->logins->write);
    }
    loop_timer_free(changes->logins->timer);
    memory_free(changes->logins->written);
    memory_free(changes->logins);
    memory_free(changes);
}

void changes_configure(struct changes *changes, const struct change_settings *settings)
{
    changes->settings = *settings;
}

const struct change_settings *changes_settings(const struct changes *changes)
{
    return &changes->settings;
}

void changes_on_groups(struct changes *changes, changes_groups_fn *fn, void *context)
{
    changes->groups = fn;
    changes->groups_context = context;
}

void changes_set_index(struct changes *changes, struct resource_index *index)
{
    changes->index = index;
}
