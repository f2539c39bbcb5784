/* plan_domain.c - the rules of domains, and of the two addresses that each must have. */
#include "auth/plan_domain.h"

#include <assert.h>
#include <stdio.h>

/* RFC 5321, 4.5.1 and RFC 2142: every domain has these two. */
static const char *const DUTIES[] = {"postmaster", "abuse"};
enum { POSTMASTER, ABUSE, DUTIES_COUNT };

static void duty_address(int duty, const char *domain, struct address *address)
{
    char text[ADDRESS_MAX + 1];
    struct error error;
    snprintf(text, sizeof text, "%s@%s", DUTIES[duty], domain);
    bool valid = address_parse(span_of(text), address, &error);
    assert(valid);
}

/* Finds who gets the two addresses, or makes an account for them. */
static bool need_postmaster(struct planning *planning, const char *domain,
                            struct address duties[DUTIES_COUNT])
{
    struct account_rows_found found;
    struct address target;
    if (!span_empty(planning->change->target)) {
        return planning_need_address(planning, "target", planning->change->target, &target) &&
               planning_need_account(planning, &target, &found);
    }
    planning->plan->account = planning_new_account(planning, &duties[POSTMASTER]);
    planning->plan->account.name = SPAN_LITERAL("Postmaster");
    planning->plan->note = span_of(
        arena_format(planning->arena,
                     "mail for postmaster@%s and abuse@%s goes to the new account postmaster@%s",
                     domain, domain, domain));
    return true;
}

bool plan_domain_add(struct planning *planning)
{
    char domain[ADDRESS_DOMAIN_MAX + 1];
    struct address duties[DUTIES_COUNT];
    const struct account *account = &planning->plan->account;
    if (!planning_need_domain_name(planning, domain)) {
        return false;
    }
    enum store_now now = account_rows_domain(planning->view->store, span_of(domain));
    if (now != STORE_NONE) {
        return now == STORE_ASK ? planning_unavailable(planning)
                                : planning_refuse(planning, CHANGE_EXISTS,
                                                  "the domain %s is there already", domain);
    }
    duty_address(POSTMASTER, domain, &duties[POSTMASTER]);
    duty_address(ABUSE, domain, &duties[ABUSE]);
    if (!need_postmaster(planning, domain, duties)) {
        return false;
    }
    account_rows_add_domain(planning->plan->steps, span_of(domain), planning->view->now);
    if (span_empty(planning->change->target)) {
        planning_add_account(planning, account);
    } else {
        account_rows_touch_account(planning->plan->steps, span_of(account->id),
                                   planning->view->now);
        planning_claim(planning, &duties[POSTMASTER], span_of(account->id), ADDRESS_ALIAS);
    }
    planning_claim(planning, &duties[ABUSE], span_of(account->id), ADDRESS_ALIAS);
    planning->after = planning_describe_domain(span_of(domain), account);
    return true;
}

static void add_rule(struct planning *planning, const char *problem)
{
    struct plan *plan = planning->plan;
    assert(plan->rules_count < sizeof plan->rules / sizeof plan->rules[0]);
    plan->rules[plan->rules_count++] = (struct plan_rule){store_change_steps(plan->steps), problem};
}

/* An account that only answers for the domain: nobody ever used it. */
static bool end_postmaster(struct planning *planning, const struct account *account,
                           const char *domain)
{
    if (account->last_login != 0 || !span_empty(account->password) ||
        !span_empty(account->subject)) {
        return planning_refuse(planning, CHANGE_REFUSED, "%s is an account in use: delete it first",
                               account->primary.text);
    }
    planning->plan->account = *account;
    add_rule(planning, arena_format(planning->arena,
                                    "%s has addresses in other domains: delete or rename it first",
                                    account->primary.text));
    account_rows_require_only_in_domain(planning->plan->steps, span_of(account->id),
                                        span_of(domain));
    return planning_end_account(planning);
}

/* One of the two addresses of a domain that goes. */
static bool end_duty(struct planning *planning, int duty, const char *domain)
{
    struct account_rows_found found;
    struct address address;
    duty_address(duty, domain, &address);
    if (!planning_look_up(planning, &address, &found)) {
        return false;
    }
    switch (found.kind) {
    case ADDRESS_HELD:
        return true;
    case ADDRESS_PRIMARY:
        return duty != POSTMASTER || end_postmaster(planning, &found.account, domain);
    case ADDRESS_ALIAS:
    case ADDRESS_RENAMED:
    case ADDRESS_PROVISIONED:
    case ADDRESS_LOGIN:
        break;
    }
    if (!span_equal(span_of(found.account.id), span_of(planning->plan->account.id))) {
        account_rows_touch_account(planning->plan->steps, span_of(found.account.id),
                                   planning->view->now);
        account_rows_delete_address(planning->plan->steps, address_span(&address),
                                    span_of(found.account.id));
    }
    return true;
}

bool plan_domain_delete(struct planning *planning)
{
    char domain[ADDRESS_DOMAIN_MAX + 1];
    if (!planning_need_domain_name(planning, domain)) {
        return false;
    }
    enum store_now now = account_rows_domain(planning->view->store, span_of(domain));
    if (now != STORE_ROW) {
        return now == STORE_ASK
                   ? planning_unavailable(planning)
                   : planning_refuse(planning, CHANGE_NOT_FOUND, "there is no domain %s", domain);
    }
    if (!end_duty(planning, POSTMASTER, domain) || !end_duty(planning, ABUSE, domain)) {
        return false;
    }
    add_rule(
        planning,
        arena_format(
            planning->arena,
            "%s still has addresses (postern account list, postern alias list): delete them first",
            domain));
    account_rows_delete_domain(planning->plan->steps, span_of(domain));
    json_free(planning->after);
    planning->after = NULL;
    if (planning->before == NULL) {
        planning->before = planning_describe_domain(span_of(domain), &planning->plan->account);
    }
    return true;
}
