/* plan_user.c - the rules of provisioned users: made, adopted, attached again, replaced, ended. */
#include "auth/plan_user.h"

#include "auth/plan_addresses.h"
#include "auth/plan_resource.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"

#include <inttypes.h>

enum { FORWARD_MAX = (PROVISION_LIST_MAX + 1) * (ADDRESS_MAX + 1), HOUR = 60 * 60 };

/* Attributes. What does not differ from what was provisioned before is left as it is: an admin may have set it. */

static struct span join(struct arena *arena, const struct provision_list *list)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(FORWARD_MAX);
    for (size_t i = 0; i < list->count; i++) {
        buffer_add_text(&text, i == 0 ? "" : " ");
        buffer_add(&text, list->items[i]);
    }
    return span_copy(arena, buffer_span(&text));
}

static bool same_list(const struct provision_list *a, const struct provision_list *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = span_equal(a->items[i], b->items[i]);
    }
    return same;
}

static void set_attributes(struct planning *planning, const struct provision_user *user,
                           struct account *account)
{
    const struct provision_user *before = user->before;
    if (before == NULL || !span_equal(user->full_name, before->full_name)) {
        account->name = user->full_name;
    }
    if (before == NULL || user->quota_bytes != before->quota_bytes) {
        account->quota_bytes = user->quota_bytes;
    }
    if (before == NULL || user->on_disable != before->on_disable) {
        account->on_disable = user->on_disable;
    }
    if (before == NULL || !same_list(&user->forward_to, &before->forward_to)) {
        account->forward_to = join(planning->arena, &user->forward_to);
    }
    if (before == NULL || user->keep_copy != before->keep_copy) {
        account->keep_copy = user->keep_copy;
    }
    if (before == NULL || user->mailbox != before->mailbox) {
        account->no_mailbox = !user->mailbox;
    }
    if (before == NULL || user->services != before->services) {
        account->services = user->services;
    }
    if (before == NULL || user->retention_days != before->retention_days) {
        account->retention_days = user->retention_days;
    }
}

static void set_state(const struct provision_user *user, struct account *account)
{
    switch (user->state) {
    case PROVISION_KEEP:
        break;
    case PROVISION_ACTIVE:
        account->state = ACCOUNT_ACTIVE;
        break;
    case PROVISION_DISABLED:
        account->state = ACCOUNT_DISABLED;
        break;
    }
}

static bool need_attributes(struct planning *planning, const struct provision_user *user)
{
    struct plan *plan = planning->plan;
    plan->attribute = "displayName";
    if (!account_name_valid(user->full_name)) {
        return planning_refuse(planning, CHANGE_INVALID,
                               "displayName: must be UTF-8 without control characters, at most %d "
                               "bytes",
                               ACCOUNT_NAME_MAX);
    }
    plan->attribute = "quotaBytes";
    if (user->quota_bytes < -1 || user->quota_bytes > ACCOUNT_QUOTA_MAX) {
        return planning_refuse(planning, CHANGE_INVALID, "quotaBytes: out of range");
    }
    return true;
}

/* Binding: an externalId is a subject only where the client says whose. */

static bool binds(const struct planning *planning)
{
    const struct client *client = planning->change->client;
    return !span_empty(client->provider) &&
           !span_empty(planning->change->user->resource.external_id);
}

static bool need_subject(struct planning *planning, struct span id)
{
    const struct change *change = planning->change;
    struct span subject = change->user->resource.external_id;
    struct account other;
    planning->plan->attribute = "externalId";
    if (subject.length > ACCOUNT_SUBJECT_MAX || !text_utf8(subject)) {
        return planning_refuse(planning, CHANGE_INVALID,
                               "externalId: as the provider's subject it has at most %d bytes",
                               ACCOUNT_SUBJECT_MAX);
    }
    switch (account_rows_by_subject(planning->view->store, change->client->provider, subject,
                                    planning->arena, &other)) {
    case STORE_ASK:
        return planning_unavailable(planning);
    case STORE_NONE:
        return true;
    case STORE_ROW:
        break;
    }
    return span_is(id, other.id) ||
           planning_refuse(planning, CHANGE_EXISTS,
                           "externalId: this identity is bound to another account");
}

/* `keeps`: one that is bound to somebody else already is refused, not bound anew. */
static bool bind(struct planning *planning, struct account *account, bool keeps)
{
    const struct change *change = planning->change;
    if (!binds(planning)) {
        return true;
    }
    if (!need_subject(planning, span_of(account->id))) {
        return false;
    }
    bool bound = !span_empty(account->subject);
    bool same = span_equal(account->provider, change->client->provider) &&
                span_equal(account->subject, change->user->resource.external_id);
    if (bound && !same && keeps) {
        return planning_refuse(planning, CHANGE_EXISTS,
                               "externalId: the account is bound to another identity");
    }
    account->provider = change->client->provider;
    account->subject = change->user->resource.external_id;
    return true;
}

/* For the audit row. */

/* What is unsaid on both sides of a change is not shown as one. */
static void describe_resource(struct json *shown, struct span name, struct span external_id,
                              struct span addresses)
{
    json_put_text(shown, "user_name", name);
    if (!span_empty(external_id)) {
        json_put_text(shown, "external_id", external_id);
    }
    if (!span_empty(addresses)) {
        json_put_text(shown, "addresses", addresses);
    }
}

static void describe_senders(struct planning *planning, struct json *shown,
                             const struct provision_user *user)
{
    if (user != NULL && user->send_as.count > 0) {
        json_put_text(shown, "send_as", join(planning->arena, &user->send_as));
    }
}

static void describe(struct planning *planning, const struct account *after, struct span addresses)
{
    const struct provision_resource *resource = &planning->change->user->resource;
    planning->after = planning_describe(after);
    describe_resource(planning->after, resource->name, resource->external_id, addresses);
    describe_senders(planning, planning->after, planning->change->user);
}

static void describe_before(struct planning *planning, const struct account *before,
                            const struct resource *resource)
{
    planning->before = planning_describe(before);
    describe_resource(planning->before, resource->name, resource->external_id, resource->addresses);
    describe_senders(planning, planning->before, planning->change->user->before);
}

/* Nobody's, its own, or another user's of the same client: who speaks for both may let one speak for the other. */
static bool need_sender(struct planning *planning, const struct address *address, struct span id)
{
    struct account_rows_found found;
    struct resource resource;
    if (!planning_look_up(planning, address, &found)) {
        return false;
    }
    if (found.kind == ADDRESS_HELD || span_is(id, found.account.id)) {
        return true;
    }
    enum store_now now = resource_by_id(planning->view->store, span_of(found.account.id),
                                        planning->arena, &resource);
    if (now == STORE_ASK) {
        return planning_unavailable(planning);
    }
    bool ours = now == STORE_ROW && resource.gone == 0 &&
                span_is(span_of(resource.client_id), planning->change->client->id);
    return ours || planning_refuse(planning, CHANGE_INVALID,
                                   "sendAs: %s is an address of somebody whom this token has not "
                                   "provisioned",
                                   address->text);
}

static bool add_sender(struct planning *planning, struct span text, struct span id)
{
    struct address address;
    planning->plan->attribute = "sendAs";
    if (!planning_need_address(planning, "sendAs", text, &address) ||
        !plan_addresses_allowed(planning, &address) || !need_sender(planning, &address, id)) {
        return false;
    }
    account_rows_add_sender(planning->plan->steps,
                            span_copy(planning->arena, address_span(&address)), id);
    return true;
}

static bool set_senders(struct planning *planning, struct span id)
{
    const struct provision_user *user = planning->change->user;
    if (user->before != NULL && same_list(&user->send_as, &user->before->send_as)) {
        return true;
    }
    account_rows_delete_senders(planning->plan->steps, id);
    for (size_t i = 0; i < user->send_as.count; i++) {
        if (!add_sender(planning, user->send_as.items[i], id)) {
            return false;
        }
    }
    return true;
}

/* A new one. */

/* The mail of whom this client deleted under the same externalId, while it is kept: under a new id, in its old place. */
static bool attach_again(struct planning *planning, struct account *account)
{
    const struct change *change = planning->change;
    struct resource gone;
    struct account old;
    if (span_empty(change->user->resource.external_id)) {
        return true;
    }
    enum store_now now =
        resource_gone_by_external_id(planning->view->store, span_of(change->client->id),
                                     change->user->resource.external_id, planning->arena, &gone);
    if (now == STORE_ROW) {
        now = account_rows_by_id(planning->view->store, span_of(gone.id), planning->arena, &old);
    }
    if (now == STORE_ASK) {
        return planning_unavailable(planning);
    }
    if (now == STORE_ROW && old.state == ACCOUNT_GONE && !old.no_mailbox) {
        struct directory_mailbox mailbox;
        directory_mailbox(planning->view->directory, &old, planning->arena, &mailbox);
        account->home = mailbox.home;
        account_rows_mark_purged(planning->plan->steps, span_of(old.id));
        planning_touched(planning, span_of(old.id), address_span(&old.primary));
        planning->plan->note =
            span_of(arena_format(planning->arena, "its mail of before is there again, in %.*s",
                                 (int)mailbox.home.length, mailbox.home.at));
    }
    return true;
}

static bool make(struct planning *planning)
{
    const struct provision_user *user = planning->change->user;
    struct store_change *steps = planning->plan->steps;
    struct address primary;
    bool addressed = user->addresses.list.count > 0;
    struct span first = addressed ? user->addresses.list.items[0] : user->login_name;
    planning->plan->attribute = addressed ? user->addresses.primary : "userName";
    if (!planning_need_address(planning, planning->plan->attribute, first, &primary)) {
        return false;
    }
    planning_set_subject(planning, &primary);
    struct account account = planning_new_account(planning, &primary);
    set_attributes(planning, user, &account);
    set_state(user, &account);
    account.password = user->set_password ? user->password_hash : account.password;
    if (!bind(planning, &account, false) || !attach_again(planning, &account)) {
        return false;
    }
    account_rows_add_account(steps, &account);
    const struct plan_addresses move = {
        .id = span_of(account.id), .wanted = user->addresses, .wanted_login = user->login_name};
    struct plan_addresses_result result;
    if (!plan_addresses(planning, &move, &result)) {
        return false;
    }
    plan_resource_add(planning, &user->resource, RESOURCE_USER, span_of(account.id), result.given);
    if (!set_senders(planning, span_of(account.id))) {
        return false;
    }
    describe(planning, &account, result.given);
    planning->plan->action = "user_create";
    planning->plan->account = account;
    planning->plan->created = true;
    return true;
}

/* Adoption: an account that is there already, by hand, becomes the client's. Its addresses and secrets stay. */

/* STORE_ROW: `account` may be adopted. */
static enum store_now find_by_address(struct planning *planning, struct account *account)
{
    const struct change *change = planning->change;
    struct account_rows_found found;
    struct address address;
    struct error ignored;
    bool open = change->client->adopt == CLIENT_ADOPT_ADDRESS &&
                planning->view->now < change->client->adopt_until;
    if (!open || change->user->addresses.list.count == 0 ||
        !address_parse(change->user->addresses.list.items[0], &address, &ignored)) {
        return STORE_NONE;
    }
    const struct span candidates[ACCOUNT_ROWS_CANDIDATES] = {address_span(&address)};
    enum store_now now =
        account_rows_by_address(planning->view->store, candidates, planning->arena, &found);
    if (now != STORE_ROW || found.kind != ADDRESS_PRIMARY) {
        return now == STORE_ASK ? STORE_ASK : STORE_NONE;
    }
    *account = found.account;
    return STORE_ROW;
}

static enum store_now find_adoptable(struct planning *planning, struct account *account)
{
    const struct change *change = planning->change;
    enum store_now now = STORE_NONE;
    if (change->client->adopt != CLIENT_ADOPT_NEVER && binds(planning)) {
        now = account_rows_by_subject(planning->view->store, change->client->provider,
                                      change->user->resource.external_id, planning->arena, account);
    }
    return now == STORE_NONE ? find_by_address(planning, account) : now;
}

/* Nobody's yet, a person, and of a domain that the client may write. */
static bool may_adopt(struct planning *planning, const struct account *account, bool *may)
{
    const struct client *client = planning->change->client;
    struct resource resource;
    struct store *store = planning->view->store;
    enum store_now now = resource_by_id(store, span_of(account->id), planning->arena, &resource);
    enum store_now reserved = (client->rights & CLIENT_RESERVED) != 0
                                  ? STORE_NONE
                                  : client_has_reserved(store, span_of(account->id));
    *may = now == STORE_NONE && account->kind == ACCOUNT_PERSON && reserved == STORE_NONE &&
           account->state != ACCOUNT_GONE &&
           client_may_write(client, address_domain(&account->primary));
    return (now != STORE_ASK && reserved != STORE_ASK) || planning_unavailable(planning);
}

static bool adopt(struct planning *planning, const struct account *before)
{
    const struct provision_user *user = planning->change->user;
    struct account after = *before;
    planning_set_subject(planning, &before->primary);
    set_state(user, &after);
    if (!bind(planning, &after, true)) {
        return false;
    }
    planning->plan->account = *before;
    planning_write(planning, &after);
    const struct plan_addresses wanted = {.wanted = user->addresses};
    plan_resource_add(planning, &user->resource, RESOURCE_USER, span_of(after.id),
                      plan_addresses_given(planning, &wanted));
    planning->before = planning_describe(before);
    describe(planning, &after, (struct span){0});
    json_put_text(planning->after, "adopted_by", planning->change->client->name);
    planning->plan->action = "user_adopt";
    planning->plan->created = true;
    return true;
}

static bool create(struct planning *planning)
{
    struct account account;
    bool may = false;
    if (!plan_resource_need_name(planning, &planning->change->user->resource, RESOURCE_USER,
                                 "userName")) {
        return false;
    }
    enum store_now now = find_adoptable(planning, &account);
    if (now == STORE_ASK) {
        return planning_unavailable(planning);
    }
    if (now == STORE_ROW && !may_adopt(planning, &account, &may)) {
        return false;
    }
    return may ? adopt(planning, &account) : make(planning);
}

/* One that is there. */

static bool same_account(const struct account *a, const struct account *b)
{
    return a->state == b->state && span_equal(a->name, b->name) &&
           a->quota_bytes == b->quota_bytes && a->on_disable == b->on_disable &&
           span_equal(a->forward_to, b->forward_to) && a->keep_copy == b->keep_copy &&
           a->no_mailbox == b->no_mailbox && a->services == b->services &&
           a->retention_days == b->retention_days && span_equal(a->password, b->password) &&
           span_equal(a->provider, b->provider) && span_equal(a->subject, b->subject);
}

static bool move_addresses(struct planning *planning, const struct resource *resource,
                           const struct account *account, struct plan_addresses_result *result)
{
    const struct provision_user *user = planning->change->user;
    const struct provision_user *before = user->before;
    struct span had_login = before == NULL ? (struct span){0} : before->login_name;
    const struct plan_addresses move = {.id = span_of(account->id),
                                        .primary_now = &account->primary,
                                        .had = resource->addresses,
                                        .had_login = had_login,
                                        .wanted = user->addresses,
                                        .wanted_login = user->login_name};
    *result =
        (struct plan_addresses_result){.primary = account->primary, .given = resource->addresses};
    return !user->set_addresses || plan_addresses(planning, &move, result);
}

static bool rebind(struct planning *planning, const struct resource *resource,
                   struct account *after)
{
    bool same = span_equal(resource->external_id, planning->change->user->resource.external_id);
    return same || bind(planning, after, false);
}

static bool replace(struct planning *planning)
{
    const struct provision_user *user = planning->change->user;
    struct resource resource;
    struct account before;
    struct plan_addresses_result result;
    if (!plan_resource_need(planning, user->resource.id, RESOURCE_USER, user->resource.version_read,
                            &resource) ||
        !plan_resource_need_account(planning, user->resource.id, &before) ||
        !plan_resource_need_rename(planning, &user->resource, &resource, "userName")) {
        return false;
    }
    planning_set_subject(planning, &before.primary);
    struct account after = before;
    set_attributes(planning, user, &after);
    set_state(user, &after);
    after.password = user->set_password ? user->password_hash : after.password;
    if (!rebind(planning, &resource, &after) ||
        !move_addresses(planning, &resource, &before, &result) ||
        !set_senders(planning, span_of(before.id))) {
        return false;
    }
    after.primary = result.primary;
    bool same = same_account(&before, &after) && !result.changed &&
                plan_resource_same(&user->resource, &resource);
    planning->plan->account = before;
    planning->plan->resource_id = span_copy(planning->arena, user->resource.id);
    if (same) {
        return planning_answer(planning, CHANGE_SAME);
    }
    planning_write(planning, &after);
    plan_resource_update(planning, &user->resource, &resource, result.given);
    describe_before(planning, &before, &resource);
    describe(planning, &after, result.given);
    if (before.state != after.state) {
        planning->plan->action = after.state == ACCOUNT_ACTIVE ? "user_enable" : "user_disable";
    }
    planning->plan->groups = result.changed || before.state != after.state;
    return true;
}

bool plan_user_provision(struct planning *planning)
{
    const struct provision_user *user = planning->change->user;
    if (!need_attributes(planning, user)) {
        return false;
    }
    return span_empty(user->resource.id) ? create(planning) : replace(planning);
}

/* The end. The login ends at once whatever the brake says; only the purge waits. */

static bool brake(struct planning *planning)
{
    const struct client *client = planning->change->client;
    const struct change_settings *settings = planning->view->settings;
    int64_t living = 0, deleted = 0;
    if (client->frozen) {
        return true;
    }
    if (resource_count(planning->view->store, span_of(client->id), planning->view->now - HOUR,
                       &living, &deleted) == STORE_ASK) {
        return planning_unavailable(planning);
    }
    deleted++;
    if (deleted > settings->brake_deletes &&
        deleted * 100 > (living + deleted) * settings->brake_percent) {
        client_set_frozen(planning->plan->steps, span_of(client->id), true);
        planning->plan->braked = deleted;
    }
    return true;
}

bool plan_user_deprovision(struct planning *planning)
{
    const struct change *change = planning->change;
    struct resource resource;
    struct account account;
    if (!plan_resource_need(planning, change->account_id, RESOURCE_USER, change->version_read,
                            &resource) ||
        !plan_resource_need_account(planning, change->account_id, &account) || !brake(planning)) {
        return false;
    }
    planning_set_subject(planning, &account.primary);
    planning->plan->account = account;
    return planning_end_account(planning);
}
