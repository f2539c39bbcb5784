/* plan_alias.c - the rules of further addresses. */
#include "auth/plan_alias.h"

bool plan_alias_add(struct planning *planning)
{
    struct account_rows_found found, owner;
    struct address address, target;
    if (!planning_need_pattern(planning, &address)) {
        return false;
    }
    planning_set_subject(planning, &address);
    if (!planning_need_address(planning, "target", planning->change->target, &target) ||
        !planning_need_domain(planning, &address) ||
        !planning_need_account(planning, &target, &owner) ||
        !planning_look_up(planning, &address, &found)) {
        return false;
    }
    struct span id = span_of(owner.account.id);
    struct store_change *steps = planning->plan->steps;
    bool own = found.kind != ADDRESS_HELD && span_equal(span_of(found.account.id), id);
    if (own && found.kind != ADDRESS_RENAMED) {
        return planning_answer(planning, CHANGE_SAME);
    }
    if (!own && !planning_need_free(planning, &address)) {
        return false;
    }
    account_rows_require_domain(steps, address_domain(&address));
    account_rows_touch_account(steps, id, planning->view->now);
    if (own) {
        account_rows_set_address_kind(steps, address_span(&address), id, ADDRESS_RENAMED,
                                      ADDRESS_ALIAS);
    } else {
        planning_claim(planning, &address, id, ADDRESS_ALIAS);
    }
    planning->after = planning_describe_address(&address, ADDRESS_ALIAS, &owner.account);
    return true;
}

bool plan_alias_delete(struct planning *planning)
{
    struct account_rows_found found;
    struct address address;
    if (!planning_need_pattern(planning, &address)) {
        return false;
    }
    planning_set_subject(planning, &address);
    if (!planning_look_up(planning, &address, &found)) {
        return false;
    }
    switch (found.kind) {
    case ADDRESS_HELD:
        return planning_refuse(planning, CHANGE_NOT_FOUND, "there is no alias %s", address.text);
    case ADDRESS_PRIMARY:
        return planning_refuse(planning, CHANGE_REFUSED,
                               "%s is an account's own address: rename or delete the account",
                               address.text);
    case ADDRESS_ALIAS:
    case ADDRESS_RENAMED:
    case ADDRESS_PROVISIONED:
    case ADDRESS_LOGIN:
        break;
    }
    planning->plan->account = found.account;
    account_rows_touch_account(planning->plan->steps, span_of(found.account.id),
                               planning->view->now);
    account_rows_delete_address(planning->plan->steps, address_span(&address),
                                span_of(found.account.id));
    planning->before = planning_describe_address(&address, found.kind, &found.account);
    return true;
}
