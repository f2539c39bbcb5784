/* plan_account.h - what changes to one account may do; see auth/plan.h. */
#ifndef AUTH_PLAN_ACCOUNT_H
#define AUTH_PLAN_ACCOUNT_H

#include "auth/planning.h"

/* Each returns true when the plan has its steps, false when it has its answer. */
bool plan_account_add(struct planning *planning);
bool plan_account_set(struct planning *planning);
bool plan_account_disable(struct planning *planning);
bool plan_account_enable(struct planning *planning);
bool plan_account_rename(struct planning *planning);
bool plan_account_delete(struct planning *planning);
bool plan_account_bind(struct planning *planning);
bool plan_account_unbind(struct planning *planning);

#endif
