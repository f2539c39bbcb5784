/* user_list.h - LIST: every user, page by page, no faster than the peer reads.
 *
 * Each page is one short snapshot of the store, so that a long list holds nothing up. */
#ifndef MAIL_USER_LIST_H
#define MAIL_USER_LIST_H

#include "account/account_rows.h"
#include "base/log.h"
#include "net/stream.h"

/* Its owner keeps it, zeroed at first, and cancels it. */
struct user_list {
    bool running;
    uint32_t id;
    struct stream *stream;
    struct store *store;
    const struct log *log;
    void (*done)(void *context);
    void *context;
    char after[ADDRESS_MAX + 1]; /* the last address that was sent */
    struct store_read *read;
    struct loop_timer *wait; /* for the peer to read */
};

struct user_list_inputs {
    struct loop *loop;
    struct stream *stream;
    struct store *store;
    const struct log *log;
    void (*done)(void *context); /* later, after the last line was written */
    void *context;
};

/* Writes LIST lines and at last DONE for request `id`. Only when none is running. */
void user_list_start(struct user_list *list, uint32_t id, const struct user_list_inputs *inputs);
void user_list_cancel(struct user_list *list);

#endif
