/* plan_alias.h - what changes to further addresses may do; see auth/plan.h. */
#ifndef AUTH_PLAN_ALIAS_H
#define AUTH_PLAN_ALIAS_H

#include "auth/planning.h"

/* Each returns true when the plan has its steps, false when it has its answer. */
bool plan_alias_add(struct planning *planning);
bool plan_alias_delete(struct planning *planning);

#endif
