/* scim_list.c - lists: GET and .search of users, of groups, and of both. */
#include "scim/scim_list.h"

#include "base/memory.h"
#include "net/pool.h"
#include "scim/scim_batch.h"
#include "scim/scim_search.h"

#include <assert.h>

enum {
    TYPES_MAX = 2,
    BATCH_ROWS = 100,
    BATCH_ROWS_WITH_PARTS = 20, /* when all members of each must be read to filter */
    FIND_ROWS = 500,            /* more hits than that of an index are read as all are */
    TAIL_MAX = 200,
};

enum list_state {
    LIST_PLAN, /* the next type: how it is read */
    LIST_FILL, /* positions are being read */
    LIST_PAGE, /* rows from a position */
    LIST_FIND, /* rows by an index */
    LIST_TURN, /* waits for its turn to read all */
    LIST_SCAN, /* all rows */
    LIST_ORDER,
    LIST_SORTED, /* rows of the page, in the order found */
    LIST_END,
};

struct list {
    struct scim_call *call;
    enum list_state state;
    struct scim_page_query *queries[TYPES_MAX];
    size_t types, type;
    size_t skip, take; /* what is left of them */
    size_t total, rendered;
    bool cut, filled; /* filled: the positions were read in vain once */
    bool more;        /* there were as many rows as were asked for */
    int64_t number;   /* the next row's */
    struct buffer out;
    struct scim_sort *sort;
    size_t sorted; /* the next entry */
    struct scim_page *page;
    struct scim_batch *batch;
    struct scim_turn *turn;
    struct resource_index_wait *fill;
    struct store_read *read;
    struct pool_job *job;
    struct loop_later later;
};

static void free_list(void *task)
{
    struct list *list = task;
    loop_later_cancel(&list->later);
    scim_batch_cancel(list->batch);
    scim_page_drop(list->page);
    resource_index_cancel(list->fill);
    store_read_cancel(list->read);
    pool_cancel(list->job);
    scim_turn_end(list->turn);
    scim_sort_drop(list->sort);
    buffer_done(&list->out);
    for (size_t i = 0; i < list->types; i++) {
        scim_page_query_drop(list->queries[i]);
    }
    memory_free(list);
}

static void enter(struct list *list, enum list_state state)
{
    list->state = state;
    loop_later(list->call->door->services.loop, &list->later);
}

static struct scim_page_query *query_of(const struct list *list)
{
    return list->queries[list->type];
}

static enum resource_type type_of(const struct list *list)
{
    return query_of(list)->resource == SCIM_SCHEMA_USERS ? RESOURCE_USER : RESOURCE_GROUP;
}

static void next_type(struct list *list)
{
    list->type++;
    list->number = 0;
    list->filled = false;
    enter(list, LIST_PLAN);
}

static void too_many(struct list *list, const char *detail)
{
    scim_call_refuse_with(list->call, 400, SCIM_ERROR_TOO_MANY, "%s", detail);
}

/* -- batches -- */

static void go_on(struct list *list)
{
    bool full = list->take == 0;
    if (list->state == LIST_SORTED) {
        enter(list, full ? LIST_END : LIST_SORTED);
    } else if (!list->more || (list->state == LIST_PAGE && full)) {
        next_type(list);
    } else {
        enter(list, list->state);
    }
}

static void on_batch(enum scim_batch_answer answer, void *context)
{
    struct list *list = context;
    struct scim_page *page = list->page;
    list->batch = NULL;
    list->page = NULL;
    list->out = page->out;
    page->out = buffer_limited(0);
    list->total += list->state == LIST_FIND || list->state == LIST_SCAN ? page->matches : 0;
    list->rendered += page->rendered;
    if (list->sort == NULL) { /* else the window is that of the sorted ones */
        list->skip = page->skip;
        list->take = page->take;
    }
    list->take = page->cut ? 0 : list->take;
    list->cut = list->cut || page->cut;
    scim_page_drop(page);
    switch (answer) {
    case SCIM_BATCH_UNAVAILABLE:
        scim_call_unavailable(list->call);
        return;
    case SCIM_BATCH_TOO_MANY:
        too_many(list, "filter: the groups have more members than are read for one answer");
        return;
    case SCIM_BATCH_DONE:
        break;
    }
    go_on(list);
}

static void start_batch(struct list *list)
{
    struct scim_page *page = list->page;
    assert(page != NULL);
    bool finding = list->state == LIST_FIND || list->state == LIST_SCAN;
    bool sorted = list->state == LIST_SORTED;
    page->skip = sorted ? 0 : list->skip;
    page->take = sorted ? page->count : list->take;
    page->out = list->out;
    list->out = (struct buffer){0};
    if (list->sort != NULL && finding) {
        page->sort = scim_sort_keep(list->sort);
        page->take = 0;
    }
    page->matched = !finding;
    list->batch = scim_batch_start(list->call, page, on_batch, list);
}

/* The rows of one read; `rows_max` were asked for. false: the call has ended. */
static bool take_rows(struct list *list, const struct store_rows *rows, size_t rows_max)
{
    list->read = NULL;
    if (rows->failure != NULL) {
        scim_call_unavailable(list->call);
        return false;
    }
    list->more = rows->rows == rows_max;
    list->page = scim_page_new(query_of(list));
    for (size_t i = 0; i < rows->rows; i++) {
        struct resource resource;
        resource_read(rows, i, &resource);
        scim_page_add(list->page, &resource);
        list->number = resource.number + 1;
    }
    return true;
}

/* -- a page of all -- */

static size_t page_rows(const struct list *list)
{
    return list->take < BATCH_ROWS ? list->take : BATCH_ROWS;
}

static void on_page_rows(const struct store_rows *rows, void *context)
{
    struct list *list = context;
    if (take_rows(list, rows, page_rows(list))) {
        start_batch(list);
    }
}

static void read_page(struct list *list)
{
    struct scim_call *call = list->call;
    list->read = resource_list(call->door->services.store, span_of(call->client.id), type_of(list),
                               list->number, page_rows(list), on_page_rows, list);
}

static void on_filled(const char *failure, void *context)
{
    struct list *list = context;
    list->fill = NULL;
    if (failure != NULL || list->filled) {
        scim_call_unavailable(list->call);
        return;
    }
    list->filled = true;
    enter(list, LIST_PLAN);
}

static void plan_page(struct list *list)
{
    struct scim_call *call = list->call;
    struct resource_index *index = call->door->services.index;
    struct span client_id = span_of(call->client.id);
    size_t count;
    if (!resource_index_count(index, client_id, type_of(list), &count)) {
        list->state = LIST_FILL;
        list->fill = resource_index_fill(index, client_id, type_of(list), on_filled, list);
        return;
    }
    list->total += count;
    if (list->take == 0 || list->skip >= count) {
        list->skip -= list->skip < count ? list->skip : count;
        next_type(list);
        return;
    }
    list->number = resource_index_at(index, client_id, type_of(list), list->skip);
    list->skip = 0;
    enter(list, LIST_PAGE);
}

/* -- by an index -- */

static void start_scan(struct list *list);

static bool find_kind(enum scim_filter_index index, enum resource_index_kind *kind, bool *folded)
{
    static const struct {
        enum scim_filter_index index;
        enum resource_index_kind kind;
        bool folded;
    } kinds[] = {
        {SCIM_FILTER_BY_ID, RESOURCE_BY_ID, false},
        {SCIM_FILTER_BY_EXTERNAL_ID, RESOURCE_BY_EXTERNAL_ID, false},
        {SCIM_FILTER_BY_NAME, RESOURCE_BY_NAME, true},
        {SCIM_FILTER_BY_DISPLAY, RESOURCE_BY_DISPLAY, true},
        {SCIM_FILTER_BY_EMAIL, RESOURCE_BY_EMAIL, true},
        {SCIM_FILTER_BY_MEMBER, RESOURCE_BY_MEMBER, false},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].index == index) {
            *kind = kinds[i].kind;
            *folded = kinds[i].folded;
            return true;
        }
    }
    return false;
}

static void on_found(const struct store_rows *rows, void *context)
{
    struct list *list = context;
    if (rows->failure == NULL && rows->rows > FIND_ROWS) {
        list->read = NULL;
        start_scan(list);
        return;
    }
    if (take_rows(list, rows, FIND_ROWS + 1)) {
        const struct scim_page_query *query = query_of(list);
        bool answered = query->filter->kind == SCIM_FILTER_COMPARE && query->match_parts;
        start_batch(list);
        /* The index was asked for just that: no members need to be read. */
        list->page->matched = answered && list->sort == NULL;
    }
}

static bool start_find(struct list *list)
{
    struct scim_call *call = list->call;
    const struct scim_page_query *query = query_of(list);
    enum resource_index_kind kind;
    bool folded;
    struct scim_filter_key key = {0};
    if (query->filter != NULL) {
        key = scim_filter_key(query->filter);
    }
    if (!find_kind(key.index, &kind, &folded)) {
        return false;
    }
    const struct resource_key by = {
        .kind = kind, .value = folded ? scim_resource_fold(key.value, &call->arena) : key.value};
    list->state = LIST_FIND;
    list->read = resource_find(call->door->services.store, span_of(call->client.id), type_of(list),
                               &by, FIND_ROWS + 1, on_found, list);
    return true;
}

/* -- all of them -- */

static size_t scan_rows(const struct list *list)
{
    const struct scim_page_query *query = query_of(list);
    bool members = query->match_parts && query->resource == SCIM_SCHEMA_GROUPS;
    return members ? BATCH_ROWS_WITH_PARTS : BATCH_ROWS;
}

static void on_scan_rows(const struct store_rows *rows, void *context)
{
    struct list *list = context;
    if (take_rows(list, rows, scan_rows(list))) {
        start_batch(list);
    }
}

static void read_scan(struct list *list)
{
    struct scim_call *call = list->call;
    list->read = resource_list(call->door->services.store, span_of(call->client.id), type_of(list),
                               list->number, scan_rows(list), on_scan_rows, list);
}

static void on_turn(void *context)
{
    enter(context, LIST_SCAN);
}

static void start_scan(struct list *list)
{
    struct scim_call *call = list->call;
    list->number = 0;
    if (list->turn != NULL) {
        enter(list, LIST_SCAN);
        return;
    }
    list->state = LIST_TURN;
    list->turn = scim_turn_start(call->door->turns, span_of(call->client.id), on_turn, list);
    if (list->turn == NULL) {
        call->reason = "too_many_lists";
        scim_call_slow_down(call, 1000, "too many filtered lists at once: wait, then ask again");
    }
}

/* -- sorted -- */

static void run_order(void *work)
{
    scim_sort_order(work);
}

static void drop_sort(void *work)
{
    scim_sort_drop(work);
}

static void on_ordered(void *work, void *context)
{
    struct list *list = context;
    const struct scim_sort *sort = work;
    list->job = NULL;
    list->sorted = list->skip < sort->count ? list->skip : sort->count;
    list->skip = 0;
    list->take = list->take < sort->count - list->sorted ? list->take : sort->count - list->sorted;
    enter(list, list->take == 0 ? LIST_END : LIST_SORTED);
}

static void start_order(struct list *list)
{
    static const struct pool_task ORDER = {run_order, on_ordered, drop_sort};
    if (list->sort->overflow) {
        too_many(list, "sortBy: too many resources to be sorted: narrow the filter");
        return;
    }
    list->state = LIST_ORDER;
    list->job = pool_start(list->call->door->pool, &ORDER, scim_sort_keep(list->sort), list);
    if (list->job == NULL) {
        scim_sort_drop(list->sort);
        scim_call_unavailable(list->call);
    }
}

static void read_sorted(struct list *list);

/* What was deleted meanwhile is left out. */
static void on_sorted_row(const struct store_rows *rows, void *context)
{
    struct list *list = context;
    const struct scim_sort_entry *entry = &list->sort->entries[list->sorted];
    struct resource resource;
    list->read = NULL;
    if (rows->failure != NULL) {
        scim_call_unavailable(list->call);
        return;
    }
    if (rows->rows > 0) {
        resource_read(rows, 0, &resource);
        if (resource.number == entry->row) {
            scim_page_add(list->page, &resource);
        }
    }
    list->sorted++;
    list->take--;
    read_sorted(list);
}

/* Rows of one type make a page: in a list of both they may alternate. */
static void read_sorted(struct list *list)
{
    struct scim_call *call = list->call;
    const struct scim_sort_entry *entry = &list->sort->entries[list->sorted];
    bool full = list->page != NULL && list->page->count == BATCH_ROWS;
    if (list->take == 0 || full ||
        (list->page != NULL && list->page->query->resource != entry->resource)) {
        start_batch(list);
        return;
    }
    list->type = 0;
    while (query_of(list)->resource != entry->resource) {
        list->type++;
    }
    if (list->page == NULL) {
        list->page = scim_page_new(query_of(list));
    }
    list->read = resource_list(call->door->services.store, span_of(call->client.id), type_of(list),
                               entry->row, 1, on_sorted_row, list);
}

/* -- the whole -- */

static void plan(struct list *list)
{
    if (list->type == list->types) {
        if (list->sort != NULL) {
            start_order(list);
        } else {
            enter(list, LIST_END);
        }
        return;
    }
    const struct scim_page_query *query = query_of(list);
    if (query->filter == NULL && !query->sorts) {
        plan_page(list);
    } else if (!start_find(list)) {
        start_scan(list);
    }
}

static void end(struct list *list)
{
    if (list->cut && list->rendered == 0) {
        too_many(list, "the first resource is larger than an answer may be: ask with "
                       "excludedAttributes=members");
        return;
    }
    list->out.limit += TAIL_MAX;
    buffer_format(&list->out, "],\"totalResults\":%zu,\"startIndex\":%lld,\"itemsPerPage\":%zu}",
                  list->total, (long long)list->call->start_index, list->rendered);
    scim_call_end(list->call, &(struct scim_reply){.status = 200, .body = buffer_span(&list->out)});
}

static void step(void *context)
{
    struct list *list = context;
    switch (list->state) {
    case LIST_PLAN:
        plan(list);
        return;
    case LIST_PAGE:
        read_page(list);
        return;
    case LIST_SCAN:
        read_scan(list);
        return;
    case LIST_SORTED:
        read_sorted(list);
        return;
    case LIST_END:
        end(list);
        return;
    case LIST_FIND:
    case LIST_FILL:
    case LIST_TURN:
    case LIST_ORDER:
        return;
    }
}

static bool add_type(struct list *list, enum scim_schema_resource resource,
                     struct scim_error *error)
{
    struct scim_page_asked asked = list->call->asked;
    asked.resource = resource;
    asked.base = list->call->base;
    struct scim_page_query *query = scim_page_query_new(&asked, error);
    if (query != NULL) {
        list->queries[list->types++] = query;
    }
    return query != NULL;
}

/* Of both types a token sees those that it has the right to. */
static bool add_types(struct list *list, struct scim_error *error)
{
    const struct scim_call *call = list->call;
    if (call->resource != SCIM_SCHEMA_NO_RESOURCE) {
        return add_type(list, call->resource, error);
    }
    return ((call->client.rights & CLIENT_USERS) == 0 ||
            add_type(list, SCIM_SCHEMA_USERS, error)) &&
           ((call->client.rights & CLIENT_GROUPS) == 0 ||
            add_type(list, SCIM_SCHEMA_GROUPS, error));
}

static void window(struct list *list)
{
    struct scim_call *call = list->call;
    const struct scim_settings *settings = &call->door->settings;
    size_t count = call->count < 0 ? settings->page : (size_t)call->count;
    call->start_index = call->start_index < 1 ? 1 : call->start_index;
    list->skip = (size_t)(call->start_index - 1);
    list->take = count < settings->page_max ? count : settings->page_max;
}

void scim_list_get(struct scim_call *call)
{
    struct scim_error error;
    struct list *list = MEMORY_NEW(struct list);
    list->call = call;
    list->out = buffer_limited(SCIM_PAGE_TEXT_MAX);
    loop_later_init(&list->later, step, list);
    call->task = list;
    call->task_free = free_list;
    if (!add_types(list, &error)) {
        scim_call_refuse(call, &error);
        return;
    }
    window(list);
    if (list->types > 0 && list->queries[0]->sorts) {
        list->sort = scim_sort_new(list->queries[0]->descending);
    }
    buffer_add_text(&list->out, "{\"schemas\":[\"" SCIM_SCHEMA_LIST "\"],\"Resources\":[");
    enter(list, LIST_PLAN);
}

void scim_list_search(struct scim_call *call)
{
    struct scim_error error;
    if (scim_search_read(call, &error)) {
        scim_list_get(call);
    } else {
        scim_call_refuse(call, &error);
    }
}
