/* scim_members.c - what is to happen to the members of a group, found out before anything is written. */
#include "scim/scim_members.h"

#include "base/memory.h"

#include <stdlib.h>

enum { READ_ROWS = 1000, SLICE = 64, NAMED_MAX = 10 };

enum members_state {
    MEMBERS_READ,    /* those that are there, a page at a time */
    MEMBERS_RESOLVE, /* those that are wanted, a slice a turn */
    MEMBERS_TOLD,
};

struct list {
    struct provision_member *items;
    size_t count, room;
};

struct scim_members {
    struct scim_call *call;
    enum members_state state;
    struct arena arena;
    struct span group_id;
    bool clears;
    struct list add, remove;   /* wanted: sorted by id, each once */
    struct list present;       /* sorted by id */
    size_t add_at, remove_at;  /* how far they were looked up */
    struct list adds, removes; /* what is left of them */
    struct buffer unknown;
    size_t unknown_count;
    struct json *shown; /* scim_members_read() */
    struct span after;
    struct store_read *read;
    struct loop_later later;
    scim_members_fn *fn;
    scim_members_present_fn *present_fn;
    void *context;
};

/* -- lists -- */

static void list_add(struct list *list, const struct provision_member *member)
{
    if (list->count == list->room) {
        list->room = list->room == 0 ? 16 : list->room * 2;
        list->items = memory_resize(list->items, list->room * sizeof *list->items);
    }
    list->items[list->count++] = *member;
}

static int compare(const void *left, const void *right)
{
    const struct provision_member *a = left, *b = right;
    return span_compare(a->id, b->id);
}

static void list_sort(struct list *list)
{
    size_t kept = 0;
    if (list->count == 0) {
        return;
    }
    qsort(list->items, list->count, sizeof *list->items, compare);
    for (size_t i = 1; i < list->count; i++) {
        if (!span_equal(list->items[i].id, list->items[kept].id)) {
            list->items[++kept] = list->items[i];
        }
    }
    list->count = kept + 1;
}

static bool list_has(const struct list *list, struct span id)
{
    const struct provision_member wanted = {.id = id};
    return list->count > 0 &&
           bsearch(&wanted, list->items, list->count, sizeof *list->items, compare) != NULL;
}

static void collect(struct list *list, const struct json *from)
{
    for (size_t i = 0; i < json_size(from); i++) {
        const struct json *item = json_item(from, i);
        struct provision_member member = {.kind = GROUP_ROWS_ACCOUNT};
        if (json_kind(item) == JSON_KIND_OBJECT) {
            (void)json_text(item, "value", &member.id);
        } else {
            member.id = json_value_text(item);
        }
        list_add(list, &member);
    }
    list_sort(list);
}

/* -- the end -- */

static void tell(struct scim_members *members, struct scim_members_found *found)
{
    members->state = MEMBERS_TOLD;
    found->add = members->adds.items;
    found->add_count = members->adds.count;
    found->remove = members->removes.items;
    found->remove_count = members->removes.count;
    members->fn(found, members->context);
}

static void unavailable(struct scim_members *members)
{
    if (members->present_fn != NULL) {
        members->state = MEMBERS_TOLD;
        members->present_fn(NULL, members->context);
    } else {
        tell(members, &(struct scim_members_found){.answer = SCIM_MEMBERS_UNAVAILABLE});
    }
}

static void tell_found(struct scim_members *members)
{
    struct scim_members_found found = {.answer = SCIM_MEMBERS_FOUND};
    struct span names = buffer_span(&members->unknown);
    if (members->unknown_count > 0) {
        found.answer = SCIM_MEMBERS_REFUSED;
        scim_error_set(&found.error, 400, SCIM_ERROR_INVALID_VALUE,
                       "members: %zu not known here: %.*s%s", members->unknown_count,
                       (int)names.length, names.length == 0 ? "" : names.at,
                       members->unknown_count > NAMED_MAX ? " …" : "");
    }
    tell(members, &found);
}

/* -- looking up -- */

/* Pitfall 7: all unknown ones are named before anything is written, or skipped where the token says so. */
static void note_unknown(struct scim_members *members, struct span id)
{
    if (members->call->client.members == CLIENT_MEMBERS_SKIP) {
        return;
    }
    if (members->unknown_count < NAMED_MAX) {
        if (members->unknown_count > 0) {
            buffer_add_byte(&members->unknown, ' ');
        }
        buffer_add(&members->unknown, span_first(id, UUID_SIZE - 1));
    }
    members->unknown_count++;
}

/* false: the store cannot say. */
static bool resolve(struct scim_members *members, struct span id)
{
    struct scim_call *call = members->call;
    struct resource resource;
    struct arena arena = {0};
    enum store_now now = uuid_valid(id)
                             ? resource_by_id(call->door->services.store, id, &arena, &resource)
                             : STORE_NONE;
    bool known = now == STORE_ROW && resource.gone == 0 &&
                 span_is(span_of(resource.client_id), call->client.id);
    if (known) {
        const struct provision_member member = {
            .id = id,
            .kind = resource.type == RESOURCE_GROUP ? GROUP_ROWS_GROUP : GROUP_ROWS_ACCOUNT};
        list_add(&members->adds, &member);
    } else if (now != STORE_ASK) {
        note_unknown(members, id);
    }
    arena_done(&arena);
    return now != STORE_ASK;
}

/* Whether it is a member now: from what was read, or by asking for the one. */
static enum store_now is_present(struct scim_members *members, struct span id)
{
    if (members->clears) {
        return list_has(&members->present, id) ? STORE_ROW : STORE_NONE;
    }
    if (span_empty(members->group_id) || !uuid_valid(id)) {
        return STORE_NONE;
    }
    return group_rows_has(members->call->door->services.store, members->group_id, GROUP_ROWS_MEMBER,
                          id);
}

static bool look_up_add(struct scim_members *members)
{
    struct span id = members->add.items[members->add_at++].id;
    switch (is_present(members, id)) {
    case STORE_ASK:
        return false;
    case STORE_ROW:
        return true;
    case STORE_NONE:
        break;
    }
    return resolve(members, id);
}

static bool look_up_remove(struct scim_members *members)
{
    const struct provision_member *member = &members->remove.items[members->remove_at++];
    enum store_now now =
        list_has(&members->add, member->id) ? STORE_NONE : is_present(members, member->id);
    if (now == STORE_ROW) {
        list_add(&members->removes, member);
    }
    return now != STORE_ASK;
}

static void on_slice(void *context)
{
    struct scim_members *members = context;
    for (size_t i = 0; i < SLICE; i++) {
        bool known = true;
        if (members->add_at < members->add.count) {
            known = look_up_add(members);
        } else if (members->remove_at < members->remove.count) {
            known = look_up_remove(members);
        } else {
            tell_found(members);
            return;
        }
        if (!known) {
            unavailable(members);
            return;
        }
    }
    loop_later(members->call->door->services.loop, &members->later);
}

/* Those that are there and not wanted: both lists are sorted. */
static void collect_removes(struct scim_members *members)
{
    const struct list *add = &members->add;
    size_t at = 0;
    for (size_t i = 0; i < members->present.count; i++) {
        const struct provision_member *present = &members->present.items[i];
        while (at < add->count && compare(&add->items[at], present) < 0) {
            at++;
        }
        if (at == add->count || compare(&add->items[at], present) > 0) {
            list_add(&members->removes, present);
        }
    }
}

static void start_resolving(struct scim_members *members)
{
    members->state = MEMBERS_RESOLVE;
    list_sort(&members->present);
    if (members->clears) {
        collect_removes(members);
        members->remove.count = 0; /* all went already */
    }
    loop_later(members->call->door->services.loop, &members->later);
}

/* -- those that are there -- */

static void start_reading(struct scim_members *members);

static void show(struct scim_members *members, const struct group_rows_member *member)
{
    struct json *shown = json_new_object();
    json_put_text(shown, "value", member->id);
    json_put_text(shown, "type", span_of(member->kind == GROUP_ROWS_GROUP ? "Group" : "User"));
    if (!span_empty(member->display)) {
        json_put_text(shown, "display", member->display);
    }
    json_append(members->shown, shown);
}

static void read_end(struct scim_members *members)
{
    if (members->present_fn == NULL) {
        start_resolving(members);
        return;
    }
    struct json *taken = members->shown;
    members->shown = NULL;
    members->state = MEMBERS_TOLD;
    members->present_fn(taken, members->context);
}

static void on_page(const struct store_rows *rows, void *context)
{
    struct scim_members *members = context;
    members->read = NULL;
    if (rows->failure != NULL) {
        unavailable(members);
        return;
    }
    for (size_t i = 0; i < rows->rows; i++) {
        struct group_rows_member member;
        group_rows_read_member(rows, i, &member);
        members->after = member.id;
        if (member.kind == GROUP_ROWS_EXTERNAL) {
            continue;
        }
        if (members->present_fn != NULL) {
            show(members, &member);
        } else {
            const struct provision_member present = {span_copy(&members->arena, member.id),
                                                     member.kind};
            list_add(&members->present, &present);
        }
    }
    if (rows->rows < READ_ROWS) {
        read_end(members);
    } else {
        members->after = span_copy(&members->arena, members->after);
        start_reading(members);
    }
}

static void start_reading(struct scim_members *members)
{
    members->read =
        group_rows_members(members->call->door->services.store, members->group_id,
                           GROUP_ROWS_MEMBER, members->after, READ_ROWS, on_page, members);
}

/* -- beginning and end -- */

static struct scim_members *new_members(struct scim_call *call, struct span group_id, void *context)
{
    struct scim_members *members = MEMORY_NEW(struct scim_members);
    members->call = call;
    members->context = context;
    members->group_id = span_copy(&members->arena, group_id);
    members->unknown = buffer_limited(ERROR_MAX);
    loop_later_init(&members->later, on_slice, members);
    return members;
}

struct scim_members *scim_members_start(struct scim_call *call,
                                        const struct scim_members_wanted *wanted,
                                        scim_members_fn *fn, void *context)
{
    struct scim_members *members = new_members(call, wanted->group_id, context);
    members->fn = fn;
    members->clears = wanted->clears && !span_empty(wanted->group_id);
    collect(&members->add, wanted->add);
    collect(&members->remove, wanted->remove);
    if (members->clears) {
        start_reading(members);
    } else {
        start_resolving(members);
    }
    return members;
}

struct scim_members *scim_members_read(struct scim_call *call, struct span group_id,
                                       scim_members_present_fn *fn, void *context)
{
    struct scim_members *members = new_members(call, group_id, context);
    members->present_fn = fn;
    members->shown = json_new_array();
    start_reading(members);
    return members;
}

void scim_members_free(struct scim_members *members)
{
    if (members == NULL) {
        return;
    }
    memory_free(members->add.items);
    memory_free(members->remove.items);
    memory_free(members->present.items);
    memory_free(members->adds.items);
    memory_free(members->removes.items);
    loop_later_cancel(&members->later);
    store_read_cancel(members->read);
    buffer_done(&members->unknown);
    json_free(members->shown);
    arena_done(&members->arena);
    memory_free(members);
}
