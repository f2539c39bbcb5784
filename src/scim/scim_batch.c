/* scim_batch.c - takes a page from its rows to what is shown of them. */
#include "scim/scim_batch.h"

#include "account/account_rows.h"
#include "base/memory.h"
#include "net/pool.h"

enum {
    READ_ROWS = 1000,
    MEMBERSHIP_ROWS = 5000,
    PARTS_MAX = 200000, /* of one page: what does not fit into one answer need not be read */
    AT_ONCE_ROWS = 4,
    AT_ONCE_PARTS = 100,
};

enum batch_state {
    BATCH_PARTS_TO_MATCH,
    BATCH_MATCH,
    BATCH_PARTS_TO_SHOW,
    BATCH_ADDRESSES,
    BATCH_RENDER,
    BATCH_END,
};

struct scim_batch {
    struct scim_call *call;
    struct scim_page *page;
    scim_batch_fn *fn;
    void *context;
    enum batch_state state;
    size_t row, last;   /* whose parts are being read: rows from `row` to `last` */
    struct span after;  /* of its members: the last that was read */
    struct arena arena; /* where `after` lives */
    struct loop_later later;
    struct store_read *read;
    struct pool_job *job;
};

static void step(void *context);

static void end(struct scim_batch *batch, enum scim_batch_answer answer)
{
    scim_batch_fn *fn = batch->fn;
    void *context = batch->context;
    scim_batch_cancel(batch);
    fn(answer, context);
}

static void enter(struct scim_batch *batch, enum batch_state state)
{
    batch->state = state;
    batch->row = 0;
    loop_later(batch->call->door->services.loop, &batch->later);
}

/* -- parts -- */

static bool wants_parts(const struct scim_batch *batch, const struct scim_page_row *row)
{
    return !row->parts.loaded && (batch->state == BATCH_PARTS_TO_MATCH || row->shown);
}

/* What does not fit: nothing is filtered by half a list, and the answer ends before the resource. */
static void too_many(struct scim_batch *batch)
{
    struct scim_page *page = batch->page;
    if (batch->state == BATCH_PARTS_TO_MATCH) {
        end(batch, SCIM_BATCH_TOO_MANY);
        return;
    }
    for (size_t i = batch->row; i < page->count; i++) {
        page->rows[i].shown = false;
    }
    page->cut = true;
    enter(batch, BATCH_ADDRESSES);
}

static void loaded(struct scim_batch *batch)
{
    for (size_t i = batch->row; i <= batch->last; i++) {
        batch->page->rows[i].parts.loaded = true;
    }
    batch->row = batch->last + 1;
    loop_later(batch->call->door->services.loop, &batch->later);
}

static bool failed(struct scim_batch *batch, const struct store_rows *rows)
{
    batch->read = NULL;
    if (rows->failure != NULL) {
        end(batch, SCIM_BATCH_UNAVAILABLE);
    }
    return rows->failure != NULL;
}

static void start_members(struct scim_batch *batch);

static void on_members(const struct store_rows *rows, void *context)
{
    struct scim_batch *batch = context;
    if (failed(batch, rows)) {
        return;
    }
    struct scim_page *page = batch->page;
    for (size_t i = 0; i < rows->rows; i++) {
        struct group_rows_member member;
        group_rows_read_member(rows, i, &member);
        batch->after = member.id;
        if (member.kind != GROUP_ROWS_EXTERNAL) {
            const struct scim_page_part part = {.id = member.id,
                                                .display = member.display,
                                                .group = member.kind == GROUP_ROWS_GROUP};
            scim_page_add_part(page, &page->rows[batch->row].parts, &part);
        }
    }
    if (page->parts_count > PARTS_MAX) {
        too_many(batch);
    } else if (rows->rows == READ_ROWS) {
        batch->after = span_copy(&batch->arena, batch->after);
        start_members(batch);
    } else {
        loaded(batch);
    }
}

static void start_members(struct scim_batch *batch)
{
    const struct resource *group = &batch->page->rows[batch->row].resource;
    batch->last = batch->row;
    batch->read = group_rows_members(batch->call->door->services.store, span_of(group->id),
                                     GROUP_ROWS_MEMBER, batch->after, READ_ROWS, on_members, batch);
}

/* Those members alone that the filter asks for. */
static void probe_members(struct scim_batch *batch)
{
    const struct scim_page_query *query = batch->page->query;
    struct scim_page_row *row = &batch->page->rows[batch->row];
    for (size_t i = 0; i < query->probes_count; i++) {
        const struct scim_page_part part = {.id = query->probes[i]};
        switch (group_rows_has(batch->call->door->services.store, span_of(row->resource.id),
                               GROUP_ROWS_MEMBER, part.id)) {
        case STORE_ASK:
            end(batch, SCIM_BATCH_UNAVAILABLE);
            return;
        case STORE_ROW:
            scim_page_add_part(batch->page, &row->parts, &part);
            break;
        case STORE_NONE:
            break;
        }
    }
    batch->last = batch->row;
    loaded(batch);
}

/* The row of this number from `row` to the last, or the one behind that. */
static size_t find_row(const struct scim_batch *batch, size_t row, int64_t number)
{
    while (row <= batch->last && batch->page->rows[row].resource.number != number) {
        row++;
    }
    return row;
}

static void on_memberships(const struct store_rows *rows, void *context)
{
    struct scim_batch *batch = context;
    if (failed(batch, rows)) {
        return;
    }
    struct scim_page *page = batch->page;
    struct group_rows_membership membership;
    int64_t cut = 0; /* the number whose rows may not all be here */
    if (rows->rows == MEMBERSHIP_ROWS) {
        group_rows_read_membership(rows, rows->rows - 1, &membership);
        cut = membership.number;
        if (cut == page->rows[batch->row].resource.number) {
            batch->last = batch->row; /* alone in more groups than that: so many are shown */
            cut = 0;
        }
    }
    size_t row = batch->row;
    for (size_t i = 0; i < rows->rows; i++) {
        group_rows_read_membership(rows, i, &membership);
        size_t found = find_row(batch, row, membership.number);
        if (membership.number == cut || found > batch->last) {
            continue;
        }
        row = found;
        const struct scim_page_part part = {.id = membership.group_id,
                                            .display = membership.display,
                                            .direct = membership.direct,
                                            .group = true};
        scim_page_add_part(page, &page->rows[row].parts, &part);
    }
    if (cut != 0) {
        batch->last = find_row(batch, batch->row, cut) - 1;
    }
    loaded(batch);
}

/* Rows whose numbers lie close together are asked about at once. */
static void start_memberships(struct scim_batch *batch)
{
    const struct scim_page *page = batch->page;
    int64_t first = page->rows[batch->row].resource.number, last = first;
    batch->last = batch->row;
    for (size_t i = batch->row + 1; i < page->count; i++) {
        int64_t number = page->rows[i].resource.number;
        bool near = number > last && number - first < (int64_t)(2 * (i - batch->row) + 16);
        if (!near || page->rows[i].parts.loaded) {
            break;
        }
        last = number;
        batch->last = i;
    }
    batch->read =
        group_rows_memberships(batch->call->door->services.store, span_of(batch->call->client.id),
                               first, last, MEMBERSHIP_ROWS, on_memberships, batch);
}

static void load_parts(struct scim_batch *batch, bool needed, enum batch_state next)
{
    const struct scim_page *page = batch->page;
    while (needed && batch->row < page->count && !wants_parts(batch, &page->rows[batch->row])) {
        batch->row++;
    }
    if (!needed || batch->row == page->count) {
        enter(batch, next);
    } else if (page->query->resource == SCIM_SCHEMA_USERS) {
        start_memberships(batch);
    } else if (page->query->probes_only && batch->state == BATCH_PARTS_TO_MATCH) {
        probe_members(batch);
    } else {
        batch->after = (struct span){0};
        start_members(batch);
    }
}

/* -- the addresses that an account really has -- */

static void on_addresses(const struct store_rows *rows, void *context)
{
    struct scim_batch *batch = context;
    if (failed(batch, rows)) {
        return;
    }
    struct scim_page_row *row = &batch->page->rows[batch->row];
    for (size_t i = 0; i < rows->rows; i++) {
        struct account_rows_address address;
        account_rows_read_address(rows, i, &address);
        if (address.kind != ADDRESS_HELD && address.kind != ADDRESS_LOGIN) {
            const struct scim_page_part part = {.id = address_span(&address.address)};
            scim_page_add_part(batch->page, &row->addresses, &part);
        }
    }
    row->addresses.loaded = true;
    batch->row++;
    loop_later(batch->call->door->services.loop, &batch->later);
}

static void load_addresses(struct scim_batch *batch)
{
    const struct scim_page *page = batch->page;
    bool needed = page->query->show_addresses;
    while (needed && batch->row < page->count && !page->rows[batch->row].shown) {
        batch->row++;
    }
    if (!needed || batch->row == page->count) {
        enter(batch, BATCH_RENDER);
        return;
    }
    struct span id = span_of(page->rows[batch->row].resource.id);
    batch->read =
        account_rows_list_addresses(batch->call->door->services.store, id, (struct span){0},
                                    (struct span){0}, READ_ROWS, on_addresses, batch);
}

/* -- work -- */

static void run_match(void *work)
{
    scim_page_match(work);
}

static void run_render(void *work)
{
    scim_page_render(work);
}

static void drop_page(void *work)
{
    scim_page_drop(work);
}

static void on_worked(void *work, void *context)
{
    struct scim_batch *batch = context;
    batch->job = NULL;
    if (batch->state == BATCH_MATCH) {
        scim_page_choose(work);
    }
    enter(batch, batch->state + 1);
}

static void work(struct scim_batch *batch, const struct pool_task *task)
{
    struct scim_page *page = batch->page;
    if (page->count <= AT_ONCE_ROWS && page->parts_count <= AT_ONCE_PARTS) {
        task->run(page);
        on_worked(page, batch);
        return;
    }
    batch->job = pool_start(batch->call->door->pool, task, scim_page_keep(page), batch);
    if (batch->job == NULL) {
        scim_page_drop(page);
        end(batch, SCIM_BATCH_UNAVAILABLE);
    }
}

static void step(void *context)
{
    static const struct pool_task MATCH = {run_match, on_worked, drop_page};
    static const struct pool_task RENDER = {run_render, on_worked, drop_page};
    struct scim_batch *batch = context;
    const struct scim_page *page = batch->page;
    switch (batch->state) {
    case BATCH_PARTS_TO_MATCH:
        load_parts(batch, page->query->match_parts && !page->matched, BATCH_MATCH);
        return;
    case BATCH_MATCH:
        work(batch, &MATCH);
        return;
    case BATCH_PARTS_TO_SHOW:
        load_parts(batch, page->query->show_parts, BATCH_ADDRESSES);
        return;
    case BATCH_ADDRESSES:
        load_addresses(batch);
        return;
    case BATCH_RENDER:
        work(batch, &RENDER);
        return;
    case BATCH_END:
        end(batch, SCIM_BATCH_DONE);
        return;
    }
}

struct scim_batch *scim_batch_start(struct scim_call *call, struct scim_page *page,
                                    scim_batch_fn *fn, void *context)
{
    struct scim_batch *batch = MEMORY_NEW(struct scim_batch);
    batch->call = call;
    batch->page = scim_page_keep(page);
    batch->fn = fn;
    batch->context = context;
    loop_later_init(&batch->later, step, batch);
    enter(batch, BATCH_PARTS_TO_MATCH);
    return batch;
}

void scim_batch_cancel(struct scim_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    loop_later_cancel(&batch->later);
    store_read_cancel(batch->read);
    pool_cancel(batch->job);
    scim_page_drop(batch->page);
    arena_done(&batch->arena);
    memory_free(batch);
}
