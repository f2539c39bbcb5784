/* user_list.c - LIST: every user, page by page, no faster than the peer reads. */
#include "mail/user_list.h"

#include <assert.h>

#include "base/memory.h"
#include "wire/dovecot_line.h"

enum { PAGE = 100, WAIT_MS = 20 };

static void next_page(struct user_list *list);

static void end(struct user_list *list, bool complete)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(DOVECOT_LINE_MASTER_MAX);
    (void)dovecot_line_done(&out, list->id, complete);
    stream_write(list->stream, buffer_span(&out));
    loop_timer_free(list->wait);
    list->wait = NULL;
    list->running = false;
    list->done(list->context);
}

/* Accounts that are gone, or have no mailbox, have no mail to look at; they count for where the next page begins. */
static void send_account(struct user_list *list, const struct account *account, struct buffer *out)
{
    struct span user = address_span(&account->primary);
    bool fits = span_fits(user, list->after, sizeof list->after);
    assert(fits);
    if (account->state != ACCOUNT_GONE && !account->no_mailbox) {
        buffer_clear(out);
        (void)dovecot_line_list(out, list->id, user);
        stream_write(list->stream, buffer_span(out));
    }
}

static void on_page(const struct store_rows *rows, void *context)
{
    struct user_list *list = context;
    CLEANUP(buffer_done) struct buffer out = buffer_limited(DOVECOT_LINE_MASTER_MAX);
    list->read = NULL;
    if (rows->failure != NULL) {
        log_error(list->log, "list_failed", log_text("reason", rows->failure));
        end(list, false);
        return;
    }
    for (size_t row = 0; row < rows->rows; row++) {
        CLEANUP(arena_done) struct arena arena = {0};
        struct account account;
        account_rows_read_account(rows, row, &arena, &account);
        send_account(list, &account, &out);
    }
    if (rows->rows < PAGE) {
        end(list, true);
    } else {
        next_page(list);
    }
}

static void on_wait(void *context)
{
    next_page(context);
}

/* A timer, as a stream does not tell when it has written: the peer of a long list may be slow. */
static void next_page(struct user_list *list)
{
    if (stream_waiting(list->stream) > STREAM_OUTPUT_PAUSE) {
        loop_timer_set(list->wait, WAIT_MS);
        return;
    }
    list->read = account_rows_list_accounts(list->store, (struct span){0}, span_of(list->after),
                                            PAGE, on_page, list);
}

void user_list_start(struct user_list *list, uint32_t id, const struct user_list_inputs *inputs)
{
    assert(!list->running);
    *list = (struct user_list){
        .running = true,
        .id = id,
        .stream = inputs->stream,
        .store = inputs->store,
        .log = inputs->log,
        .done = inputs->done,
        .context = inputs->context,
        .wait = loop_timer_new(inputs->loop, on_wait, list),
    };
    next_page(list);
}

void user_list_cancel(struct user_list *list)
{
    store_read_cancel(list->read);
    loop_timer_free(list->wait);
    *list = (struct user_list){0};
}
