/* plan_user.h - what provisioning of users may do; see auth/plan.h. */
#ifndef AUTH_PLAN_USER_H
#define AUTH_PLAN_USER_H

#include "auth/planning.h"

/* Each returns true when the plan has its steps, false when it has its answer. */
bool plan_user_provision(struct planning *planning);
bool plan_user_deprovision(struct planning *planning);

#endif
