/* plan_group.c - the rules of groups: made, changed, their members, ended. */
#include "auth/plan_group.h"

#include "auth/plan_addresses.h"
#include "auth/plan_resource.h"

enum { AUDIT_MEMBERS_MAX = 100 };

static bool by_hand(const struct planning *planning)
{
    return planning->change->client == NULL;
}

/* What a group is. */

static bool need_settings(struct planning *planning, const struct provision_group *group)
{
    bool needs_address = group->kind == GROUP_ROWS_SHARED || group->kind == GROUP_ROWS_LIST ||
                         group->kind == GROUP_ROWS_ALIAS;
    planning->plan->attribute = "address";
    if (needs_address && group->addresses.list.count == 0) {
        return planning_refuse(planning, CHANGE_INVALID,
                               "address: a group of kind \"%s\" needs an address",
                               group_rows_kind_name(group->kind));
    }
    planning->plan->attribute = "displayName";
    return !span_empty(group->resource.name) ||
           planning_refuse(planning, CHANGE_INVALID, "displayName: is missing");
}

static struct group_rows_group row_of(const struct provision_group *group, struct span id)
{
    struct group_rows_group row = {.kind = group->kind,
                                   .senders = group->senders,
                                   .rights = group->rights,
                                   .name = group->resource.name};
    (void)span_fits(id, row.id, sizeof row.id);
    return row;
}

static void describe(struct planning *planning, const struct provision_group *group,
                     struct span addresses)
{
    struct json *after = planning->after = json_new_object();
    json_put_text(after, "name", group->resource.name);
    json_put_text(after, "kind", span_of(group_rows_kind_name(group->kind)));
    if (!span_empty(addresses)) {
        json_put_text(after, "addresses", addresses);
    }
    if (!span_empty(group->resource.external_id)) {
        json_put_text(after, "external_id", group->resource.external_id);
    }
    json_put_text(after, "senders", span_of(group_rows_senders_name(group->senders)));
    json_put_integer(after, "members_added", (int64_t)group->add_count);
    json_put_integer(after, "members_removed", (int64_t)group->remove_count);
    struct json *added = json_new_array(), *removed = json_new_array();
    for (size_t i = 0; i < group->add_count && i < AUDIT_MEMBERS_MAX; i++) {
        json_append_text(added, group->add[i].id);
    }
    for (size_t i = 0; i < group->remove_count && i < AUDIT_MEMBERS_MAX; i++) {
        json_append_text(removed, group->remove[i].id);
    }
    json_put(after, "added", added);
    json_put(after, "removed", removed);
}

/* Its addresses: an account of the same id that nobody signs in to. */

static void account_settings(const struct provision_group *group, struct account *account)
{
    bool shared = group->kind == GROUP_ROWS_SHARED;
    account->kind = shared ? ACCOUNT_SHARED : ACCOUNT_GROUP;
    account->no_mailbox = !shared;
    account->name =
        group->resource.name.length <= ACCOUNT_NAME_MAX ? group->resource.name : (struct span){0};
    account->quota_bytes = group->quota_bytes;
    account->state = ACCOUNT_ACTIVE;
}

static bool same_account(const struct account *a, const struct account *b)
{
    return a->state == b->state && a->kind == b->kind && span_equal(a->name, b->name) &&
           a->quota_bytes == b->quota_bytes && address_equal(&a->primary, &b->primary);
}

static bool move_addresses(struct planning *planning, struct span id,
                           const struct address *primary_now, struct span had,
                           struct plan_addresses_result *result)
{
    const struct plan_addresses move = {.id = id,
                                        .primary_now = primary_now,
                                        .had = had,
                                        .wanted = planning->change->group->addresses};
    return plan_addresses(planning, &move, result);
}

static bool first_address(struct planning *planning, struct span id, struct span *given)
{
    const struct provision_group *group = planning->change->group;
    struct plan_addresses_result result;
    struct address primary;
    planning->plan->attribute = group->addresses.primary;
    if (!planning_need_address(planning, group->addresses.primary, group->addresses.list.items[0],
                               &primary)) {
        return false;
    }
    struct account account = planning_new_account(planning, &primary);
    (void)span_fits(id, account.id, sizeof account.id);
    account_settings(group, &account);
    account_rows_add_account(planning->plan->steps, &account);
    if (!move_addresses(planning, id, NULL, (struct span){0}, &result)) {
        return false;
    }
    planning->plan->account = account;
    *given = result.given;
    return true;
}

/* It had addresses, and keeps some, or none: those go on hold. */
static bool next_addresses(struct planning *planning, const struct account *before, struct span had,
                           struct span *given)
{
    const struct provision_group *group = planning->change->group;
    struct span id = span_copy(planning->arena, span_of(before->id));
    struct account after = *before;
    bool lives = before->state != ACCOUNT_GONE;
    planning->plan->account = *before;
    if (group->addresses.list.count == 0) {
        if (lives) {
            after.state = ACCOUNT_GONE;
            planning_write(planning, &after);
            account_rows_hold_addresses(planning->plan->steps, id);
            planning->plan->touched_more = true;
        }
        *given = (struct span){0};
        return true;
    }
    struct plan_addresses_result result;
    account_settings(group, &after);
    if (!move_addresses(planning, id, lives ? &before->primary : NULL, had, &result)) {
        return false;
    }
    after.primary = result.primary;
    if (!same_account(before, &after)) {
        planning_write(planning, &after);
    }
    *given = result.given;
    return true;
}

static bool set_addresses(struct planning *planning, struct span id, struct span had,
                          struct span *given)
{
    struct account account;
    *given = had;
    enum store_now now = account_rows_by_id(planning->view->store, id, planning->arena, &account);
    switch (now) {
    case STORE_ASK:
        return planning_unavailable(planning);
    case STORE_NONE:
        return planning->change->group->addresses.list.count == 0 ||
               first_address(planning, id, given);
    case STORE_ROW:
        break;
    }
    return next_addresses(planning, &account, had, given);
}

/* Its members. */

static bool check_nesting(struct planning *planning, struct span id,
                          const struct provision_member *member)
{
    enum group_rows_nesting nesting;
    enum store_now now = group_rows_nesting(planning->view->store, id, member->id, &nesting);
    planning->plan->attribute = "members";
    if (now == STORE_ASK) {
        return planning_unavailable(planning);
    }
    switch (nesting) {
    case GROUP_ROWS_NESTS:
        return true;
    case GROUP_ROWS_NESTS_IN_ITSELF:
        return planning_refuse(planning, CHANGE_INVALID,
                               "members: the group would be a member of itself, by way of %.*s",
                               (int)member->id.length, member->id.at);
    case GROUP_ROWS_NESTS_TOO_DEEP:
        break;
    }
    return planning_refuse(planning, CHANGE_INVALID,
                           "members: with %.*s groups would be nested more than %d deep, or in "
                           "too many ways",
                           (int)member->id.length, member->id.at, GROUP_ROWS_DEPTH_MAX);
}

/* `groups` of a user is one of the things that a client sees of it. */
static void touch(struct planning *planning, const struct provision_member *member)
{
    if (member->kind != GROUP_ROWS_EXTERNAL) {
        resource_touch(planning->plan->steps, member->id, planning->view->now);
    }
}

static bool set_members(struct planning *planning, struct span id)
{
    const struct provision_group *group = planning->change->group;
    struct store_change *steps = planning->plan->steps;
    struct span client =
        by_hand(planning) ? (struct span){0} : span_of(planning->change->client->id);
    for (size_t i = 0; i < group->remove_count; i++) {
        group_rows_delete_member(steps, id, GROUP_ROWS_MEMBER, group->remove[i].id);
        touch(planning, &group->remove[i]);
    }
    for (size_t i = 0; i < group->add_count; i++) {
        const struct provision_member *member = &group->add[i];
        if (member->kind == GROUP_ROWS_GROUP && !check_nesting(planning, id, member)) {
            return false;
        }
        group_rows_add_member(steps, id, GROUP_ROWS_MEMBER, member->kind, member->id, client);
        touch(planning, member);
    }
    return true;
}

/* An owner is a person: of the client, or by hand anybody. */
static bool check_owner(struct planning *planning, struct span id)
{
    struct resource resource;
    struct account account;
    enum store_now now =
        by_hand(planning) ? account_rows_by_id(planning->view->store, id, planning->arena, &account)
                          : resource_by_id(planning->view->store, id, planning->arena, &resource);
    planning->plan->attribute = "owners";
    if (now == STORE_ASK) {
        return planning_unavailable(planning);
    }
    bool known = now == STORE_ROW &&
                 (by_hand(planning)
                      ? account.kind == ACCOUNT_PERSON && account.state != ACCOUNT_GONE
                      : resource.type == RESOURCE_USER && resource.gone == 0 &&
                            span_is(span_of(resource.client_id), planning->change->client->id));
    return known || planning_refuse(planning, CHANGE_INVALID, "owners: there is no user %.*s",
                                    (int)(id.length < 64 ? id.length : 64), id.at);
}

static bool check_owners(struct planning *planning)
{
    const struct provision_group *group = planning->change->group;
    for (size_t i = 0; group->set_owners && i < group->owners.count; i++) {
        if (!check_owner(planning, group->owners.items[i])) {
            return false;
        }
    }
    return true;
}

static void set_owners(struct planning *planning, struct span id)
{
    const struct provision_group *group = planning->change->group;
    struct store_change *steps = planning->plan->steps;
    struct span client =
        by_hand(planning) ? (struct span){0} : span_of(planning->change->client->id);
    if (group->set_owners) {
        group_rows_delete_members(steps, id, GROUP_ROWS_OWNER, GROUP_ROWS_ACCOUNT);
        for (size_t i = 0; i < group->owners.count; i++) {
            group_rows_add_member(steps, id, GROUP_ROWS_OWNER, GROUP_ROWS_ACCOUNT,
                                  group->owners.items[i], client);
        }
    }
    if (group->set_external) {
        group_rows_delete_members(steps, id, GROUP_ROWS_MEMBER, GROUP_ROWS_EXTERNAL);
        for (size_t i = 0; i < group->external.count; i++) {
            group_rows_add_member(steps, id, GROUP_ROWS_MEMBER, GROUP_ROWS_EXTERNAL,
                                  group->external.items[i], client);
        }
    }
}

/* The plans. */

static bool finish(struct planning *planning, struct span id, struct span given)
{
    planning->plan->resource_id = id;
    planning->plan->groups = true;
    planning->plan->subject = span_copy(planning->arena, planning->change->group->resource.name);
    describe(planning, planning->change->group, given);
    return true;
}

static bool create(struct planning *planning)
{
    const struct provision_group *group = planning->change->group;
    struct span given;
    char text[UUID_SIZE];
    uuid_new(text);
    struct span id = span_copy(planning->arena, span_of(text));
    if (!by_hand(planning) &&
        !plan_resource_need_name(planning, &group->resource, RESOURCE_GROUP, "displayName")) {
        return false;
    }
    struct group_rows_group row = row_of(group, id);
    group_rows_new_key(&row);
    group_rows_add(planning->plan->steps, &row);
    if (!set_addresses(planning, id, (struct span){0}, &given)) {
        return false;
    }
    if (!by_hand(planning)) {
        plan_resource_add(planning, &group->resource, RESOURCE_GROUP, id, given);
    }
    set_owners(planning, id);
    planning->plan->created = true;
    planning->plan->action = "group_create";
    return set_members(planning, id) && finish(planning, id, given);
}

/* By hand: what has no client. A provisioned group is its client's to change. */
static bool need_group(struct planning *planning, struct span id, int64_t version,
                       struct resource *resource, struct group_rows_group *row)
{
    *resource = (struct resource){0};
    enum store_now now = group_rows_by_id(planning->view->store, id, planning->arena, row);
    if (now == STORE_ASK) {
        return planning_unavailable(planning);
    }
    if (now == STORE_NONE) {
        return planning_refuse(planning, CHANGE_NOT_FOUND, "there is no such group");
    }
    if (!by_hand(planning)) {
        return plan_resource_need(planning, id, RESOURCE_GROUP, version, resource);
    }
    now = resource_by_id(planning->view->store, id, planning->arena, resource);
    if (now == STORE_ASK) {
        return planning_unavailable(planning);
    }
    return now == STORE_NONE ||
           planning_refuse(planning, CHANGE_REFUSED,
                           "this group is provisioned: change it where it comes from");
}

/* Whoever decided by what was read writes only over that: others may commit between this plan and its commit. */
static void require_version(struct planning *planning, struct span id, int64_t version)
{
    if (version != 0) {
        resource_require_version(planning->plan->steps, id, version);
    }
}

/* Nothing but its members: what a group of 10,000 needs for one to come or go. */
static bool change_members(struct planning *planning, const struct resource *resource,
                           struct span id)
{
    const struct provision_group *group = planning->change->group;
    if (group->add_count + group->remove_count == 0) {
        planning->plan->resource_id = id;
        return planning_answer(planning, CHANGE_SAME);
    }
    require_version(planning, id, group->resource.version_read);
    if (!set_members(planning, id)) {
        return false;
    }
    if (!by_hand(planning)) {
        resource_touch(planning->plan->steps, id, planning->view->now);
    }
    planning->plan->action = "group_members";
    return finish(planning, id, resource->addresses);
}

static bool replace(struct planning *planning)
{
    const struct provision_group *group = planning->change->group;
    struct span id = group->resource.id, given;
    struct resource resource;
    struct group_rows_group row;
    if (!need_group(planning, id, group->resource.version_read, &resource, &row)) {
        return false;
    }
    if (!group->resource_changed) {
        return change_members(planning, &resource, id);
    }
    if (!by_hand(planning) &&
        !plan_resource_need_rename(planning, &group->resource, &resource, "displayName")) {
        return false;
    }
    struct group_rows_group after = row_of(group, id);
    group_rows_update(planning->plan->steps, &after);
    if (!set_addresses(planning, id, resource.addresses, &given)) {
        return false;
    }
    if (!by_hand(planning)) {
        plan_resource_update(planning, &group->resource, &resource, given);
    }
    set_owners(planning, id);
    return set_members(planning, id) && finish(planning, id, given);
}

bool plan_group_provision(struct planning *planning)
{
    const struct provision_group *group = planning->change->group;
    bool settings = span_empty(group->resource.id) || group->resource_changed;
    if (settings && (!need_settings(planning, group) || !check_owners(planning))) {
        return false;
    }
    return span_empty(group->resource.id) ? create(planning) : replace(planning);
}

/* Its addresses go on hold, a shared mailbox's mail stays. */
bool plan_group_deprovision(struct planning *planning)
{
    const struct change *change = planning->change;
    struct resource resource;
    struct group_rows_group row;
    struct account account;
    if (!need_group(planning, change->account_id, change->version_read, &resource, &row)) {
        return false;
    }
    struct span id = span_copy(planning->arena, change->account_id);
    planning->plan->subject = span_copy(planning->arena, row.name);
    planning->plan->resource_id = id;
    planning->plan->groups = true;
    require_version(planning, id, change->version_read);
    enum store_now now = account_rows_by_id(planning->view->store, id, planning->arena, &account);
    if (now == STORE_ASK) {
        return planning_unavailable(planning);
    }
    if (now == STORE_ROW && account.state != ACCOUNT_GONE) {
        planning->plan->account = account;
        return planning_end_account(planning);
    }
    planning->before = json_new_object();
    json_put_text(planning->before, "name", row.name);
    resource_touch_groups_of(planning->plan->steps, id, planning->view->now);
    resource_touch_members_of(planning->plan->steps, id, planning->view->now);
    group_rows_end(planning->plan->steps, id);
    resource_end(planning->plan->steps, id, planning->view->now);
    return true;
}
