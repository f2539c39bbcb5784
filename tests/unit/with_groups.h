/* with_groups.h - for tests of src/mail/: groups that are made up, beside the accounts of with_mail.h. */
#ifndef TESTS_WITH_GROUPS_H
#define TESTS_WITH_GROUPS_H

#include "with_mail.h"

#include "account/group_rows.h"

static struct with_groups_group {
    const char *id, *address; /* the address of its account; NULL: none */
    const char *part_key;
    enum group_rows_senders senders;
} with_groups_groups[16];
static size_t with_groups_count;

static struct with_groups_member {
    const char *group;
    struct group_rows_target target; /* id: of groups */
    enum group_rows_role role;
} with_groups_members[20000];
static size_t with_groups_members_count;

static struct with_groups_share {
    const char *mailbox, *member;
    enum group_rows_rights rights;
} with_groups_shares[600];
static size_t with_groups_shares_count;

static bool with_groups_trouble; /* look-ups do not answer */

static inline void with_groups_start(void)
{
    with_groups_count = with_groups_members_count = with_groups_shares_count = 0;
    with_groups_trouble = false;
}

static inline void with_groups_add(const char *id, const char *address, const char *part_key,
                                   enum group_rows_senders senders)
{
    assert_true(with_groups_count < 16);
    with_groups_groups[with_groups_count++] =
        (struct with_groups_group){id, address, part_key, senders};
}

/* To be called in order of slots. `who` is an address, or the id of a group. */
static inline struct with_groups_member *with_groups_join(const char *group,
                                                          enum group_rows_member_kind kind,
                                                          const char *who, unsigned slot)
{
    struct error error;
    assert_true(with_groups_members_count < 20000);
    struct with_groups_member *member = &with_groups_members[with_groups_members_count++];
    *member = (struct with_groups_member){.group = group,
                                          .target = {.kind = kind, .slot = slot, .receives = true}};
    if (kind == GROUP_ROWS_GROUP) {
        snprintf(member->target.id, sizeof member->target.id, "%s", who);
    } else {
        assert_true(address_parse(span_of(who), &member->target.address, &error));
    }
    return member;
}

static enum store_now with_groups_read(const struct with_groups_group *from,
                                       struct group_rows_group *group)
{
    struct error error;
    *group = (struct group_rows_group){.senders = from->senders};
    snprintf(group->id, sizeof group->id, "%s", from->id);
    snprintf(group->part_key, sizeof group->part_key, "%s", from->part_key);
    if (from->address != NULL) {
        assert_true(address_parse(span_of(from->address), &group->primary, &error));
    }
    return STORE_ROW;
}

static const struct with_groups_group *with_groups_find(struct span id)
{
    for (size_t i = 0; i < with_groups_count; i++) {
        if (span_is(id, with_groups_groups[i].id)) {
            return &with_groups_groups[i];
        }
    }
    return NULL;
}

enum store_now group_rows_by_id(struct store *store, struct span id, struct arena *arena,
                                struct group_rows_group *group)
{
    (void)store;
    (void)arena;
    const struct with_groups_group *found = with_groups_find(id);
    if (with_groups_trouble) {
        return STORE_ASK;
    }
    return found == NULL ? STORE_NONE : with_groups_read(found, group);
}

enum store_now group_rows_by_part_key(struct store *store, struct span part_key,
                                      struct arena *arena, struct group_rows_group *group)
{
    (void)store;
    (void)arena;
    for (size_t i = 0; !with_groups_trouble && i < with_groups_count; i++) {
        if (span_is(part_key, with_groups_groups[i].part_key)) {
            return with_groups_read(&with_groups_groups[i], group);
        }
    }
    return with_groups_trouble ? STORE_ASK : STORE_NONE;
}

/* Members of made up groups are known by their addresses; `account_id` is looked up among the accounts. */
enum store_now group_rows_reaches(struct store *store, struct span group_id,
                                  enum group_rows_role role, struct span account_id)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account account = {0};
    (void)store;
    if (with_groups_trouble ||
        directory_account(NULL, account_id, &arena, &account) != DIRECTORY_FOUND) {
        return with_groups_trouble ? STORE_ASK : STORE_NONE;
    }
    for (size_t i = 0; i < with_groups_members_count; i++) {
        const struct with_groups_member *member = &with_groups_members[i];
        if (span_is(group_id, member->group) && member->role == role &&
            address_equal(&member->target.address, &account.primary)) {
            return STORE_ROW;
        }
    }
    return STORE_NONE;
}

static bool with_groups_in(size_t index, struct span group, unsigned first, unsigned last)
{
    const struct with_groups_member *member = &with_groups_members[index];
    return span_is(group, member->group) && member->role == GROUP_ROWS_MEMBER &&
           member->target.slot >= first && member->target.slot <= last;
}

enum store_now group_rows_count(struct store *store, struct span group_id, unsigned first,
                                unsigned last, int64_t *count)
{
    (void)store;
    *count = 0;
    for (size_t i = 0; i < with_groups_members_count; i++) {
        *count += with_groups_in(i, group_id, first, last) ? 1 : 0;
    }
    return with_groups_trouble ? STORE_ASK : STORE_ROW;
}

static size_t with_groups_run(const struct store_read *read, int64_t *numbers)
{
    size_t count = 0;
    for (size_t i = 0; i < with_groups_members_count && count < read->rows_max; i++) {
        if (with_groups_in(i, span_of(read->key), read->first, read->last)) {
            numbers[count++] = (int64_t)i;
        }
    }
    return count;
}

struct store_read *group_rows_targets(struct store *store, struct span group_id, unsigned first,
                                      unsigned last, size_t rows_max, store_read_fn *fn,
                                      void *context)
{
    (void)store;
    struct store_read *read = with_mail_read_start((struct span){0}, rows_max, fn, context);
    assert_true(span_fits(group_id, read->key, sizeof read->key));
    read->first = first;
    read->last = last;
    read->run = with_groups_run;
    return read;
}

void group_rows_read_target(const struct store_rows *rows, size_t row,
                            struct group_rows_target *target)
{
    *target = with_groups_members[rows->values[row].integer].target;
    const struct with_groups_group *group = with_groups_find(span_of(target->id));
    if (group != NULL) {
        snprintf(target->part_key, sizeof target->part_key, "%s", group->part_key);
    }
}

static size_t with_groups_run_shares(const struct store_read *read, int64_t *numbers)
{
    size_t count = 0;
    for (size_t i = 0; i < with_groups_shares_count && count < read->rows_max; i++) {
        int order = span_compare(span_of(with_groups_shares[i].mailbox), span_of(read->key));
        int inner = span_compare(span_of(with_groups_shares[i].member), span_of(read->after));
        if (order > 0 || (order == 0 && inner > 0)) {
            numbers[count++] = (int64_t)i;
        }
    }
    return count;
}

struct store_read *group_rows_accesses(struct store *store, struct span after_mailbox,
                                       struct span after_member, size_t rows_max, store_read_fn *fn,
                                       void *context)
{
    (void)store;
    struct store_read *read = with_mail_read_start(after_member, rows_max, fn, context);
    assert_true(span_fits(after_mailbox, read->key, sizeof read->key));
    read->run = with_groups_run_shares;
    return read;
}

void group_rows_read_access(const struct store_rows *rows, size_t row,
                            struct group_rows_access *access)
{
    const struct with_groups_share *share = &with_groups_shares[rows->values[row].integer];
    struct error error;
    access->rights = share->rights;
    assert_true(address_parse(span_of(share->mailbox), &access->mailbox, &error));
    assert_true(address_parse(span_of(share->member), &access->member, &error));
}

#endif
