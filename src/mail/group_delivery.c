/* group_delivery.c - whom mail to a group goes to: its members, or parts of it. */
#include "mail/group_delivery.h"

#include "base/memory.h"

#include <string.h>

enum { LAST_SLOT = GROUP_ROWS_SLOTS - 1, GLANCE_ROWS = 50 };

/* What may be named in the reply, once it is known that somebody receives there. */
struct part {
    char id[UUID_SIZE];
    char key[GROUP_ROWS_KEY_SIZE];
    unsigned first, last;
};

struct range {
    char id[UUID_SIZE];
    unsigned first, last;
};

struct group_delivery {
    struct store *store;
    struct group_rows_group group;
    unsigned first, last;
    char domain[ADDRESS_DOMAIN_MAX + 1];
    group_delivery_fn *fn;
    void *context;
    struct buffer out;
    struct store_read *read;
    size_t reads;
    bool cut; /* into parts: its members are too many for one reply */

    struct part *parts;
    size_t parts_count, part_at;
    /* Where to look for somebody in the part that is in hand, and which groups were looked at. */
    struct range *ranges;
    size_t ranges_count;
    char (*seen)[UUID_SIZE];
    size_t seen_count;
};

/* -- names of parts -- */

static bool is_key(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        int byte = span_at(text, i);
        if (!((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f'))) {
            return false;
        }
    }
    return text.length == GROUP_ROWS_KEY_SIZE - 1;
}

bool group_delivery_parse(const struct address *address, struct group_delivery_part *part)
{
    struct span local = address_local(address), key, first;
    uint64_t low, high;
    if (!span_cut(&local, '.', &key) || !is_key(key) || !span_cut(&local, '-', &first) ||
        !span_number(first, LAST_SLOT, &low) || !span_number(local, LAST_SLOT, &high) ||
        low > high) {
        return false;
    }
    part->first = (unsigned)low;
    part->last = (unsigned)high;
    return span_fits(key, part->key, sizeof part->key);
}

static void add_comma(struct buffer *out)
{
    if (out->length > 0) {
        buffer_add_byte(out, ',');
    }
}

static void add_part(struct group_delivery *delivery, const struct part *part)
{
    add_comma(&delivery->out);
    buffer_format(&delivery->out, "%s.%u-%u@%s", part->key, part->first, part->last,
                  delivery->domain);
}

static void note_part(struct group_delivery *delivery, const struct part *part)
{
    delivery->parts =
        memory_resize(delivery->parts, (delivery->parts_count + 1) * sizeof *delivery->parts);
    delivery->parts[delivery->parts_count++] = *part;
}

/* -- the end -- */

static void free_delivery(struct group_delivery *delivery)
{
    store_read_cancel(delivery->read);
    buffer_done(&delivery->out);
    memory_free(delivery->parts);
    memory_free(delivery->ranges);
    memory_free(delivery->seen);
    memory_free(delivery);
}

static void finish(struct group_delivery *delivery, enum group_delivery_answer answer)
{
    delivery->fn(answer, buffer_span(&delivery->out), delivery->context);
    free_delivery(delivery);
}

/* -- is there anybody in it? -- */

static void begin_part(struct group_delivery *delivery);
static void look_on(struct group_delivery *delivery);
static void cut(struct group_delivery *delivery);

static bool takes_mail(const struct group_rows_target *target)
{
    return target->kind == GROUP_ROWS_EXTERNAL ||
           (target->kind == GROUP_ROWS_ACCOUNT && target->receives);
}

static void push_range(struct group_delivery *delivery, const char *id, unsigned first,
                       unsigned last)
{
    struct range *ranges =
        memory_resize(delivery->ranges, (delivery->ranges_count + 1) * sizeof *ranges);
    struct range *range = &ranges[delivery->ranges_count++];
    delivery->ranges = ranges;
    memcpy(range->id, id, sizeof range->id);
    range->first = first;
    range->last = last;
}

/* Groups may be reached in several ways, and are looked into once. */
static void push_group(struct group_delivery *delivery, const char *id)
{
    for (size_t i = 0; i < delivery->seen_count; i++) {
        if (strcmp(delivery->seen[i], id) == 0) {
            return;
        }
    }
    delivery->seen =
        memory_resize(delivery->seen, (delivery->seen_count + 1) * sizeof *delivery->seen);
    memcpy(delivery->seen[delivery->seen_count++], id, UUID_SIZE);
    push_range(delivery, id, 0, LAST_SLOT);
}

static void next_part(struct group_delivery *delivery)
{
    delivery->part_at++;
    begin_part(delivery);
}

static void name_part(struct group_delivery *delivery)
{
    add_part(delivery, &delivery->parts[delivery->part_at]);
    if (!buffer_full(&delivery->out)) {
        next_part(delivery);
    } else if (!delivery->cut) {
        cut(delivery);
    } else {
        finish(delivery, GROUP_DELIVERY_TROUBLE);
    }
}

/* True when somebody among these takes mail; else what is to be looked at because of them is noted. */
static bool glance(struct group_delivery *delivery, const struct range *range,
                   const struct store_rows *rows)
{
    struct group_rows_target target = {.slot = range->first};
    for (size_t row = 0; row < rows->rows; row++) {
        group_rows_read_target(rows, row, &target);
        if (takes_mail(&target)) {
            return true;
        }
        if (target.kind == GROUP_ROWS_GROUP) {
            push_group(delivery, target.id);
        }
    }
    /* More behind them, perhaps in the slot of the last one; that fifty share one slot takes millions. */
    unsigned next = target.slot > range->first ? target.slot : target.slot + 1;
    if (rows->rows == GLANCE_ROWS && next <= range->last) {
        push_range(delivery, range->id, next, range->last);
    }
    return false;
}

static void on_glance(const struct store_rows *rows, void *context)
{
    struct group_delivery *delivery = context;
    delivery->read = NULL;
    if (rows->failure != NULL) {
        finish(delivery, GROUP_DELIVERY_TROUBLE);
        return;
    }
    struct range range = delivery->ranges[--delivery->ranges_count];
    if (glance(delivery, &range, rows)) {
        name_part(delivery);
    } else {
        look_on(delivery);
    }
}

static void look_on(struct group_delivery *delivery)
{
    if (delivery->ranges_count == 0) {
        next_part(delivery);
        return;
    }
    if (++delivery->reads > GROUP_DELIVERY_READS_MAX) {
        finish(delivery, GROUP_DELIVERY_TROUBLE);
        return;
    }
    const struct range *range = &delivery->ranges[delivery->ranges_count - 1];
    delivery->read = group_rows_targets(delivery->store, span_of(range->id), range->first,
                                        range->last, GLANCE_ROWS, on_glance, delivery);
}

static void begin_part(struct group_delivery *delivery)
{
    if (delivery->part_at == delivery->parts_count) {
        finish(delivery,
               delivery->out.length > 0 ? GROUP_DELIVERY_ADDRESSES : GROUP_DELIVERY_NOBODY);
        return;
    }
    const struct part *part = &delivery->parts[delivery->part_at];
    delivery->ranges_count = delivery->seen_count = 0;
    push_range(delivery, part->id, part->first, part->last);
    look_on(delivery);
}

/* -- members, or parts -- */

/* Ranges of equal width: where they are cut depends on how many there are now, but each reply has every slot
 * of its range once. */
static void cut(struct group_delivery *delivery)
{
    uint64_t width = delivery->last - delivery->first + 1;
    int64_t count = 0;
    delivery->cut = true;
    delivery->parts_count = delivery->part_at = 0;
    buffer_clear(&delivery->out);
    if (width == 1 || group_rows_count(delivery->store, span_of(delivery->group.id),
                                       delivery->first, delivery->last, &count) != STORE_ROW) {
        finish(delivery, GROUP_DELIVERY_TROUBLE);
        return;
    }
    uint64_t parts = (uint64_t)count / GROUP_DELIVERY_PART + 1;
    parts = parts < 2 ? 2 : parts;
    parts = parts > GROUP_DELIVERY_PARTS_MAX ? GROUP_DELIVERY_PARTS_MAX : parts;
    parts = parts > width ? width : parts;
    for (uint64_t i = 0; i < parts; i++) {
        struct part part = {.first = delivery->first + (unsigned)(i * width / parts),
                            .last = delivery->first + (unsigned)((i + 1) * width / parts) - 1};
        memcpy(part.id, delivery->group.id, sizeof part.id);
        memcpy(part.key, delivery->group.part_key, sizeof part.key);
        note_part(delivery, &part);
    }
    begin_part(delivery);
}

static void take_members(struct group_delivery *delivery, const struct store_rows *rows)
{
    for (size_t row = 0; row < rows->rows; row++) {
        struct group_rows_target target;
        group_rows_read_target(rows, row, &target);
        if (target.kind == GROUP_ROWS_GROUP) {
            struct part part = {.last = LAST_SLOT};
            memcpy(part.id, target.id, sizeof part.id);
            memcpy(part.key, target.part_key, sizeof part.key);
            note_part(delivery, &part);
        } else if (takes_mail(&target)) {
            add_comma(&delivery->out);
            buffer_add(&delivery->out, address_span(&target.address));
        }
    }
}

static void on_members(const struct store_rows *rows, void *context)
{
    struct group_delivery *delivery = context;
    delivery->read = NULL;
    if (rows->failure != NULL) {
        finish(delivery, GROUP_DELIVERY_TROUBLE);
        return;
    }
    if (rows->rows <= GROUP_DELIVERY_MEMBERS_MAX) {
        take_members(delivery, rows);
        if (!buffer_full(&delivery->out)) {
            begin_part(delivery);
            return;
        }
    }
    cut(delivery);
}

struct group_delivery *group_delivery_start(const struct group_delivery_question *question,
                                            group_delivery_fn *fn, void *context)
{
    struct group_delivery *delivery = MEMORY_NEW(struct group_delivery);
    delivery->store = question->store;
    delivery->group = *question->group;
    delivery->group.name = (struct span){0};
    delivery->first = question->first;
    delivery->last = question->last;
    delivery->out = buffer_limited(question->bytes_max);
    delivery->fn = fn;
    delivery->context = context;
    (void)span_fits(question->domain, delivery->domain, sizeof delivery->domain);
    delivery->read =
        group_rows_targets(delivery->store, span_of(delivery->group.id), delivery->first,
                           delivery->last, GROUP_DELIVERY_MEMBERS_MAX + 1, on_members, delivery);
    return delivery;
}

void group_delivery_cancel(struct group_delivery *delivery)
{
    if (delivery != NULL) {
        free_delivery(delivery);
    }
}
