/* plan_group.h - what changes to groups may do, provisioned or by hand (without a client); see auth/plan.h. */
#ifndef AUTH_PLAN_GROUP_H
#define AUTH_PLAN_GROUP_H

#include "auth/planning.h"

/* Each returns true when the plan has its steps, false when it has its answer. */
bool plan_group_provision(struct planning *planning);
bool plan_group_deprovision(struct planning *planning);

#endif
