/* audit.c - who changed what, when. */
#include "account/audit.h"

#include <assert.h>

enum { COLUMNS = 7 };
#define ROWS "SELECT number, at, actor, action, subject, account_id, detail FROM audit"

static const struct statement ADD = {"INSERT INTO audit (at, actor, action, subject, account_id, "
                                     "detail) VALUES ($1, $2, $3, $4, $5, $6)",
                                     6, 0};
static const struct statement LIST = {ROWS " WHERE number < $1 ORDER BY number DESC", 1, COLUMNS};
static const struct statement LIST_OF_SUBJECT = {
    ROWS " WHERE subject = $1 AND number < $2 ORDER BY number DESC", 2, COLUMNS};

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

struct store_read *audit_list(struct store *store, struct span subject, int64_t before,
                              size_t rows_max, store_read_fn *fn, void *context)
{
    const struct value keys[] = {value_text(subject),
                                 value_integer(before > 0 ? before : INT64_MAX)};
    return span_empty(subject)
               ? store_read_start(store, &LIST, keys + 1, rows_max, fn, context)
               : store_read_start(store, &LIST_OF_SUBJECT, keys, rows_max, fn, context);
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
