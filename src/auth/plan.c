/* plan.c - a change becomes an answer, or steps with their audit row. */
#include "auth/plan.h"

#include "auth/plan_account.h"
#include "auth/plan_alias.h"
#include "auth/plan_client.h"
#include "auth/plan_domain.h"
#include "auth/plan_group.h"
#include "auth/plan_user.h"
#include "base/memory.h"
#include "base/text.h"
#include "wire/json.h"

#include <assert.h>

enum { DETAIL_MAX = 64 * 1024, ACTOR_MAX = 255 };

static void add_audit_row(struct planning *planning)
{
    CLEANUP(buffer_done) struct buffer detail = buffer_limited(DETAIL_MAX);
    CLEANUP(json_cleanup) struct json *object = json_new_object();
    if (planning->before != NULL) {
        json_put(object, "before", planning->before);
    }
    if (planning->after != NULL) {
        json_put(object, "after", planning->after);
    }
    json_write(object, &detail);
    assert(!buffer_full(&detail));
    const struct audit_entry entry = {
        .at = planning->view->now,
        .actor = planning->change->actor,
        .action = span_of(planning->plan->action),
        .subject = planning->plan->subject,
        .account_id = span_of(planning->plan->account.id),
        .detail = buffer_span(&detail),
    };
    audit_add(planning->plan->steps, &entry);
}

static const struct {
    const char *action;
    bool (*plan)(struct planning *planning);
} KINDS[] = {
    [CHANGE_DOMAIN_ADD] = {"domain_add", plan_domain_add},
    [CHANGE_DOMAIN_DELETE] = {"domain_delete", plan_domain_delete},
    [CHANGE_ACCOUNT_ADD] = {"account_add", plan_account_add},
    [CHANGE_ACCOUNT_SET] = {"account_set", plan_account_set},
    [CHANGE_ACCOUNT_DISABLE] = {"account_disable", plan_account_disable},
    [CHANGE_ACCOUNT_ENABLE] = {"account_enable", plan_account_enable},
    [CHANGE_ACCOUNT_RENAME] = {"account_rename", plan_account_rename},
    [CHANGE_ACCOUNT_DELETE] = {"account_delete", plan_account_delete},
    [CHANGE_ACCOUNT_BIND] = {"account_bind", plan_account_bind},
    [CHANGE_ACCOUNT_UNBIND] = {"account_unbind", plan_account_unbind},
    [CHANGE_ALIAS_ADD] = {"alias_add", plan_alias_add},
    [CHANGE_ALIAS_DELETE] = {"alias_delete", plan_alias_delete},
    [CHANGE_USER_PROVISION] = {"user_change", plan_user_provision},
    [CHANGE_USER_DEPROVISION] = {"user_delete", plan_user_deprovision},
    [CHANGE_GROUP_PROVISION] = {"group_change", plan_group_provision},
    [CHANGE_GROUP_DEPROVISION] = {"group_delete", plan_group_deprovision},
    [CHANGE_CLIENT_ADD] = {"scim_token_create", plan_client_add},
    [CHANGE_CLIENT_SET] = {"scim_token_set", plan_client_set},
    [CHANGE_CLIENT_ROTATE] = {"scim_token_rotate", plan_client_rotate},
    [CHANGE_CLIENT_RELEASE] = {"scim_token_release", plan_client_release},
    [CHANGE_CLIENT_DELETE] = {"scim_token_delete", plan_client_delete},
};

void plan_make(const struct plan_view *view, const struct change *change, struct arena *arena,
               struct plan *plan)
{
    assert(change->kind > CHANGE_NOTHING && change->kind <= CHANGE_CLIENT_DELETE);
    assert(!span_empty(change->actor) && change->actor.length <= ACTOR_MAX &&
           text_utf8(change->actor));
    struct planning planning = {.view = view, .change = change, .arena = arena, .plan = plan};
    *plan = (struct plan){.steps = store_change_new(), .action = KINDS[change->kind].action};
    if (KINDS[change->kind].plan(&planning)) {
        add_audit_row(&planning);
        plan->answer = CHANGE_DONE;
        return;
    }
    json_free(planning.before);
    json_free(planning.after);
    store_change_free(plan->steps);
    plan->steps = NULL;
}
