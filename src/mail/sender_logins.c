/* sender_logins.c - the login names that may send as an address. */
#include "mail/sender_logins.h"

#include "account/account_rows.h"
#include "base/memory.h"

#include <string.h>

enum { PAGE = 200, GIVEN_MAX = 1000 };

struct sender_logins {
    struct store *store;
    struct address address;
    char owner[UUID_SIZE];  /* empty: nobody's */
    struct address mailbox; /* of its owner */
    size_t bytes_max;
    struct buffer out;
    struct store_read *read;
    sender_logins_fn *fn;
    void *context;
};

static void free_question(struct sender_logins *question)
{
    store_read_cancel(question->read);
    buffer_done(&question->out);
    memory_free(question);
}

static void finish(struct sender_logins *question, const char *failure)
{
    question->fn(failure, buffer_span(&question->out), question->context);
    free_question(question);
}

static void add_login(struct sender_logins *question, const struct address *login)
{
    struct span name = address_span(login);
    if (question->out.length + 1 + name.length > question->bytes_max) {
        return;
    }
    if (question->out.length > 0) {
        buffer_add_byte(&question->out, ',');
    }
    buffer_add(&question->out, name);
}

/* -- whoever was given it -- */

static void on_given(const struct store_rows *rows, void *context)
{
    struct sender_logins *question = context;
    CLEANUP(arena_done) struct arena arena = {0};
    question->read = NULL;
    for (size_t row = 0; rows->failure == NULL && row < rows->rows; row++) {
        struct account account;
        account_rows_read_account(rows, row, &arena, &account);
        if (account.kind == ACCOUNT_PERSON) {
            add_login(question, &account.primary);
        }
    }
    finish(question, rows->failure);
}

static void ask_given(struct sender_logins *question)
{
    question->read = account_rows_list_senders(question->store, address_span(&question->address),
                                               GIVEN_MAX, on_given, question);
}

/* -- a person's former names -- */

static void ask_names(struct sender_logins *question, struct span after);

static void on_names(const struct store_rows *rows, void *context)
{
    struct sender_logins *question = context;
    struct account_rows_address address = {0};
    question->read = NULL;
    if (rows->failure != NULL) {
        finish(question, rows->failure);
        return;
    }
    for (size_t row = 0; row < rows->rows; row++) {
        account_rows_read_address(rows, row, &address);
        if (address.kind == ADDRESS_RENAMED) {
            add_login(question, &address.address);
        }
    }
    if (rows->rows == PAGE) {
        ask_names(question, address_span(&address.address));
    } else {
        ask_given(question);
    }
}

static void ask_names(struct sender_logins *question, struct span after)
{
    question->read = account_rows_list_addresses(question->store, span_of(question->owner),
                                                 (struct span){0}, after, PAGE, on_names, question);
}

/* -- the members of a shared mailbox -- */

static void ask_members(struct sender_logins *question, struct span after);

/* The rows are those of all mailboxes, in order: ours come first. */
static void on_members(const struct store_rows *rows, void *context)
{
    struct sender_logins *question = context;
    struct group_rows_access access = {0};
    bool ours = true;
    question->read = NULL;
    if (rows->failure != NULL) {
        finish(question, rows->failure);
        return;
    }
    for (size_t row = 0; ours && row < rows->rows; row++) {
        group_rows_read_access(rows, row, &access);
        ours = address_equal(&access.mailbox, &question->mailbox);
        if (ours && access.rights == GROUP_ROWS_FULL) {
            add_login(question, &access.member);
        }
    }
    if (ours && rows->rows == PAGE) {
        ask_members(question, address_span(&access.member));
    } else {
        ask_given(question);
    }
}

static void ask_members(struct sender_logins *question, struct span after)
{
    question->read = group_rows_accesses(question->store, address_span(&question->mailbox), after,
                                         PAGE, on_members, question);
}

/* -- the door -- */

static void ask_owner(struct sender_logins *question, const struct account *owner)
{
    memcpy(question->owner, owner->id, sizeof question->owner);
    question->mailbox = owner->primary;
    switch (owner->kind) {
    case ACCOUNT_PERSON:
        add_login(question, &owner->primary);
        ask_names(question, (struct span){0});
        return;
    case ACCOUNT_SHARED:
        ask_members(question, (struct span){0});
        return;
    case ACCOUNT_GROUP:
        break;
    }
    ask_given(question);
}

struct sender_logins *sender_logins_start(struct store *store, const struct address *address,
                                          const struct account *owner, size_t bytes_max,
                                          sender_logins_fn *fn, void *context)
{
    struct sender_logins *question = MEMORY_NEW(struct sender_logins);
    question->store = store;
    question->address = *address;
    question->bytes_max = bytes_max;
    question->out = buffer_limited(bytes_max);
    question->fn = fn;
    question->context = context;
    if (owner == NULL) {
        ask_given(question);
    } else {
        ask_owner(question, owner);
    }
    return question;
}

void sender_logins_cancel(struct sender_logins *question)
{
    if (question != NULL) {
        free_question(question);
    }
}
