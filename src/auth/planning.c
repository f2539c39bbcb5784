/* planning.c - what all kinds of change share: answers, what they need, rows they write. */
#include "auth/planning.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>

/* Answers. */

bool planning_answer(struct planning *planning, enum change_answer answer)
{
    planning->plan->answer = answer;
    return false;
}

bool planning_refuse(struct planning *planning, enum change_answer answer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_set_all(&planning->plan->problem, format, arguments);
    va_end(arguments);
    return planning_answer(planning, answer);
}

bool planning_unavailable(struct planning *planning)
{
    return planning_refuse(planning, CHANGE_FAILED, "the database cannot be read: %s",
                           store_failure(planning->view->store));
}

/* What is asked for. */

bool planning_need_address(struct planning *planning, const char *name, struct span text,
                           struct address *address)
{
    struct error *problem = &planning->plan->problem;
    if (address_parse(text, address, problem)) {
        return true;
    }
    error_prefix(problem, "%s: ", name);
    return planning_answer(planning, CHANGE_INVALID);
}

bool planning_need_pattern(struct planning *planning, struct address *address)
{
    if (address_parse_pattern(planning->change->address, address, &planning->plan->problem)) {
        return true;
    }
    error_prefix(&planning->plan->problem, "address: ");
    return planning_answer(planning, CHANGE_INVALID);
}

bool planning_need_domain_name(struct planning *planning, char domain[ADDRESS_DOMAIN_MAX + 1])
{
    if (address_parse_domain(planning->change->domain, domain, &planning->plan->problem)) {
        planning->plan->subject = span_copy(planning->arena, span_of(domain));
        return true;
    }
    error_prefix(&planning->plan->problem, "domain: ");
    return planning_answer(planning, CHANGE_INVALID);
}

void planning_set_subject(struct planning *planning, const struct address *address)
{
    planning->plan->subject = span_copy(planning->arena, address_span(address));
}

/* What is. */

/* `found->kind` is ADDRESS_HELD and the id empty when there is no such address. */
bool planning_look_up(struct planning *planning, const struct address *address,
                      struct account_rows_found *found)
{
    const struct span candidates[ACCOUNT_ROWS_CANDIDATES] = {address_span(address)};
    *found = (struct account_rows_found){0};
    return account_rows_by_address(planning->view->store, candidates, planning->arena, found) !=
               STORE_ASK ||
           planning_unavailable(planning);
}

bool planning_need_account(struct planning *planning, const struct address *address,
                           struct account_rows_found *found)
{
    if (!planning_look_up(planning, address, found)) {
        return false;
    }
    if (found->kind == ADDRESS_HELD) {
        return planning_refuse(planning, CHANGE_NOT_FOUND, "there is no account %s", address->text);
    }
    planning->plan->account = found->account;
    return true;
}

/* Not in use by a living account; it may be on hold, which does not bind an admin. */
bool planning_need_free(struct planning *planning, const struct address *address)
{
    struct account_rows_found found;
    if (!planning_look_up(planning, address, &found)) {
        return false;
    }
    switch (found.kind) {
    case ADDRESS_HELD:
        return true;
    case ADDRESS_PRIMARY:
    case ADDRESS_ALIAS:
    case ADDRESS_PROVISIONED:
    case ADDRESS_LOGIN:
        return planning_refuse(planning, CHANGE_EXISTS, "the address %s is in use", address->text);
    case ADDRESS_RENAMED:
        return planning_refuse(
            planning, CHANGE_EXISTS,
            "the address %s is the former name of %s: free it with: postern alias delete %s",
            address->text, found.account.primary.text, address->text);
    }
    return false;
}

bool planning_need_domain(struct planning *planning, const struct address *address)
{
    switch (account_rows_domain(planning->view->store, address_domain(address))) {
    case STORE_ASK:
        return planning_unavailable(planning);
    case STORE_NONE:
        return planning_refuse(planning, CHANGE_REFUSED,
                               "add the domain first: postern domain add %s",
                               address->text + address->local_length + 1);
    case STORE_ROW:
        return true;
    }
    return false;
}

bool planning_need_own_account(struct planning *planning, struct account_rows_found *found)
{
    struct address address;
    if (!planning_need_address(planning, "address", planning->change->address, &address)) {
        return false;
    }
    planning_set_subject(planning, &address);
    return planning_need_account(planning, &address, found);
}

/* The audit row's detail: never a secret, only whether there is one. */

static void put_text(struct json *object, const char *name, struct span text)
{
    if (!span_empty(text)) {
        json_put_text(object, name, text);
    }
}

/* Where its mail goes on to, and what it may use: each only where it is not as usual. */
static void describe_mail(struct json *object, const struct account *account)
{
    CLEANUP(buffer_done) struct buffer services = buffer_limited(128);
    account_services_write(account->services, &services);
    put_text(object, "services", buffer_span(&services));
    put_text(object, "forward_to", account->forward_to);
    if (!span_empty(account->forward_to)) {
        json_put_boolean(object, "keep_copy", account->keep_copy);
    }
    if (account->on_disable != ACCOUNT_DELIVER) {
        json_put_text(object, "on_disable", span_of(account_on_disable_name(account->on_disable)));
    }
    if (account->no_mailbox && account->kind != ACCOUNT_GROUP) {
        json_put_boolean(object, "mailbox", false);
    }
    if (account->retention_days >= 0) {
        json_put_integer(object, "retention_days", account->retention_days);
    }
}

struct json *planning_describe(const struct account *account)
{
    struct json *object = json_new_object();
    put_text(object, "address", address_span(&account->primary));
    json_put_text(object, "state", span_of(account_state_name(account->state)));
    put_text(object, "name", account->name);
    put_text(object, "home", account->home);
    json_put_integer(object, "quota_bytes", account->quota_bytes);
    put_text(object, "password", span_of(span_empty(account->password) ? "" : "set"));
    put_text(object, "provider", account->provider);
    put_text(object, "subject", account->subject);
    describe_mail(object, account);
    return object;
}

struct json *planning_describe_address(const struct address *address, enum address_kind kind,
                                       const struct account *owner)
{
    struct json *object = json_new_object();
    json_put_text(object, "address", address_span(address));
    json_put_text(object, "kind", span_of(account_address_kind_name(kind)));
    json_put_text(object, "account", address_span(&owner->primary));
    return object;
}

struct json *planning_describe_domain(struct span domain, const struct account *owner)
{
    struct json *object = json_new_object();
    json_put_text(object, "domain", domain);
    put_text(object, "postmaster", address_span(&owner->primary));
    return object;
}

void planning_touched(struct planning *planning, struct span account_id, struct span address)
{
    struct plan *plan = planning->plan;
    if (plan->touched_count < PLAN_TOUCHED_MAX) {
        plan->touched[plan->touched_count++] = (struct plan_touched){
            span_copy(planning->arena, account_id), span_copy(planning->arena, address)};
    } else {
        plan->touched_more = true;
    }
}

/* Steps that several kinds share. */

void planning_claim(struct planning *planning, const struct address *address, struct span id,
                    enum address_kind kind)
{
    account_rows_release_held(planning->plan->steps, address_span(address));
    account_rows_add_address(planning->plan->steps, address_span(address), id, kind,
                             planning->view->now);
}

void planning_write(struct planning *planning, const struct account *after)
{
    struct account *account = &planning->plan->account;
    int64_t version_read = account->version;
    *account = *after;
    account->changed = planning->view->now;
    account_rows_update_account(planning->plan->steps, account, version_read);
}

/* `plan->account` becomes what `after` says. Whoever provisioned it sees that it is another one now. */
bool planning_update(struct planning *planning, const struct account *after)
{
    planning->before = planning_describe(&planning->plan->account);
    planning->after = planning_describe(after);
    planning_write(planning, after);
    resource_touch(planning->plan->steps, span_of(after->id), planning->view->now);
    planning->plan->groups = true;
    return true;
}

struct account planning_new_account(struct planning *planning, const struct address *primary)
{
    struct account account = {
        .state = ACCOUNT_ACTIVE,
        .primary = *primary,
        .quota_bytes = -1,
        .keep_copy = true,
        .retention_days = -1,
        .created = planning->view->now,
        .changed = planning->view->now,
        .version = 1,
    };
    uuid_new(account.id);
    return account;
}

void planning_add_account(struct planning *planning, const struct account *account)
{
    account_rows_add_account(planning->plan->steps, account);
    planning_claim(planning, &account->primary, span_of(account->id), ADDRESS_PRIMARY);
}

bool planning_end_account(struct planning *planning)
{
    struct account after = planning->plan->account;
    struct directory_mailbox mailbox;
    directory_mailbox(planning->view->directory, &after, planning->arena, &mailbox);
    if (!after.no_mailbox) {
        planning->plan->note = span_of(arena_format(planning->arena, "its mail stays in %.*s",
                                                    (int)mailbox.home.length, mailbox.home.at));
    }
    after.state = ACCOUNT_GONE;
    after.password = (struct span){0};
    /* Of a tombstone it says that its mail is purged: whoever had none lately may have had some before. */
    after.no_mailbox = after.kind == ACCOUNT_GROUP;
    planning_update(planning, &after);
    struct store_change *steps = planning->plan->steps;
    struct span id = span_copy(planning->arena, span_of(after.id));
    account_rows_hold_addresses(steps, id);
    account_rows_delete_senders(steps, id);
    resource_touch_groups_of(steps, id, planning->view->now);
    if (after.kind != ACCOUNT_PERSON) {
        resource_touch_members_of(steps, id, planning->view->now);
        group_rows_end(steps, id);
    }
    group_rows_leave_all(steps, id);
    resource_end(steps, id, planning->view->now);
    planning->plan->resource_id = id;
    return true;
}
