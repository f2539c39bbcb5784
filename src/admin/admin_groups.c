/* admin_groups.c - the calls that look at groups. */
#include "admin/admin_groups.h"

#include "admin/admin_origin.h"

enum { GROUPS_PAGE = 100 /* each asks where it came from */ };

enum store_now admin_groups_by_address(struct admin_call *call, const struct address *address,
                                       struct account *account)
{
    const struct span candidates[ACCOUNT_ROWS_CANDIDATES] = {address_span(address)};
    struct account_rows_found found = {0};
    enum store_now now =
        account_rows_by_address(call->services->store, candidates, &call->arena, &found);
    *account = found.account;
    return now == STORE_ROW && found.kind == ADDRESS_HELD ? STORE_NONE : now;
}

/* The id that the path means; empty: none. */
static enum store_now id_of(struct admin_call *call, struct span *id)
{
    struct account account;
    struct address address;
    struct error error;
    *id = call->name;
    if (uuid_valid(call->name) || !address_parse(call->name, &address, &error)) {
        return STORE_ROW;
    }
    enum store_now now = admin_groups_by_address(call, &address, &account);
    *id = span_copy(&call->arena, span_of(account.id));
    return now;
}

bool admin_groups_find(struct admin_call *call, struct group_rows_group *group)
{
    struct span id;
    enum store_now now = id_of(call, &id);
    if (now == STORE_ROW) {
        now = group_rows_by_id(call->services->store, id, &call->arena, group);
    }
    if (now == STORE_ASK) {
        admin_call_unreadable(call);
    } else if (now == STORE_NONE) {
        admin_call_refuse(call, 404, "not_found", "no such group: `postern group list` names them");
    }
    return now == STORE_ROW;
}

/* NULL: the database cannot say. */
static struct json *group_json(struct admin_call *call, const struct group_rows_group *group)
{
    struct json *shown = json_new_object();
    json_put_text(shown, "id", span_of(group->id));
    json_put_text(shown, "name", group->name);
    json_put_text(shown, "kind", span_of(group_rows_kind_name(group->kind)));
    admin_call_put_text(shown, "address", address_span(&group->primary));
    json_put_text(shown, "who_can_send", span_of(group_rows_senders_name(group->senders)));
    if (group->kind == GROUP_ROWS_SHARED) {
        json_put_text(shown, "member_rights", span_of(group_rows_rights_name(group->rights)));
    }
    if (!admin_origin_put(call, span_of(group->id), shown)) {
        json_free(shown);
        return NULL;
    }
    return shown;
}

static void on_list(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    struct json *list = json_new_array();
    struct group_rows_group group = {0};
    for (size_t i = 0; i < rows->rows; i++) {
        group_rows_read_group(rows, i, &group);
        struct json *shown = group_json(call, &group);
        if (shown == NULL) {
            json_free(list);
            admin_call_unreadable(call);
            return;
        }
        json_append(list, shown);
    }
    admin_call_answer_list(call, "groups", list,
                           span_of(rows->rows == GROUPS_PAGE ? group.id : ""));
}

void admin_groups_list(struct admin_call *call)
{
    call->read = group_rows_list(call->services->store, admin_call_parameter(call, "after"),
                                 GROUPS_PAGE, on_list, call);
}

/* Members. */

static const char *member_kind_name(enum group_rows_member_kind kind)
{
    switch (kind) {
    case GROUP_ROWS_ACCOUNT:
        return "account";
    case GROUP_ROWS_GROUP:
        return "group";
    case GROUP_ROWS_EXTERNAL:
        break;
    }
    return "elsewhere";
}

/* The page as a list; `last` is the id of its last member. */
static struct json *members_json(struct admin_call *call, const struct store_rows *rows,
                                 struct span *last)
{
    struct json *list = json_new_array();
    for (size_t i = 0; i < rows->rows; i++) {
        struct group_rows_member member;
        struct json *shown = json_new_object();
        group_rows_read_member(rows, i, &member);
        json_put_text(shown, "kind", span_of(member_kind_name(member.kind)));
        json_put_text(shown, "id", member.id);
        admin_call_put_text(shown, "name",
                            member.kind == GROUP_ROWS_EXTERNAL ? member.id : member.display);
        json_append(list, shown);
        *last = span_copy(&call->arena, member.id);
    }
    return list;
}

static void on_members(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    struct span last = {0};
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    struct json *list = members_json(call, rows, &last);
    bool more = rows->rows == ADMIN_CALL_PAGE;
    admin_call_answer_list(call, "members", list, more ? last : (struct span){0});
}

void admin_groups_members(struct admin_call *call)
{
    struct group_rows_group group;
    enum group_rows_role role =
        span_is(admin_call_parameter(call, "role"), "owner") ? GROUP_ROWS_OWNER : GROUP_ROWS_MEMBER;
    if (admin_groups_find(call, &group)) {
        call->read = group_rows_members(call->services->store, span_of(group.id), role,
                                        admin_call_parameter(call, "after"), ADMIN_CALL_PAGE,
                                        on_members, call);
    }
}

/* One: its owners, then its addresses. */

static void on_addresses(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    struct json *list = json_new_array();
    for (size_t i = 0; i < rows->rows; i++) {
        struct account_rows_address address;
        struct json *shown = json_new_object();
        account_rows_read_address(rows, i, &address);
        json_put_text(shown, "address", address_span(&address.address));
        json_put_text(shown, "kind", span_of(account_address_kind_name(address.kind)));
        admin_call_put_time(shown, "created", address.created);
        json_append(list, shown);
    }
    struct json *group = call->shown;
    call->shown = NULL;
    json_put(group, "addresses", list);
    admin_call_answer(call, 200, group);
}

static void on_owners(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    struct span last = {0};
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    json_put(call->shown, "owners", members_json(call, rows, &last));
    call->read = account_rows_list_addresses(
        call->services->store, json_value_text(json_member(call->shown, "id")), (struct span){0},
        (struct span){0}, ADMIN_CALL_PAGE, on_addresses, call);
}

void admin_groups_show(struct admin_call *call)
{
    struct group_rows_group group;
    int64_t members = 0;
    if (!admin_groups_find(call, &group)) {
        return;
    }
    call->shown = group_json(call, &group);
    if (call->shown == NULL || group_rows_count(call->services->store, span_of(group.id), 0,
                                                GROUP_ROWS_SLOTS - 1, &members) == STORE_ASK) {
        admin_call_unreadable(call);
        return;
    }
    json_put_integer(call->shown, "members", members);
    call->read = group_rows_members(call->services->store, span_of(group.id), GROUP_ROWS_OWNER,
                                    (struct span){0}, ADMIN_CALL_PAGE, on_owners, call);
}

void admin_groups_source(struct admin_call *call)
{
    struct group_rows_group group;
    if (admin_groups_find(call, &group)) {
        admin_origin_answer(call, span_of(group.id));
    }
}
