/* resource_index.c - which resource stands where in the lists: positions to numbers, in memory. */
#include "account/resource_index.h"

#include "base/memory.h"

#include <assert.h>
#include <string.h>

enum { PAGE = 20000, ROOM_MIN = 64 };

/* What came or went while the list was read: done again when it is there, in the same order. */
struct event {
    int64_t number;
    bool went;
};

/* One client and type: numbers in growing order. */
struct list {
    struct list *next;
    struct resource_index *index;
    char client_id[UUID_SIZE];
    enum resource_type type;
    bool filled;
    int64_t *numbers;
    size_t count, room;
    struct store_read *read;
    struct event *events; /* only while it is read */
    size_t events_count, events_room;
    struct resource_index_wait *waits; /* whoever waits for the read, the first first */
};

struct resource_index_wait {
    struct resource_index_wait *next, **link; /* what leads to it */
    resource_index_fn *done;
    void *context;
};

struct resource_index {
    struct store *store;
    struct list *lists;
};

/* Lists. */

static struct list *find(const struct resource_index *index, struct span client_id,
                         enum resource_type type)
{
    struct list *list = index->lists;
    while (list != NULL && (list->type != type || !span_is(client_id, list->client_id))) {
        list = list->next;
    }
    return list;
}

static struct list *find_or_new(struct resource_index *index, struct span client_id,
                                enum resource_type type)
{
    struct list *list = find(index, client_id, type);
    if (list == NULL) {
        list = MEMORY_NEW(struct list);
        bool fits = span_fits(client_id, list->client_id, sizeof list->client_id);
        assert(fits);
        (void)fits;
        list->index = index;
        list->type = type;
        list->next = index->lists;
        index->lists = list;
    }
    return list;
}

/* Where a number is, or would be. New ones belong at the end. */
static size_t place_of(const struct list *list, int64_t number)
{
    size_t low = 0, high = list->count;
    if (high == 0 || list->numbers[high - 1] < number) {
        return high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->numbers[middle] < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void resize(struct list *list, size_t room)
{
    list->room = room;
    list->numbers = memory_resize(list->numbers, room * sizeof *list->numbers);
}

static void insert(struct list *list, int64_t number)
{
    size_t at = place_of(list, number);
    if (at < list->count && list->numbers[at] == number) {
        return;
    }
    if (list->count == list->room) {
        resize(list, list->room < ROOM_MIN ? ROOM_MIN : list->room + list->room / 2);
    }
    memmove(list->numbers + at + 1, list->numbers + at, (list->count - at) * sizeof *list->numbers);
    list->numbers[at] = number;
    list->count++;
}

static void take_out(struct list *list, int64_t number)
{
    size_t at = place_of(list, number);
    if (at == list->count || list->numbers[at] != number) {
        return;
    }
    list->count--;
    memmove(list->numbers + at, list->numbers + at + 1, (list->count - at) * sizeof *list->numbers);
    if (list->room > ROOM_MIN && list->count < list->room / 4) {
        resize(list, list->room / 2);
    }
}

static void apply(struct list *list, struct event event)
{
    if (event.went) {
        take_out(list, event.number);
    } else {
        insert(list, event.number);
    }
}

static void forget_events(struct list *list)
{
    memory_free(list->events);
    list->events = NULL;
    list->events_count = list->events_room = 0;
}

static void remember(struct list *list, struct event event)
{
    if (list->events_count == list->events_room) {
        list->events_room = list->events_room == 0 ? ROOM_MIN : 2 * list->events_room;
        list->events = memory_resize(list->events, list->events_room * sizeof *list->events);
    }
    list->events[list->events_count++] = event;
}

/* What was committed before a page was read is in the page already, whoever heard of it when: each event may come twice,
 * and none is missing. Of a list that nobody asked for nothing is kept. */
static void note(struct resource_index *index, const struct resource *resource, bool went)
{
    const struct event event = {.number = resource->number, .went = went};
    struct list *list = find(index, span_of(resource->client_id), resource->type);
    assert(resource->number > 0);
    if (list == NULL) {
        return;
    }
    if (list->filled) {
        apply(list, event);
    }
    if (list->read != NULL) {
        remember(list, event);
    }
}

void resource_index_came(struct resource_index *index, const struct resource *resource)
{
    note(index, resource, false);
}

void resource_index_went(struct resource_index *index, const struct resource *resource)
{
    note(index, resource, true);
}

bool resource_index_count(const struct resource_index *index, struct span client_id,
                          enum resource_type type, size_t *count)
{
    const struct list *list = find(index, client_id, type);
    *count = list != NULL && list->filled ? list->count : 0;
    return list != NULL && list->filled;
}

int64_t resource_index_at(const struct resource_index *index, struct span client_id,
                          enum resource_type type, size_t position)
{
    const struct list *list = find(index, client_id, type);
    return list != NULL && list->filled && position < list->count ? list->numbers[position] : 0;
}

/* Reading. */

static void unlink_wait(struct resource_index_wait *wait)
{
    *wait->link = wait->next;
    if (wait->next != NULL) {
        wait->next->link = wait->link;
    }
}

/* Any of them may cancel another, or start again: that waits for another read. */
static void tell(struct list *list, const char *failure)
{
    struct resource_index_wait *waits = list->waits;
    list->waits = NULL;
    if (waits != NULL) {
        waits->link = &waits;
    }
    while (waits != NULL) {
        struct resource_index_wait *wait = waits;
        unlink_wait(wait);
        wait->done(failure, wait->context);
        memory_free(wait);
    }
}

static void read_page(struct list *list);

/* A page may be older than an event that was heard before it came: all of them once more. */
static void finish(struct list *list, const char *failure)
{
    for (size_t i = 0; i < list->events_count; i++) {
        apply(list, list->events[i]);
    }
    forget_events(list);
    list->filled |= failure == NULL;
    if (!list->filled) {
        list->count = 0;
    }
    tell(list, failure);
}

static void on_page(const struct store_rows *rows, void *context)
{
    struct list *list = context;
    list->read = NULL;
    if (rows->failure != NULL) {
        finish(list, rows->failure);
        return;
    }
    for (size_t i = 0; i < rows->rows; i++) {
        insert(list, resource_read_number(rows, i));
    }
    if (rows->rows == PAGE) {
        read_page(list);
    } else {
        finish(list, NULL);
    }
}

static void read_page(struct list *list)
{
    int64_t from = list->count > 0 ? list->numbers[list->count - 1] + 1 : 0;
    list->read = resource_numbers(list->index->store, span_of(list->client_id), list->type, from,
                                  PAGE, on_page, list);
}

/* What is being read begins anew: its first pages may be older than what is not known. */
void resource_index_forget(struct resource_index *index)
{
    for (struct list *list = index->lists; list != NULL; list = list->next) {
        list->filled = false;
        list->count = 0;
        forget_events(list);
        if (list->read != NULL) {
            store_read_cancel(list->read);
            read_page(list);
        }
    }
}

/* A list that is filled is read from its end on: there is nothing, and `done` runs later as it should. */
struct resource_index_wait *resource_index_fill(struct resource_index *index, struct span client_id,
                                                enum resource_type type, resource_index_fn *done,
                                                void *context)
{
    struct list *list = find_or_new(index, client_id, type);
    struct resource_index_wait *wait = MEMORY_NEW(struct resource_index_wait), **link;
    for (link = &list->waits; *link != NULL; link = &(*link)->next) {
    }
    *wait = (struct resource_index_wait){.link = link, .done = done, .context = context};
    *link = wait;
    if (list->read == NULL) {
        read_page(list);
    }
    return wait;
}

/* The read goes on: the next one who asks finds the list filled. */
void resource_index_cancel(struct resource_index_wait *wait)
{
    if (wait != NULL) {
        unlink_wait(wait);
        memory_free(wait);
    }
}

/* Life. */

struct resource_index *resource_index_new(struct store *store)
{
    struct resource_index *index = MEMORY_NEW(struct resource_index);
    index->store = store;
    return index;
}

void resource_index_free(struct resource_index *index)
{
    if (index == NULL) {
        return;
    }
    while (index->lists != NULL) {
        struct list *list = index->lists;
        index->lists = list->next;
        store_read_cancel(list->read);
        while (list->waits != NULL) {
            resource_index_cancel(list->waits);
        }
        forget_events(list);
        memory_free(list->numbers);
        memory_free(list);
    }
    memory_free(index);
}

size_t resource_index_bytes(const struct resource_index *index)
{
    size_t bytes = sizeof *index;
    for (const struct list *list = index->lists; list != NULL; list = list->next) {
        bytes += sizeof *list + list->room * sizeof *list->numbers +
                 list->events_room * sizeof *list->events;
    }
    return bytes;
}
