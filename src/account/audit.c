/* audit.c - who changed what, when. */
#include "account/audit.h"

#include "base/memory.h"

#include <assert.h>

enum { COLUMNS = 7 };
#define ROWS "SELECT number, at, actor, action, subject, account_id, detail FROM audit"

static const struct statement ADD = {"INSERT INTO audit (at, actor, action, subject, account_id, "
                                     "detail) VALUES ($1, $2, $3, $4, $5, $6)",
                                     6, 0};
static const struct statement LIST = {ROWS " WHERE number < $1 ORDER BY number DESC", 1, COLUMNS};
static const struct statement LIST_OF_SUBJECT = {
    ROWS " WHERE subject = $1 AND number < $2 ORDER BY number DESC", 2, COLUMNS};
static const struct statement LIST_OF_ACCOUNT = {
    ROWS " WHERE account_id = $1 AND number < $2 ORDER BY number DESC", 2, COLUMNS};
static const struct statement LIST_OF_ACTOR = {
    ROWS " WHERE actor = $1 AND number < $2 ORDER BY number DESC", 2, COLUMNS};
/* Their numbers come from the index alone, and rows are read for one page only. "+ 0" keeps SQLite from walking back
 * through the whole table instead. */
static const struct statement LIST_OF_ACTORS = {
    ROWS " WHERE number IN (SELECT number FROM audit WHERE actor >= $1 AND actor < $2"
         " AND number + 0 < $3 ORDER BY number + 0 DESC LIMIT $4) ORDER BY number DESC",
    4, COLUMNS};

const struct statement *const *audit_statements(size_t *count)
{
    static const struct statement *const all[] = {&LIST, &LIST_OF_SUBJECT, &LIST_OF_ACCOUNT,
                                                  &LIST_OF_ACTOR, &LIST_OF_ACTORS};
    *count = sizeof all / sizeof all[0];
    return all;
}

void audit_add(struct store_change *change, const struct audit_entry *entry)
{
    const struct value row[] = {
        value_integer(entry->at),
        value_text(entry->actor),
        value_text(entry->action),
        value_text(entry->subject),
        value_text_or_null(entry->account_id),
        value_text(entry->detail),
    };
    store_change_add(change, &ADD, row, 1);
}

static struct value before_of(int64_t before)
{
    return value_integer(before > 0 ? before : INT64_MAX);
}

struct store_read *audit_list(struct store *store, struct span subject, int64_t before,
                              size_t rows_max, store_read_fn *fn, void *context)
{
    const struct value keys[] = {value_text(subject), before_of(before)};
    return span_empty(subject)
               ? store_read_start(store, &LIST, keys + 1, rows_max, fn, context)
               : store_read_start(store, &LIST_OF_SUBJECT, keys, rows_max, fn, context);
}

struct store_read *audit_list_of_account(struct store *store, struct span account_id,
                                         int64_t before, size_t rows_max, store_read_fn *fn,
                                         void *context)
{
    const struct value keys[] = {value_text(account_id), before_of(before)};
    return store_read_start(store, &LIST_OF_ACCOUNT, keys, rows_max, fn, context);
}

struct store_read *audit_list_of_actor(struct store *store, struct span actor, int64_t before,
                                       size_t rows_max, store_read_fn *fn, void *context)
{
    if (!span_ends(actor, ":")) {
        const struct value keys[] = {value_text(actor), before_of(before)};
        return store_read_start(store, &LIST_OF_ACTOR, keys, rows_max, fn, context);
    }
    /* ";" is what follows ":" */
    CLEANUP(arena_done) struct arena arena = {0};
    const char *end = arena_format(&arena, "%.*s;", (int)actor.length - 1, actor.at);
    const struct value keys[] = {value_text(actor), value_text(span_of(end)), before_of(before),
                                 value_integer((int64_t)rows_max)};
    return store_read_start(store, &LIST_OF_ACTORS, keys, rows_max, fn, context);
}

int64_t audit_read(const struct store_rows *rows, size_t row, struct audit_entry *entry)
{
    assert(rows->columns == COLUMNS && row < rows->rows);
    const struct value *values = rows->values + row * COLUMNS;
    *entry = (struct audit_entry){
        .at = values[1].integer,
        .actor = values[2].text,
        .action = values[3].text,
        .subject = values[4].text,
        .account_id = values[5].text,
        .detail = values[6].text,
    };
    return values[0].integer;
}
