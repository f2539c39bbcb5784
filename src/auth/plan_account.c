/* plan_account.c - the rules of changes to one account. */
#include "auth/plan_account.h"

#include "account/password.h"
#include "base/text.h"

static bool need_attributes(struct planning *planning)
{
    const struct change *change = planning->change;
    if (change->set_name && !account_name_valid(change->name)) {
        return planning_refuse(planning, CHANGE_INVALID,
                               "name: must be UTF-8 without control characters, at most %d bytes",
                               ACCOUNT_NAME_MAX);
    }
    if (change->set_home && !span_empty(change->home) && !account_home_valid(change->home)) {
        return planning_refuse(
            planning, CHANGE_INVALID,
            "home: must be an absolute path without \"..\", \"%%\" or a \"/\" at its end");
    }
    if (change->set_quota &&
        (change->quota_bytes < -1 || change->quota_bytes > ACCOUNT_QUOTA_MAX)) {
        return planning_refuse(planning, CHANGE_INVALID, "quota: out of range");
    }
    if (change->set_password && !span_empty(change->password_hash) &&
        !password_hash_valid(change->password_hash, &planning->plan->problem)) {
        return planning_answer(planning, CHANGE_INVALID);
    }
    return true;
}

static void set_attributes(const struct change *change, struct account *account)
{
    account->name = change->set_name ? change->name : account->name;
    account->home = change->set_home ? change->home : account->home;
    account->quota_bytes = change->set_quota ? change->quota_bytes : account->quota_bytes;
    account->password = change->set_password ? change->password_hash : account->password;
}

bool plan_account_add(struct planning *planning)
{
    struct address address;
    if (!planning_need_address(planning, "address", planning->change->address, &address)) {
        return false;
    }
    planning_set_subject(planning, &address);
    if (!need_attributes(planning) || !planning_need_free(planning, &address) ||
        !planning_need_domain(planning, &address)) {
        return false;
    }
    struct account account = planning_new_account(planning, &address);
    set_attributes(planning->change, &account);
    account_rows_require_domain(planning->plan->steps, address_domain(&address));
    planning_add_account(planning, &account);
    planning->after = planning_describe(&account);
    planning->plan->account = account;
    return true;
}

bool plan_account_set(struct planning *planning)
{
    struct account_rows_found found;
    if (!need_attributes(planning) || !planning_need_own_account(planning, &found)) {
        return false;
    }
    struct account before = found.account, after = found.account;
    set_attributes(planning->change, &after);
    bool moved = !span_equal(before.home, after.home);
    if (!moved && span_equal(before.name, after.name) && before.quota_bytes == after.quota_bytes &&
        span_equal(before.password, after.password)) {
        return planning_answer(planning, CHANGE_SAME);
    }
    if (moved) {
        struct directory_mailbox from;
        directory_mailbox(planning->view->directory, &before, planning->arena, &from);
        planning->plan->note =
            span_of(arena_format(planning->arena, "no mail is moved: what there is stays in %.*s",
                                 (int)from.home.length, from.home.at));
    }
    return planning_update(planning, &after);
}

static bool plan_account_state(struct planning *planning, enum account_state state)
{
    struct account_rows_found found;
    if (!planning_need_own_account(planning, &found)) {
        return false;
    }
    struct account after = found.account;
    after.state = state;
    return found.account.state == state ? planning_answer(planning, CHANGE_SAME)
                                        : planning_update(planning, &after);
}

bool plan_account_disable(struct planning *planning)
{
    return plan_account_state(planning, ACCOUNT_DISABLED);
}

bool plan_account_enable(struct planning *planning)
{
    return plan_account_state(planning, ACCOUNT_ACTIVE);
}

/* A new name: the old one stays behind as ADDRESS_RENAMED, no mail moves. */
bool plan_account_rename(struct planning *planning)
{
    struct account_rows_found found, taken;
    struct address target;
    struct store_change *steps = planning->plan->steps;
    if (!planning_need_address(planning, "target", planning->change->target, &target) ||
        !planning_need_own_account(planning, &found)) {
        return false;
    }
    struct account after = found.account;
    if (address_equal(&target, &after.primary)) {
        return planning_answer(planning, CHANGE_SAME);
    }
    if (!planning_need_domain(planning, &target) || !planning_look_up(planning, &target, &taken)) {
        return false;
    }
    bool own =
        taken.kind != ADDRESS_HELD && span_equal(span_of(taken.account.id), span_of(after.id));
    if (!own && !planning_need_free(planning, &target)) {
        return false;
    }
    account_rows_require_domain(steps, address_domain(&target));
    account_rows_become_renamed(steps, address_span(&after.primary), span_of(after.id),
                                planning->view->now);
    if (own) {
        account_rows_set_address_kind(steps, address_span(&target), span_of(after.id), taken.kind,
                                      ADDRESS_PRIMARY);
    } else {
        planning_claim(planning, &target, span_of(after.id), ADDRESS_PRIMARY);
    }
    after.primary = target;
    return planning_update(planning, &after);
}

bool plan_account_delete(struct planning *planning)
{
    struct account_rows_found found;
    return planning_need_own_account(planning, &found) && planning_end_account(planning);
}

static bool identity_valid(struct span text, size_t max)
{
    return !span_empty(text) && text.length <= max && text_utf8(text);
}

static bool need_unbound(struct planning *planning, struct account *account)
{
    const struct change *change = planning->change;
    struct account other;
    if (!span_empty(account->subject)) {
        return planning_refuse(planning, CHANGE_REFUSED, "%s is bound to another identity",
                               account->primary.text);
    }
    switch (account_rows_by_subject(planning->view->store, change->provider, change->subject,
                                    planning->arena, &other)) {
    case STORE_ASK:
        return planning_unavailable(planning);
    case STORE_NONE:
        return true;
    case STORE_ROW:
        break;
    }
    return planning_refuse(planning, CHANGE_REFUSED,
                           "this identity is bound to another account, %s", other.primary.text);
}

bool plan_account_bind(struct planning *planning)
{
    const struct change *change = planning->change;
    struct account *account = &planning->plan->account;
    if (!identity_valid(change->provider, ACCOUNT_PROVIDER_MAX) ||
        !identity_valid(change->subject, ACCOUNT_SUBJECT_MAX)) {
        return planning_refuse(planning, CHANGE_INVALID, "subject: must be UTF-8 of 1 to %d bytes",
                               ACCOUNT_SUBJECT_MAX);
    }
    enum store_now now =
        account_rows_by_id(planning->view->store, change->account_id, planning->arena, account);
    if (now == STORE_ASK) {
        return planning_unavailable(planning);
    }
    if (now == STORE_NONE || account->state == ACCOUNT_GONE) {
        *account = (struct account){0};
        return planning_refuse(planning, CHANGE_NOT_FOUND, "there is no such account");
    }
    planning_set_subject(planning, &account->primary);
    if (span_equal(account->provider, change->provider) &&
        span_equal(account->subject, change->subject)) {
        return planning_answer(planning, CHANGE_SAME);
    }
    if (!need_unbound(planning, account)) {
        return false;
    }
    struct account after = *account;
    after.provider = change->provider;
    after.subject = change->subject;
    return planning_update(planning, &after);
}

bool plan_account_unbind(struct planning *planning)
{
    struct account_rows_found found;
    if (!planning_need_own_account(planning, &found)) {
        return false;
    }
    struct account after = found.account;
    if (span_empty(after.provider) && span_empty(after.subject)) {
        return planning_answer(planning, CHANGE_SAME);
    }
    after.provider = after.subject = (struct span){0};
    return planning_update(planning, &after);
}
