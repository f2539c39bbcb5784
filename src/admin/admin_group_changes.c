/* admin_group_changes.c - the calls that make and change groups by hand. */
#include "admin/admin_group_changes.h"

#include "admin/admin_changes.h"
#include "admin/admin_groups.h"
#include "base/text.h"

static bool refuse_invalid(struct admin_call *call, const char *text)
{
    admin_call_refuse(call, 400, "invalid", text);
    return false;
}

static void start(struct admin_call *call, const struct provision_group *group)
{
    call->change.kind = CHANGE_GROUP_PROVISION;
    call->change.group = group;
    admin_changes_start(call);
}

/* A living account, or a group, which may have no address and so no account. */
static enum store_now by_id(struct admin_call *call, struct span id, struct account *account)
{
    struct group_rows_group group;
    enum store_now now = account_rows_by_id(call->services->store, id, &call->arena, account);
    if (now == STORE_ASK || (now == STORE_ROW && account->state != ACCOUNT_GONE)) {
        return now;
    }
    account->kind = ACCOUNT_GROUP;
    (void)span_fits(id, account->id, sizeof account->id);
    return group_rows_by_id(call->services->store, id, &call->arena, &group);
}

/* Who is meant: ours by an address or an id, or an address elsewhere. false: the call has been refused. */
static bool find_member(struct admin_call *call, struct span text, struct provision_member *member)
{
    struct address address;
    struct account account = {0};
    struct error error;
    enum store_now now, domain = STORE_NONE;
    if (uuid_valid(text)) {
        now = by_id(call, text, &account);
    } else if (address_parse(text, &address, &error)) {
        now = admin_groups_by_address(call, &address, &account);
        domain = account_rows_domain(call->services->store, address_domain(&address));
    } else {
        return refuse_invalid(call, error.text);
    }
    if (now == STORE_ASK || domain == STORE_ASK) {
        admin_call_unreadable(call);
        return false;
    }
    if (now == STORE_ROW) {
        member->kind = account.kind == ACCOUNT_PERSON ? GROUP_ROWS_ACCOUNT : GROUP_ROWS_GROUP;
        member->id = span_copy(&call->arena, span_of(account.id));
        return true;
    }
    if (domain == STORE_ROW || uuid_valid(text)) {
        admin_call_refuse(call, 404, "not_found",
                          arena_format(&call->arena, "nobody here has the address or id %.*s",
                                       (int)text.length, text.at));
        return false;
    }
    member->kind = GROUP_ROWS_EXTERNAL;
    member->id = span_copy(&call->arena, address_span(&address));
    return true;
}

/* Making one. */

/* Texts parted by commas or blanks. */
static struct provision_list split(struct admin_call *call, struct span text)
{
    struct span *items = arena_new(&call->arena, PROVISION_LIST_MAX * sizeof *items);
    struct provision_list list = {items, 0};
    struct span part, word;
    while (!span_empty(text) && span_cut(&text, ',', &part)) {
        while (span_cut(&part, ' ', &word) && list.count < PROVISION_LIST_MAX) {
            if (!span_empty(word)) {
                items[list.count++] = word;
            }
        }
    }
    return list;
}

static bool read_words(struct admin_call *call, struct provision_group *group)
{
    struct span text;
    if (admin_call_text(call, "kind", &text) && !group_rows_kind_parse(text, &group->kind)) {
        return refuse_invalid(call, "kind: must be access, alias, list or sharedMailbox");
    }
    if (admin_call_text(call, "who_can_send", &text) &&
        !group_rows_senders_parse(text, &group->senders)) {
        return refuse_invalid(call, "who_can_send: must be anyone, internal, members or owners");
    }
    if (admin_call_text(call, "member_rights", &text) &&
        !group_rows_rights_parse(text, &group->rights)) {
        return refuse_invalid(call, "member_rights: must be lr, lrs or full");
    }
    return true;
}

static bool read_owners(struct admin_call *call, struct provision_group *group)
{
    struct span text;
    if (!admin_call_text(call, "owners", &text)) {
        return admin_call_texts_good(call);
    }
    struct provision_list named = split(call, text);
    struct span *ids = arena_new(&call->arena, (named.count + 1) * sizeof *ids);
    for (size_t i = 0; i < named.count; i++) {
        struct provision_member owner;
        if (!find_member(call, named.items[i], &owner)) {
            return false;
        }
        if (owner.kind != GROUP_ROWS_ACCOUNT) {
            return refuse_invalid(call, "owners: must be accounts of people");
        }
        ids[i] = owner.id;
    }
    group->set_owners = true;
    group->owners = (struct provision_list){ids, named.count};
    return true;
}

void admin_group_changes_add(struct admin_call *call)
{
    struct provision_group *group = arena_new(&call->arena, sizeof *group);
    struct span text = {0};
    group->quota_bytes = -1;
    admin_call_text(call, "name", &group->resource.name);
    admin_call_text(call, "address", &text);
    group->addresses = (struct provision_addresses){split(call, text), "address", "address", 0};
    if (!read_words(call, group) || !admin_call_texts_good(call) || !read_owners(call, group)) {
        return;
    }
    if (group->resource.name.length > ACCOUNT_NAME_MAX ||
        !account_name_valid(group->resource.name)) {
        refuse_invalid(call, "name: must be UTF-8 without control characters, at most 255 bytes");
        return;
    }
    if (group->kind == GROUP_ROWS_ACCESS && group->addresses.list.count > 0) {
        group->kind = GROUP_ROWS_ALIAS; /* an address is for mail */
    }
    start(call, group);
}

void admin_group_changes_delete(struct admin_call *call)
{
    struct group_rows_group group;
    if (admin_groups_find(call, &group)) {
        call->change.kind = CHANGE_GROUP_DEPROVISION;
        call->change.account_id = span_copy(&call->arena, span_of(group.id));
        admin_changes_start(call);
    }
}

/* Members. */

/* What it is stays; the audit says what it is. */
static struct provision_group *unchanged(struct admin_call *call,
                                         const struct group_rows_group *row)
{
    struct provision_group *group = arena_new(&call->arena, sizeof *group);
    group->resource.id = span_copy(&call->arena, span_of(row->id));
    group->resource.name = row->name;
    group->kind = row->kind;
    group->senders = row->senders;
    group->rights = row->rights;
    return group;
}

static void answer_same(struct admin_call *call)
{
    struct json *answer = json_new_object();
    json_put_text(answer, "code", SPAN_LITERAL("same"));
    admin_call_answer(call, 200, answer);
}

void admin_group_changes_member(struct admin_call *call)
{
    struct group_rows_group row;
    struct span text;
    struct provision_member *member = arena_new(&call->arena, sizeof *member);
    bool adds = admin_call_text(call, "add", &text) || !admin_call_text(call, "remove", &text);
    if (!admin_call_texts_good(call) || !admin_groups_find(call, &row) ||
        !find_member(call, text, member)) {
        return;
    }
    enum store_now now =
        group_rows_has(call->services->store, span_of(row.id), GROUP_ROWS_MEMBER, member->id);
    if (now == STORE_ASK) {
        admin_call_unreadable(call);
    } else if ((now == STORE_ROW) == adds) {
        answer_same(call);
    } else {
        struct provision_group *group = unchanged(call, &row);
        *(adds ? &group->add : &group->remove) = member;
        *(adds ? &group->add_count : &group->remove_count) = 1;
        start(call, group);
    }
}
